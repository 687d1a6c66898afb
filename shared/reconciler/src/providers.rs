//! The steps that concern one provider.

use std::collections::BTreeSet;

use causeway_core::{
    claim::Claim,
    health::ErrorClass,
    id::{ConnectionId, Identifier},
    plan::{Action, Step},
    port::{Pool, Ports, Problem},
    provider::ProviderSpec,
    secret::SecretHash,
};
use secrecy::SecretString;

use crate::{
    execute::{Execution, StepError},
    writing::Writing,
};

impl<P: Ports> Execution<'_, P> {
    pub(crate) async fn write_provider(&mut self, step: &Step, to_come: &[&Step]) {
        if self.failed.frees_in_vain(step, to_come, &self.stuck) {
            return self.failed.keeps(&step.connection_id);
        }
        if self.failed.stops(step) {
            // What stopped it is reported already.
            return self.give_way(step).await;
        }
        let id = &step.connection_id;
        let result = match &step.action {
            Action::Update { .. } => self.update(step).await,
            Action::Delete(_) => self.delete(step).await,
            Action::Forget => self.drop_claim(id).await,
            Action::Create(_) | Action::Wire | Action::Unwire => Ok(()),
        };
        self.came_to(step, result).await;
    }

    /// Records what came of a step that writes a provider.
    pub(crate) async fn came_to(&mut self, step: &Step, result: Result<(), StepError>) {
        match result {
            Ok(()) => self.done(step),
            Err(error) => {
                self.give_way(step).await;
                self.fail_step(step, &error);
            }
        }
    }

    /// Of a step that is not done nobody gets what it was to free, and who freed something for it gets it back.
    pub(crate) async fn give_way(&mut self, step: &Step) {
        if let Action::Update { before, after, .. } = &step.action {
            self.stuck.extend(before.identifiers.difference(&after.identifiers).cloned());
        }
        if let Action::Create(spec) | Action::Update { after: spec, .. } = &step.action {
            self.put_back(&spec.identifiers).await;
        }
    }

    /// Gives a provider of ours identifiers one by one; a taken one costs itself only.
    pub(crate) async fn add_each(
        &mut self,
        id: &ConnectionId,
        mut spec: ProviderSpec,
        identifiers: &BTreeSet<Identifier>,
    ) -> Result<(), StepError> {
        for identifier in identifiers {
            let is_settled = spec.identifiers.contains(identifier) || self.executed.taken.contains(identifier);
            if is_settled || self.run.is_over() {
                continue;
            }
            spec.identifiers.insert(identifier.clone());
            match self.rewrite(id, &spec, false).await {
                Err(error) if is_refused(&error) => {
                    spec.identifiers.remove(identifier);
                    self.executed.taken.insert(identifier.clone());
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn update(&mut self, step: &Step) -> Result<(), StepError> {
        let Action::Update { before, after, new_secret } = &step.action else { return Ok(()) };
        let id = &step.connection_id;
        let mut after = after.clone();
        // An earlier step may have found out that it can't have all that it was planned to have by now.
        after.identifiers.retain(|identifier| !self.executed.taken.contains(identifier));
        let gains: BTreeSet<Identifier> = after.identifiers.difference(&before.identifiers).cloned().collect();
        if !gains.is_disjoint(&self.stuck) {
            return Err(StepError::Depends);
        }
        match self.rewrite(id, &after, *new_secret).await {
            // What one of ours gave away for it goes back there.
            Err(error) if is_refused(&error) && !gains.is_empty() && !self.freed.is_taken_for(step) => {
                let mut without = after.clone();
                without.identifiers.retain(|identifier| !gains.contains(identifier));
                self.rewrite(id, &without, *new_secret).await?;
                self.add_each(id, without, &gains).await?;
            }
            outcome => outcome?,
        }
        self.freed.wrote(id, before, &after);
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

    pub(crate) async fn write(&mut self, writing: Writing<'_>) -> Result<(), StepError> {
        let user_pool = &self.run.pool.user_pool_id;
        let written = self.run.reconciler.write(user_pool, &self.look.access, writing).await;
        self.take_in(written)
    }

    /// Gives back what was freed for a step that then failed, so that nobody stands without it.
    async fn put_back(&mut self, wanted: &BTreeSet<Identifier>) {
        for (holder, spec) in self.freed.put_back(wanted) {
            self.failed.keeps(&holder);
            // What is given back was not given.
            let is_its = |step: &Step| step.connection_id == holder && matches!(step.action, Action::Update { .. });
            if let Some(last) = self.executed.done.iter().rposition(is_its) {
                self.executed.done.remove(last);
            }
            if let Err(error) = self.rewrite(&holder, &spec, false).await {
                self.fail(&holder, "put the identifiers back", &error);
            }
        }
    }

    async fn delete(&mut self, step: &Step) -> Result<(), StepError> {
        let id = &step.connection_id;
        self.look.access.delete_provider(&step.provider_name).await?;
        match self.claims.get(id).and_then(|claim| claim.after_delete(self.run.now())) {
            Some(left) => {
                self.executed.put_off = true;
                self.put_claim(left).await.map(drop)
            }
            None => self.drop_claim(id).await,
        }
    }
}

/// Whether Cognito understood and refuses. What it says of a taken identifier in an update is not known.
fn is_refused(error: &StepError) -> bool {
    matches!(error, StepError::Pool(error) if error.class() == ErrorClass::Rejected && error.problem != Problem::NotFound)
}
