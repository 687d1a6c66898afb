//! What can fail behind the endpoints: the table, the keys, WorkOS.

use causeway_core::{
    health::ErrorClass,
    id::TenantId,
    oidc::{envelope::NotOurs, sign_in_log::SignInError},
};
use causeway_store::{SealError, StoreError};
use causeway_telemetry::chain;
use causeway_workos::WorkosError;

use crate::{answer::Outcome, signer::SignError};

/// Something that a request needs and could not have. Whose fault it is, [`Failure::outcome`] says.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed secret of the tenant.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The signing key.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// WorkOS.
    #[error(transparent)]
    Workos(#[from] WorkosError),
    /// The tenant was registered without a WorkOS API key and has got none since.
    #[error("the tenant {0} has no WorkOS API key")]
    NoApiKey(TenantId),
    /// Too much was asked for in a short time that is not there.
    #[error("too many requests for what is not there")]
    TooManyStrangers,
    /// The key of codes and access tokens could not be had a moment ago.
    #[error("the key of codes and access tokens could not be had a moment ago")]
    NoBearerKey,
    /// Something could not be encrypted, or what was stored here does not decrypt.
    #[error("what is stored for a sign-in")]
    Envelope(#[from] NotOurs),
}

impl Failure {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Seal(error) => error.class(),
            Self::Sign(error) => error.class(),
            Self::Workos(error) => error.class(),
            Self::NoApiKey(_) => ErrorClass::Denied,
            Self::TooManyStrangers => ErrorClass::Throttled,
            Self::NoBearerKey => ErrorClass::Transient,
            Self::Envelope(_) => ErrorClass::Bug,
        }
    }

    /// What the log of sign-ins has of the failure.
    pub fn sign_in_error(&self) -> SignInError {
        match (self, self.class()) {
            (_, ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::Conflict) => SignInError::NotAvailable,
            (Self::Workos(error), _) if error.refuses_client() => SignInError::ApiKeyNotGood,
            (Self::Workos(error), ErrorClass::Rejected) if error.refusal().is_some() => {
                SignInError::CodeOfWorkosNotGood
            }
            (Self::NoApiKey(_) | Self::Workos(_), ErrorClass::Denied) => SignInError::ApiKeyNotGood,
            _ => SignInError::Bug,
        }
    }

    /// What a request came to that met it: a failure of ours only where nothing that was sent can be its cause. What a
    /// tenant or a user of its identity provider can bring about is theirs, and what WorkOS makes of a request that
    /// has reached it can be up to who sent it: anybody can use up WorkOS's rate, or send a code that it stumbles over.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::TooManyStrangers => Outcome::Refused("too many requests for what is not there"),
            Self::NoApiKey(_) => Outcome::FailedForTenant("there is no WorkOS API key"),
            Self::Workos(error) => of_workos(error),
            Self::Store(_) | Self::Seal(_) | Self::Sign(_) | Self::NoBearerKey | Self::Envelope(_) => Outcome::Failed,
        }
    }

    /// Writes the failure to the log; the only place that does, called where it becomes an answer.
    pub fn log(&self) {
        let (class, error) = (self.class(), self.shown());
        if matches!(self.outcome(), Outcome::Failed) && !class.passes_by_itself() {
            tracing::error!(?class, error, "a sign-in failed");
        } else {
            tracing::warn!(?class, error, "a sign-in failed");
        }
    }

    /// The failure as text. Of WorkOS's refusals only the kind: its words are about a user's sign-in.
    pub fn shown(&self) -> String {
        let Self::Workos(error) = self else {
            return chain(self);
        };
        let Some(refusal) = error.refusal() else {
            return chain(error);
        };
        let request = refusal.request_id.as_deref().unwrap_or("without ID");
        format!("{}: WorkOS answered {} (request {request})", refusal.call, refusal.status)
    }
}

/// What a request came to that WorkOS did not answer with a profile.
fn of_workos(error: &WorkosError) -> Outcome {
    match error {
        // Nothing has left for WorkOS.
        WorkosError::BaseUrl | WorkosError::Unwritable { .. } | WorkosError::Unreachable { .. } => Outcome::Failed,
        _ if error.class() == ErrorClass::Bug => Outcome::Failed,
        // As when somebody goes back in the browser.
        _ if error.refuses_code() => Outcome::Refused("the code of WorkOS is not good"),
        _ if error.refuses_client() || error.class() == ErrorClass::Denied => {
            Outcome::FailedForTenant("WorkOS does not accept the API key")
        }
        // What a profile holds is up to the customer's identity provider.
        WorkosError::Unreadable { .. } | WorkosError::TooLarge { .. } => {
            Outcome::FailedForTenant("WorkOS's answer can't be read")
        }
        _ if error.class() == ErrorClass::Throttled => Outcome::Refused("WorkOS asks to slow down"),
        _ if error.class() == ErrorClass::Transient => Outcome::Refused("WorkOS could not answer"),
        _ => Outcome::Refused("WorkOS refused the request"),
    }
}
