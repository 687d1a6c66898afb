//! A user pool that moves from one deployment to another, by the commands that the command line names itself, and with
//! the users that it has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::types::{IdentityProviderType, IdentityProviderTypeType};
use causeway_local_cloud::browser::{SignIn, claims};
use causeway_local_cloud::command_line::{CommandLine, Ended};
use causeway_local_cloud::deployment::STACK;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::tenant_role::delete_stack;
use causeway_local_cloud::workspace;
use serde_json::{Value, json};

use crate::adoption::{add_theirs, set_mode};
use crate::pool::{Pool, in_line, provider_name};
use crate::sign_in::sign_in_as;
use crate::tenancy::{APP_CALLBACK, SOON, Tenancy, text, unique};

/// The account of the deployment that the pool moves to.
const ELSEWHERE: &str = "333333333333";

/// The command line of the operator of a pool's deployment.
fn operator(pool: &Pool) -> CommandLine {
    CommandLine::new(&pool.tenancy.cloud, pool.tenancy.cloud.integration().credentials())
}

async fn run(pool: &Pool, command: &[&str], arguments: &[&str]) -> Result<Ended> {
    operator(pool).run(&[command, &[&pool.tenancy.id, &pool.id], arguments].concat()).await
}

/// What `causeway export` prints, in a file, and what it says besides.
async fn exported(pool: &Pool) -> Result<(PathBuf, String)> {
    let ended = run(pool, &["export"], &[]).await?.expect(0)?;
    Ok((file(&ended.stdout)?, ended.stderr))
}

fn file(text: &str) -> Result<PathBuf> {
    let folder = workspace::local().join("exports");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(unique("pool"));
    std::fs::write(&file, text)?;
    Ok(file)
}

async fn adopt(pool: &Pool, file: &std::path::Path) -> Result<Ended> {
    run(pool, &["adopt"], &["--all", "--from", &file.display().to_string(), "--yes"]).await
}

/// Everything of the pool that an adoption can change.
async fn as_it_is(pool: &Pool) -> Result<Vec<IdentityProviderType>> {
    let mut providers = Vec::new();
    for name in pool.provider_names().await? {
        providers.push(pool.provider(&name).await?.context("a provider is gone")?);
    }
    Ok(providers)
}

/// A pool in line whose tenant has left the deployment with its providers kept, and the same pool as it is registered and
/// verified for another tenant there; with what was exported of it.
pub async fn scene(name: &str) -> Result<(Pool, PathBuf, Vec<String>)> {
    let (left, organization, connections) = in_line(name, 2).await?;
    set_mode(&left, "paused").await?;
    let (file, _) = exported(&left).await?;
    run(&left, &["pools", "remove"], &["--providers", "keep", "--yes", "--wait"]).await?.expect(0)?;
    let tenancy = Tenancy::new(name).await?;
    let pool = Pool { tenancy, ..left };
    let mut registration = pool.tenancy.registration(&pool, &[&organization]);
    registration["mode"] = json!("observe");
    pool.tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    Ok((pool, file, connections))
}

#[tokio::test]
async fn an_export_that_is_not_what_is_there_takes_over_nothing_and_says_in_what_it_differs() -> Result<()> {
    let (pool, exported, connections) = scene("exported").await?;
    let before = as_it_is(&pool).await?;
    let export: Value = serde_json::from_str(&std::fs::read_to_string(&exported)?)?;
    let first = text(&export["providers"][0], "connection_id")?;
    let second = text(&export["providers"][1], "connection_id")?;
    let elsewhere = pool.tenancy.organization().await?;
    for (pointer, value, code, told) in [
        // By itself.
        ("/pool/mode", json!("sync"), 2, "causeway pools update tnt_"),
        ("/pool/user_pool_id", json!("eu-west-1_Other"), 2, "of the user pool eu-west-1_Other"),
        ("/providers/0/connection_id", json!(second), 2, "does not end in"),
        ("/providers/0/provider_name", json!("a\u{1b}[2J"), 2, "can't be adopted"),
        ("/providers/0/more", json!(1), 2, "unknown field"),
        // By what is there.
        ("/providers/0/provider_name", json!("conn-OTHER"), 6, "no identity provider of this name"),
        ("/providers/0/organization_id", json!(elsewhere), 6, "in the organization org_"),
        (
            "/providers/0/issuer",
            json!(format!("https://a/oidc/{}/{first}", text(&export["pool"], "tenant_id")?)),
            6,
            "shows the issuer",
        ),
        ("/pool/domain_identifiers", json!(true), 6, "`domain_identifiers`"),
    ] {
        let mut spoiled = export.clone();
        let (parent, member) = pointer.rsplit_once('/').context("no member")?;
        spoiled.pointer_mut(parent).context("no such member")?[member] = value;
        let ended = adopt(&pool, &file(&spoiled.to_string())?).await?;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        ensure!(ended.code == code && said.contains(told), "{pointer}: {ended:#?}");
        ensure!(!said.contains('\u{1b}'), "{pointer}: {ended:#?}");
    }
    // The API itself believes as little.
    let mut body = json!({"pool": export["pool"], "providers": export["providers"]});
    body["pool"]["mode"] = json!("sync");
    let refused = pool.post("/adoptions", &body).await?.expect(400)?.json()?;
    ensure!(refused["field"] == "pool.mode", "{refused}");
    pool.tenancy.workos.delete_connection(&connections[1]).await?;
    body["pool"]["mode"] = json!("paused");
    let differing = pool.post("/adoptions", &body).await?.expect(200)?.json()?;
    ensure!(differing["adopted"] == false && differing["providers"] == json!([]), "{differing}");
    ensure!(differing["differences"][0]["connection_id"] == connections[1].as_str(), "{differing}");
    ensure!(as_it_is(&pool).await? == before, "a provider was changed");
    ensure!(pool.items("/providers").await?.is_empty(), "something is claimed");

    body["providers"]
        .as_array_mut()
        .context("no providers")?
        .retain(|one| one["connection_id"] == connections[0].as_str());
    let adopted = pool.post("/adoptions", &body).await?.expect(200)?.json()?;
    ensure!(adopted["adopted"] == true && adopted["differences"] == json!([]), "{adopted}");
    let after = as_it_is(&pool).await?;
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    ensure!(changed == 1 && !adopted.to_string().contains("secret"), "{changed} were changed: {adopted}");
    Ok(())
}

/// A pool with users, some of whom come through a provider that was adopted once.
struct Moving {
    pool: Pool,
    organization: String,
    /// The providers' names.
    providers: Vec<String>,
}

impl Moving {
    async fn new() -> Result<Self> {
        let tenancy = Tenancy::new("moves").await?;
        let (organization, connections) = tenancy.organization_with(3).await?;
        let pool = tenancy.user_pool().await?;
        let mut registration = tenancy.registration(&pool, &[&organization]);
        registration["mode"] = json!("observe");
        registration["attribute_mapping"] = json!({"email": "email", "given_name": "given_name"});
        tenancy.post("/user-pools", &registration).await?.expect(201)?;
        add_theirs(&pool, "Theirs", IdentityProviderTypeType::Oidc, &[&connections[0]]).await?;
        pool.deploy_role().await?;
        pool.verified().await?;
        pool.post("/adopt", &json!({"provider_name": "Theirs", "subject": "idp_id"})).await?.expect(200)?;
        set_mode(&pool, "sync").await?;
        pool.drained().await?;
        let mut providers = vec!["Theirs".to_owned()];
        providers.extend(connections[1..].iter().map(|id| provider_name(id)));
        Ok(Self { pool, organization, providers })
    }

    /// The pool at another deployment, for a tenant with the same WorkOS environment. It is not registered yet.
    async fn elsewhere(&self) -> Result<Pool> {
        let old = &self.pool.tenancy;
        let cloud = old.cloud.deployed_beside(ELSEWHERE).await?;
        let api = cloud.api(&cloud.integration())?;
        let workos = json!({"client_id": cloud.workos_client_id, "api_key": old.workos.api_key});
        let tenant = api.post("/v1/tenants", &json!({"name": "moves", "workos": workos})).await?.expect(201)?.json()?;
        let (id, external_id) = (text(&tenant, "id")?, text(&tenant, "external_id")?);
        let answers = Arc::new(Mutex::new(Vec::new()));
        let tenancy = Tenancy { cloud, api, id, external_id, answers, ..old.clone() };
        Ok(Pool { tenancy, ..self.pool.clone() })
    }

    /// Who each user is in Cognito, by their providers' names, as the application's tokens say it.
    async fn users(&self, names: &BTreeMap<String, String>) -> Result<BTreeMap<String, (Value, Value)>> {
        let mut users = BTreeMap::new();
        for provider in &self.providers {
            let sign_in = SignIn {
                cognito: &self.pool.tenancy.cloud.used_aws_endpoint,
                client_id: &self.pool.app_client,
                redirect_uri: APP_CALLBACK,
                identity_provider: provider,
            };
            let visited = sign_in_as(&sign_in, &names[provider]).await?;
            let tokens = sign_in.tokens(visited.last().context("there is always one")?).await?;
            let claims = claims(&text(&tokens, "id_token")?)?;
            ensure!(claims["email"] == names[provider].as_str(), "{claims:#}");
            users.insert(provider.clone(), (claims["sub"].clone(), claims["cognito:username"].clone()));
        }
        Ok(users)
    }

    /// How many users the pool has.
    async fn count(&self) -> Result<usize> {
        let listed = self.pool.tenancy.seen.list_users().user_pool_id(&self.pool.id).send().await?;
        Ok(listed.users.unwrap_or_default().len())
    }
}

/// The words of a command among what was said, without `causeway`.
fn command(said: &str, name: &str, tenant: &str, file: &str) -> Result<Vec<String>> {
    let begin = said.find(&format!("causeway {name} ")).with_context(|| format!("no {name} is named: {said}"))?;
    let mut words = Vec::new();
    for line in said[begin..].lines() {
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        words.extend(line.split_whitespace().map(str::to_owned));
        if !goes_on {
            break;
        }
    }
    let own = words.into_iter().skip(1).map(|word| match word.as_str() {
        "TENANT" => tenant.to_owned(),
        "FILE" => file.to_owned(),
        _ => word,
    });
    Ok(own.collect())
}

async fn follow(pool: &Pool, command: &[String], more: &[&str]) -> Result<Ended> {
    let words: Vec<&str> = command.iter().map(String::as_str).chain(more.iter().copied()).collect();
    operator(pool).run(&words).await?.expect(0)
}

#[tokio::test]
#[ignore = "deploys a stack beside the tests' own, so that it runs alone: `cargo xtask test` runs it after the others"]
async fn a_pool_moves_to_another_deployment_as_the_command_line_says_and_its_users_stay_who_they_are() -> Result<()> {
    let moving = Moving::new().await?;
    let old = &moving.pool;
    let names = moving.providers.iter().map(|name| (name.clone(), format!("{}@acme.example", unique("ann"))));
    let names: BTreeMap<String, String> = names.collect();
    let users = moving.users(&names).await?;
    let count = moving.count().await?;
    ensure!(count == names.len(), "{count} users");
    let new = moving.elsewhere().await?;

    // What was exported while runs go on is taken by nobody.
    let (early, said) = exported(old).await?;
    let refused = adopt(&Pool { tenancy: old.tenancy.clone(), ..new.clone() }, &early).await?;
    ensure!(refused.code == 2, "{refused:#?}");
    let pause = command(&said, "pools update", "", "")?;
    ensure!(refused.stderr.contains(&pause.join(" ")), "{refused:#?}");
    follow(old, &pause, &[]).await?;

    let (file, said) = exported(old).await?;
    let step = |name: &str| command(&said, name, &new.tenancy.id, &file.display().to_string());
    follow(&new, &step("pools create")?, &[]).await?;
    ensure!(new.shown().await?["organizations"] == json!([moving.organization]), "{:#}", new.shown().await?);
    let deploy = follow(&new, &step("role")?, &[]).await?.stdout;
    ensure!(deploy.contains(&new.tenancy.external_id) && deploy.contains(ELSEWHERE), "{deploy}");
    new.deploy_role().await?;
    follow(&new, &step("verify")?, &[]).await?;
    new.tenancy.stop_listening().await?;
    ensure!(moving.users(&names).await? == users, "somebody became somebody else before anything was taken over");
    let adopted = follow(&new, &step("adopt")?, &["--yes"]).await?;
    ensure!(moving.users(&names).await? == users, "somebody became somebody else");
    ensure!(moving.count().await? == count, "there are new users");
    // Again it changes nothing.
    let before = as_it_is(&new).await?;
    follow(&new, &step("adopt")?, &["--yes"]).await?;
    ensure!(as_it_is(&new).await? == before, "what was taken over was written again");

    follow(old, &command(&adopted.stderr, "pools remove", "", "")?, &["--yes", "--wait"]).await?;
    follow(&new, &command(&adopted.stderr, "pools update", "", "")?, &[]).await?;
    let gone = async || Ok((old.get("").await?.status == 404).then_some(()));
    eventually(SOON, "the pool is gone from the deployment that it left", gone).await?;
    new.drained().await?;
    ensure!(new.plan().await?["steps"] == json!([]), "{:#}", new.plan().await?);
    ensure!(new.shown().await?["health"]["state"] == "ok", "{:#}", new.shown().await?);
    ensure!(moving.users(&names).await? == users && moving.count().await? == count, "somebody became somebody else");
    let cloud = &new.tenancy.cloud;
    delete_stack(&cloud.integration(), &cloud.region, STACK).await
}
