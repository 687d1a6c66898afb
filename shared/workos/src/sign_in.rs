//! The codes that WorkOS sends a browser back with.

use causeway_core::{
    health::ErrorClass,
    id::WorkosClientId,
    lenient::Members,
    oidc::{pkce::PkceVerifier, profile::Profile},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    call::{Call, Repeat, Request},
    client::Workos,
    error::{WorkosError, is_about_the_request},
};

/// A code that WorkOS never made: only what is said of the client matters.
const MADE_UP_CODE: &str = "causeway-checks-the-api-key";

impl Workos {
    /// The profile that a code stands for (WorkOS API: `POST /sso/token`). A code is good once, so the call
    /// is repeated only where no connection could be made. `verifier` is the one whose challenge the browser took
    /// along.
    pub async fn redeem_code(
        &self,
        client_id: &WorkosClientId,
        key: &SecretString,
        code: &str,
        verifier: Option<&PkceVerifier>,
    ) -> Result<Profile, WorkosError> {
        let mut request = token_request(client_id, key, code, Repeat::Spends);
        // WorkOS passes over a member that it does not know.
        if let (Some(verifier), Some(body)) = (verifier, &mut request.body) {
            body["code_verifier"] = json!(verifier.expose());
            request.hidden.push(verifier.expose());
        }
        let answer = self.send(&request).await?;
        let members: Members = answer.read()?;
        Profile::of_answer(&members).map_err(|error| answer.unreadable(error.to_string()))
    }

    /// Whether `key` is an API key of the environment that `client_id` is of, and may list connections.
    /// WorkOS has no call for it: a made-up code (WorkOS API: `POST /sso/token`) is refused as a code where
    /// the client is right and as a client where it is not; and `GET /connections` must let the key in.
    pub async fn key_belongs_to_client(
        &self,
        client_id: &WorkosClientId,
        key: &SecretString,
    ) -> Result<bool, WorkosError> {
        let request = token_request(client_id, key, MADE_UP_CODE, Repeat::Writes);
        match self.send(&request).await {
            Ok(answer) => return Err(answer.unreadable("a made-up code was redeemed")),
            Err(error) if error.class() == ErrorClass::Denied || error.refuses_client() => return Ok(false),
            Err(error) if error.refusal().is_some_and(|refusal| is_about_the_request(refusal.status)) => {}
            Err(error) => return Err(error),
        }
        match self.send(&Request::get("/connections", key).with_query("limit", "1")).await {
            Ok(_) => Ok(true),
            Err(error) if error.class() == ErrorClass::Denied => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn token_request<'a>(client_id: &WorkosClientId, key: &'a SecretString, code: &'a str, repeat: Repeat) -> Request<'a> {
    let body = json!({
        "client_id": client_id,
        "client_secret": key.expose_secret(),
        "code": code,
        "grant_type": "authorization_code",
    });
    let call = Call { method: "POST", path: "/sso/token".to_owned() };
    let hidden = vec![key.expose_secret(), code];
    Request { call, query: Vec::new(), key: None, body: Some(body), repeat, hidden }
}
