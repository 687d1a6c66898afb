//! A tenant with a pool and a connection, and the bridge in front of them.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_cache::Cache;
use causeway_core::{
    audit::{AuditRecord, Change},
    claim::Claim,
    connection::{DomainState, Organization, OrganizationDomain},
    decisions::Decisions,
    guard::Held,
    id::{ConnectionId, TenantId, UserPoolId},
    oidc::bearer::{Bearer, BearerKind, BearerScope},
    organization::{KnownOrganization, OrganizationReads},
    provider::{BaseUrl, Issuer},
    secret::SecretHash,
    tenant::{Purpose, SecretOwner, Tenant},
    timestamp::Timestamp,
    unknown::Unknown,
    user_pool::{PoolOptions, PoolStatus, RunState, UserPool},
    wake_up::Cause,
};
use causeway_edge::{Door, Edge, Limit, RequestId};
use causeway_store::{Sealer, Store};
use causeway_workos::Workos;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{
    aws::{Aws, sealed},
    log::keep,
    workos::WorkosServer,
};
use crate::{
    bearer_key::BearerKeys,
    bridge::{ATTEMPTS, Bridge, SHOWN, STATES_OF_POOL, STATES_OF_SOURCE},
    directory::Directory,
    handler::router,
    signer::Signer,
};

pub const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
pub const POOL: &str = "eu-west-1_Pool";
pub const CONNECTION: &str = "conn_01E4ZCR3C56J083X43JQXF3JK5";
pub const OTHER_CONNECTION: &str = "conn_01E4ZCR3C56J083X43JQXF3JK6";
pub const CALLBACK: &str = "https://a.auth.eu-west-1.amazoncognito.com/oauth2/idpresponse";
pub const SECRET: &str = "the client secret";
/// The deployment's key of codes and access tokens.
pub const BEARER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
/// Where requests come from unless a test says otherwise.
pub const HOME: &str = "192.0.2.1";

/// How long a key is published before it signs.
pub const LEAD: Duration = Duration::from_mins(15);

thread_local! {
    // One test is one thread, so that each has a clock of its own.
    static NOW: Cell<i64> = const { Cell::new(1_763_000_000_000) };
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

pub fn now() -> Timestamp {
    Timestamp::from_millis(NOW.get())
}

fn random() -> [u8; 32] {
    DRAWN.set(DRAWN.get() + 1);
    let drawn = DRAWN.get().to_be_bytes();
    std::array::from_fn(|index| drawn[index % 8])
}

/// Lets time pass.
pub fn pass(duration: Duration) {
    NOW.set(NOW.get() + i64::try_from(duration.as_millis()).unwrap());
}

/// An answer of the bridge.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// A parameter of the URL that the browser is sent to.
    pub fn sent_with(&self, name: &str) -> Option<String> {
        let url: Url = self.headers["location"].to_str().unwrap().parse().unwrap();
        url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }
}

/// The parts and what stands around them.
pub struct World {
    pub aws: Aws,
    pub workos: WorkosServer,
    pub store: Store,
    pub bridge: Arc<Bridge>,
    keys: Vec<String>,
    workos_url: Url,
    edge: Edge,
    base: BaseUrl,
    /// Where requests come from.
    source: RefCell<String>,
}

impl World {
    /// A tenant with a pool and a claim, and a user who can sign in.
    pub async fn new() -> Self {
        Self::with_keys(&["first"]).await
    }

    /// The same, whose ID tokens are signed by one of these keys.
    pub async fn with_keys(keys: &[&str]) -> Self {
        keep();
        let (aws, workos) = (Aws::default(), WorkosServer::default());
        for arn in keys {
            aws.has_key(arn, 1_000_000_000);
        }
        let workos_url = workos.start().await;
        let world = Self::over(aws, workos, workos_url, keys.iter().map(|arn| (*arn).to_owned()).collect());
        let key = sealed(SecretOwner::Deployment, Purpose::BearerKey, BEARER_KEY);
        world.store.put_bearer_key(&key).await.unwrap();
        world.store.create_tenant(&tenant(), &registration()).await.unwrap();
        world.store.create_pool(&pool(), None).await.unwrap();
        world.put_claim(CONNECTION, SECRET).await;
        world.workos.has_profile(Some(profile()));
        world.workos.has_organization(Some(json!({
            "id": "org_1", "name": "a", "domains": [{ "id": "d", "domain": "example.com", "state": "verified" }],
        })));
        world.bridge.bearer_key.get().await.unwrap();
        world.aws.calls();
        world
    }

    /// An instance that knows nothing yet.
    fn over(aws: Aws, workos: WorkosServer, workos_url: Url, keys: Vec<String>) -> Self {
        let configuration = aws.configuration();
        let store = Store::new(&configuration, "table".to_owned());
        let sealer = Sealer::new(&configuration, "sealing".to_owned());
        let base = BaseUrl::parse("https://login.example.com").unwrap();
        let bridge = Arc::new(Bridge {
            base: base.clone(),
            workos: Workos::new(workos_url.clone()).unwrap(),
            workos_url: workos_url.clone(),
            organizations: Cache::new(),
            local_callback: None,
            directory: Directory::new(store.clone(), sealer.clone(), now),
            bearer_key: BearerKeys::new(store.clone(), sealer, now, random),
            signer: Signer::new(&configuration, keys.clone(), LEAD, now),
            shown: Limit::new(SHOWN),
            attempts: Limit::new(ATTEMPTS),
            states_of_source: Limit::new(STATES_OF_SOURCE),
            states_of_pool: Limit::new(STATES_OF_POOL),
            store: store.clone(),
            now,
            random,
        });
        let source = RefCell::new(HOME.to_owned());
        let edge = Edge::new(router(Arc::clone(&bridge)), &base, Door::Open);
        Self { aws, workos, store, bridge, keys, workos_url, edge, base, source }
    }

    /// Another instance of the function, which has not started yet.
    pub fn another_instance(&self) -> Self {
        Self::over(self.aws.clone(), self.workos.clone(), self.workos_url.clone(), self.keys.clone())
    }

    /// Another instance, to which WorkOS is somewhere else.
    pub fn instance_with_workos_at(&self, url: &str) -> Self {
        Self::over(self.aws.clone(), self.workos.clone(), url.parse().unwrap(), self.keys.clone())
    }

    /// Has requests come from this address from now on.
    pub fn is_asked_from(&self, address: &str) {
        address.clone_into(&mut self.source.borrow_mut());
    }

    /// A code for `connection` and the pool as this deployment makes them, though nobody has signed in.
    pub async fn unknown_code(&self, connection: &str) -> String {
        let (tenant, connection, pool) = (TENANT.parse().unwrap(), connection.parse().unwrap(), user_pool_id());
        let scope = BearerScope { kind: BearerKind::Code(&connection, &pool), tenant: &tenant };
        let key = self.bridge.bearer_key.get().await.unwrap();
        Bearer::new(random(), now().plus(Duration::from_mins(1)), scope, key).unwrap().expose().to_owned()
    }

    /// Writes the claim of a connection, with one live secret.
    pub async fn put_claim(&self, connection: &str, secret: &str) -> Claim {
        let (tenant, connection): (TenantId, ConnectionId) = (TENANT.parse().unwrap(), connection.parse().unwrap());
        let issuer = Issuer::new(&self.base, &tenant, &connection);
        let mut claim = Claim::intended(tenant, connection, Some("org_1".parse().unwrap()), issuer);
        claim.organization = Some(known("org_1", "example.com"));
        let hash = SecretHash::of(&SecretString::from(secret.to_owned()));
        claim.secrets.intend(hash.clone());
        claim.secrets.confirm(&hash, now());
        self.store.put_claim(&user_pool_id(), &claim).await.unwrap()
    }

    /// The claim of `CONNECTION` as it stands.
    pub async fn claim(&self) -> Claim {
        let claims = self.store.claims(&user_pool_id()).await.unwrap().items;
        claims.into_iter().find(|claim| claim.connection_id.as_str() == CONNECTION).unwrap()
    }

    /// Replaces the pool.
    pub async fn put_pool(&self, pool: &UserPool) {
        self.store.create_pool(pool, None).await.unwrap();
    }

    /// The bridge's answer to an event of the HTTP API.
    pub async fn answer(&self, event: &Value) -> Answer {
        let mut event = event.clone();
        event["requestContext"]["http"]["sourceIp"] = json!(*self.source.borrow());
        let answer = self.edge.answer(&event.to_string(), RequestId("id".to_owned())).await;
        let headers = answer.headers.iter();
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Answer { status: answer.status_code, headers, body: answer.body }
    }

    /// `GET` of a path below `/oidc/{TENANT}`.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.answer(&event("GET", &format!("/oidc/{TENANT}{path}"), &query, &json!({}), "")).await
    }

    /// `/authorize` as Cognito asks.
    pub async fn authorize(&self, connection: &str, redirect_uri: &str) -> Answer {
        let query = [
            ("client_id", POOL),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", "of Cognito"),
        ];
        self.get(&format!("/{connection}/authorize"), &query).await
    }

    /// The code that Cognito gets for a user of `CONNECTION`.
    pub async fn code(&self) -> String {
        let state = self.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
        let answer = self.get("/callback", &[("code", "code of WorkOS"), ("state", &state)]).await;
        answer.sent_with("code").unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// `/token` as Cognito asks.
    pub async fn token(&self, connection: &str, code: &str, secret: &str) -> Answer {
        self.post_form(&format!("/{connection}/token"), &token_form(code, secret)).await
    }

    /// `POST` of a form to a path below `/oidc/{TENANT}`.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = json!({ "content-type": "application/x-www-form-urlencoded" });
        self.answer(&event("POST", &format!("/oidc/{TENANT}{path}"), "", &headers, &form)).await
    }

    /// `/userinfo` with an `Authorization` header.
    pub async fn userinfo(&self, connection: &str, authorization: &str) -> Answer {
        let path = format!("/oidc/{TENANT}/{connection}/userinfo");
        self.answer(&event("GET", &path, "", &json!({ "authorization": authorization }), "")).await
    }
}

/// The form of a token request.
pub fn token_form<'a>(code: &'a str, secret: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", POOL),
        ("client_secret", secret),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ]
}

/// The route that API Gateway matches.
fn route_key(method: &str, path: &str) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let route = match segments.as_slice() {
        ["oidc", _, "callback"] => "/oidc/{tenant_id}/callback".to_owned(),
        ["oidc", _, _, rest @ ..] => format!("/oidc/{{tenant_id}}/{{connection_id}}/{}", rest.join("/")),
        [first @ ("start" | "discover"), ..] => format!("/{first}/{{tenant_id}}/{{user_pool_id}}"),
        _ => path.to_owned(),
    };
    format!("{method} {route}")
}

/// An event as the HTTP API sends it (payload format 2.0), with its body in base64.
pub fn event(method: &str, path: &str, query: &str, headers: &Value, body: &str) -> Value {
    let route = route_key(method, path);
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "111111111111",
            "apiId": "api",
            "domainName": "login.example.com",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test",
            },
            "requestId": "id",
            "routeKey": route,
            "stage": "$default",
            "time": "12/Nov/2025:00:00:00 +0000",
            "timeEpoch": 1_763_000_000_000_i64,
        },
        "body": STANDARD.encode(body),
        "isBase64Encoded": true,
    })
}

/// What a claim keeps of an organization with one verified domain.
pub fn known(id: &str, domain: &str) -> KnownOrganization {
    let domain = OrganizationDomain { domain: domain.to_owned(), state: DomainState::Verified };
    let organization = Organization { id: id.parse().unwrap(), name: None, domains: vec![domain] };
    KnownOrganization::of(&organization.id, std::slice::from_ref(&organization))
}

/// The profile of the user.
pub fn profile() -> Value {
    json!({
        "id": "prof_1", "connection_id": CONNECTION, "organization_id": "org_1", "idp_id": "idp_1",
        "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee",
    })
}

pub fn user_pool_id() -> UserPoolId {
    POOL.parse().unwrap()
}

fn tenant() -> Tenant {
    let id: TenantId = TENANT.parse().unwrap();
    Tenant {
        name: "a".to_owned().try_into().unwrap(),
        contact: None,
        external_id: "external".parse().unwrap(),
        former_external_id: None,
        workos_client_id: "client_1".parse().unwrap(),
        workos_api_key: Some(sealed(&id, Purpose::WorkosApiKey, "workos key")),
        webhook_endpoint_id: None,
        webhook_secret: None,
        webhook_number: 0,
        former_webhooks: Vec::new(),
        removing_since: None,
        sign_in_state_key: sealed(&id, Purpose::SignInState, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        created_at: now(),
        updated_at: now(),
        version: 1,
        unknown: Unknown::default(),
        id,
    }
}

/// The pool as it is at first.
fn registration() -> AuditRecord {
    let id = tenant().id;
    let (caller, method, path) = ("an operator", "POST", "/v1/tenants");
    AuditRecord::begun(Change { caller, method, path, tenant_id: &id, user_pool_id: None }, now(), 1)
}

pub fn pool() -> UserPool {
    let mut run = RunState::new(now());
    run.callbacks = vec![CALLBACK.to_owned()];
    run.organizations = OrganizationReads::after(Cause::Schedule, Duration::from_mins(15), now());
    UserPool {
        tenant_id: TENANT.parse().unwrap(),
        user_pool_id: user_pool_id(),
        account_id: "222222222222".parse().unwrap(),
        registered_by: None,
        role_name: "Causeway".parse().unwrap(),
        status: PoolStatus::Active,
        removal: None,
        options: PoolOptions::default(),
        awaits_admission: false,
        created_at: now(),
        updated_at: now(),
        version: 1,
        run,
        held: Held::new(),
        decisions: Decisions::default(),
        due_at: None,
        unknown: Unknown::default(),
    }
}
