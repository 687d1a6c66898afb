//! Tenants, and the user pools of one.

use causeway_core::id::TenantId;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Content, changes,
    frame::{self, Frame, items, said, section, table, text},
};
use crate::{
    api::Api,
    console::{
        place::{List, Place, PoolId},
        reads::Read,
    },
    failure::Failure,
    shown::{self, pool::Pool, tenant::Tenant},
};

/// A list of tenants.
pub fn list(frame: &Frame<'_>, answer: &Value) -> Result<Markup, Failure> {
    let rows: Vec<Markup> = items(answer, "a tenant")?.iter().map(|tenant| of_tenant(frame, tenant)).collect();
    Ok(table("Tenants", &["Name", "Contact", "API key", "Registered", "Tenant"], &rows))
}

fn of_tenant(frame: &Frame<'_>, tenant: &Tenant) -> Markup {
    let name = frame::name(Some(&tenant.name), &tenant.id);
    html! {
        tr {
            th scope="row" {
                @match tenant.id.parse() {
                    Ok(id) => (frame.link(&Place::Tenant(id), &name)),
                    Err(_) => bdi { (name) },
                }
            }
            td { (said(tenant.contact.as_deref().unwrap_or("–"))) }
            td { (tenant.workos.key()) }
            td { (text(&shown::day(&tenant.created_at))) }
            td { code { (text(&tenant.id)) } }
        }
    }
}

/// The user pools of a tenant.
pub fn pools(frame: &Frame<'_>, tenant: &TenantId, answer: &Value) -> Result<Markup, Failure> {
    let rows: Vec<Markup> = items(answer, "a user pool")?.iter().map(|pool| of_pool(frame, tenant, pool)).collect();
    Ok(table("User pools", &["Name", "Health", "Status", "Mode", "Providers", "User pool"], &rows))
}

fn of_pool(frame: &Frame<'_>, tenant: &TenantId, pool: &Pool) -> Markup {
    let name = frame::name(pool.name.as_deref(), &pool.user_pool_id);
    html! {
        tr {
            th scope="row" {
                @match pool.user_pool_id.parse() {
                    Ok(user_pool) => (frame.link(&Place::Pool(PoolId { tenant: tenant.clone(), user_pool }), &name)),
                    Err(_) => bdi { (name) },
                }
            }
            td { span.held[pool.health.state != "ok"] { (text(&pool.health.state)) } }
            td { (text(&pool.status())) }
            td { (text(&pool.mode)) }
            td { (pool.counts.providers) " of " (pool.counts.connections) }
            td { code { (text(&pool.user_pool_id)) } }
        }
    }
}

/// What the page of a tenant is made of.
pub struct Seen {
    pub(super) tenant: Value,
    pub(super) pools: Result<Value, Failure>,
    pub(super) changes: Result<Value, Failure>,
}

impl Seen {
    /// Reads it.
    pub async fn read(api: &Api, tenant: &TenantId) -> Result<Self, Failure> {
        let (pools, changes) = (List::Pools(tenant.clone()), List::Changes(tenant.clone()));
        let (tenant, pools, changes) = tokio::join!(
            Read::Tenant(tenant).made(api),
            Read::page(&pools, None).made(api),
            Read::page(&changes, None).made(api),
        );
        Ok(Self { tenant: tenant?, pools, changes })
    }
}

/// The page of a tenant.
pub fn tenant(frame: &Frame<'_>, id: &TenantId, seen: &Seen) -> Content {
    let name = frame::name(seen.tenant["name"].as_str(), id.as_str());
    let part = |part: &Result<Value, Failure>, list: List, show: &dyn Fn(&Value) -> Result<Markup, Failure>| match part
    {
        Ok(answer) => {
            let shown = show(answer)?;
            Ok(html! { (shown) (frame::unreadable(answer)) (frame.older(&list, answer)) })
        }
        Err(failure) => Ok(frame::unread(failure)),
    };
    let pools = part(&seen.pools, List::Pools(id.clone()), &|answer| pools(frame, id, answer));
    let changed = part(&seen.changes, List::Changes(id.clone()), &changes::all);
    let content = html! {
        (frame::facts(&shown::tenant::facts(&seen.tenant)?))
        (section("pools", "User pools", pools))
        (section("changes", "Changes", changed))
    };
    Ok((name, content))
}
