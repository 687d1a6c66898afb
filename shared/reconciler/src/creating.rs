//! Providers are made side by side: Amazon Cognito declares no `ConcurrentModificationException` for
//! `CreateIdentityProvider`, and its answers take longer than the rate at which it takes calls.

use std::collections::BTreeSet;

use causeway_core::{
    claim::{Claim, ClaimState},
    health::ErrorClass,
    id::{ConnectionId, Identifier},
    plan::{Action, Settlement, SpecOf, Step, is_made_for},
    port::{Pool, PoolError, Ports, Problem},
    provider::ProviderSpec,
};
use futures::stream::{FuturesOrdered, StreamExt as _};

use crate::{
    execute::{Execution, StepError},
    writing::{Unwritten, Writing},
};

/// How many calls are under way at once: as many as keep Cognito's rate up where an answer takes half a second, and few
/// enough to end well before the run's lease where Cognito takes a call in four seconds only.
const AT_ONCE: usize = 3;

impl<P: Ports> Execution<'_, P> {
    /// Makes the providers of the first steps, side by side, until time is over; how many steps that were. Nothing that
    /// one of them gets is another's, so that they don't depend on each other.
    pub(crate) async fn create_all(&mut self, steps: &[&Step]) -> usize {
        let (run, look) = (self.run, self.look);
        let (mut done, mut under_way) = (0, FuturesOrdered::new());
        let mut to_make = steps.iter().filter_map(|step| match &step.action {
            Action::Create(spec) => Some((*step, spec)),
            _ => None,
        });
        loop {
            // Alone until one was made: a full pool is asked once a run.
            let has_room = self.executed.done.iter().any(|step| matches!(step.action, Action::Create(_)));
            let most = if self.one_at_a_time || !has_room { 1 } else { AT_ONCE };
            // The first is made in any case, or the caller would not get on.
            let goes_on = |under_way: usize| (done == 0 && under_way == 0) || !run.is_over();
            while under_way.len() < most
                && goes_on(under_way.len())
                && let Some((step, spec)) = to_make.next()
            {
                // One after the other, so that the calls go in this order too: where the pool has room for one more, the
                // oldest connection gets it.
                let intended = match self.creation(step, spec) {
                    Ok(writing) => Ok(run.reconciler.intend(&run.pool.user_pool_id, writing).await),
                    Err(stopped) => Err(stopped),
                };
                under_way.push_back(async move {
                    let written = match intended {
                        Ok(Ok(intended)) => {
                            Ok(run.reconciler.write_intended(&run.pool.user_pool_id, &look.access, intended).await)
                        }
                        Ok(Err(unwritten)) => Ok(Err(unwritten)),
                        Err(stopped) => Err(stopped),
                    };
                    (step, spec, written)
                });
            }
            let Some((step, spec, written)) = under_way.next().await else { return done };
            done += 1;
            match written {
                Ok(written) => self.created(step, spec, written).await,
                Err(Some(error)) => self.came_to(step, Err(error)).await,
                // What stopped it is reported already.
                Err(None) => self.give_way(step).await,
            }
        }
    }

    /// What is to be written, or why nothing is.
    fn creation<'s>(&self, step: &Step, spec: &'s ProviderSpec) -> Result<Writing<'s>, Option<StepError>> {
        if self.failed.stops(step) {
            Err(None)
        } else if self.pool_is_full {
            Err(Some(StepError::Pool(full())))
        } else if !spec.identifiers.is_disjoint(&self.stuck) {
            Err(Some(StepError::Depends))
        } else {
            Ok(self.new_provider(&step.connection_id, spec))
        }
    }

    async fn created(&mut self, step: &Step, spec: &ProviderSpec, written: Result<Claim, Unwritten>) {
        let id = &step.connection_id;
        let outcome = self.take_in(written);
        let outcome = match self.made(id, outcome).await {
            Err(StepError::IdentifierTaken) => self.make_without_taken(id, spec).await,
            outcome => outcome,
        };
        if outcome.is_ok() {
            self.freed.wrote(id, &ProviderSpec::default(), spec);
        }
        self.came_to(step, outcome).await;
    }

    fn new_provider<'s>(&self, id: &ConnectionId, spec: &'s ProviderSpec) -> Writing<'s> {
        let wanted = self.look.desired.connections.get(id);
        let organization_id = wanted.and_then(|wanted| wanted.connection.organization_id.clone());
        let issuer = self.look.specs.issuer(id);
        let known = self.claims.get(id).cloned();
        let claim =
            known.unwrap_or_else(|| Claim::intended(self.run.tenant.id.clone(), id.clone(), None, issuer.clone()));
        let claim = Claim { state: ClaimState::Intended, organization_id, issuer: issuer.clone(), ..claim };
        Writing { claim, spec, issuer, kept: None, is_new: true }
    }

    /// Keeps the claim as a write left it.
    pub(crate) fn take_in(&mut self, written: Result<Claim, Unwritten>) -> Result<(), StepError> {
        let (claim, outcome) = match written {
            Ok(claim) => (Some(claim), Ok(())),
            Err(Unwritten { intended, error }) => (intended, Err(error.into())),
        };
        self.claims.extend(claim.map(|claim| (claim.connection_id.clone(), claim)));
        outcome
    }

    /// What came of an attempt to make a provider.
    async fn made(&mut self, id: &ConnectionId, outcome: Result<(), StepError>) -> Result<(), StepError> {
        match outcome {
            Err(StepError::Pool(error)) if error.problem == Problem::Duplicate => self.settle_duplicate(id).await,
            Err(error) => {
                self.pool_is_full |= error.class() == ErrorClass::Quota;
                self.one_at_a_time |= matches!(error.class(), ErrorClass::Conflict | ErrorClass::Throttled);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// A create that is answered by "duplicate" is ours only if the provider shows what only we know.
    async fn settle_duplicate(&mut self, id: &ConnectionId) -> Result<(), StepError> {
        let claim = self.claims.get(id).cloned().ok_or(StepError::NoClaim)?;
        let Some(seen) = self.look.access.describe_provider(&claim.provider_name).await? else {
            let earlier = self.look.claims.get(id);
            let is_settled = earlier.is_none_or(|claim| claim.is_settled(self.run.now()));
            return Err(if is_settled { StepError::IdentifierTaken } else { StepError::NotShown });
        };
        let expected = self.look.specs.spec(id, BTreeSet::new());
        if !seen.description.as_ref().is_some_and(|shown| is_made_for(&claim, shown, &expected)) {
            self.drop_claim(id).await?;
            return Err(StepError::Foreign);
        }
        let settlement = Settlement::of(&claim, &seen, &expected);
        if let Some(settled) = settlement.and_then(|settlement| settlement.applied_to(&claim, self.run.now())) {
            self.put_claim(settled).await?;
        }
        Ok(())
    }

    /// Cognito does not say which identifier is taken: the provider is made by its connection's own, and gets the others
    /// one by one.
    async fn make_without_taken(&mut self, id: &ConnectionId, spec: &ProviderSpec) -> Result<(), StepError> {
        let mut bare = spec.clone();
        let own = Identifier::of_id(id);
        bare.identifiers.retain(|identifier| Some(identifier) == own.as_ref());
        match self.make(id, &bare).await {
            Err(StepError::IdentifierTaken) if !bare.identifiers.is_empty() => {
                self.executed.taken.append(&mut bare.identifiers);
                self.make(id, &bare).await?;
            }
            outcome => outcome?,
        }
        self.add_each(id, bare, &spec.identifiers).await
    }

    async fn make(&mut self, id: &ConnectionId, spec: &ProviderSpec) -> Result<(), StepError> {
        let writing = self.new_provider(id, spec);
        let outcome = self.write(writing).await;
        self.made(id, outcome).await
    }
}

fn full() -> PoolError {
    PoolError {
        operation: "CreateIdentityProvider",
        code: "LimitExceededException".to_owned(),
        message: "the pool is full: left out without asking again".to_owned(),
        problem: Problem::Other(ErrorClass::Quota),
        outcome_is_unclear: false,
    }
}
