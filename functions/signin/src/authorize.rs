//! `/authorize`: from Cognito to WorkOS.

use std::sync::Arc;

use axum::{
    extract::{Extension, RawQuery, State},
    response::{IntoResponse, Response},
};
use causeway_core::{
    oidc::{
        authorize::{AuthorizeRequest, Refused, workos_url},
        envelope::SignInState,
    },
    timestamp::Timestamp,
};
use causeway_edge::Source;
use tracing::{Span, field::display};
use url::Url;

use crate::{
    answer::{Outcome, Refusal, came_to, redirect},
    bridge::Bridge,
    directory::Asker,
    endpoint::Endpoint,
    failure::Failure,
};

/// Sends the browser to the sign-in of the connection.
pub async fn authorize(
    State(bridge): State<Arc<Bridge>>,
    endpoint: Endpoint,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
) -> Response {
    match way_to_workos(&bridge, endpoint, Asker::Browser(source), query.as_deref().unwrap_or_default()).await {
        Ok(url) => {
            came_to(Outcome::SentToWorkos);
            redirect(&url)
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn way_to_workos(bridge: &Bridge, endpoint: Endpoint, asker: Asker, query: &str) -> Result<Url, Refusal> {
    let request = AuthorizeRequest::parse(query)?;
    Span::current().record("user_pool_id", display(&request.user_pool_id));
    let served = bridge.directory.served(&endpoint, &request.user_pool_id, asker).await?;
    let served = served.ok_or(Refusal::NotServed)?;
    if !bridge.may_return_to(&request.redirect_uri, &endpoint, &served).await.map_err(Failure::from)? {
        return Err(Refused::NotAllowed("redirect_uri").into());
    }
    let key = bridge.directory.state_key(&served.tenant).await.map_err(Failure::from)?;
    let state = sign_in_state(&request, &endpoint, (bridge.now)());
    let sealed = state.seal(key, &endpoint.tenant_id, bridge.nonce()).map_err(Failure::from)?;
    Ok(workos_url(
        &bridge.workos_url,
        &bridge.base,
        &endpoint.tenant_id,
        &served.tenant.tenant.workos_client_id,
        &endpoint.connection_id,
        &request,
        &sealed,
    ))
}

fn sign_in_state(request: &AuthorizeRequest, endpoint: &Endpoint, at: Timestamp) -> SignInState {
    SignInState {
        user_pool_id: request.user_pool_id.clone(),
        connection_id: endpoint.connection_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        state: request.state.clone(),
        at,
    }
}
