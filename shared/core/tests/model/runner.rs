//! Carries plans out as a reconcile does, and fails wherever it is told to.

use std::collections::BTreeSet;

use causeway_core::{
    claim::{Claim, ClaimState},
    guard::{Loss, hold_back, recent},
    id::{ConnectionId, Identifier, ProviderName},
    plan::{Action, DeleteReason, Plan, Situation, Step, plan, to_describe},
    provider::{Observed, ProviderSpec},
    removal::plan_to_delete,
    secret::SecretHash,
    user_pool::Mode,
};
use secrecy::SecretString;

use super::{Edit, World, cognito::Refusal};

/// What goes wrong with one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends before it.
    Crash,
    /// It is refused.
    Refuse,
    /// It is done, and the answer is lost.
    LoseAnswer,
}

/// What disturbs a run, by the number of the effect that it hits.
#[derive(Debug, Clone, Default)]
pub struct Disturbance {
    pub faults: Vec<(u8, Fault)>,
    pub edit: Option<(u8, Edit)>,
}

enum Stop {
    Crashed,
    Failed(Refusal),
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Ran {
    pub plan: Plan,
    pub effects: u8,
    pub failures: Vec<String>,
}

impl World {
    /// The look: everything is listed; described is what must be.
    fn look(&mut self) -> Observed {
        let mut observed = Observed { providers: self.cognito.list(), app_clients: self.cognito.clients.clone() };
        let claimed: BTreeSet<&ProviderName> = self.claims.values().map(|claim| &claim.provider_name).collect();
        self.foreign.retain(|name, (date, _)| {
            !claimed.contains(name) && observed.providers.get(name).is_some_and(|seen| seen.last_modified == *date)
        });
        for (name, seen) in observed.providers.iter().filter(|(name, _)| !claimed.contains(name)) {
            let identifiers = self.cognito.describe(name).unwrap().spec.identifiers;
            self.foreign.insert(name.clone(), (seen.last_modified, identifiers));
        }
        for name in self.in_situation(&observed, |situation| to_describe(&situation)) {
            observed.providers.get_mut(&name).unwrap().description = self.cognito.describe(&name);
        }
        observed
    }

    fn in_situation<T>(&self, observed: &Observed, look: impl FnOnce(Situation<'_>) -> T) -> T {
        let desired = self.desired();
        let foreign = self.foreign.iter();
        let foreign = foreign.flat_map(|(name, (_, all))| all.iter().map(|one| (one.clone(), name.clone()))).collect();
        look(Situation {
            desired: &desired,
            observed,
            claims: &self.claims,
            foreign: &foreign,
            mode: self.options.mode,
            spec: &self.specs,
        })
    }

    /// The plan of this moment, with what the guard holds back.
    pub fn guarded_plan(&mut self) -> Plan {
        let observed = self.look();
        if self.is_removed {
            return plan_to_delete(&observed, &self.claims, &self.specs);
        }
        let mut plan = self.in_situation(&observed, plan);
        let there = self.claims.iter().filter(|(_, claim)| observed.providers.contains_key(&claim.provider_name));
        let claimed = there.map(|(id, _)| id.clone()).collect();
        self.losses = recent(&self.losses, self.now);
        hold_back(&mut plan, &claimed, &self.losses, self.approval.as_ref(), self.now);
        plan
    }

    /// How many providers a run would have to describe now.
    pub fn undescribed(&mut self) -> usize {
        let observed = Observed { providers: self.cognito.list(), app_clients: self.cognito.clients.clone() };
        self.in_situation(&observed, |situation| to_describe(&situation)).len()
    }

    pub fn run(&mut self, disturbance: &Disturbance) -> Ran {
        let plan = self.guarded_plan();
        let mut run = Run {
            world: self,
            disturbance,
            ran: Ran::default(),
            failed: BTreeSet::new(),
            stuck: BTreeSet::new(),
            freed: Vec::new(),
        };
        // A crash ends the run; whatever it has done by then stays.
        let _ = run.carry_out(&plan);
        let ran = run.ran;
        self.approval = None;
        Ran { plan, ..ran }
    }
}

struct Run<'a> {
    world: &'a mut World,
    disturbance: &'a Disturbance,
    ran: Ran,
    /// Connections of which a step failed.
    failed: BTreeSet<ConnectionId>,
    /// Identifiers that could not be freed.
    stuck: BTreeSet<Identifier>,
    /// What was freed for the next step.
    freed: Vec<(ConnectionId, ProviderSpec)>,
}

impl Run<'_> {
    /// Changes something outside of the process, unless something goes wrong.
    fn effect<T>(&mut self, act: impl FnOnce(&mut World) -> Result<T, Refusal>) -> Result<T, Stop> {
        let number = self.ran.effects;
        self.ran.effects = self.ran.effects.saturating_add(1);
        if let Some((at, edit)) = &self.disturbance.edit
            && *at == number
        {
            self.world.edit(edit);
        }
        let fault = self.disturbance.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        let result = match fault {
            Some(Fault::Crash) => return Err(Stop::Crashed),
            Some(Fault::Refuse) => Err(Refusal::Unavailable),
            Some(Fault::LoseAnswer) => act(self.world).and(Err(Refusal::Unavailable)),
            None => act(self.world),
        };
        self.world.check();
        result.map_err(Stop::Failed)
    }

    fn put(&mut self, claim: &Claim) -> Result<(), Stop> {
        self.effect(|world| {
            world.claims.insert(claim.connection_id.clone(), claim.clone());
            Ok(())
        })
    }

    fn drop_claim(&mut self, id: &ConnectionId) -> Result<(), Stop> {
        self.effect(|world| {
            world.claims.remove(id);
            Ok(())
        })
    }

    fn carry_out(&mut self, plan: &Plan) -> Result<(), Stop> {
        for settlement in &plan.settlements {
            let id = &settlement.connection_id;
            let settled = settlement.applied_to(&self.world.claims[id], self.world.now);
            let result = settled.map_or(Ok(()), |settled| self.put(&settled));
            self.note(id, "settle", result)?;
        }
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| !step.held).collect();
        // Neighbours on one app client are one change of it.
        let belong = |one: &&Step, other: &&Step| {
            one.app_client_id.is_some() && one.app_client_id == other.app_client_id && one.action == other.action
        };
        for together in steps.chunk_by(belong) {
            if together[0].app_client_id.is_some() {
                self.support(together)?;
            } else {
                self.write_provider(together[0])?;
            }
        }
        Ok(())
    }

    fn write_provider(&mut self, step: &Step) -> Result<(), Stop> {
        let id = &step.connection_id;
        let result =
            if self.failed.contains(id) { Err(Stop::Failed(Refusal::Unavailable)) } else { self.take_step(step) };
        match (&result, &step.action) {
            (Err(Stop::Failed(_)), Action::Create(spec) | Action::Update { after: spec, .. }) => {
                if let Action::Update { before, after, .. } = &step.action {
                    self.stuck.extend(before.identifiers.difference(&after.identifiers).cloned());
                }
                self.put_back(&spec.identifiers)?;
            }
            (Ok(()), Action::Update { before, after, .. }) if !before.identifiers.is_subset(&after.identifiers) => {
                self.freed.push((id.clone(), before.clone()));
            }
            _ => self.freed.clear(),
        }
        self.conclude(step, result)
    }

    fn conclude(&mut self, step: &Step, result: Result<(), Stop>) -> Result<(), Stop> {
        if result.is_ok() && step.takes_away {
            let loss = Loss { connection_id: step.connection_id.clone(), at: self.world.now };
            self.world.losses.push(loss);
        }
        self.note(&step.connection_id, step.action.name(), result)
    }

    fn note(&mut self, id: &ConnectionId, attempted: &str, result: Result<(), Stop>) -> Result<(), Stop> {
        match result {
            Err(Stop::Failed(refusal)) => {
                self.failed.insert(id.clone());
                self.ran.failures.push(format!("{attempted} {id}: {refusal:?}"));
                Ok(())
            }
            other => other,
        }
    }

    fn take_step(&mut self, step: &Step) -> Result<(), Stop> {
        let id = &step.connection_id;
        match &step.action {
            Action::Create(spec) | Action::Update { after: spec, .. } if !spec.identifiers.is_disjoint(&self.stuck) => {
                Err(Stop::Failed(Refusal::Duplicate))
            }
            Action::Create(spec) => self.create(id, spec),
            Action::Update { after, new_secret, .. } => self.update(id, after, *new_secret),
            Action::Delete(reason) => self.delete(id, &step.provider_name, *reason),
            Action::Forget => self.drop_claim(id),
            Action::Wire | Action::Unwire => panic!("{step:?} is on an app client"),
        }
    }

    fn new_secret(&mut self) -> SecretString {
        self.world.secrets_made += 1;
        SecretString::from(format!("ours-{}", self.world.secrets_made))
    }

    fn create(&mut self, id: &ConnectionId, spec: &ProviderSpec) -> Result<(), Stop> {
        let issuer = self.world.specs.issuer(id);
        let claim = self.world.claims.get(id).cloned();
        let mut claim =
            claim.unwrap_or_else(|| Claim::intended(crate::scene::Specs::tenant(), id.clone(), None, issuer.clone()));
        let secret = self.new_secret();
        claim.state = ClaimState::Intended;
        claim.issuer = issuer;
        claim.secrets.intend(SecretHash::of(&secret));
        self.put(&claim)?;
        let name = claim.provider_name.clone();
        let made = self.effect(|world| {
            let made = world.cognito.create(&name, spec, &secret)?;
            world.made.insert(name.clone());
            world.tampered.remove(&name);
            Ok(made)
        });
        match made {
            Ok(last_modified) => self.hold(claim, spec, &secret, last_modified),
            Err(Stop::Failed(Refusal::Duplicate)) if self.world.cognito.providers.contains_key(&name) => {
                self.drop_claim(id)?;
                Err(Stop::Failed(Refusal::Duplicate))
            }
            Err(stop) => Err(stop),
        }
    }

    fn update(&mut self, id: &ConnectionId, after: &ProviderSpec, new_secret: bool) -> Result<(), Stop> {
        let mut claim = self.world.claims[id].clone();
        let name = claim.provider_name.clone();
        let shown = self.world.cognito.describe(&name).and_then(|seen| seen.client_secret);
        let kept = shown.filter(|secret| !new_secret && claim.secrets.is_live(&SecretHash::of(secret)));
        let secret = if let Some(kept) = kept {
            kept
        } else {
            let secret = self.new_secret();
            claim.secrets.intend(SecretHash::of(&secret));
            self.put(&claim)?;
            secret
        };
        let last_modified = self.effect(|world| {
            let written = world.cognito.update(&name, after, &secret)?;
            world.tampered.remove(&name);
            Ok(written)
        })?;
        let issuer = self.world.specs.issuer(id);
        if after.issuer() == Some(issuer.as_str()) {
            claim.issuer = issuer;
        }
        self.hold(claim, after, &secret, last_modified)
    }

    fn hold(
        &mut self,
        mut claim: Claim,
        spec: &ProviderSpec,
        secret: &SecretString,
        last_modified: causeway_core::timestamp::Timestamp,
    ) -> Result<(), Stop> {
        claim.secrets.confirm(&SecretHash::of(secret), self.world.now);
        claim.state = ClaimState::Held;
        claim.fingerprint = Some(spec.fingerprint());
        claim.identifiers.clone_from(&spec.identifiers);
        claim.last_modified = Some(last_modified);
        self.put(&claim)
    }

    fn put_back(&mut self, wanted: &BTreeSet<Identifier>) -> Result<(), Stop> {
        for (holder, before) in std::mem::take(&mut self.freed) {
            if !before.identifiers.is_disjoint(wanted) {
                let result = self.update(&holder, &before, false);
                self.note(&holder, "put back", result)?;
            }
        }
        Ok(())
    }

    fn support(&mut self, together: &[&Step]) -> Result<(), Stop> {
        let client = together[0].app_client_id.as_ref().unwrap();
        let (left_out, changed): (Vec<&Step>, Vec<&Step>) =
            together.iter().partition(|step| self.failed.contains(&step.connection_id));
        let mut names = self.world.cognito.clients[client].clone();
        for step in &changed {
            if step.action == Action::Wire {
                names.insert(step.provider_name.to_string());
            } else {
                names.remove(step.provider_name.as_str());
            }
        }
        let result = self.effect(|world| world.cognito.support(client, names));
        for step in left_out {
            self.conclude(step, Err(Stop::Failed(Refusal::Unavailable)))?;
        }
        for step in changed {
            let same = match &result {
                Ok(()) => Ok(()),
                Err(Stop::Failed(refusal)) => Err(Stop::Failed(*refusal)),
                Err(Stop::Crashed) => Err(Stop::Crashed),
            };
            self.conclude(step, same)?;
        }
        Ok(())
    }

    fn delete(&mut self, id: &ConnectionId, name: &ProviderName, reason: DeleteReason) -> Result<(), Stop> {
        let letter = crate::scene::letter(id);
        let is_there = self.world.connections.contains_key(&letter);
        assert!(reason != DeleteReason::Gone || !is_there, "{id} is there, and was taken for gone");
        assert!(self.world.is_removed || self.world.options.mode != Mode::Upsert, "upsert deletes");
        let deleted = self.effect(|world| {
            world.made.remove(name);
            world.cognito.delete(name)
        });
        match deleted {
            Ok(()) | Err(Stop::Failed(Refusal::NotFound)) => self.drop_claim(id),
            Err(stop) => Err(stop),
        }
    }
}
