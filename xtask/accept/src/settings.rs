//! What a run is given: whose accounts, which environment of WorkOS, how long.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::workos::WorkOs;
use causeway_local_cloud::workspace;
use causeway_machine::options::{Accept, WORKOS_KEY_VARIABLE};

use crate::aws::{Aws, Place};
use crate::ledger::Ledger;
use crate::redaction::Redaction;
use crate::world::{Profiles, World, hide_credentials};

/// Where WorkOS is.
const WORKOS: &str = "https://api.workos.com";
/// The accounts and Regions of the local cloud's tenants.
const LOCAL_TENANT: (&str, &str) = ("222222222222", "eu-central-1");

/// What a run is given.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) profiles: Option<Profiles>,
    pub(crate) local: Option<Cloud>,
    pub(crate) region: String,
    pub(crate) tenant_region: String,
    pub(crate) workos_key: String,
    pub(crate) workos_client_id: String,
    pub(crate) domain: Option<String>,
    pub(crate) build: PathBuf,
    /// Where the lists of runs are.
    pub(crate) folder: PathBuf,
    pub(crate) minutes: u64,
    pub(crate) cold: bool,
}

impl Settings {
    /// Of a local cloud that runs.
    fn of_local_cloud(cloud: Cloud) -> Result<Self> {
        // The last key, which no test takes: each has a rate of its own.
        let workos_key = cloud.workos_api_keys.last().context("no key of the emulator")?.clone();
        let home = cloud.log_dir.parent().map_or_else(workspace::local, PathBuf::from);
        Ok(Self {
            profiles: None,
            region: cloud.region.clone(),
            tenant_region: LOCAL_TENANT.1.to_owned(),
            workos_key,
            workos_client_id: cloud.workos_client_id.clone(),
            domain: None,
            build: causeway_local_cloud::deployment::Build::Quick.folder(),
            folder: home.join("accept"),
            minutes: 0,
            cold: false,
            local: Some(cloud),
        })
    }

    /// The world of a run.
    pub(crate) async fn world(&self, run: &str) -> Result<World> {
        let [mut integration, mut tenant] = self.accounts().await?;
        if self.local.is_none() {
            integration.account = integration.identity().await?.0;
            tenant.account = tenant.identity().await?.0;
            ensure!(integration.account != tenant.account, "the two profiles lead to the same account");
        }
        let mut redaction = Redaction::default();
        redaction.hides(&integration.account, "(integration account)");
        redaction.hides(&tenant.account, "(tenant's account)");
        redaction.hides(&self.workos_key, "(WorkOS key)");
        // In the messages of programs that name their logs.
        redaction.hides(&workspace::root().display().to_string(), "(working copy)");
        for aws in [&integration, &tenant] {
            // The local cloud's root of an account has its number for a name.
            if self.local.is_none() {
                hide_credentials(&mut redaction, aws);
            }
        }
        let workos_url = self.local.as_ref().map_or(WORKOS, |cloud| &cloud.workos_url);
        let logs = self.folder.join(format!("{run}-logs"));
        std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        Ok(World {
            integration,
            tenant,
            profiles: self.profiles.clone(),
            workos: WorkOs::new(workos_url, &self.workos_key)?,
            workos_client_id: self.workos_client_id.clone(),
            domain: self.domain.clone(),
            local: self.local.clone(),
            build: self.build.clone(),
            logs,
            ledger: Ledger::open(&self.folder, run)?,
            redaction,
            deployment: None,
            scene: None,
            probed_pool: None,
            deadline: Instant::now() + Duration::from_mins(self.minutes),
        })
    }

    async fn accounts(&self) -> Result<[Aws; 2]> {
        if let Some(cloud) = &self.local {
            let root = |id: &str| Credentials::new(id, "any", None, None, "accept");
            let aws = |url: &str, region: &str, id: &str| Aws {
                place: Place::At(url.to_owned()),
                region: region.to_owned(),
                account: id.to_owned(),
                credentials: root(id),
            };
            let tenant = aws(&cloud.strict_endpoint, LOCAL_TENANT.1, LOCAL_TENANT.0);
            return Ok([aws(&cloud.aws_endpoint, &cloud.region, &cloud.integration_account), tenant]);
        }
        let profiles = self.profiles.as_ref().context("no profiles")?;
        let of = async |provider: &SharedCredentialsProvider, region: &str| -> Result<Aws> {
            let credentials = provider.provide_credentials().await.context("the profile gives no credentials")?;
            Ok(Aws { place: Place::Aws, region: region.to_owned(), account: String::new(), credentials })
        };
        Ok([of(&profiles.integration, &self.region).await?, of(&profiles.tenant, &self.tenant_region).await?])
    }
}

/// What the options say, and what is asked for where they don't.
pub(crate) async fn of(options: &Accept, local: Option<Cloud>) -> Result<Settings> {
    let Some(cloud) = local else { return ask(options).await };
    Ok(Settings { minutes: options.minutes, cold: options.cold, ..Settings::of_local_cloud(cloud)? })
}

async fn ask(options: &Accept) -> Result<Settings> {
    let integration = given(options.integration_profile.as_deref(), "Profile of the integration account")?;
    let tenant = given(options.tenant_profile.as_deref(), "Profile of the tenant's account")?;
    let (integration, region) = profile(&integration, options.region.as_deref()).await?;
    let (tenant, tenant_region) = profile(&tenant, options.tenant_region.as_deref()).await?;
    let workos_client_id = given(options.workos_client_id.as_deref(), "Client ID of a WorkOS staging environment")?;
    let workos_key = workos_key(options)?;
    is_of_staging(&workos_key)?;
    let build = options.build.clone().unwrap_or(".aws-sam/build".to_owned());
    Ok(Settings {
        profiles: Some(Profiles { integration, tenant }),
        local: None,
        region,
        tenant_region,
        workos_key,
        workos_client_id,
        domain: options.domain.clone(),
        build: workspace::root().join(build),
        folder: workspace::local().join("accept"),
        minutes: options.minutes,
        cold: options.cold,
    })
}

async fn profile(name: &str, region: Option<&str>) -> Result<(SharedCredentialsProvider, String)> {
    let loaded = aws_config::defaults(BehaviorVersion::latest()).profile_name(name).load().await;
    let credentials =
        loaded.credentials_provider().with_context(|| format!("the profile {name} gives no credentials"))?;
    let region = region.map(str::to_owned).or_else(|| loaded.region().map(ToString::to_string));
    Ok((credentials, region.with_context(|| format!("the profile {name} names no Region: give one"))?))
}

fn given(option: Option<&str>, what: &str) -> Result<String> {
    if let Some(value) = option {
        return Ok(value.to_owned());
    }
    let mut out = std::io::stdout();
    write!(out, "{what}: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let answer = answer.trim();
    ensure!(!answer.is_empty(), "{what} is missing");
    Ok(answer.to_owned())
}

/// The key of a file, of the environment, or of whoever is asked, who does not see it.
fn workos_key(options: &Accept) -> Result<String> {
    if let Some(file) = &options.workos_key_from {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        return Ok(text.trim().to_owned());
    }
    if let Ok(key) = std::env::var(WORKOS_KEY_VARIABLE) {
        return Ok(key.trim().to_owned());
    }
    ensure!(std::io::stdin().is_terminal(), "no WorkOS key: --workos-key-from, or {WORKOS_KEY_VARIABLE}");
    Ok(rpassword::prompt_password("API key of that WorkOS environment: ")?.trim().to_owned())
}

/// Refuses what may be the key of a production environment. It is not shown.
fn is_of_staging(key: &str) -> Result<()> {
    if key.starts_with("sk_test_") {
        return Ok(());
    }
    if key.starts_with("sk_live_") {
        bail!("this is the API key of a production environment: use one of a staging environment");
    }
    bail!("this is no API key of a staging environment: those begin with sk_test_")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_of_production_is_refused_and_no_refusal_shows_a_key(rest in "[A-Za-z0-9]{20,40}") {
            for key in [format!("sk_live_{rest}"), rest.clone(), format!(" sk_test_{rest}")] {
                let refused = is_of_staging(&key).unwrap_err();
                let shown = format!("{refused:?}");
                prop_assert!(!shown.contains(&rest), "{}", shown);
            }
            let key = format!("sk_test_{rest}");
            prop_assert!(is_of_staging(&key).is_ok());
        }
    }
}
