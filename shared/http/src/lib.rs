//! HTTP/1.1 with and without TLS, as the functions speak it to AWS and to WorkOS.
//!
//! One client for both, with no more in it than they need: what an SDK's own client and a general one bring along
//! would be a quarter of a function.

mod connect;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};

use self::connect::Connector;

/// A request that got no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection could be made, so nothing was sent.
    #[error("no connection could be made")]
    Unreachable(#[source] legacy::Error),
    /// The connection ended before the answer began.
    #[error("no answer came")]
    Unanswered(#[source] legacy::Error),
    /// The connection ended before the answer did.
    #[error("the answer broke off")]
    BrokenOff(#[source] hyper::Error),
    /// The answer is larger than who asked reads.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// A client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(legacy::Client<Connector, Full<Bytes>>);

impl Client {
    /// A client that takes as long as `connecting` for a connection, TLS with it, and keeps an unused one for `idle`.
    pub fn new(connecting: Duration, idle: Duration) -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(idle);
        Self(builder.build(Connector::new(connecting)))
    }

    /// Sends a request. A redirect is an answer as any other. A request goes to another connection where the one that
    /// it was for turns out to be closed before anything was sent.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Incoming>, HttpError> {
        let sent = self.0.request(request.map(Full::new)).await;
        sent.map_err(
            |error| {
                if error.is_connect() { HttpError::Unreachable(error) } else { HttpError::Unanswered(error) }
            },
        )
    }
}

/// All of an answer's body, if it has no more than so many bytes.
pub async fn whole(mut body: Incoming, most: usize) -> Result<Vec<u8>, HttpError> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(HttpError::BrokenOff)?.into_data() else { continue };
        if whole.len() + data.len() > most {
            return Err(HttpError::TooLarge(most));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// A server that answers the first request of each connection so, and gives where it is.
    async fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}/")
    }

    async fn answered(to: &str, most: usize) -> Result<(u16, Vec<u8>), HttpError> {
        let client = Client::new(PATIENCE, PATIENCE);
        let (parts, body) = client.send(Request::get(to).body(Bytes::new()).unwrap()).await?.into_parts();
        Ok((parts.status.as_u16(), whole(body, most).await?))
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_and_a_redirect_is_one() {
        let url = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        assert_eq!(answered(&url, 2).await.unwrap(), (200, b"hi".to_vec()));
        let url = server("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(answered(&url, 2).await.unwrap(), (302, Vec::new()));
    }

    #[tokio::test]
    async fn what_went_wrong_is_told_apart() {
        let url = server("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi").await;
        assert!(matches!(answered(&url, 9).await, Err(HttpError::BrokenOff(_))));
        let url = server("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhih").await;
        assert!(matches!(answered(&url, 2).await, Err(HttpError::TooLarge(2))));
        let url = server("").await;
        assert!(matches!(answered(&url, 2).await, Err(HttpError::Unanswered(_))));
        for nobody in ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://no.such.host.invalid/"] {
            assert!(matches!(answered(nobody, 2).await, Err(HttpError::Unreachable(_))), "{nobody}");
        }
        // No certificate, and nothing that could have one.
        let url = server("HTTP/1.1 200 OK\r\n\r\n").await.replace("http://", "https://");
        assert!(matches!(answered(&url, 2).await, Err(HttpError::Unreachable(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_made_in_time_is_none() {
        // It takes connections, and never says a word of TLS.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let client = Client::new(Duration::from_secs(2), PATIENCE);
        let began = tokio::time::Instant::now();
        let sent = client.send(Request::get(&url).body(Bytes::new()).unwrap()).await;
        assert!(matches!(sent, Err(HttpError::Unreachable(_))), "{sent:?}");
        assert!(began.elapsed() >= Duration::from_secs(2), "given up before its time");
    }
}
