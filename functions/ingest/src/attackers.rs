//! Attackers at the door for webhooks, with events as API Gateway makes them.

use std::sync::Arc;

use causeway_attackers::{EmptyAws, hostile_events, is_plain};
use causeway_core::provider::BaseUrl;
use causeway_edge::{Door, Edge, RequestId};
use causeway_queue::{Queue, Timer};
use causeway_store::{Sealer, Store};

use crate::handler::{Ingest, router};

/// How many hostile requests are played: a draw, since there are many more.
const DRAWN: usize = 2000;

#[tokio::test]
async fn nothing_that_a_stranger_sends_is_taken_and_a_bad_path_costs_no_call() {
    let (aws, seed) = (EmptyAws::default(), fastrand::u64(..));
    let configuration = aws.configuration();
    let ingest = Ingest::new(
        Store::new(&configuration, "table".to_owned()),
        Sealer::new(&configuration, "sealing".to_owned()),
        Queue::new(&configuration, "https://sqs.test/queue.fifo".to_owned()),
        Timer::new(&configuration, "https://sqs.test/timer".to_owned()),
    );
    let edge = Edge::new(router(Arc::new(ingest)), &BaseUrl::parse("https://login.example.com").unwrap(), Door::Open);
    for event in hostile_events(seed, DRAWN) {
        let before = aws.calls();
        let answer = edge.answer(&event.to_string(), RequestId::default()).await;
        assert!((400..500).contains(&answer.status_code), "seed {seed}: {answer:?} for {event}");
        if !event["rawPath"].as_str().is_some_and(is_plain) {
            assert_eq!((answer.status_code, aws.calls()), (404, before), "seed {seed}: {event}");
        }
    }
}
