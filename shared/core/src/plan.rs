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

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    claim::Claim,
    desired::{Desired, Presence},
    id::{AppClientId, ConnectionId, Identifier, ProviderName},
    naming::Naming,
    provider::{Change, Observed, ProviderSpec},
    user_pool::Mode,
};

mod build;
mod depend;
mod remove;
mod settle;
mod wire;

pub use depend::{Failed, Freed};
pub use settle::{Settlement, is_made_for, standing, to_describe, to_find, unseen};

/// Why a provider is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteReason {
    /// WorkOS no longer lists the connection; asked for it alone, it must say 404.
    Gone,
    /// The operator no longer chooses it.
    Excluded,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Claims the provider, creates it and holds the claim.
    Create(ProviderSpec),
    /// Writes the provider's whole content. With `new_secret` it gets a new client secret.
    Update {
        /// What the provider has, as far as it is known.
        before: ProviderSpec,
        /// What it should have.
        after: ProviderSpec,
        /// Whether Cognito holds a secret that is not ours.
        new_secret: bool,
    },
    /// Adds the provider to an app client.
    Wire,
    /// Takes the provider out of an app client.
    Unwire,
    /// Deletes the provider and drops the claim.
    Delete(DeleteReason),
    /// Drops a claim that has no provider.
    Forget,
}

impl Action {
    /// The action's name in reports and in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update { .. } => "update",
            Self::Wire => "wire",
            Self::Unwire => "unwire",
            Self::Delete(_) => "delete",
            Self::Forget => "forget",
        }
    }
}

/// A step as the API and the reports show it. `action` is its name; what it carries out is in
/// [`Step::action`] of a plan and is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// What it does.
    #[serde(serialize_with = "name_of", deserialize_with = "from_name")]
    #[schema(schema_with = names_of_actions)]
    pub action: Action,
    /// The connection that it is for.
    pub connection_id: ConnectionId,
    /// By what people know it; put on what was planned, which never depends on it.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider.
    pub provider_name: ProviderName,
    /// The app client, for wiring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_client_id: Option<AppClientId>,
    /// Why.
    pub reason: String,
    /// What changes, field by field; secrets never show.
    pub changes: Vec<Change>,
    /// Whether the guard holds it back.
    pub held: bool,
    /// Whether it takes a way to sign in away.
    #[serde(skip)]
    pub takes_away: bool,
}

fn names_of_actions() -> Object {
    let names = ["create", "update", "wire", "unwire", "delete", "forget"];
    ObjectBuilder::new().schema_type(Type::String).description(Some("What it does.")).enum_values(Some(names)).build()
}

fn name_of<S: serde::Serializer>(action: &Action, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(action.name())
}

fn from_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Action, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "create" => Ok(Action::Create(ProviderSpec::default())),
        "update" => {
            Ok(Action::Update { before: ProviderSpec::default(), after: ProviderSpec::default(), new_secret: false })
        }
        "wire" => Ok(Action::Wire),
        "unwire" => Ok(Action::Unwire),
        "delete" => Ok(Action::Delete(DeleteReason::Gone)),
        "forget" => Ok(Action::Forget),
        other => Err(serde::de::Error::custom(format!("no action is called {other}"))),
    }
}

/// Something that was left out, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// The connection that it concerns.
    pub connection_id: Option<ConnectionId>,
    /// By what people know it.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider that it concerns.
    pub provider_name: Option<ProviderName>,
    /// What was left out, and why.
    pub message: String,
    /// What somebody has to do about it; absent where nobody has. As long as there is one, the pool is not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Note {
    /// A note on no connection in particular.
    pub fn general(message: String) -> Self {
        Self { message, ..Self::default() }
    }

    /// With what somebody has to do about it.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The note with what it is on.
    pub fn told(&self) -> String {
        match &self.connection_id {
            Some(id) if self.naming.is_named() || !self.message.contains(id.as_str()) => {
                format!("{:#}: {}", self.naming.called(id.as_str()), self.message)
            }
            _ => self.message.clone(),
        }
    }

    /// A note on a connection.
    pub fn on_connection(id: ConnectionId, message: String) -> Self {
        Self { connection_id: Some(id), message, ..Self::default() }
    }
}

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
