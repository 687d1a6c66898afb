//! What a look at the pool tells about the claims, before anything is planned.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    id::{ConnectionId, Identifier, ProviderName},
    plan::{Note, Plan, Situation},
    provider::{Fingerprint, ObservedProvider},
    secret::SecretHash,
    timestamp::Timestamp,
};

/// What a description told of a claimed provider, for its claim: that it exists, what it is, and which
/// secret Cognito holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The connection.
    pub connection_id: ConnectionId,
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
    /// The claim as it should be after this settlement, or `None` if it says so already.
    pub fn applied_to(&self, claim: &Claim, now: Timestamp) -> Option<Claim> {
        let mut settled = claim.clone();
        settled.state = crate::claim::ClaimState::Held;
        settled.fingerprint = Some(self.fingerprint.clone());
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

/// Whether a provider must be described before it can be planned: it is not known to be as Causeway left
/// it, or what it should be has changed since.
pub fn needs_description(situation: &Situation<'_>, name: &ProviderName, provider: &ObservedProvider) -> bool {
    let Some(claim) = situation.claims.values().find(|claim| claim.provider_name == *name) else {
        return false;
    };
    if !claim.is_held() || claim.last_modified != Some(provider.last_modified) {
        return true;
    }
    let current = current_identifiers(situation);
    let assignment = crate::identifier::assign(situation.desired, &current, situation.foreign);
    let wanted = situation.desired.connections.get(&claim.connection_id);
    let assigned = assignment.identifiers.get(&claim.connection_id).cloned().unwrap_or_default();
    if wanted.is_some_and(|wanted| wanted.presence.is_provided()) {
        let spec = situation.spec.spec(&claim.connection_id, assigned);
        claim.fingerprint.as_ref() != Some(&spec.fingerprint())
    } else {
        claim.identifiers != assigned
    }
}

/// The identifiers that each claimed provider has now.
pub(super) fn current_identifiers(situation: &Situation<'_>) -> BTreeMap<ConnectionId, BTreeSet<Identifier>> {
    let mut current = BTreeMap::new();
    for (id, claim) in situation.claims {
        let Some(provider) = situation.observed.providers.get(&claim.provider_name) else {
            continue;
        };
        let identifiers = match &provider.description {
            Some(description) => description.spec.identifiers.clone(),
            None => claim.identifiers.clone(),
        };
        current.insert(id.clone(), identifiers);
    }
    current
}

/// What is known of each claim's provider after the descriptions were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// No provider of the claim's name is in the pool.
    Missing,
    /// One is, and it is ours.
    Ours,
    /// One is, and somebody else made it.
    Foreign,
    /// One is, and nobody looked at it closely: nothing is concluded.
    Unclear,
}

/// Settles every claim whose provider was described, and says of each claim what is known.
pub(super) fn settle(situation: &Situation<'_>, plan: &mut Plan) -> BTreeMap<ConnectionId, Known> {
    let mut known = BTreeMap::new();
    for (id, claim) in situation.claims {
        let Some(provider) = situation.observed.providers.get(&claim.provider_name) else {
            known.insert(id.clone(), Known::Missing);
            continue;
        };
        let Some(description) = &provider.description else {
            known.insert(id.clone(), if claim.is_held() { Known::Ours } else { Known::Unclear });
            continue;
        };
        let secret = description.secret_hash().filter(|hash| claim.secrets.is_ours(hash));
        let expected = situation.spec.spec(id, BTreeSet::new());
        let same_issuer = description.spec.issuer() == Some(claim.issuer.as_str());
        let same_client = description.spec.details.get("client_id") == expected.details.get("client_id");
        if claim.is_held() || (secret.is_some() && same_issuer && same_client) {
            known.insert(id.clone(), Known::Ours);
            plan.settlements.push(Settlement {
                connection_id: id.clone(),
                fingerprint: description.spec.fingerprint(),
                identifiers: description.spec.identifiers.clone(),
                last_modified: provider.last_modified,
                secret,
            });
        } else {
            known.insert(id.clone(), Known::Foreign);
            plan.notes.push(Note {
                connection_id: Some(id.clone()),
                provider_name: Some(claim.provider_name.clone()),
                message: format!(
                    "the provider {} is not Causeway's own: it is left alone, and the connection has none",
                    claim.provider_name
                ),
            });
        }
    }
    known
}
