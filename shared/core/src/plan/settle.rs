//! What a look at the pool tells about the claims, before anything is planned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{
    Deserialize,
    de::{IntoDeserializer, value::StrDeserializer},
};

use crate::{
    claim::Claim,
    id::{ConnectionId, Identifier, ProviderName},
    identifier::{Assignment, Left, assign_among},
    plan::{ADOPT, Note, Plan, Situation, is_wanted},
    provider::{Fingerprint, Issuer, ObservedProvider, ProviderDescription, ProviderSpec},
    secret::SecretHash,
    standing::Standing,
    timestamp::Timestamp,
};

/// The `ProviderType` of every provider that Causeway makes.
const OIDC: &str = "OIDC";

/// What a description told of a claimed provider, for its claim: that it exists, what it is, and which
/// secret Cognito holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Its issuer, if it is the one that it should have. A run that ended between the update and the claim
    /// leaves a claim with the previous issuer, under which no sign-in would go through.
    pub issuer: Option<Issuer>,
    /// What the provider is.
    pub fingerprint: Fingerprint,
    /// Its identifiers.
    pub identifiers: BTreeSet<Identifier>,
    /// Cognito's date of its last change.
    pub last_modified: Timestamp,
    /// The hash of the secret that Cognito holds, if it is one of ours.
    pub secret: Option<SecretHash>,
}

impl Settlement {
    /// What a provider shows of itself, for its claim; `expected` is what it should be but for its identifiers. `None` for
    /// one that was not described.
    pub fn of(claim: &Claim, provider: &ObservedProvider, expected: &ProviderSpec) -> Option<Self> {
        let description = provider.description.as_ref()?;
        Some(Self {
            connection_id: claim.connection_id.clone(),
            issuer: expected.issuer().filter(|issuer| description.spec.issuer() == Some(*issuer)).and_then(read_issuer),
            fingerprint: description.spec.fingerprint(),
            identifiers: description.spec.identifiers.clone(),
            last_modified: provider.last_modified,
            secret: description.secret_hash().filter(|hash| claim.secrets.is_ours(hash)),
        })
    }

    /// The claim as it should be after this settlement, or `None` if it says so already.
    pub fn applied_to(&self, claim: &Claim, now: Timestamp) -> Option<Claim> {
        let mut settled = claim.clone();
        settled.state = crate::claim::ClaimState::Held;
        if let Some(issuer) = &self.issuer {
            settled.issuer.clone_from(issuer);
        }
        // A provider that holds somebody else's secret is not as it should be, however it looks otherwise:
        // it is described again until it has got a new one.
        settled.fingerprint = self.secret.is_some().then(|| self.fingerprint.clone());
        settled.identifiers.clone_from(&self.identifiers);
        settled.last_modified = Some(self.last_modified);
        if let Some(secret) = &self.secret
            && !settled.secrets.is_live(secret)
        {
            settled.secrets.confirm(secret, now);
        }
        (settled != *claim).then_some(settled)
    }
}

/// The providers that must be described before anything can be planned: those that are not known to be as
/// Causeway left them, and those that will not stay as they are.
pub fn to_describe(situation: &Situation<'_>) -> BTreeSet<ProviderName> {
    let ground = Ground::of(situation);
    situation
        .claims
        .values()
        .filter(|claim| {
            situation
                .observed
                .providers
                .get(&claim.provider_name)
                .is_some_and(|provider| must_be_described(situation, &ground, claim, provider))
        })
        .map(|claim| claim.provider_name.clone())
        .collect()
}

/// The providers that the list lacks, and that are asked for alone before anything is concluded from that: those of the
/// claims, and those whose names are left in an app client.
pub fn to_find(situation: &Situation<'_>) -> BTreeSet<ProviderName> {
    let observed = situation.observed;
    let claimed = situation.claims.values().map(|claim| claim.provider_name.clone());
    let named = observed.app_clients.values().flatten().filter_map(|text| text.parse().ok());
    let named = named.filter(|name| made_for(name).is_some());
    claimed.chain(named).filter(|name| !observed.providers.contains_key(name)).collect()
}

/// The connection that Causeway would have made a provider of this name for.
pub(super) fn made_for(name: &ProviderName) -> Option<ConnectionId> {
    name.as_str().replacen('-', "_", 1).parse().ok().filter(|id| ProviderName::for_connection(id) == *name)
}

fn must_be_described(situation: &Situation<'_>, ground: &Ground, claim: &Claim, provider: &ObservedProvider) -> bool {
    if provider.provider_type != OIDC {
        return false;
    }
    if !claim.is_held() || claim.last_modified != Some(provider.last_modified) {
        return true;
    }
    let id = &claim.connection_id;
    let assigned = ground.assignment.identifiers.get(id).cloned().unwrap_or_default();
    if situation.desired.connections.get(id).is_some_and(|wanted| wanted.presence.is_provided()) {
        let expected = situation.spec.spec(id, assigned);
        // A provider can be as it should be under a claim that still has the previous issuer: the run that
        // wrote it was killed, and the public URL moved there and back. Its sign-ins would be refused.
        claim.fingerprint.as_ref() != Some(&expected.fingerprint()) || expected.issuer() != Some(claim.issuer.as_str())
    } else {
        claim.identifiers != assigned
    }
}

/// What is known of each claim's provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// No provider of the claim's name is in the pool.
    Missing,
    /// None is shown, and one that was asked for may still come to be.
    Pending,
    /// One is, and it is ours.
    Ours,
    /// One is, and somebody else made it.
    Foreign,
    /// Nobody looked closely whether one is, or whose it is, or somebody else's stands where a late write of ours may still
    /// go: nothing is concluded.
    Unclear,
}

/// What a plan stands on.
#[derive(Debug)]
pub(super) struct Ground {
    /// What is known of each claim's provider.
    pub known: BTreeMap<ConnectionId, Known>,
    /// The identifiers that each of our providers has now.
    pub current: BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    /// The identifiers that each of our providers should have.
    pub assignment: Assignment,
}

impl Ground {
    pub fn of(situation: &Situation<'_>) -> Self {
        let known: BTreeMap<ConnectionId, Known> =
            situation.claims.iter().map(|(id, claim)| (id.clone(), known_of(situation, claim))).collect();
        let current = current_identifiers(situation, &known);
        let foreign = foreign_identifiers(situation, &known);
        let blocked = blocked(situation, &known);
        let unclear = known.iter().filter(|(_, known)| **known == Known::Unclear);
        let kept = unclear.map(|(id, _)| id.clone()).collect();
        let assignment = assign_among(situation.desired, &current, &foreign, &Left { blocked, kept });
        Self { known, current, assignment }
    }

    /// The connections that have a provider of Causeway's now.
    pub fn ours(&self) -> impl Iterator<Item = &ConnectionId> {
        self.known.iter().filter(|(_, known)| **known == Known::Ours).map(|(id, _)| id)
    }
}

/// What each connection has that has a provider of Causeway's now: not those whose provider somebody deleted or replaced.
pub fn standing(situation: &Situation<'_>) -> BTreeMap<ConnectionId, Standing> {
    let ours = situation.claims.iter().filter(|(_, claim)| known_of(situation, claim) == Known::Ours);
    ours.map(|(id, claim)| (id.clone(), standing_of(situation, claim))).collect()
}

/// The connections whose providers Causeway made, and of which this look can't tell whether they are there.
pub fn unseen(situation: &Situation<'_>) -> BTreeSet<ConnectionId> {
    let unclear = situation.claims.iter().filter(|(_, claim)| known_of(situation, claim) == Known::Unclear);
    unclear.filter(|(_, claim)| claim.is_held()).map(|(id, _)| id.clone()).collect()
}

fn standing_of(situation: &Situation<'_>, claim: &Claim) -> Standing {
    let shown = description(situation, claim).and_then(|description| description.spec.issuer());
    let offering = situation.observed.app_clients.iter();
    let offering = offering.filter(|(_, supported)| supported.contains(claim.provider_name.as_str()));
    Standing {
        provider_name: claim.provider_name.clone(),
        issuer: shown.unwrap_or(claim.issuer.as_str()).to_owned(),
        identifiers: identifiers_now(situation, claim),
        app_clients: offering.map(|(client, _)| client.clone()).collect(),
    }
}

/// Whether somebody else's provider has the name of one of ours that may still come to be: once theirs is gone, a create
/// whose answer was lost can be carried out.
pub fn hides_late_write(situation: &Situation<'_>) -> bool {
    let waits_for = |claim: &&Claim| situation.observed.unsettled.contains(&claim.provider_name);
    situation.claims.values().filter(waits_for).any(|claim| shown_of(situation, claim) == Known::Foreign)
}

fn known_of(situation: &Situation<'_>, claim: &Claim) -> Known {
    match shown_of(situation, claim) {
        Known::Foreign if situation.observed.unsettled.contains(&claim.provider_name) => Known::Unclear,
        shown => shown,
    }
}

/// What the pool shows of a claim's provider.
fn shown_of(situation: &Situation<'_>, claim: &Claim) -> Known {
    let Some(provider) = situation.observed.providers.get(&claim.provider_name) else {
        return match (situation.observed.gone.contains(&claim.provider_name), claim.is_held()) {
            (true, _) => Known::Missing,
            (false, true) => Known::Unclear,
            (false, false) => Known::Pending,
        };
    };
    if situation.observed.undescribed.contains(&claim.provider_name) {
        return Known::Unclear;
    }
    // Causeway makes no other kind: this one was made by somebody after ours was deleted.
    if provider.provider_type != OIDC {
        return Known::Foreign;
    }
    match &provider.description {
        _ if claim.is_held() => Known::Ours,
        None => Known::Unclear,
        Some(description) if is_made_for(claim, description, &expected(situation, claim)) => Known::Ours,
        Some(_) => Known::Foreign,
    }
}

/// Whether a provider shows what only the one that Causeway made for this claim can show. `expected` is what it should
/// be. Its issuer may still be one of an earlier public URL: a write whose answer was lost can be carried out after that
/// has moved.
pub fn is_made_for(claim: &Claim, description: &ProviderDescription, expected: &ProviderSpec) -> bool {
    description.secret_hash().is_some_and(|hash| claim.secrets.is_ours(&hash))
        && description.spec.issuer().is_some_and(|issuer| path_of(issuer) == path_of(claim.issuer.as_str()))
        && description.spec.details.get("client_id") == expected.details.get("client_id")
}

/// What an issuer has after the public URL: tenant and connection.
fn path_of(issuer: &str) -> Option<&str> {
    issuer.rsplit_once("/oidc/").map(|(_, path)| path)
}

fn expected(situation: &Situation<'_>, claim: &Claim) -> ProviderSpec {
    situation.spec.spec(&claim.connection_id, BTreeSet::new())
}

fn current_identifiers(
    situation: &Situation<'_>,
    known: &BTreeMap<ConnectionId, Known>,
) -> BTreeMap<ConnectionId, BTreeSet<Identifier>> {
    // One that is not seen now has what it had.
    let may_be = |id: &ConnectionId, claim: &Claim| match known.get(id) {
        Some(Known::Ours) => true,
        Some(Known::Unclear) => claim.is_held(),
        _ => false,
    };
    let ours = situation.claims.iter().filter(|(id, claim)| may_be(id, claim));
    ours.map(|(id, claim)| (id.clone(), identifiers_now(situation, claim))).collect()
}

fn identifiers_now(situation: &Situation<'_>, claim: &Claim) -> BTreeSet<Identifier> {
    description(situation, claim)
        .map_or_else(|| claim.identifiers.clone(), |description| description.spec.identifiers.clone())
}

/// What `Describe` showed of a claim's provider, if it was asked.
pub(super) fn description<'a>(situation: &Situation<'a>, claim: &Claim) -> Option<&'a ProviderDescription> {
    situation.observed.providers.get(&claim.provider_name)?.description.as_ref()
}

/// The identifiers of the providers that are not ours: those that the situation tells of, as long as the
/// provider is there, and those of providers that turned out not to be ours just now.
fn foreign_identifiers(
    situation: &Situation<'_>,
    known: &BTreeMap<ConnectionId, Known>,
) -> BTreeMap<Identifier, Option<ProviderName>> {
    let is = |id: &ConnectionId, what: Known| known.get(id) == Some(&what);
    let ours: BTreeSet<&ProviderName> =
        situation.claims.iter().filter(|(id, _)| is(id, Known::Ours)).map(|(_, claim)| &claim.provider_name).collect();
    let told = situation
        .foreign
        .iter()
        .filter(|(_, name)| {
            name.as_ref().is_none_or(|name| situation.observed.providers.contains_key(name) && !ours.contains(name))
        })
        .map(|(identifier, name)| (identifier.clone(), name.clone()));
    let seen = situation.claims.iter().filter(|(id, _)| is(id, Known::Foreign)).flat_map(|(_, claim)| {
        let identifiers = description(situation, claim).map(|description| &description.spec.identifiers);
        identifiers.into_iter().flatten().map(|identifier| (identifier.clone(), Some(claim.provider_name.clone())))
    });
    told.chain(seen).collect()
}

/// The wanted connections whose provider can't be written: an organization's identifiers would be lost on
/// them, while another of its connections could have them.
fn blocked(situation: &Situation<'_>, known: &BTreeMap<ConnectionId, Known>) -> BTreeSet<ConnectionId> {
    let is_blocked = |id: &ConnectionId| match known.get(id) {
        Some(Known::Ours | Known::Missing | Known::Pending) => false,
        Some(Known::Foreign | Known::Unclear) => true,
        None => situation.observed.providers.contains_key(&ProviderName::for_connection(id)),
    };
    situation.desired.connections.keys().filter(|id| is_blocked(id)).cloned().collect()
}

/// Settles every claim whose provider was described.
pub(super) fn settle(situation: &Situation<'_>, known: &BTreeMap<ConnectionId, Known>, plan: &mut Plan) {
    for (id, claim) in situation.claims {
        match (known.get(id), situation.observed.providers.get(&claim.provider_name)) {
            (Some(Known::Ours), Some(provider)) => {
                plan.settlements.extend(Settlement::of(claim, provider, &expected(situation, claim)));
            }
            (Some(Known::Foreign), _) => plan.notes.push(Note {
                connection_id: Some(id.clone()),
                provider_name: Some(claim.provider_name.clone()),
                message: format!(
                    "the provider {} is not Causeway's own: it is left alone, and the connection has none",
                    claim.provider_name
                ),
                remedy: is_wanted(situation.desired, id).then(|| ADOPT.to_owned()),
                ..Note::default()
            }),
            _ => {}
        }
    }
}

/// An issuer's only way back from text is the one by which it is read from the table.
fn read_issuer(text: &str) -> Option<Issuer> {
    let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    Issuer::deserialize(text).ok()
}
