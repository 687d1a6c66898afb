//! A Cognito for tests, below the SDK.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_credential_types::Credentials;
use aws_sdk_cognitoidentityprovider::{
    Client,
    config::{BehaviorVersion, Config, Region, retry::RetryConfig},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use tokio::time::Instant;

use crate::{
    PoolAccess,
    pacer::{Pacer, Quota},
};

/// When a call came, and its body.
type Came = (Instant, String);

/// Stands for Cognito, answers every call alike, and keeps when each one came and with what.
#[derive(Debug, Clone)]
pub struct Answering {
    status: u16,
    answer: &'static str,
    came: Arc<Mutex<BTreeMap<String, Vec<Came>>>>,
}

impl HttpClient for Answering {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Answering {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        assert_eq!(request.headers().get("content-length"), Some(body.len().to_string().as_str()));
        self.came.lock().unwrap().entry(operation).or_default().push((Instant::now(), body));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(self.status.try_into().unwrap(), SdkBody::from(self.answer))))
    }
}

impl Answering {
    pub fn new(status: u16, answer: &'static str) -> Self {
        Self { status, answer, came: Arc::default() }
    }

    pub fn access(&self) -> PoolAccess {
        let configuration = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone())
            .build();
        let quota = Quota { account: "222222222222".parse().unwrap(), pool: "eu-west-1_a".parse().unwrap() };
        PoolAccess::new(Client::from_conf(configuration), quota, Pacer::default())
    }

    /// When the calls of an operation came.
    pub fn times(&self, operation: &str) -> Vec<Instant> {
        self.came.lock().unwrap().get(operation).into_iter().flatten().map(|(time, _)| *time).collect()
    }

    /// What the last call of an operation came with.
    pub fn last(&self, operation: &str) -> Option<serde_json::Value> {
        let came = self.came.lock().unwrap();
        came.get(operation).and_then(|calls| calls.last()).map(|(_, body)| serde_json::from_str(body).unwrap())
    }

    /// How many different operations came.
    pub fn operations(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}
