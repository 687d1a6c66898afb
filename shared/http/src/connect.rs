//! How a connection is made.

use std::{
    io,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{net::TcpStream, time::timeout};
use tower::Service;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// How TLS is made: with ring, and with the authorities that the system trusts, which are read once. Where they can't be
/// read, no server is trusted.
static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    #[expect(clippy::expect_used, reason = "ring has what each of rustls's versions needs, or nothing would work")]
    let versions = versions.with_safe_default_protocol_versions().expect("ring speaks TLS");
    versions.with_root_certificates(trusted).with_no_client_auth()
});

/// Makes connections in a limited time, TLS with it.
#[derive(Debug, Clone)]
pub struct Connector {
    made_by: HttpsConnector<HttpConnector>,
    within: Duration,
}

impl Connector {
    pub fn new(within: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Requests are small, and each waits for its answer.
        tcp.set_nodelay(true);
        let made_by = HttpsConnectorBuilder::new()
            .with_tls_config(TLS.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { made_by, within }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.made_by.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (making, within) = (self.made_by.call(to), self.within);
        Box::pin(async move {
            let made = timeout(within, making).await;
            made.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}
