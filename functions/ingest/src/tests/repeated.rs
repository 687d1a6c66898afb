//! An event that is delivered again while its message waits on the timer.

use super::*;

#[tokio::test]
async fn an_event_that_is_repeated_has_few_messages_on_the_timer_and_is_asked_for_again_later() {
    let (aws, [tenant, _]) = (Aws::new(15), TENANTS);
    let ingest = aws.ingest();
    assert_eq!(deliver(&ingest, tenant, "event_1").await, woken(15));
    aws.look();
    aws.sent("timer");
    // Every instance has a share of its own of a tenant's webhooks.
    let mut answers = Vec::new();
    for _ in 0..5 {
        let ingest = aws.ingest();
        for _ in 0..10 {
            answers.push(deliver(&ingest, tenant, "event_2").await.0);
        }
    }
    let sent = aws.sent("timer");
    let ids: BTreeSet<String> = sent.iter().map(|sent| sent["MessageAttributes"].to_string()).collect();
    assert_eq!((sent.len(), ids.len()), (30, 15), "its message, and the same once more");
    assert_eq!(answers[..2], [StatusCode::OK; 2]);
    assert!(answers[2..].iter().all(|status| *status == StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    assert_eq!(deliver(&aws.ingest(), tenant, "event_3").await, woken(15), "another event is none of it");
}

/// A pool that waits for its second look, for which an event has just sent the message.
async fn waiting_for_the_second_look(aws: &Aws, ingest: &Arc<Ingest>, event: &str) {
    let [tenant, _] = TENANTS;
    assert_eq!(deliver(ingest, tenant, "event_1").await, woken(1));
    aws.look();
    assert_eq!(deliver(ingest, tenant, event).await, woken(1));
    assert_eq!((aws.sent("queue").len(), aws.sent("timer").len()), (1, 1));
}

#[tokio::test]
async fn of_an_event_that_comes_twice_in_one_moment_one_sends_its_message_once_more() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    waiting_for_the_second_look(&aws, &ingest, "event_2").await;
    // Another instance has read the same mark, and is faster.
    aws.state.lock().unwrap().is_outrun = true;
    assert_eq!(deliver(&ingest, tenant, "event_2").await.0, StatusCode::TOO_MANY_REQUESTS);
    assert!(aws.sent("queue").is_empty() && aws.sent("timer").is_empty());
}

#[tokio::test]
async fn where_a_run_has_begun_its_look_meanwhile_no_mark_is_left_without_a_message() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    waiting_for_the_second_look(&aws, &ingest, "event_2").await;
    aws.state.lock().unwrap().is_looked_at = true;
    assert_eq!(deliver(&ingest, tenant, "event_2").await.0, StatusCode::TOO_MANY_REQUESTS);
    // SQS would take a message by the previous ID for the same one.
    assert!(aws.sent("queue").is_empty() && aws.sent("timer").is_empty());
    assert_eq!(deliver(&ingest, tenant, "event_3").await, woken(1));
    assert_eq!(aws.sent("queue").len() + aws.sent("timer").len(), 1);
}

#[tokio::test]
async fn where_a_message_on_the_timer_can_not_be_sent_once_more_its_event_comes_again_and_is_not_lost() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    waiting_for_the_second_look(&aws, &ingest, "event_2").await;
    aws.fail(Some("SendMessageBatch"));
    assert_eq!(deliver(&ingest, tenant, "event_2").await.0, StatusCode::SERVICE_UNAVAILABLE);
    aws.fail(None);
    // The mark came off with it, so that whichever event is next sends a message of its own.
    assert_eq!(deliver(&ingest, tenant, "event_3").await, woken(1));
    assert_eq!(aws.sent("timer").len(), 1);
}
