//! What it costs to look at a pool where nothing is to be done.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use causeway_tests::cost::{Calls, RUN};
use causeway_tests::eventually::eventually;
use causeway_tests::front::control::now;
use causeway_tests::front::record::Call;

use crate::costs::calls as calls_of;
use crate::ingest::{deliver, event, signature};
use crate::measured::lines;
use crate::pool::{in_line, in_line_elsewhere};
use crate::tenancy::{SOON, now_in_millis, text};

/// Providers that Cognito lists on two pages.
const MORE_THAN_A_PAGE: usize = 61;

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
        let all = calls.iter().filter(|call| call.service == "cognito-idp").count();
        for (what, times, each) in costs {
            ensure!(times == each * looks, "{times} {what} in {looks} looks: {calls:?} {of_workos:?}");
        }
        ensure!(all == 4 * looks, "more than that was asked of Cognito: {calls:?}");
        let assumed = count(&front.calls(since, &pool.role_name).await?, "sts", "AssumeRole");
        ensure!(assumed < looks, "the role was assumed {assumed} times for {looks} looks");
        let mut runs = lines(&tenancy.cloud, "reconcile", "/span/user_pool_id", &pool.id);
        runs.retain(|run| run["RunsWithoutChange"] == 1);
        // With the report, which a scheduled run that changes nothing has not.
        runs.retain(|run| calls_of([run]).dynamodb <= RUN.calls().dynamodb + 1);
        ensure!(runs.len() >= 2, "the table was asked too often");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn a_webhook_right_after_another_reads_neither_the_tenant_nor_its_secret_nor_its_pools_again() -> Result<()> {
    let (pool, _, _) = in_line("few reads", 1).await?;
    let (tenancy, secret) = (&pool.tenancy, pool.tenancy.webhook_secret().await?);
    let only_the_wake_up = Calls { sqs: 1, ..Calls::default() };
    let mut own = BTreeSet::new();
    // Each instance knows what it has looked up itself, and which one answers is not ours to say: there are soon two
    // webhooks in a row to the same one.
    eventually(SOON, "a webhook costs its wake-up only", async || {
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
        Ok(webhooks.iter().any(|line| calls_of([line]) == only_the_wake_up).then_some(()))
    })
    .await
}
