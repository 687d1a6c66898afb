//! Two tenants whose `WorkOS` environments know nothing of each other.

use anyhow::{Context, Result};
use causeway_local_cloud::browser::{follow, parameter};
use causeway_local_cloud::workos::{OTHER_CLIENT_ID, other_api_key};
use url::Url;

use crate::pool::Pool;
use crate::relying_party::{RelyingParty, get};
use crate::sign_in::scene;
use crate::tenancy::{ACCOUNT, REGION, Tenancy, unique};

/// A pool of a tenant with the other environment.
async fn other_scene() -> Result<(Pool, String)> {
    let tenancy = Tenancy::of_environment("elsewhere", OTHER_CLIENT_ID, &other_api_key(1), ACCOUNT, REGION).await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.provider_of(&connections[0]).await?;
    pool.run().await?;
    let connection = connections.into_iter().next().context("one was made")?;
    Ok((pool, connection))
}

/// Where `WorkOS` sends the browser back to, with its code and our state.
async fn back_from_workos(party: &RelyingParty, user: &str) -> Result<Url> {
    let begin = party.authorize_url(&[("login_hint", user)])?;
    let visited = follow(begin, &format!("{}/callback", party.tenant_issuer())).await?;
    visited.into_iter().next_back().context("there is always one")
}

#[tokio::test]
async fn nothing_of_one_tenants_sign_in_is_good_for_another_tenant() -> Result<()> {
    let (pool, _, connections) = scene("apart", 1).await?;
    let (other_pool, other_connection) = other_scene().await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let other = RelyingParty::of(&other_pool, &other_connection).await?;
    for (party, what) in [(&party, "one"), (&other, "the other")] {
        party.signs_in(&unique("kim@")).await.with_context(|| format!("{what} can't sign in by itself"))?;
    }

    // The code of the one's WorkOS, with the state of the other: that WorkOS has never heard of it.
    let (one_back, other_back) =
        (back_from_workos(&party, &unique("kim@")).await?, back_from_workos(&other, &unique("lea@")).await?);
    let code = parameter(&one_back, "code").context("no code")?;
    let state = parameter(&other_back, "state").context("no state")?;
    let mut swapped = other_back.clone();
    swapped.query_pairs_mut().clear().append_pair("code", &code).append_pair("state", &state);
    let visited = follow(swapped, &other.redirect_uri).await?;
    let arrived = visited.last().context("there is always one")?;
    assert_eq!((parameter(arrived, "code"), parameter(arrived, "error").as_deref()), (None, Some("access_denied")));

    // The state of the one at the other's callback, and both at the other's.
    let state = parameter(&one_back, "state").context("no state")?;
    for code in [&code, &parameter(&other_back, "code").context("no code")?] {
        let mut moved = other_back.clone();
        moved.query_pairs_mut().clear().append_pair("code", code).append_pair("state", &state);
        let answer = get(moved.as_str()).await?;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{}", answer.text());
    }

    // Our own code, at the other's token endpoint, with the other's secret.
    let code = party.code(&unique("mia@")).await?;
    let refused = other.redeem(&code).await?;
    assert_eq!((refused.status, &refused.json()?["error"]), (400, &"invalid_grant".into()));
    party.redeemed(&code).await.context("no refusal spent the code")?;

    // And the issuer of the one's connection under the other's tenant is none.
    let foreign = other.authorize_url(&[])?.as_str().replacen(&other_connection, &connections[0], 1);
    assert_eq!(get(&foreign).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn each_tenant_gets_the_connections_of_its_own_environment_only() -> Result<()> {
    let (pool, _, connections) = scene("own environment", 1).await?;
    let (other_pool, other_connection) = other_scene().await?;
    let mine = pool.provider_names().await?;
    let others = other_pool.provider_names().await?;
    assert!(mine.contains(&crate::pool::provider_name(&connections[0])), "{mine:?}");
    assert!(!mine.contains(&crate::pool::provider_name(&other_connection)), "{mine:?}");
    assert_eq!(others, [crate::pool::provider_name(&other_connection)]);
    Ok(())
}
