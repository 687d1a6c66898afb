//! Puts providers into the app clients that the pool names, and takes them out.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    id::{AppClientId, ConnectionId, ProviderName},
    plan::{
        Action, Note, Plan, Step, belongs_in_app_clients,
        build::{Builder, step},
        remove::REMOVAL,
        settle::made_for,
    },
    provider::Change,
    user_pool::Mode,
};

/// The pool's own users in `SupportedIdentityProviders`: no provider.
const COGNITO: &str = "COGNITO";

/// What to do about a name without a provider that Causeway does not know as its own.
const TAKE_OUT: &str = "Take the name out of the app client's `SupportedIdentityProviders`.";

impl Builder<'_> {
    /// Names without a provider go first, since Cognito refuses every change of an app client that has one.
    /// Then wires before unwires, so that an organization whose connections change never stands without.
    pub fn write_app_clients(&mut self, plan: &mut Plan) {
        self.clear_names_left_behind(plan);
        let ids: BTreeSet<&ConnectionId> =
            self.situation.claims.keys().chain(self.situation.desired.connections.keys()).collect();
        for decide in [Self::missing, Self::unwanted] {
            for (client, supported) in &self.situation.observed.app_clients {
                for id in &ids {
                    let is_supported = supported.contains(self.name(id).as_str());
                    plan.steps.extend(decide(self, id, is_supported).map(|step| on(client, step)));
                }
            }
        }
    }

    /// Takes out the names of providers that Causeway made, that are not there and that are not made again:
    /// somebody deleted the provider, or wired it while it was being deleted. This concludes nothing about a
    /// connection: nobody can sign in with such a name, and everybody else waits for the app client. All of an
    /// app client's are next to each other, to go in one change: each alone is refused for the sake of the rest.
    fn clear_names_left_behind(&self, plan: &mut Plan) {
        let claimed: BTreeMap<&str, &ConnectionId> =
            self.situation.claims.iter().map(|(id, claim)| (claim.provider_name.as_str(), id)).collect();
        for (client, supported) in &self.situation.observed.app_clients {
            for text in supported.iter().filter(|text| *text != COGNITO) {
                let Ok(name) = text.parse::<ProviderName>() else { continue };
                let is_ours = claimed.contains_key(text.as_str()) || made_for(&name).is_some();
                let is_there = self.situation.observed.providers.contains_key(&name);
                if is_there || (is_ours && !self.situation.observed.gone.contains(&name)) {
                    continue;
                }
                let id = claimed.get(text.as_str()).map_or_else(|| made_for(&name), |id| Some((*id).clone()));
                match id {
                    Some(id) if self.present.contains(&id) => {}
                    Some(id) => {
                        let reason = "the provider is not there any more, and its name was left behind".to_owned();
                        plan.steps.push(on(client, step(Action::Unwire, &id, &name, reason)));
                    }
                    None => plan.notes.push(Note {
                        provider_name: Some(name.clone()),
                        message: format!(
                            "the app client {client} names {name}, and there is no such provider: Cognito refuses \
                             every change of the app client until somebody takes the name out"
                        ),
                        remedy: Some(TAKE_OUT.to_owned()),
                        ..Note::default()
                    }),
                }
            }
        }
    }

    fn missing(&self, id: &ConnectionId, is_supported: bool) -> Option<Step> {
        let reason = "the app client is named and does not offer the provider".to_owned();
        (self.present.contains(id) && !is_supported && self.belongs(id) == Some(true))
            .then(|| step(Action::Wire, id, &self.name(id), reason))
    }

    fn unwanted(&self, id: &ConnectionId, is_supported: bool) -> Option<Step> {
        let is_kept = self.situation.mode == Mode::Upsert && !self.situation.desired.connections.contains_key(id);
        (self.present.contains(id) && is_supported && self.belongs(id) == Some(false) && !is_kept)
            .then(|| Step { takes_away: true, ..step(Action::Unwire, id, &self.name(id), self.why_unwanted(id)) })
    }

    fn belongs(&self, id: &ConnectionId) -> Option<bool> {
        belongs_in_app_clients(self.situation.desired, id)
    }

    pub(super) fn why_unwanted(&self, id: &ConnectionId) -> String {
        match self.situation.desired.connections.get(id) {
            Some(wanted) => format!("the connection is {}", wanted.connection.state.as_str()),
            None if self.situation.desired.is_removal => REMOVAL.to_owned(),
            None if self.situation.desired.excluded.contains(id) => "the connection is no longer chosen".to_owned(),
            None => "the connection is gone from WorkOS".to_owned(),
        }
    }
}

fn on(client: &AppClientId, step: Step) -> Step {
    let name = Some(step.provider_name.to_string());
    let (before, after) = if step.action == Action::Wire { (None, name) } else { (name, None) };
    let change = Change { field: format!("supported_identity_providers of {client}"), before, after };
    Step { changes: vec![change], app_client_id: Some(client.clone()), ..step }
}
