//! `/authorize`: from Cognito to WorkOS.

use std::sync::Arc;

use axum::{
    extract::{Extension, RawQuery, State},
    response::{IntoResponse, Response},
};
use causeway_core::{
    oidc::{
        STATE_GOOD_FOR,
        authorize::{AuthorizeRequest, LOGIN_REQUIRED, Prompt, Refused, cognito_url},
        bearer::{Bearer, BearerKind, BearerScope},
        envelope::SignInState,
        outward::WayToWorkos,
        pkce::PkceVerifier,
    },
    timestamp::Timestamp,
};
use causeway_edge::Source;
use causeway_store::StoredState;
use tracing::{Span, field::display};
use url::Url;

use crate::{
    answer::{Outcome, Refusal, came_to, redirect},
    bridge::Bridge,
    directory::Asker,
    endpoint::Endpoint,
    failure::Failure,
};

/// Sends the browser to the sign-in of the connection. An ordinary one costs no call: the state goes along, unless it is
/// too long.
pub async fn authorize(
    State(bridge): State<Arc<Bridge>>,
    endpoint: Endpoint,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
) -> Response {
    match way(&bridge, endpoint, source, query.as_deref().unwrap_or_default()).await {
        Ok(Way::Workos(url)) => {
            came_to(Outcome::SentToWorkos);
            redirect(&url)
        }
        Ok(Way::Cognito(url, outcome)) => {
            came_to(outcome);
            redirect(&url)
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Where the browser goes.
enum Way {
    /// On to WorkOS.
    Workos(Url),
    /// Back to Cognito with an OAuth error, since the redirect URI is a callback of the pool.
    Cognito(Url, Outcome),
}

async fn way(bridge: &Bridge, endpoint: Endpoint, source: Source, query: &str) -> Result<Way, Refusal> {
    let request = AuthorizeRequest::parse(query)?;
    Span::current().record("user_pool_id", display(&request.user_pool_id));
    let served = bridge.directory.served(&endpoint, &request.user_pool_id, Asker::Browser(source)).await?;
    let served = served.ok_or(Refusal::NotServed)?;
    if !bridge.may_return_to(&request.redirect_uri, &endpoint, &served).await.map_err(Failure::from)? {
        return Err(Refused::NotAllowed("redirect_uri").into());
    }
    if request.prompt == Prompt::Never {
        let outcome = Outcome::Refused("to sign in without a prompt");
        return back(&request, LOGIN_REQUIRED, "a user can not be signed in here without being asked", outcome);
    }
    let verifier = PkceVerifier::new((bridge.random)());
    let state = sign_in_state(&request, &endpoint, verifier.clone(), (bridge.now)());
    let key = bridge.directory.state_key(&served.tenant).await.map_err(Failure::from)?;
    let sealed = state.seal(key, &endpoint.tenant_id, bridge.nonce()).map_err(Failure::from)?;
    let way = WayToWorkos {
        workos: &bridge.workos_url,
        base: &bridge.base,
        tenant: &endpoint.tenant_id,
        client: &served.tenant.tenant.workos_client_id,
        connection: &endpoint.connection_id,
        request: &request,
        verifier: &verifier,
    };
    if let Some(url) = way.with_state(&sealed) {
        return Ok(Way::Workos(url));
    }
    if let Some(key) = stored(bridge, &endpoint, source, &state).await? {
        return Ok(Way::Workos(way.with_key(key.expose())));
    }
    let description = "too many sign-ins with so long a state; try again";
    back(&request, "temporarily_unavailable", description, Outcome::Refused("too many long states"))
}

/// The key of a state that is too long to go through the browser, and now lies in the table; none where too many were
/// stored of late.
async fn stored(
    bridge: &Bridge,
    endpoint: &Endpoint,
    source: Source,
    state: &SignInState,
) -> Result<Option<Bearer>, Failure> {
    let (now, pool) = ((bridge.now)(), (endpoint.tenant_id.clone(), state.user_pool_id.clone()));
    if !bridge.states_of_source.take(&source, now) || !bridge.states_of_pool.take(&pool, now) {
        return Ok(None);
    }
    let (key, end) = (bridge.bearer_key.get().await?, now.plus(STATE_GOOD_FOR));
    let scope = BearerScope { kind: BearerKind::State, tenant: &endpoint.tenant_id };
    let bearer = Bearer::new((bridge.random)(), end, scope, key)?;
    let stored = StoredState {
        tenant_id: endpoint.tenant_id.clone(),
        sealed: state.seal_for(&bearer, &endpoint.tenant_id)?,
        expires_at: end.seconds(),
    };
    // Boxed, as a call to a service is large.
    Box::pin(bridge.store.put_state(&bearer.lookup(), &stored)).await?;
    Ok(Some(bearer))
}

fn back(request: &AuthorizeRequest, error: &str, description: &str, outcome: Outcome) -> Result<Way, Refusal> {
    let answer = [("error", error), ("error_description", description)];
    let url = cognito_url(&request.redirect_uri, request.state.as_deref(), &answer);
    url.map(|url| Way::Cognito(url, outcome)).ok_or(Refusal::NotServed)
}

fn sign_in_state(
    request: &AuthorizeRequest,
    endpoint: &Endpoint,
    verifier: PkceVerifier,
    at: Timestamp,
) -> SignInState {
    SignInState {
        user_pool_id: request.user_pool_id.clone(),
        connection_id: endpoint.connection_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        state: request.state.clone(),
        nonce: request.nonce.clone(),
        prompts: request.prompts(),
        max_age: request.max_age,
        verifier: Some(verifier),
        at,
    }
}
