//! How tests speak to the front: under a path of its own that no service has.

use anyhow::Result;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cognito::Cognito;
use super::faults::Faults;
use super::proxy::{Received, Reply};
use super::record::Call;
use super::{Shared, record};
use crate::signed_http::{Answer, plain_client};

/// What the paths of these calls begin with.
pub(super) const PATH: &str = "/_front/";

/// What a test asks of the front.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Asked {
    /// Nothing: whether it answers.
    Health,
    /// The calls since then whose request contains a text.
    Calls { since: u64, containing: String },
    /// A pool's quota of providers.
    Quota { user_pool_id: String, providers: usize },
    /// A connection that `WorkOS` leaves out of its lists, or no longer.
    Hidden { connection_id: String, is_hidden: bool },
    /// What goes wrong from now on under a name; nothing any more without `faults`.
    Faults { name: String, faults: Option<Faults> },
}

pub(super) fn answer(request: &Received, shared: &Shared, cognito: &Cognito) -> Reply {
    let answer = match serde_json::from_slice(&request.body) {
        Ok(Asked::Health) => json!({}),
        Ok(Asked::Calls { since, containing }) => json!(shared.record.calls(since, &containing)),
        Ok(Asked::Quota { user_pool_id, providers }) => {
            cognito.set_quota(&user_pool_id, providers);
            json!({})
        }
        Ok(Asked::Hidden { connection_id, is_hidden }) => {
            shared.hidden.set(connection_id, is_hidden);
            json!({})
        }
        Ok(Asked::Faults { name, faults: Some(faults) }) => {
            shared.faults.set(&name, faults);
            json!({})
        }
        Ok(Asked::Faults { name, faults: None }) => {
            shared.faults.clear(&name);
            json!({})
        }
        Err(error) => return Reply::new(StatusCode::BAD_REQUEST, "text/plain", error.to_string()),
    };
    Reply::new(StatusCode::OK, "application/json", answer.to_string())
}

/// Speaks to a front.
#[derive(Clone, Debug)]
pub struct Control {
    url: String,
    http: reqwest::Client,
}

impl Control {
    /// The front that stands before the emulated AWS at `endpoint`.
    pub fn new(endpoint: &str) -> Result<Self> {
        Ok(Self { url: format!("{endpoint}{PATH}"), http: plain_client()? })
    }

    /// Whether it answers.
    pub async fn is_healthy(&self) -> bool {
        self.ask(&Asked::Health).await.is_ok()
    }

    /// The calls since `since`, in milliseconds since 1970, whose request contains `containing`: a user pool's
    /// ID, or for `WorkOS` an API key.
    pub async fn calls(&self, since: u64, containing: &str) -> Result<Vec<Call>> {
        let answer = self.ask(&Asked::Calls { since, containing: containing.to_owned() }).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Sets how many providers a user pool may have.
    pub async fn set_quota(&self, pool: &str, providers: usize) -> Result<()> {
        self.ask(&Asked::Quota { user_pool_id: pool.to_owned(), providers }).await.map(drop)
    }

    /// Has `WorkOS` leave a connection out of its lists that it still knows, or no longer.
    pub async fn hide(&self, connection: &str, is_hidden: bool) -> Result<()> {
        self.ask(&Asked::Hidden { connection_id: connection.to_owned(), is_hidden }).await.map(drop)
    }

    /// Has things go wrong from now on, in place of what went wrong under this name before.
    pub async fn set_faults(&self, name: &str, faults: Option<Faults>) -> Result<()> {
        self.ask(&Asked::Faults { name: name.to_owned(), faults }).await.map(drop)
    }

    async fn ask(&self, asked: &Asked) -> Result<Value> {
        let request = self.http.post(&self.url).json(asked);
        Answer::read(request.send().await?).await?.expect(200)?.json()
    }
}

/// Now, as the record counts time: milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    record::now()
}
