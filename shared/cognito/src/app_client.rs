//! App clients: their list of providers is changed, everything else of them is copied.

use std::collections::BTreeSet;

use aws_sdk_cognitoidentityprovider::types::{OAuthFlowType, UserPoolClientType};
use causeway_core::{
    check::AppClientSettings,
    health::ErrorClass,
    id::{AppClientId, ProviderName},
    port::{AppClient, PoolError, Problem},
};

use crate::{
    PoolAccess,
    fields::{Sent, Shown},
    pool::{MOST_PAGES, PAGE, empty},
};

impl PoolAccess {
    /// The IDs of every app client of the pool; complete or an error.
    pub async fn list_app_clients(&self) -> Result<Vec<AppClientId>, PoolError> {
        Ok(self.list_named_app_clients().await?.into_iter().map(|(id, _)| id).collect())
    }

    /// The ID and the name of every app client of the pool; complete or an error.
    pub async fn list_named_app_clients(&self) -> Result<Vec<(AppClientId, String)>, PoolError> {
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
                    PoolError::without_answer(OPERATION, ErrorClass::Rejected, message)
                })?;
                clients.push((id, client.client_name.unwrap_or_default()));
            }
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(clients);
            }
        }
        Err(PoolError::without_answer(OPERATION, ErrorClass::Transient, "the list does not end".to_owned()))
    }

    /// An app client; `None` if the pool has none of this ID.
    pub async fn describe_app_client(&self, id: &AppClientId) -> Result<Option<AppClient>, PoolError> {
        Ok(self.read_app_client(id).await?.map(|(client, _)| AppClient {
            supported_identity_providers: client.supported_identity_providers().iter().cloned().collect(),
            callback_urls: client.callback_urls().to_vec(),
            settings: settings(client),
        }))
    }

    /// Adds providers to an app client's list and takes others out, leaving everything else as it is. The
    /// client is read right before; nothing is written if its list is right already.
    pub async fn change_app_client(
        &self,
        id: &AppClientId,
        add: &BTreeSet<ProviderName>,
        remove: &BTreeSet<ProviderName>,
    ) -> Result<(), PoolError> {
        const OPERATION: &str = "UpdateUserPoolClient";
        let Some((client, shown)) = self.read_app_client(id).await? else {
            return Err(PoolError {
                operation: OPERATION,
                code: "ResourceNotFoundException".to_owned(),
                message: format!("the app client {id} is not there"),
                problem: Problem::NotFound,
                outcome_is_unclear: false,
            });
        };
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
        let request = self.client.update_user_pool_client().user_pool_id(self.pool.as_str()).client_id(id.as_str());
        let sent = Sent(shown.with_providers(after));
        self.call(OPERATION, None, || request.clone().customize().interceptor(sent.clone()).send()).await.map(drop)
    }

    /// Tries to update an app client that is not there: whether the role may. Changes nothing.
    pub async fn probe_update_app_client(&self, id: &AppClientId) -> Result<(), PoolError> {
        const OPERATION: &str = "UpdateUserPoolClient";
        let request = self.client.update_user_pool_client().user_pool_id(self.pool.as_str()).client_id(id.as_str());
        match self.call(OPERATION, None, || request.clone().send()).await {
            Err(error) if error.problem != Problem::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn read_app_client(&self, id: &AppClientId) -> Result<Option<(UserPoolClientType, Shown)>, PoolError> {
        const OPERATION: &str = "DescribeUserPoolClient";
        let shown = Shown::default();
        let request = self.client.describe_user_pool_client().user_pool_id(self.pool.as_str()).client_id(id.as_str());
        let send = || request.clone().customize().interceptor(shown.clone()).send();
        match self.call(OPERATION, None, send).await {
            Ok(answer) => {
                let client = answer.user_pool_client.ok_or_else(|| empty(OPERATION))?;
                Ok(Some((client, shown)))
            }
            Err(error) if error.problem == Problem::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What sign-ins depend on. A list that is not set is shown as none, or is not shown.
fn settings(client: UserPoolClientType) -> AppClientSettings {
    let flows = client.explicit_auth_flows.filter(|flows| !flows.is_empty());
    AppClientSettings {
        uses_code_flow: client.allowed_o_auth_flows.is_some_and(|flows| flows.contains(&OAuthFlowType::Code)),
        allows_oauth: client.allowed_o_auth_flows_user_pool_client.unwrap_or(false),
        scopes: client.allowed_o_auth_scopes.unwrap_or_default(),
        write_attributes: client.write_attributes.filter(|attributes| !attributes.is_empty()),
        explicit_auth_flows: flows.map(|flows| flows.iter().map(|flow| flow.as_str().to_owned()).collect()),
    }
}
