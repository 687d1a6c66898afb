//! The lookup of an identity provider by a domain, from a verified domain in `WorkOS` to an answer and back to none.

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::signed_http::{Answer, plain_client};
use serde_json::{Value, json};

use crate::pool::{Pool, provider_name};
use crate::relying_party::read;
use crate::tenancy::{SOON, Tenancy, string, unique};

const PAGE: &str = "https://app.example.com";

async fn asked(pool: &Pool, domain: &str, origin: &str) -> Result<Answer> {
    let url = format!("{}/discover/{}/{}", pool.tenancy.cloud.api_url, pool.tenancy.id, pool.id);
    let request = plain_client()?.get(url).query(&[("domain", domain)]).header("origin", origin);
    read(request.send().await?).await
}

/// Waits until a domain is answered with this status: each instance knows the pool for a minute.
async fn answers(pool: &Pool, domain: &str, origin: &str, status: u16) -> Result<Answer> {
    eventually(SOON, &format!("{domain} is answered with {status}"), async || {
        let answer = asked(pool, domain, origin).await?;
        Ok((answer.status == status).then_some(answer))
    })
    .await
}

/// The domains that the table has of the pool.
async fn kept(pool: &Pool) -> Result<usize> {
    let cloud = &pool.tenancy.cloud;
    let query = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).query().table_name(&cloud.table_name);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
    let query = query.expression_attribute_values(":pk", string(&format!("POOL#{}", pool.id)));
    Ok(query.expression_attribute_values(":prefix", string("DOMAIN#")).send().await?.items().len())
}

#[tokio::test]
async fn a_verified_domain_leads_to_its_provider_where_the_pool_offers_it_and_to_nothing_once_it_is_not_so()
-> Result<()> {
    let tenancy = Tenancy::new("lookup").await?;
    let domain = format!("{}.example", unique("d"));
    let organization = tenancy.workos.create_organization("lookup", &[&domain]).await?;
    let connection = tenancy.workos.create_connection(&organization, "c").await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connection]).await?;
    pool.run().await?;
    assert_eq!(asked(&pool, &domain, PAGE).await?.status, 404, "the pool does not offer it");
    assert_eq!(kept(&pool).await?, 0);

    pool.patch(&json!({"domain_lookup": {"origins": [PAGE]}}), None).await?.expect(200)?;
    let answer = answers(&pool, &domain.to_uppercase(), PAGE, 200).await?;
    let expected = json!({"identity_provider": provider_name(&connection), "idp_identifier": connection});
    assert_eq!(answer.json()?, expected);
    for (header, value) in [("access-control-allow-origin", PAGE), ("cache-control", "no-store"), ("vary", "Origin")] {
        assert_eq!(answer.header(header), Some(value));
    }
    let elsewhere = answers(&pool, &domain, "https://evil.example", 200).await?;
    assert_eq!(elsewhere.header("access-control-allow-origin"), None);
    for (other, status) in [("other.example", 404), ("ann@a.example", 400)] {
        assert_eq!(asked(&pool, other, PAGE).await?.status, status, "{other}");
    }

    // The second connection of the organization: its ID stands for both.
    let second = tenancy.workos.create_connection(&organization, "c2").await?;
    pool.run().await?;
    pool.settles_on(&[&connection, &second]).await?;
    pool.run().await?;
    let both = eventually(SOON, "the organization stands for both", async || {
        let answer = answers(&pool, &domain, PAGE, 200).await?.json()?;
        Ok((answer["idp_identifier"] == organization).then_some(answer))
    })
    .await?;
    assert_eq!(both["identity_provider"], provider_name(&connection));

    pool.patch(&json!({"domain_lookup": Value::Null}), None).await?.expect(200)?;
    answers(&pool, &domain, PAGE, 404).await?;
    eventually(SOON, "nothing is kept of it", async || Ok((kept(&pool).await? == 0).then_some(()))).await?;
    let log = tenancy.cloud.function_log("signin");
    ensure!(!log.to_lowercase().contains(&domain), "the log of signin has the domain");
    Ok(())
}
