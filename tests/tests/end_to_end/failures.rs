//! What fails does so cleanly: nothing is half done, the pool says so, and it heals.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::Client as Sqs;
use causeway_core::timestamp::Timestamp;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::tenant_role::delete_stack;
use causeway_local_cloud::workos::WorkOs;
use serde_json::{Value, json};

use crate::pool::{in_line, provider_name};
use crate::tenancy::{ACCOUNT, REGION, SOON, Tenancy, check, cloud, last_api_key, text, unique};

#[tokio::test]
async fn without_the_role_nothing_changes_the_pool_says_so_and_heals_when_it_is_back() -> Result<()> {
    let tenancy = Tenancy::new("denied").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    delete_stack(&tenancy.account, tenancy.region, &pool.role_name).await?;
    tenancy.workos.delete_connection(&connections[0]).await?;
    let new = tenancy.workos.create_connection(&organization, "new").await?;

    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("failed"), &json!([])), "{run:#}");
    assert_eq!(run["failures"][0]["class"], "denied", "{run:#}");
    let health = pool.health("denied").await?;
    assert!(text(&health, "remedy")?.contains("verify"), "{health}");
    assert!(text(&health, "message")?.contains(&pool.role_name), "{health}");
    let mut untouched = vec![provider_name(&connections[0]), provider_name(&connections[1])];
    untouched.sort();
    assert_eq!(pool.provider_names().await?, untouched);
    assert_eq!(pool.shown().await?["counts"]["providers"], 2, "what was seen last is forgotten");
    let answer = pool.post("/reconcile", &json!({"dry_run": true})).await?;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("verify"), "{}", answer.text());

    pool.deploy_role().await?;
    pool.run().await?;
    pool.settles_on(&[&connections[1], &new]).await?;
    pool.health("ok").await.map(drop)
}

#[tokio::test]
async fn one_call_that_the_role_denies_stops_what_depends_on_it_and_nothing_else() -> Result<()> {
    let (pool, organization, connections) = in_line("one denied", 2).await?;
    let (tenancy, iam) = (&pool.tenancy, pool.tenancy.account.iam()?);
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "cognito-idp:DeleteIdentityProvider", "Resource": "*"}
    ]});
    let policy = [("RoleName", pool.role_name.as_str()), ("PolicyName", "denied")];
    iam.call("PutRolePolicy", &[&policy[..], &[("PolicyDocument", &deny.to_string())]].concat()).await?;
    tenancy.workos.delete_connection(&connections[0]).await?;
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["failures"][0]["class"]), (&json!("partial"), &json!("denied")), "{run:#}");
    assert_eq!(run["failures"].as_array().map(Vec::len), Some(1), "{run:#}");
    let health = pool.health("denied").await?;
    assert!(text(&health, "message")?.contains(&connections[0]), "{health}");
    let mut expected = vec![provider_name(&connections[0]), provider_name(&connections[1]), provider_name(&new)];
    expected.sort();
    assert_eq!(pool.provider_names().await?, expected);
    let offered = pool.supported().await?;
    assert!(
        offered.contains(&provider_name(&new)) && !offered.contains(&provider_name(&connections[0])),
        "{offered:?}"
    );

    iam.call("DeleteRolePolicy", &policy).await?;
    pool.run().await?;
    pool.settles_on(&[&connections[1], &new]).await?;
    pool.health("ok").await.map(drop)
}

#[tokio::test]
async fn a_role_that_became_open_is_found_by_the_daily_look_and_used_for_no_write() -> Result<()> {
    let tenancy = Tenancy::new("opened").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.run().await?;
    let principal = json!({"AWS": format!("arn:aws:iam::{}:root", tenancy.cloud.integration_account)});
    let open = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    ]});
    let closed = pool.get("/role").await?.expect(200)?.json()?["trust_policy"].clone();
    let trust = async |policy: &Value| {
        let parameters = [("RoleName", pool.role_name.as_str()), ("PolicyDocument", &policy.to_string())];
        tenancy.account.iam()?.call("UpdateAssumeRolePolicy", &parameters).await
    };
    trust(&open).await?;
    // A run that was under way when the time was set writes over it, since it alone keeps that record.
    eventually(SOON, "the daily look comes and finds the role open", async || {
        pool.set_as_created("run.role_probe_due_at").await?;
        Ok((pool.run().await?["outcome"] == "failed").then_some(()))
    })
    .await?;
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("failed"), &json!([])), "{run:#}");
    let health = pool.health("denied").await?;
    assert!(text(&health, "message")?.contains("without the external ID"), "{health}");
    assert_eq!(pool.provider_names().await?, [provider_name(&connections[0])]);

    trust(&closed).await?;
    pool.run().await?;
    pool.settles_on(&[&connections[0], &new]).await?;
    pool.health("ok").await.map(drop)
}

#[tokio::test]
async fn a_key_that_workos_does_not_know_keeps_the_pool_from_being_verified() -> Result<()> {
    let tenancy = Tenancy::with("wrong key", &unique("sk_test_unknown"), ACCOUNT, REGION).await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    pool.deploy_role().await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "pending", "{verified:#}");
    let refused = check(&verified, "workos_api_key")?;
    assert_eq!(refused["outcome"], "fail", "{verified:#}");
    assert!(!text(refused, "remedy")?.is_empty(), "{refused}");
    // The role is looked at all the same, so that one call tells everything.
    assert_eq!(check(&verified, "role_requires_external_id")?["outcome"], "pass");
    Ok(())
}

#[tokio::test]
async fn a_tenant_without_a_key_is_registered_and_not_verified() -> Result<()> {
    let mut tenancy = Tenancy::new("no key").await?;
    let body = json!({"name": "no key", "workos": {"client_id": tenancy.cloud.workos_client_id}});
    let tenant = tenancy.api.post("/v1/tenants", &body).await?.expect(201)?.json()?;
    (tenancy.id, tenancy.external_id) = (text(&tenant, "id")?, text(&tenant, "external_id")?);
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    pool.deploy_role().await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "pending");
    assert_eq!(check(&verified, "workos_api_key")?["outcome"], "fail", "{verified:#}");
    Ok(())
}

#[tokio::test]
async fn throttled_by_workos_a_run_fails_whole_and_is_tried_again_soon() -> Result<()> {
    let tenancy = Tenancy::with("throttled", &last_api_key(&cloud()?)?, ACCOUNT, REGION).await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    let front = tenancy.cloud.front()?;
    let throttled = Faults {
        service: "workos".to_owned(),
        containing: vec![tenancy.workos.api_key.clone()],
        throttles: 1.0,
        ..Faults::default()
    };
    front.set_faults(&tenancy.id, Some(throttled)).await?;
    // Past the front.
    let workos = WorkOs::new(&tenancy.cloud.workos_emulator_url, &tenancy.workos.api_key)?;
    workos.delete_connection(&connections[0]).await?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("failed"), &json!([])), "{run:#}");
    assert_eq!(run["failures"][0]["class"], "throttled", "{run:#}");
    let shown = pool.shown().await?;
    assert_eq!(shown["health"]["state"], "throttled", "{shown:#}");
    let at = |value: &Value| value.as_str().and_then(Timestamp::parse).context("no time");
    let wait = at(&shown["next_due_at"])?.since(at(&shown["last_run"]["finished_at"])?);
    // A minute, or two where the schedule had it looked at once more meanwhile.
    let soon = Duration::from_secs(54)..=Duration::from_secs(132);
    assert!(soon.contains(&wait), "it is tried again after {wait:?}: {shown:#}");
    assert_eq!(pool.provider_names().await?.len(), 2, "something was changed on half a look");
    front.set_faults(&tenancy.id, None).await?;
    // As if that time had come. Nobody asks for the run.
    pool.set_as_created("due_at").await?;
    tenancy.cloud.invoke("schedule", &json!({})).await?;
    pool.settles_on(&[&connections[1]]).await?;
    pool.health("ok").await.map(drop)
}

#[tokio::test]
async fn a_key_that_workos_revoked_takes_nothing_away_and_the_pool_says_so() -> Result<()> {
    let (pool, _, connections) = in_line("revoked", 2).await?;
    let tenancy = &pool.tenancy;
    let (front, before) = (tenancy.cloud.front()?, (pool.provider_names().await?, pool.app_client().await?));
    let key = &tenancy.workos.api_key;
    // Past the front. It holds the organization's ID, so that a step for the other one depends on it.
    WorkOs::new(&tenancy.cloud.workos_emulator_url, key)?.delete_connection(&connections[0]).await?;
    // All of its calls, or only the question whether the connection that is not listed is gone.
    for (refused, outcome) in [(format!("{key} "), "failed"), (format!("{key} GET /connections/conn_"), "partial")] {
        let denied =
            Faults { service: "workos".to_owned(), containing: vec![refused], denied: 1.0, ..Faults::default() };
        front.set_faults(&tenancy.id, Some(denied)).await?;
        let run = pool.run().await?;
        assert_eq!((&run["outcome"], &run["steps"]), (&json!(outcome), &json!([])), "{run:#}");
        assert_eq!(run["failures"][0]["class"], "denied", "{run:#}");
        let health = pool.health("denied").await?;
        let message = text(&health, "message")?;
        assert!(message.contains("401") && text(&health, "remedy")?.contains("verify"), "{health}");
        assert!(!message.contains(key), "the key came out: {health}");
        assert_eq!((pool.provider_names().await?, pool.app_client().await?), before, "something was taken away");
    }
    front.set_faults(&tenancy.id, None).await?;
    pool.run().await?;
    pool.settles_on(&[&connections[1]]).await?;
    pool.health("ok").await.map(drop)
}

#[tokio::test]
async fn a_malformed_message_goes_to_the_dead_letters_and_holds_its_pool_up_for_no_moment() -> Result<()> {
    let (pool, organization, _) = in_line("malformed", 1).await?;
    let tenancy = &pool.tenancy;
    let sqs = Sqs::new(&tenancy.cloud.integration().sdk(&tenancy.cloud.region));
    let marker = unique("not a wake-up ");
    let request = sqs.send_message().queue_url(&tenancy.cloud.queue_url).message_group_id(&pool.id);
    let sent = request.message_deduplication_id(unique("malformed")).message_body(&marker).send().await?;
    let message_id = sent.message_id.context("no message ID")?;
    let later = tenancy.workos.create_connection(&organization, "later").await?;
    pool.post("/reconcile", &json!({})).await?.expect(202)?;

    let mut dead = Vec::new();
    eventually(SOON, "the malformed message is in the dead-letter queue", async || {
        let request = sqs.receive_message().queue_url(&tenancy.cloud.dead_letter_queue_url);
        let received = request.max_number_of_messages(10).visibility_timeout(600).send().await?;
        dead.extend(received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body));
        Ok(dead.contains(&marker).then_some(()))
    })
    .await?;
    let of_pool: Vec<_> = dead.iter().filter(|body| body.contains(&pool.id)).collect();
    assert!(of_pool.is_empty(), "a good message went the same way: {of_pool:?}");
    pool.provider_of(&later).await?;
    let received = eventually(SOON, "the log has the malformed message", async || {
        let log = tenancy.cloud.function_log("reconcile");
        let received = log.lines().filter(|line| line.contains("is no wake-up") && line.contains(&message_id)).count();
        Ok((received > 0).then_some(received))
    });
    assert_eq!(received.await?, 1, "how often it was received");
    Ok(())
}
