//! The verified domains of a user's organization: as runs keep them with the claim, and only where it has none, or too
//! old ones, as WorkOS has them.

use std::time::Duration;

use causeway_core::{
    domain::VerifiedDomains,
    id::{OrganizationId, TenantId},
    oidc::profile::Profile,
    serving::ServingClaim,
};
use causeway_workos::WorkosError;
use secrecy::SecretString;

use crate::{bridge::Bridge, directory::Served, failure::Failure};

/// How long a browser waits for the domains where WorkOS has to be asked; they only say whether the address is
/// verified.
const ASKED_WITHIN: Duration = Duration::from_secs(3);

impl Bridge {
    /// The domains that WorkOS vouches for in a sign-in through `claim`. Where they can't be had there are none: then no
    /// address counts as verified, which lets the user in all the same.
    pub async fn domains(
        &self,
        served: &Served,
        claim: &ServingClaim,
        profile: &Profile,
        api_key: &SecretString,
    ) -> VerifiedDomains {
        let Some(organization) = &profile.organization_id else { return VerifiedDomains::default() };
        // Without an address there is nothing to verify, and nothing that the test provider says is.
        if profile.email.value().is_none() || profile.is_of_test_provider() {
            return VerifiedDomains::default();
        }
        let read_at = served.pool.organizations_read_at();
        match claim.domains_of(organization, read_at, (self.now)()) {
            Some(domains) => domains.clone(),
            None => self.domains_at_workos(&served.tenant.tenant.id, api_key, organization).await,
        }
    }

    async fn domains_at_workos(
        &self,
        tenant: &TenantId,
        api_key: &SecretString,
        id: &OrganizationId,
    ) -> VerifiedDomains {
        let key = (tenant.clone(), id.clone());
        let ask = async || {
            let organization = self.workos.organization(api_key, id).await?;
            Ok(organization.map(|organization| VerifiedDomains::of(&organization.domains)))
        };
        let read = self.organizations.get_or_read(&key, (self.now)(), ask);
        match tokio::time::timeout(ASKED_WITHIN, read).await {
            Ok(Ok(domains)) => domains.as_deref().cloned().unwrap_or_default(),
            Ok(Err(error)) => {
                log_missing(error);
                VerifiedDomains::default()
            }
            Err(_) => {
                tracing::warn!("WorkOS did not say in time which domains are verified");
                VerifiedDomains::default()
            }
        }
    }
}

fn log_missing(error: WorkosError) {
    let failure = Failure::Workos(error);
    tracing::warn!(class = ?failure.class(), error = failure.shown(), "the domains of an organization are missing");
}
