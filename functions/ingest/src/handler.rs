//! One webhook: believed only by its signature, read only for which event it is.

use causeway_aws::clock;
use causeway_core::{
    id::TenantId,
    tenant::{Purpose, Tenant},
    wake_up::{Cause, WakeUp},
    webhook::{Event, Refused, verify_signature},
};
use causeway_queue::{Deduplication, Queue, QueueError};
use causeway_store::{SealError, Sealer, Store, StoreError};
use causeway_telemetry::{METRICS, Metric, chain, current_trace_id, measured};
use futures::future::try_join_all;
use lambda_http::{Body, Request, RequestExt, Response, http::StatusCode};
use serde_json::json;

/// The largest body that is looked at, in bytes; WorkOS's events are some kilobytes.
const LARGEST: usize = 1_000_000;

/// What a webhook needs.
pub struct Ingest {
    /// The table.
    pub store: Store,
    /// Opens the webhook secrets.
    pub sealer: Sealer,
    /// The queue.
    pub queue: Queue,
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
    #[error("the table is not available")]
    Store(#[from] StoreError),
    #[error("the webhook secret could not be opened")]
    Seal(#[from] SealError),
    #[error("the queue is not available")]
    Queue(#[from] QueueError),
}

impl NotTaken {
    /// The status, and what the sender is told: WorkOS delivers again whatever is not 2xx.
    fn answer(&self) -> (StatusCode, String) {
        match self {
            Self::NoEndpoint => (StatusCode::NOT_FOUND, self.to_string()),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, self.to_string()),
            Self::Refused(refused) => (StatusCode::UNAUTHORIZED, refused.to_string()),
            Self::NotAnEvent(_) => (StatusCode::BAD_REQUEST, self.to_string()),
            Self::Store(_) | Self::Seal(_) | Self::Queue(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "not available at the moment: deliver again".to_owned())
            }
        }
    }
}

impl NotTaken {
    fn metric(&self) -> Metric {
        match self {
            Self::NoEndpoint => Metric::WebhooksRefusedNoEndpoint,
            Self::TooLarge => Metric::WebhooksRefusedTooLarge,
            Self::Refused(Refused::Missing) => Metric::WebhooksRefusedUnsigned,
            Self::Refused(Refused::Malformed) => Metric::WebhooksRefusedMalformed,
            Self::Refused(Refused::TooOld) => Metric::WebhooksRefusedTooOld,
            Self::Refused(Refused::TooNew) => Metric::WebhooksRefusedTooNew,
            Self::Refused(Refused::Forged) => Metric::WebhooksRefusedForged,
            Self::NotAnEvent(_) => Metric::WebhooksRefusedNotAnEvent,
            Self::Store(_) | Self::Seal(_) | Self::Queue(_) => Metric::WebhooksNotTaken,
        }
    }
}

impl Ingest {
    /// Answers one webhook and logs what came of it.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let request_id = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
        let endpoint = endpoint_in(request.uri().path());
        let tenant_id = endpoint.as_ref().map(|(tenant, _)| tenant.to_string()).unwrap_or_default();
        let trace_id = current_trace_id();
        let (taken, mut metrics) = measured(self.take(endpoint, &request)).await;
        metrics.count(taken.as_ref().map_or_else(NotTaken::metric, |_| Metric::WebhooksTaken));
        match taken {
            Ok(Taken { event, woken }) => {
                tracing::info!(
                    target: METRICS, request_id, trace_id, tenant_id, event_id = event.id, event = event.event, woken, %metrics,
                    "webhook taken"
                );
                answer(StatusCode::OK, &json!({ "woken": woken }))
            }
            Err(error) => {
                let (status, message) = error.answer();
                let (error, code) = (chain(&error), status.as_u16());
                if status.is_server_error() {
                    tracing::error!(
                        target: METRICS, request_id, trace_id, tenant_id, status = code, error, %metrics, "webhook not taken"
                    );
                } else {
                    tracing::warn!(
                        target: METRICS, request_id, trace_id, tenant_id, status = code, error, %metrics, "webhook refused"
                    );
                }
                answer(status, &json!({ "message": message }))
            }
        }
    }

    async fn take(&self, endpoint: Option<(TenantId, u32)>, request: &Request) -> Result<Taken, NotTaken> {
        let (tenant_id, number) = endpoint.ok_or(NotTaken::NoEndpoint)?;
        let body: &[u8] = request.body().as_ref();
        if body.len() > LARGEST {
            return Err(NotTaken::TooLarge);
        }
        let header = request.headers().get("workos-signature").and_then(|header| header.to_str().ok());
        // Without a signature there is nothing to look up for.
        let header = header.ok_or(Refused::Missing)?;
        let tenant = self.store.tenant(&tenant_id).await?.ok_or(NotTaken::NoEndpoint)?;
        self.check_signature(&tenant, number, header, body).await?;
        let event: Event = serde_json::from_slice(body).map_err(NotTaken::NotAnEvent)?;
        let woken = if event.is_of_interest() { self.wake_up(&tenant, &event).await? } else { 0 };
        Ok(Taken { event, woken })
    }

    /// Whether one of the endpoint's secrets, of today or of before, has signed the body.
    async fn check_signature(&self, tenant: &Tenant, number: u32, header: &str, body: &[u8]) -> Result<(), NotTaken> {
        let mut refused = NotTaken::NoEndpoint;
        for sealed in tenant.webhook_secrets(number, clock::now()) {
            let secret = self.sealer.open(&tenant.id, Purpose::WebhookSecret, sealed).await?;
            match verify_signature(Some(header), body, &secret, clock::now()) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error.into(),
            }
        }
        Err(refused)
    }

    /// Puts one wake-up per pool of the tenant on the queue.
    async fn wake_up(&self, tenant: &Tenant, event: &Event) -> Result<usize, NotTaken> {
        let pools = self.store.pools(&tenant.id).await?;
        let wake_ups: Vec<WakeUp> = pools
            .into_iter()
            .filter(causeway_core::user_pool::UserPool::is_reconciled)
            .map(|pool| WakeUp { tenant_id: pool.tenant_id, user_pool_id: pool.user_pool_id, cause: Cause::Webhook })
            .collect();
        try_join_all(wake_ups.iter().map(|wake_up| self.queue.wake_up(wake_up, Deduplication::Event(&event.id))))
            .await?;
        Ok(wake_ups.len())
    }
}

struct Taken {
    event: Event,
    woken: usize,
}

/// The tenant and the number of the endpoint that a path leads to. The first one has no number.
fn endpoint_in(path: &str) -> Option<(TenantId, u32)> {
    let rest = path.rsplit_once("/webhooks/")?.1;
    match rest.split_once('/') {
        None => Some((rest.parse().ok()?, 0)),
        Some((tenant, number)) => {
            let parsed: u32 = number.parse().ok().filter(|parsed| *parsed > 0)?;
            // A number is written in one way only.
            (parsed.to_string() == number).then_some((tenant.parse().ok()?, parsed))
        }
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", lambda_http::http::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use causeway_core::timestamp::Timestamp;
    use lambda_http::request::from_str;
    use secrecy::SecretString;

    use super::*;

    fn sample(name: &str) -> Request {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn verified(request: &Request) -> Result<(), Refused> {
        let header = request.headers().get("workos-signature").map(|header| header.to_str().unwrap());
        let secret = SecretString::from("whsec_sample".to_owned());
        verify_signature(header, request.body().as_ref(), &secret, Timestamp::from_seconds(1_795_348_801))
    }

    #[test]
    fn a_webhook_as_api_gateway_hands_it_over_is_believed_by_its_signature_alone() {
        let request = sample("ingest-connection-activated");
        assert!(endpoint_in(request.uri().path()).is_some());
        assert_eq!(verified(&request), Ok(()));
        assert_eq!(verified(&sample("ingest-forged")), Err(Refused::Forged));
        assert_eq!(verified(&sample("ingest-unsigned")), Err(Refused::Missing));
    }

    #[test]
    fn a_path_leads_to_one_endpoint_of_a_tenant_or_nowhere() {
        let tenant = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
        let number = |path: &str| endpoint_in(&path.replace("TENANT", tenant)).map(|(_, number)| number);
        assert_eq!(number("/base/webhooks/TENANT"), Some(0));
        assert_eq!(number("/base/webhooks/TENANT/12"), Some(12));
        for path in [
            "/",
            "/webhooks/",
            "/webhooks/tnt_1",
            "/webhooks/TENANT/",
            "/webhooks/TENANT/0",
            "/webhooks/TENANT/01",
            "/webhooks/TENANT/+1",
            "/webhooks/TENANT/more",
            "/webhooks/TENANT/1/2",
        ] {
            assert_eq!(number(path), None, "{path}");
        }
    }
}
