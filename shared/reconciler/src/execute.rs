//! Carries a plan out, step by step. A step that fails stops only what depends on it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use causeway_core::{
    claim::Claim,
    guard::{Guarded, Loss, changes_more_than_identifiers, without_own_change},
    health::ErrorClass,
    id::{ConnectionId, Identifier},
    plan::{Action, Failed, Freed, Plan, Step},
    port::{DirectoryError, PoolError, Ports, Table, TableError},
    run::Failure,
};
use futures::stream::{self, StreamExt as _};

use crate::{Look, guard::Unanswered, run::Run};

/// How many notes on connections are written at once: after an import there is one for each connection.
const NOTES_AT_ONCE: usize = 8;

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The table.
    #[error("the claim could not be written")]
    Table(#[from] TableError),
    /// The table, after the provider was written.
    #[error("the provider was written, and its claim could not be")]
    Unrecorded(#[source] TableError),
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
    /// An earlier attempt may have made the provider.
    #[error("an earlier attempt to create the provider may not show yet")]
    NotShown,
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
            Self::Table(error) | Self::Unrecorded(error) => error.class(),
            Self::Pool(error) => error.class(),
            Self::Directory(error) => error.class(),
            // What it depends on is a failure of its own, and tells of which class.
            Self::NotGone | Self::NotShown | Self::Depends => ErrorClass::Transient,
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
    /// Whether something is for a later run: a change of Causeway's own, once one provider has it, or what can be known
    /// only then.
    pub put_off: bool,
    /// Whether a write whose answer was lost may still be carried out.
    pub looks_again: bool,
    pub kept: Kept,
    /// How many claims were written for what the look told of them.
    pub settled: usize,
    /// The identifiers that Cognito refused, as somebody else's provider has them.
    pub taken: BTreeSet<Identifier>,
}

pub(crate) struct Execution<'a, P: Ports> {
    pub run: &'a Run<'a, P>,
    pub look: &'a Look<P>,
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub executed: Executed,
    /// What failed: what depends on it is left out.
    pub failed: Failed,
    /// The connections that a change of Causeway's own is for.
    staged: BTreeSet<ConnectionId>,
    /// The one of them that it was brought to.
    brought_to: Option<ConnectionId>,
    /// Identifiers that could not be freed.
    pub stuck: BTreeSet<Identifier>,
    /// What was freed for later steps, to be put back if one of those fails.
    pub freed: Freed,
    pub pool_is_full: bool,
    /// Whether Cognito has refused calls that came side by side.
    pub one_at_a_time: bool,
}

impl<'a, P: Ports> Execution<'a, P> {
    pub fn new(run: &'a Run<'a, P>, look: &'a Look<P>) -> Self {
        Self {
            run,
            look,
            claims: look.claims.clone(),
            executed: Executed {
                losses: run.pool.run.losses.clone(),
                kept: Kept { in_claims: false, domains: run.pool.run.has_domains },
                ..Executed::default()
            },
            failed: Failed::default(),
            staged: BTreeSet::new(),
            brought_to: None,
            stuck: BTreeSet::new(),
            freed: Freed::default(),
            pool_is_full: false,
            one_at_a_time: false,
        }
    }

    /// Without what is for connections that were not confirmed to be gone.
    #[must_use]
    pub fn without(mut self, unanswered: Unanswered) -> Self {
        for (id, reason) in unanswered {
            if let Some(error) = reason {
                self.fail(&id, "confirm that the connection is gone", &error);
            } else {
                self.failed.connection(&id);
                self.executed.out_of_time = true;
            }
        }
        self
    }

    /// Carries out everything of a plan that is not held back; with `only_look` none of its steps, but that a claim
    /// is forgotten, which is Causeway's own: else nobody could adopt the provider of an adoption that broke off.
    pub async fn carry_out(mut self, guarded: &Guarded, only_look: bool) -> Executed {
        let plan = &guarded.plan;
        self.staged.clone_from(&guarded.staged);
        self.settle(plan).await;
        let steps: Vec<&Step> =
            plan.steps.iter().filter(|step| !step.held && (!only_look || step.action == Action::Forget)).collect();
        if let Err(error) = self.count_losses(guarded).await {
            tracing::error!(error = causeway_telemetry::chain(&error), "the losses were not counted: nothing is done");
            let failure = Failure::of(None, "count the losses", error.class(), causeway_telemetry::chain(&error));
            self.executed.failures.push(failure);
            return self.executed;
        }
        let mut rest = steps.as_slice();
        while let Some(step) = rest.first() {
            // Between the freeing of an identifier and its taking it is on nobody, and so never for a whole pause.
            if self.run.is_over() && !self.freed.is_taken_by(rest) {
                self.executed.out_of_time = true;
                break;
            }
            let creates = rest.iter().take_while(|step| matches!(step.action, Action::Create(_))).count();
            if creates > 0 {
                let made = self.create_all(&rest[..creates]).await;
                rest = &rest[made..];
            } else if step.app_client_id.is_some() {
                let now = together(rest);
                self.write_app_client(now).await;
                rest = &rest[now.len()..];
            } else {
                rest = &rest[1..];
                if let Some(step) = self.of_this_run(step) {
                    self.write_provider(&step, rest).await;
                }
            }
        }
        self.note_connections(guarded).await;
        self.keep_domains().await;
        // What is carried out late gives a provider a secret that is good for a while only: a later run has to see it.
        let now = self.run.now();
        self.executed.looks_again = self.claims.values().any(|claim| claim.may_be_written_late(now));
        self.executed
    }

    /// A step, or what of it is not for the next run: a change of Causeway's own is brought to one provider first.
    fn of_this_run<'s>(&mut self, step: &'s Step) -> Option<Cow<'s, Step>> {
        let id = &step.connection_id;
        let is_first = self.brought_to.as_ref().is_none_or(|first| first == id);
        if is_first || !self.staged.contains(id) || !changes_more_than_identifiers(step) {
            return Some(Cow::Borrowed(step));
        }
        self.executed.put_off = true;
        without_own_change(step).map(Cow::Owned)
    }

    /// Keeps in each claim what the API shows of its connection, and what sign-ins need of its organization; written
    /// only where it changed.
    async fn note_connections(&mut self, guarded: &Guarded) {
        let undone: BTreeSet<&ConnectionId> = guarded
            .plan
            .steps
            .iter()
            .chain(&guarded.put_off)
            .filter(|step| !self.executed.done.contains(step))
            .map(|step| &step.connection_id)
            .chain(self.failed.connections())
            .chain(guarded.parked.keys())
            .collect();
        let now = self.run.now();
        let changed: Vec<Claim> = self
            .claims
            .values()
            .map(|claim| {
                let mut noted = claim.clone();
                let wanted = self.look.desired.connections.get(&claim.connection_id);
                if let Some(wanted) = wanted {
                    noted.connection_state = Some(wanted.connection.state.clone());
                    noted.organization_id.clone_from(&wanted.connection.organization_id);
                }
                let seen = self.look.seen.get(&claim.connection_id);
                noted.note_names(seen, self.look.organizations.as_deref(), now);
                noted.in_sync = claim.is_held() && !undone.contains(&claim.connection_id);
                noted
            })
            .filter(|noted| self.claims.get(&noted.connection_id) != Some(noted))
            .collect();
        let (table, pool) = (&self.run.reconciler.table, &self.run.pool.user_pool_id);
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

    /// Writes what the look told of the claims.
    async fn settle(&mut self, plan: &Plan) {
        for settlement in &plan.settlements {
            let Some(claim) = self.claims.get(&settlement.connection_id) else { continue };
            let Some(settled) = settlement.applied_to(claim, self.run.now()) else { continue };
            match self.put_claim(settled).await {
                Ok(_) => self.executed.settled += 1,
                Err(error) => self.fail(&settlement.connection_id, "settle the claim", &error),
            }
        }
    }

    /// Puts on record what is about to be taken away without an approval, and what waits for one.
    async fn count_losses(&mut self, guarded: &Guarded) -> Result<(), TableError> {
        let Guarded { held, losses, .. } = guarded;
        let (before, held_before) = (&self.run.pool.run.losses, &self.run.pool.held);
        let is_known =
            losses.iter().all(|loss| before.contains(loss)) && held.keys().all(|id| held_before.contains_key(id));
        if !is_known {
            self.run.reconciler.table.count_losses(self.run.pool, self.run.id, losses, held).await?;
        }
        self.executed.losses.clone_from(losses);
        Ok(())
    }

    pub async fn put_claim(&mut self, claim: Claim) -> Result<Claim, StepError> {
        let written = self.run.reconciler.table.put_claim(&self.run.pool.user_pool_id, &claim).await?;
        self.claims.insert(written.connection_id.clone(), written.clone());
        Ok(written)
    }

    pub async fn drop_claim(&mut self, id: &ConnectionId) -> Result<(), StepError> {
        if let Some(claim) = self.claims.get(id) {
            self.run.reconciler.table.delete_claim(&self.run.pool.user_pool_id, claim).await?;
            self.claims.remove(id);
        }
        Ok(())
    }

    pub fn done(&mut self, step: &Step) {
        self.brought(step);
        self.executed.done.push(step.clone());
    }

    /// Records that a provider has, or may have, a change of Causeway's own.
    fn brought(&mut self, step: &Step) {
        if self.staged.contains(&step.connection_id) && changes_more_than_identifiers(step) {
            self.brought_to.get_or_insert_with(|| step.connection_id.clone());
        }
    }

    /// Records that a step failed, and so stops those that depend on it.
    pub fn fail_step(&mut self, step: &Step, error: &StepError) {
        let may_be_written = match error {
            StepError::Pool(error) => error.outcome_is_unclear,
            StepError::Unrecorded(_) => true,
            _ => false,
        };
        if may_be_written {
            self.brought(step);
        }
        self.failed.step(step);
        let name = step.action.kind().name();
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
        let (class, message) = (error.class(), causeway_telemetry::chain(error));
        self.executed.failures.push(Failure::of(Some(id.clone()), attempted, class, message));
    }
}

/// The first steps, of one app client and one kind, that go into one write.
fn together<'s>(steps: &'s [&'s Step]) -> &'s [&'s Step] {
    let is_alike = |step: &&&Step| step.app_client_id == steps[0].app_client_id && step.action == steps[0].action;
    &steps[..steps.iter().take_while(is_alike).count()]
}
