//! Carries a plan out, step by step. A step that fails stops only what depends on it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_cognito::{CognitoError, Problem};
use causeway_core::{
    claim::{Claim, ClaimState},
    guard::Loss,
    health::ErrorClass,
    id::{ConnectionId, Identifier, UserPoolId},
    plan::{Action, Plan, Step},
    provider::ProviderSpec,
    run::Failure,
    secret::{SecretHash, new_client_secret},
    tenant::Tenant,
    timestamp::Timestamp,
};
use causeway_store::StoreError;
use causeway_workos::WorkosError;
use secrecy::SecretString;

use crate::{Look, Reconciler};

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The table.
    #[error("the claim could not be written")]
    Store(#[from] StoreError),
    /// Cognito.
    #[error(transparent)]
    Cognito(#[from] CognitoError),
    /// WorkOS could not say whether the connection is gone.
    #[error("whether the connection is gone could not be confirmed")]
    Workos(#[from] WorkosError),
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
            Self::Store(error) => error.class(),
            Self::Cognito(error) => error.class(),
            Self::Workos(error) => error.class(),
            Self::NotGone => ErrorClass::Transient,
            Self::Foreign | Self::IdentifierTaken | Self::Depends => ErrorClass::Rejected,
            Self::NoClaim => ErrorClass::Bug,
        }
    }
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    pub done: Vec<Step>,
    pub failures: Vec<Failure>,
    pub losses: Vec<Loss>,
    pub out_of_time: bool,
    /// Whether what is known of foreign providers has proven wrong.
    pub foreign_outdated: bool,
}

pub(crate) struct Execution<'a> {
    pub reconciler: &'a Reconciler,
    pub tenant: &'a Tenant,
    pub pool: &'a UserPoolId,
    pub look: &'a Look,
    pub deadline: Timestamp,
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub executed: Executed,
    /// Connections of which a step failed: what follows for them is left out.
    pub failed: BTreeSet<ConnectionId>,
    /// Identifiers that could not be freed.
    stuck: BTreeSet<Identifier>,
    /// What was just freed for the next step, to be put back if that fails.
    freed: Vec<(ConnectionId, ProviderSpec)>,
    pool_is_full: bool,
}

impl<'a> Execution<'a> {
    pub fn new(
        reconciler: &'a Reconciler,
        tenant: &'a Tenant,
        pool: &'a UserPoolId,
        look: &'a Look,
        deadline: Timestamp,
    ) -> Self {
        Self {
            reconciler,
            tenant,
            pool,
            look,
            deadline,
            claims: look.claims.clone(),
            executed: Executed::default(),
            failed: BTreeSet::new(),
            stuck: BTreeSet::new(),
            freed: Vec::new(),
            pool_is_full: false,
        }
    }

    /// Carries out everything of `plan` that is not held back; with `only_look` none of its steps.
    pub async fn carry_out(mut self, plan: &Plan, only_look: bool) -> Executed {
        self.settle(plan).await;
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| !step.held && !only_look).collect();
        self.confirm_gone(&steps).await;
        let mut rest = steps.as_slice();
        while let Some(step) = rest.first() {
            if self.now() >= self.deadline {
                self.executed.out_of_time = true;
                break;
            }
            let together = if step.app_client_id.is_some() {
                rest.iter()
                    .take_while(|other| other.app_client_id == step.app_client_id && other.action == step.action)
                    .count()
            } else {
                1
            };
            let (now, later) = rest.split_at(together);
            if step.app_client_id.is_some() {
                self.write_app_client(now).await;
            } else {
                self.write_provider(step).await;
            }
            rest = later;
        }
        self.note_connections(plan).await;
        self.executed
    }

    /// Keeps in each claim what the API shows of its connection; written only where it changed.
    async fn note_connections(&mut self, plan: &Plan) {
        let undone: BTreeSet<&ConnectionId> = plan
            .steps
            .iter()
            .filter(|step| !self.executed.done.contains(step))
            .map(|step| &step.connection_id)
            .chain(&self.failed)
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
                }
                noted.in_sync = claim.is_held() && !undone.contains(&claim.connection_id);
                noted
            })
            .filter(|noted| self.claims.get(&noted.connection_id) != Some(noted))
            .collect();
        for claim in changed {
            let id = claim.connection_id.clone();
            if let Err(error) = self.put_claim(claim).await {
                self.fail(&id, "note the connection's state", &error);
            }
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.reconciler.sources.now)()
    }

    /// Writes what the look told of the claims.
    async fn settle(&mut self, plan: &Plan) {
        for settlement in &plan.settlements {
            let Some(claim) = self.claims.get(&settlement.connection_id) else { continue };
            if let Some(settled) = settlement.applied_to(claim, self.now())
                && let Err(error) = self.put_claim(settled).await
            {
                self.fail(&settlement.connection_id.clone(), "settle the claim", &error);
            }
        }
    }

    /// Asks WorkOS for each connection of which something is to be taken because it is gone. A list can be
    /// wrong; only a 404 to a question for the connection itself is believed.
    async fn confirm_gone(&mut self, steps: &[&Step]) {
        let seem_gone: BTreeSet<&ConnectionId> = steps
            .iter()
            .filter(|step| step.action != Action::Forget && self.look.desired.is_missing(&step.connection_id))
            .map(|step| &step.connection_id)
            .collect();
        for id in seem_gone {
            let answer = self.reconciler.workos.connection_is_gone(&self.look.key, id).await;
            match answer {
                Ok(true) => {}
                Ok(false) => self.fail(id, "confirm that the connection is gone", &StepError::NotGone),
                Err(error) => self.fail(id, "confirm that the connection is gone", &StepError::Workos(error)),
            }
        }
    }

    async fn write_provider(&mut self, step: &Step) {
        let id = &step.connection_id;
        let result = if self.failed.contains(id) {
            // What the step would have freed is not free.
            if let Action::Update { before, after, .. } = &step.action {
                self.stuck.extend(before.identifiers.difference(&after.identifiers).cloned());
            }
            Err(StepError::Depends)
        } else {
            match &step.action {
                Action::Create(spec) => self.create(step, spec).await,
                Action::Update { before, after, new_secret } => self.update(step, before, after, *new_secret).await,
                Action::Delete(_) => self.delete(id, step).await,
                Action::Forget => self.drop_claim(id).await,
                Action::Wire | Action::Unwire => Ok(()),
            }
        };
        match result {
            Ok(()) => self.done(step),
            Err(error) => {
                if let Action::Create(spec) | Action::Update { after: spec, .. } = &step.action {
                    self.put_back(&spec.identifiers).await;
                }
                if !matches!(error, StepError::Depends) || !self.failed.contains(id) {
                    self.fail(id, step.action.name(), &error);
                }
            }
        }
        if !matches!(step.action, Action::Update { .. }) {
            self.freed.clear();
        }
    }

    async fn create(&mut self, step: &Step, spec: &ProviderSpec) -> Result<(), StepError> {
        if self.pool_is_full {
            return Err(StepError::Cognito(CognitoError {
                operation: "CreateIdentityProvider",
                code: "LimitExceededException".to_owned(),
                message: "the pool is full: left out without asking again".to_owned(),
                problem: Problem::Other(ErrorClass::Quota),
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
        let result = self.write_update(id, after, new_secret).await;
        let frees: BTreeSet<Identifier> = before.identifiers.difference(&after.identifiers).cloned().collect();
        match &result {
            Ok(()) if !frees.is_empty() => self.freed.push((id.clone(), before.clone())),
            Ok(()) => self.freed.clear(),
            Err(_) => self.stuck.extend(frees),
        }
        result
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
        for (holder, before) in std::mem::take(&mut self.freed) {
            if before.identifiers.is_disjoint(wanted) {
                continue;
            }
            if let Err(error) = self.write_update(&holder, &before, false).await {
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
            self.reconciler.store.delete_claim(self.pool, claim).await?;
            self.claims.remove(id);
        }
        Ok(())
    }

    async fn put_claim(&mut self, claim: Claim) -> Result<Claim, StepError> {
        let written = self.reconciler.store.put_claim(self.pool, &claim).await?;
        self.claims.insert(written.connection_id.clone(), written.clone());
        Ok(written)
    }

    fn new_secret(&self) -> SecretString {
        new_client_secret((self.reconciler.sources.random)())
    }

    pub fn done(&mut self, step: &Step) {
        if step.takes_away {
            self.executed.losses.push(Loss { connection_id: step.connection_id.clone(), at: self.now() });
        }
        self.executed.done.push(step.clone());
    }

    pub fn fail(&mut self, id: &ConnectionId, attempted: &str, error: &StepError) {
        self.failed.insert(id.clone());
        self.executed.failures.push(Failure {
            connection_id: Some(id.clone()),
            attempted: attempted.to_owned(),
            class: error.class(),
            message: causeway_telemetry::chain(error),
        });
    }
}
