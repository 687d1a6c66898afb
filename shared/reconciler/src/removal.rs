//! The removal of a user pool, run by run until nothing of it is left.

use std::collections::BTreeMap;

use causeway_core::{
    calling::names,
    claim::Claim,
    guard::Guarded,
    id::ConnectionId,
    plan::Step,
    plan::{plan_to_delete, step_to_keep},
    port::{Ports, Problem, Table, TableError},
    removal::Providers,
};
use causeway_telemetry::chain;

use crate::{
    LookError,
    ending::Attempt,
    execute::{Executed, Execution},
    run::Run,
};

type Claims = BTreeMap<ConnectionId, Claim>;

/// Whether the pool is not there any more: then its providers are not either.
fn is_gone(error: &LookError) -> bool {
    matches!(error, LookError::Pool(error) if error.problem == Problem::NotFound
        && matches!(error.operation, "DescribeUserPool" | "ListIdentityProviders"))
}

impl<P: Ports> Run<'_, P> {
    /// Takes a pool down as far as time and the tenant's account allow.
    pub(crate) async fn take_down(&self) -> Result<Attempt, TableError> {
        let claims = self.reconciler.own_claims(self.pool).await?;
        let names = names(&claims, &BTreeMap::new(), None, self.now());
        let attempt = match self.pool.removal.as_ref().map(|removal| removal.providers) {
            Some(Providers::Delete) => self.delete_providers(claims).await,
            // Without a word on it, nothing is taken away.
            Some(Providers::Keep) | None => self.keep_providers(claims).await,
        };
        Ok(Attempt { names, ..attempt? })
    }

    /// Forgets what the lookup answered of the pool, unless it is somebody else's by now.
    pub(crate) async fn forget_domains(&self) -> Result<(), TableError> {
        let (table, pool) = (&self.reconciler.table, self.pool);
        for (domain, known) in table.known_domains(&pool.user_pool_id).await? {
            if known.is_none_or(|known| known.tenant_id == pool.tenant_id) {
                table.delete_known_domain(&pool.user_pool_id, &domain).await?;
            }
        }
        Ok(())
    }

    async fn keep_providers(&self, claims: Claims) -> Result<Attempt, TableError> {
        let mut done = Vec::new();
        for claim in claims.values() {
            if self.is_over() {
                break;
            }
            self.reconciler.table.delete_claim(&self.pool.user_pool_id, claim).await?;
            done.push(step_to_keep(claim));
        }
        Ok(Attempt { left: Some(claims.len() - done.len()), done, ..Attempt::default() })
    }

    async fn delete_providers(&self, claims: Claims) -> Result<Attempt, TableError> {
        let mut attempt = Attempt { left: Some(claims.len()), ..Attempt::default() };
        if !claims.is_empty() {
            attempt.probed = self.probes_role();
            if attempt.probed
                && let Err(error) = self.reconciler.check_role(self.tenant, self.pool).await
            {
                return Ok(Attempt { left: attempt.left, ..Attempt::failed("check the role", &error) });
            }
            match self.delete_claimed(claims.clone()).await {
                Ok(Executed { done, failures, put_off, .. }) => {
                    (attempt.done, attempt.failures, attempt.put_off) = (done, failures, put_off);
                }
                Err(error) if is_gone(&error) => return self.keep_providers(claims).await,
                Err(error) => {
                    return Ok(Attempt { left: attempt.left, ..Attempt::failed("look at the user pool", &error) });
                }
            }
            attempt.left = Some(self.reconciler.own_claims(self.pool).await?.len());
        }
        if attempt.is_removed() {
            attempt.done.extend(self.clear_app_clients().await);
        }
        Ok(attempt)
    }

    /// Somebody may have put a provider into an app client again right before it was deleted, and Cognito refuses every
    /// change of an app client that names one that is not there.
    async fn clear_app_clients(&self) -> Vec<Step> {
        match self.delete_claimed(Claims::new()).await {
            Ok(Executed { done, failures, .. }) => {
                for failure in &failures {
                    tracing::warn!(?failure, "an app client may name a provider that is gone");
                }
                done
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the app clients were not looked at once more");
                Vec::new()
            }
        }
    }

    async fn delete_claimed(&self, claims: Claims) -> Result<Executed, LookError> {
        let look = Box::pin(self.reconciler.look_to_remove(self.tenant, self.pool, claims, self.deadline)).await?;
        let plan = plan_to_delete(&look.observed, &look.claims, &look.specs);
        let (losses, held) = (self.pool.run.losses.clone(), self.pool.held.clone());
        let meant = Guarded { plan, losses, held, ..Guarded::default() };
        let executed = Execution::new(self, &look).carry_out(&meant, false).await;
        Ok(Executed { put_off: executed.put_off || look.waits_for_cognito(self.pool), ..executed })
    }
}
