//! Order, superseding, duplicates: rules 8 to 10.

use usher_engine::{Act, Answer};
use usher_journal::{Execution, Request};

use usher_core::{Fault, Priority, Refusal, RefusalKind, Remedy, Sent};

use crate::support::{ADA, Applying, House, Observing, reason, seconds};

fn no(sentence: &str) -> Refusal {
    Refusal::new(RefusalKind::Forbidden, sentence)
}

#[tokio::test(start_paused = true)]
async fn rule_08_requests_of_one_person_run_in_the_order_of_acceptance() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let first = house.post(&house.grant(ADA, &["agent"]));
    house.vendor.arrival(1).await;
    let second = house.post(&house.grant(ADA, &["a"]));
    let third = house.post(&house.order(ADA, &["agent"]));
    house.pass(seconds(1)).await;
    assert_eq!(house.vendor.calls().len(), 1, "the first is at it");
    house.vendor.release();
    for answer in [first, second, third] {
        answer.await.unwrap();
    }
    assert_eq!(
        house.vendor.calls(),
        ["give role agent", "give team a", "take role agent, back to role end-user"]
    );
}

#[tokio::test(start_paused = true)]
async fn rule_08_different_people_do_not_wait_for_each_other() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    house.post(&house.grant(ADA, &["agent"]));
    house.vendor.arrival(1).await;
    let reply = house.send(&house.grant("bob@example.com", &["a"])).await;
    assert_eq!(reply.answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_08_what_is_parked_holds_nobody_up() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.will([Applying::Throttled(Some(seconds(600)))]);
    let backing_off = house.grant(ADA, &["b"]);
    house.send(&backing_off).await;
    assert_eq!(house.row(&backing_off).await.execution, Execution::BackingOff);
    assert_eq!(house.send(&house.grant(ADA, &["agent"])).await.answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_08_after_a_crash_what_was_accepted_first_goes_first() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Held]);
    house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    house.post(&house.order(ADA, &["a"]));
    house.pass(seconds(1)).await;
    house.kill();
    house.boot().await;
    let last = house.grant(ADA, &["b"]);
    house.post(&last);
    house.pass(seconds(120)).await;
    assert_eq!(house.row(&last).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "team b");
}

#[tokio::test(start_paused = true)]
async fn rule_08_removals_go_first_where_a_vendors_limit_is_short() {
    let house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(30)))]);
    house.send(&house.grant(ADA, &["a"])).await;
    house.pass(seconds(60)).await;
    house.send(&house.order(ADA, &["a"])).await;
    let priorities = house.vendor.priorities();
    assert_eq!(priorities, [Priority::Answering, Priority::Background, Priority::Revoke]);
}

#[tokio::test(start_paused = true)]
async fn rule_09_a_grant_that_a_later_order_names_sends_nothing_more() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["both"]);
    let answer = house.post(&grant);
    house.vendor.arrival(1).await;
    let order = house.post(&house.order(ADA, &["both"]));
    house.pass(seconds(1)).await;
    house.vendor.release();
    let answer = answer.await.unwrap().answer;
    assert!(reason(&answer).contains("a later deprovisioning"), "{}", reason(&answer));
    assert_eq!(house.row(&grant).await.execution, Execution::Superseded);
    assert_eq!(order.await.unwrap().answer, Answer::Positive);
    assert!(!house.vendor.calls().contains(&"give team a".to_owned()));
    assert_eq!(house.vendor.held(ADA), "role end-user");
}

#[tokio::test(start_paused = true)]
async fn rule_09_an_order_between_intent_and_call_still_stops_the_call() {
    let house = House::new().await;
    house.slow_disk(seconds(1));
    let grant = house.grant(ADA, &["a"]);
    let answer = house.post(&grant);
    house.pass(std::time::Duration::from_millis(1500)).await;
    // The intent is still being written when the order is accepted.
    house.slow_disk(seconds(0));
    let order = house.post(&house.order(ADA, &["a"]));
    answer.await.unwrap();
    order.await.unwrap();
    assert_eq!(house.row(&grant).await.execution, Execution::Superseded);
    assert!(house.vendor.calls().is_empty(), "{:?}", house.vendor.calls());
}

#[tokio::test(start_paused = true)]
async fn rule_09_where_a_later_order_names_some_the_rest_is_granted_and_the_answer_is_negative() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["agent", "a", "b"]);
    let answer = house.post(&grant);
    house.vendor.arrival(1).await;
    let order = house.post(&house.order(ADA, &["a"]));
    house.pass(seconds(1)).await;
    house.vendor.release();
    let answer = answer.await.unwrap().answer;
    assert!(reason(&answer).contains("a later request has taken over: a"), "{}", reason(&answer));
    assert_eq!(order.await.unwrap().answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role agent, team b");
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    let held: Vec<String> = house.ledger(ADA).await.holders.into_iter().map(|h| h.permission).collect();
    assert_eq!(held, ["agent", "b"]);
}

#[tokio::test(start_paused = true)]
async fn rule_09_a_superseded_grant_ends_though_the_vendor_cannot_be_read() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.post(&grant);
    house.vendor.arrival(1).await;
    house.post(&house.order(ADA, &["a"]));
    house.pass(seconds(1)).await;
    let down = || Observing::Fails(Fault::new("find", Sent::No, Remedy::Retry { after: None }));
    house.vendor.will_show(std::iter::repeat_with(down).take(1000));
    house.pass(seconds(120)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Superseded);
}

#[tokio::test(start_paused = true)]
async fn rule_09_an_order_that_names_none_names_all_of_the_apps() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["a"]);
    let answer = house.post(&grant);
    house.vendor.arrival(1).await;
    let order = house.post(&house.order_of_all(ADA));
    house.pass(seconds(1)).await;
    house.vendor.release();
    answer.await.unwrap();
    order.await.unwrap();
    assert_eq!(house.row(&grant).await.execution, Execution::Superseded);
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_09_an_order_ends_earlier_holders_only() {
    // A grant accepted after a deprovisioning that is parked.
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.will([Applying::Throttled(Some(seconds(300)))]);
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    assert_eq!(house.row(&order).await.execution, Execution::BackingOff);
    let again = house.grant(ADA, &["a"]);
    assert_eq!(house.send(&again).await.answer, Answer::Positive);
    house.pass(seconds(400)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "team a", "the later approval stands");
    assert_eq!(house.ledger(ADA).await.holders.len(), 1);
}

/// Two deliveries of one webhook while the first runs.
async fn twice(house: &House, request: &Request) -> (Answer, Answer) {
    let first = house.post(request);
    house.pass(seconds(1)).await;
    let second = house.post(&house.again(request));
    (first.await.unwrap().answer, second.await.unwrap().answer)
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_a_running_request_waits_for_its_result() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(5)) }]);
    let (first, second) = twice(&house, &house.grant(ADA, &["a"])).await;
    assert_eq!((first, second), (Answer::Positive, Answer::Positive));
    assert_eq!(house.vendor.calls().len(), 1);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_what_runs_again_after_a_crash_waits_for_its_result() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(5)) }]);
    let grant = house.grant(ADA, &["a"]);
    house.post(&grant);
    house.vendor.arrival(1).await;
    house.kill();
    house.boot().await;
    house.vendor.will_show([Observing::Takes(seconds(6))]);
    assert_eq!(house.send(&house.again(&grant)).await.answer, Answer::Positive);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_has_a_deadline_of_its_own() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["a"]);
    let first = house.post(&grant);
    house.vendor.arrival(1).await;
    house.pass(seconds(2)).await;
    let second = house.post(&house.again(&grant));
    house.vendor.will([Applying::Held]);
    first.await.unwrap();
    let began = house.now();
    second.await.unwrap();
    assert!(house.now() - began <= seconds(2));
    house.pass(seconds(60)).await;
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_gets_the_result_though_the_first_was_told_no() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(std::time::Duration::from_millis(14_900)) }]);
    let grant = house.grant(ADA, &["a"]);
    let first = house.post(&grant);
    house.pass(seconds(11)).await;
    // Parked soon after twelve seconds; this one is told so, and does not wait for its own deadline.
    let second = house.post(&house.again(&grant));
    assert!(reason(&first.await.unwrap().answer).starts_with("not done in time"));
    assert!(reason(&second.await.unwrap().answer).contains("may still arrive"));
    house.pass(seconds(60)).await;
    let third = house.send(&house.again(&grant)).await;
    assert_eq!(third.answer, Answer::Positive);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_a_confirmed_one_looks_and_sends_nothing() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    assert_eq!(house.send(&house.again(&grant)).await.answer, Answer::Positive);
    house.vendor.takes(ADA, "team", "a");
    let reply = house.send(&house.again(&grant)).await;
    assert!(reason(&reply.answer).contains("is not there any more"), "{}", reason(&reply.answer));
    assert_eq!(reply.request, grant.id);
    assert_eq!(house.vendor.calls().len(), 1);
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_a_confirmed_order_looks_too() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    assert_eq!(house.send(&house.again(&order)).await.answer, Answer::Positive);
    house.vendor.gives(ADA, "team", "a");
    let reply = house.send(&house.again(&order)).await;
    assert!(reason(&reply.answer).contains("is there again"), "{}", reason(&reply.answer));
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_a_confirmed_grant_that_is_over_or_displaced_is_negative() {
    let house = House::new().await;
    let over = house.ending_in(house.grant(ADA, &["a"]), seconds(60));
    house.send(&over).await;
    house.pass(seconds(61)).await;
    let reply = house.send(&house.again(&over)).await;
    assert!(reason(&reply.answer).contains("the approved time is over"), "{}", reason(&reply.answer));
    let displaced = house.grant(ADA, &["agent"]);
    house.send(&displaced).await;
    house.send(&house.grant(ADA, &["light"])).await;
    let reply = house.send(&house.again(&displaced)).await;
    assert!(reason(&reply.answer).contains("taken over"), "{}", reason(&reply.answer));
    assert!(house.alerts().is_empty());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_a_refused_one_runs_again_on_the_same_row() {
    let house = House::new().await;
    house.vendor.will([Applying::Refused(no("the team is locked: unlock it"))]);
    let grant = house.grant(ADA, &["a"]);
    assert!(reason(&house.send(&grant).await.answer).contains("locked"));
    let reply = house.send(&house.again(&grant)).await;
    assert_eq!((reply.request, reply.answer), (grant.id.clone(), Answer::Positive));
    let row = house.row(&grant).await;
    assert_eq!((row.attempt, row.execution), (2, Execution::Confirmed));
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_an_attempt_that_begins_while_the_one_before_is_leaving_keeps_its_place() {
    let house = House::new().await;
    house.vendor.will([Applying::Refused(no("the team is locked: unlock it"))]);
    let grant = house.grant(ADA, &["a"]);
    house.slow_acks(seconds(2));
    house.send(&grant).await;
    house.pass(std::time::Duration::from_millis(500)).await;
    // The refusal is on disk, and its run does not know it for a second and a half more.
    assert_eq!(house.row(&grant).await.execution, Execution::Refused);
    assert!(!house.engine.is_idle());
    house.slow_acks(seconds(0));
    house.vendor.will([Applying::Held]);
    let second = house.post(&house.again(&grant));
    house.vendor.arrival(2).await;
    house.pass(seconds(1)).await;
    let duplicate = house.post(&house.again(&grant));
    house.pass(seconds(1)).await;
    assert!(!duplicate.is_finished(), "it waits for the second attempt");
    house.vendor.release();
    assert_eq!(second.await.unwrap().answer, Answer::Positive);
    assert_eq!(duplicate.await.unwrap().answer, Answer::Positive);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_duplicate_of_a_parked_one_is_answered_at_once_from_its_state() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    let began = house.now();
    let reply = house.send(&house.again(&grant)).await;
    assert!(reason(&reply.answer).starts_with("needs you"), "{}", reason(&reply.answer));
    assert_eq!(house.now(), began);
    assert_eq!(house.vendor.readings(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_delivery_that_an_opposite_one_has_followed_is_negative() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.send(&house.order(ADA, &["a"])).await;
    let reply = house.send(&house.again(&grant)).await;
    assert!(reason(&reply.answer).contains("only an operator's replay"), "{}", reason(&reply.answer));
    assert_eq!(house.vendor.held(ADA), "");
    house.engine.operate(&grant.id, Act::Replay, "eve", "asked for by phone").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.vendor.held(ADA), "team a");
}

#[tokio::test(start_paused = true)]
async fn rule_10_without_lumos_id_a_delivery_is_a_request_of_its_own() {
    let house = House::new().await;
    let grant = Request { lumos_request: None, ..house.grant(ADA, &["a"]) };
    house.send(&grant).await;
    let second = house.again(&grant);
    assert_eq!(house.send(&second).await.request, second.id);
    assert_eq!(house.vendor.calls().len(), 1, "its plan comes out empty");
}

#[tokio::test(start_paused = true)]
async fn rule_10_access_length_and_comments_make_no_difference() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    let mut second = house.ending_in(house.again(&grant), seconds(3600));
    second.comment = Some("other words".to_owned());
    assert_eq!(house.send(&second).await.request, grant.id);
}
