//! Turns the difference between what is wanted and what is there into creates and updates.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    desired::DesiredConnection,
    id::{ConnectionId, Identifier, ProviderName},
    identifier::{MOST, is_domain},
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
    /// What each of our providers is, as the steps so far leave it.
    specs: BTreeMap<ConnectionId, ProviderSpec>,
    /// Providers that exist, or will after the steps so far.
    pub(super) present: BTreeSet<ConnectionId>,
    /// Providers that the steps so far give a new secret.
    renewed: BTreeSet<ConnectionId>,
}

impl<'a> Builder<'a> {
    pub fn new(situation: Situation<'a>, ground: &'a Ground) -> Self {
        let assigned = &ground.assignment.identifiers;
        let current = ground.current.iter();
        let ours = situation.claims.iter().filter(|(id, _)| ground.known.get(*id) == Some(&Known::Ours));
        Self {
            situation,
            ground,
            owners: assigned.iter().flat_map(|(id, those)| those.iter().map(move |one| (one, id))).collect(),
            held: current.flat_map(|(id, those)| those.iter().map(move |one| (one.clone(), id.clone()))).collect(),
            specs: ours.map(|(id, claim)| (id.clone(), spec_now(&situation, claim))).collect(),
            present: ground.ours().cloned().collect(),
            renewed: BTreeSet::new(),
        }
    }

    /// The provider's name: the claim's, since an adopted one keeps its own.
    pub(super) fn name(&self, id: &ConnectionId) -> ProviderName {
        let claim = self.situation.claims.get(id);
        claim.map_or_else(|| ProviderName::for_connection(id), |claim| claim.provider_name.clone())
    }

    /// Creates and updates, the oldest connection first, so that a pool that fills up leaves the newest out. First each
    /// provider gets what concerns nobody else. Then identifiers go from one to the other, so that who gives one up does so
    /// for a provider that is there and was written. What takes a way to sign in away comes last, since it can be held.
    pub fn write_providers(&mut self, plan: &mut Plan) {
        let desired = self.situation.desired;
        let mut wanted: Vec<&DesiredConnection> = desired
            .connections
            .values()
            .filter(|wanted| wanted.presence.is_provided() && !desired.is_untouched(&wanted.connection.id))
            .collect();
        wanted.sort_by_key(|wanted| wanted.connection.age());
        for wanted in &wanted {
            self.write_own(wanted, plan);
        }
        self.move_identifiers(&wanted, plan);
        for wanted in &wanted {
            self.take_away(&wanted.connection.id, plan);
        }
    }

    /// What a wanted provider should be.
    fn wanted_spec(&self, id: &ConnectionId) -> ProviderSpec {
        let assigned = self.ground.assignment.identifiers.get(id).cloned().unwrap_or_default();
        self.situation.spec.spec(id, assigned)
    }

    /// Whether another of our providers has an identifier.
    fn is_others(&self, id: &ConnectionId, identifier: &Identifier) -> bool {
        self.held.get(identifier).is_some_and(|holder| holder != id)
    }

    fn write_own(&mut self, wanted: &DesiredConnection, plan: &mut Plan) {
        let id = &wanted.connection.id;
        let name = self.name(id);
        match (self.situation.claims.get(id), self.ground.known.get(id)) {
            (Some(claim), Some(Known::Ours)) => self.update_own(claim, plan),
            (_, Some(Known::Foreign | Known::Unclear)) => {}
            (None, _) if self.situation.observed.providers.contains_key(&name) => plan.notes.push(Note {
                connection_id: Some(id.clone()),
                provider_name: Some(name.clone()),
                message: format!("a provider {name} exists that Causeway did not make: it is left alone"),
                remedy: Some(ADOPT.to_owned()),
                ..Note::default()
            }),
            (claim, _) => {
                let reason = match claim {
                    None => {
                        format!("the connection is {} and has no provider", wanted.connection.state.as_str())
                    }
                    Some(claim) if claim.is_held() => "the provider was deleted outside of Causeway".to_owned(),
                    Some(_) => "an earlier attempt to create the provider did not succeed".to_owned(),
                };
                let mut spec = self.wanted_spec(id);
                spec.identifiers.retain(|identifier| !self.is_others(id, identifier));
                self.leave(id, &spec);
                let changes = ProviderSpec::default().changes_to(&spec);
                plan.steps.push(Step { changes, ..step(Action::Create(spec), id, &name, reason) });
                self.present.insert(id.clone());
            }
        }
    }

    /// An update that takes nothing from anybody: the issuer stays, with all that hangs on it, and so do identifiers.
    fn update_own(&mut self, claim: &Claim, plan: &mut Plan) {
        let id = &claim.connection_id;
        let Some(before) = self.specs.get(id).cloned() else { return };
        let mut after = self.wanted_spec(id);
        // It leads to somebody else, such as another deployment, whose secret it has: one of ours there would end every
        // sign-in. Both change in the step that takes it back.
        if before.issuer().is_some_and(|shown| shown != claim.issuer.as_str() && after.issuer() != Some(shown)) {
            return;
        }
        let mut gained: Vec<Identifier> = after.identifiers.difference(&before.identifiers).cloned().collect();
        gained.retain(|identifier| !self.is_others(id, identifier));
        if before.details.contains_key(OIDC_ISSUER) && before.issuer() != after.issuer() {
            after.details.clone_from(&before.details);
        }
        after.identifiers.clone_from(&before.identifiers);
        // Where there is no room beside what it is to lose, the next run gives it the rest.
        gained.sort_by_key(is_domain);
        after.identifiers.extend(gained.into_iter().take(MOST.saturating_sub(before.identifiers.len())));
        let new_secret = self.renew_secret(claim);
        if after != before || new_secret {
            let reason = update_reason(&before, &after, new_secret);
            self.leave(id, &after);
            plan.steps.push(update(claim, before, after, new_secret, reason));
        }
    }

    /// A provider whose identifiers others are to get takes its own after them: each of those frees what it takes right
    /// before it takes it, so that a run that ends early leaves at most one move half done. Where providers wait for each
    /// other in a circle, the oldest goes first.
    fn move_identifiers(&mut self, wanted: &[&DesiredConnection], plan: &mut Plan) {
        let mut waiting: Vec<&ConnectionId> = wanted.iter().map(|wanted| &wanted.connection.id).collect();
        waiting.retain(|id| self.specs.contains_key(*id));
        while !waiting.is_empty() {
            let is_free = |id: &&ConnectionId| !self.gives_to_any_of(id, &waiting);
            let next = waiting.iter().position(is_free).unwrap_or_default();
            let taker = waiting.remove(next);
            self.take(taker, plan);
        }
    }

    /// Whether a provider still has an identifier that one of `takers` is to get.
    fn gives_to_any_of(&self, id: &ConnectionId, takers: &[&ConnectionId]) -> bool {
        self.ground.current.get(id).into_iter().flatten().any(|identifier| {
            self.held.get(identifier) == Some(id)
                && self.owners.get(identifier).is_some_and(|owner| *owner != id && takers.contains(owner))
        })
    }

    /// Gives a provider the identifiers that others have, as many as it has room for. What it has for others gives way.
    fn take(&mut self, taker: &ConnectionId, plan: &mut Plan) {
        let Some(before) = self.specs.get(taker).cloned() else { return };
        let assigned = self.wanted_spec(taker).identifiers;
        let for_others = |identifier: &&Identifier| self.owners.get(*identifier).is_some_and(|owner| *owner != taker);
        let stays = before.identifiers.iter().filter(|identifier| !for_others(identifier)).count();
        let mut missing: Vec<&Identifier> = assigned.difference(&before.identifiers).collect();
        missing.sort_by_key(|identifier| is_domain(identifier));
        let moving: BTreeSet<Identifier> = missing.into_iter().take(MOST.saturating_sub(stays)).cloned().collect();
        if moving.is_empty() {
            return;
        }
        let mut after = before.clone();
        after.identifiers.extend(moving.iter().cloned());
        let too_many = after.identifiers.len().saturating_sub(MOST);
        let given: Vec<Identifier> = before.identifiers.iter().filter(for_others).take(too_many).cloned().collect();
        after.identifiers.retain(|identifier| !given.contains(identifier));
        self.free_for(taker, &moving, plan);
        self.leave(taker, &after);
        let reason = update_reason(&before, &after, false);
        let (name, changes) = (self.name(taker), before.changes_to(&after));
        let action = Action::Update { before, after, new_secret: false };
        plan.steps.push(Step { changes, ..step(action, taker, &name, reason) });
    }

    /// Frees the identifiers that `taker` is to get, from whichever of our providers has them.
    fn free_for(&mut self, taker: &ConnectionId, identifiers: &BTreeSet<Identifier>, plan: &mut Plan) {
        let holders: BTreeSet<ConnectionId> =
            identifiers.iter().filter_map(|identifier| self.held.get(identifier)).cloned().collect();
        for holder in holders {
            let (Some(claim), Some(before)) = (self.situation.claims.get(&holder), self.specs.get(&holder).cloned())
            else {
                continue;
            };
            let mut after = before.clone();
            after.identifiers.retain(|identifier| !identifiers.contains(identifier));
            let moved: Vec<&str> = before.identifiers.difference(&after.identifiers).map(Identifier::as_str).collect();
            let reason = format!("{} goes to the connection {taker}", moved.join(", "));
            self.leave(&holder, &after);
            let new_secret = self.renew_secret(claim);
            plan.steps.push(update(claim, before, after, new_secret, reason));
        }
    }

    /// A step of its own for what takes a way to sign in away, so that the guard never holds back more than the loss. What
    /// another is to get and has no room for yet stays.
    fn take_away(&mut self, id: &ConnectionId, plan: &mut Plan) {
        let (Some(claim), Some(before)) = (self.situation.claims.get(id), self.specs.get(id).cloned()) else { return };
        if self.ground.known.get(id) != Some(&Known::Ours) {
            return;
        }
        let mut after = self.wanted_spec(id);
        let assigned = std::mem::take(&mut after.identifiers);
        let stays = |identifier: &&Identifier| assigned.contains(*identifier) || self.owners.contains_key(*identifier);
        after.identifiers = before.identifiers.iter().filter(stays).cloned().collect();
        if after != before {
            let reason = update_reason(&before, &after, false);
            self.leave(id, &after);
            plan.steps.push(Step { takes_away: true, ..update(claim, before, after, false, reason) });
        }
    }

    /// The identifiers that a provider has after the steps so far, in order.
    pub(super) fn identifiers_left(&self, id: &ConnectionId) -> Vec<Identifier> {
        self.specs.get(id).into_iter().flat_map(|spec| &spec.identifiers).cloned().collect()
    }

    /// Records what a provider is after a step.
    fn leave(&mut self, id: &ConnectionId, spec: &ProviderSpec) {
        self.held.retain(|identifier, holder| holder != id || spec.identifiers.contains(identifier));
        self.held.extend(spec.identifiers.iter().map(|identifier| (identifier.clone(), id.clone())));
        self.specs.insert(id.clone(), spec.clone());
    }

    /// Whether the next write of a provider must bring a new secret, as Cognito shows one that is not ours.
    fn renew_secret(&mut self, claim: &Claim) -> bool {
        let is_foreign = description(&self.situation, claim)
            .is_some_and(|description| !description.secret_hash().is_some_and(|hash| claim.secrets.is_ours(&hash)));
        is_foreign && self.renewed.insert(claim.connection_id.clone())
    }
}

/// What a provider of ours is: described, or as its claim says.
fn spec_now(situation: &Situation<'_>, claim: &Claim) -> ProviderSpec {
    let described = description(situation, claim).map(|description| description.spec.clone());
    described.unwrap_or_else(|| situation.spec.spec(&claim.connection_id, claim.identifiers.clone()))
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
