//! Thousands of webhooks at once, of every kind, while the queue fails most of the time.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use causeway_core::waiting::APART;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::faults::Faults;
use futures::{StreamExt, TryStreamExt, stream};

use crate::ingest::{deliver, event, runs_by_webhook, signature};
use crate::pool::{in_line, provider_name};
use crate::tenancy::{SOON, Tenancy, now_in_millis};

/// How many webhooks there are: `cargo xtask test --long` sets more.
const SIZE: &str = "CAUSEWAY_BURST";
/// How many are delivered side by side.
const SIDE_BY_SIDE: usize = 8;
const DAY: i128 = 86_400_000;

/// What is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Valid,
    /// A valid one that was delivered before.
    Doubled,
    /// A valid one that `WorkOS` made two days ago.
    Late,
    Forged,
    /// Signed five days ago.
    Stale,
    Malformed,
    TooLarge,
}

impl Kind {
    fn status(self) -> u16 {
        match self {
            Self::Valid | Self::Doubled | Self::Late => 200,
            Self::Forged | Self::Stale => 401,
            Self::Malformed => 400,
            Self::TooLarge => 413,
        }
    }

    fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(0..100) {
            0..45 => Self::Valid,
            45..60 => Self::Doubled,
            60..70 => Self::Late,
            70..82 => Self::Forged,
            82..90 => Self::Stale,
            90..99 => Self::Malformed,
            _ => Self::TooLarge,
        }
    }
}

struct Delivery {
    kind: Kind,
    body: String,
    signature: String,
}

/// Webhooks of every kind, in an order in which none of them was made.
fn deliveries(number: usize, secret: &str, random: &mut fastrand::Rng) -> Result<Vec<Delivery>> {
    let mut all = Vec::with_capacity(number);
    let mut valid: Vec<(String, String)> = Vec::new();
    for _ in 0..number {
        let mut kind = Kind::draw(random);
        if kind == Kind::Doubled && valid.is_empty() {
            kind = Kind::Valid;
        }
        let (body, time, key) = match kind {
            Kind::Doubled => {
                let (body, signature) = valid[random.usize(..valid.len())].clone();
                all.push(Delivery { kind, body, signature });
                continue;
            }
            Kind::Valid => (event("connection.activated"), now_in_millis(), secret),
            Kind::Late => (event("connection.deleted"), now_in_millis() - 2 * DAY, secret),
            Kind::Forged => (event("connection.deleted"), now_in_millis(), "a secret of somebody else"),
            Kind::Stale => (event("connection.deleted"), now_in_millis() - 5 * DAY, secret),
            Kind::Malformed => ("{\"event\":".to_owned(), now_in_millis(), secret),
            Kind::TooLarge => ("a".repeat(1_000_001), now_in_millis(), secret),
        };
        let signature = signature(key, time, body.as_bytes())?;
        if kind == Kind::Valid {
            valid.push((body.clone(), signature.clone()));
        }
        all.push(Delivery { kind, body, signature });
    }
    random.shuffle(&mut all);
    Ok(all)
}

/// Delivers as `WorkOS` does: again, where the queue fails or the tenant's webhooks come too fast. How often it failed.
async fn delivered(tenancy: &Tenancy, delivery: &Delivery) -> Result<usize> {
    let mut failed = 0;
    eventually(SOON, &format!("{:?} is answered", delivery.kind), async || {
        let answer = deliver(tenancy, &tenancy.id, Some(&delivery.signature), delivery.body.as_bytes()).await?;
        failed += usize::from(answer.status == 503);
        Ok((![429, 503].contains(&answer.status)).then_some(answer))
    })
    .await
    .and_then(|answer| {
        let (expected, kind) = (delivery.kind.status(), delivery.kind);
        ensure!(answer.status == expected, "{kind:?} was answered {}: {}", answer.status, answer.text());
        ensure!(failed == 0 || expected == 200, "{kind:?} got as far as to the queue");
        Ok(failed)
    })
}

fn size() -> Result<usize> {
    let size = std::env::var(SIZE).ok().filter(|size| !size.is_empty());
    size.map_or(Ok(200), |size| size.parse().with_context(|| format!("{SIZE} is no number")))
}

fn by_kind(deliveries: &[Delivery]) -> BTreeMap<Kind, usize> {
    deliveries.iter().fold(BTreeMap::new(), |mut counts, delivery| {
        *counts.entry(delivery.kind).or_insert(0) += 1;
        counts
    })
}

#[tokio::test]
async fn in_a_burst_every_change_that_a_webhook_told_of_arrives_by_a_look_each_quarter_of_a_minute() -> Result<()> {
    let (pool, organization, _) = in_line("burst", 1).await?;
    let secret = pool.tenancy.webhook_secret().await?;
    let (bystander, _, _) = in_line("bystander", 1).await?;
    let (size, mut random) = (size()?, fastrand::Rng::with_seed(7));
    let all = deliveries(size, &secret, &mut random)?;
    let (before, of_bystander) = (runs_by_webhook(&pool).await?, runs_by_webhook(&bystander).await?);
    let (front, begin) = (pool.tenancy.cloud.front()?, Instant::now());
    let faults = Faults {
        service: "sqs".to_owned(),
        containing: vec![pool.id.clone()],
        seed: 7,
        errors: 0.9,
        ..Faults::default()
    };
    front.set_faults(&pool.id, Some(faults)).await?;

    // A change every now and then, each told by a webhook of its own after it.
    let (mut wanted, mut failed) = (Vec::new(), 0);
    for part in all.chunks(size.div_ceil(5)) {
        let sent = stream::iter(part).map(|delivery| delivered(&pool.tenancy, delivery)).buffer_unordered(SIDE_BY_SIDE);
        failed += sent.try_fold(0, async |sum, failed| Ok(sum + failed)).await?;
        for delivery in part.iter().filter(|delivery| delivery.kind == Kind::Forged) {
            // What one tenant's secret signed says nothing to another.
            let signature = signature(&secret, now_in_millis(), delivery.body.as_bytes())?;
            let body = delivery.body.as_bytes();
            let answer = deliver(&bystander.tenancy, &bystander.tenancy.id, Some(&signature), body).await?;
            assert_eq!(answer.status, 401, "{}", answer.text());
        }
        let connection = pool.tenancy.workos.create_connection(&organization, "burst").await?;
        let body = event("connection.activated");
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        failed += delivered(&pool.tenancy, &Delivery { kind: Kind::Valid, body, signature }).await?;
        wanted.push(provider_name(&connection));
    }
    front.set_faults(&pool.id, None).await?;

    assert!(failed > 0, "else nothing shows what becomes of a webhook while the queue fails");
    eventually(SOON, "every change that a webhook told of has arrived", async || {
        let names = pool.provider_names().await?;
        let missing: Vec<&String> = wanted.iter().filter(|name| !names.contains(name)).collect();
        ensure!(missing.is_empty(), "{missing:?} are missing");
        Ok(Some(()))
    })
    .await?;
    let looks = u64::try_from(runs_by_webhook(&pool).await? - before)?;
    let most = begin.elapsed().as_secs() / APART.as_secs() + 1;
    assert!(looks <= most, "{looks} looks in {} s", begin.elapsed().as_secs());
    assert_eq!(runs_by_webhook(&bystander).await?, of_bystander, "a forged webhook woke a pool up");
    println!("{:?}, the queue failed {failed} times, {looks} looks", by_kind(&all));
    Ok(())
}
