//! Who gets in, by which door.

use anyhow::{Context, Result};
use causeway_attackers::{Attacks, Hostile, Named};
use causeway_local_cloud::raw_http::RawApi;
use causeway_local_cloud::signed_http::Answer;
use causeway_local_cloud::{api::Api, workspace};
use futures::{StreamExt, TryStreamExt, stream};
use regex::Regex;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::finding::Finding;
use crate::world::World;

/// How many requests of each kind of caller are sent, and how many at a time: below the limits of the stage.
const DRAWN: usize = 300;
const AT_ONCE: usize = 6;

pub(super) async fn signatures(world: &mut World) -> Result<Finding> {
    let base = world.deployed()?.api_url.clone();
    by_base(world, &base).await
}

pub(super) async fn custom_domain(world: &mut World) -> Result<Finding> {
    match world.domain.clone() {
        Some(domain) => by_base(world, &domain).await,
        None => Ok(Finding::cannot_tell("no domain was given (--domain)")),
    }
}

async fn by_base(world: &mut World, base: &str) -> Result<Finding> {
    let reads = world.policy_of_file("read")?;
    let reader = world.session("reader", &[("read", reads)]).await?;
    let nobody = world.session("nobody", &[]).await?;
    let mut forger = reader.clone();
    let secret: String = reader.credentials.secret_access_key().chars().rev().collect();
    let token = reader.credentials.session_token().map(str::to_owned);
    forger.credentials =
        aws_credential_types::Credentials::new(reader.credentials.access_key_id(), secret, token, None, "accept");
    let api = |who: &Aws| Api::in_region(base, who.credentials.clone(), &who.region);
    let refused: &[u16] = &[401, 403];
    let cases = [
        ("unsigned", api(&reader)?.send_unsigned("GET", "/v1/tenants", &[], b"").await?, refused),
        ("with a forged signature", api(&forger)?.get("/v1/tenants").await?, refused),
        ("by somebody without a grant", api(&nobody)?.get("/v1/tenants").await?, refused),
        ("by a reader that writes", api(&reader)?.post("/v1/tenants", &json!({"name": "x"})).await?, refused),
        ("by a reader that reads", api(&reader)?.get("/v1/tenants").await?, &[200]),
    ];
    let findings = cases
        .into_iter()
        .map(|(who, answer, wanted)| Finding::of(wanted.contains(&answer.status), format!("{who}: {}", answer.status)));
    Ok(findings.reduce(Finding::with).unwrap_or_else(|| Finding::cannot_tell("nobody called")))
}

pub(super) async fn path_forms(world: &mut World) -> Result<Finding> {
    let (own, _) = two_tenants(world).await?;
    let named = named(&own, world);
    let api = RawApi::new(&world.deployed()?.api_url, None)?;
    let answered = attack(&api, &Attacks::by_a_stranger(&named)).await?;
    let mut wrong = Vec::new();
    for (hostile, answer) in &answered {
        let Some(answer) = answer.as_ref().filter(|answer| is_let_through(answer)) else { continue };
        let plain = api.send(&hostile.method, hostile.aim.as_bytes(), &hostile.headers, &hostile.body).await?;
        if answer.text().contains("external_id") || !plain.is_some_and(|plain| is_let_through(&plain)) {
            wrong.push(hostile.shown());
        }
    }
    let made = world.operator().await?.get("/v1/tenants").await?.expect(200)?.text().contains(&named.mark);
    let seen = format!("{} hostile requests of a stranger, {} let through: {wrong:?}", answered.len(), wrong.len());
    Ok(Finding::of(wrong.is_empty() && !made && !answered.is_empty(), seen))
}

pub(super) async fn tenant_policy(world: &mut World) -> Result<Finding> {
    let (own, other) = two_tenants(world).await?;
    let policy = policy_of_one_tenant(world, &own)?;
    let routes = routes_of(&policy);
    let session = world.session("tenant", &[("one-tenant", policy)]).await?;
    let api = world.api(&session)?;
    let own_answer = api.get(&format!("/v1/tenants/{own}")).await?.status;
    let other_answer = api.get(&format!("/v1/tenants/{other}")).await?.status;
    let before = shown(world, &other).await?;
    let raw = RawApi::new(&world.deployed()?.api_url, Some(session.credentials.clone()))?.in_region(&session.region);
    let attacks = Attacks::by_a_caller(&routes, &named(&own, world), &named(&other, world));
    let answered = attack(&raw, &attacks).await?;
    let told = |answer: &&Answer| is_let_through(answer) && answer.text().contains(&other);
    let told = answered.iter().filter_map(|(_, answer)| answer.as_ref()).filter(told).count();
    let forged = answered.iter().filter_map(|(_, answer)| answer.as_ref());
    let forged = forged.filter(|answer| answer.text().contains("SignatureDoesNotMatch")).count();
    let unchanged = before == shown(world, &other).await?;
    let seen =
        format!("{} signed requests that aim at the other, {told} told of it, {forged} badly signed", answered.len());
    Ok(Finding::of(own_answer == 200, format!("its own tenant: {own_answer}"))
        .with(Finding::of(other_answer == 403, format!("another tenant: {other_answer}")))
        .with(Finding::of(told == 0 && unchanged && forged * 4 < answered.len(), seen)))
}

/// Two tenants of this run, without user pools.
async fn two_tenants(world: &mut World) -> Result<(String, String)> {
    let api = world.operator().await?;
    let mut ids = Vec::new();
    for what in ["own", "other"] {
        let listed = api.get("/v1/tenants?limit=100").await?.expect(200)?.json()?;
        let name = world.name(what);
        let found = listed["items"].as_array().into_iter().flatten().find(|tenant| tenant["name"] == *name);
        ids.push(match found.and_then(|tenant| tenant["id"].as_str()) {
            Some(id) => id.to_owned(),
            None => world.register_tenant(&api, what).await?,
        });
    }
    let other = ids.pop().context("two were asked for")?;
    Ok((ids.pop().context("two were asked for")?, other))
}

fn named(tenant: &str, world: &World) -> Named {
    Named { tenant: tenant.to_owned(), mark: format!("attacker-{}", world.run()), ..Named::made_up() }
}

/// What the API shows of a tenant to an operator.
async fn shown(world: &mut World, tenant: &str) -> Result<Value> {
    let api = world.operator().await?;
    let tenant = format!("/v1/tenants/{tenant}");
    let pools = api.get(&format!("{tenant}/user-pools")).await?.expect(200)?.json()?;
    Ok(json!([api.get(&tenant).await?.expect(200)?.json()?, pools]))
}

async fn attack(api: &RawApi, attacks: &Attacks) -> Result<Vec<(Hostile, Option<Answer>)>> {
    let sent = stream::iter(attacks.sample(fastrand::u64(..), DRAWN)).map(async |hostile| {
        let answer = api.send(&hostile.method, &hostile.target, &hostile.headers, &hostile.body).await?;
        anyhow::Ok((hostile, answer))
    });
    sent.buffer_unordered(AT_ONCE).try_collect().await
}

fn is_let_through(answer: &Answer) -> bool {
    (200..400).contains(&answer.status)
}

/// The policy of docs/deploy.md for a tenant that looks after itself.
fn policy_of_one_tenant(world: &World, tenant: &str) -> Result<Value> {
    let page = std::fs::read_to_string(workspace::root().join("docs/deploy.md"))?;
    let (_, rest) = page.split_once("A tenant of its own").context("docs/deploy.md has no policy for one tenant")?;
    let text = rest.split("```").nth(1).and_then(|block| block.strip_prefix("json")).context("no policy")?;
    let text = Regex::new("tnt_[0-9A-Z]{26}")?.replace_all(text, tenant);
    let text = text.replace("eu-west-1", &world.integration.region).replace("111111111111", &world.integration.account);
    Ok(serde_json::from_str(&text.replace("APIID", &world.deployed()?.api_id))?)
}

/// Method and path of each resource of a policy, with its `*`.
fn routes_of(policy: &Value) -> Vec<String> {
    let resources = policy["Statement"][0]["Resource"].as_array().into_iter().flatten().filter_map(Value::as_str);
    resources.filter_map(|arn| Some(arn.split_once("/*/")?.1.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_of_a_policy_stand_behind_its_stage() {
        let arn = |route: &str| format!("arn:aws:execute-api:eu-west-1:1:a/*/{route}");
        let policy = json!({"Statement": [{"Resource": [arn("GET/v1/tenants/T"), arn("POST/v1/*/verify")]}]});
        assert_eq!(routes_of(&policy), ["GET/v1/tenants/T", "POST/v1/*/verify"]);
    }
}
