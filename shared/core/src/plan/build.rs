//! Turns the difference between what is wanted and what is there into creates and updates.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    desired::DesiredConnection,
    id::{ConnectionId, Identifier, ProviderName},
    identifier::MOST,
    plan::{
        ADOPT, Action, Note, Plan, Situation, Step,
        settle::{Ground, Known, description},
    },
    provider::{CLIENT_SECRET, Change, OIDC_ISSUER, ProviderSpec},
};

pub(super) struct Builder<'a> {
    pub(super) situation: Situation<'a>,
    pub(super) ground: &'a Ground,
    /// Who should have which identifier.
    owners: BTreeMap<&'a Identifier, &'a ConnectionId>,
    /// Who has which identifier, as the steps so far leave it.
    held: BTreeMap<Identifier, ConnectionId>,
    /// Providers that exist, or will after the steps so far.
    pub(super) present: BTreeSet<ConnectionId>,
    /// Providers that the steps so far give a new secret.
    renewed: BTreeSet<ConnectionId>,
}

impl<'a> Builder<'a> {
    pub fn new(situation: Situation<'a>, ground: &'a Ground) -> Self {
        let assigned = &ground.assignment.identifiers;
        Self {
            situation,
            ground,
            owners: assigned.iter().flat_map(|(id, those)| those.iter().map(move |one| (one, id))).collect(),
            held: ground
                .current
                .iter()
                .flat_map(|(id, those)| those.iter().map(move |one| (one.clone(), id.clone())))
                .collect(),
            present: ground.current.keys().cloned().collect(),
            renewed: BTreeSet::new(),
        }
    }

    /// The provider's name: the claim's, since an adopted one keeps its own.
    pub(super) fn name(&self, id: &ConnectionId) -> ProviderName {
        let claim = self.situation.claims.get(id);
        claim.map_or_else(|| ProviderName::for_connection(id), |claim| claim.provider_name.clone())
    }

    /// Creates and updates, the oldest connection first, so that a pool that fills up leaves the newest out.
    /// A provider whose identifiers others are to get is written after them: each of those frees what it
    /// takes right before it takes it, so that a run that ends early leaves at most one move half done.
    /// Where providers wait for each other in a circle, the oldest goes first.
    pub fn write_providers(&mut self, plan: &mut Plan) {
        let desired = self.situation.desired;
        let mut waiting: Vec<&DesiredConnection> = desired
            .connections
            .values()
            .filter(|wanted| wanted.presence.is_provided() && !desired.is_untouched(&wanted.connection.id))
            .collect();
        waiting.sort_by_key(|wanted| wanted.connection.age());
        let mut unwritten: BTreeSet<&ConnectionId> = waiting.iter().map(|wanted| &wanted.connection.id).collect();
        while !waiting.is_empty() {
            let mut later = Vec::new();
            for wanted in &waiting {
                if self.gives_to_any_of(&wanted.connection.id, &unwritten) {
                    later.push(*wanted);
                } else {
                    self.write_provider(wanted, plan);
                    unwritten.remove(&wanted.connection.id);
                }
            }
            if later.len() == waiting.len() {
                let oldest = later.remove(0);
                self.write_provider(oldest, plan);
                unwritten.remove(&oldest.connection.id);
            }
            waiting = later;
        }
    }

    /// Whether a provider still has an identifier that one of `takers` is to get.
    fn gives_to_any_of(&self, id: &ConnectionId, takers: &BTreeSet<&ConnectionId>) -> bool {
        self.ground.current.get(id).into_iter().flatten().any(|identifier| {
            self.held.get(identifier) == Some(id)
                && self.owners.get(identifier).is_some_and(|owner| *owner != id && takers.contains(*owner))
        })
    }

    fn write_provider(&mut self, wanted: &DesiredConnection, plan: &mut Plan) {
        let id = &wanted.connection.id;
        let name = self.name(id);
        let assigned = self.ground.assignment.identifiers.get(id).cloned().unwrap_or_default();
        let spec = self.situation.spec.spec(id, assigned);
        match (self.situation.claims.get(id), self.ground.known.get(id)) {
            (Some(claim), Some(Known::Ours)) => self.update_provider(claim, spec, plan),
            (_, Some(Known::Foreign | Known::Unclear)) => {}
            (None, _) if self.situation.observed.providers.contains_key(&name) => plan.notes.push(Note {
                connection_id: Some(id.clone()),
                provider_name: Some(name.clone()),
                message: format!("a provider {name} exists that Causeway did not make: it is left alone"),
                remedy: Some(ADOPT.to_owned()),
            }),
            (claim, _) => {
                let reason = match claim {
                    None => {
                        format!("the connection is {} and has no provider", wanted.connection.state.as_str())
                    }
                    Some(claim) if claim.is_held() => "the provider was deleted outside of Causeway".to_owned(),
                    Some(_) => "an earlier attempt to create the provider did not succeed".to_owned(),
                };
                self.free_for(id, &spec.identifiers, plan);
                self.hold(id, &spec.identifiers);
                let changes = ProviderSpec::default().changes_to(&spec);
                plan.steps.push(Step { changes, ..step(Action::Create(spec), id, &name, reason) });
                self.present.insert(id.clone());
            }
        }
    }

    /// Everything that takes no way to sign in away is a step of its own, so that the guard never holds
    /// back more than the loss: an identifier that was freed for a held update would be on no provider.
    fn update_provider(&mut self, claim: &Claim, after: ProviderSpec, plan: &mut Plan) {
        let id = &claim.connection_id;
        let before = self.spec_before(claim, &after);
        let harmless = self.without_loss(&before, &after);
        let new_secret = self.renew_secret(claim);
        if harmless != before || new_secret {
            self.free_for(id, &harmless.identifiers, plan);
            let reason = update_reason(&before, &harmless, new_secret);
            plan.steps.push(update(claim, before, harmless.clone(), new_secret, reason));
        }
        // Where there was no room for all that it gets beside what it loses, the next run gives it the rest.
        let mut after = after;
        after.identifiers.retain(|identifier| harmless.identifiers.contains(identifier));
        self.hold(id, &after.identifiers);
        if after != harmless {
            let reason = update_reason(&harmless, &after, false);
            plan.steps.push(Step { takes_away: true, ..update(claim, harmless, after, false, reason) });
        }
    }

    /// What a wanted provider is before its update: described, or, where its claim's fingerprint is the one of what is
    /// wanted, that.
    fn spec_before(&self, claim: &Claim, after: &ProviderSpec) -> ProviderSpec {
        let described = description(&self.situation, claim);
        let mut before = described.map_or_else(|| after.clone(), |description| description.spec.clone());
        // What earlier steps freed is gone already.
        before.identifiers.retain(|identifier| self.held.get(identifier) == Some(&claim.connection_id));
        before
    }

    /// `after`, with what is a way to sign in kept: the issuer, with all that hangs on it, and the
    /// identifiers that nobody else gets.
    fn without_loss(&self, before: &ProviderSpec, after: &ProviderSpec) -> ProviderSpec {
        let mut kept = after.clone();
        let issuer = before.details.get(OIDC_ISSUER);
        if issuer.is_some() && issuer != after.details.get(OIDC_ISSUER) {
            kept.details.clone_from(&before.details);
        }
        let stays = |identifier: &&Identifier| {
            after.identifiers.contains(*identifier) || !self.owners.contains_key(*identifier)
        };
        kept.identifiers = before.identifiers.iter().filter(stays).cloned().collect();
        let room = MOST.saturating_sub(kept.identifiers.len());
        kept.identifiers.extend(after.identifiers.difference(&before.identifiers).take(room).cloned());
        kept
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
            let moved: Vec<&str> = before.identifiers.difference(&after.identifiers).map(Identifier::as_str).collect();
            let reason = format!("{} goes to the connection {taker}", moved.join(", "));
            self.hold(&holder, &after.identifiers);
            let new_secret = self.renew_secret(claim);
            plan.steps.push(update(claim, before, after, new_secret, reason));
        }
    }

    /// What a provider of ours is before anything but identifiers of it changes: described, or as its claim
    /// says.
    fn spec_now(&self, claim: &Claim) -> ProviderSpec {
        let id = &claim.connection_id;
        let mut spec = match description(&self.situation, claim) {
            Some(description) => description.spec.clone(),
            None => self.situation.spec.spec(id, claim.identifiers.clone()),
        };
        spec.identifiers.retain(|identifier| self.held.get(identifier) == Some(id));
        spec
    }

    /// The identifiers that a provider has after the steps so far, in order.
    pub(super) fn identifiers_left(&self, id: &ConnectionId) -> Vec<Identifier> {
        self.held.iter().filter(|(_, holder)| *holder == id).map(|(identifier, _)| identifier.clone()).collect()
    }

    /// Records that a provider has these identifiers and no others.
    fn hold(&mut self, id: &ConnectionId, identifiers: &BTreeSet<Identifier>) {
        self.held.retain(|identifier, holder| holder != id || identifiers.contains(identifier));
        self.held.extend(identifiers.iter().map(|identifier| (identifier.clone(), id.clone())));
    }

    /// Whether the next write of a provider must bring a new secret, as Cognito shows one that is not ours.
    fn renew_secret(&mut self, claim: &Claim) -> bool {
        let is_foreign = description(&self.situation, claim)
            .is_some_and(|description| !description.secret_hash().is_some_and(|hash| claim.secrets.is_ours(&hash)));
        is_foreign && self.renewed.insert(claim.connection_id.clone())
    }
}

fn update_reason(before: &ProviderSpec, after: &ProviderSpec, new_secret: bool) -> String {
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

fn update(claim: &Claim, before: ProviderSpec, after: ProviderSpec, new_secret: bool, reason: String) -> Step {
    let mut changes = before.changes_to(&after);
    if new_secret {
        changes.push(Change {
            field: CLIENT_SECRET.to_owned(),
            before: Some("(not ours)".to_owned()),
            after: Some("(new)".to_owned()),
        });
    }
    let action = Action::Update { before, after, new_secret };
    Step { changes, ..step(action, &claim.connection_id, &claim.provider_name, reason) }
}

pub(super) fn step(action: Action, id: &ConnectionId, name: &ProviderName, reason: String) -> Step {
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
