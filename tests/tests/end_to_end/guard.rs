//! The guard: losing every way to sign in waits for an operator's word.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::pool::{Pool, in_line, provider_name};
use crate::tenancy::{Tenancy, text};

async fn delete_all(tenancy: &Tenancy, connections: &[String]) -> Result<()> {
    // At once, so that no run sees some of them deleted.
    futures::future::try_join_all(connections.iter().map(|id| tenancy.workos.delete_connection(id))).await?;
    Ok(())
}

async fn approve(pool: &Pool, hash: &str) -> Result<u16> {
    let answer = pool.post("/approvals", &json!({"hash": hash})).await?;
    if answer.status >= 400 {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    Ok(answer.status)
}

fn held_of(plan: &Value) -> Result<Vec<&Value>> {
    Ok(plan["steps"].as_array().context("no steps")?.iter().filter(|step| step["held"] == true).collect())
}

#[tokio::test]
async fn an_emptied_environment_is_held_until_it_is_approved_and_then_only_once() -> Result<()> {
    let tenancy = Tenancy::new("emptied").await?;
    let (organization, connections) = tenancy.organization_with(3).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let all: Vec<&str> = connections.iter().map(String::as_str).collect();
    pool.settles_on(&all).await?;
    pool.run().await?;
    delete_all(&tenancy, &connections).await?;

    let run = pool.run().await?;
    assert_eq!(run["outcome"], "partial", "{run:#}");
    let health = pool.health("held").await?;
    assert!(!text(&health, "remedy")?.is_empty(), "{health}");
    pool.settles_on(&all).await?;
    let mut offered = pool.supported().await?;
    offered.sort();
    let mut wired: Vec<String> = connections.iter().map(|id| provider_name(id)).collect();
    wired.insert(0, "COGNITO".to_owned());
    wired.sort();
    assert_eq!(offered, wired, "users can't sign in any more");

    let plan = pool.plan().await?;
    assert_eq!(held_of(&plan)?.len(), 6, "{plan:#}");
    let hash = text(&plan, "hash")?;
    assert_eq!(approve(&pool, &hash.replace(|c: char| c.is_ascii_digit(), "f")).await?, 409, "a wrong hash");
    assert_eq!(pool.provider_names().await?.len(), 3);
    assert_eq!(approve(&pool, &hash).await?, 202);
    pool.settles_on(&[]).await?;
    pool.health("ok").await?;
    assert_eq!(pool.plan().await?["steps"], json!([]));
    assert_eq!(approve(&pool, &hash).await?, 409, "nothing is held any more");

    // The same again is another loss, which that word does not cover.
    let mut again = Vec::new();
    for name in ["a", "b"] {
        again.push(tenancy.workos.create_connection(&organization, name).await?);
    }
    pool.run().await?;
    pool.settles_on(&[&again[0], &again[1]]).await?;
    delete_all(&tenancy, &again).await?;
    pool.run().await?;
    pool.health("held").await?;
    assert_eq!(approve(&pool, &hash).await?, 409, "an approval is good once");
    pool.run().await?;
    pool.settles_on(&[&again[0], &again[1]]).await
}

#[tokio::test]
async fn one_held_connection_is_approved_another_is_refused_and_the_rest_goes_on_waiting() -> Result<()> {
    let (pool, _, connections) = in_line("decided", 3).await?;
    let [approved, refused, waiting] = &connections[..] else { bail!("{connections:?}") };
    delete_all(&pool.tenancy, &connections).await?;
    pool.run().await?;
    let health = pool.health("held").await?;
    for id in &connections {
        assert!(text(&health, "message")?.contains(id.as_str()), "{health}");
    }
    let refusal = json!({"connection_ids": [refused], "reason": "their contract runs on"});
    let answer = pool.post("/refusals", &refusal).await?.expect(201)?.json()?;
    assert_eq!(answer["items"][0]["connection_id"], *refused, "{answer}");
    let unknown = json!({"connection_ids": ["conn_01E4ZCR3C56J083X43JQXF3JK5"], "reason": "nobody"});
    assert_eq!(pool.post("/refusals", &unknown).await?.status, 409);
    assert_eq!(pool.post("/approvals", &json!({"connection_ids": [approved, refused]})).await?.status, 409);
    let answer = pool.post("/approvals", &json!({"connection_ids": [approved]})).await?.expect(202)?.json()?;
    assert_eq!(answer["steps"].as_array().context("no steps")?.len(), 2, "{answer}");
    pool.settles_on(&[refused, waiting]).await?;

    let run = pool.run().await?;
    let held: Vec<&Value> = held_of(&run)?.into_iter().map(|step| &step["connection_id"]).collect();
    assert_eq!(held, [waiting.as_str(), waiting], "{run:#}");
    let providers = pool.items("/providers").await?;
    let of = |id: &str| providers.iter().find(|one| one["connection_id"] == id).context("it is gone");
    let (parked, held) = (of(refused)?, of(waiting)?);
    assert_eq!(parked["refused"]["reason"], "their contract runs on", "{parked}");
    assert!(parked["held_since"].is_null() && held["held_since"].is_string(), "{parked} {held}");

    // What is only parked raises no alarm. Let go, it is held again and not carried out.
    pool.post("/approvals", &json!({"connection_ids": [waiting]})).await?.expect(202)?;
    pool.settles_on(&[refused]).await?;
    let health = pool.health("ok").await?;
    assert!(text(&health, "message")?.contains(refused.as_str()), "{health}");
    let listed = pool.items("/refusals").await?;
    assert_eq!(listed[0]["connection_id"], *refused, "{listed:?}");
    let path = format!("/v1/tenants/{}/user-pools/{}/refusals/{refused}", pool.tenancy.id, pool.id);
    for expected in [204, 404] {
        assert_eq!(pool.tenancy.api.send("DELETE", &path, &[], b"").await?.status, expected);
    }
    pool.run().await?;
    pool.health("held").await?;
    pool.settles_on(&[refused]).await
}

#[tokio::test]
async fn what_comes_to_be_is_not_held_back_beside_what_goes() -> Result<()> {
    let tenancy = Tenancy::new("beside").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    delete_all(&tenancy, &connections).await?;
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    let run = pool.run().await?;
    assert_eq!(run["outcome"], "partial", "{run:#}");
    pool.settles_on(&[&connections[0], &connections[1], &new]).await?;
    assert!(pool.supported().await?.contains(&provider_name(&new)));
    // The new one is no room for what waits: two of three would be few.
    let run = pool.run().await?;
    let done = run["steps"].as_array().context("no steps")?.iter().filter(|step| step["held"] != true).count();
    assert_eq!((&run["outcome"], done), (&json!("partial"), 0), "{run:#}");
    pool.settles_on(&[&connections[0], &connections[1], &new]).await
}

#[tokio::test]
async fn a_connection_that_workos_left_out_of_its_list_and_still_knows_keeps_its_provider() -> Result<()> {
    let (pool, _, connections) = in_line("hidden", 3).await?;
    let (front, all) = (pool.tenancy.cloud.front()?, pool.provider_names().await?);
    front.hide(&connections[1], true).await?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("partial"), &json!([])), "{run:#}");
    assert_eq!(run["failures"][0]["connection_id"], connections[1], "{run:#}");
    let health = pool.health("transient").await?;
    assert!(text(&health, "message")?.contains("still knows it"), "{health}");
    assert_eq!(pool.provider_names().await?, all);
    assert!(pool.supported().await?.contains(&provider_name(&connections[1])), "users can't sign in any more");
    front.hide(&connections[1], false).await?;
    pool.run().await?;
    pool.health("ok").await.map(drop)
}
