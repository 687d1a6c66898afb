//! The way into a tenant's account: the tenant's role, with the external ID, narrowed to one pool.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_cognitoidentityprovider as cognito;
use aws_sdk_sts as sts;
use aws_smithy_types::retry::RetryConfig;
use aws_types::{SdkConfig, region::Region};
use causeway_core::{
    health::ErrorClass,
    port::{Assumption, PoolError, RoleToAssume},
    role::permissions_policy,
};

use crate::{
    PoolAccess,
    error::from_sdk,
    pacer::{Pacer, Quota},
};

/// Role chaining allows one hour (STS API: `AssumeRole`, `DurationSeconds`).
const SESSION: Duration = Duration::from_hours(1);
/// Credentials that end within this time are not used any more: longer than a run may take.
const MARGIN: Duration = Duration::from_mins(16);
/// How the sessions are called in the tenant's `CloudTrail`.
const SESSION_NAME: &str = "causeway";

/// What an answer to an attempt to assume a role shows. Only a denied access is a refusal by the role. What STS says of
/// Causeway's own credentials, that they have ended or are not known, it says of every role.
fn assumption<T>(answer: Result<T, PoolError>) -> Assumption {
    match answer {
        Ok(_) => Assumption::Assumed,
        Err(error) if matches!(error.code.as_str(), "AccessDenied" | "AccessDeniedException") => Assumption::Refused,
        Err(error) => Assumption::Unclear(error),
    }
}

/// Gives access to pools; keeps the credentials while they last.
#[derive(Debug, Clone)]
pub struct Access {
    configuration: SdkConfig,
    sts: sts::Client,
    /// By everything that a session depends on, never by the role alone: else one tenant's session could
    /// serve another that names the same role with another external ID.
    sessions: Arc<Mutex<HashMap<RoleToAssume, Session>>>,
    pacer: Pacer,
}

#[derive(Debug, Clone)]
struct Session {
    credentials: Credentials,
    ends_at: SystemTime,
}

impl Access {
    /// Access with the function's own credentials in `configuration`.
    pub fn new(configuration: SdkConfig) -> Self {
        let sts = sts::Client::new(&configuration);
        Self { configuration, sts, sessions: Arc::default(), pacer: Pacer::default() }
    }

    /// Access to a pool with credentials that may have been used before.
    pub async fn pool(&self, role: &RoleToAssume) -> Result<PoolAccess, PoolError> {
        let cached = self.sessions().get(role).filter(|session| session.ends_at > SystemTime::now() + MARGIN).cloned();
        let session = match cached {
            Some(session) => session,
            None => self.renew(role).await?,
        };
        Ok(self.pool_access(role, session.credentials))
    }

    /// Access to a pool with credentials that were never used before.
    pub async fn fresh_pool(&self, role: &RoleToAssume) -> Result<PoolAccess, PoolError> {
        let session = self.renew(role).await?;
        Ok(self.pool_access(role, session.credentials))
    }

    /// Forgets the credentials of a role, so that the next access asks for new ones.
    pub fn forget(&self, role: &RoleToAssume) {
        self.sessions().remove(role);
    }

    /// Tries to assume a role with another external ID than the tenant's, or with none; the session that
    /// this gives, if it does, is thrown away.
    pub async fn probe(&self, role: &RoleToAssume, external_id: Option<&str>) -> Assumption {
        assumption(self.assume(role, external_id).await)
    }

    async fn renew(&self, role: &RoleToAssume) -> Result<Session, PoolError> {
        let session = self.assume(role, Some(role.external_id.as_str())).await?;
        let mut sessions = self.sessions();
        let now = SystemTime::now();
        sessions.retain(|_, session| session.ends_at > now);
        sessions.insert(role.clone(), session.clone());
        Ok(session)
    }

    async fn assume(&self, role: &RoleToAssume, external_id: Option<&str>) -> Result<Session, PoolError> {
        const OPERATION: &str = "sts:AssumeRole";
        let answer = self
            .sts
            .assume_role()
            .role_arn(&role.role_arn)
            .role_session_name(SESSION_NAME)
            .set_external_id(external_id.map(str::to_owned))
            .duration_seconds(i32::try_from(SESSION.as_secs()).unwrap_or(3600))
            .policy(permissions_policy(&role.user_pool_id, &role.account_id).to_string())
            .send()
            .await
            .map_err(|error| from_sdk(OPERATION, &error, None))?;
        let given = answer.credentials.ok_or_else(|| {
            PoolError::without_answer(OPERATION, ErrorClass::Transient, "the answer holds no credentials".to_owned())
        })?;
        let ends_at = SystemTime::try_from(given.expiration).unwrap_or_else(|_| SystemTime::now() + SESSION);
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(ends_at),
            "AssumeRole",
        );
        Ok(Session { credentials, ends_at })
    }

    fn pool_access(&self, role: &RoleToAssume, credentials: Credentials) -> PoolAccess {
        let configuration = cognito::config::Builder::from(&self.configuration)
            .region(Region::new(role.user_pool_id.region().to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .build();
        let client = cognito::Client::from_conf(configuration);
        let quota = Quota { account: role.account_id.clone(), pool: role.user_pool_id.clone() };
        PoolAccess::new(client, quota, self.pacer.clone())
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<RoleToAssume, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::{
        config::http::HttpResponse,
        error::{ErrorMetadata, SdkError},
        operation::assume_role::AssumeRoleError,
    };

    use super::*;

    fn refused(code: &str) -> PoolError {
        let error = AssumeRoleError::generic(ErrorMetadata::builder().code(code).build());
        let response = HttpResponse::new(403.try_into().unwrap(), Vec::new().into());
        from_sdk("sts:AssumeRole", &SdkError::service_error(error, response), None)
    }

    #[test]
    fn a_role_is_shown_to_be_closed_by_a_denied_access_only_and_by_nothing_that_is_wrong_with_causeway() {
        assert!(matches!(assumption(Err::<(), _>(refused("AccessDenied"))), Assumption::Refused));
        assert!(matches!(assumption(Ok(())), Assumption::Assumed));
        for code in [
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "RegionDisabledException",
            "Throttling",
            "MalformedPolicyDocument",
        ] {
            assert!(matches!(assumption(Err::<(), _>(refused(code))), Assumption::Unclear(_)), "{code}");
        }
    }
}
