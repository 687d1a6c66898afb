//! Carries a plan out, step by step. A step that fails stops only what depends on it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    claim::Claim,
    guard::{Loss, recent},
    health::ErrorClass,
    id::{ConnectionId, Identifier, UserPoolId},
    organization::KnownOrganization,
    plan::{Action, Failed, Freed, Plan, Step},
    port::{Directory, DirectoryError, PoolError, Ports, Table, TableError},
    run::Failure,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use futures::stream::{self, StreamExt as _};

use crate::{Look, Reconciler};

/// How many notes on connections are written at once: after an import there is one for each connection.
const NOTES_AT_ONCE: usize = 8;

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The table.
    #[error("the claim could not be written")]
    Table(#[from] TableError),
    /// Cognito.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// WorkOS could not say whether the connection is gone.
    #[error("whether the connection is gone could not be confirmed")]
    Directory(#[from] DirectoryError),
    /// WorkOS still knows the connection.
    #[error("WorkOS left the connection out of its list and still knows it: nothing is taken away")]
    NotGone,
    /// A provider of that name exists that is not ours.
    #[error("a provider of this name exists that Causeway did not make: it is left alone")]
    Foreign,
    /// An identifier is taken.
    #[error("one of the identifiers is taken by a provider that Causeway did not make")]
    IdentifierTaken,
    /// Something that the step needs did not happen.
    #[error("left out, since an earlier step for it failed")]
    Depends,
    /// The plan and the claims don't fit.
    #[error("there is no claim for the step")]
    NoClaim,
}

impl StepError {
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Table(error) => error.class(),
            Self::Pool(error) => error.class(),
            Self::Directory(error) => error.class(),
            // What it depends on is a failure of its own, and tells of which class.
            Self::NotGone | Self::Depends => ErrorClass::Transient,
            Self::Foreign | Self::IdentifierTaken => ErrorClass::Rejected,
            Self::NoClaim => ErrorClass::Bug,
        }
    }
}

/// What was kept for sign-ins and for the lookup.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Whether each claim has what was looked at of its connection and organization.
    pub in_claims: bool,
    /// Whether there are domains for the lookup, as far as is known.
    pub domains: bool,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    pub done: Vec<Step>,
    pub failures: Vec<Failure>,
    pub losses: Vec<Loss>,
    pub out_of_time: bool,
    pub kept: Kept,
    /// Whether what is known of foreign providers has proven wrong.
    pub foreign_outdated: bool,
}

pub(crate) struct Execution<'a, P: Ports> {
    pub reconciler: &'a Reconciler<P>,
    pub tenant: &'a Tenant,
    pub user_pool: &'a UserPool,
    pub pool: &'a UserPoolId,
    run_id: &'a str,
    pub look: &'a Look<P>,
    pub deadline: Timestamp,
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub executed: Executed,
    /// What failed: what depends on it is left out.
    pub failed: Failed,
    /// Connections that WorkOS said are gone.
    confirmed: BTreeSet<ConnectionId>,
    /// Identifiers that could not be freed.
    pub stuck: BTreeSet<Identifier>,
    /// What was freed for later steps, to be put back if one of those fails.
    pub freed: Freed,
    pub pool_is_full: bool,
}

impl<'a, P: Ports> Execution<'a, P> {
    pub fn new(
        reconciler: &'a Reconciler<P>,
        tenant: &'a Tenant,
        user_pool: &'a UserPool,
        run_id: &'a str,
        look: &'a Look<P>,
        deadline: Timestamp,
    ) -> Self {
        Self {
            reconciler,
            tenant,
            user_pool,
            pool: &user_pool.user_pool_id,
            run_id,
            look,
            deadline,
            claims: look.claims.clone(),
            executed: Executed {
                losses: user_pool.run.losses.clone(),
                kept: Kept { in_claims: false, domains: user_pool.run.has_domains },
                ..Executed::default()
            },
            failed: Failed::default(),
            confirmed: BTreeSet::new(),
            stuck: BTreeSet::new(),
            freed: Freed::default(),
            pool_is_full: false,
        }
    }

    /// Carries out everything of `plan` that is not held back; with `only_look` none of its steps, but that a claim
    /// is forgotten, which is Causeway's own: else nobody could adopt the provider of an adoption that broke off.
    pub async fn carry_out(mut self, plan: &Plan, only_look: bool) -> Executed {
        self.settle(plan).await;
        let steps: Vec<&Step> =
            plan.steps.iter().filter(|step| !step.held && (!only_look || step.action == Action::Forget)).collect();
        if let Err(error) = self.announce_losses(&steps, plan.held_of).await {
            tracing::error!(error = causeway_telemetry::chain(&error), "the losses were not counted: nothing is done");
            let failure = Failure {
                connection_id: None,
                attempted: "count the losses".to_owned(),
                class: error.class(),
                message: causeway_telemetry::chain(&error),
            };
            self.executed.failures.push(failure);
            return self.executed;
        }
        let mut rest = steps.as_slice();
        while let Some(step) = rest.first() {
            // Between the freeing of an identifier and its taking it is on nobody, and so never for a whole pause.
            if self.now() >= self.deadline && !self.freed.is_taken_by(rest) {
                self.executed.out_of_time = true;
                break;
            }
            if step.app_client_id.is_some() {
                let now = self.confirmed_together(rest).await;
                self.write_app_client(now).await;
                rest = &rest[now.len()..];
            } else {
                self.confirm_gone(step).await;
                self.write_provider(step).await;
                rest = &rest[1..];
            }
        }
        self.note_connections(plan).await;
        self.keep_domains().await;
        self.executed
    }

    /// The first steps, of one app client and one kind, that go into one write; as many as there is time to confirm.
    async fn confirmed_together<'s>(&mut self, steps: &'s [&'s Step]) -> &'s [&'s Step] {
        let mut together = 0;
        for step in steps {
            let is_alike = step.app_client_id == steps[0].app_client_id && step.action == steps[0].action;
            if !is_alike || (together > 0 && self.now() >= self.deadline) {
                break;
            }
            self.confirm_gone(step).await;
            together += 1;
        }
        &steps[..together]
    }

    /// Keeps in each claim what the API shows of its connection, and what sign-ins need of its organization; written
    /// only where it changed.
    async fn note_connections(&mut self, plan: &Plan) {
        let undone: BTreeSet<&ConnectionId> = plan
            .steps
            .iter()
            .filter(|step| !self.executed.done.contains(step))
            .map(|step| &step.connection_id)
            .chain(self.failed.connections())
            .collect();
        let changed: Vec<Claim> = self
            .claims
            .values()
            .map(|claim| {
                let mut noted = claim.clone();
                let wanted = self.look.desired.connections.get(&claim.connection_id);
                if let Some(wanted) = wanted {
                    noted.connection_state = Some(wanted.connection.state.clone());
                    noted.organization_id.clone_from(&wanted.connection.organization_id);
                    noted.connection_name.clone_from(&wanted.connection.name);
                }
                if let Some(all) = &self.look.organizations {
                    noted.organization = noted.organization_id.as_ref().map(|id| KnownOrganization::of(id, all));
                }
                noted.in_sync = claim.is_held() && !undone.contains(&claim.connection_id);
                noted
            })
            .filter(|noted| self.claims.get(&noted.connection_id) != Some(noted))
            .collect();
        let (table, pool) = (&self.reconciler.table, self.pool);
        let writes = changed.iter().map(|claim| async move { (claim, table.put_claim(pool, claim).await) });
        let written: Vec<_> = stream::iter(writes).buffer_unordered(NOTES_AT_ONCE).collect().await;
        self.executed.kept.in_claims = written.iter().all(|(_, outcome)| outcome.is_ok());
        for (claim, outcome) in written {
            match outcome {
                Ok(noted) => drop(self.claims.insert(noted.connection_id.clone(), noted)),
                Err(error) => self.fail(&claim.connection_id, "note the connection's state", &error.into()),
            }
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.reconciler.sources.now)()
    }

    /// Does nothing of `plan` but to write what the look told of the claims; how many that were.
    pub async fn settled(mut self, plan: &Plan) -> usize {
        self.settle(plan).await
    }

    /// Writes what the look told of the claims.
    async fn settle(&mut self, plan: &Plan) -> usize {
        let mut written = 0;
        for settlement in &plan.settlements {
            let Some(claim) = self.claims.get(&settlement.connection_id) else { continue };
            let Some(settled) = settlement.applied_to(claim, self.now()) else { continue };
            match self.put_claim(settled).await {
                Ok(_) => written += 1,
                Err(error) => self.fail(&settlement.connection_id, "settle the claim", &error),
            }
        }
        written
    }

    /// Puts on record what is about to be taken away and of how many connections something is held back, and uses the
    /// approval up that lets it through.
    async fn announce_losses(&mut self, steps: &[&Step], held_of: Option<usize>) -> Result<(), TableError> {
        let now = self.now();
        let losing: BTreeSet<&ConnectionId> =
            steps.iter().filter(|step| step.takes_away).map(|step| &step.connection_id).collect();
        let begins_to_hold = held_of.is_some() && held_of != self.user_pool.run.held_of;
        if losing.is_empty() && !begins_to_hold {
            return Ok(());
        }
        let table = &self.reconciler.table;
        if let Some(approval) = &self.user_pool.approval
            && steps.iter().any(|step| step.takes_away && approval.covers(step, now))
        {
            table.use_approval(self.user_pool, approval).await?;
        }
        let mut losses = recent(&self.executed.losses, now);
        losses.retain(|loss| !losing.contains(&loss.connection_id));
        losses.extend(losing.into_iter().map(|id| Loss { connection_id: id.clone(), at: now }));
        table.count_losses(self.user_pool, self.run_id, &losses, held_of).await?;
        self.executed.losses = losses;
        Ok(())
    }

    /// Asks WorkOS for a connection that seems gone before anything is taken from it, once. A list can be
    /// wrong; only a 404 to a question for the connection itself is believed.
    async fn confirm_gone(&mut self, step: &Step) {
        let id = &step.connection_id;
        let is_settled = self.confirmed.contains(id) || self.failed.stops(step);
        // The removal of a pool takes down what the operator wants to be gone, whatever WorkOS has.
        let is_meant = step.action == Action::Forget || self.look.desired.is_removal;
        if is_settled || is_meant || !self.look.desired.is_missing(id) {
            return;
        }
        let Some(key) = &self.look.key else {
            return self.fail(id, "confirm that the connection is gone", &StepError::NotGone);
        };
        match self.reconciler.directory.connection_is_gone(key, id).await {
            Ok(true) => {
                self.confirmed.insert(id.clone());
            }
            Ok(false) => self.fail(id, "confirm that the connection is gone", &StepError::NotGone),
            Err(error) => self.fail(id, "confirm that the connection is gone", &StepError::Directory(error)),
        }
    }

    pub async fn put_claim(&mut self, claim: Claim) -> Result<Claim, StepError> {
        let written = self.reconciler.table.put_claim(self.pool, &claim).await?;
        self.claims.insert(written.connection_id.clone(), written.clone());
        Ok(written)
    }

    pub fn done(&mut self, step: &Step) {
        self.executed.done.push(step.clone());
    }

    /// Records that a step failed, and so stops those that depend on it.
    pub fn fail_step(&mut self, step: &Step, error: &StepError) {
        self.failed.step(step);
        let name = step.action.name();
        let client = step.app_client_id.as_ref();
        let attempted = client.map_or_else(|| name.to_owned(), |client| format!("{name} (app client {client})"));
        self.report(&step.connection_id, &attempted, error);
    }

    /// Records that something failed that every step of a connection needs.
    pub fn fail(&mut self, id: &ConnectionId, attempted: &str, error: &StepError) {
        self.failed.connection(id);
        self.report(id, attempted, error);
    }

    fn report(&mut self, id: &ConnectionId, attempted: &str, error: &StepError) {
        self.executed.failures.push(Failure {
            connection_id: Some(id.clone()),
            attempted: attempted.to_owned(),
            class: error.class(),
            message: causeway_telemetry::chain(error),
        });
    }
}
