//! The events of one sign-in, from Cognito's `/authorize` to its `/userinfo`.

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::browser::{form, parameter};
use causeway_local_cloud::json::text;
use causeway_local_cloud::signed_http::plain_client;
use serde_json::{Value, json};
use url::Url;

use super::events::{header, request, status};
use super::instance::Program;
use super::runtime::Answered;
use super::stage::{Pool, Stage};

/// Sign-ins with one connection of one pool.
#[derive(Clone, Debug)]
pub struct Journey {
    tenant: String,
    connection: String,
    pool: String,
    secret: String,
    redirect_uri: String,
}

impl Journey {
    /// With what the pool's provider holds.
    pub async fn new(stage: &Stage, signin: &Program, pool: &Pool, connection: &str) -> Result<Self> {
        let name = connection.replacen("conn_", "conn-", 1);
        let asked = json!({"UserPoolId": pool.id, "ProviderName": name});
        let provider = stage.cognito(&pool.account)?.call("DescribeIdentityProvider", &asked).await?;
        Ok(Self {
            tenant: pool.tenant.clone(),
            connection: connection.to_owned(),
            pool: pool.id.clone(),
            secret: text(&provider["IdentityProvider"]["ProviderDetails"], "client_secret")?,
            redirect_uri: signin.variable("LOCAL_CALLBACK")?.to_owned(),
        })
    }

    fn path(&self, endpoint: &str) -> String {
        format!("/oidc/{}/{}/{endpoint}", self.tenant, self.connection)
    }

    /// A browser that comes from Cognito.
    pub fn authorize(&self, state: &str) -> Value {
        let query = form(&[
            ("client_id", &self.pool),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", state),
        ]);
        request("GET", &self.path("authorize"), &query, &[], "")
    }

    /// Goes to `WorkOS` where `/authorize` leads, signs in there, and gives the browser's way back.
    pub async fn at_workos(&self, authorized: &Value, user: &str) -> Result<Value> {
        ensure!(status(authorized) == 302, "/authorize leads nowhere: {authorized}");
        let mut url = Url::parse(header(authorized, "location").context("/authorize leads nowhere")?)?;
        url.query_pairs_mut().append_pair("login_hint", user);
        let answer = plain_client()?.get(url).send().await?;
        let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
        let back = Url::parse(location.context("WorkOS leads nowhere")?)?;
        let query = back.query().unwrap_or_default();
        Ok(request("GET", &format!("/oidc/{}/callback", self.tenant), query, &[], ""))
    }

    /// Cognito with the code that `/callback` gave.
    pub fn token(&self, called_back: &Value) -> Result<Value> {
        ensure!(status(called_back) == 302, "/callback leads nowhere: {called_back}");
        let url = Url::parse(header(called_back, "location").context("/callback leads nowhere")?)?;
        let code = parameter(&url, "code").with_context(|| format!("no code came back: {url}"))?;
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("client_id", &self.pool),
            ("client_secret", &self.secret),
            ("code", &code),
            ("redirect_uri", &self.redirect_uri),
        ]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        Ok(request("POST", &self.path("token"), "", &headers, &body))
    }

    /// Cognito with the tokens that `/token` gave.
    pub fn userinfo(&self, tokens: &Value) -> Result<Value> {
        ensure!(status(tokens) == 200, "/token gives no tokens: {tokens}");
        let body: Value = serde_json::from_str(tokens["body"].as_str().context("/token answers nothing")?)?;
        let authorization = format!("Bearer {}", text(&body, "access_token")?);
        Ok(request("GET", &self.path("userinfo"), "", &[("authorization", &authorization)], ""))
    }

    /// Cognito, which fetches the keys for every token.
    pub fn jwks(&self) -> Value {
        request("GET", &self.path("jwks"), "", &[], "")
    }

    /// A whole sign-in, with each endpoint's answer; `invoke` has an instance answer an event.
    pub async fn signs_in(
        &self,
        user: &str,
        invoke: impl AsyncFn(&Value) -> Result<Answered>,
    ) -> Result<Vec<(&'static str, Answered)>> {
        let authorized = invoke(&self.authorize(user)).await?;
        let back = invoke(&self.at_workos(&authorized.body, user).await?).await?;
        let tokens = invoke(&self.token(&back.body)?).await?;
        let keys = invoke(&self.jwks()).await?;
        let info = invoke(&self.userinfo(&tokens.body)?).await?;
        ensure!(status(&keys.body) == 200 && status(&info.body) == 200, "{} {}", keys.body, info.body);
        Ok(vec![
            ("/authorize", authorized),
            ("/callback", back),
            ("/token", tokens),
            ("/jwks", keys),
            ("/userinfo", info),
        ])
    }
}
