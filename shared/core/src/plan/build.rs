//! Turns the difference between what is wanted and what is there into steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    desired::DesiredConnection,
    id::{AppClientId, ConnectionId, Identifier, ProviderName},
    plan::{Action, DeleteReason, Note, Plan, Situation, Step, belongs_in_app_clients, settle::Known},
    provider::{OIDC_ISSUER, ProviderSpec},
    user_pool::Mode,
};

pub(super) struct Builder<'a> {
    situation: Situation<'a>,
    assigned: &'a BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    /// Who has which identifier, as the steps so far leave it.
    held: BTreeMap<Identifier, ConnectionId>,
    known: BTreeMap<ConnectionId, Known>,
    /// Providers that exist, or will after the steps so far.
    present: BTreeSet<ConnectionId>,
}

impl<'a> Builder<'a> {
    pub fn new(
        situation: Situation<'a>,
        assigned: &'a BTreeMap<ConnectionId, BTreeSet<Identifier>>,
        current: BTreeMap<ConnectionId, BTreeSet<Identifier>>,
        known: BTreeMap<ConnectionId, Known>,
    ) -> Self {
        let held = current
            .into_iter()
            .filter(|(id, _)| known.get(id) == Some(&Known::Ours))
            .flat_map(|(id, identifiers)| identifiers.into_iter().map(move |identifier| (identifier, id.clone())))
            .collect();
        let present = known.iter().filter(|(_, known)| **known == Known::Ours).map(|(id, _)| id.clone()).collect();
        Self { situation, assigned, held, known, present }
    }

    /// Creates and updates, the oldest connection first, so that a pool that fills up leaves the newest out.
    /// What an identifier moves away from is written right before what it moves to.
    pub fn write_providers(&mut self, plan: &mut Plan) {
        let mut wanted: Vec<&'a DesiredConnection> =
            self.situation.desired.connections.values().filter(|wanted| wanted.presence.is_provided()).collect();
        wanted.sort_by_key(|wanted| (wanted.connection.created_at, &wanted.connection.id));
        for wanted in wanted {
            self.write_provider(wanted, plan);
        }
    }

    fn write_provider(&mut self, wanted: &DesiredConnection, plan: &mut Plan) {
        let id = &wanted.connection.id;
        let claim = self.situation.claims.get(id);
        let name = claim.map_or_else(|| ProviderName::for_connection(id), |claim| claim.provider_name.clone());
        let spec = self.situation.spec.spec(id, self.assigned.get(id).cloned().unwrap_or_default());
        let state = wanted.connection.state.as_str();
        match (claim, self.known.get(id)) {
            (Some(claim), Some(Known::Ours)) => self.update_provider(claim, spec, plan),
            (_, Some(Known::Foreign)) => plan.steps.push(step(
                Action::Forget,
                id,
                &name,
                "a provider of this name exists that Causeway did not make".to_owned(),
            )),
            (_, Some(Known::Unclear)) => {}
            (None, _) if self.situation.observed.providers.contains_key(&name) => plan.notes.push(Note {
                connection_id: Some(id.clone()),
                provider_name: Some(name.clone()),
                message: format!("a provider {name} exists that Causeway did not make: it is left alone"),
            }),
            (claim, _) => {
                self.free_for(id, &spec.identifiers, plan);
                self.take(id, &spec.identifiers);
                let reason = match claim {
                    None => format!("the connection is {state} and has no provider"),
                    Some(claim) if claim.is_held() => "the provider was deleted outside of Causeway".to_owned(),
                    Some(_) => "an earlier attempt to create the provider did not succeed".to_owned(),
                };
                let changes = ProviderSpec::default().changes_to(&spec);
                plan.steps.push(Step { changes, ..step(Action::Create(spec), id, &name, reason) });
                self.present.insert(id.clone());
            }
        }
    }

    fn update_provider(&mut self, claim: &Claim, after: ProviderSpec, plan: &mut Plan) {
        let id = &claim.connection_id;
        let description = self
            .situation
            .observed
            .providers
            .get(&claim.provider_name)
            .and_then(|provider| provider.description.as_ref());
        let new_secret = description
            .is_some_and(|description| !description.secret_hash().is_some_and(|hash| claim.secrets.is_ours(&hash)));
        let mut before = match description {
            Some(description) => description.spec.clone(),
            None if claim.fingerprint.as_ref() == Some(&after.fingerprint()) => after.clone(),
            None => ProviderSpec { identifiers: claim.identifiers.clone(), ..after.clone() },
        };
        // An identifier that an earlier step moved away from here is gone already.
        before.identifiers.retain(|identifier| self.held.get(identifier) == Some(id));
        let mut changes = before.changes_to(&after);
        if new_secret {
            changes.push(secret_change());
        }
        if changes.is_empty() {
            return;
        }
        self.free_for(id, &after.identifiers, plan);
        let takes_away = self.takes_away(id, &before, &after);
        self.held.retain(|identifier, holder| holder != id || after.identifiers.contains(identifier));
        self.take(id, &after.identifiers);
        let reason = self.update_reason(&before, &after, new_secret);
        let action = Action::Update { before, after, new_secret };
        plan.steps.push(Step { changes, takes_away, ..step(action, id, &claim.provider_name, reason) });
    }

    /// Frees the identifiers that `taker` is to get, from whichever of our providers has them.
    fn free_for(&mut self, taker: &ConnectionId, identifiers: &BTreeSet<Identifier>, plan: &mut Plan) {
        let holders: BTreeSet<ConnectionId> = identifiers
            .iter()
            .filter_map(|identifier| self.held.get(identifier))
            .filter(|holder| *holder != taker)
            .cloned()
            .collect();
        for holder in holders {
            let Some(claim) = self.situation.claims.get(&holder) else { continue };
            let before = self.spec_now(claim);
            let mut after = before.clone();
            after.identifiers.retain(|identifier| !identifiers.contains(identifier));
            let changes = before.changes_to(&after);
            let moved: Vec<&str> = before.identifiers.difference(&after.identifiers).map(Identifier::as_str).collect();
            let reason = format!("{} goes to the connection {taker}", moved.join(", "));
            for identifier in before.identifiers.difference(&after.identifiers) {
                self.held.remove(identifier);
            }
            let action = Action::Update { before, after, new_secret: false };
            plan.steps.push(Step { changes, ..step(action, &holder, &claim.provider_name, reason) });
        }
    }

    /// What a provider of ours is now, as far as it is known: described, or as its claim says.
    fn spec_now(&self, claim: &Claim) -> ProviderSpec {
        let described = self
            .situation
            .observed
            .providers
            .get(&claim.provider_name)
            .and_then(|provider| provider.description.as_ref())
            .map(|description| description.spec.clone());
        let mut spec =
            described.unwrap_or_else(|| self.situation.spec.spec(&claim.connection_id, claim.identifiers.clone()));
        spec.identifiers = self
            .held
            .iter()
            .filter(|(_, holder)| **holder == claim.connection_id)
            .map(|(identifier, _)| identifier.clone())
            .collect();
        spec
    }

    fn take(&mut self, id: &ConnectionId, identifiers: &BTreeSet<Identifier>) {
        for identifier in identifiers {
            self.held.insert(identifier.clone(), id.clone());
        }
    }

    /// Whether an update takes a way to sign in away: another issuer, or an identifier that nobody gets.
    fn takes_away(&self, id: &ConnectionId, before: &ProviderSpec, after: &ProviderSpec) -> bool {
        let issuer_before = before.details.get(OIDC_ISSUER);
        let issuer_changes = issuer_before.is_some() && issuer_before != after.details.get(OIDC_ISSUER);
        let lost = before.identifiers.difference(&after.identifiers).any(|identifier| {
            !self.assigned.iter().any(|(other, identifiers)| other != id && identifiers.contains(identifier))
        });
        issuer_changes || lost
    }

    fn update_reason(&self, before: &ProviderSpec, after: &ProviderSpec, new_secret: bool) -> String {
        if new_secret {
            "the client secret is not one that Causeway made".to_owned()
        } else if before.details.get(OIDC_ISSUER) != after.details.get(OIDC_ISSUER) {
            "the issuer differs".to_owned()
        } else if before.details != after.details || before.attribute_mapping != after.attribute_mapping {
            "the provider differs from what it should be".to_owned()
        } else {
            "the identifiers differ".to_owned()
        }
    }

    /// Wires before it unwires, so that an organization whose connections change never stands without.
    pub fn write_app_clients(&mut self, plan: &mut Plan) {
        for wire in [true, false] {
            for (client, supported) in &self.situation.observed.app_clients {
                for id in self.known.keys().chain(self.situation.desired.connections.keys()).collect::<BTreeSet<_>>() {
                    self.write_app_client(client, supported, id, wire, plan);
                }
            }
        }
    }

    fn write_app_client(
        &self,
        client: &AppClientId,
        supported: &BTreeSet<String>,
        id: &ConnectionId,
        wire: bool,
        plan: &mut Plan,
    ) {
        if !self.present.contains(id) || belongs_in_app_clients(self.situation.desired, id) != Some(wire) {
            return;
        }
        let claim = self.situation.claims.get(id);
        let name = claim.map_or_else(|| ProviderName::for_connection(id), |claim| claim.provider_name.clone());
        if supported.contains(name.as_str()) == wire || (!wire && self.keeps_without_deleting(id)) {
            return;
        }
        let (action, reason) = if wire {
            (Action::Wire, "the app client is named and does not offer the provider".to_owned())
        } else {
            (Action::Unwire, self.why_unwired(id))
        };
        let change = crate::provider::Change {
            field: format!("supported_identity_providers of {client}"),
            before: (!wire).then(|| name.to_string()),
            after: wire.then(|| name.to_string()),
        };
        plan.steps.push(Step {
            changes: vec![change],
            app_client_id: Some(client.clone()),
            takes_away: !wire,
            ..step(action, id, &name, reason)
        });
    }

    fn keeps_without_deleting(&self, id: &ConnectionId) -> bool {
        self.situation.mode == Mode::Upsert && !self.situation.desired.connections.contains_key(id)
    }

    fn why_unwired(&self, id: &ConnectionId) -> String {
        match self.situation.desired.connections.get(id) {
            Some(wanted) => format!("the connection is {}", wanted.connection.state.as_str()),
            None if self.situation.desired.excluded.contains(id) => "the connection is no longer chosen".to_owned(),
            None => "the connection is gone from WorkOS".to_owned(),
        }
    }

    /// Deletes what nobody wants any more, and forgets claims that have nothing left to hold.
    pub fn remove_providers(&mut self, plan: &mut Plan) {
        for (id, claim) in self.situation.claims {
            let wanted = self.situation.desired.connections.contains_key(id);
            if wanted || self.situation.desired.is_untouched(id) {
                continue;
            }
            let name = &claim.provider_name;
            match self.known.get(id) {
                Some(Known::Ours) if self.situation.mode == Mode::Upsert => plan.notes.push(Note {
                    connection_id: Some(id.clone()),
                    provider_name: Some(name.clone()),
                    message: format!("{}: the provider is kept, as the pool's mode is upsert", self.why_unwired(id)),
                }),
                Some(Known::Ours) => {
                    let excluded = self.situation.desired.excluded.contains(id);
                    let reason = if excluded { DeleteReason::Excluded } else { DeleteReason::Gone };
                    let changes = self.spec_now(claim).changes_to(&ProviderSpec::default());
                    let text = self.why_unwired(id);
                    plan.steps.push(Step { changes, takes_away: true, ..step(Action::Delete(reason), id, name, text) });
                }
                Some(Known::Unclear) => {}
                _ => plan.steps.push(step(
                    Action::Forget,
                    id,
                    name,
                    format!("{}, and its provider is not there", self.why_unwired(id)),
                )),
            }
        }
    }
}

fn secret_change() -> crate::provider::Change {
    crate::provider::Change {
        field: crate::provider::CLIENT_SECRET.to_owned(),
        before: Some("(not ours)".to_owned()),
        after: Some("(new)".to_owned()),
    }
}

fn step(action: Action, id: &ConnectionId, name: &ProviderName, reason: String) -> Step {
    Step {
        action,
        connection_id: id.clone(),
        provider_name: name.clone(),
        app_client_id: None,
        reason,
        changes: Vec::new(),
        held: false,
        takes_away: false,
    }
}
