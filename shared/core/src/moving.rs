//! A pool that moves here from another deployment: its providers are taken over, with the users that they have.
//!
//! The deployment that it leaves exports it ([`crate::export`]). Whoever writes that file could name any connection for
//! any provider, and so let one customer's users in as another's. So each provider has to show by itself which connection
//! it was made for, and WorkOS whose connection that is. One difference anywhere, and nothing is taken over.

use std::collections::BTreeMap;

use crate::{
    adoption::{Adoption, NotAdoptable, Request, adoption_for, shown},
    claim::Claim,
    desired::Desired,
    export::{ExportedPool, ExportedProvider},
    id::{ConnectionId, OrganizationId, ProviderName},
    plan::SpecOf,
    provider::{Issuer, ObservedProvider},
    user_pool::UserPool,
};

/// In what the export and the things themselves differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Differs {
    /// The export is of another pool.
    #[error("the export is of another user pool")]
    Pool,
    /// A setting here is another than there.
    #[error(
        "the user pool's `{0}` is another one here than in the export: make them the same, so that nothing changes for users"
    )]
    Setting(&'static str),
    /// The provider can't be adopted, whatever the export says.
    #[error(transparent)]
    NotAdoptable(NotAdoptable),
    /// The provider was not made for this connection by that deployment, or has changed since.
    #[error("the provider shows the issuer {}, and not that of the export", .0.as_deref().unwrap_or("(none)"))]
    Issuer(Option<String>),
    /// WorkOS has the connection elsewhere.
    #[error("WorkOS shows the connection {}, and not where the export has it", in_organization(.0.as_ref()))]
    Organization(Option<OrganizationId>),
    /// It is Causeway's here already, and its users get another `sub`.
    #[error("the provider is Causeway's here already, with another `subject` than in the export")]
    Subject,
    /// An adoption of it broke off.
    #[error(
        "an adoption of the provider broke off, and the next run finds out how far it came: have one, and try again"
    )]
    Unsettled,
}

fn in_organization(organization: Option<&OrganizationId>) -> String {
    organization.map_or_else(|| "in no organization".to_owned(), |id| format!("in the organization {id}"))
}

/// A difference, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The provider; none where it is of the pool.
    pub provider: Option<ExportedProvider>,
    /// What differs.
    pub differs: Differs,
}

/// What is to be done about a provider of the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Nothing: it was taken over before, as the export has it.
    Done,
    /// It is taken over.
    Adopt(Box<Adoption>),
}

/// What stands on this side.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// The pool as it is registered here.
    pub pool: &'a UserPool,
    /// The providers of the export's names, as `Describe` shows them; none where the pool has none of the name.
    pub providers: &'a BTreeMap<ProviderName, Option<ObservedProvider>>,
    /// What the pool should have, by this tenant's WorkOS.
    pub desired: &'a Desired,
    /// What is Causeway's here.
    pub claims: &'a BTreeMap<ConnectionId, Claim>,
}

/// Compares an export, or a part of it, with what is here.
///
/// # Errors
///
/// Every difference, where there is any.
pub fn compare<'e>(
    exported: &ExportedPool,
    providers: &'e [ExportedProvider],
    here: Here<'_>,
    spec: &dyn SpecOf,
    issuer: &dyn Fn(&ConnectionId) -> Issuer,
) -> Result<Vec<(&'e ExportedProvider, Move)>, Vec<Difference>> {
    let of_pool = |differs| Difference { provider: None, differs };
    if exported.user_pool_id != here.pool.user_pool_id {
        return Err(vec![of_pool(Differs::Pool)]);
    }
    let settings = exported.differences_to(here.pool);
    let mut differences: Vec<Difference> = settings.into_iter().map(|name| of_pool(Differs::Setting(name))).collect();
    let mut moves = Vec::new();
    for provider in providers {
        match compare_one(exported, provider, here, spec, issuer) {
            Ok(one) => moves.push((provider, one)),
            Err(differs) => differences.push(Difference { provider: Some(provider.clone()), differs }),
        }
    }
    if differences.is_empty() { Ok(moves) } else { Err(differences) }
}

fn compare_one(
    exported: &ExportedPool,
    provider: &ExportedProvider,
    here: Here<'_>,
    spec: &dyn SpecOf,
    issuer: &dyn Fn(&ConnectionId) -> Issuer,
) -> Result<Move, Differs> {
    let (id, name) = (&provider.connection_id, &provider.provider_name);
    if let Some(claim) = here.claims.get(id) {
        return match claim {
            claim if claim.provider_name != *name => {
                Err(Differs::NotAdoptable(NotAdoptable::HasProvider(claim.provider_name.clone())))
            }
            claim if claim.subject != provider.subject => Err(Differs::Subject),
            claim if !claim.is_held() => Err(Differs::Unsettled),
            _ => Ok(Move::Done),
        };
    }
    if let Some(claim) = here.claims.values().find(|claim| claim.provider_name == *name) {
        return Err(Differs::NotAdoptable(NotAdoptable::AlreadyOurs(claim.connection_id.clone())));
    }
    let observed = here.providers.get(name).and_then(Option::as_ref);
    let before =
        shown(observed.ok_or(Differs::NotAdoptable(NotAdoptable::NoProvider))?).map_err(Differs::NotAdoptable)?;
    let is_as_exported = before.issuer() == Some(provider.issuer.as_str());
    if !is_as_exported || !provider.issuer.is_of(&exported.tenant_id, id) {
        return Err(Differs::Issuer(before.issuer().map(str::to_owned)));
    }
    // Whatever its state: the provider stands as Causeway left it there, and runs do here what they would have done there.
    let wanted = here.desired.connections.get(id).ok_or(Differs::NotAdoptable(NotAdoptable::UnknownConnection))?;
    if wanted.connection.organization_id != provider.organization_id {
        return Err(Differs::Organization(wanted.connection.organization_id.clone()));
    }
    let request =
        Request { tenant: &here.pool.tenant_id, provider_name: name, connection: Some(id), subject: provider.subject };
    Ok(Move::Adopt(Box::new(adoption_for(request, wanted, before, spec, issuer))))
}
