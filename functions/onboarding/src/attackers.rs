//! Attackers at the page's door, with events as API Gateway makes them.

use std::sync::Arc;

use causeway_attackers::{EmptyAws, hostile_events, is_plain};
use causeway_aws::clock;
use causeway_core::provider::BaseUrl;
use causeway_edge::{Door, Edge, Limit, RequestId};
use causeway_queue::Queue;
use causeway_store::{Sealer, Store};
use causeway_tenancy::Rules;
use causeway_workos::Workos;

use crate::{
    handler::router,
    service::{MISSES, Service},
};

/// How many hostile requests are played: a draw, since there are many more.
const DRAWN: usize = 2000;

fn edge(aws: &EmptyAws) -> Edge {
    let configuration = aws.configuration();
    let base = BaseUrl::parse("https://login.example.com").unwrap();
    let service = Service {
        store: Store::new(&configuration, "table".to_owned()),
        sealer: Sealer::new(&configuration, "sealing".to_owned()),
        queue: Queue::new(&configuration, "https://sqs.test/queue.fifo".to_owned()),
        workos: Workos::new("http://workos.test".parse().unwrap()).unwrap(),
        base: base.clone(),
        rules: Rules {
            role_name_prefix: "Causeway".to_owned(),
            integration_account_id: "111111111111".parse().unwrap(),
            partition: "aws",
        },
        local_callback: None,
        template_bucket_domain: None,
        misses: Limit::new(MISSES),
        now: clock::now,
        random: clock::random,
    };
    Edge::new(router(Arc::new(service)), &base, Door::Open)
}

#[tokio::test]
async fn whatever_a_stranger_sends_leads_to_a_page_or_nowhere_and_a_bad_path_costs_no_call() {
    let (aws, seed) = (EmptyAws::default(), fastrand::u64(..));
    let edge = edge(&aws);
    for event in hostile_events(seed, DRAWN) {
        let before = aws.calls();
        let answer = edge.answer(&event.to_string(), RequestId::default()).await;
        let path = event["rawPath"].as_str().unwrap();
        if is_plain(path) && path.starts_with("/onboarding/assets/") {
            assert!(answer.status_code < 500, "seed {seed}: {answer:?} for {event}");
            continue;
        }
        assert!((400..500).contains(&answer.status_code), "seed {seed}: {answer:?} for {event}");
        if !is_plain(path) || !path.starts_with("/onboarding/") {
            assert_eq!(aws.calls(), before, "seed {seed}: {event}");
        }
        assert!(is_plain(path) || answer.status_code == 404, "seed {seed}: {answer:?} for {event}");
    }
}
