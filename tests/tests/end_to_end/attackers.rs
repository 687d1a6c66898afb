//! Attackers: hostile requests, drawn and sent byte by byte, and what came of those that once were answered.
//!
//! Each run draws others. `CAUSEWAY_ATTACK_SEED` has a run play those of an earlier one again.

mod callers;
mod links;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use causeway_attackers::{Attacks, Hostile, Kind, Named};
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::raw_http::RawApi;
use causeway_local_cloud::signed_http::Answer;
use futures::{StreamExt, TryStreamExt, stream};
use regex::Regex;

use crate::pool::Pool;
use crate::tenancy::{Tenancy, unique};

/// Has a run draw what an earlier one drew.
const SEED_VARIABLE: &str = "CAUSEWAY_ATTACK_SEED";
/// How many requests a run sends of each group.
const DRAWN: usize = 500;
/// How many are under way at a time.
const AT_ONCE: usize = 8;

/// What the attacks of this run are drawn from.
fn seed() -> Result<u64> {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().context("the seed is no number")?,
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    eprintln!("{SEED_VARIABLE}={seed}");
    Ok(seed)
}

/// What an attack was answered; None where the connection was closed.
type Answered = (Hostile, Option<Answer>);

/// Draws so many attacks, some of each kind, and sends them.
async fn attack(api: &RawApi, attacks: &Attacks, seed: u64, number: usize) -> Result<Vec<Answered>> {
    let drawn = attacks.sample(seed, number);
    for kind in Kind::ALL.iter().filter(|kind| kind.is_of_path()) {
        ensure!(drawn.iter().any(|hostile| hostile.kinds.contains(kind)), "no attack of the kind {kind:?}");
    }
    let sent = stream::iter(drawn).map(async |hostile| {
        let answer = api.send(&hostile.method, &hostile.target, &hostile.headers, &hostile.body).await?;
        anyhow::Ok((hostile, answer))
    });
    sent.buffer_unordered(AT_ONCE).try_collect().await
}

/// The IDs of a pool and its tenant, and of a link of its, to aim at.
fn named(pool: &Pool, link: &str) -> Named {
    Named {
        tenant: pool.tenancy.id.clone(),
        user_pool: pool.id.clone(),
        link: link.to_owned(),
        mark: unique("attacker"),
        ..Named::made_up()
    }
}

/// Whether something was done, or shown, or the browser sent on.
fn is_let_through(answer: &Answer) -> bool {
    (200..400).contains(&answer.status)
}

/// What an answer tells of tenants that whoever asked has not said first.
fn leaks(hostile: &Hostile, answer: &Answer) -> Result<BTreeSet<String>> {
    let said = format!("{}{}", String::from_utf8_lossy(&hostile.target), hostile.aim);
    let told = format!("{:?}{}", answer.headers, answer.text());
    let secrets = Regex::new("tnt_[0-9A-Z]{26}|causeway-[0-9a-f]{32}|external_id")?;
    let found = secrets.find_iter(&told).map(|found| found.as_str().to_owned());
    Ok(found.filter(|found| !said.contains(found.as_str())).collect())
}

/// Every item of the table that names one of these, in one form.
async fn items_naming(cloud: &Cloud, names: &[&str]) -> Result<BTreeSet<String>> {
    let client = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let pages = client.scan().table_name(&cloud.table_name).into_paginator().items().send();
    let items: Vec<_> = pages.try_collect().await?;
    let shown = items.into_iter().map(|item| in_order(&AttributeValue::M(item)));
    Ok(shown.filter(|item| names.iter().any(|name| item.contains(name))).collect())
}

/// A value with its members in order, so that the same is shown alike.
fn in_order(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(members) => {
            let sorted: BTreeMap<_, _> = members.iter().map(|(name, value)| (name, in_order(value))).collect();
            format!("{sorted:?}")
        }
        AttributeValue::L(items) => format!("{:?}", items.iter().map(in_order).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

/// Fails with what went wrong, the first few of it.
fn nothing_of(what: &str, seed: u64, found: &[String]) -> Result<()> {
    let first = found.iter().take(12).cloned().collect::<Vec<_>>().join("\n  ");
    ensure!(found.is_empty(), "{SEED_VARIABLE}={seed}: {} times: {what}\n  {first}", found.len());
    Ok(())
}

/// Two tenants, each with a pool that nothing runs for.
async fn two_tenants(name: &str) -> Result<(Pool, Pool)> {
    let own = Tenancy::new(name).await?.registered_pool(&["org_01NONE"]).await?;
    let other = Tenancy::new(name).await?.registered_pool(&["org_01NONE"]).await?;
    Ok((own, other))
}
