//! User pools.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

/// A user pool.
#[derive(Deserialize)]
pub(crate) struct Pool {
    tenant_id: String,
    pub(crate) user_pool_id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    account_id: String,
    role_arn: String,
    status: String,
    #[serde(default)]
    awaits_admission: bool,
    pub(crate) mode: String,
    #[serde(default)]
    sign_in: String,
    #[serde(default)]
    app_clients: Chosen,
    organizations: Option<Vec<String>>,
    #[serde(default)]
    domain_identifiers: bool,
    #[serde(default)]
    clear_missing_attributes: bool,
    #[serde(default)]
    start: Option<Start>,
    #[serde(default)]
    domain_lookup: Option<DomainLookup>,
    #[serde(default)]
    attribute_mapping: BTreeMap<String, String>,
    pub(crate) health: Health,
    pub(crate) counts: Counts,
    last_run: Option<LastRun>,
    next_due_at: Option<String>,
}

impl Pool {
    /// Where it is in its life.
    pub(crate) fn status(&self) -> String {
        if self.awaits_admission { format!("{}, to be admitted", self.status) } else { self.status.clone() }
    }
}

/// A list, or the word for all there are.
#[derive(Deserialize)]
#[serde(untagged)]
enum Chosen {
    Each(Vec<String>),
    Word(String),
}

impl Default for Chosen {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Chosen {
    fn text(&self) -> String {
        match self {
            Self::Each(each) if each.is_empty() => "none".to_owned(),
            Self::Each(each) => each.join(", "),
            Self::Word(word) => word.clone(),
        }
    }
}

/// Where sign-ins lead that begin at the customer's identity provider.
#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    login_url: Option<String>,
    #[serde(default)]
    app_client: Option<String>,
    #[serde(default)]
    redirect_uri: Option<String>,
}

impl Start {
    fn text(&self) -> String {
        match (&self.login_url, &self.app_client, &self.redirect_uri) {
            (Some(url), ..) => url.clone(),
            (None, Some(client), Some(callback)) => format!("{client}, {callback}"),
            _ => "?".to_owned(),
        }
    }
}

/// To which pages the lookup by domain is answered.
#[derive(Deserialize)]
struct DomainLookup {
    #[serde(default)]
    origins: Vec<String>,
}

impl DomainLookup {
    fn text(&self) -> String {
        if self.origins.is_empty() { "offered".to_owned() } else { format!("offered, {}", self.origins.join(", ")) }
    }
}

/// How a user pool is.
#[derive(Debug, Deserialize)]
pub(crate) struct Health {
    pub(crate) state: String,
    pub(crate) message: String,
    pub(crate) remedy: String,
    pub(crate) since: String,
}

/// What the last complete look counted.
#[derive(Deserialize)]
pub(crate) struct Counts {
    pub(crate) connections: u32,
    pub(crate) providers: u32,
}

/// The last run in short.
#[derive(Debug, Clone, Deserialize)]
pub struct LastRun {
    /// Its ID.
    pub id: String,
    finished_at: String,
    /// How it ended.
    pub outcome: String,
}

impl LastRun {
    fn text(&self) -> String {
        format!("{} {} ({})", shown::time(&self.finished_at), self.outcome, self.id)
    }
}

/// The last run of a user pool, if there was one.
pub fn last_run(answer: &Value) -> Result<Option<LastRun>, Failure> {
    shown::read(&answer["last_run"], "the last run")
}

/// How a user pool stands, for who waits for it.
#[derive(Debug, Deserialize)]
pub struct Standing {
    /// Its last run, if there was one.
    pub last_run: Option<LastRun>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    pub(crate) health: Option<Health>,
}

impl Standing {
    /// That of a pool as the API answers it.
    pub fn of(answer: &Value) -> Result<Self, Failure> {
        shown::read(answer, "a user pool")
    }

    /// What is wrong and what to do, where time alone changes nothing. A state that this version does not know is none
    /// of those.
    pub fn needs_somebody(&self) -> Option<String> {
        let health = self.health.as_ref()?;
        let is_somebodys = ["denied", "quota", "rejected", "held"].contains(&health.state.as_str());
        is_somebodys.then(|| format!("{}: {}\n  {}", health.state, health.message, shown::in_commands(&health.remedy)))
    }

    /// What to do about its health, for people; nothing where nothing is to be done.
    pub fn to_do(&self) -> String {
        let remedy = self.health.as_ref().map(|health| health.remedy.as_str()).unwrap_or_default();
        if remedy.is_empty() { String::new() } else { format!("To do: {}\n", shown::in_commands(remedy)) }
    }

    /// In short.
    pub fn text(&self) -> String {
        let health = self.health.as_ref().map_or("", |health| health.state.as_str());
        format!("{}, health {health}", self.status)
    }
}

/// What is known of a user pool but how it is, each under what it is.
pub fn facts(answer: &Value) -> Result<Vec<(&'static str, String)>, Failure> {
    Ok(facts_of(shown::read(answer, "a user pool")?).0)
}

fn facts_of(pool: Pool) -> (Vec<(&'static str, String)>, Health) {
    let status = pool.status();
    let mapping: Vec<String> =
        pool.attribute_mapping.iter().map(|(attribute, claim)| format!("{attribute}={claim}")).collect();
    let organizations = pool.organizations.map_or_else(|| "all".to_owned(), |ids| Chosen::Each(ids).text());
    let rows = vec![
        ("user pool", pool.user_pool_id),
        ("name", pool.name.unwrap_or_else(|| "-".to_owned())),
        ("tenant", pool.tenant_id),
        ("account", pool.account_id),
        ("role", pool.role_arn),
        ("status", status),
        ("mode", pool.mode),
        ("sign-ins", pool.sign_in),
        ("app clients", pool.app_clients.text()),
        ("organizations", organizations),
        ("domains as identifiers", if pool.domain_identifiers { "yes" } else { "no" }.to_owned()),
        ("missing attributes", if pool.clear_missing_attributes { "emptied" } else { "kept" }.to_owned()),
        ("sign-ins from a tile", pool.start.as_ref().map_or_else(|| "refused".to_owned(), Start::text)),
        ("lookup by domain", pool.domain_lookup.as_ref().map_or_else(|| "off".to_owned(), DomainLookup::text)),
        ("attributes", mapping.join(", ")),
        ("connections", pool.counts.connections.to_string()),
        ("providers", pool.counts.providers.to_string()),
        ("last run", pool.last_run.as_ref().map_or_else(|| "none".to_owned(), LastRun::text)),
        ("next run", shown::optional_time(pool.next_due_at.as_deref())),
    ];
    (rows, pool.health)
}

/// One user pool.
pub fn details(answer: &Value) -> Result<String, Failure> {
    let (mut rows, health) = facts_of(shown::read(answer, "a user pool")?);
    rows.push(("health", format!("{}, since {}", health.state, shown::time(&health.since))));
    for (name, text) in [("", health.message), ("to do", shown::in_commands(&health.remedy))] {
        if !text.is_empty() {
            rows.push((name, text));
        }
    }
    Ok(table::details(&rows))
}

/// A list of user pools.
pub fn list(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let pool: Pool = shown::read(item, "a user pool")?;
        let status = pool.status();
        let providers = format!("{} of {}", pool.counts.providers, pool.counts.connections);
        let name = pool.name.unwrap_or_else(|| "-".to_owned());
        rows.push(vec![name, pool.health.state, status, pool.mode, providers, pool.user_pool_id]);
    }
    Ok(table::fitting(&["NAME", "HEALTH", "STATUS", "MODE", "PROVIDERS", "USER POOL"], rows, &["USER POOL"]))
}
