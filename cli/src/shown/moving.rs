//! A user pool on its way from one deployment to another: what was compared, and what comes next at either side.

use std::fmt::Write;

use causeway_core::{
    app_clients::AppClients,
    export::{ExportedPool, PoolExport},
    user_pool::{Mode, default_mapping},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, style::REMOVED, table},
};

#[derive(Deserialize)]
struct Compared {
    adopted: bool,
    providers: Vec<Provider>,
    differences: Vec<Difference>,
}

#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the API's names")]
struct Provider {
    provider_name: String,
    connection_id: String,
    subject: String,
    issuer: Option<Issuers>,
    adopted: bool,
}

#[derive(Deserialize)]
struct Issuers {
    before: Option<String>,
    after: String,
}

#[derive(Deserialize)]
struct Difference {
    provider_name: Option<String>,
    message: String,
}

/// What a new deployment has to know of a user pool besides its export, as the API shows it.
#[derive(Deserialize)]
struct Registered {
    account_id: String,
    role_name: String,
    #[serde(default)]
    organizations: Option<Vec<String>>,
}

/// The providers that are what the export says.
pub fn comparison(answer: &Value) -> Result<String, Failure> {
    let compared: Compared = shown::read(answer, "what was compared")?;
    let mut rows = Vec::new();
    let (mut from, mut to) = (None, None);
    for provider in compared.providers {
        if let Some(issuers) = provider.issuer {
            from = from.or(issuers.before);
            to = to.or(Some(issuers.after));
        }
        rows.push(vec![
            if provider.adopted { "yes" } else { "not yet" }.to_owned(),
            provider.subject,
            provider.provider_name,
            provider.connection_id,
        ]);
    }
    let count = shown::count(rows.len(), "provider", "providers");
    let mut text = table::fitting(&["ADOPTED", "SUB", "PROVIDER", "CONNECTION"], rows, &["PROVIDER", "CONNECTION"]);
    if let (Some(from), Some(to)) = (from, to) {
        let _ = write!(
            text,
            "\nThe issuer of the first was {from}\nand is {} {to}\n",
            if compared.adopted { "now" } else { "then" }
        );
    }
    let told = if compared.adopted { "Causeway's here, under their own names" } else { "what the export says" };
    let _ = writeln!(text, "\n{count}: {told}.");
    Ok(text)
}

/// In what the export and the things themselves differ.
pub fn differing(answer: &Value) -> Result<String, Failure> {
    let compared: Compared = shown::read(answer, "what was compared")?;
    let mut text = String::new();
    for difference in &compared.differences {
        let of = difference.provider_name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        let _ = writeln!(text, "{REMOVED}!{REMOVED:#} {of}{}", difference.message);
    }
    let count = shown::count(compared.differences.len(), "difference", "differences");
    let _ = writeln!(
        text,
        "\n{count}: nothing is adopted. Mend what differs, or mend it where the user pool comes from and export it again."
    );
    Ok(text)
}

/// What comes after an export.
pub fn exported(export: &PoolExport, pool: &Value) -> Result<String, Failure> {
    let registered: Registered = shown::read(pool, "a user pool")?;
    let ExportedPool { tenant_id: tenant, user_pool_id: user_pool, mode, .. } = &export.pool;
    if *mode != Mode::Paused {
        return Ok(format!(
            "\nThis export can't be adopted: the user pool is not paused, so that runs may still change it. Pause it, and \
             export it again:\n  causeway pools update {tenant} {user_pool} --mode paused"
        ));
    }
    let count = shown::count(export.providers.len(), "provider", "providers");
    let register = register(&export.pool, &registered);
    Ok(format!(
        "\n{count}. At the deployment that the user pool moves to, for the tenant TENANT there:\n\
         1. Register the user pool, with what it has here:\n{register}\n\
         2. Let the role trust that deployment, with its external ID. The tenant runs what this prints:\n\
         \x20    causeway role TENANT {user_pool} --form deploy-command\n\
         \x20  and then:\n\
         \x20    causeway verify TENANT {user_pool}\n\
         3. Take the providers over:\n\
         \x20    causeway adopt TENANT {user_pool} --all --from FILE\n\
         4. Check a sign-in.\n\
         5. Then here, and not before:\n\
         \x20    causeway pools remove {tenant} {user_pool} --providers keep\n\
         Users sign in all the time. Leave the user pool paused here from now on."
    ))
}

/// The command that registers the pool elsewhere.
fn register(pool: &ExportedPool, registered: &Registered) -> String {
    let mut options = vec![
        format!("--account-id {}", quoted(&registered.account_id)),
        format!("--role-name {}", quoted(&registered.role_name)),
        "--mode observe".to_owned(),
    ];
    match &pool.app_clients {
        AppClients::All => options.push("--all-app-clients".to_owned()),
        AppClients::Named(named) => {
            options.extend(named.iter().map(|id| format!("--app-client {}", quoted(id.as_str()))));
        }
    }
    let organizations = registered.organizations.iter().flatten();
    options.extend(organizations.map(|id| format!("--organization {}", quoted(id))));
    if pool.domain_identifiers {
        options.push("--domain-identifiers".to_owned());
    }
    if pool.clear_missing_attributes {
        options.push("--clear-missing-attributes".to_owned());
    }
    let mut mapping = pool.attribute_mapping.clone();
    // Cognito's own, which is not to be chosen.
    mapping.remove("username");
    if mapping != default_mapping() {
        let mapped = mapping.iter().map(|(attribute, claim)| quoted(&format!("{attribute}={claim}")));
        options.extend(mapped.map(|mapped| format!("--attribute {mapped}")));
    }
    let options: Vec<String> = options.iter().map(|option| format!("       {option}")).collect();
    format!("     causeway pools create TENANT {} \\\n{}", pool.user_pool_id, options.join(" \\\n"))
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.:=@/,+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What comes after all was taken over.
pub fn after(export: &PoolExport, tenant: &str) -> String {
    let ExportedPool { tenant_id: old, user_pool_id: user_pool, .. } = &export.pool;
    format!(
        "\nNext: check a sign-in (`causeway sign-ins {tenant} {user_pool}` shows what it came to). When it is good, let runs \
         change the user pool here:\n  causeway pools update {tenant} {user_pool} --mode sync\n\
         and remove it at the deployment that it came from, where it stays paused until then:\n  \
         causeway pools remove {old} {user_pool} --providers keep"
    )
}
