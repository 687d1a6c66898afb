//! `/callback`: from WorkOS back to Cognito.
//!
//! Until the state has been opened and what it names is served, a browser is shown a page. From then on
//! every failure goes to Cognito as an OAuth error, since the redirect URI is a callback of the pool.

use std::sync::Arc;

use axum::{
    extract::{Extension, RawQuery, State},
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::TenantId,
    oidc::{
        ACCESS_TOKEN_GOOD_FOR, CODE_GOOD_FOR,
        attributes::Claims,
        authorize::{LOGIN_REQUIRED, Refused, cognito_url, oauth_error},
        bearer::{Bearer, BearerKind, BearerScope, ShownBearer},
        callback::{CallbackRequest, WorkosAnswer},
        claims::{belongs_to, claims, subject},
        envelope::SignInState,
        profile::Profile,
        sign_in_log::{SignInEntry, SignInError},
        token::{SignedIn, bound_to},
    },
    serving::ServingClaim,
    timestamp::Timestamp,
};
use causeway_edge::Source;
use causeway_store::{StoredAccess, StoredCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use tracing::{Span, field::display};
use url::Url;

use crate::{
    answer::{Outcome, Refusal, came_to, redirect},
    bridge::Bridge,
    directory::{Asker, KnownTenant, Served},
    endpoint::{Endpoint, TenantEndpoint},
    failure::Failure,
    sign_in_log,
};

/// Sends the browser back to Cognito, with a code or an error.
pub async fn callback(
    State(bridge): State<Arc<Bridge>>,
    TenantEndpoint(tenant): TenantEndpoint,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
) -> Response {
    match way_to_cognito(&bridge, tenant, source, query.as_deref().unwrap_or_default()).await {
        Ok(url) => redirect(&url),
        Err(refusal) => refusal.into_response(),
    }
}

async fn way_to_cognito(bridge: &Bridge, tenant: TenantId, source: Source, query: &str) -> Result<Url, Refusal> {
    let request = CallbackRequest::parse(query).map_err(|refused| match refused {
        Refused::Missing("state") => Refusal::Unsolicited,
        other => other.into(),
    })?;
    let asker = Asker::Browser(source);
    let stored = stored_key(bridge, &tenant, &request.state).await?;
    // The same as to a state that is none, so that nobody learns which tenants exist.
    let known = bridge.directory.tenant(&tenant, asker).await?.ok_or(Refusal::State)?;
    let state = opened(bridge, &known, &request.state, stored.as_ref()).await?;
    Span::current()
        .record("user_pool_id", display(&state.user_pool_id))
        .record("connection_id", display(&state.connection_id));

    let endpoint = Endpoint::new(&bridge.base, tenant, state.connection_id.clone());
    let served = bridge.directory.served(&endpoint, &state.user_pool_id, asker).await?;
    let served = served.ok_or(Refusal::NotServed)?;
    // Again, as a domain that the pool has given up in the last ten minutes may be somebody else's by now.
    if !bridge.may_return_to(&state.redirect_uri, &endpoint, &served).await.map_err(Failure::from)? {
        return Err(Refusal::NotServed);
    }
    let answer = answer(bridge, &endpoint, source, &served, &state, request.answer).await;
    let answer: Vec<(&str, &str)> = answer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    cognito_url(&state.redirect_uri, state.state.as_deref(), &answer).ok_or(Refusal::NotServed)
}

/// The key of a state that lies in the table, where the browser brings one; one that was not made here for this tenant
/// is refused before anything is read.
async fn stored_key(bridge: &Bridge, tenant: &TenantId, shown: &str) -> Result<Option<Bearer>, Refusal> {
    // What is sealed is much longer.
    let Some(shown) = ShownBearer::parse(shown) else { return Ok(None) };
    let key = bridge.bearer_key.get().await?;
    let scope = BearerScope { kind: BearerKind::State, tenant };
    shown.checked(scope, key, (bridge.now)()).map(Some).ok_or(Refusal::State)
}

/// The state that `/authorize` sealed: in what the browser brings, or in the table under `stored`.
async fn opened(
    bridge: &Bridge,
    tenant: &KnownTenant,
    sealed: &str,
    stored: Option<&Bearer>,
) -> Result<SignInState, Refusal> {
    let (id, now) = (&tenant.tenant.id, (bridge.now)());
    let Some(key) = stored else {
        let key = bridge.directory.state_key(tenant).await.map_err(Failure::from)?;
        return SignInState::open(sealed, key, id, now).map_err(|_| Refusal::State);
    };
    let taken = Box::pin(bridge.store.take_state(&key.lookup(), id, now)).await.map_err(Failure::from)?;
    let taken = taken.ok_or(Refusal::State)?;
    SignInState::open_with(&taken.sealed, key, id, now).map_err(|_| Refusal::State)
}

type Parameters = Vec<(&'static str, String)>;

/// What Cognito is told. Each answer that signs nobody in takes one of the attempts of the browser's address: where none
/// are left, WorkOS is not asked and nothing is written.
async fn answer(
    bridge: &Bridge,
    endpoint: &Endpoint,
    source: Source,
    served: &Served,
    state: &SignInState,
    answer: WorkosAnswer,
) -> Parameters {
    let has_attempt = bridge.attempts.take(&source, (bridge.now)());
    let (parameters, error) = match answer {
        WorkosAnswer::Error { error, description } => {
            came_to(Outcome::Refused("by WorkOS"));
            let (error, description) = oauth_error(&error, description.as_deref(), state.prompts);
            let logged = match error {
                LOGIN_REQUIRED => SignInError::LoginRequired,
                "server_error" | "temporarily_unavailable" => SignInError::FailedAtWorkos,
                _ => SignInError::DeniedByWorkos,
            };
            (error_parameters(error, description), logged)
        }
        WorkosAnswer::Code(_) if !has_attempt => {
            came_to(Outcome::Refused("too many attempts"));
            return error_parameters("temporarily_unavailable", AGAIN.to_owned());
        }
        WorkosAnswer::Code(code) => match sign_in(bridge, endpoint, served, state, &code.into()).await {
            Ok(code) => {
                came_to(Outcome::SignedIn);
                bridge.attempts.give_back(&source);
                return vec![("code", code.expose().to_owned())];
            }
            Err(reason) => reason.told(),
        },
    };
    if has_attempt {
        sign_in_log::write_returned(bridge, endpoint, state, error).await;
    }
    parameters
}

fn error_parameters(error: &str, description: String) -> Parameters {
    vec![("error", error.to_owned()), ("error_description", description)]
}

/// What helps where something did not answer in time.
const AGAIN: &str = "the sign-in can not be completed at the moment; try again";

/// What Cognito is told of a failure: what to do about it, and nothing of what was behind it.
fn failed(failure: &Failure) -> (&'static str, &'static str) {
    match failure.sign_in_error() {
        SignInError::NotAvailable => ("temporarily_unavailable", AGAIN),
        SignInError::CodeOfWorkosNotGood => {
            ("access_denied", "the sign-in took too long or was completed before; begin again")
        }
        SignInError::ApiKeyNotGood => ("server_error", "WorkOS does not accept the API key of this tenant"),
        _ => ("server_error", "the sign-in can not be completed"),
    }
}

/// Why a code of WorkOS's becomes none of ours.
enum NotSignedIn {
    /// The profile is not of the connection and organization that were asked for.
    Foreign,
    /// WorkOS's identity provider for tests vouches for the user, and the pool does not name its organization.
    TestProvider,
    /// The profile does not have the ID that is the `sub` of this provider.
    NoSubject,
    /// It was asked for that the user showed of late who they are, and WorkOS does not say so.
    NotRecent,
    /// Something failed.
    Failed(Failure),
}

impl NotSignedIn {
    /// What Cognito is told, and what the log has of it.
    fn told(self) -> (Parameters, SignInError) {
        let (outcome, error, description, logged) = match self {
            Self::Foreign => (
                Outcome::Refused("a profile of another connection or organization"),
                "access_denied",
                "the sign-in came from another connection than the one that was asked for",
                SignInError::AnotherConnection,
            ),
            Self::TestProvider => (
                Outcome::Refused("a profile of WorkOS's identity provider for tests"),
                "access_denied",
                "users of an identity provider for tests are not let in here",
                SignInError::TestProvider,
            ),
            Self::NoSubject => (
                Outcome::Refused("a profile without the ID that is the subject"),
                "access_denied",
                "the identity provider did not send the ID by which this user is known",
                SignInError::NoSubject,
            ),
            Self::NotRecent => (
                Outcome::Refused("nothing says that the user logged in anew"),
                LOGIN_REQUIRED,
                "WorkOS does not say that the user logged in as recently as was asked for",
                SignInError::LoginRequired,
            ),
            Self::Failed(failure) => {
                failure.log();
                let (error, description) = failed(&failure);
                (failure.outcome(), error, description, failure.sign_in_error())
            }
        };
        came_to(outcome);
        (error_parameters(error, description.to_owned()), logged)
    }
}

impl<E: Into<Failure>> From<E> for NotSignedIn {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Redeems WorkOS's code and stores what Cognito will fetch with ours.
async fn sign_in(
    bridge: &Bridge,
    endpoint: &Endpoint,
    served: &Served,
    state: &SignInState,
    code: &SecretString,
) -> Result<Bearer, NotSignedIn> {
    let tenant = &served.tenant.tenant;
    // Before WorkOS's code is spent.
    bridge.bearer_key.get().await?;
    let api_key = bridge.directory.api_key(&served.tenant).await?;
    let (client, verifier) = (&tenant.workos_client_id, state.verifier.as_ref());
    let profile = bridge.workos.redeem_code(client, api_key, code.expose_secret(), verifier).await?;
    let claim = claim_of(&profile, bridge, endpoint, served).await?.ok_or(NotSignedIn::Foreign)?;
    if !served.pool.admits(&profile) {
        // The operator may just have named the Test Organization.
        let pool = bridge.directory.pool_again(endpoint, &served.pool.user_pool_id).await?;
        pool.filter(|pool| pool.admits(&profile)).ok_or(NotSignedIn::TestProvider)?;
    }
    if !state.is_recent_enough(profile.authenticated_at) {
        return Err(NotSignedIn::NotRecent);
    }
    let subject = subject(&profile, claim.subject).ok_or(NotSignedIn::NoSubject)?;
    let domains = bridge.domains(served, &claim, &profile, api_key).await;
    let claims = claims(&profile, subject, &domains, &served.pool.asked_for());
    if !claims.cut.is_empty() {
        tracing::warn!(claims = ?claims.cut, "claims were too long for Cognito and were cut or left out");
    }
    Ok(keep(bridge, endpoint, state, claims, profile.authenticated_at).await?)
}

/// The claim of the sign-in, if the profile is of the connection that was asked for, and of the organization that the
/// claim says this connection belongs to; a claim without one wants a profile without one. A connection that has just
/// got another organization is let through as soon as a run has written that into the claim.
async fn claim_of(
    profile: &Profile,
    bridge: &Bridge,
    endpoint: &Endpoint,
    served: &Served,
) -> Result<Option<Arc<ServingClaim>>, Failure> {
    let connection = &endpoint.connection_id;
    let fits = |claim: &Arc<ServingClaim>| belongs_to(profile, connection, claim.organization_id.as_ref());
    if fits(&served.claim) {
        return Ok(Some(Arc::clone(&served.claim)));
    }
    if profile.connection_id != *connection {
        return Ok(None);
    }
    let claim = bridge.directory.claim_again(endpoint, &served.pool.user_pool_id).await?;
    Ok(claim.filter(fits))
}

/// The claims with those that an ID token has beyond the user's own (OpenID Connect Core, 2).
fn of_id_token(
    mut claims: Map<String, Value>,
    state: &SignInState,
    authenticated_at: Option<Timestamp>,
) -> Map<String, Value> {
    if let Some(nonce) = &state.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    if let Some(at) = authenticated_at {
        claims.insert("auth_time".to_owned(), json!(at.seconds()));
    }
    claims
}

/// Stores the claims twice: for the code, which `/token` takes away with one delete, and for the access
/// token, which is known only to who redeems the code. The log learns beside it that the user is back.
async fn keep(
    bridge: &Bridge,
    endpoint: &Endpoint,
    state: &SignInState,
    claims: Claims,
    authenticated_at: Option<Timestamp>,
) -> Result<Bearer, Failure> {
    let (now, key) = ((bridge.now)(), bridge.bearer_key.get().await?);
    let (code_good_until, access_good_until) = (now.plus(CODE_GOOD_FOR), now.plus(ACCESS_TOKEN_GOOD_FOR));
    let bearer = |kind, end| {
        let scope = BearerScope { kind, tenant: &endpoint.tenant_id };
        Bearer::new((bridge.random)(), end, scope, key)
    };
    let code = bearer(BearerKind::Code(&endpoint.connection_id, &state.user_pool_id), code_good_until)?;
    let access = bearer(BearerKind::Access(&endpoint.connection_id), access_good_until)?;
    let bound_to = bound_to(&endpoint.tenant_id, &state.user_pool_id, &endpoint.connection_id);
    let stored_access = StoredAccess {
        tenant_id: endpoint.tenant_id.clone(),
        user_pool_id: state.user_pool_id.clone(),
        connection_id: endpoint.connection_id.clone(),
        sealed: access.seal(&claims.claims, &bound_to)?,
        expires_at: access_good_until.seconds(),
    };
    let entry = SignInEntry::returned(endpoint.connection_id.clone(), now, bridge.number()).with_claims(&claims);
    let signed_in = SignedIn {
        claims: of_id_token(claims.claims, state, authenticated_at),
        access_token: access.expose().to_owned(),
        access_good_until,
        entry: Some(entry.clone()),
    };
    let stored_code = StoredCode {
        tenant_id: endpoint.tenant_id.clone(),
        user_pool_id: state.user_pool_id.clone(),
        connection_id: endpoint.connection_id.clone(),
        redirect_uri: state.redirect_uri.clone(),
        sealed: code.seal(&signed_in, &bound_to)?,
        expires_at: code_good_until.seconds(),
    };
    let (code_lookup, access_lookup) = (code.lookup(), access.lookup());
    let (code_stored, access_stored, ()) = tokio::join!(
        bridge.store.put_code(&code_lookup, &stored_code),
        bridge.store.put_access(&access_lookup, &stored_access),
        sign_in_log::write(bridge, &endpoint.tenant_id, &state.user_pool_id, &entry),
    );
    code_stored.and(access_stored)?;
    Ok(code)
}
