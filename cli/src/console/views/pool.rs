//! A user pool: how it is, what waits for a decision, its providers, its runs, its sign-ins, what was changed of it.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    Content, changes, fleet,
    frame::{self, Frame, section},
    plan, providers, runs, sign_ins,
};
use crate::{
    api::{Api, items},
    console::{
        place::{List, Place, PoolId},
        reads::Read,
    },
    failure::Failure,
    shown::pool::{Standing, facts},
};

/// How many providers the page of a pool has.
const PROVIDERS: u32 = 25;
/// How many runs are on its time line, and of how many of them the report is there.
const RUNS: u32 = 50;
const REPORTS: usize = 5;

/// What the page of a user pool is made of.
pub struct Seen {
    pub(super) tenant: Result<Value, Failure>,
    pub(super) pool: Value,
    pub(super) providers: Result<Value, Failure>,
    pub(super) runs: Result<Value, Failure>,
    pub(super) sign_ins: Result<Value, Failure>,
    pub(super) changes: Result<Value, Failure>,
    /// What a run would do, where something is held back.
    pub(super) plan: Option<Result<Value, Failure>>,
}

impl Seen {
    /// Reads it.
    pub async fn read(api: &Api, pool: &PoolId) -> Result<Self, Failure> {
        let providers = List::Providers(pool.clone());
        let (runs, sign_ins) = (List::Runs(pool.clone()), List::SignIns(pool.clone()));
        let changes = List::Changes(pool.tenant.clone());
        let (tenant, of_pool, providers, runs, sign_ins, changes) = tokio::join!(
            Read::Tenant(&pool.tenant).made(api),
            Read::Pool(pool).made(api),
            Read::List(&providers, None, PROVIDERS).made(api),
            Read::List(&runs, None, RUNS).made(api),
            Read::page(&sign_ins, None).made(api),
            Read::page(&changes, None).made(api),
        );
        let of_pool = of_pool?;
        let held = holds_back(&of_pool, providers.as_ref().ok(), runs.as_ref().ok());
        let plan = if held { Some(Read::Plan(pool).made(api).await) } else { None };
        Ok(Self { tenant, pool: of_pool, providers, runs, sign_ins, changes, plan })
    }
}

/// Whether something waits for a decision, by what the pool, its providers or its last run shows.
pub(super) fn holds_back(pool: &Value, providers: Option<&Value>, runs: Option<&Value>) -> bool {
    let of_providers = providers.map(items).unwrap_or_default().iter();
    let last_steps = runs.map(items).unwrap_or_default().first().and_then(|run| run["steps"].as_array());
    pool["health"]["state"] == "held"
        || of_providers.into_iter().any(|provider| provider["held_since"].is_string())
        || last_steps.is_some_and(|steps| steps.iter().any(|step| step["held"] == true))
}

/// The page of a user pool.
pub fn page(frame: &Frame<'_>, pool: &PoolId, seen: &Seen) -> Content {
    let tenant = seen.tenant.as_ref().ok().and_then(|tenant| tenant["name"].as_str());
    let title = frame::name(seen.pool["name"].as_str(), pool.user_pool.as_str());
    let of_tenant = Place::Tenant(pool.tenant.clone());
    let content = html! {
        p { "A user pool of " (frame.link(&of_tenant, &frame::name(tenant, pool.tenant.as_str()))) }
        @if let Some(health) = Standing::of(&seen.pool)?.health { (fleet::health(&health)) }
        (of_plan(frame, pool, seen.plan.as_ref()))
        (list("providers", "Providers", &seen.providers, &|answer| providers::list(answer)))
        (frame.whole(List::Providers(pool.clone()), "All providers"))
        (list("runs", "Runs", &seen.runs, &|answer| runs::list(answer, frame.now, REPORTS)))
        (frame.whole(List::Runs(pool.clone()), "All runs"))
        (list("sign-ins", "Sign-ins", &seen.sign_ins, &|answer| sign_ins::plot(answer, frame.now)))
        (frame.whole(List::SignIns(pool.clone()), "All sign-ins"))
        (list("changes", "Changes", &seen.changes, &|answer| changes::of_pool(answer, pool.user_pool.as_str())))
        (frame.whole(List::Changes(pool.tenant.clone()), "All changes of the tenant"))
        (section("settings", "Settings", facts(&seen.pool).map(|facts| frame::facts(&facts))))
    };
    Ok((title, content))
}

fn of_plan(frame: &Frame<'_>, pool: &PoolId, plan: Option<&Result<Value, Failure>>) -> Markup {
    match plan {
        None => html! {
            p { a href=(frame.address(&Place::Plan(pool.clone()))) { "What a run would do now" } }
        },
        Some(Ok(answer)) => plan::section(pool, Ok(answer.clone())),
        Some(Err(failure)) => section("plan", "The plan", Ok(frame::unread(failure))),
    }
}

/// A part of the page that is a list, or why it is not there.
fn list(
    id: &str,
    title: &str,
    answer: &Result<Value, Failure>,
    show: &dyn Fn(&Value) -> Result<Markup, Failure>,
) -> Markup {
    match answer {
        Ok(answer) => {
            let shown = show(answer).map(|shown| html! { (shown) (frame::unreadable(answer)) });
            section(id, title, shown)
        }
        Err(failure) => section(id, title, Ok(frame::unread(failure))),
    }
}
