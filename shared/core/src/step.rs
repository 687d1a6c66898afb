//! One item of a plan, and what is said of what was left out: what is stored of a run, and shown to people.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    id::{AppClientId, ConnectionId, ProviderName},
    provider::{Change, ProviderSpec},
};

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
            Some(id) if !self.message.contains(id.as_str()) => format!("{id}: {}", self.message),
            _ => self.message.clone(),
        }
    }

    /// A note on a connection.
    pub fn on_connection(id: ConnectionId, message: String) -> Self {
        Self { connection_id: Some(id), message, ..Self::default() }
    }
}
