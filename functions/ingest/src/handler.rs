//! One webhook: believed only by its signature, read only for which event it is.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{RawPathParams, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use causeway_aws::clock;
use causeway_cache::Cache;
use causeway_core::{
    id::TenantId,
    tenant::Purpose,
    timestamp::Timestamp,
    webhook::{Event, Refused, verify_signature_of_one},
};
use causeway_edge::{Limit, Rate, RequestId};
use causeway_queue::{Queue, Timer};
use causeway_store::{SealError, Sealer, Store, StoreError};
use causeway_telemetry::{METRICS, Metric, chain, current_trace_id, cut, measured};
use secrecy::SecretString;
use serde_json::json;

use crate::waker::{NotWoken, Waker, Woken};

/// The largest body that is looked at, in bytes; WorkOS's events are some kilobytes.
const LARGEST: usize = 1_000_000;

/// How many webhooks of a tenant an instance takes, of the route's rate that all tenants share. `WorkOS` delivers what is
/// beyond later.
const OF_A_TENANT: Rate = Rate { burst: 20, per_second: 20 };

/// An endpoint: a tenant and the endpoint's number.
type Endpoint = (TenantId, u32);

/// What a webhook needs.
pub struct Ingest {
    store: Store,
    sealer: Sealer,
    waker: Waker,
    /// The secrets of endpoints, opened. One that was replaced is read again before a signature is refused for it.
    secrets: Cache<Endpoint, Vec<SecretString>>,
    taken: Limit<TenantId>,
}

/// Why a webhook is not answered 200.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("there is no such webhook endpoint")]
    NoEndpoint,
    #[error("the body has more than {LARGEST} bytes")]
    TooLarge,
    #[error("the signature was refused")]
    Refused(#[from] Refused),
    #[error("the body is not an event")]
    NotAnEvent(#[source] serde_json::Error),
    #[error("the tenant's webhooks come too fast")]
    TooMany,
    #[error("the table is not available")]
    Store(#[from] StoreError),
    #[error("the webhook secret could not be opened")]
    Seal(#[from] SealError),
    #[error(transparent)]
    NotWoken(#[from] NotWoken),
}

impl NotTaken {
    /// The status, and what the sender is told: WorkOS delivers again whatever is not 2xx.
    fn answer(&self) -> (StatusCode, String) {
        match self {
            Self::NoEndpoint => (StatusCode::NOT_FOUND, self.to_string()),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, self.to_string()),
            Self::Refused(refused) => (StatusCode::UNAUTHORIZED, refused.to_string()),
            Self::NotAnEvent(_) => (StatusCode::BAD_REQUEST, self.to_string()),
            Self::TooMany | Self::NotWoken(NotWoken::InDoubt) => {
                (StatusCode::TOO_MANY_REQUESTS, format!("{self}: deliver again"))
            }
            Self::Store(_) | Self::Seal(_) | Self::NotWoken(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "not available at the moment: deliver again".to_owned())
            }
        }
    }
}

impl Ingest {
    /// With the table, with what opens the webhook secrets, and with the queues.
    pub fn new(store: Store, sealer: Sealer, queue: Queue, timer: Timer) -> Self {
        let waker = Waker::new(store.clone(), queue, timer);
        Self { store, sealer, waker, secrets: Cache::new(), taken: Limit::new(OF_A_TENANT) }
    }

    /// Answers one webhook and logs what came of it.
    async fn handle(&self, endpoint: Option<Endpoint>, request: Request) -> Response {
        let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
        let tenant_id = endpoint.as_ref().map(|(tenant, _)| tenant.to_string()).unwrap_or_default();
        let trace_id = current_trace_id();
        let (taken, mut metrics) = measured(self.take(endpoint, request)).await;
        metrics.count(metric_of(&taken));
        match taken {
            Ok(Taken { event, woken: Woken { pools: woken, sent } }) => {
                let (event_id, event) = (cut(&event.id), cut(&event.event));
                tracing::info!(
                    target: METRICS, request_id, trace_id, tenant_id, event_id, event, woken, sent, %metrics,
                    "webhook taken"
                );
                Json(json!({ "woken": woken })).into_response()
            }
            Err(error) => {
                let (status, message) = error.answer();
                let (error, code) = (chain(&error), status.as_u16());
                if status.is_server_error() {
                    tracing::error!(
                        target: METRICS, request_id, trace_id, tenant_id, status = code, error, %metrics, "webhook not taken"
                    );
                } else {
                    // What is wrong with a body is said in the body's own words.
                    let error = cut(&error);
                    tracing::warn!(
                        target: METRICS, request_id, trace_id, tenant_id, status = code, error, %metrics, "webhook refused"
                    );
                }
                (status, Json(json!({ "message": message }))).into_response()
            }
        }
    }

    async fn take(&self, endpoint: Option<Endpoint>, request: Request) -> Result<Taken, NotTaken> {
        let endpoint = endpoint.ok_or(NotTaken::NoEndpoint)?;
        let (head, body) = request.into_parts();
        let body: Bytes = to_bytes(body, LARGEST).await.map_err(|_| NotTaken::TooLarge)?;
        let header = head.headers.get("workos-signature").and_then(|header| header.to_str().ok());
        // Without a signature there is nothing to look up for.
        let header = header.ok_or(Refused::Missing)?;
        self.check_signature(&endpoint, header, &body).await?;
        // Only what is signed counts, so that nobody else can use up a tenant's share.
        if !self.taken.take(&endpoint.0, clock::now()) {
            return Err(NotTaken::TooMany);
        }
        let event = Event::read(&body).map_err(NotTaken::NotAnEvent)?;
        let woken =
            if event.is_of_interest() { self.waker.wake_up(&endpoint.0, &event).await? } else { Woken::default() };
        Ok(Taken { event, woken })
    }

    /// Whether one of the endpoint's present or previous secrets has signed the body. Before none has, they are
    /// read once more, at most once a second: one may just have been replaced.
    async fn check_signature(&self, endpoint: &Endpoint, header: &str, body: &[u8]) -> Result<(), NotTaken> {
        let now = clock::now();
        let known = self.secrets.get_or_read(endpoint, now, || self.read_secrets(endpoint, now)).await?;
        match signed_by(known.as_deref(), header, body, now) {
            Err(NotTaken::Refused(Refused::Forged)) => {
                let read = self.secrets.read_again(endpoint, now, || self.read_secrets(endpoint, now)).await?;
                signed_by(read.as_deref(), header, body, now)
            }
            outcome => outcome,
        }
    }

    /// The endpoint's secrets; none where there is no such endpoint.
    async fn read_secrets(
        &self,
        (tenant_id, number): &Endpoint,
        now: Timestamp,
    ) -> Result<Option<Vec<SecretString>>, NotTaken> {
        let Some(tenant) = self.store.listening_tenant(tenant_id).await? else {
            return Ok(None);
        };
        let mut secrets = Vec::new();
        for sealed in tenant.webhook_secrets(*number, now) {
            secrets.push(self.sealer.open(tenant_id, Purpose::WebhookSecret, sealed).await?);
        }
        Ok((!secrets.is_empty()).then_some(secrets))
    }
}

/// Whether one of the secrets has signed the body. Without any there is no endpoint.
fn signed_by(secrets: Option<&Vec<SecretString>>, header: &str, body: &[u8], now: Timestamp) -> Result<(), NotTaken> {
    let secrets = secrets.ok_or(NotTaken::NoEndpoint)?;
    Ok(verify_signature_of_one(Some(header), body, secrets, now)?)
}

/// What counts a webhook, by what became of it.
fn metric_of(taken: &Result<Taken, NotTaken>) -> Metric {
    match taken {
        Ok(_) => Metric::WebhooksTaken,
        Err(NotTaken::NoEndpoint) => Metric::WebhooksRefusedNoEndpoint,
        Err(NotTaken::TooLarge) => Metric::WebhooksRefusedTooLarge,
        Err(NotTaken::Refused(Refused::Missing)) => Metric::WebhooksRefusedUnsigned,
        Err(NotTaken::Refused(Refused::Malformed)) => Metric::WebhooksRefusedMalformed,
        Err(NotTaken::Refused(Refused::TooOld)) => Metric::WebhooksRefusedTooOld,
        Err(NotTaken::Refused(Refused::TooNew)) => Metric::WebhooksRefusedTooNew,
        Err(NotTaken::Refused(Refused::Forged)) => Metric::WebhooksRefusedForged,
        Err(NotTaken::NotAnEvent(_)) => Metric::WebhooksRefusedNotAnEvent,
        Err(NotTaken::TooMany | NotTaken::NotWoken(NotWoken::InDoubt)) => Metric::WebhooksRefusedTooMany,
        Err(NotTaken::Store(_) | NotTaken::Seal(_) | NotTaken::NotWoken(_)) => Metric::WebhooksNotTaken,
    }
}

struct Taken {
    event: Event,
    woken: Woken,
}

/// The webhook endpoints.
pub fn router(ingest: Arc<Ingest>) -> Router {
    Router::new()
        .route("/webhooks/{tenant_id}", post(webhook))
        .route("/webhooks/{tenant_id}/{number}", post(webhook))
        .fallback(async |State(ingest): State<Arc<Ingest>>, request: Request| ingest.handle(None, request).await)
        .with_state(ingest)
}

async fn webhook(State(ingest): State<Arc<Ingest>>, parameters: RawPathParams, request: Request) -> Response {
    let parameter = |wanted: &str| parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let endpoint = parameter("tenant_id").and_then(|tenant| endpoint(tenant, parameter("number")));
    ingest.handle(endpoint, request).await
}

/// The endpoint of a tenant with this number. The first one has none.
fn endpoint(tenant: &str, number: Option<&str>) -> Option<Endpoint> {
    let tenant: TenantId = tenant.parse().ok()?;
    let Some(number) = number else { return Some((tenant, 0)) };
    let parsed: u32 = number.parse().ok().filter(|parsed| *parsed > 0)?;
    // A number is written in one way only.
    (parsed.to_string() == number).then_some((tenant, parsed))
}

#[cfg(test)]
mod tests {
    use causeway_core::timestamp::Timestamp;
    use secrecy::SecretString;
    use serde_json::Value;

    use super::*;

    fn verified(sample: &str) -> Result<(), Refused> {
        let path = format!("{}/../../events/{sample}.json", env!("CARGO_MANIFEST_DIR"));
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let body = event["body"].as_str().unwrap();
        let secret = SecretString::from("whsec_sample".to_owned());
        let header = event["headers"]["workos-signature"].as_str();
        verify_signature_of_one(header, body.as_bytes(), &[secret], Timestamp::from_seconds(1_795_348_801))
    }

    #[test]
    fn a_signature_that_is_out_of_time_is_counted_as_such_whatever_other_secrets_there_are() {
        let path = format!("{}/../../events/ingest-connection-activated.json", env!("CARGO_MANIFEST_DIR"));
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let body = event["body"].as_str().unwrap().as_bytes();
        let header = event["headers"]["workos-signature"].as_str().unwrap();
        let secrets = ["whsec_sample", "whsec_other"].map(|secret| SecretString::from(secret.to_owned()));
        for secrets in [secrets.to_vec(), secrets.iter().rev().cloned().collect()] {
            let metric = |seconds: i64| {
                let signed = signed_by(Some(&secrets), header, body, Timestamp::from_seconds(1_795_348_801 + seconds));
                signed.map_err(|error| metric_of(&Err(error)))
            };
            assert_eq!(metric(0), Ok(()));
            assert_eq!(metric(-310), Err(Metric::WebhooksRefusedTooNew));
            assert_eq!(metric(5 * 86_400), Err(Metric::WebhooksRefusedTooOld));
        }
    }

    #[test]
    fn a_webhook_is_believed_by_its_signature_alone() {
        assert_eq!(verified("ingest-connection-activated"), Ok(()));
        assert_eq!(verified("ingest-forged"), Err(Refused::Forged));
        assert_eq!(verified("ingest-unsigned"), Err(Refused::Missing));
    }

    #[test]
    fn a_path_leads_to_one_endpoint_of_a_tenant_or_nowhere() {
        let tenant = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
        let number = |number: Option<&str>| endpoint(tenant, number).map(|(_, number)| number);
        assert_eq!((number(None), number(Some("12"))), (Some(0), Some(12)));
        for odd in ["", "0", "01", "+1", "more", "4294967296"] {
            assert_eq!(number(Some(odd)), None, "{odd}");
        }
        assert_eq!(endpoint("tnt_1", None), None);
    }

    #[test]
    fn each_webhook_is_counted_once_by_what_became_of_it() {
        let store = StoreError::Conflict { operation: "Query" };
        let seal = SealError::Unreadable {
            owner: causeway_core::tenant::SecretOwner::Tenant("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap()),
            purpose: Purpose::WebhookSecret.as_str(),
        };
        let no_event = Event::read(b"[]").unwrap_err();
        for (refused, metric) in [
            (NotTaken::NoEndpoint, Metric::WebhooksRefusedNoEndpoint),
            (NotTaken::TooLarge, Metric::WebhooksRefusedTooLarge),
            (Refused::Missing.into(), Metric::WebhooksRefusedUnsigned),
            (Refused::Malformed.into(), Metric::WebhooksRefusedMalformed),
            (Refused::TooOld.into(), Metric::WebhooksRefusedTooOld),
            (Refused::TooNew.into(), Metric::WebhooksRefusedTooNew),
            (Refused::Forged.into(), Metric::WebhooksRefusedForged),
            (NotTaken::NotAnEvent(no_event), Metric::WebhooksRefusedNotAnEvent),
            (NotTaken::TooMany, Metric::WebhooksRefusedTooMany),
            (NotWoken::InDoubt.into(), Metric::WebhooksRefusedTooMany),
            (store.into(), Metric::WebhooksNotTaken),
            (seal.into(), Metric::WebhooksNotTaken),
        ] {
            assert_eq!(metric_of(&Err(refused)), metric);
        }
        let event = Event::read(br#"{"id": "event_1", "event": "connection.activated"}"#).unwrap();
        assert_eq!(metric_of(&Ok(Taken { event, woken: Woken::default() })), Metric::WebhooksTaken);
    }
}
