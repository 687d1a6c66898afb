//! What checks need to know of an app client.

/// An app client, as far as sign-ins depend on it (Cognito API: `UserPoolClientType`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppClientSettings {
    /// Whether `AllowedOAuthFlows` has `code`.
    pub uses_code_flow: bool,
    /// `AllowedOAuthFlowsUserPoolClient`: without it Cognito serves no OAuth endpoint for the client.
    pub allows_oauth: bool,
    /// `AllowedOAuthScopes`.
    pub scopes: Vec<String>,
    /// `WriteAttributes`; none where the list is not set, so that the client may write every attribute.
    pub write_attributes: Option<Vec<String>>,
    /// `ExplicitAuthFlows`; none where the list is not set.
    pub explicit_auth_flows: Option<Vec<String>>,
}

impl AppClientSettings {
    /// Whether users can sign in through it with a provider: OAuth with the authorization code grant.
    pub fn can_sign_in(&self) -> bool {
        self.uses_code_flow && self.allows_oauth
    }

    /// Whether it may write an attribute.
    pub fn may_write(&self, attribute: &str) -> bool {
        self.write_attributes.as_ref().is_none_or(|list| list.iter().any(|name| name == attribute))
    }
}
