//! How a run ends: its report, what it leaves on the pool, and when the pool is due next.

use std::collections::BTreeSet;

use causeway_core::{
    check::Check,
    decisions::Decisions,
    external_id::SeenExternalIds,
    guard::{Guarded, Held, Loss, check_parked, recent},
    health::{Course, Ending, failures_in_a_row, next_due},
    id::{Identifier, ProviderName},
    naming::Names,
    offering::{self, OfferingClient, offered_after},
    organization::OrganizationReads,
    plan::{Action, Note, Step},
    port::{Ports, Recorded, Table, TableError},
    run::{Failure, Outcome, RunReport},
    schema::SchemaAttribute,
    trouble::Trouble,
    user_pool::{Counts, LastRun, RunState, UserPool},
    wake_up::Cause,
};
use causeway_telemetry::chain;

use crate::{Look, LookError, describe::Described, execute::Executed, look::ROLE_PROBE, run::Run};

/// What to do about a removal that the tenant's account does not let happen.
const REMEDY: &str = "Read the failures of the last run and mend what they name; `GET .../role` has the role's \
    documents. Then send the `DELETE` again, which tries at once. With `providers=keep` it needs nothing in the \
    tenant's account.";

/// What a run saw and did.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four facts of a run, each of which may be so by itself")]
pub(crate) struct Attempt {
    pub done: Vec<Step>,
    pub held: Vec<Step>,
    pub failures: Vec<Failure>,
    pub notes: Vec<Note>,
    pub out_of_time: bool,
    /// Whether something is for a later run by itself.
    pub put_off: bool,
    /// Whether something may still happen that a later run has to see.
    pub looks_again: bool,
    /// Whether the role was tried without and with a wrong external ID.
    pub probed: bool,
    /// How many claims a look that time was too short for has settled.
    pub settled: usize,
    pub external_ids: Option<SeenExternalIds>,
    /// What a complete look saw of the pool.
    pub seen: Option<Seen>,
    /// How many claims are left, of a pool that is being removed.
    pub left: Option<usize>,
    /// By what people know the connections.
    pub names: Names,
}

/// What a complete look saw of a pool, as far as it outlives the run.
#[derive(Debug)]
pub(crate) struct Seen {
    name: Option<String>,
    callbacks: Vec<String>,
    schema: Vec<SchemaAttribute>,
    app_clients: Option<Vec<OfferingClient>>,
    found: Vec<Check>,
    counts: Counts,
    described: Described,
    /// That what the claims keep of their organizations was read and written.
    organizations: Option<OrganizationReads>,
    /// Whether domains are kept for the lookup.
    has_domains: bool,
    losses: Vec<Loss>,
    /// The connections whose losses wait for a person.
    waiting: Held,
    /// What is left of what operators decided.
    decisions: Decisions,
}

impl Attempt {
    /// One that did not see both sides.
    pub fn blind(error: &LookError) -> Self {
        let out_of_time = matches!(error, LookError::OutOfTime);
        Self { out_of_time, ..Self::failed("look at both sides", error) }
    }

    /// One that ended before it did anything.
    pub fn failed(attempted: &str, error: &LookError) -> Self {
        let failure = Failure::of(None, attempted, error.class(), chain(error));
        Self { failures: vec![failure], ..Self::default() }
    }

    pub fn of<P: Ports>(run: &Run<'_, P>, look: &Look<P>, guarded: Guarded, executed: Executed) -> Self {
        let decisions = guarded.decisions_after(&run.pool.decisions, &executed.done, run.now());
        let put_off = !guarded.put_off.is_empty() || executed.put_off || look.waits_for_cognito(run.pool);
        let names = look.names(run.now());
        let parked = check_parked(guarded.parked.keys(), &names);
        let is_read = look.organizations.is_some() && executed.kept.in_claims;
        let interval = run.reconciler.settings.interval;
        let providers = own_providers(look, &executed);
        let seen = Seen {
            name: look.name.clone(),
            callbacks: look.callbacks.clone(),
            schema: look.schema.clone(),
            app_clients: offering::kept(&offered_after(&look.observed.app_clients, &executed.done), &providers),
            found: look.found.iter().cloned().chain(parked).collect(),
            counts: counts(look, &providers),
            described: look.described.clone(),
            organizations: is_read.then(|| OrganizationReads::after(run.cause, interval, run.started_at)),
            has_domains: executed.kept.domains,
            losses: executed.losses,
            waiting: guarded.held,
            decisions,
        };
        Self {
            done: executed.done,
            held: guarded.plan.steps.into_iter().filter(|step| step.held).collect(),
            failures: look.unreadable.iter().cloned().chain(executed.failures).collect(),
            notes: guarded.plan.notes.into_iter().chain(executed.taken.iter().map(note_of_taken)).collect(),
            out_of_time: executed.out_of_time || look.described == Described::Part,
            settled: executed.settled,
            looks_again: executed.looks_again,
            put_off,
            names,
            seen: Some(seen),
            ..Self::default()
        }
    }

    /// Whether nothing is left of a pool that is being removed.
    pub fn is_removed(&self) -> bool {
        self.left == Some(0) && self.failures.is_empty()
    }

    /// Whether it did not see what there is to do.
    fn is_blind(&self) -> bool {
        self.seen.is_none() && self.left.is_none()
    }

    fn outcome(&self) -> Outcome {
        let did_nothing = self.done.is_empty();
        if self.out_of_time {
            Outcome::OutOfTime
        } else if !self.failures.is_empty() && (self.is_blind() || (self.left.is_some() && did_nothing)) {
            Outcome::Failed
        } else if !self.held.is_empty() || self.put_off || !self.failures.is_empty() {
            Outcome::Partial
        } else if self.left.is_some_and(|left| left > 0) {
            Outcome::OutOfTime
        } else if did_nothing && self.left.is_none() {
            Outcome::NoChange
        } else {
            Outcome::Changed
        }
    }

    /// Whether it got anything done, so that the next run has less to do.
    fn has_done(&self) -> bool {
        self.settled > 0 || !self.done.is_empty()
    }

    /// Whether something waits for a person. A run that did not see both sides leaves what the last look held back.
    fn holds_back(&self, pool: &UserPool) -> bool {
        !self.held.is_empty() || (self.is_blind() && !pool.held.is_empty())
    }

    fn report<P: Ports>(&self, run: &Run<'_, P>) -> RunReport {
        RunReport {
            id: run.id.to_owned(),
            started_at: run.started_at,
            finished_at: run.now(),
            cause: run.cause,
            outcome: self.outcome(),
            steps: self.done.iter().chain(&self.held).map(Step::recorded).collect(),
            failures: self.failures.clone(),
            notes: self.notes.clone(),
            omitted: 0,
        }
        .named(&self.names)
    }

    fn state<P: Ports>(&self, run: &Run<'_, P>, report: &RunReport) -> RunState {
        let (before, now) = (&run.pool.run, report.finished_at);
        let found = self.seen.as_ref().map_or(&[][..], |seen| &seen.found);
        let mut state = before.clone();
        state.last_run = Some(LastRun { id: report.id.clone(), finished_at: now, outcome: report.outcome });
        state.health = report.health().and_found(found).after(&before.health);
        state.failures = failures_in_a_row(before.failures, before.health.state, report.worst(), self.has_done());
        state.external_ids = self.external_ids.clone().or(state.external_ids);
        state.losses = recent(&state.losses, now);
        if self.probed {
            state.role_probe_due_at = now.plus(ROLE_PROBE);
        }
        if run.covers_events() && self.seen.is_some() {
            state.looked_at = Some(run.started_at);
        }
        if let Some(seen) = &self.seen {
            seen.recorded_in(&mut state, run);
        }
        if let Some(left) = self.left {
            state.counts = Counts { connections: 0, providers: count(left) };
            if report.worst().is_some_and(|class| !class.passes_by_itself()) {
                REMEDY.clone_into(&mut state.health.remedy);
            }
        }
        state
    }

    fn course(&self, report: &RunReport, state: &RunState) -> Course {
        let is_removal = self.left.is_some();
        Course {
            worst: report.worst(),
            failures: state.failures,
            looked: self.seen.is_some(),
            // What a removal got done is no reason to go on at once where it failed: each look at it begins anew.
            done: self.has_done() && !is_removal,
            out_of_time: self.out_of_time || (is_removal && !self.put_off),
            put_off: self.put_off,
            looks_again: self.looks_again,
            failing_for: report.finished_at.since(state.health.since),
        }
    }
}

impl Seen {
    fn recorded_in<P: Ports>(&self, state: &mut RunState, run: &Run<'_, P>) {
        state.losses.clone_from(&self.losses);
        state.held_of = None;
        state.name.clone_from(&self.name);
        state.callbacks.clone_from(&self.callbacks);
        state.schema = Some(self.schema.clone());
        state.app_clients.clone_from(&self.app_clients);
        state.counts = self.counts;
        state.has_domains = self.has_domains;
        if let Some(organizations) = self.organizations {
            state.organizations = organizations;
        }
        if let Described::Until(last) = &self.described {
            state.full_pass_after = Some(last.clone());
        }
        if self.described == Described::Every {
            let reconciler = run.reconciler;
            let spread = 0.9 + 0.2 * reconciler.sources.fraction();
            state.full_pass_after = None::<ProviderName>;
            state.full_pass_due_at = run.now().plus(reconciler.settings.full_pass.mul_f64(spread));
        }
    }
}

impl<P: Ports> Run<'_, P> {
    /// Records what the run did, and gives its pool back, or forgets one of which nothing is left.
    pub(crate) async fn end(&self, attempt: Attempt) -> Result<RunReport, TableError> {
        let (table, pool) = (&self.reconciler.table, self.pool);
        let report = attempt.report(self);
        // Before the record: should the run end in between, the next one reports once more.
        if (report.outcome != Outcome::NoChange || self.cause != Cause::Schedule)
            && let Err(error) = table.put_run(&pool.tenant_id, &pool.user_pool_id, &report).await
        {
            // Only its story for people is lost, and it is in the log.
            tracing::error!(error = chain(&error), "the report of the run was not stored");
        }
        let state = attempt.state(self, &report);
        if attempt.is_removed() {
            self.forget_domains().await?;
            table.end_removal(pool, self.id).await?;
        } else {
            let ending = Ending::of(attempt.course(&report, &state));
            let (interval, jitter) = (self.reconciler.settings.interval, self.reconciler.sources.fraction());
            let due_at = next_due(ending, self.cause, interval, report.finished_at, jitter);
            let held = attempt.seen.as_ref().map_or(&pool.held, |seen| &seen.waiting);
            let trouble = Trouble::left_by(state.health.state, attempt.holds_back(pool));
            table.record_run(pool, Recorded { run_id: self.id, state: &state, held, trouble, due_at }).await?;
            if let Some(seen) = &attempt.seen {
                self.end_approvals(&seen.decisions).await;
            }
        }
        // Its role may have been the last one that a rotation waited for.
        let is_rotated = state.external_ids.as_ref().is_some_and(|seen| seen.takes_new && !seen.takes_former);
        if attempt.left.is_some() || is_rotated {
            self.reconciler.forget_unneeded(self.tenant).await;
        }
        Ok(report)
    }
}

impl<P: Ports> Run<'_, P> {
    /// Ends the approvals whose losses are done or no longer planned. One that was given meanwhile stays for the next run,
    /// and so do all where this fails.
    async fn end_approvals(&self, left: &Decisions) {
        if *left == self.pool.decisions {
            return;
        }
        match self.reconciler.table.decide(self.pool, left, self.reconciler.sources.number()).await {
            Ok(()) => {}
            Err(error) if error.is_conflict() => {}
            Err(error) => tracing::warn!(error = chain(&error), "approvals that are done were not ended"),
        }
    }
}

fn note_of_taken(identifier: &Identifier) -> Note {
    Note::general(format!("the identifier {identifier} is left out: Cognito says that another provider has it"))
}

fn counts<P: Ports>(look: &Look<P>, providers: &BTreeSet<ProviderName>) -> Counts {
    let wanted = look.desired.connections.values().filter(|wanted| wanted.presence.is_provided());
    Counts { connections: count(wanted.count()), providers: count(providers.len()) }
}

/// The providers of Causeway's that are there after a run.
fn own_providers<P: Ports>(look: &Look<P>, executed: &Executed) -> BTreeSet<ProviderName> {
    let claimed = look.claims.values().filter(|claim| claim.is_held()).map(|claim| &claim.provider_name);
    let mut names: BTreeSet<ProviderName> =
        claimed.filter(|name| look.observed.providers.contains_key(*name)).cloned().collect();
    for step in &executed.done {
        match step.action {
            Action::Create(_) => drop(names.insert(step.provider_name.clone())),
            Action::Delete(_) => drop(names.remove(&step.provider_name)),
            _ => {}
        }
    }
    names
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}
