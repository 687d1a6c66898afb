//! The external ID, rotated role by role: no run fails meanwhile, and the previous one is good for nothing in the end.

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::onboarding_page::OnboardingPage;
use causeway_local_cloud::tenant_role::{deploy_keeping, deploy_stack};
use serde_json::{Value, json};

use crate::pool::Pool;
use crate::tenancy::{SOON, Tenancy, check, text};

/// The pool of a tenant that has another external ID.
fn with_external_id(pool: &Pool, external_id: &str) -> Pool {
    Pool { tenancy: Tenancy { external_id: external_id.to_owned(), ..pool.tenancy.clone() }, ..pool.clone() }
}

async fn rotation(tenancy: &Tenancy) -> Result<Value> {
    Ok(tenancy.get("").await?.expect(200)?.json()?["external_id_rotation"].clone())
}

/// Waits until the one role of the tenant was seen to take just these.
async fn progresses_to(pool: &Pool, takes_new: bool, takes_former: bool) -> Result<()> {
    let expected = json!([takes_new, takes_former]);
    eventually(SOON, &format!("the role takes the new ID and the former one: {expected}"), async || {
        let run = pool.run().await?;
        assert_eq!(run["failures"], json!([]), "a run failed meanwhile: {run:#}");
        let role = rotation(&pool.tenancy).await?["roles"][0].clone();
        Ok((json!([role["takes_new"], role["takes_former"]]) == expected).then_some(()))
    })
    .await
}

async fn trusted(pool: &Pool) -> Result<Value> {
    let role = pool.get("/role").await?.expect(200)?.json()?;
    Ok(role["trust_policy"]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"].clone())
}

#[tokio::test]
async fn a_rotated_external_id_is_taken_over_role_by_role_and_the_former_one_forgotten_at_the_end() -> Result<()> {
    let tenancy = Tenancy::new("rotated external ID").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.run().await?;
    let former = tenancy.external_id.clone();

    let rotated = tenancy.post("/external-id-rotation", &json!({})).await?.expect(202)?.json()?;
    let new = text(&rotated, "external_id")?;
    assert_ne!(new, former);
    assert_eq!(rotated["external_id_rotation"]["former_external_id"], former, "{rotated:#}");
    assert_eq!(rotated["external_id_rotation"]["roles"].as_array().context("no roles")?.len(), 1, "{rotated:#}");
    let again = tenancy.post("/external-id-rotation", &json!({})).await?;
    assert_eq!(again.status, 409, "{}", again.text());

    // The role as it was: Causeway gets in by the previous one, also for what is new.
    progresses_to(&pool, false, true).await?;
    let later = tenancy.workos.create_connection(&organization, "later").await?;
    pool.run().await?;
    pool.settles_on(&[&connections[0], &later]).await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "active", "{verified:#}");
    assert_eq!(check(&verified, "role_assumable")?["outcome"], "warn", "{verified:#}");
    assert_eq!(trusted(&pool).await?, json!([new, former]));
    let accounts = json!({ "account_ids": [tenancy.account.id] });
    let link = tenancy.post("/onboarding-links", &accounts).await?.expect(201)?.json()?;
    let page = OnboardingPage::open(&text(&link, "url")?).await?;
    let checks = format!("/pools/{}/check", pool.id);
    page.post(&checks, &[]).await?.expect(303)?;
    page.settled(&checks).await?;
    let offered = page.get(&format!("/pools/{}/app-clients", pool.id)).await?.expect(200)?.text();
    assert!(offered.contains("type=\"checkbox\""), "the onboarding page offers no app client: {offered}");

    // As its documents are now.
    let template = text(&pool.get("/role").await?.expect(200)?.json()?, "cloudformation")?;
    deploy_stack(&tenancy.account, tenancy.region, &pool.role_name, &template, &[]).await?;
    progresses_to(&pool, true, true).await?;
    assert_eq!(rotation(&tenancy).await?["former_external_id"], former, "the former one is still taken");
    assert_eq!(trusted(&pool).await?, json!(new));

    with_external_id(&pool, &new).deploy_role().await?;
    eventually(SOON, "the rotation is over", async || {
        let run = pool.run().await?;
        assert_eq!(run["failures"], json!([]), "{run:#}");
        Ok(rotation(&tenancy).await?.is_null().then_some(()))
    })
    .await?;
    assert_eq!(trusted(&pool).await?, json!(new));
    let verified = pool.verify().await?;
    assert_eq!(check(&verified, "role_assumable")?["outcome"], "pass", "{verified:#}");
    // A role that only the former one opens is closed from now on.
    with_external_id(&pool, &former).deploy_role().await?;
    let verified = pool.verify().await?;
    assert_eq!(check(&verified, "role_assumable")?["outcome"], "fail", "{verified:#}");
    Ok(())
}

#[tokio::test]
async fn a_rotation_waits_for_every_role_that_is_in_use_and_for_no_other() -> Result<()> {
    let tenancy = Tenancy::new("two roles").await?;
    let organization = tenancy.organization().await?;
    let (first, second) = (tenancy.pool(&[&organization]).await?, tenancy.pool(&[&organization]).await?);
    tenancy.registered_pool(&[&organization]).await?;
    let rotated = tenancy.post("/external-id-rotation", &json!({})).await?.expect(202)?.json()?;
    let new = text(&rotated, "external_id")?;
    with_external_id(&first, &new).deploy_role().await?;
    first.run().await?;
    first.run().await?;
    assert_eq!(rotation(&tenancy).await?["roles"].as_array().context("no roles")?.len(), 2);
    with_external_id(&second, &new).deploy_role().await?;
    eventually(SOON, "the rotation is over", async || {
        second.run().await?;
        Ok(rotation(&tenancy).await?.is_null().then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_tenant_without_a_role_in_use_has_its_new_external_id_at_once() -> Result<()> {
    let tenancy = Tenancy::new("no role").await?;
    let rotated = tenancy.post("/external-id-rotation", &json!({})).await?.expect(202)?.json()?;
    assert_eq!(rotated["external_id_rotation"], Value::Null, "{rotated:#}");
    assert_ne!(text(&rotated, "external_id")?, tenancy.external_id);
    Ok(())
}

/// What the shell gives the AWS CLI: the arguments of the only command in `script`.
async fn arguments(script: &str) -> Result<Vec<String>> {
    let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}\n{script}");
    let ran = tokio::process::Command::new("sh").args(["-euc", &script]).output().await?;
    ensure!(ran.status.success(), "not for a shell: {script}: {ran:?}");
    Ok(String::from_utf8(ran.stdout)?.split_terminator('\0').map(str::to_owned).collect())
}

/// Deploys the template as `aws cloudformation deploy` does, with the parameters that its arguments pass: of the others
/// the stack keeps the previous values.
async fn deploy_as_the_cli_does(pool: &Pool, template: &str, arguments: &[String]) -> Result<()> {
    let given: Vec<(&str, &str)> = arguments
        .iter()
        .skip_while(|word| *word != "--parameter-overrides")
        .filter_map(|w| w.split_once('='))
        .collect();
    let kept: Vec<&str> = ["ExternalId", "UserPoolId", "RoleName", "IntegrationAccountId"]
        .into_iter()
        .filter(|name| !given.iter().any(|(key, _)| key == name))
        .collect();
    let tenancy = &pool.tenancy;
    deploy_keeping(&tenancy.account, tenancy.region, &pool.role_name, template, &given, &kept).await.map(drop)
}

#[tokio::test]
async fn a_stack_that_kept_its_old_external_id_is_named_with_the_command_that_rotates_it() -> Result<()> {
    let tenancy = Tenancy::new("kept parameter").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let first = arguments(&text(&role, "deploy_command")?).await?;
    ensure!(first[..4] == ["cloudformation", "deploy", "--stack-name", &pool.role_name], "{first:?}");
    deploy_as_the_cli_does(&pool, &text(&role, "cloudformation")?, &first).await?;
    pool.verified().await?;
    let former = tenancy.external_id.clone();
    tenancy.post("/external-id-rotation", &json!({})).await?.expect(202)?;

    // The new template, and no parameters: the update succeeds and changes nothing of the trust.
    let role = pool.get("/role").await?.expect(200)?.json()?;
    deploy_as_the_cli_does(&pool, &text(&role, "cloudformation")?, &[]).await?;
    progresses_to(&pool, false, true).await?;
    let remedy = text(&rotation(&tenancy).await?["roles"][0], "remedy")?;
    ensure!(remedy.contains(&former) && remedy.contains("kept the old parameter"), "{remedy}");
    let verified = pool.verify().await?;
    let assumable = check(&verified, "role_assumable")?;
    ensure!(text(assumable, "message")?.contains(&former), "the ID that the role has is not named: {assumable}");
    let command = text(&role, "deploy_command")?;
    ensure!(text(assumable, "remedy")?.contains(&command) && remedy.contains(&command), "{assumable}, {remedy}");

    deploy_as_the_cli_does(&pool, &text(&role, "cloudformation")?, &arguments(&command).await?).await?;
    progresses_to(&pool, true, true).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let command = text(&role, "deploy_command")?;
    deploy_as_the_cli_does(&pool, &text(&role, "cloudformation")?, &arguments(&command).await?).await?;
    eventually(SOON, "the rotation is over", async || {
        pool.run().await?;
        Ok(rotation(&tenancy).await?.is_null().then_some(()))
    })
    .await
}
