//! The steps that concern one provider.

use std::collections::BTreeSet;

use causeway_core::{
    claim::{Claim, ClaimState},
    health::ErrorClass,
    id::{ConnectionId, Identifier},
    plan::{Action, Settlement, SpecOf, Step, is_made_for},
    port::{Pool, PoolError, Ports, Problem},
    provider::ProviderSpec,
    secret::SecretHash,
};
use secrecy::SecretString;

use crate::{
    execute::{Execution, StepError},
    writing::{Unwritten, Writing},
};

impl<P: Ports> Execution<'_, P> {
    pub(crate) async fn write_provider(&mut self, step: &Step) {
        if self.failed.stops(step) {
            // What stopped it is reported already.
            return self.give_way(step).await;
        }
        let id = &step.connection_id;
        let result = match &step.action {
            Action::Create(spec) => self.create(id, spec).await,
            Action::Update { before, after, new_secret } => self.update(id, before, after, *new_secret).await,
            Action::Delete(_) => self.delete(step).await,
            Action::Forget => self.drop_claim(id).await,
            Action::Wire | Action::Unwire => Ok(()),
        };
        match result {
            Ok(()) => self.done(step),
            Err(error) => {
                self.give_way(step).await;
                self.fail_step(step, &error);
            }
        }
    }

    /// Of a step that is not done nobody gets what it was to free, and who freed something for it gets it back.
    async fn give_way(&mut self, step: &Step) {
        if let Action::Update { before, after, .. } = &step.action {
            self.stuck.extend(before.identifiers.difference(&after.identifiers).cloned());
        }
        if let Action::Create(spec) | Action::Update { after: spec, .. } = &step.action {
            self.put_back(&spec.identifiers).await;
        }
    }

    async fn create(&mut self, id: &ConnectionId, spec: &ProviderSpec) -> Result<(), StepError> {
        if self.pool_is_full {
            return Err(StepError::Pool(full()));
        }
        if !spec.identifiers.is_disjoint(&self.stuck) {
            return Err(StepError::Depends);
        }
        let wanted = self.look.desired.connections.get(id);
        let organization_id = wanted.and_then(|wanted| wanted.connection.organization_id.clone());
        let issuer = self.look.specs.issuer(id);
        let claim = self
            .claims
            .get(id)
            .cloned()
            .unwrap_or_else(|| Claim::intended(self.run.tenant.id.clone(), id.clone(), None, issuer.clone()));
        let claim = Claim { state: ClaimState::Intended, organization_id, issuer: issuer.clone(), ..claim };
        match self.write(Writing { claim, spec, issuer, kept: None, is_new: true }).await {
            Err(StepError::Pool(error)) if error.problem == Problem::Duplicate => self.settle_duplicate(id).await?,
            Err(error) => {
                self.pool_is_full = error.class() == ErrorClass::Quota;
                return Err(error);
            }
            Ok(()) => {}
        }
        self.freed.wrote(id, &ProviderSpec::default(), spec);
        Ok(())
    }

    /// A create that is answered by "duplicate" is ours only if the provider shows what only we know.
    async fn settle_duplicate(&mut self, id: &ConnectionId) -> Result<(), StepError> {
        let claim = self.claims.get(id).cloned().ok_or(StepError::NoClaim)?;
        let Some(seen) = self.look.access.describe_provider(&claim.provider_name).await? else {
            self.executed.foreign_outdated = true;
            return Err(StepError::IdentifierTaken);
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

    async fn update(
        &mut self,
        id: &ConnectionId,
        before: &ProviderSpec,
        after: &ProviderSpec,
        new_secret: bool,
    ) -> Result<(), StepError> {
        if after.identifiers.difference(&before.identifiers).any(|taken| self.stuck.contains(taken)) {
            return Err(StepError::Depends);
        }
        self.rewrite(id, after, new_secret).await?;
        self.freed.wrote(id, before, after);
        Ok(())
    }

    async fn rewrite(&mut self, id: &ConnectionId, spec: &ProviderSpec, new_secret: bool) -> Result<(), StepError> {
        let claim = self.claims.get(id).cloned().ok_or(StepError::NoClaim)?;
        let kept = self.secret_of(&claim).await?.filter(|_| !new_secret);
        // A step that only frees an identifier may leave the issuer as it was.
        let due = self.look.specs.issuer(id);
        let issuer = if spec.issuer() == Some(due.as_str()) { due } else { claim.issuer.clone() };
        self.write(Writing { claim, spec, issuer, kept, is_new: false }).await
    }

    /// The secret that Cognito holds for a provider, if it is the claim's.
    async fn secret_of(&self, claim: &Claim) -> Result<Option<SecretString>, StepError> {
        let name = &claim.provider_name;
        let described = self.look.observed.providers.get(name).and_then(|seen| seen.description.clone());
        let described = match described {
            Some(described) => Some(described),
            None => self.look.access.describe_provider(name).await?.and_then(|seen| seen.description),
        };
        let shown = described.and_then(|described| described.client_secret);
        Ok(shown.filter(|secret| claim.secrets.is_live(&SecretHash::of(secret))))
    }

    async fn write(&mut self, writing: Writing<'_>) -> Result<(), StepError> {
        let user_pool = &self.run.pool.user_pool_id;
        let (claim, outcome) = match self.run.reconciler.write(user_pool, &self.look.access, writing).await {
            Ok(claim) => (Some(claim), Ok(())),
            Err(Unwritten { intended, error }) => (intended, Err(error.into())),
        };
        self.claims.extend(claim.map(|claim| (claim.connection_id.clone(), claim)));
        outcome
    }

    /// Gives back what was freed for a step that then failed, so that nobody stands without it.
    async fn put_back(&mut self, wanted: &BTreeSet<Identifier>) {
        for (holder, spec) in self.freed.put_back(wanted) {
            self.failed.put_back(&holder);
            if let Err(error) = self.rewrite(&holder, &spec, false).await {
                self.fail(&holder, "put the identifiers back", &error);
            }
        }
    }

    async fn delete(&mut self, step: &Step) -> Result<(), StepError> {
        self.look.access.delete_provider(&step.provider_name).await?;
        self.drop_claim(&step.connection_id).await
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
