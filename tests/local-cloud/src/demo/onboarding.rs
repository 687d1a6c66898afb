//! Step 3: the operator sends a link, and the tenant goes through the onboarding page.

use crate::browser::form;
use crate::eventually::eventually;
use crate::onboarding_page::{OnboardingPage, ShownCheck, checks_of, text_of};
use crate::tenant_role::deploy_stack;
use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::SOON;
use super::scene::{Scene, TENANT_ACCOUNT, provider_name, text};
use super::shown::{self, fact, held};

pub async fn show(scene: &mut Scene<'_>) -> Result<()> {
    scene.register_tenant().await?;
    fact("tenant", &format!("{} with external ID {}", scene.tenant_id, scene.external_id));
    let page = open_link(scene).await?;

    let key = scene.cloud.workos_api_key.as_str();
    page.post("/workos", &[("api_key", "sk_of_somebody_else")]).await?.expect(400)?;
    held("a WorkOS API key that WorkOS does not take is refused");
    page.post("/workos", &[("api_key", key)]).await?.expect(303)?;
    held("the tenant's own is taken");

    let fields = [("account_id", TENANT_ACCOUNT), ("user_pool_id", &scene.pool), ("role_name", &scene.role_name)];
    let shown = page.get(&format!("/role?{}", form(&fields))).await?.expect(200)?;
    let template = text_of(&shown, "cloudformation")?;
    held("the role is shown, as CloudFormation template, Terraform configuration and AWS CLI commands");
    page.post("/check", &fields).await?.expect(303)?;
    held("the user pool is registered");
    refuse_open_role(scene, &page).await?;
    create_role(scene, &page, &template).await?;
    offer_sign_in(scene, &page).await
}

async fn open_link(scene: &Scene<'_>) -> Result<OnboardingPage> {
    let path = format!("/v1/tenants/{}/onboarding-links", scene.tenant_id);
    let made = scene.api.post(&path, &json!({ "account_ids": [TENANT_ACCOUNT] })).await?.expect(201)?.json()?;
    let url = text(&made, "url");
    let (address, _) = url.split_once("/link/").context("no link")?;
    fact("link", &format!("{address}/link/..., good until {}", text(&made, "expires_at")));
    let page = OnboardingPage::open(url).await?;
    held("the tenant presses the link's button, and has a session of its own");
    let start = page.get("/start").await?.expect(303)?;
    ensure!(start.header("location").is_some_and(|to| to.ends_with("/workos")), "the page does not ask for the key");
    Ok(page)
}

async fn run_checks(scene: &Scene<'_>, page: &OnboardingPage) -> Result<Vec<ShownCheck>> {
    let path = format!("/pools/{}/check", scene.pool);
    page.post(&path, &[]).await?.expect(303)?;
    checks_of(&page.settled(&path).await?)
}

/// A role that can be assumed without the external ID is not taken.
async fn refuse_open_role(scene: &Scene<'_>, page: &OnboardingPage) -> Result<()> {
    scene.make_open_role().await?;
    let checks = run_checks(scene, page).await?;
    let refused = checks.iter().find(|check| check.title.contains("without your external ID"));
    let refused = refused.with_context(|| format!("no such check: {checks:?}"))?;
    let status = scene.call("GET", "", &json!(null), 200).await?["status"].clone();
    ensure!(refused.outcome == "Failed" && status == "pending", "an open role was accepted: {refused:?}");
    shown::refused("a role without the condition on the external ID", &refused.message);
    scene.delete_open_role().await
}

/// The role that the page shows is deployed as it is.
async fn create_role(scene: &Scene<'_>, page: &OnboardingPage, template: &str) -> Result<()> {
    let outputs = deploy_stack(&scene.tenant, scene.region, &scene.role_name, template, &[]).await?;
    held(&format!("the page's template makes {}", outputs.first().map_or("", |(_, arn)| arn)));
    let checks = run_checks(scene, page).await?;
    let status = scene.call("GET", "", &json!(null), 200).await?["status"].clone();
    ensure!(status == "active", "the pool is not active: {checks:#?}");
    let passed = checks.iter().filter(|check| check.outcome == "Passed").count();
    held(&format!("{passed} of {} checks pass and none fails, so the pool is active", checks.len()));
    Ok(())
}

async fn offer_sign_in(scene: &Scene<'_>, page: &OnboardingPage) -> Result<()> {
    let path = format!("/pools/{}/app-clients", scene.pool);
    page.post(&path, &[("app_clients", &scene.app_client)]).await?.expect(303)?;
    let link = format!("identity_provider={}", provider_name(&scene.connections[0]));
    let name = eventually(SOON, "the page shows a sign-in link", async || {
        let seen = page.get(&path).await?.expect(200)?.text();
        let after = seen.split_once(&link).and_then(|(_, after)| after.split_once("<bdi"));
        let called = after.and_then(|(_, named)| named.split_once("</bdi>")?.0.split_once('>'));
        Ok(called.map(|(_, name)| name.replace("&quot;", "\"")))
    })
    .await?;
    held(&format!("the app client is chosen, and the page shows a link: Sign in with {name}"));
    Ok(())
}
