//! `Idempotency-Key`: a `POST` that creates, sent twice, is carried out once. Around the record of changes, so that
//! only what was carried out is recorded.

use std::sync::Arc;

use axum::{
    Extension,
    body::{Body, Bytes, to_bytes},
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response::Parts},
    middleware::Next,
    response::Response,
};
use causeway_aws::clock;
use causeway_core::{
    id::TenantId,
    idempotency::{Answer, IdempotencyKey, Repeated, StoredAnswer, StoredRequest},
    oidc::envelope::Key,
    secret::new_client_secret,
    tenant::Purpose,
};
use causeway_edge::Caller;
use serde::Deserialize;

use crate::{problem::Problem, service::Service};

/// The calls that create something, and so take a key.
pub const CREATES: [&str; 3] =
    ["/v1/tenants", "/v1/tenants/{tenant_id}/user-pools", "/v1/tenants/{tenant_id}/onboarding-links"];

/// The header that carries the key.
pub const KEY: &str = "Idempotency-Key";

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// One attempt at a request that came with a key.
struct Attempt {
    /// Under what the request is stored.
    lookup: String,
    request: StoredRequest,
}

/// Carries out a request that creates something, unless it came with a key and was carried out before.
pub async fn once(
    State(service): State<Arc<Service>>,
    matched: MatchedPath,
    parameters: RawPathParams,
    Extension(Caller(caller)): Extension<Caller>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let creates = request.method() == Method::POST && CREATES.contains(&matched.as_str());
    let Some(key) = key(request.headers()).filter(|_| creates).transpose()? else {
        return Ok(next.run(request).await);
    };
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Problem::invalid("(body)", "the body can't be read"))?;
    let now = service.now();
    let attempt = format!("{:032x}", service.reconciler.sources.number());
    let attempt = Attempt {
        lookup: key.lookup(&caller, head.method.as_str(), head.uri.path()),
        request: StoredRequest::begun(attempt, &body, now),
    };
    match service.store().begin_request(&attempt.lookup, &attempt.request, now).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => return service.repeated(&attempt, &body).await,
        Err(error) => return Err(error.into()),
    }
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    let tenant = parameters.iter().find(|(name, _)| *name == "tenant_id").and_then(|(_, id)| id.parse().ok());
    Ok(service.finish(attempt, tenant, response).await)
}

/// The key of a request, if it has one.
fn key(headers: &HeaderMap) -> Option<Result<IdempotencyKey, Problem>> {
    let mut values = headers.get_all(KEY).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return Some(Err(Problem::invalid(KEY, "it is there twice")));
    }
    Some(IdempotencyKey::parse(value.as_bytes()).map_err(|error| Problem::invalid(KEY, error.to_string())))
}

impl Service {
    /// The answer to a request whose key is in use.
    async fn repeated(&self, attempt: &Attempt, body: &Bytes) -> Result<Response, Problem> {
        let Some(earlier) = self.store().request(&attempt.lookup, self.now()).await? else {
            return Err(Problem::conflict("the request with this Idempotency-Key has just failed: send it again"));
        };
        match earlier.repeated(body) {
            Repeated::OtherBody => Err(Problem::key_of_another_request()),
            Repeated::Running => Err(Problem::conflict(
                "the request with this Idempotency-Key is still carried out: send it again later",
            )),
            Repeated::Answered(stored) => {
                let key = self
                    .reconciler
                    .table
                    .sealer
                    .open(&stored.tenant_id, Purpose::IdempotentAnswer, &stored.key)
                    .await?;
                let answer = Key::from_text(&key).and_then(|key| Answer::open(&stored.sealed, &key, &attempt.lookup));
                answer.map_err(|error| Problem::bug(&error)).map(again)
            }
        }
    }

    /// Stores the answer where the request was carried out, and gives the key back where it was not. Neither can
    /// take the answer back: where it fails, the key is in use until the request is taken for one that broke off.
    async fn finish(&self, attempt: Attempt, tenant: Option<TenantId>, response: Response) -> Response {
        let (head, body) = response.into_parts();
        // What the API answers is in memory already.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let now = self.now();
        let outcome = match sealable(&head, &body, tenant) {
            Some((tenant, answer)) => self.store_answer(attempt, &tenant, &answer).await,
            None => {
                self.store().forget_request(&attempt.lookup, &attempt.request.attempt, now).await.map_err(Into::into)
            }
        };
        if let Err(problem) = outcome {
            tracing::warn!(?problem, "the outcome of a request with an Idempotency-Key was not stored");
        }
        Response::from_parts(head, Body::from(body))
    }

    async fn store_answer(&self, attempt: Attempt, tenant: &TenantId, answer: &Answer) -> Result<(), Problem> {
        let text = new_client_secret(clock::random());
        let sealed = Key::from_text(&text).and_then(|key| answer.seal(&key, clock::random(), &attempt.lookup));
        let stored = StoredAnswer {
            tenant_id: tenant.clone(),
            key: self.reconciler.table.sealer.seal(tenant, Purpose::IdempotentAnswer, &text).await?,
            sealed: sealed.map_err(|error| Problem::bug(&error))?,
        };
        let answered = attempt.request.answered(stored, self.now());
        Ok(self.store().finish_request(&attempt.lookup, &answered).await?)
    }
}

/// What is stored of an answer, and the tenant whose it is: the one of the path, or the one that was made. Only what
/// was carried out has an answer that holds.
fn sealable(head: &Parts, body: &Bytes, tenant: Option<TenantId>) -> Option<(TenantId, Answer)> {
    #[derive(Deserialize)]
    struct Made {
        id: TenantId,
    }
    if !head.status.is_success() {
        return None;
    }
    let made = || serde_json::from_slice::<Made>(body).ok().map(|made| made.id);
    let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let answer = Answer {
        status: head.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        entity_tag: text(header::ETAG),
        body: String::from_utf8(body.to_vec()).ok()?,
    };
    Some((tenant.or_else(made)?, answer))
}

/// An answer that is given again.
fn again(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    for (name, value) in [(header::CONTENT_TYPE, answer.content_type), (header::ETAG, answer.entity_tag)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_once_and_valid_or_the_request_is_refused() {
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(KEY, HeaderValue::from_static(value));
            }
            key(&headers)
        };
        assert!(with(&[]).is_none());
        assert!(with(&["1"]).unwrap().is_ok());
        for faulty in [&[""][..], &["1", "1"], &["a\tb"]] {
            assert!(with(faulty).unwrap().is_err(), "{faulty:?}");
        }
    }

    #[test]
    fn only_an_answer_of_something_that_was_made_is_stored() {
        let head = |status: u16| Response::builder().status(status).body(()).unwrap().into_parts().0;
        let body = Bytes::from_static(br#"{"id":"tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N"}"#);
        let (tenant, answer) = sealable(&head(201), &body, None).unwrap();
        assert_eq!((tenant.as_str(), answer.status), ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", 201));
        for status in [400, 409, 503] {
            assert!(sealable(&head(status), &body, None).is_none(), "{status}");
        }
    }
}
