//! Deletes what nobody wants any more, and forgets claims that have nothing left to hold.

use std::collections::BTreeMap;

use crate::{
    claim::Claim,
    desired::Desired,
    id::{ConnectionId, Identifier},
    plan::{
        Action, DeleteReason, Note, Plan, Situation, SpecOf, Step,
        build::{Builder, step},
        settle::Known,
    },
    provider::{Change, OIDC_ISSUER, Observed},
    user_pool::Mode,
};

/// Why every step of a removal is done.
pub(super) const REMOVAL: &str = "the user pool is being removed";

impl Builder<'_> {
    pub fn remove_providers(&mut self, plan: &mut Plan) {
        for claim in self.situation.claims.values() {
            let desired = self.situation.desired;
            let id = &claim.connection_id;
            let known = self.ground.known.get(id).copied();
            if known == Some(Known::Foreign) {
                // Whatever the connection is: the claim is of a provider that is not there.
                let reason = "a provider of this name exists that Causeway did not make".to_owned();
                plan.steps.push(step(Action::Forget, id, &claim.provider_name, reason));
            } else if !desired.is_untouched(id) && !desired.connections.contains_key(id) {
                self.remove_provider(claim, known, plan);
            }
        }
    }

    fn remove_provider(&self, claim: &Claim, known: Option<Known>, plan: &mut Plan) {
        let id = &claim.connection_id;
        let why = self.why_unwanted(id);
        match known {
            Some(Known::Ours) if self.situation.mode == Mode::Upsert => {
                plan.notes.push(note(claim, format!("{why}: the provider is kept, as the pool's mode is upsert")));
            }
            Some(Known::Ours) => {
                let excluded = self.situation.desired.excluded.contains(id);
                let action = Action::Delete(if excluded { DeleteReason::Excluded } else { DeleteReason::Gone });
                let step = step(action, id, &claim.provider_name, why);
                plan.steps.push(Step { changes: self.what_goes(claim), takes_away: true, ..step });
            }
            Some(Known::Missing) => {
                let reason = format!("{why}, and its provider is not there");
                plan.steps.push(step(Action::Forget, id, &claim.provider_name, reason));
            }
            _ => {}
        }
    }

    /// What a delete shows as taken: only what a claim knows as well as a description does, since an
    /// approval of the step must still fit when the provider is no longer described.
    fn what_goes(&self, claim: &Claim) -> Vec<Change> {
        let gone = |field: &str, before: String| Change { field: field.to_owned(), before: Some(before), after: None };
        let identifiers = self.identifiers_left(&claim.connection_id);
        let texts: Vec<&str> = identifiers.iter().map(Identifier::as_str).collect();
        let mut changes = vec![gone(OIDC_ISSUER, claim.issuer.as_str().to_owned())];
        if !texts.is_empty() {
            changes.push(gone("identifiers", texts.join(", ")));
        }
        changes
    }
}

fn note(claim: &Claim, message: String) -> Note {
    Note {
        provider_name: Some(claim.provider_name.clone()),
        ..Note::on_connection(claim.connection_id.clone(), message)
    }
}

/// What must be done to a pool so that all of Causeway's providers are gone from it.
pub fn plan_to_delete(observed: &Observed, claims: &BTreeMap<ConnectionId, Claim>, spec: &dyn SpecOf) -> Plan {
    let desired = Desired::nothing(claims.keys().cloned());
    let foreign = BTreeMap::new();
    let mut plan =
        super::plan(Situation { desired: &desired, observed, claims, foreign: &foreign, mode: Mode::Sync, spec });
    // What an operator asked for is no loss that the guard counts.
    for step in &mut plan.steps {
        step.takes_away = false;
    }
    plan
}

/// What is done to a claim whose provider is kept.
pub fn step_to_keep(claim: &Claim) -> Step {
    Step {
        action: Action::Forget,
        connection_id: claim.connection_id.clone(),
        provider_name: claim.provider_name.clone(),
        app_client_id: None,
        reason: format!("{REMOVAL}, and its provider is kept"),
        changes: Vec::new(),
        held: false,
        takes_away: false,
    }
}
