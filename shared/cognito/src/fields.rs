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

/// The members of those members of an app client that are objects (Cognito API: `AnalyticsConfigurationType`,
/// `RefreshTokenRotationType`, `TokenValidityUnitsType`).
const KNOWN_INSIDE: [(&str, &[&str]); 3] = [
    ("AnalyticsConfiguration", &["ApplicationArn", "ApplicationId", "ExternalId", "RoleArn", "UserDataShared"]),
    ("RefreshTokenRotation", &["Feature", "RetryGracePeriodSeconds"]),
    ("TokenValidityUnits", &["AccessToken", "IdToken", "RefreshToken"]),
];

/// Keeps the names of an answer's members that are neither [`KNOWN`] nor [`KNOWN_INSIDE`].
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
    let mut names = Vec::new();
    for (name, value) in answer.get("UserPoolClient").and_then(serde_json::Value::as_object).into_iter().flatten() {
        if !KNOWN.contains(&name.as_str()) {
            names.push(name.clone());
        }
        let inside = KNOWN_INSIDE.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, inside)| inside);
        let members = value.as_object().into_iter().flatten().map(|(member, _)| member);
        names.extend(
            members.filter(|member| !inside.contains(&member.as_str())).map(|member| format!("{name}.{member}")),
        );
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_that_the_sdk_does_not_know_are_noticed_at_any_depth() {
        let answer = json!({ "UserPoolClient": {
            "ClientId": "1a", "Novel": 1,
            "TokenValidityUnits": { "AccessToken": "minutes", "NovelToken": "hours" },
            "RefreshTokenRotation": { "Feature": "ENABLED", "RetryGracePeriodSeconds": 7 },
        } });
        assert_eq!(unknown(answer.to_string().as_bytes()), ["Novel", "TokenValidityUnits.NovelToken"]);
    }
}
