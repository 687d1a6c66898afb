//! Carries plans out as a reconcile does, and fails wherever it is told to.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use causeway_core::{
    claim::Claim,
    guard::{Guarded, Loss, changes_more_than_identifiers, without_own_change},
    id::{ConnectionId, Identifier},
    plan::{Action, Failed, Freed, Plan, Step, plan},
    user_pool::Mode,
};

use super::{
    Event, World,
    check::Bounds,
    cognito::Refusal,
    look::{Blindness, Foreign, Look},
};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends before it.
    Crash,
    /// It is refused.
    Refuse,
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is done, the answer is lost, and it is made once more.
    Repeat,
    /// It is refused, and so is all that Cognito is asked after it.
    Throttle,
}

/// What disturbs a run, by the number of the call that it hits.
#[derive(Debug, Clone, Default)]
pub struct Disturbance {
    pub blindness: Option<Blindness>,
    pub faults: Vec<(u8, Fault)>,
    /// After how many calls time is over: no step is begun any more.
    pub time: Option<u8>,
    pub meanwhile: Option<(u8, Event)>,
}

impl Disturbance {
    pub fn is_none(&self) -> bool {
        self.blindness.is_none() && self.faults.is_empty() && self.time.is_none() && self.meanwhile.is_none()
    }

    /// Whether nothing but faults and a lack of time disturbs the run.
    pub fn is_inside(&self) -> bool {
        self.blindness.is_none() && self.meanwhile.is_none()
    }
}

/// Whom a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Cognito,
    Table,
    Workos,
}

pub(super) enum Stop {
    Crashed,
    Failed(Refusal),
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Ran {
    pub plan: Plan,
    pub calls: u8,
    /// How many of the calls only ask `WorkOS`.
    pub asked: u8,
    pub done: Vec<Step>,
    pub failures: Vec<String>,
    /// The faults that hit a call, and whom it went to.
    pub faults: Vec<(Side, Fault)>,
    pub is_out_of_time: bool,
}

impl World {
    pub fn run(&mut self, disturbance: &Disturbance) -> Ran {
        if self.options.mode == Mode::Paused && !self.is_removed {
            return Ran::default();
        }
        let Some(look) = self.look(disturbance.blindness) else { return Ran::default() };
        let mut run = Run::new(self, disturbance, &look);
        // A crash ends the run; whatever it has done by then stays.
        let ended = if look.is_part {
            run.ran.is_out_of_time = true;
            run.settle(&look.in_situation(plan))
        } else {
            run.guarded().and_then(|guarded| {
                let outcome = run.carry_out(&guarded);
                run.guarded = guarded;
                outcome
            })
        };
        for step in run.ran.done.iter().filter(|step| step.takes_away) {
            let is_counted = run.losses.iter().any(|loss| loss.connection_id == step.connection_id);
            let is_approved = run.world.decisions.covers(step, run.world.now);
            assert!(is_counted || is_approved, "{step:?} is done, and is no loss that the guard knows");
        }
        let Run { ran, guarded, losses, foreign_outdated, .. } = run;
        if ended.is_ok() {
            if !look.is_part && !look.is_removal() {
                self.losses = losses;
                self.held.clone_from(&guarded.held);
                self.decisions = guarded.decisions_after(&self.decisions, &ran.done, self.now);
            }
            self.foreign = if foreign_outdated { Foreign::new() } else { look.foreign };
        }
        Ran { plan: guarded.plan, ..ran }
    }
}

pub(super) struct Run<'a> {
    pub world: &'a mut World,
    disturbance: &'a Disturbance,
    pub look: &'a Look,
    bounds: Bounds,
    losses: Vec<Loss>,
    guarded: Guarded,
    brought_to: Option<ConnectionId>,
    /// The claims as this run knows them.
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub ran: Ran,
    pub failed: Failed,
    /// Identifiers that could not be freed.
    pub stuck: BTreeSet<Identifier>,
    /// What was freed for later steps.
    pub freed: Freed,
    /// Whether what is known of foreign providers has proven wrong.
    pub foreign_outdated: bool,
    is_throttled: bool,
}

impl<'a> Run<'a> {
    fn new(world: &'a mut World, disturbance: &'a Disturbance, look: &'a Look) -> Self {
        Self {
            bounds: Bounds { mode: look.mode, desired: look.desired.clone(), hidden: world.hidden() },
            losses: world.losses.clone(),
            guarded: Guarded::default(),
            brought_to: None,
            world,
            disturbance,
            look,
            claims: look.claims.clone(),
            ran: Ran::default(),
            failed: Failed::default(),
            stuck: BTreeSet::new(),
            freed: Freed::default(),
            foreign_outdated: false,
            is_throttled: false,
        }
    }

    /// Asks or changes something outside of the process, unless something goes wrong.
    pub fn call<T>(&mut self, side: Side, mut act: impl FnMut(&mut World) -> Result<T, Refusal>) -> Result<T, Stop> {
        let number = self.ran.calls;
        self.ran.calls = self.ran.calls.saturating_add(1);
        self.ran.asked = self.ran.asked.saturating_add(u8::from(side == Side::Workos));
        if let Some((at, event)) = &self.disturbance.meanwhile
            && *at == number
        {
            self.world.happen_meanwhile(event);
        }
        let fault = self.disturbance.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        self.ran.faults.extend(fault.map(|fault| (side, fault)));
        self.is_throttled |= fault == Some(Fault::Throttle);
        let before = self.world.cognito.clone();
        let result = match fault {
            Some(Fault::Crash) => return Err(Stop::Crashed),
            _ if self.is_throttled && side == Side::Cognito => Err(Refusal::Unavailable),
            Some(Fault::Refuse) => Err(Refusal::Unavailable),
            Some(Fault::LoseAnswer) => act(self.world).and(Err(Refusal::Unavailable)),
            Some(Fault::Repeat) => {
                let _ = act(self.world);
                act(self.world)
            }
            Some(Fault::Throttle) | None => act(self.world),
        };
        self.world.check_effect(&before, &self.bounds);
        self.world.check();
        result.map_err(Stop::Failed)
    }

    /// Writes a claim that nobody else has written since it was read.
    pub fn put(&mut self, claim: &Claim) -> Result<Claim, Stop> {
        let written = Claim { version: claim.version + 1, ..claim.clone() };
        self.call(Side::Table, |world| {
            let there = world.claims.get(&claim.connection_id).map_or(0, |there| there.version);
            if there != claim.version {
                return Err(Refusal::Stale);
            }
            world.claims.insert(claim.connection_id.clone(), written.clone());
            Ok(())
        })?;
        self.claims.insert(written.connection_id.clone(), written.clone());
        Ok(written)
    }

    /// The plan as the guard lets it through, once what seems to be gone is confirmed.
    fn guarded(&mut self) -> Result<Guarded, Stop> {
        let look = self.look;
        if look.is_removal() {
            return Ok(self.world.plan_of(look, |_| true));
        }
        let mut gone = BTreeSet::new();
        for id in &self.world.to_confirm(look) {
            let result =
                self.call(Side::Workos, |world| if world.is_gone(id) { Ok(()) } else { Err(Refusal::NotGone) });
            if result.is_ok() {
                gone.insert(id.clone());
            }
            self.note(id, "confirm that it is gone", result)?;
        }
        let mut guarded = self.world.plan_of(look, |id| gone.contains(id));
        if look.mode == Mode::Observe {
            guarded.observe(&self.world.losses, self.world.now);
        }
        Ok(guarded)
    }

    fn carry_out(&mut self, guarded: &Guarded) -> Result<(), Stop> {
        let plan = &guarded.plan;
        self.settle(plan)?;
        let only_look = self.look.mode == Mode::Observe && !self.look.is_removal();
        let steps = plan.steps.iter().filter(|step| !step.held && (!only_look || step.action == Action::Forget));
        let steps: Vec<&Step> = steps.collect();
        match self.count_losses(guarded) {
            Err(Stop::Failed(refusal)) => {
                self.ran.failures.push(format!("count the losses: {refusal:?}"));
                return Ok(());
            }
            announced => announced?,
        }
        let mut rest = steps.as_slice();
        while let Some(step) = rest.first() {
            if self.is_over() && !self.freed.is_taken_by(rest) {
                self.ran.is_out_of_time = true;
                break;
            }
            if step.app_client_id.is_some() {
                let now = together(rest);
                self.write_app_client(now)?;
                rest = &rest[now.len()..];
            } else {
                if let Some(step) = self.of_this_run(step, guarded) {
                    self.write_provider(&step)?;
                    if guarded.staged.contains(&step.connection_id)
                        && changes_more_than_identifiers(&step)
                        && self.ran.done.contains(&step)
                    {
                        self.brought_to.get_or_insert_with(|| step.connection_id.clone());
                    }
                }
                rest = &rest[1..];
            }
        }
        self.note_connections(guarded)
    }

    fn of_this_run<'s>(&self, step: &'s Step, guarded: &Guarded) -> Option<Cow<'s, Step>> {
        let is_first = self.brought_to.as_ref().is_none_or(|first| *first == step.connection_id);
        if is_first || !guarded.staged.contains(&step.connection_id) || !changes_more_than_identifiers(step) {
            return Some(Cow::Borrowed(step));
        }
        without_own_change(step).map(Cow::Owned)
    }

    fn is_over(&self) -> bool {
        self.disturbance.time.is_some_and(|time| self.ran.calls >= time)
    }

    fn settle(&mut self, plan: &Plan) -> Result<(), Stop> {
        for settlement in &plan.settlements {
            let id = &settlement.connection_id;
            let Some(settled) = settlement.applied_to(&self.claims[id], self.world.now) else { continue };
            let result = self.put(&settled).map(drop);
            self.note(id, "settle", result)?;
        }
        Ok(())
    }

    /// Puts on record what is about to be taken away without an approval, and what waits for one.
    fn count_losses(&mut self, guarded: &Guarded) -> Result<(), Stop> {
        let (before, held_before) = (&self.world.losses, &self.world.held);
        let (losses, held) = (&guarded.losses, &guarded.held);
        let is_known =
            losses.iter().all(|loss| before.contains(loss)) && held.keys().all(|id| held_before.contains_key(id));
        if !is_known {
            self.call(Side::Table, |world| {
                world.losses.clone_from(losses);
                world.held.clone_from(held);
                Ok(())
            })?;
        }
        self.losses.clone_from(losses);
        Ok(())
    }

    /// Cognito has no conditional write: what the tenant does to an app client right between the read and the write
    /// is lost, and does not happen here.
    fn write_app_client(&mut self, together: &[&Step]) -> Result<(), Stop> {
        let client = together[0].app_client_id.as_ref().unwrap();
        let steps: Vec<&Step> = together.iter().filter(|step| !self.failed.stops(step)).copied().collect();
        if steps.is_empty() {
            return Ok(());
        }
        let result = self.call(Side::Cognito, |world| {
            let before = &world.cognito.clients[client];
            let mut names = before.clone();
            for step in &steps {
                if step.action == Action::Wire {
                    names.insert(step.provider_name.to_string());
                } else {
                    names.remove(step.provider_name.as_str());
                }
            }
            if names == *before { Ok(()) } else { world.cognito.support(client, names) }
        });
        match result {
            Ok(()) => self.ran.done.extend(steps.into_iter().cloned()),
            Err(Stop::Crashed) => return Err(Stop::Crashed),
            Err(Stop::Failed(refusal)) => {
                for step in steps {
                    self.fail_step(step, refusal);
                }
            }
        }
        Ok(())
    }

    /// Keeps in each claim what is shown of its connection; written only where it changed.
    fn note_connections(&mut self, guarded: &Guarded) -> Result<(), Stop> {
        let undone = guarded
            .plan
            .steps
            .iter()
            .chain(&guarded.put_off)
            .filter(|step| !self.ran.done.contains(step))
            .map(|step| &step.connection_id);
        let undone: BTreeSet<ConnectionId> = undone.chain(self.failed.connections()).cloned().collect();
        for claim in self.claims.clone().into_values() {
            let mut noted = claim.clone();
            if let Some(wanted) = self.look.desired.connections.get(&claim.connection_id) {
                noted.connection_state = Some(wanted.connection.state.clone());
                noted.organization_id.clone_from(&wanted.connection.organization_id);
            }
            noted.in_sync = claim.is_held() && !undone.contains(&claim.connection_id);
            if noted != claim {
                let result = self.put(&noted).map(drop);
                self.note(&claim.connection_id, "note the connection's state", result)?;
            }
        }
        Ok(())
    }

    pub fn fail_step(&mut self, step: &Step, refusal: Refusal) {
        self.failed.step(step);
        self.ran.failures.push(format!("{} {}: {refusal:?}", step.action.name(), step.connection_id));
    }

    /// Records what failed for all steps of a connection; only a crash ends the run.
    pub fn note(&mut self, id: &ConnectionId, attempted: &str, result: Result<(), Stop>) -> Result<(), Stop> {
        match result {
            Err(Stop::Failed(refusal)) => {
                self.failed.connection(id);
                self.ran.failures.push(format!("{attempted} {id}: {refusal:?}"));
                Ok(())
            }
            other => other,
        }
    }
}

/// The first steps, of one app client and one kind, that go into one write.
fn together<'s>(steps: &'s [&'s Step]) -> &'s [&'s Step] {
    let is_alike = |step: &&&Step| step.app_client_id == steps[0].app_client_id && step.action == steps[0].action;
    &steps[..steps.iter().take_while(is_alike).count()]
}
