//! A relying party as strict as Cognito and stricter: it trusts nothing that the specification says to check.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_cognitoidentityprovider::types::IdentityProviderType;
use causeway_local_cloud::browser::{follow, form, parameter, post_form};
use causeway_local_cloud::signed_http::{Answer, plain_client};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use url::Url;

use crate::pool::{Pool, client_secret};
use crate::tenancy::text;

const STATE: &str = "the relying party's state";

/// The relying party of one connection of one pool.
pub struct RelyingParty {
    pub issuer: String,
    pub client_id: String,
    pub secret: String,
    /// Where it lets browsers come back to.
    pub redirect_uri: String,
    /// The issuer's discovery document.
    pub discovery: Value,
}

impl RelyingParty {
    /// With what the pool's provider holds, and what the issuer says of itself.
    pub async fn of(pool: &Pool, connection: &str) -> Result<Self> {
        Self::with(pool, connection, &pool.provider_of(connection).await?).await
    }

    /// With what this provider holds.
    pub async fn with(pool: &Pool, connection: &str, provider: &IdentityProviderType) -> Result<Self> {
        let issuer = format!("{}/oidc/{}/{connection}", pool.tenancy.cloud.api_url, pool.tenancy.id);
        let discovery = get(&format!("{issuer}/.well-known/openid-configuration")).await?.expect(200)?.json()?;
        ensure!(discovery["issuer"] == issuer, "the issuer calls itself {}", discovery["issuer"]);
        Ok(Self {
            issuer,
            client_id: pool.id.clone(),
            secret: client_secret(provider)?,
            redirect_uri: cognito_callback(pool),
            discovery,
        })
    }

    /// Where a browser is sent to sign in, with some parameters changed; an empty value leaves one out.
    pub fn authorize_url(&self, changes: &[(&str, &str)]) -> Result<Url> {
        let mut parameters = vec![
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", STATE),
        ];
        for (name, value) in changes {
            parameters.retain(|(known, _)| known != name);
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        Ok(Url::parse_with_params(&text(&self.discovery, "authorization_endpoint")?, parameters)?)
    }

    /// Where a browser arrives that signs in as `user`: at the callback, with a code.
    pub async fn signed_in(&self, user: &str) -> Result<Url> {
        let visited = follow(self.authorize_url(&[("login_hint", user)])?, &self.redirect_uri).await?;
        visited.into_iter().next_back().context("there is always one")
    }

    /// A code for `user`.
    pub async fn code(&self, user: &str) -> Result<String> {
        let callback = self.signed_in(user).await?;
        parameter(&callback, "code").with_context(|| format!("no code came back: {callback}"))
    }

    /// The form that redeems a code.
    pub fn grant<'a>(&'a self, code: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
        ]
    }

    /// Redeems a code with some fields changed; an empty value leaves one out.
    pub async fn redeem_with(&self, code: &str, changes: &[(&str, &str)]) -> Result<Answer> {
        let mut fields = self.grant(code);
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        post_form(&self.token_endpoint()?, &form(&fields)).await
    }

    /// Signs `user` in as Cognito does, from `/authorize` to `/userinfo`, and gives the claims.
    pub async fn signs_in(&self, user: &str) -> Result<Value> {
        let tokens = self.redeemed(&self.arrives(&self.signed_in(user).await?)?).await?;
        let claims = self.checked(&text(&tokens, "id_token")?).await?;
        let userinfo = self.userinfo(&text(&tokens, "access_token")?).await?.expect(200)?.json()?;
        for (name, value) in userinfo.as_object().context("no claims")? {
            ensure!(&claims[name] == value, "{name} of userinfo is not that of the ID token");
        }
        ensure!(userinfo["sub"].is_string(), "userinfo has no sub");
        Ok(claims)
    }

    /// The code that a browser brings to the callback, or the error.
    pub fn arrives(&self, callback: &Url) -> Result<String> {
        ensure!(callback.as_str().starts_with(&format!("{}?", self.redirect_uri)), "arrived elsewhere: {callback}");
        ensure!(parameter(callback, "state").as_deref() == Some(STATE), "the state is not ours: {callback}");
        if let Some(error) = parameter(callback, "error") {
            bail!("{error}: {}", parameter(callback, "error_description").unwrap_or_default());
        }
        parameter(callback, "code").with_context(|| format!("no code came back: {callback}"))
    }

    /// The tokens that a code stands for, or the error, each in the form of RFC 6749, 5.1 and 5.2.
    pub async fn redeemed(&self, code: &str) -> Result<Value> {
        let answer = self.redeem(code).await?;
        let is_json = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        ensure!(is_json && answer.header("cache-control") == Some("no-store"), "{}: {}", answer.status, answer.text());
        let body = answer.json()?;
        if answer.status == 200 {
            ensure!(body["token_type"] == "Bearer", "not a bearer token: {body}");
            return Ok(body);
        }
        bail!("{} {}", answer.status, text(&body, "error")?)
    }

    /// What the issuers of the tenant's connections begin with.
    pub fn tenant_issuer(&self) -> &str {
        self.issuer.rsplit_once('/').map_or("", |(tenant, _)| tenant)
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str) -> Result<Answer> {
        self.redeem_with(code, &[]).await
    }

    pub fn token_endpoint(&self) -> Result<String> {
        text(&self.discovery, "token_endpoint")
    }

    /// The claims of an ID token, after every check of OpenID Connect Core, 3.1.3.7.
    pub async fn checked(&self, id_token: &str) -> Result<Value> {
        let header = decode_header(id_token)?;
        ensure!(header.alg == Algorithm::RS256, "signed with {:?}", header.alg);
        let kid = header.kid.context("the ID token names no key")?;
        let keys = get(&text(&self.discovery, "jwks_uri")?).await?.expect(200)?;
        let keys: JwkSet = serde_json::from_slice(&keys.body)?;
        let key = keys.find(&kid).with_context(|| format!("{kid} is not in the JWKS"))?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.set_audience(&[&self.client_id]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        let claims = decode::<Value>(id_token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
        let lifetime = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
        ensure!(lifetime == Some(300), "an ID token is good for five minutes: {claims}");
        Ok(claims)
    }

    /// The claims that `/userinfo` answers an access token with.
    pub async fn userinfo(&self, access_token: &str) -> Result<Answer> {
        let url = text(&self.discovery, "userinfo_endpoint")?;
        let request = plain_client()?.get(url).bearer_auth(access_token);
        read(request.send().await?).await
    }
}

/// The callback of a pool without a domain.
pub fn cognito_callback(pool: &Pool) -> String {
    let port = pool.tenancy.cloud.aws_endpoint.rsplit(':').next().unwrap_or_default();
    format!("http://localhost:{port}/oauth2/idpresponse")
}

/// A request as a browser sends it, whose redirect is not followed.
pub async fn get(url: &str) -> Result<Answer> {
    read(plain_client()?.get(url).send().await?).await
}

/// An answer, read to its end.
pub async fn read(response: reqwest::Response) -> Result<Answer> {
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    })
}
