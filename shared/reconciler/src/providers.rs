//! Providers: claimed before they are made, and never made or changed with a secret that a sign-in refuses.

use std::collections::BTreeSet;

use causeway_core::{
    claim::{Claim, ClaimState},
    health::ErrorClass,
    id::{ConnectionId, Identifier},
    plan::{Action, Step},
    port::{Pool, PoolError, Ports, Problem, Table},
    provider::ProviderSpec,
    secret::{SecretHash, new_client_secret},
    timestamp::Timestamp,
};
use secrecy::SecretString;

use crate::execute::{Execution, StepError};

impl<P: Ports> Execution<'_, P> {
    pub(crate) async fn write_provider(&mut self, step: &Step) {
        let id = &step.connection_id;
        let is_stopped = self.failed.stops(step);
        let result = if is_stopped {
            Err(StepError::Depends)
        } else {
            match &step.action {
                Action::Create(spec) => {
                    let made = self.create(step, spec).await;
                    made.inspect(|()| self.freed.wrote(id, &ProviderSpec::default(), spec))
                }
                Action::Update { before, after, new_secret } => self.update(step, before, after, *new_secret).await,
                Action::Delete(_) => self.delete(id, step).await,
                Action::Forget => self.drop_claim(id).await,
                Action::Wire | Action::Unwire => Ok(()),
            }
        };
        match result {
            Ok(()) => self.done(step),
            Err(error) => {
                // What the step would have freed is not free.
                if let Action::Update { before, after, .. } = &step.action {
                    self.stuck.extend(before.identifiers.difference(&after.identifiers).cloned());
                }
                if let Action::Create(spec) | Action::Update { after: spec, .. } = &step.action {
                    self.put_back(&spec.identifiers).await;
                }
                // What stopped it is reported already.
                if !is_stopped {
                    self.fail_step(step, &error);
                }
            }
        }
    }

    async fn create(&mut self, step: &Step, spec: &ProviderSpec) -> Result<(), StepError> {
        if self.pool_is_full {
            return Err(StepError::Pool(PoolError {
                operation: "CreateIdentityProvider",
                code: "LimitExceededException".to_owned(),
                message: "the pool is full: left out without asking again".to_owned(),
                problem: Problem::Other(ErrorClass::Quota),
                outcome_is_unclear: false,
            }));
        }
        if spec.identifiers.iter().any(|identifier| self.stuck.contains(identifier)) {
            return Err(StepError::Depends);
        }
        let id = &step.connection_id;
        let organization =
            self.look.desired.connections.get(id).and_then(|wanted| wanted.connection.organization_id.clone());
        let issuer = self.look.specs.issuer(id);
        let mut claim = self.claims.get(id).cloned().unwrap_or_else(|| {
            Claim::intended(self.tenant.id.clone(), id.clone(), organization.clone(), issuer.clone())
        });
        let secret = self.new_secret();
        claim.state = ClaimState::Intended;
        claim.organization_id = organization;
        claim.issuer = issuer;
        claim.secrets.intend(SecretHash::of(&secret));
        let claim = self.put_claim(claim).await?;
        match self.look.access.create_provider(&claim.provider_name, spec, &secret).await {
            Ok(last_modified) => self.hold(claim, spec, &secret, last_modified).await,
            Err(error) if error.problem == Problem::Duplicate => self.settle_duplicate(claim).await,
            Err(error) => {
                self.pool_is_full = error.class() == ErrorClass::Quota;
                Err(error.into())
            }
        }
    }

    /// A create that is answered by "duplicate" is ours only if the provider shows what only we know.
    async fn settle_duplicate(&mut self, claim: Claim) -> Result<(), StepError> {
        let Some(seen) = self.look.access.describe_provider(&claim.provider_name).await? else {
            self.executed.foreign_outdated = true;
            return Err(StepError::IdentifierTaken);
        };
        let description = seen.description.ok_or(StepError::Foreign)?;
        let same_client = description.spec.details.get("client_id").map(String::as_str) == Some(self.pool.as_str());
        let secret = description.secret_hash().filter(|hash| claim.secrets.is_ours(hash));
        let (Some(secret), true, true) =
            (secret, same_client, description.spec.issuer() == Some(claim.issuer.as_str()))
        else {
            self.drop_claim(&claim.connection_id).await?;
            return Err(StepError::Foreign);
        };
        let mut held = claim;
        held.secrets.confirm(&secret, self.now());
        held.state = ClaimState::Held;
        held.fingerprint = Some(description.spec.fingerprint());
        held.identifiers = description.spec.identifiers;
        held.last_modified = Some(seen.last_modified);
        self.put_claim(held).await?;
        Ok(())
    }

    async fn update(
        &mut self,
        step: &Step,
        before: &ProviderSpec,
        after: &ProviderSpec,
        new_secret: bool,
    ) -> Result<(), StepError> {
        let id = &step.connection_id;
        let takes = after.identifiers.difference(&before.identifiers);
        if takes.clone().any(|identifier| self.stuck.contains(identifier)) {
            return Err(StepError::Depends);
        }
        self.write_update(id, after, new_secret).await?;
        self.freed.wrote(id, before, after);
        Ok(())
    }

    async fn write_update(
        &mut self,
        id: &ConnectionId,
        after: &ProviderSpec,
        new_secret: bool,
    ) -> Result<(), StepError> {
        let mut claim = self.claims.get(id).cloned().ok_or(StepError::NoClaim)?;
        let name = claim.provider_name.clone();
        let described = self.look.observed.providers.get(&name).and_then(|seen| seen.description.clone());
        let described = match described {
            Some(described) => Some(described),
            None => self.look.access.describe_provider(&name).await?.and_then(|seen| seen.description),
        };
        let shown = described.and_then(|described| described.client_secret);
        let kept = shown.filter(|secret| !new_secret && claim.secrets.is_live(&SecretHash::of(secret)));
        let secret = if let Some(secret) = kept {
            secret
        } else {
            let secret = self.new_secret();
            claim.secrets.intend(SecretHash::of(&secret));
            claim = self.put_claim(claim).await?;
            secret
        };
        let last_modified = self.look.access.update_provider(&name, after, &secret).await?;
        // A step that only frees an identifier may leave the issuer as it was.
        if after.issuer() == Some(self.look.specs.issuer(id).as_str()) {
            claim.issuer = self.look.specs.issuer(id);
        }
        self.hold(claim, after, &secret, last_modified).await
    }

    async fn hold(
        &mut self,
        mut claim: Claim,
        spec: &ProviderSpec,
        secret: &SecretString,
        last_modified: Timestamp,
    ) -> Result<(), StepError> {
        claim.secrets.confirm(&SecretHash::of(secret), self.now());
        claim.state = ClaimState::Held;
        claim.fingerprint = Some(spec.fingerprint());
        claim.identifiers.clone_from(&spec.identifiers);
        claim.last_modified = Some(last_modified);
        self.put_claim(claim).await?;
        Ok(())
    }

    /// Gives back what was freed for a step that then failed, so that nobody stands without it.
    async fn put_back(&mut self, wanted: &BTreeSet<Identifier>) {
        for (holder, spec) in self.freed.put_back(wanted) {
            self.failed.put_back(&holder);
            if let Err(error) = self.write_update(&holder, &spec, false).await {
                self.fail(&holder, "put the identifiers back", &error);
            }
        }
    }

    async fn delete(&mut self, id: &ConnectionId, step: &Step) -> Result<(), StepError> {
        self.look.access.delete_provider(&step.provider_name).await?;
        self.drop_claim(id).await
    }

    async fn drop_claim(&mut self, id: &ConnectionId) -> Result<(), StepError> {
        if let Some(claim) = self.claims.get(id) {
            self.reconciler.table.delete_claim(self.pool, claim).await?;
            self.claims.remove(id);
        }
        Ok(())
    }

    fn new_secret(&self) -> SecretString {
        new_client_secret((self.reconciler.sources.random)())
    }
}
