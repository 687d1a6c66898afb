//! Adoption: an operator has Causeway take over a provider that somebody else made.
//!
//! The provider keeps its name, of which Cognito makes usernames, and so its users, as long as their `sub` stays
//! the same. So the operator chooses what `sub` is. The claim is intended before the provider is written: a run
//! that finds the two apart drops the claim of a provider that is still as it was, and holds that of one that
//! shows what only Causeway knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    desired::{Desired, DesiredConnection, Presence},
    id::{ConnectionId, ProviderName, TenantId},
    plan::SpecOf,
    provider::{Issuer, ObservedProvider, ProviderSpec},
    subject::Subject,
};

/// Why a provider can't be adopted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdoptable {
    /// The pool has none of this name.
    #[error("the user pool has no identity provider of this name")]
    NoProvider,
    /// It is of a kind that can't point at Causeway.
    #[error("the identity provider is of type {0}, and only one of type OIDC can be adopted")]
    NotOidc(String),
    /// It is Causeway's already.
    #[error("the identity provider is Causeway's already, for the connection {0}")]
    AlreadyOurs(ConnectionId),
    /// None of its identifiers is a connection's ID.
    #[error("none of the provider's identifiers is the ID of a connection: name the connection")]
    NoConnection,
    /// Several of its identifiers are.
    #[error("the provider's identifiers are the IDs of several connections: name one of {0}")]
    SeveralConnections(String),
    /// WorkOS does not show the connection, or the pool does not choose it.
    #[error("WorkOS has no such connection of an organization that the user pool chooses")]
    UnknownConnection,
    /// Nobody could sign in by it.
    #[error(
        "users can't sign in by the connection, whose state is {0}: only one that is active or validating is adopted"
    )]
    CanNotSignIn(String),
    /// Causeway has made another provider for the connection.
    #[error(
        "the connection has the identity provider {0} already: leave its organization out of the user pool's \
         `organizations` until a run has deleted it, or adopt in the mode `observe` before the first run"
    )]
    HasProvider(ProviderName),
}

/// What an adoption does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The claim to be made, intended.
    pub claim: Claim,
    /// What the provider is.
    pub before: ProviderSpec,
    /// What it becomes. It keeps the ways in which it is found; the runs that follow add the others.
    pub after: ProviderSpec,
}

/// What an adoption depends on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The provider's name.
    pub provider_name: &'a ProviderName,
    /// The connection, where the operator names it.
    pub connection: Option<&'a ConnectionId>,
    /// What `sub` becomes.
    pub subject: Subject,
}

/// Decides whether a provider, as `Describe` shows it, can be adopted, and what for.
pub fn adopt(
    request: Request<'_>,
    provider: Option<&ObservedProvider>,
    desired: &Desired,
    claims: &BTreeMap<ConnectionId, Claim>,
    spec: &dyn SpecOf,
    issuer: impl FnOnce(&ConnectionId) -> Issuer,
) -> Result<Adoption, NotAdoptable> {
    let provider = provider.ok_or(NotAdoptable::NoProvider)?;
    if let Some(claim) = claims.values().find(|claim| claim.provider_name == *request.provider_name) {
        return Err(NotAdoptable::AlreadyOurs(claim.connection_id.clone()));
    }
    let before = shown(provider)?;
    let id = match request.connection {
        Some(named) => named.clone(),
        None => connection_of(&before, desired)?,
    };
    let Some(wanted) = desired.connections.get(&id).filter(|_| !desired.is_untouched(&id)) else {
        return Err(NotAdoptable::UnknownConnection);
    };
    // The provider signs users in as it is.
    if wanted.presence != Presence::Wired {
        return Err(NotAdoptable::CanNotSignIn(wanted.connection.state.as_str().to_owned()));
    }
    if let Some(claim) = claims.get(&id) {
        return Err(NotAdoptable::HasProvider(claim.provider_name.clone()));
    }
    Ok(adoption_for(request, wanted, before, spec, issuer))
}

/// What a provider shows of itself, if it is of a kind that can point at Causeway.
pub(crate) fn shown(provider: &ObservedProvider) -> Result<ProviderSpec, NotAdoptable> {
    if provider.provider_type != "OIDC" {
        return Err(NotAdoptable::NotOidc(provider.provider_type.clone()));
    }
    provider.description.as_ref().map(|description| description.spec.clone()).ok_or(NotAdoptable::NoProvider)
}

/// The adoption of a provider, shown as `before`, for a connection.
pub(crate) fn adoption_for(
    request: Request<'_>,
    wanted: &DesiredConnection,
    before: ProviderSpec,
    spec: &dyn SpecOf,
    issuer: impl FnOnce(&ConnectionId) -> Issuer,
) -> Adoption {
    let (id, organization) = (wanted.connection.id.clone(), wanted.connection.organization_id.clone());
    let after = spec.spec(&id, before.identifiers.clone());
    let issuer = issuer(&id);
    let claim = Claim {
        provider_name: request.provider_name.clone(),
        subject: request.subject,
        ..Claim::intended(request.tenant.clone(), id, organization, issuer)
    };
    Adoption { claim, before, after }
}

/// The connection whose ID is one of the provider's identifiers. Almost any text can be an ID: of those that no connection
/// has, only what begins as WorkOS's IDs do is taken for one.
fn connection_of(spec: &ProviderSpec, desired: &Desired) -> Result<ConnectionId, NotAdoptable> {
    let ids = spec.identifiers.iter().filter_map(|identifier| identifier.as_str().parse::<ConnectionId>().ok());
    let is_meant = |id: &ConnectionId| desired.connections.contains_key(id) || id.as_str().starts_with("conn_");
    let named: BTreeSet<ConnectionId> = ids.filter(is_meant).collect();
    let mut rest = named.iter();
    match (rest.next(), rest.next()) {
        (None, _) => Err(NotAdoptable::NoConnection),
        (Some(id), None) => Ok(id.clone()),
        _ => {
            let texts: Vec<&str> = named.iter().map(ConnectionId::as_str).collect();
            Err(NotAdoptable::SeveralConnections(texts.join(", ")))
        }
    }
}
