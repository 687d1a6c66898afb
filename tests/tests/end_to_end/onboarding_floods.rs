//! What somebody who holds a link, or who can set a cookie in the holder's browser, can't use up or shut.

use anyhow::{Context, Result};
use causeway_local_cloud::onboarding_page::{OnboardingPage, get};
use futures::future::try_join_all;

use crate::onboarding_links::link;
use crate::tenancy::{ACCOUNT, Tenancy};

/// The places that the links of a tenant may fill.
const PLACES: usize = 50;

async fn registered(tenancy: &Tenancy) -> Result<usize> {
    let list = tenancy.get("/user-pools?limit=100").await?.expect(200)?.json()?;
    list["items"].as_array().map(Vec::len).context("no items")
}

#[tokio::test]
async fn a_links_registrations_at_once_pass_the_limit_by_none() -> Result<()> {
    let tenancy = Tenancy::new("places").await?;
    let mut pages = Vec::new();
    for _ in 0..3 {
        pages.push(OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?);
    }
    let register = async |page: &OnboardingPage, number: usize| {
        let pool = format!("eu-west-1_Place{number:04}");
        let fields = [("account_id", ACCOUNT), ("user_pool_id", pool.as_str()), ("role_name", "CausewayLogin")];
        Ok::<_, anyhow::Error>(page.post("/check", &fields).await?.status)
    };
    // Several by each of several links at once. Who meets too many others is told to wait, and asks again.
    let (mut number, mut waits) = (0, 0);
    while registered(&tenancy).await? < PLACES - 2 {
        let numbers = number..number + 9;
        number += 9;
        let some = numbers.map(|number| register(&pages[number % pages.len()], number));
        let statuses = try_join_all(some).await?;
        assert!(statuses.iter().all(|status| [303, 400, 409].contains(status)), "{statuses:?}");
        assert!(statuses.contains(&303), "one of them comes first: {statuses:?}");
        waits += statuses.iter().filter(|status| **status == 409).count();
        assert!(registered(&tenancy).await? <= PLACES, "after {number}, of which {waits} were to wait");
    }
    let last = try_join_all((number..number + 12).map(|number| register(&pages[number % pages.len()], number))).await?;
    assert!(last.iter().all(|status| [303, 400, 409].contains(status)), "{last:?}");
    for number in number + 12.. {
        if register(&pages[0], number).await? == 400 {
            break;
        }
        assert!(registered(&tenancy).await? <= PLACES);
    }
    assert_eq!(registered(&tenancy).await?, PLACES);
    Ok(())
}

#[tokio::test]
async fn cookies_that_somebody_tossed_shut_nobody_out() -> Result<()> {
    let tenancy = Tenancy::new("tossed").await?;
    let page = OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?;
    let (name, _) = page.cookie.split_once('=').context("no cookie")?;
    // As a host beside this one can have a browser send them: before the good one, and as many as there is room for.
    let tossed: Vec<String> = (0..90).map(|number| format!("{name}={number:A<43}")).collect();
    let cookies = format!("{}; {}", tossed.join("; "), page.cookie);
    let address = format!("{}/workos", page.address);
    for visit in 0..8 {
        assert_eq!(get(&address, &cookies).await?.status, 200, "visit {visit}");
    }
    Ok(())
}
