//! Attackers at the door of the API, with events as API Gateway makes them.

use std::{sync::Arc, time::Duration};

use aws_types::SdkConfig;
use causeway_attackers::{Attacks, EmptyAws, Hostile, Named, hostile_events, is_plain};
use causeway_aws::clock;
use causeway_cognito::Access;
use causeway_core::provider::BaseUrl;
use causeway_edge::{Door, Edge, RequestId};
use causeway_queue::{DeadLetters, Queue};
use causeway_reconciler::{Reconciler, Settings, Sources};
use causeway_store::{Sealer, Store, StoredTable};
use causeway_tenancy::Rules;
use causeway_workos::Workos;
use serde_json::Value;

use crate::{routes::router, service::Service};

/// How many hostile requests are played: a draw, since there are many more.
const DRAWN: usize = 2000;

/// A service whose AWS is this one.
pub fn service_over(configuration: SdkConfig) -> Service {
    let base = BaseUrl::parse("https://login.example.com").unwrap();
    Service {
        queue: Queue::new(&configuration, "https://sqs.test/queue.fifo".to_owned()),
        dead_letters: DeadLetters::new(&configuration, "https://sqs.test/dead.fifo".to_owned()),
        timer_dead_letters: DeadLetters::new(&configuration, "https://sqs.test/timer-dead".to_owned()),
        reconciler: Reconciler {
            table: StoredTable {
                store: Store::new(&configuration, "table".to_owned()),
                sealer: Sealer::new(&configuration, "sealing".to_owned()),
            },
            pools: Access::new(configuration),
            directory: Workos::new("http://workos.test".parse().unwrap()).unwrap(),
            settings: Settings { base, interval: Duration::from_mins(15), full_pass: Duration::from_hours(24) },
            sources: Sources { now: clock::now, random: clock::random },
        },
        local_callback: None,
        webhook_events: Vec::new(),
        template_bucket: None,
        oldest_sync: Duration::from_mins(30),
        rules: Rules {
            role_name_prefix: "Causeway".to_owned(),
            integration_account_id: "111111111111".parse().unwrap(),
            partition: "aws",
        },
    }
}

fn edge(aws: &EmptyAws) -> Edge {
    let service = service_over(aws.configuration());
    let base = service.reconciler.settings.base.clone();
    Edge::new(router(Arc::new(service)), &base, Door::Signed)
}

async fn status(edge: &Edge, event: &Value) -> u16 {
    edge.answer(&event.to_string(), RequestId::default()).await.status_code
}

#[tokio::test]
async fn a_stranger_gets_no_answer_and_costs_no_call_whatever_is_sent() {
    let (aws, seed) = (EmptyAws::default(), fastrand::u64(..));
    let edge = edge(&aws);
    // The plain ones too, as if API Gateway had let them through.
    let plain = Attacks::plain(&Named::made_up()).into_iter().flat_map(|plain| plain.events());
    for event in hostile_events(seed, DRAWN).chain(plain) {
        let status = status(&edge, &event).await;
        assert!((400..500).contains(&status), "seed {seed}: {status} for {event}");
    }
    assert_eq!(aws.calls(), 0, "seed {seed}");
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_is_refused_unread_whoever_signs_it() {
    let (aws, seed) = (EmptyAws::default(), fastrand::u64(..));
    let edge = edge(&aws);
    let named = |tenant: &str| Named { tenant: tenant.to_owned(), ..Named::made_up() };
    let own = named("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A");
    let granted = ["GET/v1/*".to_owned(), "POST/v1/tenants/*/user-pools/*/verify".to_owned()];
    let attacks = Attacks::by_a_caller(&granted, &own, &named("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2B"));
    let mut refused = 0;
    for event in attacks.drawn(seed).filter(Hostile::is_routed).take(DRAWN).flat_map(|hostile| hostile.events()) {
        let before = aws.calls();
        let status = status(&edge, &event).await;
        if event["rawPath"].as_str().is_some_and(is_plain) {
            assert_ne!(status, 500, "seed {seed}: {event}");
            continue;
        }
        refused += 1;
        assert_eq!((status, aws.calls()), (404, before), "seed {seed}: {event}");
    }
    assert!(refused > DRAWN / 2, "seed {seed}: {refused} refused, which shows little");
}
