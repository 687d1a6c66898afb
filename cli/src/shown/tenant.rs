//! Tenants.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

#[derive(Deserialize)]
struct Tenant {
    id: String,
    name: String,
    external_id: String,
    webhook_url: String,
    workos: Environment,
    created_at: String,
    updated_at: String,
}

#[derive(Deserialize)]
struct Environment {
    client_id: String,
    #[serde(default)]
    has_api_key: bool,
}

impl Environment {
    fn key(&self) -> String {
        if self.has_api_key { "given" } else { "missing" }.to_owned()
    }
}

/// One tenant.
pub fn details(answer: &Value) -> Result<String, Failure> {
    let tenant: Tenant = shown::read(answer, "a tenant")?;
    Ok(table::details(&[
        ("tenant", tenant.id),
        ("name", tenant.name),
        ("external ID", tenant.external_id),
        ("webhook URL", tenant.webhook_url),
        ("WorkOS client ID", tenant.workos.client_id.clone()),
        ("WorkOS API key", tenant.workos.key()),
        ("registered", shown::time(&tenant.created_at)),
        ("changed", shown::time(&tenant.updated_at)),
    ]))
}

/// A list of tenants.
pub fn list(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let tenant: Tenant = shown::read(item, "a tenant")?;
        let key = tenant.workos.key();
        rows.push(vec![tenant.id, tenant.name, tenant.workos.client_id, key, shown::time(&tenant.created_at)]);
    }
    Ok(table::table(&["TENANT", "NAME", "WORKOS CLIENT ID", "API KEY", "REGISTERED"], rows))
}
