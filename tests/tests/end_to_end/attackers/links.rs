//! Whoever has an onboarding link, and is after more than it is good for.

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::now;
use causeway_local_cloud::onboarding_page::{OnboardingPage, get};
use serde_json::json;

use crate::onboarding_links::link;
use crate::tenancy::{ACCOUNT, REGION, SOON, Tenancy, next_api_key};

/// An account that the links here do not name.
const OTHER_ACCOUNT: &str = "333333333333";

#[tokio::test]
async fn a_pool_of_an_account_that_a_link_does_not_name_is_not_there_for_it() -> Result<()> {
    let cloud = crate::tenancy::cloud()?;
    let tenancy = Tenancy::with("other account", &next_api_key(&cloud)?, OTHER_ACCOUNT, REGION).await?;
    let pool = tenancy.pool(&["org_01NONE"]).await?;
    let before = pool.shown().await?;
    let page = OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?;
    let path = format!("/pools/{}", pool.id);
    let dead_end = page.get("/pools/eu-west-1_Example12/check").await?.expect(404)?.text();
    for (form, fields) in [("app-clients", &[("app_clients", "all")][..]), ("check", &[])] {
        let refused = page.post(&format!("{path}/{form}"), fields).await?.expect(404)?;
        assert_eq!(refused.text(), dead_end, "{form}");
        assert_eq!(page.get(&format!("{path}/{form}")).await?.expect(404)?.text(), dead_end, "{form}");
    }
    for list in ["/check", "/role"] {
        let shown = page.get(list).await?.expect(200)?.text();
        assert!(!shown.contains(&pool.id), "{list} names the pool: {shown}");
    }
    let start = page.get("/start").await?.expect(303)?;
    let start = start.header("location").context("sent nowhere")?;
    assert!(!start.contains(&pool.id), "{start}");
    let records = tenancy.get("/audit").await?.expect(200)?.text();
    assert!(!records.contains(&path), "{records}");
    assert_eq!(pool.shown().await?["app_clients"], before["app_clients"]);
    Ok(())
}

#[tokio::test]
async fn of_six_checks_that_a_link_begins_at_once_one_runs() -> Result<()> {
    let tenancy = Tenancy::new("six checks").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let page = OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?;
    let (began, path) = (now(), format!("/pools/{}/check", pool.id));
    let six = futures::future::try_join_all((0..6).map(|_| page.post(&path, &[]))).await?;
    eventually(SOON, "the page shows what the checks found", async || {
        let shown = page.get(&path).await?.expect(200)?.text();
        Ok(shown.contains("One check failed").then_some(()))
    })
    .await?;
    // Each run begins by entering the role, which is not there.
    let calls = tenancy.cloud.front()?.calls(began, &pool.role_name).await?;
    let entered = calls.iter().filter(|call| call.operation == "AssumeRole").count();
    assert_eq!(entered, 1, "{calls:?}");
    // The others are shown the one that runs.
    assert!(six.iter().all(|answer| answer.status == 303), "{six:?}");
    Ok(())
}

#[tokio::test]
async fn a_browser_with_a_session_of_another_tenant_is_let_in_by_its_own() -> Result<()> {
    let (own, other) = (Tenancy::new("own session").await?, Tenancy::new("other session").await?);
    let page = OnboardingPage::open(&link(&own, &[]).await?.url).await?;
    let elsewhere = OnboardingPage::open(&link(&other, &[]).await?.url).await?;
    let (name, good) = page.cookie.split_once('=').context("no cookie")?;
    let (_, foreign) = elsewhere.cookie.split_once('=').context("no cookie")?;
    let address = format!("{}/role", page.address);
    get(&address, &elsewhere.cookie).await?.expect(404)?;
    get(&address, &format!("{name}={foreign}")).await?.expect(404)?;
    for cookies in [
        format!("{}; {}", elsewhere.cookie, page.cookie),
        format!("{}; {}", page.cookie, elsewhere.cookie),
        format!("{name}={foreign}; {name}={good}"),
    ] {
        assert_eq!(get(&address, &cookies).await?.status, 200, "the session counts for nothing beside another");
    }
    assert_eq!(name, format!("onboarding-{}", own.id));
    assert_eq!(json!(page.set_cookie.contains("SameSite=Strict")), true);
    Ok(())
}
