//! How a provider is written: its claim says what is about to be done, then the pool is changed, then the claim holds
//! what the pool has. So at every moment the claims know who made a provider, and each secret that a sign-in may show.

use causeway_core::{
    claim::{Claim, ClaimState},
    id::UserPoolId,
    port::{Pool, PoolError, Ports, Table, TableError},
    provider::{Issuer, ProviderSpec},
    secret::{SecretHash, new_client_secret},
};
use secrecy::SecretString;

use crate::{LookError, Reconciler, execute::StepError, look::Entered};

/// A provider that is to be written.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    /// Its claim.
    pub claim: Claim,
    /// What it becomes.
    pub spec: &'a ProviderSpec,
    /// The issuer that sign-ins go through then.
    pub issuer: Issuer,
    /// The secret that it has and keeps; none where it gets a new one.
    pub kept: Option<SecretString>,
    /// Whether it is to be made.
    pub is_new: bool,
}

/// A provider whose claim says what is about to be written.
#[derive(Debug)]
pub(crate) struct Intended<'a> {
    claim: Claim,
    spec: &'a ProviderSpec,
    issuer: Issuer,
    secret: SecretString,
    is_new: bool,
    /// The claim, where it was written for this.
    written: Option<Claim>,
}

/// A provider that was not written, or whose claim does not say so.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// The claim, where it was written.
    pub intended: Option<Claim>,
    pub error: WriteError,
}

/// Which side did not take it.
#[derive(Debug)]
pub(crate) enum WriteError {
    Table(TableError),
    Pool(PoolError),
    /// The pool has it, and the claim does not say so.
    Unrecorded(TableError),
}

impl From<WriteError> for StepError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Table(error) => error.into(),
            WriteError::Pool(error) => error.into(),
            WriteError::Unrecorded(error) => Self::Unrecorded(error),
        }
    }
}

impl From<WriteError> for LookError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Table(error) | WriteError::Unrecorded(error) => error.into(),
            WriteError::Pool(error) => error.into(),
        }
    }
}

impl<P: Ports> Reconciler<P> {
    /// Intends, writes, holds. Gives the claim as it stands then.
    pub(crate) async fn write(
        &self,
        user_pool: &UserPoolId,
        access: &Entered<P>,
        writing: Writing<'_>,
    ) -> Result<Claim, Unwritten> {
        let intended = self.intend(user_pool, writing).await?;
        self.write_intended(user_pool, access, intended).await
    }

    /// Has the claim say what is about to be written.
    pub(crate) async fn intend<'w>(
        &self,
        user_pool: &UserPoolId,
        writing: Writing<'w>,
    ) -> Result<Intended<'w>, Unwritten> {
        let Writing { mut claim, spec, issuer, kept, is_new } = writing;
        let Some(secret) = kept else {
            let secret = self.new_secret();
            claim.secrets.intend(SecretHash::of(&secret));
            claim.written_at = Some(self.now());
            let put = self.table.put_claim(user_pool, &claim).await;
            let claim = put.map_err(|error| Unwritten { intended: None, error: WriteError::Table(error) })?;
            return Ok(Intended { written: Some(claim.clone()), claim, spec, issuer, secret, is_new });
        };
        Ok(Intended { claim, spec, issuer, secret, is_new, written: None })
    }

    /// Writes what was intended, and has the claim hold it.
    pub(crate) async fn write_intended(
        &self,
        user_pool: &UserPoolId,
        access: &Entered<P>,
        intended: Intended<'_>,
    ) -> Result<Claim, Unwritten> {
        let Intended { claim, spec, issuer, secret, is_new, written: intended } = intended;
        let name = &claim.provider_name;
        let written = if is_new {
            access.create_provider(name, spec, &secret).await
        } else {
            access.update_provider(name, spec, &secret).await
        };
        let last_modified = match written {
            Ok(last_modified) => last_modified,
            Err(error) => return Err(Unwritten { intended, error: WriteError::Pool(error) }),
        };
        let mut held = Claim {
            state: ClaimState::Held,
            issuer,
            fingerprint: Some(spec.fingerprint()),
            identifiers: spec.identifiers.clone(),
            last_modified: Some(last_modified),
            written_at: Some(self.now()),
            ..claim
        };
        held.secrets.confirm(&SecretHash::of(&secret), self.now());
        let put = self.table.put_claim(user_pool, &held).await;
        put.map_err(|error| Unwritten { intended, error: WriteError::Unrecorded(error) })
    }

    fn new_secret(&self) -> SecretString {
        new_client_secret((self.sources.random)())
    }
}
