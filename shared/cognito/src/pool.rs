//! The calls on one user pool.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use aws_sdk_cognitoidentityprovider::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::{IdentityProviderType, IdentityProviderTypeType, ProviderDescription as Listed, SchemaAttributeType},
};
use causeway_core::{
    health::ErrorClass,
    id::{Identifier, ProviderName, UserPoolId},
    port::{PoolDescription, PoolError, Problem},
    provider::{CLIENT_SECRET, ObservedProvider, ProviderDescription, ProviderSpec},
    schema::SchemaAttribute,
    shown,
    timestamp::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{
    error::from_sdk,
    pacer::{Pacer, Quota},
};

/// The largest page of a list (Cognito API: `MaxResults` of `ListIdentityProviders` and `ListUserPoolClients`).
pub(crate) const PAGE: i32 = 60;
/// More pages than any quota allows providers or app clients for: an answer that never ends.
pub(crate) const MOST_PAGES: usize = 200;

/// How often a call is made that is throttled or that the network or the service fails.
const ATTEMPTS: u32 = 3;
/// How long a call that the network or the service failed waits before it is made again, and twice that the next
/// time. One that was throttled waits for its rate.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long after the first attempt no other one is asked for: what waits for the call has a deadline of its own.
const LATEST_ATTEMPT: Duration = Duration::from_secs(5);

/// The calls on one pool, with credentials that allow nothing else.
#[derive(Debug, Clone)]
pub struct PoolAccess {
    pub(crate) client: Client,
    pub(crate) pool: UserPoolId,
    quota: Quota,
    pacer: Pacer,
}

impl PoolAccess {
    pub(crate) fn new(client: Client, quota: Quota, pacer: Pacer) -> Self {
        Self { client, pool: quota.pool.clone(), quota, pacer }
    }

    /// Makes a call when its rate allows, and again where that can help: by itself and not by the SDK, whose
    /// retries would go past the rate, and who takes a full pool's `LimitExceededException` for a throttle.
    /// A `secret` that the request carries is kept out of the error.
    pub(crate) async fn call<T, E, Answer>(
        &self,
        operation: &'static str,
        secret: Option<&SecretString>,
        send: impl Fn() -> Answer,
    ) -> Result<T, PoolError>
    where
        Answer: Future<Output = Result<T, SdkError<E>>>,
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let (mut attempt, mut is_unclear) = (1, false);
        self.pacer.wait(&self.quota, operation).await;
        let begin = Instant::now();
        loop {
            let mut error = match send().await {
                Ok(answer) => {
                    self.pacer.answered(&self.quota, operation);
                    return Ok(answer);
                }
                Err(error) => from_sdk(operation, &error, secret),
            };
            is_unclear |= error.outcome_is_unclear;
            error.outcome_is_unclear = is_unclear;
            let pause = match error.class() {
                ErrorClass::Throttled => {
                    self.pacer.throttled(&self.quota, operation);
                    Duration::ZERO
                }
                ErrorClass::Transient => FIRST_PAUSE * 2_u32.pow(attempt - 1),
                _ => return Err(error),
            };
            if attempt >= ATTEMPTS || begin.elapsed() + pause > LATEST_ATTEMPT {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            self.pacer.wait(&self.quota, operation).await;
            attempt += 1;
        }
    }

    /// The pool itself.
    pub async fn describe(&self) -> Result<PoolDescription, PoolError> {
        const OPERATION: &str = "DescribeUserPool";
        let request = self.client.describe_user_pool().user_pool_id(self.pool.as_str());
        let answer = self.call(OPERATION, None, || request.clone().send()).await?;
        let pool = answer.user_pool.ok_or_else(|| empty(OPERATION))?;
        let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(PoolDescription {
            arn: pool.arn.unwrap_or_default(),
            domain: not_empty(pool.domain),
            custom_domain: not_empty(pool.custom_domain),
            name: pool.name.as_deref().and_then(shown::name),
            attributes: pool.schema_attributes.unwrap_or_default().into_iter().filter_map(attribute).collect(),
        })
    }

    /// Every provider of the pool, not described; complete or an error.
    pub async fn list_providers(&self) -> Result<BTreeMap<ProviderName, ObservedProvider>, PoolError> {
        const OPERATION: &str = "ListIdentityProviders";
        let mut providers = BTreeMap::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let request = self.client.list_identity_providers().user_pool_id(self.pool.as_str());
            let request = request.max_results(PAGE).set_next_token(next);
            let answer = self.call(OPERATION, None, || request.clone().send()).await?;
            for provider in answer.providers {
                let (name, observed) = listed(provider)
                    .map_err(|message| PoolError::without_answer(OPERATION, ErrorClass::Rejected, message))?;
                providers.insert(name, observed);
            }
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(providers);
            }
        }
        Err(PoolError::without_answer(OPERATION, ErrorClass::Transient, "the list does not end".to_owned()))
    }

    /// One provider with its description; `None` if it is not there.
    pub async fn describe_provider(&self, name: &ProviderName) -> Result<Option<ObservedProvider>, PoolError> {
        const OPERATION: &str = "DescribeIdentityProvider";
        let request = self.client.describe_identity_provider().user_pool_id(self.pool.as_str());
        let request = request.provider_name(name.as_str());
        match self.call(OPERATION, None, || request.clone().send()).await {
            Ok(answer) => Ok(answer.identity_provider.map(observed)),
            Err(error) if error.problem == Problem::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an OIDC provider; gives Cognito's date of it.
    pub async fn create_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Result<Timestamp, PoolError> {
        const OPERATION: &str = "CreateIdentityProvider";
        let request = self
            .client
            .create_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .provider_type(IdentityProviderTypeType::Oidc)
            .set_provider_details(Some(details(spec, secret)))
            .set_attribute_mapping(Some(spec.attribute_mapping.clone().into_iter().collect()))
            .set_idp_identifiers(Some(identifiers(&spec.identifiers)));
        let answer = self.call(OPERATION, Some(secret), || request.clone().send()).await?;
        answer
            .identity_provider
            .map(|provider| timestamp(provider.last_modified_date.as_ref()))
            .ok_or_else(|| empty(OPERATION))
    }

    /// Writes a provider's whole content; gives Cognito's date of the change.
    pub async fn update_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Result<Timestamp, PoolError> {
        const OPERATION: &str = "UpdateIdentityProvider";
        let request = self
            .client
            .update_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .set_provider_details(Some(details(spec, secret)))
            .set_attribute_mapping(Some(spec.attribute_mapping.clone().into_iter().collect()))
            .set_idp_identifiers(Some(identifiers(&spec.identifiers)));
        let answer = self.call(OPERATION, Some(secret), || request.clone().send()).await?;
        answer
            .identity_provider
            .map(|provider| timestamp(provider.last_modified_date.as_ref()))
            .ok_or_else(|| empty(OPERATION))
    }

    /// Deletes a provider; one that is not there is deleted already.
    pub async fn delete_provider(&self, name: &ProviderName) -> Result<(), PoolError> {
        const OPERATION: &str = "DeleteIdentityProvider";
        let request = self.client.delete_identity_provider().user_pool_id(self.pool.as_str());
        let request = request.provider_name(name.as_str());
        match self.call(OPERATION, None, || request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.problem == Problem::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tries to update a provider that is not there: whether the role may update providers. Changes nothing.
    pub async fn probe_update(&self, name: &ProviderName) -> Result<(), PoolError> {
        const OPERATION: &str = "UpdateIdentityProvider";
        let request = self.client.update_identity_provider().user_pool_id(self.pool.as_str());
        let request = request.provider_name(name.as_str());
        match self.call(OPERATION, None, || request.clone().send()).await {
            Err(error) if error.problem != Problem::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

pub(crate) fn empty(operation: &'static str) -> PoolError {
    PoolError::without_answer(operation, ErrorClass::Transient, "the answer is empty".to_owned())
}

/// An attribute of the schema. Of a bound that is no number, the lower one keeps every text out, the upper one none.
fn attribute(attribute: SchemaAttributeType) -> Option<SchemaAttribute> {
    let text = attribute.string_attribute_constraints;
    let (min, max) = text.map_or((None, None), |text| (text.min_length, text.max_length));
    Some(SchemaAttribute {
        name: attribute.name?,
        data_type: attribute.attribute_data_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        required: attribute.required.unwrap_or(false),
        mutable: attribute.mutable.unwrap_or(true),
        min_length: min.map(|min| min.parse().unwrap_or(u32::MAX)),
        max_length: max.and_then(|max| max.parse().ok()),
    })
}

/// A provider as the list shows it. One whose name can't be read can't be left out: it could not be described, and
/// an identifier that it holds would be given to another provider, which Cognito refuses.
fn listed(provider: Listed) -> Result<(ProviderName, ObservedProvider), String> {
    let name = provider.provider_name.unwrap_or_default();
    let parsed = name
        .parse()
        .map_err(|error| format!("the list holds a provider whose name can't be read, {name:?}: {error}"))?;
    let observed = ObservedProvider {
        provider_type: provider.provider_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        last_modified: timestamp(provider.last_modified_date.as_ref()),
        description: None,
    };
    Ok((parsed, observed))
}

fn observed(provider: IdentityProviderType) -> ObservedProvider {
    let description = ProviderDescription::new(
        provider.provider_details.unwrap_or_default().into_iter().collect(),
        provider.attribute_mapping.unwrap_or_default().into_iter().collect(),
        provider.idp_identifiers.unwrap_or_default(),
    );
    ObservedProvider {
        provider_type: provider.provider_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        last_modified: timestamp(provider.last_modified_date.as_ref()),
        description: Some(description),
    }
}

fn details(spec: &ProviderSpec, secret: &SecretString) -> HashMap<String, String> {
    let mut details: HashMap<String, String> = spec.details.clone().into_iter().collect();
    details.insert(CLIENT_SECRET.to_owned(), secret.expose_secret().to_owned());
    details
}

fn identifiers(identifiers: &BTreeSet<Identifier>) -> Vec<String> {
    identifiers.iter().map(ToString::to_string).collect()
}

fn timestamp(date: Option<&DateTime>) -> Timestamp {
    Timestamp::from_millis(date.and_then(|date| date.to_millis().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_sdk_cognitoidentityprovider::{
        config::{BehaviorVersion, Config, http::HttpResponse},
        error::ErrorMetadata,
        operation::describe_user_pool::{DescribeUserPoolError, DescribeUserPoolOutput},
    };

    use super::*;

    fn access() -> PoolAccess {
        let quota = Quota { account: "222222222222".parse().unwrap(), pool: "eu-west-1_a".parse().unwrap() };
        let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        PoolAccess::new(client, quota, Pacer::default())
    }

    type Outcome = fn() -> SdkError<DescribeUserPoolError>;

    /// What comes of a call whose attempts take so long and end like this, and when each of them began.
    async fn called(takes: Duration, outcomes: &[Outcome]) -> (PoolError, Vec<Duration>) {
        let (access, start, times) = (access(), Instant::now(), Mutex::new(Vec::new()));
        let answer = access.call("DescribeUserPool", None, async || {
            let number = {
                let mut times = times.lock().unwrap();
                times.push(start.elapsed());
                times.len() - 1
            };
            tokio::time::sleep(takes).await;
            Err::<DescribeUserPoolOutput, _>(outcomes[number]())
        });
        let error = answer.await.unwrap_err();
        (error, times.into_inner().unwrap())
    }

    fn no_answer() -> SdkError<DescribeUserPoolError> {
        SdkError::timeout_error("no answer")
    }

    fn refused() -> SdkError<DescribeUserPoolError> {
        let code = ErrorMetadata::builder().code("ConcurrentModificationException").build();
        let response = HttpResponse::new(400.try_into().unwrap(), Vec::new().into());
        SdkError::service_error(DescribeUserPoolError::generic(code), response)
    }

    fn in_the_list(name: &str) -> Result<(ProviderName, ObservedProvider), String> {
        listed(Listed::builder().provider_name(name).provider_type(IdentityProviderTypeType::Saml).build())
    }

    #[test]
    fn a_provider_of_the_tenants_whose_name_has_spaces_is_listed_and_one_that_can_not_be_read_is_named() {
        let (name, provider) = in_the_list("My Okta").unwrap();
        assert_eq!((name.as_str(), provider.provider_type.as_str()), ("My Okta", "SAML"));
        let refused = in_the_list("bell\u{7}").unwrap_err();
        assert!(refused.contains("\"bell\\u{7}\""), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_the_network_fails_is_made_three_times_each_one_later() {
        let (error, times) = called(Duration::ZERO, &[no_answer as Outcome; 3]).await;
        assert_eq!(error.class(), ErrorClass::Transient);
        let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        assert_eq!(waits.len(), 2);
        assert!(waits[0] >= FIRST_PAUSE && waits[1] >= 2 * FIRST_PAUSE, "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_is_over_in_time_for_a_run_to_record_it() {
        let hangs = Duration::from_secs(4);
        let (_, times) = called(hangs, &[no_answer as Outcome; 3]).await;
        assert!(times.iter().all(|time| *time <= LATEST_ATTEMPT), "{times:?}");
        assert_eq!(times.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_leaves_the_outcome_unclear_whatever_the_next_one_is_answered() {
        let (error, _) = called(Duration::ZERO, &[no_answer as Outcome, refused]).await;
        assert_eq!((error.class(), error.outcome_is_unclear), (ErrorClass::Conflict, true));
        let (error, _) = called(Duration::ZERO, &[refused as Outcome]).await;
        assert!(!error.outcome_is_unclear);
    }
}
