//! Identity providers as Cognito itself keeps them, in a pool that Causeway knows nothing of.

use std::time::{Duration, Instant};

use anyhow::Result;
use causeway_local_cloud::eventually::eventually;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::aws::{COGNITO, Refused};
use crate::finding::Finding;
use crate::world::World;

/// How long a list may lag.
const LAG: Duration = Duration::from_mins(2);
/// Dates are of whole seconds on some sides.
const DATES: Duration = Duration::from_secs(10);

/// The pool for what is tried here.
async fn pool(world: &mut World) -> Result<String> {
    if let Some(pool) = &world.probed_pool {
        return Ok(pool.clone());
    }
    let pool = world.make_pool("probed").await?;
    world.probed_pool = Some(pool.clone());
    Ok(pool)
}

fn details(more: &Value) -> Value {
    let at = |path: &str| format!("https://causeway-accept.example/{path}");
    let mut details = json!({
        "client_id": "accept", "client_secret": "not-a-secret", "authorize_scopes": "openid",
        "attributes_request_method": "GET", "oidc_issuer": "https://causeway-accept.example",
        "authorize_url": at("authorize"), "token_url": at("token"), "attributes_url": at("userinfo"),
        "jwks_uri": at("jwks"),
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        details[name] = value.clone();
    }
    details
}

async fn create(world: &World, pool: &str, name: &str, more: &Value) -> Result<Result<Value, Refused>> {
    let mut body = json!({
        "UserPoolId": pool, "ProviderName": name, "ProviderType": "OIDC", "ProviderDetails": details(&json!({})),
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    world.tenant.asks(COGNITO, "CreateIdentityProvider", &body).await
}

async fn describe(world: &World, pool: &str, name: &str) -> Result<Value> {
    let body = json!({"UserPoolId": pool, "ProviderName": name});
    Ok(world.tenant.json(COGNITO, "DescribeIdentityProvider", &body).await?["IdentityProvider"].clone())
}

async fn update(world: &World, pool: &str, name: &str, more: &Value) -> Result<Result<Value, Refused>> {
    let mut body = json!({"UserPoolId": pool, "ProviderName": name});
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    world.tenant.asks(COGNITO, "UpdateIdentityProvider", &body).await
}

async fn delete(world: &World, pool: &str, name: &str) -> Result<()> {
    let body = json!({"UserPoolId": pool, "ProviderName": name});
    world.tenant.json(COGNITO, "DeleteIdentityProvider", &body).await.map(drop)
}

async fn is_listed(world: &World, pool: &str, name: &str) -> Result<bool> {
    let body = json!({"UserPoolId": pool, "MaxResults": 60});
    let list = world.tenant.json(COGNITO, "ListIdentityProviders", &body).await?;
    let mut listed = list["Providers"].as_array().into_iter().flatten();
    Ok(listed.any(|provider| provider["ProviderName"] == name))
}

/// An answer that is not the throttle's.
async fn unthrottled(world: &World, operation: &str, body: &Value) -> Result<Result<Value, Refused>> {
    eventually(LAG, "a call is not throttled", async || {
        let answer = world.tenant.asks(COGNITO, operation, body).await?;
        Ok((!is(&answer, "TooManyRequestsException")).then_some(answer))
    })
    .await
}

/// How a refusal, or that there was none, is told.
fn told(answer: &Result<Value, Refused>) -> String {
    match answer {
        Ok(_) => "it was taken".to_owned(),
        Err(refused) => format!("{} {}: {}", refused.status, refused.code, refused.message),
    }
}

fn is(answer: &Result<Value, Refused>, code: &str) -> bool {
    answer.as_ref().err().is_some_and(|refused| refused.code == code)
}

pub(super) async fn dates(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    let mut took = Vec::new();
    let mut timed = Instant::now();
    let mut lap = |what: &str| {
        took.push(format!("{what} {} ms", timed.elapsed().as_millis()));
        timed = Instant::now();
    };
    create(world, &pool, "dates", &json!({})).await??;
    lap("create");
    let made = describe(world, &pool, "dates").await?;
    lap("describe");
    let seen_again = describe(world, &pool, "dates").await?;
    lap("describe again");
    let changed = eventually(DATES, "an update moves the date", async || {
        let more = json!({"ProviderDetails": details(&json!({"authorize_scopes": "openid email"}))});
        update(world, &pool, "dates", &more).await??;
        let changed = describe(world, &pool, "dates").await?;
        Ok((changed["LastModifiedDate"] != made["LastModifiedDate"]).then_some(changed))
    })
    .await;
    lap("update and describe, until the date moved");
    delete(world, &pool, "dates").await?;
    lap("delete");
    let still = made["LastModifiedDate"] == seen_again["LastModifiedDate"];
    let kept = changed.as_ref().is_ok_and(|changed| changed["CreationDate"] == made["CreationDate"]);
    Ok(Finding::of(
        still && kept,
        format!("it stays between two looks: {still}; moves: {}; CreationDate stays: {kept}", changed.is_ok()),
    )
    .and(took.join(", ")))
}

pub(super) async fn list_lag(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    let mut finding = Finding::of(true, "looked as soon as the call was answered");
    for (what, wanted) in [("made", true), ("deleted", false)] {
        if wanted {
            create(world, &pool, "lag", &json!({})).await??;
        } else {
            delete(world, &pool, "lag").await?;
        }
        let (begin, mut looks) = (Instant::now(), 0);
        eventually(LAG, "the list follows", async || {
            looks += 1;
            Ok((is_listed(world, &pool, "lag").await? == wanted).then_some(()))
        })
        .await?;
        let seen = format!("{what}: the list says so at look {looks}, after {} ms", begin.elapsed().as_millis());
        finding = finding.with(Finding::of(looks == 1, seen));
    }
    Ok(finding)
}

pub(super) async fn authorize_url_query(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    let url = "https://causeway-accept.example/authorize?kept=yes";
    let more = json!({"ProviderDetails": details(&json!({"authorize_url": url}))});
    let made = create(world, &pool, "query", &more).await?;
    if made.is_err() {
        return Ok(Finding::of(false, told(&made)));
    }
    let shown = describe(world, &pool, "query").await?["ProviderDetails"]["authorize_url"].clone();
    delete(world, &pool, "query").await?;
    Ok(Finding::of(shown == url, format!("it shows {shown}"))
        .and("whether a browser is sent there with it, no call shows"))
}

pub(super) async fn identifier_case(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    create(world, &pool, "upper", &json!({"IdpIdentifiers": ["Case-Of-It"]})).await??;
    let other = create(world, &pool, "lower", &json!({"IdpIdentifiers": ["case-of-it"]})).await?;
    let mut found = Vec::new();
    for identifier in ["Case-Of-It", "case-of-it"] {
        let body = json!({"UserPoolId": pool, "IdpIdentifier": identifier});
        let by = world.tenant.asks(COGNITO, "GetIdentityProviderByIdentifier", &body).await?;
        let name = by.map_or_else(|refused| refused.code, |by| by["IdentityProvider"]["ProviderName"].to_string());
        found.push(format!("{identifier} finds {name}"));
    }
    delete(world, &pool, "upper").await?;
    if other.is_ok() {
        delete(world, &pool, "lower").await?;
    }
    Ok(Finding::of(other.is_ok(), told(&other)).and(found.join(", ")))
}

pub(super) async fn taken_identifier(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    create(world, &pool, "has-it", &json!({"IdpIdentifiers": ["taken"]})).await??;
    create(world, &pool, "wants-it", &json!({})).await??;
    let answer = update(world, &pool, "wants-it", &json!({"IdpIdentifiers": ["taken"]})).await?;
    delete(world, &pool, "has-it").await?;
    delete(world, &pool, "wants-it").await?;
    Ok(Finding::of(is(&answer, "DuplicateProviderException"), told(&answer)))
}

pub(super) async fn incomplete(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    let more = json!({"ProviderDetails": {
        "client_id": "accept", "authorize_scopes": "openid", "attributes_request_method": "GET",
    }});
    let answer = create(world, &pool, "incomplete", &more).await?;
    if answer.is_ok() {
        delete(world, &pool, "incomplete").await?;
    }
    Ok(Finding::of(is(&answer, "InvalidParameterException"), told(&answer)))
}

/// The attributes of OpenID Connect that a pool has by itself and that are texts.
const ATTRIBUTES: [&str; 15] = [
    "address",
    "birthdate",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "preferred_username",
    "profile",
    "website",
    "zoneinfo",
];

pub(super) async fn empty_attributes(world: &mut World) -> Result<Finding> {
    let pool = pool(world).await?;
    let user = json!({"UserPoolId": pool, "Username": "somebody", "MessageAction": "SUPPRESS"});
    world.tenant.json(COGNITO, "AdminCreateUser", &user).await?;
    let mut refused = Vec::new();
    for name in ATTRIBUTES.into_iter().chain(["custom:groups"]) {
        let attributes = json!([{"Name": name, "Value": ""}]);
        let body = json!({"UserPoolId": pool, "Username": "somebody", "UserAttributes": attributes});
        if let Err(one) = unthrottled(world, "AdminUpdateUserAttributes", &body).await? {
            refused.push(format!("{name} ({})", one.code));
        }
    }
    let user = json!({"UserPoolId": pool, "Username": "somebody"});
    world.tenant.json(COGNITO, "AdminDeleteUser", &user).await?;
    Ok(Finding::of(refused.is_empty(), format!("{} attributes, refused: {refused:?}", ATTRIBUTES.len() + 1))
        .and("by AdminUpdateUserAttributes: what a sign-in does, `groups-go` shows for one"))
}

pub(super) async fn two_writes(world: &mut World) -> Result<Finding> {
    const ROUNDS: usize = 4;
    // So that not the rate of the pool refuses them.
    const PAUSE: Duration = Duration::from_millis(500);
    let pool = pool(world).await?;
    for name in ["first", "second"] {
        create(world, &pool, name, &json!({})).await??;
    }
    let mut answers = Vec::new();
    for round in 0..ROUNDS {
        let more = json!({"ProviderDetails": details(&json!({"client_id": format!("round-{round}")}))});
        tokio::time::sleep(PAUSE).await;
        answers.extend(join_all(["first", "second"].map(|name| update(world, &pool, name, &more))).await);
    }
    for name in ["first", "second"] {
        delete(world, &pool, name).await?;
    }
    let codes: Vec<String> = answers
        .into_iter()
        .collect::<Result<Vec<_>>>()?
        .iter()
        .filter_map(|answer| answer.as_ref().err().map(|refused| refused.code.clone()))
        .collect();
    let collided = codes.iter().any(|code| code == "ConcurrentModificationException");
    Ok(Finding::of(collided, format!("{ROUNDS} times two updates at once, refused: {codes:?}")))
}

pub(super) async fn throttles(world: &mut World) -> Result<Finding> {
    const FOR: Duration = Duration::from_secs(4);
    const AT_ONCE: usize = 4;
    let pool = pool(world).await?;
    let (begin, mut taken, mut throttled, mut others) = (Instant::now(), 0_u32, 0_u32, Vec::new());
    let body = json!({"UserPoolId": pool, "MaxResults": 1});
    while begin.elapsed() < FOR {
        for answer in join_all((0..AT_ONCE).map(|_| world.tenant.asks(COGNITO, "ListIdentityProviders", &body))).await {
            match answer? {
                Ok(_) => taken += 1,
                Err(refused) if refused.code == "TooManyRequestsException" => throttled += 1,
                Err(refused) => others.push(refused.code),
            }
        }
    }
    let rate = f64::from(taken) / begin.elapsed().as_secs_f64();
    let seen =
        format!("{taken} let through and {throttled} throttled in {} s, {rate:.1} a second; {others:?}", FOR.as_secs());
    // What had been saved up goes through at first.
    Ok(Finding::of(throttled > 0 && (3.0..9.0).contains(&rate), seen))
}
