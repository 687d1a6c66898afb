//! Errands of the onboarding page: what its visitor asked for, done in the tenant's account.

use std::time::Duration;

use causeway_cognito::PoolAccess;
use causeway_core::{
    app_clients::AppClients,
    audit::Change,
    check::{Check, CheckOutcome, check_named},
    errand::{Errand, ErrandCall, SeenAppClient, SeenAppClients, Task},
    id::AppClientId,
    onboarding::OnboardingLink,
    port::PoolError,
    tenant::Tenant,
    user_pool::{PoolOptions, PoolStatus, UserPool},
    wake_up::Cause,
};
use causeway_queue::Deduplication;
use causeway_store::RecordedChecks;
use causeway_telemetry::chain;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{Checks, TenancyError, Verifier, audit::recorded};

/// How many app clients the page has to choose from; where there are more, their IDs are typed.
const MOST_OFFERED: usize = 60;
/// Of how many of those that are given the providers the page shows how to sign in.
const MOST_SHOWN: usize = 5;

/// An errand with all that it is done for, read again just before.
struct Job<'a> {
    verifier: &'a Verifier<'a>,
    errand: Errand,
    link: OnboardingLink,
    tenant: Tenant,
    pool: UserPool,
}

/// What came of a call for an errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was done, whatever came of that.
    Done,
    /// Its session, its link or its pool is not good any more.
    Refused,
    /// It is not the one that stands in the table, or has ended.
    Nothing,
}

/// Does the errand that a message calls for, if it is still to be done: its session, its link and its pool must be good
/// now. Whatever comes of it stands in the table, where the page looks. It ends `within` a time, and for good, also where
/// it is refused: nobody else's errand waits for it, and who wants it done after all asks again.
pub async fn run_errand(verifier: &Verifier<'_>, call: &ErrandCall, within: Duration) -> Result<Came, TenancyError> {
    let (store, now) = (&verifier.reconciler.table.store, (verifier.reconciler.sources.now)());
    let state = store.errands(&call.tenant_id, &call.user_pool_id).await?;
    let errand = state.asked.filter(|errand| errand.id == call.errand_id);
    let Some(errand) = errand.filter(|errand| errand.is_under_way(state.ended.as_deref(), now)) else {
        return Ok(Came::Nothing);
    };
    let job = job(verifier, call, errand.clone()).await?;
    let came = if job.is_some() { Came::Done } else { Came::Refused };
    let done = match job {
        Some(job) => tokio::time::timeout(within, job.done()).await.unwrap_or_else(|_| {
            tracing::warn!("the errand took too long and was given up");
            Ok(())
        }),
        None => Ok(()),
    };
    let ended = store.end_errand((&call.tenant_id, &call.user_pool_id), &errand).await;
    done.and(Ok(ended?)).map(|()| came)
}

async fn job<'a>(
    verifier: &'a Verifier<'a>,
    call: &ErrandCall,
    errand: Errand,
) -> Result<Option<Job<'a>>, TenancyError> {
    let (store, now) = (&verifier.reconciler.table.store, (verifier.reconciler.sources.now)());
    let link = store.link_of_session(&errand.session).await?;
    let Some(link) = link.filter(|link| link.is_good(now) && link.tenant_id == call.tenant_id) else {
        return Ok(None);
    };
    let (tenant, pool) =
        tokio::try_join!(store.tenant(&call.tenant_id), store.pool(&call.tenant_id, &call.user_pool_id))?;
    let pool = pool.filter(|pool| link.governs(pool) && !pool.awaits_admission);
    Ok(tenant.zip(pool).map(|(tenant, pool)| Job { verifier, errand, link, tenant, pool }))
}

impl Job<'_> {
    async fn done(&self) -> Result<(), TenancyError> {
        match self.errand.task.clone() {
            Task::Check => Box::pin(self.check()).await,
            Task::SeeAppClients => Box::pin(self.see(&self.pool, Vec::new())).await,
            Task::ChooseAppClients(chosen) => Box::pin(self.choose(chosen)).await,
        }
    }

    /// Runs the checks, and records each as it ends, so that they can be watched.
    async fn check(&self) -> Result<(), TenancyError> {
        let (tell, told) = unbounded_channel();
        let verified = Box::pin(self.verifier.run(&self.tenant, self.pool.clone(), Checks::told_to(tell)));
        let (verified, noted) = tokio::join!(self.recorded("check", &[], verified), self.note(told));
        noted?;
        match verified {
            Ok(verified) if verified.status == PoolStatus::Active => self.see(&self.pool, Vec::new()).await,
            Ok(_) => Ok(()),
            // Nobody gets further by doing it again: the page says that the checks did not end.
            Err(TenancyError::Conflict(why)) => {
                tracing::warn!(why, "the checks were not run");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn note(&self, mut told: UnboundedReceiver<Check>) -> Result<(), TenancyError> {
        let (store, now) = (&self.verifier.reconciler.table.store, self.verifier.reconciler.sources.now);
        let (tenant, pool) = (&self.tenant.id, &self.pool.user_pool_id);
        let mut checks = RecordedChecks { checks: Vec::new(), began_at: now(), finished_at: None };
        store.record_checks(tenant, pool, &checks).await?;
        while let Some(check) = told.recv().await {
            checks.checks.push(check);
            store.record_checks(tenant, pool, &checks).await?;
        }
        checks.finished_at = Some(now());
        Ok(store.record_checks(tenant, pool, &checks).await?)
    }

    /// Takes the choice of app clients, if the pool has every one of them and each can sign users in.
    async fn choose(&self, chosen: AppClients) -> Result<(), TenancyError> {
        if self.pool.status != PoolStatus::Active {
            return Ok(());
        }
        let refused = self.refusals(&chosen).await;
        if !refused.is_empty() {
            return self.see(&self.pool, refused).await;
        }
        let reconciler = self.verifier.reconciler;
        let options = PoolOptions { app_clients: chosen, ..self.pool.options.clone() };
        let updated = UserPool { options, updated_at: (reconciler.sources.now)(), ..self.pool.clone() };
        let change = Box::pin(async { Ok(reconciler.table.store.update_options(&updated).await?) });
        match self.recorded("app-clients", &["app_clients"], change).await {
            Ok(_) => {}
            Err(TenancyError::Store(error)) if error.is_conflict() => {
                let refused = vec!["the user pool was changed at the same time: choose again".to_owned()];
                return self.see(&self.pool, refused).await;
            }
            Err(error) => return Err(error),
        }
        let wake_up = updated.wake_up(Cause::Api);
        let random = Deduplication::Never(reconciler.sources.number());
        if let Err(error) = self.verifier.queue.wake_up(&wake_up, random).await {
            tracing::warn!(error = chain(&error), "the pool was not woken up: the schedule does it");
        }
        self.see(&updated, Vec::new()).await
    }

    async fn refusals(&self, chosen: &AppClients) -> Vec<String> {
        let present = self.pool.options.app_clients.named();
        let new = chosen.named().iter().filter(|id| !present.contains(id));
        let access = match self.verifier.reconciler.enter(&self.tenant, &self.pool).await {
            Ok(access) => access,
            Err(error) => return vec![format!("the user pool could not be read: {error}")],
        };
        let (mapping, mut refused) = (self.pool.options.mapping(), Vec::new());
        for id in new {
            match access.describe_app_client(id).await {
                Ok(client) => {
                    let checks = check_named(id, client.map(|client| client.settings).as_ref(), &mapping);
                    let failed = checks.into_iter().filter(|check| check.outcome == CheckOutcome::Fail);
                    refused.extend(failed.map(|check| check.message));
                }
                Err(error) => refused.push(format!("the app client {id} could not be read: {error}")),
            }
        }
        refused
    }

    /// Writes down for the page which app clients there are, and why a choice was refused.
    async fn see(&self, pool: &UserPool, refused: Vec<String>) -> Result<(), TenancyError> {
        let seen = match self.verifier.reconciler.enter(&self.tenant, pool).await {
            Ok(access) => seen(pool, &access).await,
            Err(error) => Err(error),
        };
        let seen = seen.unwrap_or_else(|error| {
            tracing::warn!(error = chain(&error), "the app clients could not be read for the page");
            SeenAppClients::default()
        });
        let seen = SeenAppClients { refused, ..seen };
        let store = &self.verifier.reconciler.table.store;
        Ok(store.record_app_clients(&self.tenant.id, &pool.user_pool_id, &seen).await?)
    }

    async fn recorded<T>(
        &self,
        page: &str,
        fields: &[&str],
        work: impl Future<Output = Result<T, TenancyError>>,
    ) -> Result<T, TenancyError> {
        let (tenant_id, pool) = (&self.tenant.id, &self.pool.user_pool_id);
        let change = Change {
            caller: &self.link.caller(),
            method: "POST",
            path: &format!("/onboarding/{tenant_id}/pools/{pool}/{page}"),
            tenant_id,
            user_pool_id: Some(pool),
        };
        let sources = self.verifier.reconciler.sources;
        recorded(&self.verifier.reconciler.table.store, (change, (sources.now)(), sources.number()), fields, work).await
    }
}

/// The app clients of a pool, as far as the page shows them.
async fn seen(pool: &UserPool, access: &PoolAccess) -> Result<SeenAppClients, PoolError> {
    let mut offered = access.list_named_app_clients().await?;
    let given: Vec<AppClientId> = match &pool.options.app_clients {
        AppClients::Named(named) => named.clone(),
        AppClients::All => offered.iter().map(|(id, _)| id.clone()).collect(),
    };
    let mut shown = Vec::new();
    for id in given.into_iter().take(MOST_SHOWN) {
        if let Some(client) = access.describe_app_client(&id).await? {
            let callback_url = client.callback_urls.into_iter().next();
            shown.push(SeenAppClient { id, callback_url, scopes: client.settings.scopes });
        }
    }
    if offered.len() > MOST_OFFERED {
        offered.clear();
    }
    Ok(SeenAppClients { offered, given: shown, refused: Vec::new() })
}
