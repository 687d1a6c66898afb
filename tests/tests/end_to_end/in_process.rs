//! What the function `reconcile` is made of, in the test's own process: with a clock that the test moves, and calls to
//! AWS that can end at any time, as those of a process do that is killed.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use causeway_aws::{clock, configuration_of};
use causeway_cognito::Access;
use causeway_core::claim::Claim;
use causeway_core::id::{TenantId, UserPoolId};
use causeway_core::provider::BaseUrl;
use causeway_core::run::{Outcome, RunReport};
use causeway_core::timestamp::Timestamp;
use causeway_core::user_pool::UserPool;
use causeway_core::waiting::Urgency;
use causeway_core::wake_up::{Cause, WakeUp};
use causeway_reconciler::{Deadlines, Ran, Reconciler, Settings, Sources};
use causeway_store::{Sealer, Store, StoredTable};
use causeway_tenancy::DeployedReconciler;
use causeway_workos::Workos;
use tokio::sync::Notify;

use crate::pool::Pool;

/// Longer than any run that a test has.
const LONG: Duration = Duration::from_mins(14);
/// How many runs may be needed until there is nothing left to do.
const MOST_RUNS: usize = 6;

thread_local! {
    /// How far this test's clock is ahead. Each test has a thread of its own.
    static AHEAD: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// How much time each call to AWS takes by that clock.
    static CALL_TAKES: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The time by this test's clock.
pub fn now() -> Timestamp {
    clock::now().plus(AHEAD.get())
}

/// Moves this test's clock on.
pub fn pass(time: Duration) {
    AHEAD.set(AHEAD.get() + time);
}

/// Has each call to AWS take so long by this test's clock.
pub fn each_call_takes(time: Duration) {
    CALL_TAKES.set(time);
}

/// Lets some calls through, and then none: who calls waits for ever.
#[derive(Debug, Default)]
struct Limit {
    left: AtomicUsize,
    made: AtomicUsize,
    reached: Notify,
}

#[derive(Debug)]
struct Limited<T> {
    inner: T,
    limit: Arc<Limit>,
}

impl HttpClient for Limited<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Limited { inner, limit: Arc::clone(&self.limit) })
    }
}

impl HttpConnector for Limited<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let take_one = |left: usize| left.checked_sub(1);
        if self.limit.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_err() {
            self.limit.reached.notify_waiters();
            return HttpConnectorFuture::new(std::future::pending());
        }
        self.limit.made.fetch_add(1, Ordering::Relaxed);
        pass(CALL_TAKES.get());
        self.inner.call(request)
    }
}

/// The reconciler of one pool.
pub struct InProcess {
    reconciler: DeployedReconciler,
    limit: Arc<Limit>,
    tenant: TenantId,
    pool: UserPoolId,
}

impl InProcess {
    /// With all that the deployed function has. Its clock is a day ahead, so that what it does is long past the leases
    /// of the deployed one, which does not find the pool due for as long.
    pub async fn new(pool: &Pool) -> Result<Self> {
        pass(Duration::from_hours(24));
        each_call_takes(Duration::ZERO);
        let cloud = &pool.tenancy.cloud;
        let function = cloud.configuration("reconcile").await?;
        let setting = |name: &str| function.variables.get(name).cloned().context("no such setting");
        let limit = Arc::new(Limit::default());
        let endpoint = Some(cloud.used_aws_endpoint.clone());
        let configuration = configuration_of(function.credentials, cloud.region.clone(), endpoint);
        let inner = configuration.http_client().context("no HTTP client")?;
        let limited = Limited { inner, limit: Arc::clone(&limit) };
        let configuration = configuration.into_builder().http_client(limited).build();
        let reconciler = Reconciler {
            table: StoredTable {
                store: Store::new(&configuration, setting("TABLE_NAME")?),
                sealer: Sealer::new(&configuration, setting("SEALING_KEY_ARN")?),
            },
            pools: Access::new(configuration),
            directory: Workos::new(setting("WORKOS_URL")?.parse()?)?,
            settings: Settings {
                base: BaseUrl::parse(&setting("PUBLIC_BASE_URL")?)?,
                interval: Duration::from_secs(setting("RECONCILE_INTERVAL_SECONDS")?.parse()?),
                full_pass: Duration::from_secs(setting("FULL_PASS_INTERVAL_SECONDS")?.parse()?),
            },
            sources: Sources { now, random: clock::random },
        };
        Ok(Self { reconciler, limit, tenant: pool.tenancy.id.parse()?, pool: pool.id.parse()? })
    }

    /// The same for a deployment whose pools are looked at so often.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.reconciler.settings.interval = interval;
        self
    }

    /// Has the pool looked at for that reason, with time enough. Another run may hold it, or there may be nothing to
    /// run.
    pub async fn woken(&self, cause: Cause) -> Result<Ran> {
        self.woken_by(cause, Urgency::AtOnce).await
    }

    /// The same by a message that may have been sent before another look.
    pub async fn woken_by(&self, cause: Cause, urgency: Urgency) -> Result<Ran> {
        let deadlines = Deadlines { usual: now().plus(LONG), longest: now().plus(LONG) };
        self.ran((cause, urgency), usize::MAX, deadlines).await?.context("no limit was set")
    }

    /// How many calls to AWS the last run has made.
    pub fn calls(&self) -> usize {
        self.limit.made.load(Ordering::Relaxed)
    }

    /// Runs the pool until it ends or wants to make one call more than `calls`, when it is dropped as it is: what it
    /// has sent is done, and nothing else ever is. Gives its report if it came to its end.
    pub async fn run_for(&self, calls: usize) -> Result<Option<RunReport>> {
        self.run_until(calls, Deadlines { usual: now().plus(LONG), longest: now().plus(LONG) }).await
    }

    /// Runs the pool until it ends or its time is over.
    pub async fn run_within(&self, time: Duration) -> Result<RunReport> {
        self.run_within_either(time, time).await
    }

    /// Runs the pool until it ends or its time is over: the usual one, or the longest one where the run before had too
    /// little.
    pub async fn run_within_either(&self, usual: Duration, longest: Duration) -> Result<RunReport> {
        let deadlines = Deadlines { usual: now().plus(usual), longest: now().plus(longest) };
        self.run_until(usize::MAX, deadlines).await?.context("no limit was set")
    }

    async fn run_until(&self, calls: usize, deadlines: Deadlines) -> Result<Option<RunReport>> {
        match self.ran((Cause::Schedule, Urgency::AtOnce), calls, deadlines).await? {
            Some(Ran::Done(report)) => Ok(Some(*report)),
            Some(other) => bail!("nothing was run: {other:?}"),
            None => Ok(None),
        }
    }

    async fn ran(&self, (cause, urgency): (Cause, Urgency), calls: usize, deadlines: Deadlines) -> Result<Option<Ran>> {
        self.limit.left.store(calls, Ordering::Relaxed);
        self.limit.made.store(0, Ordering::Relaxed);
        let wake_up = WakeUp { tenant_id: self.tenant.clone(), user_pool_id: self.pool.clone(), cause };
        tokio::select! {
            // First, so that it is there before the limit can be reached.
            biased;
            () = self.limit.reached.notified() => Ok(None),
            ran = Box::pin(self.reconciler.run(&wake_up, urgency, deadlines)) => Ok(Some(ran?)),
        }
    }

    /// Lets the steps through that are held back now, as the API does for an operator: by its clock the approval
    /// would be over.
    pub async fn approve(&self) -> Result<()> {
        self.limit.left.store(usize::MAX, Ordering::Relaxed);
        let (store, pool) = (&self.reconciler.table.store, self.stored().await?);
        let tenant = store.tenant(&self.tenant).await?.context("no such tenant")?;
        let planned = self.reconciler.planned(&tenant, &pool, now().plus(LONG)).await?;
        let held = planned.steps.into_iter().filter(|step| step.held).collect();
        let (decisions, ..) = pool.decisions.approve(held, None, "an operator", now())?;
        Ok(store.decide(&pool, &decisions, self.reconciler.sources.number()).await?)
    }

    /// Runs the pool until there is nothing left to do. Each run begins after the leases of those before.
    pub async fn settle(&self) -> Result<()> {
        let mut reports = Vec::new();
        for _ in 0..MOST_RUNS {
            pass(2 * LONG);
            let report = self.run_within(LONG).await?;
            if report.outcome == Outcome::NoChange {
                return Ok(());
            }
            reports.push(report);
        }
        bail!("there was always something left to do: {reports:#?}")
    }

    /// The table, with as many calls as it takes.
    pub fn store(&self) -> &Store {
        self.limit.left.store(usize::MAX, Ordering::Relaxed);
        &self.reconciler.table.store
    }

    /// The pool as it is stored.
    pub async fn stored(&self) -> Result<UserPool> {
        self.limit.left.store(usize::MAX, Ordering::Relaxed);
        self.reconciler.table.store.pool(&self.tenant, &self.pool).await?.context("no such pool")
    }

    /// The plan that the API shows where it has so much time.
    pub async fn planned_within(&self, time: Duration) -> Result<causeway_core::approval::PlannedSteps> {
        let pool = self.stored().await?;
        let tenant = self.reconciler.table.store.tenant(&self.tenant).await?.context("no such tenant")?;
        Ok(Box::pin(self.reconciler.planned(&tenant, &pool, now().plus(time))).await?)
    }

    /// Has a claim keep nothing of its organization, as one of an earlier version does.
    pub async fn forget_organization(&self, claim: &Claim) -> Result<()> {
        self.limit.left.store(usize::MAX, Ordering::Relaxed);
        let forgetful = Claim { organization: None, ..claim.clone() };
        self.reconciler.table.store.put_claim(&self.pool, &forgetful).await?;
        Ok(())
    }

    /// What Causeway knows to be its own in the pool.
    pub async fn claims(&self) -> Result<Vec<Claim>> {
        self.limit.left.store(usize::MAX, Ordering::Relaxed);
        Ok(self.reconciler.table.store.claims(&self.pool).await?.all()?)
    }
}
