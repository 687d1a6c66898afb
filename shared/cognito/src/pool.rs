//! The calls on one user pool.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cognitoidentityprovider::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::{IdentityProviderType, IdentityProviderTypeType},
};
use causeway_core::{
    health::ErrorClass,
    id::{Identifier, ProviderName, UserPoolId},
    provider::{CLIENT_SECRET, ObservedProvider, ProviderDescription, ProviderSpec},
    timestamp::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{CognitoError, Problem, pacer::Pacer};

/// The largest page of a list (Cognito API: `MaxResults` of `ListIdentityProviders` and `ListUserPoolClients`).
pub(crate) const PAGE: i32 = 60;
/// More pages than any quota allows providers or app clients for: an answer that never ends.
pub(crate) const MOST_PAGES: usize = 200;

/// What `DescribeUserPool` shows of a pool, as far as it is used.
#[derive(Debug, Clone, Default)]
pub struct PoolDescription {
    /// The pool's ARN.
    pub arn: String,
    /// The prefix of the pool's own domain.
    pub domain: Option<String>,
    /// The tenant's own domain.
    pub custom_domain: Option<String>,
    /// The attributes of the pool's users.
    pub attributes: Vec<SchemaAttribute>,
}

/// An attribute of a pool's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaAttribute {
    /// Its name, such as `email` or `custom:team`.
    pub name: String,
    /// Whether every user must have it.
    pub required: bool,
    /// Whether it can be written more than once.
    pub mutable: bool,
}

/// The calls on one pool, with credentials that allow nothing else.
#[derive(Debug, Clone)]
pub struct PoolAccess {
    pub(crate) client: Client,
    pub(crate) pool: UserPoolId,
    pacer: Pacer,
}

impl PoolAccess {
    pub(crate) fn new(client: Client, pool: UserPoolId, pacer: Pacer) -> Self {
        Self { client, pool, pacer }
    }

    pub(crate) async fn pace(&self, operation: &'static str) {
        self.pacer.wait(&self.pool, operation).await;
    }

    /// The pool itself.
    pub async fn describe(&self) -> Result<PoolDescription, CognitoError> {
        self.pace("DescribeUserPool").await;
        let answer = self
            .client
            .describe_user_pool()
            .user_pool_id(self.pool.as_str())
            .send()
            .await
            .map_err(|error| failed("DescribeUserPool", &error))?;
        let pool = answer.user_pool.ok_or_else(|| empty("DescribeUserPool"))?;
        let attributes = pool.schema_attributes.unwrap_or_default().into_iter().filter_map(|attribute| {
            Some(SchemaAttribute {
                name: attribute.name?,
                required: attribute.required.unwrap_or(false),
                mutable: attribute.mutable.unwrap_or(true),
            })
        });
        let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(PoolDescription {
            arn: pool.arn.unwrap_or_default(),
            domain: not_empty(pool.domain),
            custom_domain: not_empty(pool.custom_domain),
            attributes: attributes.collect(),
        })
    }

    /// Every provider of the pool, not described; complete or an error.
    pub async fn list_providers(&self) -> Result<BTreeMap<ProviderName, ObservedProvider>, CognitoError> {
        const OPERATION: &str = "ListIdentityProviders";
        let mut providers = BTreeMap::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            self.pace(OPERATION).await;
            let answer = self
                .client
                .list_identity_providers()
                .user_pool_id(self.pool.as_str())
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| failed(OPERATION, &error))?;
            for provider in answer.providers {
                let name = provider.provider_name.unwrap_or_default().parse().map_err(|_| {
                    let message = "the list holds a provider whose name can't be read".to_owned();
                    CognitoError::new(OPERATION, ErrorClass::Rejected, message)
                })?;
                let observed = ObservedProvider {
                    provider_type: provider.provider_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
                    last_modified: timestamp(provider.last_modified_date.as_ref()),
                    description: None,
                };
                providers.insert(name, observed);
            }
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(providers);
            }
        }
        Err(CognitoError::new(OPERATION, ErrorClass::Transient, "the list does not end".to_owned()))
    }

    /// One provider with its description; `None` if it is not there.
    pub async fn describe_provider(&self, name: &ProviderName) -> Result<Option<ObservedProvider>, CognitoError> {
        const OPERATION: &str = "DescribeIdentityProvider";
        self.pace(OPERATION).await;
        let answer = self
            .client
            .describe_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .send()
            .await;
        match answer.map_err(|error| failed(OPERATION, &error)) {
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
    ) -> Result<Timestamp, CognitoError> {
        const OPERATION: &str = "CreateIdentityProvider";
        self.pace(OPERATION).await;
        let answer = self
            .client
            .create_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .provider_type(IdentityProviderTypeType::Oidc)
            .set_provider_details(Some(details(spec, secret)))
            .set_attribute_mapping(Some(spec.attribute_mapping.clone().into_iter().collect()))
            .set_idp_identifiers(Some(identifiers(&spec.identifiers)))
            .send()
            .await
            .map_err(|error| CognitoError::from_sdk(OPERATION, &error, Some(secret)))?;
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
    ) -> Result<Timestamp, CognitoError> {
        const OPERATION: &str = "UpdateIdentityProvider";
        self.pace(OPERATION).await;
        let answer = self
            .client
            .update_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .set_provider_details(Some(details(spec, secret)))
            .set_attribute_mapping(Some(spec.attribute_mapping.clone().into_iter().collect()))
            .set_idp_identifiers(Some(identifiers(&spec.identifiers)))
            .send()
            .await
            .map_err(|error| CognitoError::from_sdk(OPERATION, &error, Some(secret)))?;
        answer
            .identity_provider
            .map(|provider| timestamp(provider.last_modified_date.as_ref()))
            .ok_or_else(|| empty(OPERATION))
    }

    /// Deletes a provider; one that is not there is deleted already.
    pub async fn delete_provider(&self, name: &ProviderName) -> Result<(), CognitoError> {
        const OPERATION: &str = "DeleteIdentityProvider";
        self.pace(OPERATION).await;
        let answer = self
            .client
            .delete_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .send()
            .await;
        match answer.map_err(|error| failed(OPERATION, &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.problem == Problem::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tries to update a provider that is not there: whether the role may update providers. Changes nothing.
    pub async fn probe_update(&self, name: &ProviderName) -> Result<(), CognitoError> {
        const OPERATION: &str = "UpdateIdentityProvider";
        self.pace(OPERATION).await;
        let answer = self
            .client
            .update_identity_provider()
            .user_pool_id(self.pool.as_str())
            .provider_name(name.as_str())
            .send()
            .await;
        match answer.map_err(|error| failed(OPERATION, &error)) {
            Err(error) if error.problem != Problem::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

pub(crate) fn failed<E>(operation: &'static str, error: &SdkError<E>) -> CognitoError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    CognitoError::from_sdk(operation, error, None)
}

pub(crate) fn empty(operation: &'static str) -> CognitoError {
    CognitoError::new(operation, ErrorClass::Transient, "the answer is empty".to_owned())
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

fn details(spec: &ProviderSpec, secret: &SecretString) -> std::collections::HashMap<String, String> {
    let mut details: std::collections::HashMap<String, String> = spec.details.clone().into_iter().collect();
    details.insert(CLIENT_SECRET.to_owned(), secret.expose_secret().to_owned());
    details
}

fn identifiers(identifiers: &BTreeSet<Identifier>) -> Vec<String> {
    identifiers.iter().map(ToString::to_string).collect()
}

fn timestamp(date: Option<&DateTime>) -> Timestamp {
    Timestamp::from_millis(date.and_then(|date| date.to_millis().ok()).unwrap_or(0))
}
