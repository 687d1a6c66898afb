//! Thousands of webhooks at once, of every kind, while the queue fails now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::{Control, now};
use causeway_local_cloud::front::faults::Faults;
use futures::{StreamExt, TryStreamExt, stream};

use crate::ingest::{deliver, event, runs_by_webhook, signature};
use crate::pool::{Pool, in_line, provider_name};
use crate::tenancy::{SOON, Tenancy, now_in_millis, text};

/// How many webhooks there are: `cargo xtask test --long` sets more.
const SIZE: &str = "CAUSEWAY_BURST";
/// How many are delivered side by side.
const SIDE_BY_SIDE: usize = 8;
/// How often a delivery that was answered 503 is made again before the test gives up; `WorkOS` makes six.
const DELIVERIES: usize = 12;
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

/// Delivers as `WorkOS` does: again, where it is answered 503. How often that was.
async fn delivered(tenancy: &Tenancy, delivery: &Delivery) -> Result<usize> {
    for again in 0..DELIVERIES {
        let answer = deliver(tenancy, &tenancy.id, Some(&delivery.signature), delivery.body.as_bytes()).await?;
        if answer.status != 503 {
            let (expected, kind) = (delivery.kind.status(), delivery.kind);
            ensure!(answer.status == expected, "{kind:?} was answered {}: {}", answer.status, answer.text());
            return Ok(again);
        }
        ensure!(delivery.kind.status() == 200, "{:?} got as far as to the queue", delivery.kind);
    }
    anyhow::bail!("{:?} was answered 503 {DELIVERIES} times", delivery.kind)
}

fn event_id(body: &str) -> Result<String> {
    text(&serde_json::from_str(body)?, "id")
}

/// An event's own wake-up is on the queue: that of a schedule's tick or of another event is not this one's.
async fn is_on_the_queue(front: &Control, since: u64, event: &str, pool: &Pool) -> Result<()> {
    let calls = front.calls(since, &format!("event-{event}-{}", pool.id)).await?;
    let is_sent = calls.iter().any(|call| call.operation == "SendMessageBatch" && call.status == 200);
    ensure!(is_sent, "{event} was answered 200, and its wake-up is not on the queue: {calls:?}");
    Ok(())
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
async fn in_a_burst_every_valid_webhook_is_taken_once_it_is_on_the_queue_and_its_change_arrives() -> Result<()> {
    let (pool, organization, _) = in_line("burst", 1).await?;
    let secret = pool.tenancy.webhook_secret().await?;
    let (bystander, _, _) = in_line("bystander", 1).await?;
    let (size, mut random) = (size()?, fastrand::Rng::with_seed(7));
    let all = deliveries(size, &secret, &mut random)?;
    let before = runs_by_webhook(&bystander).await?;
    let (front, since) = (pool.tenancy.cloud.front()?, now());
    let faults = Faults {
        service: "sqs".to_owned(),
        containing: vec![pool.id.clone()],
        seed: 7,
        errors: 0.5,
        ..Faults::default()
    };
    front.set_faults(&pool.id, Some(faults)).await?;

    // A change every now and then, each told by a webhook of its own after it.
    let (mut wanted, mut taken) = (Vec::new(), BTreeSet::new());
    let mut again = 0;
    for part in all.chunks(size.div_ceil(5)) {
        for delivery in part.iter().filter(|delivery| delivery.kind.status() == 200) {
            taken.insert(event_id(&delivery.body)?);
        }
        let sent = stream::iter(part).map(|delivery| delivered(&pool.tenancy, delivery)).buffer_unordered(SIDE_BY_SIDE);
        again += sent.try_fold(0, async |sum, again| Ok(sum + again)).await?;
        for delivery in part.iter().filter(|delivery| delivery.kind == Kind::Forged) {
            // What one tenant's secret signed says nothing to another.
            let signature = signature(&secret, now_in_millis(), delivery.body.as_bytes())?;
            let body = delivery.body.as_bytes();
            let answer = deliver(&bystander.tenancy, &bystander.tenancy.id, Some(&signature), body).await?;
            assert_eq!(answer.status, 401, "{}", answer.text());
        }
        let connection = pool.tenancy.workos.create_connection(&organization, "burst").await?;
        let body = event("connection.activated");
        taken.insert(event_id(&body)?);
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        again += delivered(&pool.tenancy, &Delivery { kind: Kind::Valid, body, signature }).await?;
        wanted.push(provider_name(&connection));
    }
    front.set_faults(&pool.id, None).await?;

    for event in &taken {
        is_on_the_queue(&front, since, event, &pool).await?;
    }
    assert!(again > 0, "else nothing shows what becomes of a webhook while the queue fails");
    // The emulator runs one batch of up to ten wake-ups after the other.
    let runs = Duration::from_millis(200) * u32::try_from(taken.len())?;
    eventually(SOON * 2 + runs, "every change that a webhook told of has arrived", async || {
        let names = pool.provider_names().await?;
        let missing: Vec<&String> = wanted.iter().filter(|name| !names.contains(name)).collect();
        ensure!(missing.is_empty(), "{missing:?} are missing");
        Ok(Some(()))
    })
    .await?;
    assert_eq!(runs_by_webhook(&bystander).await?, before, "a forged webhook woke a pool up");
    println!("{:?}, {again} of them delivered again", by_kind(&all));
    Ok(())
}
