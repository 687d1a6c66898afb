//! App clients: their list of providers is changed, everything else of them is copied.

use std::collections::BTreeSet;

use aws_sdk_cognitoidentityprovider::{
    operation::update_user_pool_client::{UpdateUserPoolClientInput, builders::UpdateUserPoolClientInputBuilder},
    types::{OAuthFlowType, UserPoolClientType},
};
use causeway_core::{
    health::ErrorClass,
    id::{AppClientId, ProviderName},
};

use crate::{
    CognitoError, PoolAccess, Problem,
    fields::UnknownMembers,
    pool::{MOST_PAGES, PAGE, empty},
};

/// An app client, as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClient {
    /// `SupportedIdentityProviders`.
    pub supported_identity_providers: BTreeSet<String>,
    /// Whether it signs users in with the authorization code grant.
    pub uses_code_flow: bool,
    /// `CallbackURLs`: where a sign-in may return to.
    pub callback_urls: Vec<String>,
    /// `AllowedOAuthScopes`.
    pub scopes: Vec<String>,
}

impl PoolAccess {
    /// The IDs of every app client of the pool; complete or an error.
    pub async fn list_app_clients(&self) -> Result<Vec<AppClientId>, CognitoError> {
        Ok(self.list_named_app_clients().await?.into_iter().map(|(id, _)| id).collect())
    }

    /// The ID and the name of every app client of the pool; complete or an error.
    pub async fn list_named_app_clients(&self) -> Result<Vec<(AppClientId, String)>, CognitoError> {
        const OPERATION: &str = "ListUserPoolClients";
        let mut clients = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let request = self.client.list_user_pool_clients().user_pool_id(self.pool.as_str());
            let request = request.max_results(PAGE).set_next_token(next);
            let answer = self.call(OPERATION, None, || request.clone().send()).await?;
            for client in answer.user_pool_clients.unwrap_or_default() {
                let id = client.client_id.unwrap_or_default().parse().map_err(|_| {
                    let message = "the list holds an app client whose ID can't be read".to_owned();
                    CognitoError::new(OPERATION, ErrorClass::Rejected, message)
                })?;
                clients.push((id, client.client_name.unwrap_or_default()));
            }
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(clients);
            }
        }
        Err(CognitoError::new(OPERATION, ErrorClass::Transient, "the list does not end".to_owned()))
    }

    /// An app client; `None` if the pool has none of this ID.
    pub async fn describe_app_client(&self, id: &AppClientId) -> Result<Option<AppClient>, CognitoError> {
        Ok(self.read_app_client(id).await?.map(|(client, _)| AppClient {
            supported_identity_providers: client.supported_identity_providers().iter().cloned().collect(),
            uses_code_flow: client.allowed_o_auth_flows().contains(&OAuthFlowType::Code),
            callback_urls: client.callback_urls.unwrap_or_default(),
            scopes: client.allowed_o_auth_scopes.unwrap_or_default(),
        }))
    }

    /// Adds providers to an app client's list and takes others out, leaving everything else as it is. The
    /// client is read right before; nothing is written if its list is right already. One that has a member
    /// that this version does not know is not written, since the write would reset that member.
    pub async fn change_app_client(
        &self,
        id: &AppClientId,
        add: &BTreeSet<ProviderName>,
        remove: &BTreeSet<ProviderName>,
    ) -> Result<(), CognitoError> {
        const OPERATION: &str = "UpdateUserPoolClient";
        let Some((client, unknown)) = self.read_app_client(id).await? else {
            return Err(CognitoError {
                operation: OPERATION,
                code: "ResourceNotFoundException".to_owned(),
                message: format!("the app client {id} is not there"),
                problem: Problem::NotFound,
                outcome_is_unclear: false,
            });
        };
        if !unknown.is_empty() {
            let message = format!(
                "the app client {id} is not written: it has {}, which this version of Causeway can't copy",
                unknown.join(", ")
            );
            return Err(CognitoError::new(OPERATION, ErrorClass::Rejected, message));
        }
        let before: BTreeSet<String> = client.supported_identity_providers().iter().cloned().collect();
        let after: BTreeSet<String> = before
            .iter()
            .filter(|name| !remove.iter().any(|removed| removed.as_str() == name.as_str()))
            .cloned()
            .chain(add.iter().map(ToString::to_string))
            .collect();
        if after == before {
            return Ok(());
        }
        let request = copied(client).set_supported_identity_providers(Some(after.into_iter().collect()));
        self.call(OPERATION, None, || request.clone().send_with(&self.client)).await.map(drop)
    }

    /// Tries to update an app client that is not there: whether the role may. Changes nothing.
    pub async fn probe_update_app_client(&self, id: &AppClientId) -> Result<(), CognitoError> {
        const OPERATION: &str = "UpdateUserPoolClient";
        let request = self.client.update_user_pool_client().user_pool_id(self.pool.as_str()).client_id(id.as_str());
        match self.call(OPERATION, None, || request.clone().send()).await {
            Err(error) if error.problem != Problem::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn read_app_client(
        &self,
        id: &AppClientId,
    ) -> Result<Option<(UserPoolClientType, Vec<String>)>, CognitoError> {
        const OPERATION: &str = "DescribeUserPoolClient";
        let unknown = UnknownMembers::default();
        let request = self.client.describe_user_pool_client().user_pool_id(self.pool.as_str()).client_id(id.as_str());
        let send = || request.clone().customize().interceptor(unknown.clone()).send();
        match self.call(OPERATION, None, send).await {
            Ok(answer) => {
                let client = answer.user_pool_client.ok_or_else(|| empty(OPERATION))?;
                Ok(Some((client, unknown.names())))
            }
            Err(error) if error.problem == Problem::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An update that carries everything of a client that it can. "If you don't provide a value for an attribute,
/// Amazon Cognito sets it to its default value" (Cognito API: `UpdateUserPoolClient`).
fn copied(client: UserPoolClientType) -> UpdateUserPoolClientInputBuilder {
    UpdateUserPoolClientInput::builder()
        .set_user_pool_id(client.user_pool_id)
        .set_client_id(client.client_id)
        .set_client_name(client.client_name)
        .refresh_token_validity(client.refresh_token_validity)
        .set_access_token_validity(client.access_token_validity)
        .set_id_token_validity(client.id_token_validity)
        .set_token_validity_units(client.token_validity_units)
        .set_read_attributes(client.read_attributes)
        .set_write_attributes(client.write_attributes)
        .set_explicit_auth_flows(client.explicit_auth_flows)
        .set_supported_identity_providers(client.supported_identity_providers)
        .set_callback_urls(client.callback_urls)
        .set_logout_urls(client.logout_urls)
        // Described as an empty text where there is none, which an update refuses.
        .set_default_redirect_uri(client.default_redirect_uri.filter(|uri| !uri.is_empty()))
        .set_allowed_o_auth_flows(client.allowed_o_auth_flows)
        .set_allowed_o_auth_scopes(client.allowed_o_auth_scopes)
        .set_allowed_o_auth_flows_user_pool_client(client.allowed_o_auth_flows_user_pool_client)
        .set_analytics_configuration(client.analytics_configuration)
        .set_prevent_user_existence_errors(client.prevent_user_existence_errors)
        .set_enable_token_revocation(client.enable_token_revocation)
        .set_enable_propagate_additional_user_context_data(client.enable_propagate_additional_user_context_data)
        .set_auth_session_validity(client.auth_session_validity)
        .set_refresh_token_rotation(client.refresh_token_rotation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_cognitoidentityprovider::{
        primitives::DateTime,
        types::{
            AnalyticsConfigurationType, ExplicitAuthFlowsType, FeatureType, PreventUserExistenceErrorTypes,
            RefreshTokenRotationType, TimeUnitsType, TokenValidityUnitsType,
        },
    };

    use super::*;
    use crate::fields::KNOWN;

    /// The fields of an SDK type with what it shows of them: its `Debug` output names each.
    fn fields(shown: &str) -> BTreeMap<String, String> {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut name = String::new();
        for line in shown.lines().skip(1) {
            let of_its_own =
                line.strip_prefix("    ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
            let value = match of_its_own.and_then(|rest| rest.split_once(": ")) {
                Some((field, value)) => {
                    name = field.replace('_', "");
                    value
                }
                None => line,
            };
            // A number that always is there is as good as one that may be missing and is there.
            let value = value.trim().trim_end_matches(',');
            let value = value.strip_prefix("Some(").unwrap_or(value).trim_end_matches(')');
            fields.entry(name.clone()).or_default().push_str(value);
        }
        fields.remove("");
        fields
    }

    /// An app client of which every member is set, and none to what it would be reset to.
    fn every_member() -> UserPoolClientType {
        let texts = |text: &str| Some(vec![text.to_owned()]);
        let units = TokenValidityUnitsType::builder().access_token(TimeUnitsType::Minutes).build();
        let rotation = RefreshTokenRotationType::builder()
            .feature(FeatureType::Enabled)
            .retry_grace_period_seconds(7)
            .build()
            .unwrap();
        UserPoolClientType::builder()
            .user_pool_id("eu-west-1_a")
            .client_name("application")
            .client_id("1a")
            .client_secret("canary")
            .last_modified_date(DateTime::from_secs(1))
            .creation_date(DateTime::from_secs(2))
            .refresh_token_validity(3)
            .access_token_validity(4)
            .id_token_validity(5)
            .token_validity_units(units)
            .set_read_attributes(texts("read"))
            .set_write_attributes(texts("write"))
            .explicit_auth_flows(ExplicitAuthFlowsType::AllowUserSrpAuth)
            .set_supported_identity_providers(texts("COGNITO"))
            .set_callback_urls(texts("callback"))
            .set_logout_urls(texts("logout"))
            .default_redirect_uri("redirect")
            .allowed_o_auth_flows(OAuthFlowType::Code)
            .set_allowed_o_auth_scopes(texts("openid"))
            .allowed_o_auth_flows_user_pool_client(true)
            .analytics_configuration(AnalyticsConfigurationType::builder().application_id("analytics").build())
            .prevent_user_existence_errors(PreventUserExistenceErrorTypes::Enabled)
            .enable_token_revocation(true)
            .enable_propagate_additional_user_context_data(true)
            .auth_session_validity(6)
            .refresh_token_rotation(rotation)
            .build()
    }

    #[test]
    fn an_update_carries_every_member_that_it_has_as_the_app_client_shows_it() {
        let client = every_member();
        let described = fields(&format!("{client:#?}"));
        let update = fields(&format!("{:#?}", copied(client).build().unwrap()));
        for (member, value) in &update {
            assert_ne!(value, "None", "an update has {member}, which is not copied");
            assert_eq!(described.get(member), Some(value), "{member} is not copied as it is");
        }
        let known: BTreeSet<String> = KNOWN.iter().map(|name| name.to_lowercase()).collect();
        let described: BTreeSet<String> = described.into_keys().collect();
        assert_eq!(described, known, "an app client has members that are not listed as known");
        let not_updated: Vec<&str> =
            described.iter().map(String::as_str).filter(|member| !update.contains_key(*member)).collect();
        assert_eq!(not_updated, ["clientsecret", "creationdate", "lastmodifieddate"]);
    }

    #[test]
    fn a_redirect_uri_that_is_described_as_empty_is_left_out() {
        let update = copied(UserPoolClientType::builder().default_redirect_uri("").build());
        assert_eq!(update.get_default_redirect_uri(), &None);
    }
}
