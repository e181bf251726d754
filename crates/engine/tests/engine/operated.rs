//! What an operator does, and the end of the process.

use std::time::Duration;

use usher_core::{Fault, Remedy, Sent};
use usher_engine::{Act, Answer};
use usher_journal::Execution;

use crate::support::{ADA, Applying, House, Observing, reason, seconds};

#[tokio::test(start_paused = true)]
async fn what_is_closed_while_it_waits_ends_at_once() {
    let house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(300)))]);
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.engine.operate(&request.id, Act::Close, "eve", "done by hand").await.unwrap();
    house.pass(seconds(1)).await;
    let row = house.row(&request).await;
    assert_eq!(
        (row.execution, row.reason.as_deref()),
        (Execution::Closed, Some("closed by eve: done by hand"))
    );
    house.pass(seconds(600)).await;
    assert_eq!(house.vendor.calls().len(), 1);
    house.is_at_rest().await;
}

/// It is on disk, and the engine has not heard so yet.
#[tokio::test(start_paused = true)]
async fn what_is_closed_on_its_way_in_is_not_driven() {
    let house = House::new().await;
    house.slow_acks(Duration::from_millis(800));
    house.vendor.will_show([Observing::Takes(seconds(2))]);
    let request = house.grant(ADA, &["a"]);
    let answer = house.post(&request);
    house.pass(Duration::from_millis(500)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Accepted);
    house.slow_acks(Duration::ZERO);
    house.engine.operate(&request.id, Act::Close, "eve", "a mistake").await.unwrap();
    assert!(reason(&answer.await.unwrap().answer).contains("closed by eve"));
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Closed);
    assert!(house.vendor.calls().is_empty());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_in_the_middle_of_a_change_ends_once_the_change_is_over() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let request = house.grant(ADA, &["a"]);
    let answer = house.post(&request);
    house.vendor.arrival(1).await;
    house.pass(Duration::from_millis(700)).await;
    house.engine.operate(&request.id, Act::Close, "eve", "a mistake").await.unwrap();
    assert!(reason(&answer.await.unwrap().answer).contains("closed by eve"));
    assert!(!house.row(&request).await.execution.is_final());
    house.pass(seconds(30)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Closed);
    assert_eq!(house.vendor.calls().len(), 1);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_closed_is_not_taken_up_again_after_a_crash() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let request = house.grant(ADA, &["a"]);
    house.post(&request);
    house.vendor.arrival(1).await;
    house.pass(seconds(13)).await;
    house.engine.operate(&request.id, Act::Close, "eve", "a mistake").await.unwrap();
    house.pass(Duration::from_millis(100)).await;
    house.crash().await;
    house.pass(seconds(300)).await;
    assert_eq!(house.vendor.calls().len(), 1);
    house.engine.operate(&request.id, Act::Close, "eve", "a mistake").await.unwrap();
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Closed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_person_ends_when_it_is_closed_though_only_once_its_change_is_over() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(10)) }]);
    let person = || Observing::Fails(Fault::new("find", Sent::Yes, Remedy::Person));
    let request = house.grant(ADA, &["a"]);
    house.vendor.will_show([Observing::Takes(seconds(0)), person()]);
    house.send(&request).await;
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
    house.engine.operate(&request.id, Act::Close, "eve", "no longer wanted").await.unwrap();
    assert!(!house.row(&request).await.execution.is_final(), "its change may still arrive");
    house.pass(seconds(30)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Closed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_later_attempt_after_a_restart_can_be_closed() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(3000)))]);
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.crash().await;
    house.pass(seconds(1)).await;
    house.engine.operate(&request.id, Act::Close, "eve", "done by hand").await.unwrap();
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Closed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_what_is_awaited_and_leaves_the_rest_to_the_journal() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(300)))]);
    let parked = house.grant("bob@example.com", &["a"]);
    house.send(&parked).await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(3)) }]);
    let awaited = house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(2).await;
    let left = house.engine.shutdown(seconds(20)).await;
    assert_eq!(left, 1);
    assert_eq!(awaited.await.unwrap().answer, Answer::Positive);
    let refused = house.send(&house.grant(ADA, &["b"])).await;
    assert!(reason(&refused.answer).contains("shutting down"));
    house.crash().await;
    house.pass(seconds(600)).await;
    assert_eq!(house.row(&parked).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_in_the_middle_of_a_background_change_keeps_what_came_of_it() {
    let mut house = House::new().await;
    house.vendor.will_show([Observing::Takes(seconds(60))]);
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["a", "b"]);
    house.send(&request).await;
    house.vendor.arrival(1).await;
    // Nobody waits for it any more; its call is let come to its end, and no other is begun.
    let engine = house.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(seconds(20)).await });
    house.pass(Duration::from_millis(100)).await;
    house.vendor.release();
    assert_eq!(shutdown.await.unwrap(), 1);
    assert!(house.history(&request).await.contains(&"outcome"));
    assert_eq!(house.vendor.calls().len(), 1);
    house.crash().await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.calls(), ["give team a", "give team b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_shutting_down_and_does_not_finish_in_time_is_counted() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let answer = house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    let began = house.now();
    assert_eq!(house.engine.shutdown(seconds(1)).await, 1);
    assert_eq!(house.now() - began, seconds(1));
    drop(answer);
}
