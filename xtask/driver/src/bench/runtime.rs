//! A Lambda runtime API of the benchmark's own (Lambda: "Using the Lambda runtime API for custom runtimes"), for one
//! function instance: hands it one event after the other and takes its answers.
//!
//! The emulated Lambda adds tens of milliseconds to each call. This adds a fraction of one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use causeway_local_cloud::front::proxy::{End, Handler, Received, Reply, serve};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

const INVOCATIONS: &str = "/2018-06-01/runtime/invocation/";
const INIT_ERROR: &str = "/2018-06-01/runtime/init/error";
/// The function's ARN, which nothing here depends on.
const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:bench";

/// An event that waits for the function to ask for it.
struct Event {
    payload: Bytes,
    deadline: SystemTime,
    answer: oneshot::Sender<Answered>,
}

/// What the function made of an event.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The answer, or the error where it failed.
    pub body: Value,
    /// Whether the function said that it failed.
    pub failed: bool,
    /// When the event was handed out.
    pub begin: Instant,
    /// The same in microseconds since 1970, as calls are recorded.
    pub begin_micros: u64,
    /// When the answer was there.
    pub end: Instant,
    /// The same in microseconds since 1970.
    pub end_micros: u64,
}

impl Answered {
    /// From the event to the answer.
    pub fn took(&self) -> Duration {
        self.end.duration_since(self.begin)
    }
}

/// The event that the function works on.
struct Underway {
    id: String,
    begin: Instant,
    begin_micros: u64,
    answer: oneshot::Sender<Answered>,
}

#[derive(Default)]
struct State {
    number: u64,
    first_asked: Option<Instant>,
    underway: Option<Underway>,
    broken: Option<String>,
}

struct Api {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    state: Mutex<State>,
    /// Told when the function asks for its first event, or fails before.
    asked: Notify,
}

/// The runtime API of one instance, which is there until this is dropped.
pub struct Runtime {
    api: Arc<Api>,
    events: mpsc::UnboundedSender<Event>,
    server: JoinHandle<std::convert::Infallible>,
    /// What the function is told as `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
}

impl Runtime {
    /// Listens on a free port.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen for a function")?;
        let address = listener.local_addr()?.to_string();
        let (events, received) = mpsc::unbounded_channel();
        let api = Api { events: tokio::sync::Mutex::new(received), state: Mutex::default(), asked: Notify::new() };
        let api = Arc::new(api);
        let server = tokio::spawn(serve(listener, Arc::new(Handing(api.clone()))));
        Ok(Self { api, events, server, address })
    }

    /// Hands the function an event, and gives what it made of it within `limit`, which is what the function is told
    /// too.
    pub async fn invoke(&self, payload: &Value, limit: Duration) -> Result<Answered> {
        let (answer, answered) = oneshot::channel();
        let payload = Bytes::from(payload.to_string());
        let event = Event { payload, deadline: SystemTime::now() + limit, answer };
        self.events.send(event).ok().context("the runtime API has ended")?;
        match tokio::time::timeout(limit, answered).await {
            Ok(Ok(answered)) => Ok(answered),
            Ok(Err(_)) => bail!("the function ended over an event: {}", self.broken()),
            Err(_) => bail!("no answer within {} s: {}", limit.as_secs(), self.broken()),
        }
    }

    /// Waits until the function asks for its first event, and tells when it did.
    pub async fn first_asked(&self, limit: Duration) -> Result<Instant> {
        let asked = async {
            loop {
                let told = self.api.asked.notified();
                if let Some(at) = self.api.state().first_asked {
                    return Ok(at);
                }
                if let Some(why) = &self.api.state().broken {
                    bail!("the function did not start: {why}");
                }
                told.await;
            }
        };
        tokio::time::timeout(limit, asked).await.context("the function asks for no event")?
    }

    fn broken(&self) -> String {
        self.api.state().broken.clone().unwrap_or_else(|| "it said nothing".to_owned())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Api {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Reply {
        self.state().first_asked.get_or_insert_with(Instant::now);
        self.asked.notify_waiters();
        let Some(event) = self.events.lock().await.recv().await else {
            return answer(StatusCode::GONE);
        };
        let mut state = self.state();
        state.number += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", state.number);
        let mut reply = answer(StatusCode::OK);
        reply.body = event.payload;
        let mut header = |name: &'static str, value: &str| {
            // Digits, and an ARN: both are good for a header.
            if let Ok(value) = HeaderValue::from_str(value) {
                reply.headers.insert(HeaderName::from_static(name), value);
            }
        };
        header("lambda-runtime-aws-request-id", &id);
        header("lambda-runtime-invoked-function-arn", ARN);
        header("lambda-runtime-deadline-ms", &since_1970(event.deadline).as_millis().to_string());
        let (begin, begin_micros) = now();
        state.underway = Some(Underway { id, begin, begin_micros, answer: event.answer });
        reply
    }

    fn done(&self, id: &str, body: &Bytes, failed: bool) -> Reply {
        let (end, end_micros) = now();
        let mut state = self.state();
        let Some(underway) = state.underway.take_if(|underway| underway.id == id) else {
            return answer(StatusCode::BAD_REQUEST);
        };
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let Underway { begin, begin_micros, answer: told, .. } = underway;
        // Nobody waits any more where the time is over.
        let _ = told.send(Answered { body, failed, begin, begin_micros, end, end_micros });
        answer(StatusCode::ACCEPTED)
    }
}

struct Handing(Arc<Api>);

impl Handler for Handing {
    async fn handle(&self, request: Received) -> End {
        let path = request.path();
        if path == INIT_ERROR {
            self.0.state().broken = Some(String::from_utf8_lossy(&request.body).into_owned());
            self.0.asked.notify_waiters();
            return End::Whole(answer(StatusCode::ACCEPTED));
        }
        let Some(rest) = path.strip_prefix(INVOCATIONS) else {
            return End::Whole(answer(StatusCode::NOT_FOUND));
        };
        End::Whole(match rest.split_once('/') {
            None if rest == "next" => self.0.next().await,
            Some((id, "response")) => self.0.done(id, &request.body, false),
            Some((id, "error")) => self.0.done(id, &request.body, true),
            _ => answer(StatusCode::NOT_FOUND),
        })
    }
}

fn answer(status: StatusCode) -> Reply {
    Reply::new(status, "application/json", String::new())
}

fn now() -> (Instant, u64) {
    let micros = since_1970(SystemTime::now()).as_micros();
    (Instant::now(), u64::try_from(micros).unwrap_or(u64::MAX))
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A function as the runtime API sees it: asks, and answers what `answers` makes of each event.
    async fn function(address: String, events: usize, answers: fn(&Value) -> (&'static str, Value)) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        for _ in 0..events {
            let next = http.get(format!("http://{address}{INVOCATIONS}next")).send().await.unwrap();
            let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
            let (id, deadline) = (header("lambda-runtime-aws-request-id"), header("lambda-runtime-deadline-ms"));
            assert!(deadline.parse::<u128>().unwrap() > since_1970(SystemTime::now()).as_millis());
            let (path, body) = answers(&next.json().await.unwrap());
            let url = format!("http://{address}{INVOCATIONS}{id}/{path}");
            assert_eq!(http.post(url).json(&body).send().await.unwrap().status(), 202);
        }
    }

    #[tokio::test]
    async fn events_are_handed_out_in_order_and_each_gets_its_own_answer() {
        let runtime = Runtime::listen().await.unwrap();
        let events = [json!({"number": 1}), json!({"number": 2})];
        let answers = |event: &Value| match event["number"].as_u64() {
            Some(1) => ("response", json!({"was": 1})),
            _ => ("error", json!({"errorMessage": "no"})),
        };
        let function = tokio::spawn(function(runtime.address.clone(), 2, answers));
        let (first, second) =
            tokio::try_join!(runtime.invoke(&events[0], LIMIT), runtime.invoke(&events[1], LIMIT)).unwrap();
        function.await.unwrap();
        assert_eq!((first.body, first.failed), (json!({"was": 1}), false));
        assert_eq!((second.body, second.failed), (json!({"errorMessage": "no"}), true));
        assert!(first.end <= second.begin && first.begin_micros <= first.end_micros);
    }

    #[tokio::test]
    async fn an_answer_to_an_event_that_nobody_asked_about_is_refused() {
        let runtime = Runtime::listen().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}{INVOCATIONS}made-up/response", runtime.address);
        assert_eq!(http.post(url).body("{}").send().await.unwrap().status(), 400);
    }

    #[tokio::test]
    async fn a_function_that_cannot_start_is_an_error_that_says_why() {
        let runtime = Runtime::listen().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let told = http.post(format!("http://{}{INIT_ERROR}", runtime.address)).body("TABLE_NAME is not set");
        let (asked, _) = tokio::join!(runtime.first_asked(LIMIT), told.send());
        assert!(format!("{:#}", asked.unwrap_err()).contains("TABLE_NAME"));
    }
}
