//! What it costs to look at a pool where nothing is to be done.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_core::run::Outcome;
use causeway_core::wake_up::Cause;
use causeway_local_cloud::cost::{Calls, RUN, WEBHOOK_NEXT};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::now;
use causeway_local_cloud::front::record::Call;
use serde_json::json;

use crate::costs::calls as calls_of;
use crate::in_process::{InProcess, pass};
use crate::ingest::{deliver, event, signature};
use crate::measured::lines;
use crate::pool::{in_line, in_line_elsewhere};
use crate::tenancy::{SOON, now_in_millis, text};

/// Providers that Cognito lists on two pages.
const MORE_THAN_A_PAGE: usize = 61;
const LOOKS: usize = 3;
const HOUR: Duration = Duration::from_hours(1);

fn count(calls: &[Call], service: &str, operation: &str) -> usize {
    calls.iter().filter(|call| call.service == service && call.operation == operation).count()
}

#[tokio::test]
async fn a_look_at_a_pool_in_line_lists_each_side_once_and_describes_no_provider() -> Result<()> {
    let (pool, _, _) = in_line_elsewhere("few calls", MORE_THAN_A_PAGE).await?;
    let tenancy = &pool.tenancy;
    let front = tenancy.cloud.front()?;
    // A look may be under way at the beginning or at the end: then others are counted.
    eventually(SOON, "each look costs the same calls", async || {
        let since = now();
        pool.run().await?;
        pool.run().await?;
        let calls = front.calls(since, &pool.id).await?;
        // With what comes after a key, since one can begin like another.
        let of_workos = front.calls(since, &format!("{} ", tenancy.workos.api_key)).await?;
        let looks = count(&calls, "cognito-idp", "DescribeUserPool");
        ensure!(looks > 0, "nothing was looked at: {calls:?}");
        let costs = [
            ("lists of providers", count(&calls, "cognito-idp", "ListIdentityProviders"), 2),
            ("reads of the app client", count(&calls, "cognito-idp", "DescribeUserPoolClient"), 1),
            ("lists of connections", count(&of_workos, "workos", "GET /connections"), 1),
        ];
        // Those that somebody asked for; one that the schedule asks for does within the hour.
        let organizations = count(&of_workos, "workos", "GET /organizations");
        ensure!((1..=looks).contains(&organizations), "{organizations} lists of organizations in {looks} looks");
        let all = calls.iter().filter(|call| call.service == "cognito-idp").count();
        for (what, times, each) in costs {
            ensure!(times == each * looks, "{times} {what} in {looks} looks: {calls:?} {of_workos:?}");
        }
        ensure!(all == 4 * looks, "more than that was asked of Cognito: {calls:?}");
        let assumed = count(&front.calls(since, &pool.role_name).await?, "sts", "AssumeRole");
        ensure!(assumed < looks, "the role was assumed {assumed} times for {looks} looks");
        let mut runs = lines(&tenancy.cloud, "reconcile", "/span/user_pool_id", &pool.id);
        runs.retain(|run| run["RunsWithoutChange"] == 1);
        // With the report and the pool's mark, which a scheduled run that changes nothing has not.
        runs.retain(|run| calls_of([run]).dynamodb <= RUN.calls().dynamodb + 2);
        ensure!(runs.len() >= 2, "the table was asked too often");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn an_instance_assumes_the_role_once_and_each_look_lists_the_organizations_where_domains_are_asked_for()
-> Result<()> {
    let (first, organization, connections) = in_line_elsewhere("exact calls", 1).await?;
    let (tenancy, front) = (&first.tenancy, first.tenancy.cloud.front()?);
    let pool = tenancy.user_pool().await?;
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["domain_identifiers"] = json!(true);
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.drained().await?;

    // Runs in this process, which nobody else knows of and whose pool is due to nobody else: every call is its own.
    let process = InProcess::new(&pool).await?;
    let since = now();
    process.run_within(HOUR).await?;
    // Once with the external ID, and the daily look whether it is taken without and with another.
    assert_eq!(count(&front.calls(since, &pool.role_name).await?, "sts", "AssumeRole"), 3);
    process.settle().await?;
    let since = now();
    for _ in 0..LOOKS {
        pass(HOUR);
        let report = process.run_within(HOUR).await?;
        ensure!(report.outcome == Outcome::NoChange, "{report:#?}");
    }
    assert_eq!(count(&front.calls(since, &pool.role_name).await?, "sts", "AssumeRole"), 0);
    let mut calls = front.calls(since, &pool.id).await?;
    // Those that the account's rate, which all tests share, let through.
    calls.retain(|call| call.status == 200);
    for operation in ["DescribeUserPool", "ListIdentityProviders", "DescribeUserPoolClient"] {
        assert_eq!(count(&calls, "cognito-idp", operation), LOOKS, "{operation}: {calls:?}");
    }
    // Those of the tenant's first pool are not asked for.
    let of_workos = front.calls(since, &format!("{} ", tenancy.workos.api_key)).await?;
    assert_eq!(count(&of_workos, "workos", "GET /organizations"), LOOKS, "{of_workos:?}");
    Ok(())
}

#[tokio::test]
async fn the_organizations_are_read_hourly_and_for_an_event_and_what_a_claim_lacks_is_filled() -> Result<()> {
    let (pool, organization, connections) = in_line_elsewhere("organizations", 1).await?;
    let (tenancy, front) = (&pool.tenancy, pool.tenancy.cloud.front()?);
    let process = InProcess::new(&pool).await?.with_interval(Duration::from_mins(15));
    process.settle().await?;
    let lists = async |after: Duration, cause: Cause| -> Result<usize> {
        pass(after);
        let since = now();
        process.woken(cause).await?;
        let calls = front.calls(since, &format!("{} ", tenancy.workos.api_key)).await?;
        Ok(count(&calls, "workos", "GET /organizations"))
    };
    let minutes = |minutes| Duration::from_mins(minutes);
    for (after, cause, expected) in [
        (minutes(15), Cause::Schedule, 0),
        (minutes(15), Cause::Schedule, 0),
        (minutes(15), Cause::Schedule, 1),
        (minutes(1), Cause::Webhook, 1),
        // WorkOS's list may have been behind the event.
        (minutes(1), Cause::Schedule, 1),
        (minutes(1), Cause::Schedule, 0),
    ] {
        assert_eq!(lists(after, cause).await?, expected, "{cause:?} after {after:?}");
    }

    let shown = tenancy.workos.call("GET", &format!("/organizations/{organization}"), None).await?.json()?;
    let kept = process.claims().await?.remove(0);
    let known = kept.organization.clone().context("the claim keeps no organization")?;
    assert_eq!((known.id.as_str(), known.name.as_deref()), (organization.as_str(), shown["name"].as_str()));
    let domains = known.domains.context("the claim keeps no domains")?;
    assert_eq!(domains.iter().next(), shown["domains"][0]["domain"].as_str(), "{shown:#}");
    assert_eq!(kept.connection_name.as_deref(), Some("c0"), "{connections:?}");

    process.forget_organization(&kept).await?;
    assert_eq!(lists(minutes(1), Cause::Schedule).await?, 1, "the claim lacks it");
    assert_eq!(process.claims().await?[0].organization, kept.organization);
    assert_eq!(lists(minutes(1), Cause::Schedule).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_webhook_right_after_another_reads_which_pools_have_a_message_waiting_and_nothing_else() -> Result<()> {
    let (pool, _, _) = in_line("few reads", 1).await?;
    let (tenancy, secret) = (&pool.tenancy, pool.tenancy.webhook_secret().await?);
    let only_the_marks = WEBHOOK_NEXT.calls();
    let mut own = BTreeSet::new();
    // Each instance knows what it has looked up itself, and which one answers is not ours to say: there are soon two
    // webhooks in a row to the same one.
    eventually(SOON, "a webhook costs one read only", async || {
        let body = event("connection.activated");
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        deliver(tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?.expect(200)?;
        own.insert(text(&serde_json::from_str(&body)?, "id")?);
        let mut webhooks = lines(&tenancy.cloud, "ingest", "/tenant_id", &tenancy.id);
        let is_first = |calls: &Calls| calls.kms > 0 && calls.dynamodb > 0;
        ensure!(
            webhooks.iter().any(|line| is_first(&calls_of([line]))),
            "nothing was looked up for the first: {webhooks:?}"
        );
        webhooks.retain(|line| line["event_id"].as_str().is_some_and(|id| own.contains(id)));
        Ok(webhooks.iter().any(|line| calls_of([line]) == only_the_marks).then_some(()))
    })
    .await
}
