//! Acceptance and the ledger: rules 1 to 3.

use std::collections::BTreeSet;

use usher_core::Facet;
use usher_engine::Answer;
use usher_journal::Execution;

use crate::support::{ADA, Applying, House, Observing, reason, seconds};

#[tokio::test(start_paused = true)]
async fn rule_01_it_is_on_disk_before_the_first_change_and_before_a_positive_answer() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["agent"]);
    let answer = house.post(&request);
    house.vendor.arrival(1).await;
    assert_eq!(house.history(&request).await, ["accepted", "seen", "former", "intent"]);
    assert!(!answer.is_finished());
    house.vendor.release();
    assert_eq!(answer.await.unwrap().answer, Answer::Positive);
    assert!(house.history(&request).await.contains(&"confirmed"));
}

#[tokio::test(start_paused = true)]
async fn rule_01_acceptance_keeps_the_compiled_facets_and_an_unconfirmed_holder() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["both"]);
    house.post(&request);
    house.vendor.arrival(1).await;
    let holder = house.ledger(ADA).await.holders.remove(0);
    assert_eq!(holder.facets, BTreeSet::from([Facet::new("role", "agent"), Facet::new("team", "a")]));
    assert!(!holder.confirmed);
    assert_eq!(house.row(&request).await.permissions, request.permissions);
}

#[tokio::test(start_paused = true)]
async fn rule_02_the_first_reading_runs_while_the_request_goes_to_disk() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "agent").will_show([Observing::Takes(seconds(2))]);
    house.slow_disk(seconds(2));
    let began = house.now();
    house.send(&house.grant(ADA, &["agent"])).await;
    // Two seconds for both, and two for the confirmation.
    assert_eq!(house.now() - began, seconds(4));
    assert_eq!(house.vendor.readings(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_02_a_reading_ahead_does_not_count_once_another_request_is_there() {
    let house = House::new().await;
    house.vendor.gives(ADA, "team", "a").will_show([Observing::Takes(seconds(3))]);
    let grant = house.grant(ADA, &["a"]);
    let answer = house.post(&grant);
    house.pass(seconds(1)).await;
    // The vendor shows it no more by the time at which the request has its turn.
    let other = house.post(&house.grant(ADA, &["b"]));
    house.vendor.takes(ADA, "team", "a");
    assert_eq!(answer.await.unwrap().answer, Answer::Positive);
    other.await.unwrap();
    assert!(
        house.vendor.calls().contains(&"give team a".to_owned()),
        "it was read anew: {:?}",
        house.vendor.calls()
    );
}

#[tokio::test(start_paused = true)]
async fn rule_02_nothing_is_read_ahead_while_another_request_of_the_subject_is_unfinished() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.shows_again();
    let before = house.vendor.readings();
    house.slow_disk(seconds(1));
    let answer = house.post(&house.grant(ADA, &["b"]));
    house.pass(std::time::Duration::from_millis(900)).await;
    assert_eq!(house.vendor.readings(), before, "nothing is read before it is on disk");
    assert_eq!(answer.await.unwrap().answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_03_a_confirmed_holder_keeps_its_facets_from_an_order_that_does_not_name_it() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["both"])).await;
    house.send(&house.of_other_app(house.grant(ADA, &["a"]))).await;
    let order = house.order(ADA, &["both"]);
    assert_eq!(house.send(&order).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role end-user, team a");
    assert_eq!(house.ledger(ADA).await.holders.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_03_a_holder_goes_only_with_the_orders_confirmation() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.hides("team", "a");
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
    assert_eq!(house.ledger(ADA).await.holders.len(), 1, "nobody has proven that it is gone");
}

#[tokio::test(start_paused = true)]
async fn rule_03_what_somebody_finished_by_hand_is_confirmed_by_any_reading() {
    let house = House::that_stops().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    house.vendor.gives(ADA, "team", "a");
    // A request of another app reads the same person.
    house.send(&house.of_other_app(house.grant(ADA, &["b"]))).await;
    let ledger = house.ledger(ADA).await;
    assert!(ledger.holders.iter().any(|holder| holder.permission == "a" && holder.confirmed));
    // It blocks from now on.
    house.send(&house.of_other_app(house.order(ADA, &["a"]))).await;
    assert_eq!(house.vendor.held(ADA), "team a, team b");
}

#[tokio::test(start_paused = true)]
async fn rule_03_no_reading_confirms_a_holder_while_a_removal_is_open() {
    let house = House::that_stops().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    house.vendor.gives(ADA, "team", "b").will([Applying::Lost { lands: None }]);
    let order = house.post(&house.of_other_app(house.order(ADA, &["b"])));
    house.vendor.arrival(2).await;
    // The removal of team b is in doubt when somebody gives team a by hand.
    house.vendor.gives(ADA, "team", "a");
    // Parked by now, with all that it saw on disk; the change is open until the fifteenth second.
    house.pass(seconds(14)).await;
    assert!(!house.ledger(ADA).await.holders[0].confirmed, "presence proves nothing while a removal is open");
    order.await.unwrap();
    house.pass(seconds(60)).await;
    assert!(house.ledger(ADA).await.holders[0].confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_03_a_longer_approval_outlives_a_shorter_one_of_the_same_permission() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.send(&house.ending_in(house.grant(ADA, &["a"]), seconds(60))).await;
    house.pass(seconds(120)).await;
    house.send(&house.of_other_app(house.order(ADA, &["a"]))).await;
    assert_eq!(house.vendor.held(ADA), "team a", "the approval without an end still blocks");
}

#[tokio::test(start_paused = true)]
async fn rule_03_an_approval_that_is_over_blocks_nobody() {
    let house = House::new().await;
    house.send(&house.ending_in(house.grant(ADA, &["a"]), seconds(60))).await;
    house.pass(seconds(61)).await;
    let reply = house.send(&house.of_other_app(house.order(ADA, &["a"]))).await;
    assert_eq!(reply.answer, Answer::Positive, "{}", reason(&reply.answer));
    assert_eq!(house.vendor.held(ADA), "");
}
