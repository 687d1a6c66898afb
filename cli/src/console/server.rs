//! Serves the console.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use causeway_core::onboarding::Token;
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use maud::Markup;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
};

use super::{
    door::{Asked, Door, LetIn, Refusal},
    policy, views,
};
use crate::{
    api::{Api, random},
    output::now,
};

/// The largest head of a request, in bytes, which holds what cookies other servers of this machine have set.
const LARGEST_HEAD: usize = 64 * 1024;
/// The largest body: a token.
const LARGEST_BODY: usize = 1024;
/// How long a request may take to come.
const COMES_WITHIN: Duration = Duration::from_secs(10);
/// How many connections are served at once; others wait.
const MOST_AT_ONCE: usize = 64;

/// One console.
#[derive(Debug)]
pub struct Console {
    api: Api,
    door: Mutex<Door>,
    /// Told when somebody was let in.
    entered: Notify,
}

impl Console {
    /// One that shows what this API has.
    pub fn new(api: Api, door: Door) -> Self {
        Self { api, door: Mutex::new(door), entered: Notify::new() }
    }

    /// Waits until somebody was let in.
    pub async fn entered(&self) {
        self.entered.notified().await;
    }

    fn door<T>(&self, ask: impl FnOnce(&mut Door) -> T) -> T {
        ask(&mut self.door.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn answered(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        Ok(match self.page(&head, body).await {
            Ok(response) => response,
            Err(refusal) => finished(refusal.status(), &views::refused(refusal)),
        })
    }

    async fn page(&self, head: &Parts, body: Incoming) -> Result<Response<Full<Bytes>>, Refusal> {
        let (asked, root) = self.door(|door| (door.asked(head), door.root()));
        match asked? {
            Asked::Entrance => self.enter(body).await,
            Asked::Place(place) => {
                let (status, page) = views::place(&self.api, &root, &place, now()).await;
                Ok(finished(status, &page))
            }
        }
    }

    async fn enter(&self, body: Incoming) -> Result<Response<Full<Bytes>>, Refusal> {
        let body = tokio::time::timeout(COMES_WITHIN, Limited::new(body, LARGEST_BODY).collect()).await;
        let body = body.ok().and_then(Result::ok).ok_or(Refusal::WrongToken)?.to_bytes();
        let cookie = Token::new(random().map_err(|_| Refusal::WrongToken)?);
        let LetIn { cookie, begins } = self.door(|door| door.enter(&body, Instant::now(), &cookie))?;
        self.entered.notify_one();
        // Not a redirect: it would still be the file's navigation, which a browser takes no `Strict` cookie along on.
        let mut response = finished(StatusCode::OK, &views::entered(&begins));
        let cookie = HeaderValue::from_str(&cookie).map_err(|_| Refusal::WrongToken)?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        Ok(response)
    }
}

fn finished(status: StatusCode, page: &Markup) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(page.0.clone())));
    *response.status_mut() = status;
    response.headers_mut().extend(policy::headers());
    response
}

/// Serves until it is dropped.
pub async fn serve(console: Arc<Console>, listener: TcpListener) -> io::Result<Infallible> {
    let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, or the caller is gone already.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let console = Arc::clone(&console);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let console = Arc::clone(&console);
                async move { console.answered(request).await }
            });
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(COMES_WITHIN).max_buf_size(LARGEST_HEAD);
            // What breaks off concerns who broke it off.
            let _ = connection.keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}
