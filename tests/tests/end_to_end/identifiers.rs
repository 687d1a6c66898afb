//! One identifier is on one provider only, also where an organization has several connections.

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use serde_json::json;

use crate::pool::{Pool, identifiers, provider_name};
use crate::tenancy::{SOON, Tenancy, unique};

/// Whether each connection's provider has the identifier.
async fn holders(pool: &Pool, connections: &[String], identifier: &str) -> Result<Vec<bool>> {
    let mut holders = Vec::new();
    for connection in connections {
        let provider = pool.provider(&provider_name(connection)).await?;
        holders.push(provider.is_some_and(|provider| identifiers(&provider).iter().any(|one| one == identifier)));
    }
    Ok(holders)
}

#[tokio::test]
async fn of_two_connections_the_older_has_the_organizations_id_until_it_goes() -> Result<()> {
    let tenancy = Tenancy::new("two of one").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    assert_eq!(holders(&pool, &connections, &organization).await?, [true, false]);
    for connection in &connections {
        assert!(identifiers(&pool.provider_of(connection).await?).contains(connection));
    }

    tenancy.workos.delete_connection(&connections[0]).await?;
    pool.run().await?;
    pool.settles_on(&[&connections[1]]).await?;
    assert_eq!(holders(&pool, &connections, &organization).await?, [false, true]);

    // The one that has it keeps it, although another one comes.
    let third = tenancy.workos.create_connection(&organization, "third").await?;
    pool.run().await?;
    assert_eq!(holders(&pool, &[connections[1].clone(), third], &organization).await?, [true, false]);
    Ok(())
}

#[tokio::test]
async fn verified_domains_become_identifiers_where_the_pool_asks_for_them() -> Result<()> {
    let tenancy = Tenancy::new("domains").await?;
    let name = unique("d");
    let (verified, pending) = (format!("{name}.example"), format!("{name}.pending"));
    let long = format!("{name}.{}.example", "a".repeat(40));
    let body = json!({"name": name, "domain_data": [
        {"domain": verified.to_uppercase(), "state": "verified"},
        {"domain": pending, "state": "pending"},
        {"domain": long, "state": "verified"},
    ]});
    let organization = tenancy.workos.call("POST", "/organizations", Some(&body)).await?.expect(201)?.json()?;
    let organization = organization["id"].as_str().context("no id")?;
    let connection = tenancy.workos.create_connection(organization, "c").await?;
    let pool = tenancy.user_pool().await?;
    let mut registration = tenancy.registration(&pool, &[organization]);
    registration["domain_identifiers"] = json!(true);
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let mut expected = vec![connection.clone(), organization.to_owned(), verified];
    expected.sort();
    assert_eq!(identifiers(&pool.provider_of(&connection).await?), expected);
    let plan = eventually(SOON, "the pool is in line", async || {
        let plan = pool.plan().await?;
        Ok((plan["steps"] == json!([])).then_some(plan))
    })
    .await?;
    assert!(plan["notes"].to_string().contains(&long), "the long domain is not reported: {plan:#}");
    Ok(())
}
