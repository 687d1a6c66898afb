//! The strict front: stands before the emulated AWS and the emulated `WorkOS`, and is as strict as the real
//! ones where the emulators forgive.
//!
//! It passes every request on with its bytes and its `Host` header as they came, since signatures cover them.
//! Of Cognito it refuses what AWS's service model refuses and what Cognito's own rules refuse, throttles, and
//! replaces what an update leaves out, by calls of its own. It keeps a record of all calls, and has things go
//! wrong on purpose where a test asks for it. Tests speak to it through [`control::Control`].

pub mod control;
pub mod faults;
pub mod model;
pub mod program;
pub mod proxy;
pub mod record;

mod authorize;
mod cognito;
mod emulator;
mod hidden;
mod places;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http::{Method, StatusCode};
use serde_json::Value;

use self::authorize::Asked;
use self::cognito::{Cognito, Refusal};
use self::emulator::Emulator;
use self::faults::{AllFaults, Fate};
use self::hidden::Hidden;
use self::model::Model;
use self::places::{Credential, Places};
use self::proxy::{End, Handler, Received, Reply, Upstream};
use self::record::{Call, Record};

/// How long `WorkOS` has a caller wait that it throttles on purpose, in seconds.
const RETRY_AFTER: &str = "1";

/// How a service refuses on purpose.
struct Refusals {
    throttled: Reply,
    denied: Reply,
}

/// Both sides' record and faults, and what `WorkOS` does not list.
#[derive(Debug, Default)]
struct Shared {
    record: Record,
    faults: AllFaults,
    hidden: Hidden,
}

impl Shared {
    /// Answers by `answer`, or as the request's fate has it, and records how it ended.
    async fn play<A>(&self, mut call: Call, fate: Fate, refusals: Refusals, answer: A) -> End
    where
        A: Future<Output = Result<(Reply, Option<String>)>> + Send,
    {
        let failed = |status: StatusCode| Reply::new(status, "text/plain", "wrong on purpose".to_owned());
        let end = match fate {
            Fate::Throttled => End::Whole(refusals.throttled),
            Fate::Denied => End::Whole(refusals.denied),
            Fate::Reset { late: false } => End::Cut,
            Fate::Error { late: false } => End::Whole(failed(StatusCode::INTERNAL_SERVER_ERROR)),
            _ => {
                if let Fate::Slow(wait) = fate {
                    tokio::time::sleep(wait).await;
                }
                let least = if let Fate::Takes(least) = fate { least } else { Duration::ZERO };
                let (answered, ()) = tokio::join!(answer, tokio::time::sleep(least));
                let (reply, refused) = answered.unwrap_or_else(|error| {
                    let text = format!("the front can't answer: {error:#}");
                    (Reply::new(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", text.clone()), Some(text))
                });
                call.refused = refused;
                match fate {
                    Fate::Reset { .. } => End::Cut,
                    Fate::Error { .. } => End::Whole(failed(StatusCode::INTERNAL_SERVER_ERROR)),
                    Fate::Truncated => End::Half(reply),
                    _ => End::Whole(reply),
                }
            }
        };
        if !matches!(fate, Fate::Normal | Fate::Takes(_)) && call.refused.is_none() {
            call.refused = Some(format!("{fate:?} on purpose"));
        }
        call.status = match &end {
            End::Whole(reply) | End::Half(reply) => reply.status.as_u16(),
            End::Cut => 0,
        };
        self.record.add(call);
        end
    }
}

/// Before the emulated AWS.
#[derive(Debug)]
struct Aws {
    shared: Arc<Shared>,
    upstream: Upstream,
    emulator: Arc<Emulator>,
    places: Arc<Places>,
    cognito: Cognito,
}

impl Aws {
    fn new(shared: Arc<Shared>, endpoint: &str, model: Value) -> Result<Self> {
        let (emulator, places) = (Arc::new(Emulator::new(endpoint)), Arc::new(Places::default()));
        let cognito = Cognito::new(Model::new(model)?, emulator.clone(), places.clone());
        Ok(Self { shared, upstream: Upstream::new(endpoint)?, emulator, places, cognito })
    }

    async fn answer(&self, request: Received) -> Result<(Reply, Option<String>)> {
        if request.header("x-amz-target").starts_with(cognito::TARGET) {
            let (reply, refusal) = self.cognito.answer(&request, &self.upstream).await?;
            return Ok((reply, refusal.map(|refusal| format!("{}: {}", refusal.kind, refusal.message))));
        }
        if request.path() == authorize::PATH {
            return Ok(match authorize::ask(request, &self.emulator, &self.places).await? {
                Asked::PassOn(request) => (self.upstream.send(&request).await?, None),
                Asked::Refused(reply) => (reply, Some("the app client does not offer it".to_owned())),
            });
        }
        let reply = self.upstream.send(&request).await?;
        if query_action(&request).as_deref() == Some("AssumeRole") {
            self.places.learn_session(&request, &reply);
        }
        Ok((reply, None))
    }
}

impl Handler for Aws {
    async fn handle(&self, request: Received) -> End {
        if request.path().starts_with(control::PATH) {
            return End::Whole(control::answer(&request, &self.shared, &self.cognito));
        }
        let service = Credential::of(&request).service;
        let target = request.header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let operation = if target.is_empty() {
            query_action(&request).unwrap_or_else(|| format!("{} {}", request.method, request.path()))
        } else {
            target
        };
        let about = form_decoded(&request);
        let fate = self.shared.faults.fate(&service, &about);
        let mut call = Call::new(&service, &operation, &about);
        call.passed_over = self.cognito.passed_over(&operation, &request);
        let refusals = Refusals { throttled: Refusal::throttled().reply(), denied: Refusal::denied().reply() };
        self.shared.play(call, fate, refusals, self.answer(request)).await
    }
}

/// The action of a query API's form.
fn query_action(request: &Received) -> Option<String> {
    let is_form = request.header("content-type").starts_with("application/x-www-form-urlencoded");
    let mut form = url::form_urlencoded::parse(&request.body);
    is_form.then(|| form.find(|(name, _)| name == "Action").map(|(_, value)| value.into_owned())).flatten()
}

/// A request's body as text that names can be found in.
fn form_decoded(request: &Received) -> String {
    if query_action(request).is_none() {
        return String::from_utf8_lossy(&request.body).into_owned();
    }
    let pairs = url::form_urlencoded::parse(&request.body);
    pairs.map(|(name, value)| [&name, "=", &value].concat()).collect::<Vec<_>>().join("\n")
}

/// The client secret that a request has in its body, as one for tokens does.
fn client_secret(request: &Received) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    body["client_secret"].as_str().map(str::to_owned)
}

/// Before the emulated `WorkOS`.
#[derive(Debug)]
struct WorkOs {
    shared: Arc<Shared>,
    upstream: Upstream,
}

impl Handler for WorkOs {
    async fn handle(&self, request: Received) -> End {
        let about = format!("{} {} {}", request.header("authorization"), request.method, request.target);
        let operation = format!("{} {}", request.method, request.path());
        let refusal = |status, message: &str| {
            Reply::new(status, "application/json", serde_json::json!({"message": message}).to_string())
        };
        // A code is redeemed with the API key as the client secret, and refused in OAuth's words.
        let client_secret = client_secret(&request);
        let of_client = client_secret.as_ref().map(|key| format!("{key} {about}"));
        let fate = self.shared.faults.fate("workos", of_client.as_deref().unwrap_or(&about));
        let denied = match client_secret {
            Some(_) => {
                let body =
                    serde_json::json!({"error": "invalid_client", "error_description": "Invalid client secret."});
                Reply::new(StatusCode::UNAUTHORIZED, "application/json", body.to_string())
            }
            None => refusal(StatusCode::UNAUTHORIZED, "Unauthorized"),
        };
        let mut throttled = refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
        throttled.headers.insert("retry-after", http::HeaderValue::from_static(RETRY_AFTER));
        let refusals = Refusals { throttled, denied };
        let answer = async {
            let reply = self.upstream.send(&request).await?;
            let is_list = request.method == Method::GET && request.path() == "/connections";
            Ok((if is_list { self.shared.hidden.left_out_of(reply)? } else { reply }, None))
        };
        self.shared.play(Call::new("workos", &operation, &about), fate, refusals, answer).await
    }
}
