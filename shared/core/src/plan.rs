//! The plan: what one run will do, in order, each step with its reason. Pure and deterministic; a plan
//! leaves the one who carries it out nothing to decide.
//!
//! | connection in WorkOS | claim | provider in the pool | steps |
//! | --- | --- | --- | --- |
//! | wanted | none | none of its name | create, wire |
//! | wanted | none | one of its name | none: it is foreign, and reported |
//! | wanted | held | as it should be | none |
//! | wanted | held | different | update |
//! | wanted | held | none | create |
//! | wanted | intended | none | create |
//! | wanted | intended | there, shown to be ours | settled, then as held |
//! | any | intended | there, not ours | forget: it is foreign, and reported |
//! | any | held | there, of another kind than OIDC | forget: it is foreign, and reported |
//! | not wanted any more | held | there | unwire, delete |
//! | not wanted any more | any | none, as `Describe` says too | forget |
//! | any without a create | any | none, as `Describe` says too, its name still in an app client | unwire the name that was left behind |
//! | any | held | none, as far as the list shows | none |
//! | in a state unknown, or unreadable | any other | any other | none |

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    desired::{Desired, Presence},
    id::{ConnectionId, Identifier, ProviderName},
    provider::{Observed, ProviderSpec},
    user_pool::Mode,
};

mod build;
mod depend;
mod remove;
mod settle;
mod wire;

pub use crate::step::{Action, ActionKind, DeleteReason, Note, RecordedStep, Step};
pub use depend::{Failed, Freed};
pub use remove::{plan_to_delete, step_to_keep};
pub use settle::{Settlement, hides_late_write, is_made_for, standing, to_describe, to_find, unseen};

/// What one run will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps, in the order in which they are carried out.
    pub steps: Vec<Step>,
    /// What was learned of providers and belongs into their claims; changes nothing in the pool.
    pub settlements: Vec<Settlement>,
    /// What was left out.
    pub notes: Vec<Note>,
}

impl Plan {
    /// What people are shown of its steps.
    pub fn recorded(&self) -> Vec<RecordedStep> {
        self.steps.iter().map(Step::recorded).collect()
    }
}

/// Everything that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What the pool should have.
    pub desired: &'a Desired,
    /// What it has.
    pub observed: &'a Observed,
    /// What Causeway made, by connection.
    pub claims: &'a BTreeMap<ConnectionId, Claim>,
    /// The identifiers of the providers that Causeway did not make, as far as they are known, each with its provider where
    /// that is known too.
    pub foreign: &'a BTreeMap<Identifier, Option<ProviderName>>,
    /// What runs may do.
    pub mode: Mode,
    /// How issuers, and so specs, are made.
    pub spec: &'a dyn SpecOf,
}

/// Makes the spec of a connection's provider: the part that depends on tenant, pool and base URL.
pub trait SpecOf: std::fmt::Debug + Sync {
    /// The provider that a connection should have, with these identifiers.
    fn spec(&self, connection: &ConnectionId, identifiers: BTreeSet<Identifier>) -> ProviderSpec;
}

/// Plans.
pub fn plan(situation: Situation<'_>) -> Plan {
    let ground = settle::Ground::of(&situation);
    let mut plan = Plan { notes: ground.assignment.notes.clone(), ..Plan::default() };
    settle::settle(&situation, &ground.known, &mut plan);
    let mut builder = build::Builder::new(situation, &ground);
    builder.write_providers(&mut plan);
    builder.write_app_clients(&mut plan);
    builder.remove_providers(&mut plan);
    plan.notes.sort();
    plan.notes.dedup();
    plan
}

/// What to do about a wanted connection under whose provider's name somebody else has one.
const ADOPT: &str = "Adopt the provider of that name (`POST .../adopt`), or have it deleted in the user pool, so that \
    Causeway makes its own. Then ask for a reconcile.";

/// Whether a connection is to have a provider.
fn is_wanted(desired: &Desired, id: &ConnectionId) -> bool {
    let wanted = desired.connections.get(id);
    wanted.is_some_and(|wanted| wanted.presence.is_provided()) && !desired.is_untouched(id)
}

/// Whether a wanted connection belongs into the app clients; `None` where nothing is concluded.
fn belongs_in_app_clients(desired: &Desired, id: &ConnectionId) -> Option<bool> {
    if desired.is_untouched(id) {
        return None;
    }
    Some(desired.connections.get(id).is_some_and(|wanted| wanted.presence == Presence::Wired))
}
