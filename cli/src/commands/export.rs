//! `causeway export`.

use causeway_core::export::{ExportedProvider, FORMAT_VERSION, PoolExport};
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    api,
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    output, shown,
};

/// What an export has of a user pool, as the API calls it.
const OF_POOL: [&str; 7] = [
    "tenant_id",
    "user_pool_id",
    "mode",
    "app_clients",
    "domain_identifiers",
    "attribute_mapping",
    "clear_missing_attributes",
];
/// What it has of each provider.
const OF_PROVIDER: [&str; 5] = ["connection_id", "organization_id", "provider_name", "issuer", "subject"];

/// `causeway export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub pool: PoolArguments,
}

impl Export {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let list = session.api.list(&format!("{}/providers", self.pool.path()), None).await?;
        // Last: what it says of the mode is to hold for all that was read.
        let pool = session.api.get(&self.pool.path()).await?.body;
        let unreadable = shown::unreadable(&list);
        if !unreadable.is_empty() {
            let why = "not exported, since a part of it can't be read, and would stay behind";
            return Err(Failure::NeedsSomebody(format!("{why}:\n{unreadable}")));
        }
        let providers = api::items(&list).iter().map(|item| read(item, &OF_PROVIDER, "a provider"));
        let export = PoolExport {
            format_version: FORMAT_VERSION,
            exported_at: output::now(),
            pool: read(&pool, &OF_POOL, "a user pool")?,
            providers: providers.collect::<Result<Vec<ExportedProvider>, Failure>>()?,
        };
        let text = serde_json::to_string_pretty(&export)
            .map_err(|source| Failure::Unreadable { call: "the export".to_owned(), source })?;
        output::print(&format!("{text}\n"))?;
        session.output.remark(&shown::moving::exported(&export, &pool)?);
        Ok(Ending::Done)
    }
}

/// Reads what an export has of an answer, of which every member has to be there.
fn read<T: DeserializeOwned>(answer: &Value, members: &[&str], what: &str) -> Result<T, Failure> {
    let members = members.iter().filter_map(|name| Some(((*name).to_owned(), answer.get(name)?.clone())));
    serde_json::from_value(Value::Object(members.collect::<Map<_, _>>()))
        .map_err(|source| Failure::Unreadable { call: what.to_owned(), source })
}
