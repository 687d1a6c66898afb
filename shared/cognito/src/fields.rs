//! Notices members of an answer that the SDK does not know. `UpdateUserPoolClient` resets what is left
//! out, so an app client with such a member must not be written.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// The members of `UserPoolClientType` (Cognito API) that the SDK knows, as they stand in JSON.
pub(crate) const KNOWN: [&str; 26] = [
    "AccessTokenValidity",
    "AllowedOAuthFlows",
    "AllowedOAuthFlowsUserPoolClient",
    "AllowedOAuthScopes",
    "AnalyticsConfiguration",
    "AuthSessionValidity",
    "CallbackURLs",
    "ClientId",
    "ClientName",
    "ClientSecret",
    "CreationDate",
    "DefaultRedirectURI",
    "EnablePropagateAdditionalUserContextData",
    "EnableTokenRevocation",
    "ExplicitAuthFlows",
    "IdTokenValidity",
    "LastModifiedDate",
    "LogoutURLs",
    "PreventUserExistenceErrors",
    "ReadAttributes",
    "RefreshTokenRotation",
    "RefreshTokenValidity",
    "SupportedIdentityProviders",
    "TokenValidityUnits",
    "UserPoolId",
    "WriteAttributes",
];

/// Keeps the names of an answer's members that are not [`KNOWN`].
#[derive(Debug, Clone, Default)]
pub(crate) struct UnknownMembers(Arc<Mutex<Vec<String>>>);

impl UnknownMembers {
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[dyn_dispatch_hint]
impl Intercept for UnknownMembers {
    fn name(&self) -> &'static str {
        "unknown members of an app client"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _configuration: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let names = context.response().body().bytes().map(unknown).unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = names;
        Ok(())
    }
}

fn unknown(body: &[u8]) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let members = answer.get("UserPoolClient").and_then(serde_json::Value::as_object);
    members
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .filter(|name| !KNOWN.contains(&name.as_str()))
        .cloned()
        .collect()
}
