//! What a connection has in a user pool: all by which its users get in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    id::{AppClientId, Identifier, ProviderName},
    provider::{OIDC_ISSUER, ProviderSpec},
    step::{Action, Step},
};

/// What a connection has in a pool, or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The provider's name, of which Cognito makes usernames.
    pub provider_name: ProviderName,
    /// Its issuer.
    pub issuer: String,
    /// Its identifiers.
    #[serde(default)]
    pub identifiers: BTreeSet<Identifier>,
    /// The app clients that offer it, of those that the pool names.
    #[serde(default)]
    pub app_clients: BTreeSet<AppClientId>,
}

impl Standing {
    /// Whether it is all that was `had`, or more: the same provider name and issuer, and every identifier and app client.
    pub fn makes_good(&self, had: &Self) -> bool {
        self.provider_name == had.provider_name
            && self.issuer == had.issuer
            && self.identifiers.is_superset(&had.identifiers)
            && self.app_clients.is_superset(&had.app_clients)
    }

    /// What it becomes by the `steps` for the connection, each as if it succeeded; none where the provider goes.
    /// `before` is what the connection has, if it has a provider.
    pub fn after<'a>(before: Option<&Self>, steps: impl IntoIterator<Item = &'a Step>) -> Option<Self> {
        steps.into_iter().fold(before.cloned(), |standing, step| match (&step.action, standing) {
            (Action::Create(spec), _) => Some(Self::of(step, spec, BTreeSet::new())),
            (Action::Update { after, .. }, Some(has)) => Some(Self::of(step, after, has.app_clients)),
            (Action::Wire, Some(mut has)) => {
                has.app_clients.extend(step.app_client_id.clone());
                Some(has)
            }
            (Action::Unwire, Some(mut has)) => {
                has.app_clients.retain(|client| Some(client) != step.app_client_id.as_ref());
                Some(has)
            }
            (Action::Delete(_) | Action::Forget, _) | (_, None) => None,
        })
    }

    fn of(step: &Step, spec: &ProviderSpec, app_clients: BTreeSet<AppClientId>) -> Self {
        Self {
            provider_name: step.provider_name.clone(),
            issuer: spec.details.get(OIDC_ISSUER).cloned().unwrap_or_default(),
            identifiers: spec.identifiers.clone(),
            app_clients,
        }
    }
}
