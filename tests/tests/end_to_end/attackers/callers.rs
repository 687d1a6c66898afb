//! Whoever may call something, and is after something else.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use causeway_attackers::{Attacks, Hostile, Named};
use causeway_local_cloud::account::Account;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::raw_http::RawApi;
use causeway_local_cloud::signed_http::Answer;
use causeway_local_cloud::workspace;
use regex::Regex;
use serde_json::{Value, json};

use super::{Answered, DRAWN, attack, is_let_through, named, nothing_of, seed, two_tenants};
use crate::onboarding_links::link;
use crate::pool::Pool;
use crate::tenancy::{SOON, Tenancy, text, unique};

/// A policy of the documentation, with what it is for here in place of what stands there.
struct Policy {
    name: &'static str,
    document: Value,
    /// Method and path of each resource, with its `*`.
    routes: Vec<String>,
}

impl Policy {
    fn new(cloud: &Cloud, name: &'static str, text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text).with_context(|| format!("no policy: {text}"))?;
        let api = format!("arn:aws:execute-api:{}:{}:{}/*/", cloud.region, cloud.integration_account, cloud.api_id);
        let resources = document["Statement"][0]["Resource"].as_array().context("no resources")?;
        let routes = resources.iter().filter_map(Value::as_str).filter_map(|arn| arn.strip_prefix(&api));
        let routes: Vec<String> = routes.map(str::to_owned).collect();
        anyhow::ensure!(routes.len() == resources.len(), "{name} is not of this API: {resources:?}");
        Ok(Self { name, document, routes })
    }

    /// One of the files of `docs/iam`.
    fn of_file(cloud: &Cloud, name: &'static str) -> Result<Self> {
        let text = fs::read_to_string(workspace::root().join(format!("docs/iam/{name}.json")))?;
        let text = text.replace("REGION", &cloud.region).replace("ACCOUNT_ID", &cloud.integration_account);
        Self::new(cloud, name, &text.replace("API_ID", &cloud.api_id))
    }

    /// The one of `docs/deploy.md` for a tenant that looks after itself.
    fn of_one_tenant(tenancy: &Tenancy) -> Result<Self> {
        let cloud = &tenancy.cloud;
        let page = fs::read_to_string(workspace::root().join("docs/deploy.md"))?;
        let (_, rest) = page.split_once("A tenant of its own").context("no such policy")?;
        let text = rest.split("```").nth(1).and_then(|block| block.strip_prefix("json")).context("no policy")?;
        let text = Regex::new("tnt_[0-9A-Z]{26}")?.replace_all(text, &tenancy.id);
        Self::new(cloud, "one tenant", &text.replace("eu-west-1", &cloud.region).replace("APIID", &cloud.api_id))
    }

    /// Whether it lets somebody call this.
    fn names(&self, method: &str, path: &str) -> Result<bool> {
        for route in &self.routes {
            let pattern = regex::escape(route).replace(r"\*", ".*");
            if Regex::new(&format!("^(?s:{pattern})$"))?.is_match(&format!("{method}{path}")) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Somebody who has it.
    async fn holder(&self, cloud: &Cloud) -> Result<(Account, String)> {
        let name = unique("attacker");
        let user = cloud.integration().create_user(&name, Some(&self.document)).await?;
        Ok((user, format!("arn:aws:iam::{}:user/{name}", cloud.integration_account)))
    }
}

#[tokio::test]
async fn whatever_a_caller_sends_what_is_carried_out_is_named_by_its_policy() -> Result<()> {
    let seed = seed()?;
    let (own, other) = two_tenants("callers").await?;
    let cloud = &own.tenancy.cloud;
    let (own_link, other_link) = (link(&own.tenancy, &[]).await?, link(&other.tenancy, &[]).await?);
    let mut policies = vec![Policy::of_one_tenant(&own.tenancy)?];
    for name in ["read", "operate", "approve"] {
        policies.push(Policy::of_file(cloud, name)?);
    }
    let mut wrong = Vec::new();
    for policy in &policies {
        let (user, arn) = policy.holder(cloud).await?;
        let api = RawApi::new(&cloud.api_url, Some(user.credentials()))?;
        let (begins_at, aims_at) = (named(&own, &own_link.id), named(&other, &other_link.id));
        let attacks = Attacks::by_a_caller(&policy.routes, &begins_at, &aims_at);
        let answered = attack(&api, &attacks, seed, DRAWN / policies.len()).await?;
        is_no_pretence(&api, policy, &begins_at, &answered).await?;
        let mut carried_out = not_granted(cloud, policy, &answered).await?;
        for pool in [&own, &other] {
            carried_out.extend(recorded_and_not_granted(pool, policy, &arn).await?);
        }
        wrong.extend(carried_out.iter().map(|one| format!("{}: {one}", policy.name)));
    }
    nothing_of("a policy was enough for what it does not name", seed, &wrong)
}

/// That the holder's own calls get through, and that the signatures of most attacks are good.
async fn is_no_pretence(api: &RawApi, policy: &Policy, own: &Named, answered: &[Answered]) -> Result<()> {
    let route = policy.routes.last().context("a policy without resources")?;
    let (method, path) = route.split_once('/').context("no route")?;
    let path = format!("/{}", path.replacen('*', &own.tenant, path.matches('*').count().saturating_sub(1)));
    let answer = api.send(method, path.replace('*', &own.user_pool).as_bytes(), &[], b"").await?;
    let answer = answer.context("no answer")?;
    assert_ne!(answer.status, 403, "{} does not let its holder call {route}: {}", policy.name, answer.text());
    let is_forged = |answer: &Answer| answer.text().contains("SignatureDoesNotMatch");
    let forged = answered.iter().filter(|(_, answer)| answer.as_ref().is_some_and(is_forged)).count();
    assert!(forged * 4 < answered.len(), "{forged} of {} attacks are not signed as they should be", answered.len());
    Ok(())
}

/// What was answered as if it had been granted, by the log of the function and by what it told.
async fn not_granted(cloud: &Cloud, policy: &Policy, answered: &[Answered]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let through = answered.iter().filter_map(|(hostile, answer)| Some((hostile, answer.as_ref()?)));
    let through: Vec<(&Hostile, &Answer)> = through.filter(|(_, answer)| is_let_through(answer)).collect();
    let lines = eventually(SOON, "the function has logged what it answered", async || {
        let lines = requests_by_id(&cloud.function_log("tenants"));
        let is_there = |answer: &Answer| answer.header("x-request-id").is_none_or(|id| lines.contains_key(id));
        Ok(through.iter().all(|(_, answer)| is_there(answer)).then_some(lines))
    })
    .await?;
    for (hostile, answer) in through {
        let line = answer.header("x-request-id").and_then(|id| lines.get(id));
        let Some((method, path)) = line else {
            wrong.push(format!("{}: {} by nobody who says so: {}", hostile.shown(), answer.status, answer.text()));
            continue;
        };
        if !policy.names(method, path)? {
            wrong.push(format!("{}: {} for {method} {path}", hostile.shown(), answer.status));
        }
    }
    Ok(wrong)
}

/// Method and path of each request that a function has logged.
fn requests_by_id(log: &str) -> BTreeMap<String, (String, String)> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let answered = lines.filter(|line| line["message"] == "answered");
    let of = |line: &Value| {
        Some((text(&line["span"], "request_id").ok()?, (text(line, "method").ok()?, text(line, "path").ok()?)))
    };
    answered.filter_map(|line| of(&line)).collect()
}

/// What a tenant's records say that the caller changed, and may not.
async fn recorded_and_not_granted(pool: &Pool, policy: &Policy, caller: &str) -> Result<Vec<String>> {
    let list = pool.tenancy.get("/audit?limit=100").await?.expect(200)?.json()?;
    let mut wrong = Vec::new();
    for record in list["items"].as_array().context("no items")? {
        let (method, path) = (text(record, "method")?, text(record, "path")?);
        if record["caller"] == caller && !policy.names(&method, &path)? {
            wrong.push(format!("recorded: {method} {path}"));
        }
    }
    Ok(wrong)
}

#[tokio::test]
async fn a_caller_with_a_tenant_of_its_own_sees_and_changes_nothing_of_another() -> Result<()> {
    let (own, other) = two_tenants("one of two").await?;
    let cloud = &own.tenancy.cloud;
    let (user, caller) = Policy::of_one_tenant(&own.tenancy)?.holder(cloud).await?;
    let api = RawApi::new(&cloud.api_url, Some(user.credentials()))?;
    let tenant = format!("/v1/tenants/{}", own.tenancy.id);
    assert_eq!(api.send("GET", tenant.as_bytes(), &[], b"").await?.map(|answer| answer.status), Some(200));
    let before = other.tenancy.get("").await?.expect(200)?.json()?;
    let up = format!("{tenant}/user-pools/..%5C..%5C{}", other.tenancy.id);
    let json = [("content-type", b"application/json".to_vec())];
    for (method, path, body) in [
        ("GET", up.clone(), ""),
        ("GET", format!("{up}%5Caudit"), ""),
        ("POST", format!("{up}%5Conboarding-links%3F/verify"), r#"{"account_ids":[]}"#),
        ("POST", format!("{up}%5Cexternal-id-rotation%23/verify"), "{}"),
    ] {
        let answer = api.send(method, path.as_bytes(), &json, body.as_bytes()).await?.context("no answer")?;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains(&other.tenancy.external_id), "{method} {path}: {}", answer.text());
    }
    assert_eq!(other.tenancy.get("").await?.expect(200)?.json()?, before);
    let links = other.tenancy.get("/onboarding-links").await?.expect(200)?.json()?;
    assert_eq!(links["items"], json!([]));
    let records = other.tenancy.get("/audit").await?.expect(200)?.text();
    assert!(!records.contains(&caller), "{records}");
    Ok(())
}
