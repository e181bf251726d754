//! A grant and its removal, from delivery to answer.

use crate::support::{ADA, Applying, House, reason, seconds};
use usher_engine::Answer;
use usher_journal::Execution;

#[tokio::test(start_paused = true)]
async fn a_grant_is_positive_after_the_vendor_shows_it() {
    let house = House::new().await;
    let request = house.grant(ADA, &["both"]);
    let reply = house.send(&request).await;
    assert_eq!(reply.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role agent, team a");
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_granted_without_a_write() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "agent");
    let reply = house.send(&house.grant(ADA, &["agent"])).await;
    assert_eq!(reply.answer, Answer::Positive);
    assert!(house.vendor.calls().is_empty());
    assert_eq!(house.vendor.readings(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_removal_gives_the_slot_back_and_is_positive() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "end-user");
    house.send(&house.grant(ADA, &["both"])).await;
    let reply = house.send(&house.order(ADA, &["both"])).await;
    assert_eq!(reply.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role end-user");
    assert!(house.ledger(ADA).await.holders.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_is_lost_is_looked_for_and_not_sent_again() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(1)) }]);
    let request = house.grant(ADA, &["agent"]);
    let reply = house.send(&request).await;
    assert_eq!(reply.answer, Answer::Positive, "{}", reason(&reply.answer));
    assert_eq!(house.vendor.calls().len(), 1);
    assert_eq!(house.vendor.effects().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_never_arrived_is_sent_again_once_it_can_no_longer_arrive() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let request = house.grant(ADA, &["agent"]);
    let reply = house.send(&request).await;
    assert!(reason(&reply.answer).contains("not done in time"), "{}", reason(&reply.answer));
    assert_eq!(house.vendor.calls().len(), 1, "nothing is sent while the change may still arrive");
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.calls().len(), 2);
    assert_eq!(house.vendor.effects().len(), 1);
    assert!(house.alerts()[0].starts_with("late:"), "{:?}", house.alerts());
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_leaves_nothing_half_done() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["agent"]);
    let answer = house.post(&request);
    house.vendor.arrival(1).await;
    house.kill();
    house.vendor.release();
    house.boot().await;
    house.pass(seconds(60)).await;
    assert!(!answer.is_finished() || reason(&answer.await.unwrap().answer).contains("not done in time"));
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.calls().len(), 1, "what had arrived was not sent again");
}
