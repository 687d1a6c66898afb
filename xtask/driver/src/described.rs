//! The API as docs/openapi.json describes it: schemathesis makes up requests, good and bad ones, and holds every answer
//! of the running local cloud to the document.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use causeway_local_cloud::account::Account;
use causeway_local_cloud::api::Api;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::json::text;
use causeway_local_cloud::process::run;
use causeway_local_cloud::tenant_role::{RoleParameters, deploy_tenant_role, role_name};
use causeway_local_cloud::tools::{self, Tool};
use causeway_local_cloud::workspace;
use serde::Deserialize;
use serde_json::{Value, json};

const TENANT_ACCOUNT: &str = "222222222222";
const REGION: &str = "eu-west-1";
/// How long the first run of the user pool may take.
const SOON: Duration = Duration::from_mins(1);
/// What the requests are made up from: the same each time.
const SEED: &str = "20";
/// How many requests are made up for each operation beside those that cover its description.
const EXAMPLES: &str = "15";
/// Those that hold for every answer. That an answer is a good one, the end-to-end tests say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,negative_data_rejection";
/// The operations for which a made-up request may never be good enough. Only a provider that somebody else made can be
/// adopted, and only an export that names it. Only the hash of steps that are held back can be approved, and only a connection with a provider in the pool be
/// refused. No webhook is rotated while the tenant has as
/// many former secrets as it may have, and made-up changes of the tenant give it these.
const NEED_MORE: [&str; 6] = [
    "POST /v1/tenants/{tenant_id}/user-pools/{user_pool_id}/adopt",
    "POST /v1/tenants/{tenant_id}/user-pools/{user_pool_id}/adoptions",
    "POST /v1/tenants/{tenant_id}/user-pools/{user_pool_id}/approvals",
    "POST /v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals",
    "DELETE /v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals/{connection_id}",
    "POST /v1/tenants/{tenant_id}/webhook-rotation",
];

/// What `hooks.py` says at the end. Operations are a method and a path of the document.
#[derive(Debug, Deserialize)]
struct Done {
    requests: usize,
    /// Those that a function answered, well or not.
    answered: BTreeSet<String>,
    /// Those to which a request was answered with success.
    carried_out: BTreeSet<String>,
    /// How many requests were answered by API Gateway itself, by status.
    by_api_gateway: BTreeMap<u16, usize>,
}

/// Holds the API of a running cloud to its document.
pub async fn check(cloud: &Cloud) -> Result<()> {
    let environment = tools::folder(Tool::Checks)?;
    let scene = Scene::set(cloud).await?;
    let logs = &cloud.log_dir;
    let (log, report) = (logs.join("schemathesis.log"), logs.join("schemathesis.json"));
    let outcome = run("schemathesis", &mut scene.schemathesis(&environment, &report), &log).await;
    if outcome.is_err() {
        println!("{}", failures(&std::fs::read_to_string(&log)?));
    }
    outcome?;
    let done: Done = serde_json::from_slice(&std::fs::read(&report)?)?;
    let all = operations(&std::fs::read(document())?)?;
    println!(
        "    {} requests to {} operations, {} of which were carried out at least once; by API Gateway itself were \
         answered {:?}",
        done.requests,
        all.len(),
        done.carried_out.len(),
        done.by_api_gateway
    );
    ensure_tried(&all, &done)
}

fn document() -> PathBuf {
    workspace::root().join("docs/openapi.json")
}

/// Every operation of the document.
fn operations(document: &[u8]) -> Result<BTreeSet<String>> {
    let document: Value = serde_json::from_slice(document)?;
    let paths = document["paths"].as_object().context("no paths")?;
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    Ok(operations.collect())
}

/// Fails where the answers say too little: where no function answered an operation, or all requests to it were refused
/// though a made-up one can be good enough.
fn ensure_tried(all: &BTreeSet<String>, done: &Done) -> Result<()> {
    let unanswered: Vec<_> = all.difference(&done.answered).collect();
    ensure!(
        !all.is_empty() && unanswered.is_empty(),
        "of {} operations no function answered {unanswered:?}",
        all.len()
    );
    let refused = all.difference(&done.carried_out).filter(|operation| !NEED_MORE.contains(&operation.as_str()));
    let refused: Vec<_> = refused.collect();
    ensure!(refused.is_empty(), "every request to these was refused: {refused:?}");
    Ok(())
}

/// What schemathesis says of each failure: what was wrong, and the request as a `curl` command.
fn failures(log: &str) -> &str {
    let heads = ["= ERRORS =", "= FAILURES ="];
    let begin = heads.iter().filter_map(|head| log.find(head)).min();
    begin.and_then(|begin| log.get(begin..)).unwrap_or(log)
}

/// What there is, so that requests are carried out and not only refused.
struct Scene<'a> {
    cloud: &'a Cloud,
    /// Signs the requests: root's signatures are not checked.
    caller: Account,
    tenant: String,
    /// Verified, with a provider and a run.
    pool: String,
    link: String,
    removed_tenant: String,
    /// Pending, so that it is gone at once.
    removed_pool: String,
}

impl<'a> Scene<'a> {
    async fn set(cloud: &'a Cloud) -> Result<Self> {
        let api = cloud.api(&cloud.integration())?;
        let workos = cloud.workos()?;
        let organization = workos.create_organization("Described", &["described.example"]).await?;
        workos.create_connection(&organization, "Described").await?;
        let key = &cloud.workos_api_key;
        let new = json!({"name": "Described", "workos": {"client_id": cloud.workos_client_id, "api_key": key}});
        let registered = created(&api, "/v1/tenants", &new).await?;
        let (tenant, external_id) = (text(&registered, "id")?, text(&registered, "external_id")?);
        let path = format!("/v1/tenants/{tenant}");
        let account = cloud.tenant_account(TENANT_ACCOUNT);
        let pool = user_pool(&account).await?;
        register(&api, &path, &pool, &organization).await?;
        deploy_role(cloud, &account, &pool, &external_id).await?;
        verify(&api, &format!("{path}/user-pools/{pool}")).await?;
        let removed_pool = user_pool(&account).await?;
        register(&api, &path, &removed_pool, &organization).await?;
        let link = created(&api, &format!("{path}/onboarding-links"), &json!({})).await?;
        let new = json!({"name": "Removed", "workos": {"client_id": cloud.workos_client_id}});
        Ok(Self {
            cloud,
            caller: caller(cloud, &tenant).await?,
            pool,
            link: text(&link, "id")?,
            removed_tenant: text(&created(&api, "/v1/tenants", &new).await?, "id")?,
            removed_pool,
            tenant,
        })
    }

    fn schemathesis(&self, environment: &Path, report: &Path) -> Command {
        let hooks = workspace::root().join("tests/tools/schemathesis");
        let credentials = self.caller.credentials();
        let mut command = Command::new(environment.join("bin/schemathesis"));
        command
            .arg("--config-file")
            .arg(hooks.join("schemathesis.toml"))
            .arg("run")
            .arg(document())
            .args(["--url", &self.cloud.api_url, "--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
            .args(["--seed", SEED, "--max-examples", EXAMPLES, "--generation-database", "none"])
            .args(["--continue-on-failure", "--no-color", "--warnings", "off"])
            .current_dir(&self.cloud.log_dir)
            .env("PYTHONPATH", hooks)
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())
            .env("AWS_REGION", &self.cloud.region)
            .env("CAUSEWAY_TENANT", &self.tenant)
            .env("CAUSEWAY_USER_POOL", &self.pool)
            .env("CAUSEWAY_LINK", &self.link)
            .env("CAUSEWAY_REMOVED_TENANT", &self.removed_tenant)
            .env("CAUSEWAY_REMOVED_USER_POOL", &self.removed_pool)
            .env("CAUSEWAY_REPORT", report);
        command
    }
}

async fn caller(cloud: &Cloud, tenant: &str) -> Result<Account> {
    let api = format!("arn:aws:execute-api:{}:{}:{}/*", cloud.region, cloud.integration_account, cloud.api_id);
    let statement = json!({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": api});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    // Named after the tenant, so that it is there once however often this runs on a cloud.
    cloud.integration().create_user(&format!("described-{tenant}"), Some(&policy)).await
}

async fn created(api: &Api, path: &str, body: &Value) -> Result<Value> {
    api.post(path, body).await?.expect(201)?.json()
}

async fn user_pool(account: &Account) -> Result<String> {
    let request = Cognito::new(&account.sdk(REGION)).create_user_pool().pool_name("described");
    let pool = request.send().await.context("the user pool")?.user_pool;
    pool.and_then(|pool| pool.id).context("no user pool was made")
}

async fn register(api: &Api, tenant: &str, pool: &str, organization: &str) -> Result<()> {
    let role_name = role_name(pool);
    let body = json!({
        "account_id": TENANT_ACCOUNT, "role_name": role_name, "user_pool_id": pool, "organizations": [organization],
    });
    created(api, &format!("{tenant}/user-pools"), &body).await.map(drop)
}

async fn deploy_role(cloud: &Cloud, account: &Account, pool: &str, external_id: &str) -> Result<()> {
    let parameters = RoleParameters {
        external_id: external_id.to_owned(),
        user_pool_id: pool.to_owned(),
        role_name: role_name(pool),
        integration_account_id: cloud.integration_account.clone(),
    };
    deploy_tenant_role(account, REGION, &parameters).await.map(drop)
}

/// Verifies a pool and waits for its first run.
async fn verify(api: &Api, pool: &str) -> Result<()> {
    api.verified(pool).await?;
    eventually(SOON, "the user pool has a provider", async || {
        let providers = api.get(&format!("{pool}/providers")).await?.expect(200)?.json()?;
        Ok(providers["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_log_is_shown_what_failed_and_not_what_went_before() {
        assert_eq!(failures("progress\n==== FAILURES ====\n1. Undocumented"), "= FAILURES ====\n1. Undocumented");
        assert_eq!(failures("it did not even begin"), "it did not even begin");
    }

    #[test]
    fn every_operation_has_to_be_answered_and_all_but_a_few_carried_out() {
        let all = operations(br#"{"paths": {"/a": {"get": {}, "post": {}}, "/b": {"get": {}}}}"#).unwrap();
        let set = |operations: &[&str]| operations.iter().map(|operation| (*operation).to_owned()).collect();
        let outcome = |answered: &[&str], carried_out: &[&str]| {
            let (answered, carried_out) = (set(answered), set(carried_out));
            ensure_tried(&all, &Done { requests: 4, answered, carried_out, by_api_gateway: BTreeMap::new() }).is_ok()
        };
        let three = ["GET /a", "GET /b", "POST /a"];
        assert!(outcome(&three, &three));
        assert!(!outcome(&three, &three[1..]));
        assert!(!outcome(&three[1..], &three));
        assert!(
            ensure_tried(
                &BTreeSet::new(),
                &Done { requests: 0, answered: set(&[]), carried_out: set(&[]), by_api_gateway: BTreeMap::new() }
            )
            .is_err()
        );
        let described = operations(&std::fs::read(document()).unwrap()).unwrap();
        assert!(NEED_MORE.iter().all(|operation| described.contains(*operation)), "{described:?}");
    }
}
