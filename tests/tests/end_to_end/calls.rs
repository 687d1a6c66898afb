//! What it costs to look at a pool where nothing is to be done.

use anyhow::{Result, ensure};
use causeway_tests::eventually::eventually;
use causeway_tests::front::control::now;
use causeway_tests::front::record::Call;

use crate::ingest::{deliver, event, signature};
use crate::tenancy::{SOON, Tenancy, now_in_millis};

fn count(calls: &[Call], service: &str, operation: &str) -> usize {
    calls.iter().filter(|call| call.service == service && call.operation == operation).count()
}

#[tokio::test]
async fn a_look_at_a_pool_in_line_lists_each_side_once_and_describes_no_provider() -> Result<()> {
    let tenancy = Tenancy::new("few calls").await?;
    let (organization, connections) = tenancy.organization_with(3).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1], &connections[2]]).await?;
    pool.drained().await?;
    let (front, since) = (tenancy.cloud.front()?, now());
    pool.run().await?;
    // One more look may be under way, and is over soon.
    eventually(SOON, "each look costs the same calls", async || {
        let calls = front.calls(since, &pool.id).await?;
        // With what comes after a key, since one can begin like another.
        let of_workos = front.calls(since, &format!("{} ", tenancy.workos.api_key)).await?;
        let looks = count(&calls, "cognito-idp", "DescribeUserPool");
        ensure!(looks > 0, "nothing was looked at: {calls:?}");
        let costs = [
            ("lists of providers", count(&calls, "cognito-idp", "ListIdentityProviders")),
            ("reads of the app client", count(&calls, "cognito-idp", "DescribeUserPoolClient")),
            ("lists of connections", count(&of_workos, "workos", "GET /connections")),
        ];
        let all = calls.iter().filter(|call| call.service == "cognito-idp").count();
        for (what, times) in costs {
            ensure!(times == looks, "{times} {what} in {looks} looks: {calls:?} {of_workos:?}");
        }
        ensure!(all == 3 * looks, "more than that was asked of Cognito: {calls:?}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn webhooks_that_come_together_read_the_tenant_and_its_secret_once() -> Result<()> {
    const WEBHOOKS: usize = 5;
    let tenancy = Tenancy::new("few reads").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.drained().await?;
    let secret = tenancy.opened("webhook_secret", "webhook-secret", "Ingest").await?;
    // The emulated Lambda may have more instances than one: those that answer from here on have all been asked.
    let (front, since) = (tenancy.cloud.front()?, now());
    for _ in 0..WEBHOOKS {
        let body = event("connection.activated");
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        deliver(&tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?.expect(200)?;
    }
    let calls = front.calls(since, &tenancy.id).await?;
    let opened = calls.iter().filter(|call| call.operation == "Decrypt" && call.service == "kms").count();
    let sent = count(&calls, "sqs", "SendMessageBatch");
    ensure!(sent >= WEBHOOKS, "not every webhook woke the pool up: {calls:?}");
    // `reconcile` opens the API key for each of its looks.
    let looks = count(&front.calls(since, &pool.id).await?, "cognito-idp", "DescribeUserPool");
    ensure!(opened < WEBHOOKS + looks, "the webhook secret was opened for each webhook: {calls:?}");
    Ok(())
}
