//! App clients as they stand in JSON: what an app client shows is sent back with members that the SDK does not
//! know. `UpdateUserPoolClient` resets what is left out, and Cognito passes over what it does not take (AWS JSON
//! protocol), so that a member of the future is safe to copy and not safe to lose.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut},
            dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use serde_json::{Map, Value, json};

/// The member with the providers that an app client offers.
const PROVIDERS: &str = "SupportedIdentityProviders";

/// What an app client shows and an update does not take (Cognito API: `UserPoolClientType` without the members of
/// `UpdateUserPoolClient`). A secret above all goes nowhere.
const NEVER_SENT: [&str; 5] = ["ClientSecret", "ClientSecretArn", "ClientType", "CreationDate", "LastModifiedDate"];

/// The member that says how an app client came to be: `REGULAR`, or `DCR` where it registered itself (Cognito API:
/// `UserPoolClientType`, since November 2026).
const TYPE: &str = "ClientType";

/// The types that no app client has which registered itself: Cognito's, and OAuth's (RFC 6749, 2.1).
const NOT_BY_ITSELF: [&str; 3] = ["REGULAR", "PUBLIC", "CONFIDENTIAL"];

/// Keeps the app client of an answer as it stood in JSON, without its secrets and dates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown(Arc<Mutex<Map<String, Value>>>);

impl Shown {
    /// The members of an update that changes the providers and nothing else.
    pub fn with_providers(&self, providers: impl IntoIterator<Item = String>) -> Map<String, Value> {
        let mut members = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        members.remove(TYPE);
        members.insert(PROVIDERS.to_owned(), providers.into_iter().collect());
        members
    }

    /// Whether the app client registered itself. One of a type that is not known may have.
    pub fn registered_itself(&self) -> bool {
        let members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        members.get(TYPE).is_some_and(|shown| !shown.as_str().is_some_and(|shown| NOT_BY_ITSELF.contains(&shown)))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Shown {
    fn name(&self) -> &'static str {
        "an app client as it is shown"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _configuration: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let members = context.response().body().bytes().map(members).unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = members;
        Ok(())
    }
}

fn members(body: &[u8]) -> Map<String, Value> {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(Value::Object(mut members)) = answer.get_mut("UserPoolClient").map(Value::take) else {
        return Map::new();
    };
    // An empty text, which stands where there is no redirect URI, is refused by an update.
    let is_kept = |name: &str| name == TYPE || !NEVER_SENT.contains(&name);
    members.retain(|name, value| is_kept(name) && !value.is_null() && *value != json!(""));
    members
}

/// Sends these members in place of those that the SDK wrote.
#[derive(Debug, Clone)]
pub(crate) struct Sent(pub Map<String, Value>);

#[dyn_dispatch_hint]
impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "an app client as it was shown"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _configuration: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = serde_json::to_vec(&self.0)?;
        let request = context.request_mut();
        request.headers_mut().try_insert("content-length", body.len().to_string())?;
        *request.body_mut() = SdkBody::from(body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_client_is_sent_as_it_is_shown_but_for_what_an_update_does_not_take() {
        let answer = json!({ "UserPoolClient": {
            "ClientId": "1a", "UserPoolId": "eu-west-1_a", "AccessTokenValidity": 17, "EnableTokenRevocation": false,
            "CallbackURLs": ["https://a.example"], "WriteAttributes": [], "DefaultRedirectURI": "",
            "TokenValidityUnits": { "AccessToken": "minutes", "NovelToken": "hours" }, "Novel": { "a": [1] },
            "SupportedIdentityProviders": ["COGNITO"], "NovelNull": null,
            "ClientSecret": "canary", "ClientSecretArn": "canary", "ClientType": "CONFIDENTIAL",
            "CreationDate": 1.5, "LastModifiedDate": 2.5,
        } });
        let shown = Shown::default();
        *shown.0.lock().unwrap() = members(answer.to_string().as_bytes());
        let expected = json!({
            "ClientId": "1a", "UserPoolId": "eu-west-1_a", "AccessTokenValidity": 17, "EnableTokenRevocation": false,
            "CallbackURLs": ["https://a.example"], "WriteAttributes": [],
            "TokenValidityUnits": { "AccessToken": "minutes", "NovelToken": "hours" }, "Novel": { "a": [1] },
            "SupportedIdentityProviders": ["COGNITO", "conn-1"],
        });
        let sent = shown.with_providers(["COGNITO".to_owned(), "conn-1".to_owned()]);
        assert_eq!(Value::Object(sent), expected);
    }

    #[test]
    fn an_app_client_registered_itself_unless_its_type_says_otherwise_or_none_is_shown() {
        for (shown, registered_itself) in [
            (json!({}), false),
            (json!({ "ClientType": null }), false),
            (json!({ "ClientType": "REGULAR" }), false),
            (json!({ "ClientType": "PUBLIC" }), false),
            (json!({ "ClientType": "DCR" }), true),
            (json!({ "ClientType": "OF_THE_FUTURE" }), true),
            (json!({ "ClientType": 7 }), true),
        ] {
            let client = Shown::default();
            *client.0.lock().unwrap() = members(json!({ "UserPoolClient": shown }).to_string().as_bytes());
            assert_eq!(client.registered_itself(), registered_itself, "{shown}");
        }
    }
}
