//! App clients: their list of providers is changed, everything else of them is copied.

use std::collections::BTreeSet;

use aws_sdk_cognitoidentityprovider::{
    operation::update_user_pool_client::builders::UpdateUserPoolClientFluentBuilder,
    types::{OAuthFlowType, UserPoolClientType},
};
use causeway_core::{
    health::ErrorClass,
    id::{AppClientId, ProviderName},
};

use crate::{
    CognitoError, PoolAccess, Problem,
    fields::UnknownMembers,
    pool::{empty, failed},
};

/// An app client, as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClient {
    /// `SupportedIdentityProviders`.
    pub supported_identity_providers: BTreeSet<String>,
    /// Whether it signs users in with the authorization code grant.
    pub uses_code_flow: bool,
}

impl PoolAccess {
    /// An app client; `None` if the pool has none of this ID.
    pub async fn describe_app_client(&self, id: &AppClientId) -> Result<Option<AppClient>, CognitoError> {
        Ok(self.read_app_client(id).await?.map(|(client, _)| AppClient {
            supported_identity_providers: client.supported_identity_providers().iter().cloned().collect(),
            uses_code_flow: client.allowed_o_auth_flows().contains(&OAuthFlowType::Code),
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
        self.pace(OPERATION).await;
        copied(self.client.update_user_pool_client(), client)
            .set_supported_identity_providers(Some(after.into_iter().collect()))
            .send()
            .await
            .map_err(|error| failed(OPERATION, &error))?;
        Ok(())
    }

    /// Tries to update an app client that is not there: whether the role may. Changes nothing.
    pub async fn probe_update_app_client(&self, id: &AppClientId) -> Result<(), CognitoError> {
        const OPERATION: &str = "UpdateUserPoolClient";
        self.pace(OPERATION).await;
        let answer =
            self.client.update_user_pool_client().user_pool_id(self.pool.as_str()).client_id(id.as_str()).send().await;
        match answer.map_err(|error| failed(OPERATION, &error)) {
            Err(error) if error.problem != Problem::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn read_app_client(
        &self,
        id: &AppClientId,
    ) -> Result<Option<(UserPoolClientType, Vec<String>)>, CognitoError> {
        const OPERATION: &str = "DescribeUserPoolClient";
        self.pace(OPERATION).await;
        let unknown = UnknownMembers::default();
        let answer = self
            .client
            .describe_user_pool_client()
            .user_pool_id(self.pool.as_str())
            .client_id(id.as_str())
            .customize()
            .interceptor(unknown.clone())
            .send()
            .await;
        match answer.map_err(|error| failed(OPERATION, &error)) {
            Ok(answer) => {
                let client = answer.user_pool_client.ok_or_else(|| empty(OPERATION))?;
                Ok(Some((client, unknown.names())))
            }
            Err(error) if error.problem == Problem::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Copies everything that an update can carry. "If you don't provide a value for an attribute, Amazon
/// Cognito sets it to its default value" (Cognito API: `UpdateUserPoolClient`).
fn copied(update: UpdateUserPoolClientFluentBuilder, client: UserPoolClientType) -> UpdateUserPoolClientFluentBuilder {
    update
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
    use aws_sdk_cognitoidentityprovider::operation::update_user_pool_client::UpdateUserPoolClientInput;

    use super::*;
    use crate::fields::KNOWN;

    /// The fields of an SDK type: its `Debug` output names each, also those it hides.
    fn fields(shown: &str) -> BTreeSet<String> {
        let inside = shown.split_once('{').unwrap().1;
        inside.split(", ").map(|field| field.split_once(": ").unwrap().0.trim().replace('_', "")).collect()
    }

    #[test]
    fn the_sdk_knows_no_member_of_an_app_client_that_an_update_does_not_copy() {
        let client = format!("{:?}", UserPoolClientType::builder().build());
        let update = format!("{:?}", UpdateUserPoolClientInput::builder().build().unwrap());
        let described = fields(&client);
        let known: BTreeSet<String> = KNOWN.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(described, known, "an app client has members that are not listed as known");
        let not_updated: BTreeSet<String> = described.difference(&fields(&update)).cloned().collect();
        assert_eq!(not_updated, ["clientsecret", "creationdate", "lastmodifieddate"].map(str::to_owned).into());

        let source = include_str!("app_client.rs");
        let copies = source.split("fn copied").nth(1).unwrap().split("#[cfg(test)]").next().unwrap();
        let copies = copies.replace('_', "");
        for member in fields(&update) {
            assert!(copies.contains(&format!("client.{member}")), "{member} is not copied");
        }
    }
}
