//! The look at both sides, as a reconcile takes it: completely, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    claim::Claim,
    desired::Desired,
    guard::{Guarded, Record, Unconfirmed, Unjudged},
    id::{ConnectionId, Identifier, ProviderName},
    plan::{Situation, to_describe},
    provider::Observed,
    removal::plan_to_delete,
    timestamp::Timestamp,
    user_pool::Mode,
};

use super::World;
use crate::scene::{Specs, letter};

/// What a look does not get to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blindness {
    /// A page of WorkOS or of the pool is refused.
    Page,
    /// Describing a provider is refused, after so many.
    Description(u8),
    /// Time runs out, after so many providers were described.
    OutOfTime(u8),
}

/// What runs remember of the providers that are not ours.
pub type Foreign = BTreeMap<ProviderName, (Timestamp, BTreeSet<Identifier>)>;

/// Everything that a plan needs, as it was seen.
#[derive(Debug, Clone)]
pub struct Look {
    pub desired: Desired,
    pub observed: Observed,
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub foreign: Foreign,
    pub mode: Mode,
    pub specs: Specs,
    /// Whether time was too short for all that a plan needs.
    pub is_part: bool,
}

/// How many providers may still be described, and what comes then.
struct Reads {
    blindness: Option<Blindness>,
    done: u8,
}

/// Why a provider is not described.
enum Unread {
    Refused,
    OutOfTime,
}

impl Reads {
    fn next(&mut self) -> Result<(), Unread> {
        match self.blindness {
            Some(Blindness::Description(after)) if self.done >= after => return Err(Unread::Refused),
            Some(Blindness::OutOfTime(after)) if self.done >= after => return Err(Unread::OutOfTime),
            _ => {}
        }
        self.done = self.done.saturating_add(1);
        Ok(())
    }
}

impl Look {
    pub fn in_situation<T>(&self, look: impl FnOnce(Situation<'_>) -> T) -> T {
        let foreign = self.foreign.iter();
        let foreign = foreign.flat_map(|(name, (_, all))| all.iter().map(|one| (one.clone(), name.clone()))).collect();
        look(Situation {
            desired: &self.desired,
            observed: &self.observed,
            claims: &self.claims,
            foreign: &foreign,
            mode: self.mode,
            spec: &self.specs,
        })
    }

    pub fn is_removal(&self) -> bool {
        self.desired.is_removal
    }
}

impl World {
    /// Both sides as they are listed, with nothing described.
    fn list(&self) -> Look {
        Look {
            desired: self.desired(),
            observed: Observed { providers: self.cognito.list(), app_clients: self.cognito.clients.clone() },
            claims: self.claims.clone(),
            foreign: Foreign::new(),
            mode: self.options.mode,
            specs: self.specs.clone(),
            is_part: false,
        }
    }

    /// The look: everything is listed; described is what must be. Nothing where it is not complete.
    pub fn look(&self, blindness: Option<Blindness>) -> Option<Look> {
        if blindness == Some(Blindness::Page) {
            return None;
        }
        let mut look = self.list();
        let mut reads = Reads { blindness, done: 0 };
        match self.describe(&mut look, &mut reads) {
            Ok(()) => Some(look),
            Err(Unread::Refused) => None,
            // The removal of a pool takes nothing from a look that is not complete.
            Err(Unread::OutOfTime) if look.is_removal() => None,
            Err(Unread::OutOfTime) => Some(Look { is_part: true, ..look }),
        }
    }

    fn describe(&self, look: &mut Look, reads: &mut Reads) -> Result<(), Unread> {
        self.describe_foreign(look, reads)?;
        self.describe_claimed(look, reads)
    }

    fn describe_foreign(&self, look: &mut Look, reads: &mut Reads) -> Result<(), Unread> {
        if look.is_removal() {
            return Ok(());
        }
        let claimed: BTreeSet<&ProviderName> = self.claims.values().map(|claim| &claim.provider_name).collect();
        let mut outcome = Ok(());
        for (name, seen) in look.observed.providers.iter().filter(|(name, _)| !claimed.contains(name)) {
            let known = self.foreign.get(name).filter(|(date, _)| *date == seen.last_modified);
            let identifiers = match known {
                Some((_, identifiers)) => identifiers.clone(),
                None => match reads.next() {
                    Ok(()) => self.cognito.describe(name).unwrap().spec.identifiers,
                    Err(Unread::Refused) => return Err(Unread::Refused),
                    // What is remembered of the others is still good.
                    Err(Unread::OutOfTime) => {
                        outcome = Err(Unread::OutOfTime);
                        continue;
                    }
                },
            };
            look.foreign.insert(name.clone(), (seen.last_modified, identifiers));
        }
        outcome
    }

    fn describe_claimed(&self, look: &mut Look, reads: &mut Reads) -> Result<(), Unread> {
        for name in look.in_situation(|situation| to_describe(&situation)) {
            reads.next()?;
            look.observed.providers.get_mut(&name).unwrap().description = self.cognito.describe(&name);
        }
        Ok(())
    }

    fn record(&self) -> Record<'_> {
        Record { losses: &self.losses, held: &self.held, holds_unnamed: false, decisions: &self.decisions }
    }

    /// What `WorkOS` is to be asked for after a look.
    pub fn to_confirm(&self, look: &Look) -> BTreeSet<ConnectionId> {
        let record = self.record();
        look.in_situation(|situation| Unjudged::new(situation, record, self.now).to_confirm())
    }

    /// What a look leads to, with what the guard holds back.
    pub fn plan_of(&self, look: &Look, is_gone: impl Fn(&ConnectionId) -> bool) -> Guarded {
        if look.is_removal() {
            let plan = plan_to_delete(&look.observed, &look.claims, &look.specs);
            return Guarded { plan, ..Guarded::default() };
        }
        let record = self.record();
        look.in_situation(|situation| {
            let unjudged = Unjudged::new(situation, record, self.now);
            let not_gone = unjudged.to_confirm().into_iter().filter(|id| !is_gone(id)).collect();
            unjudged.judge(&Unconfirmed { not_gone, ..Unconfirmed::default() })
        })
    }

    /// The plan of this moment.
    pub fn guarded_plan(&self) -> Guarded {
        self.plan_of(&self.look(None).unwrap(), |id| self.is_gone(id))
    }

    /// What WorkOS says of a connection that it is asked for alone.
    pub fn is_gone(&self, id: &ConnectionId) -> bool {
        !self.connections.contains_key(&letter(id))
    }

    /// How many providers a run would have to describe now.
    pub fn undescribed(&self) -> u8 {
        let (mut look, mut reads) = (self.list(), Reads { blindness: None, done: 0 });
        let described = self.describe(&mut look, &mut reads);
        assert!(described.is_ok());
        reads.done
    }
}
