//! Puts providers into the app clients that the pool names, and takes them out.

use std::collections::BTreeSet;

use crate::{
    id::{AppClientId, ConnectionId},
    plan::{
        Action, Plan, Step, belongs_in_app_clients,
        build::{Builder, step},
        settle::Known,
    },
    provider::Change,
    user_pool::Mode,
};

impl Builder<'_> {
    /// Names without a provider go first, since Cognito refuses every change of an app client that has one.
    /// Then wires before unwires, so that an organization whose connections change never stands without.
    pub fn write_app_clients(&mut self, plan: &mut Plan) {
        let ids: BTreeSet<&ConnectionId> =
            self.situation.claims.keys().chain(self.situation.desired.connections.keys()).collect();
        for decide in [Self::left_behind, Self::missing, Self::unwanted] {
            for (client, supported) in &self.situation.observed.app_clients {
                for id in &ids {
                    let is_supported = supported.contains(self.name(id).as_str());
                    plan.steps.extend(decide(self, id, is_supported).map(|step| on(client, step)));
                }
            }
        }
    }

    /// A provider that was deleted outside of Causeway and does not come back, and whose name is still there.
    fn left_behind(&self, id: &ConnectionId, is_supported: bool) -> Option<Step> {
        let is_dead = self.ground.known.get(id) == Some(&Known::Missing) && !self.present.contains(id);
        let reason = "the provider was deleted outside of Causeway, and its name was left behind".to_owned();
        (is_dead && is_supported && self.belongs(id) == Some(false))
            .then(|| step(Action::Unwire, id, &self.name(id), reason))
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
