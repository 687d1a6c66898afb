//! One runbook of the page, with an operator who follows it.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::deployment::STACK;
use causeway_local_cloud::page::{Block, blocks, missing};
use causeway_local_cloud::workspace;

use crate::pool::{Pool, provider_name};
use crate::shell::{Shell, SignsInBy};
use crate::tenancy::unique;

/// The section that every runbook rests on.
pub const BEFORE_YOU_BEGIN: &str = "Before you begin";

/// The names of the page, in the place of which an operator puts their own.
const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
const USER_POOL: &str = "eu-west-1_AbCdEf123";
const CONNECTION: &str = "conn_01E4ZCR3C56J083X43JQXF3JK5";
const ORGANIZATION: &str = "org_01EHWNCE74X7JSDV0X3SZ3KJNY";
const APP_CLIENT: &str = "1example23456789";
const TIME: &str = "2026-11-26T10:15:00Z";
/// The hash of the plan that was shown last.
const HASH: &str = "4f53cda18c2baa0c";

/// The operators' page.
pub fn page() -> Result<String> {
    std::fs::read_to_string(workspace::root().join("docs/operations.md")).context("no page for operators")
}

/// The hash that a plan shows the command with by which it is approved.
fn shown_hash(said: &str) -> Option<String> {
    said.split_once("causeway approve ")?.1.split_once("--hash ")?.1.split_whitespace().next().map(str::to_owned)
}

/// A time that no other runbook restores to.
fn now_to_the_second() -> String {
    let now = causeway_aws::clock::now().to_string();
    format!("{}Z", now.split('.').next().unwrap_or_default())
}

/// A runbook that nobody follows yet.
pub struct Book {
    title: &'static str,
    page: String,
}

/// Somebody who follows a runbook, from its first commands to its last.
pub struct Follower {
    title: &'static str,
    left: VecDeque<Block>,
    /// Where the operator types.
    pub shell: Shell,
    own: Vec<(&'static str, String)>,
}

impl Book {
    /// The runbook of that title.
    pub fn open(title: &'static str) -> Result<Self> {
        Ok(Self { title, page: page()? })
    }

    /// An operator who follows it for a pool and one of its connections. Every second one has a profile, the others keys.
    pub async fn followed_for(self, pool: &Pool, connection: &str, organization: &str) -> Result<Follower> {
        let cloud = &pool.tenancy.cloud;
        let own = vec![
            (TENANT, pool.tenancy.id.clone()),
            (USER_POOL, pool.id.clone()),
            (CONNECTION, connection.to_owned()),
            ("conn-01E4ZCR3C56J083X43JQXF3JK5", provider_name(connection)),
            (ORGANIZATION, organization.to_owned()),
            (APP_CLIENT, pool.app_client.clone()),
            ("CausewayLogin", pool.role_name.clone()),
            (TIME, now_to_the_second()),
        ];
        self.followed(cloud, own).await
    }

    async fn followed(self, cloud: &Cloud, own: Vec<(&'static str, String)>) -> Result<Follower> {
        let all = blocks(&self.page);
        let of = |title: &str| all.iter().filter(|block| block.section == title).cloned().collect::<VecDeque<_>>();
        let shell = Shell::new(cloud, &unique("runbook-"), &cloud.region, STACK)?;
        let has_profile = self.title.len().is_multiple_of(2);
        let shell = shell.signing_in_by(if has_profile { SignsInBy::Profile } else { SignsInBy::Keys })?;
        shell.has_program().await?;
        let (title, left) = (self.title, of(BEFORE_YOU_BEGIN));
        let mut follower = Follower { title, left, shell, own };
        follower.rest().await.context(BEFORE_YOU_BEGIN)?;
        follower.left = of(title);
        ensure!(!follower.left.is_empty(), "{title} has no commands");
        Ok(follower)
    }
}

impl Follower {
    /// Runs the next commands, and looks whether they print what the page says. Gives what they print.
    pub async fn next(&mut self) -> Result<String> {
        self.next_typing("").await
    }

    /// The same, where somebody is asked.
    pub async fn next_typing(&mut self, input: &str) -> Result<String> {
        let block = self.take()?;
        let said = self.run(&block, input).await?;
        if let Some(hash) = shown_hash(&said) {
            self.own.retain(|(name, _)| *name != HASH);
            self.own.push((HASH, hash));
        }
        Ok(said)
    }

    /// Runs the next commands in the tenant's account, as its engineer does.
    pub async fn next_by_tenant(&mut self, account: &str, region: &str) -> Result<String> {
        let block = self.take()?;
        self.run_in(&self.shell.of_tenant(account, region), &block, "").await
    }

    /// Makes the restored table of this runbook now, which the runbook finds there: the emulator restores what is there
    /// now, whatever time is asked for.
    pub async fn restores_now(&self) -> Result<()> {
        let commands = self.named(&format!("operate/restore {TIME}"));
        self.shell.run(&commands, "").await.map(drop)
    }

    /// Runs all commands that are left.
    pub async fn rest(&mut self) -> Result<()> {
        while self.left.iter().any(|block| block.left_out.is_none()) {
            self.next().await?;
        }
        Ok(())
    }

    /// Nothing of the runbook is left.
    pub fn is_done(&self) -> Result<()> {
        let left: Vec<&Block> = self.left.iter().filter(|block| block.left_out.is_none()).collect();
        ensure!(left.is_empty(), "{} goes on: {left:?}", self.title);
        Ok(())
    }

    fn take(&mut self) -> Result<Block> {
        loop {
            let block = self.left.pop_front().with_context(|| format!("{} has no further commands", self.title))?;
            if block.left_out.is_none() {
                return Ok(block);
            }
        }
    }

    async fn run(&self, block: &Block, input: &str) -> Result<String> {
        self.run_in(&self.shell, block, input).await
    }

    async fn run_in(&self, shell: &Shell, block: &Block, input: &str) -> Result<String> {
        let ended = shell.end_of(&self.named(&block.commands), input).await?;
        let commands = &block.commands;
        ensure!(
            ended.code == block.exit_code,
            "{commands}\nends with {}, and not {}: {}",
            ended.code,
            block.exit_code,
            ended.said
        );
        // What is shown has a hash that nobody knew before.
        let shown = shown_hash(&ended.said).unwrap_or_else(|| HASH.to_owned());
        let prints: Vec<String> = block.prints.iter().map(|line| self.named(&line.replace(HASH, &shown))).collect();
        if let Some(line) = missing(&prints, &ended.said) {
            anyhow::bail!("{commands}\ndoes not print {line:?}, where the page has it:\n{}", ended.said);
        }
        Ok(ended.said)
    }

    /// A text of the page with the operator's own names.
    fn named(&self, text: &str) -> String {
        self.own.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}
