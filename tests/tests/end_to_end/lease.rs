//! Two runs never write to one pool at once, and what the second one was woken up for is not lost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_core::port::{Lease, Recorded, Taken};
use causeway_core::run::Outcome;
use causeway_core::timestamp::Timestamp;
use causeway_core::waiting::{APART, Call, Refusal, SKEW, Urgency};
use causeway_core::wake_up::Cause;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::now as front_now;
use causeway_reconciler::Ran;

use crate::in_process::{InProcess, now, pass};
use crate::ingest::deliver_signed;
use crate::pool::{Pool, in_line, provider_name};
use crate::tenancy::{SOON, now_in_millis, string};

/// After how many calls a run holds its pool, and has done no more than that.
const LEASED: usize = 3;

/// The operations on a pool of Cognito's since then, without what the account's rate, which all tests share, let wait.
async fn of_cognito(pool: &Pool, since: u64) -> Result<Vec<String>> {
    let mut calls = pool.tenancy.cloud.front()?.calls(since, &pool.id).await?;
    calls.retain(|call| call.service == "cognito-idp" && call.status == 200);
    Ok(calls.into_iter().map(|call| call.operation).collect())
}

/// Whether the pool is due by the process's own clock.
async fn is_due(process: &InProcess) -> Result<bool> {
    Ok(process.stored().await?.due_at.context("the pool is never due")? <= now())
}

#[tokio::test]
async fn a_run_that_meets_a_living_lease_touches_nothing_and_asks_again() -> Result<()> {
    let (pool, organization, connections) = in_line("leased", 1).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    ensure!(process.run_for(LEASED).await?.is_none(), "a run came to its end with {LEASED} calls");
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    for cause in [Cause::Schedule, Cause::Webhook] {
        let (since, soonest) = (front_now(), now());
        let ran = process.woken(cause).await?;
        let Ran::Refused(Refusal::Held(until)) = ran else { anyhow::bail!("{ran:?}") };
        assert!(until > soonest && until.since(now()) <= APART, "it asks again only at {until}");
        assert_eq!(process.calls(), 1, "it did more than to ask for the lease");
        assert_eq!(of_cognito(&pool, since).await?, [""; 0], "the pool was touched");
    }
    assert_eq!(pool.provider_names().await?, [provider_name(&connections[0])]);

    pass(Duration::from_hours(2));
    let ran = process.woken(Cause::Schedule).await?;
    assert!(matches!(&ran, Ran::Done(report) if report.outcome == Outcome::Changed), "{ran:?}");
    assert!(pool.supported().await?.contains(&provider_name(&new)));
    process.settle().await?;
    assert!(!is_due(&process).await?, "it is looked at without an end");
    Ok(())
}

#[tokio::test]
async fn of_two_runs_at_once_one_does_everything_and_the_other_asks_again() -> Result<()> {
    let (pool, organization, _) = in_line("at once", 1).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    pool.tenancy.workos.create_connection(&organization, "new").await?;
    let since = front_now();
    let both = futures::try_join!(process.woken(Cause::Schedule), process.woken(Cause::Webhook))?;
    let ((Ran::Done(report), Ran::Refused(refusal)) | (Ran::Refused(refusal), Ran::Done(report))) = &both else {
        anyhow::bail!("not one of both ran: {both:?}");
    };
    assert!(matches!(refusal, Refusal::Held(_)), "{refusal:?}");
    assert_eq!(report.outcome, Outcome::Changed, "{report:#?}");
    let mut operations = of_cognito(&pool, since).await?;
    operations.sort();
    let once = ["CreateIdentityProvider", "DescribeUserPool", "ListIdentityProviders", "UpdateUserPoolClient"];
    operations.retain(|operation| once.contains(&operation.as_str()));
    assert_eq!(operations, once, "both looked at the pool or wrote to it");
    Ok(())
}

#[tokio::test]
async fn a_wake_up_that_meets_a_living_lease_comes_again_with_its_cause_once_that_is_over() -> Result<()> {
    let (pool, _, _) = in_line("comes again", 1).await?;
    let cloud = &pool.tenancy.cloud;
    let (since, over) = (now_in_millis(), causeway_aws::clock::now().plus(Duration::from_secs(8)));
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item();
    let request = request.table_name(&cloud.table_name).condition_expression("attribute_exists(pk)");
    let request = request.key("pk", string(&format!("TENANT#{}", pool.tenancy.id)));
    let request = request.key("sk", string(&format!("POOL#{}", pool.id)));
    let request = request.update_expression("SET lease_holder = :who, lease_until = :until");
    let request = request.expression_attribute_values(":who", string("a run that was killed"));
    request.expression_attribute_values(":until", string(&over.to_string())).send().await?;
    deliver_signed(&pool.tenancy, "connection.activated").await?;
    let run = eventually(SOON, "the webhook's look is made", async || {
        Ok(pool.runs_since(since).await?.into_iter().find(|run| run["cause"] == "webhook"))
    })
    .await?;
    let began = run["started_at"].as_str().and_then(Timestamp::parse).context("no time")?;
    assert!(began >= over, "it began while another run held the pool: {run:#}");
    Ok(())
}

#[tokio::test]
async fn a_lease_and_a_record_that_are_asked_for_twice_are_given_twice_and_to_nobody_else() -> Result<()> {
    let (pool, _, _) = in_line("twice", 1).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    let stored = process.stored().await?;
    let (store, tenant, id) = (process.store(), &stored.tenant_id, &stored.user_pool_id);
    let until = now().plus(Duration::from_mins(1));
    // Whatever the first call has changed, the second is the same.
    for cause in [Cause::Schedule, Cause::Webhook] {
        pass(Duration::from_hours(1));
        let call = Call { cause, urgency: Urgency::Since(now()) };
        let until = now().plus(Duration::from_mins(10));
        let lease = |run_id| Lease { run_id, call, now: now(), until };
        for _ in 0..2 {
            let taken = store.take_lease(tenant, id, lease("one")).await?;
            let Taken::Pool(taken) = taken else { anyhow::bail!("its own lease was refused: {taken:?}") };
            assert_eq!((&taken.user_pool_id, &taken.run), (id, &stored.run));
        }
        let other = store.take_lease(tenant, id, lease("another")).await?;
        assert!(matches!(other, Taken::Refused(Refusal::Held(_))), "{other:?}");
        for _ in 0..2 {
            store.release_lease(tenant, id, "another").await?;
            store.release_lease(tenant, id, "one").await?;
        }
    }

    pass(Duration::from_hours(4));
    let lease = Lease {
        run_id: "two",
        call: Call { cause: Cause::Api, urgency: Urgency::AtOnce },
        now: now(),
        until: now().plus(Duration::from_mins(1)),
    };
    store.take_lease(tenant, id, lease).await?;
    let mut state = stored.run.clone();
    state.last_run.as_mut().context("no run")?.id = "two".to_owned();
    let recorded = Recorded { run_id: "two", state: &state, held: &stored.held, trouble: None, due_at: until };
    for _ in 0..2 {
        store.record_run(&stored, recorded.clone()).await?;
    }
    let forged = Recorded { run_id: "three", ..recorded };
    assert!(store.record_run(&stored, forged).await.is_err_and(|error| error.is_conflict()));
    assert_eq!(process.stored().await?.run, state);
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_was_sent_before_the_last_look_takes_one_call_and_one_that_comes_too_soon_waits() -> Result<()> {
    let (pool, organization, _) = in_line("covered", 1).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    let sent = now();
    pass(2 * SKEW);
    let Ran::Done(_) = process.woken(Cause::Api).await? else { anyhow::bail!("nothing was run") };
    for cause in [Cause::Webhook, Cause::Schedule] {
        let ran = process.woken_by(cause, Urgency::Since(sent)).await?;
        assert!(matches!(ran, Ran::Refused(Refusal::Covered)), "{cause:?}: {ran:?}");
        assert_eq!(process.calls(), 1);
    }
    // Sent after it, it has a look of its own, and after that it waits for another one.
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    let ran = process.woken_by(Cause::Webhook, Urgency::Since(now())).await?;
    assert!(matches!(&ran, Ran::Done(report) if report.outcome == Outcome::Changed), "{ran:?}");
    assert!(pool.supported().await?.contains(&provider_name(&new)));
    let ran = process.woken_by(Cause::Webhook, Urgency::Since(now())).await?;
    let Ran::Refused(Refusal::TooSoon(until)) = ran else { anyhow::bail!("{ran:?}") };
    assert_eq!((process.calls(), until.since(now()) <= APART), (1, true));
    for cause in [Cause::Schedule, Cause::Api] {
        let ran = process.woken_by(cause, Urgency::AtOnce).await?;
        assert!(matches!(ran, Ran::Done(_)), "{cause:?}: {ran:?}");
    }
    pass(APART);
    let ran = process.woken_by(Cause::Webhook, Urgency::Since(now())).await?;
    assert!(matches!(ran, Ran::Done(_)), "{ran:?}");
    Ok(())
}
