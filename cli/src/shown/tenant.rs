//! Tenants.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

/// A tenant.
#[derive(Deserialize)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) contact: Option<String>,
    external_id: String,
    webhook_url: String,
    pub(crate) workos: Environment,
    #[serde(default)]
    external_id_rotation: Option<Rotation>,
    #[serde(default)]
    former_webhooks: Vec<FormerWebhook>,
    pub(crate) created_at: String,
    updated_at: String,
}

/// Its environment in WorkOS.
#[derive(Deserialize)]
pub(crate) struct Environment {
    client_id: String,
    #[serde(default)]
    has_api_key: bool,
}

#[derive(Deserialize)]
struct Rotation {
    former_external_id: String,
    roles: Vec<Progress>,
}

#[derive(Deserialize)]
struct Progress {
    role_arn: String,
    takes_new: Option<bool>,
    takes_former: Option<bool>,
    #[serde(default)]
    remedy: Option<String>,
}

impl Progress {
    fn text(&self) -> &'static str {
        match (self.takes_new, self.takes_former) {
            (Some(true), Some(false)) => "takes the new external ID only",
            (Some(true), _) => "takes both external IDs",
            (Some(false), Some(false)) => "takes neither external ID",
            (Some(false), _) => "takes the former external ID only",
            (None, _) => "not tried yet",
        }
    }
}

#[derive(Deserialize)]
struct FormerWebhook {
    webhook_url: String,
    good_until: String,
}

impl Environment {
    /// Whether its API key was given.
    pub(crate) fn key(&self) -> String {
        if self.has_api_key { "given" } else { "missing" }.to_owned()
    }
}

/// One tenant.
pub fn details(answer: &Value) -> Result<String, Failure> {
    Ok(table::details(&facts(answer)?))
}

/// What is known of a tenant, each under what it is.
pub fn facts(answer: &Value) -> Result<Vec<(&'static str, String)>, Failure> {
    let tenant: Tenant = shown::read(answer, "a tenant")?;
    let mut rows = vec![("tenant", tenant.id), ("name", tenant.name)];
    rows.extend(tenant.contact.map(|contact| ("contact", contact)));
    rows.push(("external ID", tenant.external_id));
    if let Some(rotation) = tenant.external_id_rotation {
        rows.push(("former external ID", rotation.former_external_id));
        for role in rotation.roles {
            rows.push(("role", format!("{} {}", role.role_arn, role.text())));
            rows.extend(role.remedy.map(|remedy| ("to do", remedy)));
        }
    }
    rows.push(("webhook URL", tenant.webhook_url));
    let former = tenant.former_webhooks.iter();
    rows.extend(former.map(|former| {
        ("previous webhook URL", format!("{}, taken until {}", former.webhook_url, shown::time(&former.good_until)))
    }));
    rows.extend([
        ("WorkOS client ID", tenant.workos.client_id.clone()),
        ("WorkOS API key", tenant.workos.key()),
        ("registered", shown::time(&tenant.created_at)),
        ("changed", shown::time(&tenant.updated_at)),
    ]);
    Ok(rows)
}

/// What comes after another external ID was begun with.
pub fn after_rotation(tenant: &str) -> String {
    format!(
        "\nNext, for each user pool (`causeway pools list {tenant}`): have its tenant update the role with what\n  causeway \
         role {tenant} USER_POOL --form deploy-command\nprints. Until then the previous external ID is used, and nothing \
         stops. Each run looks which of the two the\nrole takes, and once every role takes the new one only, the previous \
         one is forgotten. How far it is:\n  causeway tenants show {tenant}"
    )
}

/// A list of tenants.
pub fn list(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let tenant: Tenant = shown::read(item, "a tenant")?;
        let key = tenant.workos.key();
        rows.push(vec![
            tenant.name,
            tenant.contact.unwrap_or_default(),
            key,
            shown::day(&tenant.created_at),
            tenant.id,
        ]);
    }
    Ok(table::fitting(&["NAME", "CONTACT", "API KEY", "REGISTERED", "TENANT"], rows, &["TENANT"]))
}
