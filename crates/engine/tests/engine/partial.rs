//! Partial success, dry runs and the kill switch: rules 18 and 19.

use std::time::Duration;

use usher_core::{Refusal, RefusalKind};
use usher_engine::{Act, Answer};
use usher_journal::{Execution, Pause, Request};

use crate::support::{ADA, Applying, House, reason, seconds};

#[tokio::test(start_paused = true)]
async fn rule_18_partial_success_is_negative_and_names_what_is_done_and_what_is_not() {
    let house = House::new().await;
    house
        .vendor
        .will([Applying::Held, Applying::Refused(Refusal::new(RefusalKind::Forbidden, "team b is locked"))]);
    house.vendor.release();
    let request = house.grant(ADA, &["a", "b"]);
    let reply = house.send(&request).await;
    assert_eq!(reason(&reply.answer), "team b is locked (team a: granted, team b: not granted)");
    assert_eq!(house.vendor.held(ADA), "team a", "what was granted stays");
    // And it is kept from others, since it was approved.
    house.send(&house.of_other_app(house.order(ADA, &["a"]))).await;
    assert_eq!(house.vendor.held(ADA), "team a");
}

/// Ada's role was `light`; a grant of an agent in team a has got as far as the role.
async fn half_granted() -> (House, Request) {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "light");
    house
        .vendor
        .will([Applying::Held, Applying::Refused(Refusal::new(RefusalKind::Forbidden, "team a is locked"))]);
    house.vendor.release();
    let grant = house.grant(ADA, &["both"]);
    let reply = house.send(&grant).await;
    assert_eq!(reason(&reply.answer), "team a is locked (role agent: granted, team a: not granted)");
    assert_eq!(house.vendor.held(ADA), "role agent", "what was granted stays");
    (house, grant)
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_a_refused_grant_leaves_in_a_slot_gives_way_to_the_former_value_with_its_order() {
    let (house, _) = half_granted().await;
    assert_eq!(house.send(&house.order(ADA, &["both"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role light");
    let ledger = house.ledger(ADA).await;
    assert!(ledger.former.is_empty() && ledger.left.is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_14_a_second_attempt_takes_what_the_first_left_for_no_former_value() {
    let (house, grant) = half_granted().await;
    house.engine.operate(&grant.id, Act::Replay, "eve", "unlocked").await.unwrap();
    house.is_at_rest().await;
    assert_eq!(house.vendor.held(ADA), "role agent, team a");
    house.send(&house.of_other_app(house.grant(ADA, &["light"]))).await;
    house.send(&house.order(ADA, &["both"])).await;
    house.send(&house.of_other_app(house.order(ADA, &["light"]))).await;
    assert_eq!(house.vendor.held(ADA), "role end-user", "the order of `light` erased it");
    let (house, grant) = half_granted().await;
    house.engine.operate(&grant.id, Act::Replay, "eve", "unlocked").await.unwrap();
    house.is_at_rest().await;
    assert_eq!(house.send(&house.order(ADA, &["both"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role light");
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_somebody_else_sets_after_a_refused_grant_is_given_back_to_them() {
    let (house, _) = half_granted().await;
    house.vendor.gives(ADA, "role", "staff");
    assert_eq!(house.send(&house.grant(ADA, &["agent"])).await.answer, Answer::Positive);
    assert_eq!(house.send(&house.order(ADA, &["agent"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role staff");
}

#[tokio::test(start_paused = true)]
async fn rule_18_a_provision_with_any_refusal_in_its_plan_sends_nothing() {
    let house = House::new().await;
    house.vendor.refuses("role", "agent", Refusal::new(RefusalKind::NoSeat, "no seat is left"));
    // Overlapping permissions, of which one facet is refused.
    let request = house.grant(ADA, &["both", "a"]);
    let reply = house.send(&request).await;
    assert_eq!(reason(&reply.answer), "no seat is left");
    assert!(house.vendor.calls().is_empty());
    assert!(house.ledger(ADA).await.holders.is_empty());
    assert!(house.alerts()[0].starts_with("no-seat:"));
}

#[tokio::test(start_paused = true)]
async fn rule_18_a_provision_that_is_refused_says_why_even_where_its_state_cannot_be_read() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    house.vendor.refuses("team", "a", Refusal::new(RefusalKind::Unresolvable, "there is no team a any more"));
    let request = house.grant(ADA, &["a"]);
    let reply = house.send(&request).await;
    assert_eq!(reason(&reply.answer), "there is no team a any more");
    assert_eq!(house.row(&request).await.execution, Execution::Refused);
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_18_an_order_does_what_it_can_and_is_negative() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["both"])).await;
    house.vendor.refuses("team", "a", Refusal::new(RefusalKind::ManagedElsewhere, "SCIM manages team a"));
    let request = house.order(ADA, &["both"]);
    let reply = house.send(&request).await;
    assert_eq!(house.vendor.held(ADA), "role end-user, team a");
    assert!(reason(&reply.answer).contains("SCIM manages team a"), "{}", reason(&reply.answer));
    assert!(reason(&reply.answer).contains("team a: still there"), "{}", reason(&reply.answer));
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
    assert!(house.alerts()[0].starts_with("failed-removal:"));
}

#[tokio::test(start_paused = true)]
async fn rule_18_what_the_vendor_accepts_and_never_shows_goes_to_a_person_after_three_rounds() {
    let house = House::new().await;
    house.vendor.forgets(true);
    let request = house.grant(ADA, &["a"]);
    let reply = house.send(&request).await;
    assert!(reason(&reply.answer).contains("still does not show"), "{}", reason(&reply.answer));
    assert_eq!(house.vendor.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn rule_19_a_dry_run_plans_and_sends_nothing() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["both"])).await;
    let calls = house.vendor.calls().len();
    let grant = Request { dry_run: true, ..house.grant(ADA, &["b"]) };
    assert_eq!(reason(&house.send(&grant).await.answer), "dry run, nothing was sent: would give team b");
    let order = Request { dry_run: true, ..house.order(ADA, &["both"]) };
    assert_eq!(
        reason(&house.send(&order).await.answer),
        "dry run, nothing was sent: would take role agent, back to role end-user; would take team a"
    );
    assert_eq!(house.vendor.calls().len(), calls);
    assert_eq!(house.ledger(ADA).await.holders.len(), 1, "it revokes nothing");
    assert_eq!(house.row(&order).await.execution, Execution::Refused);
    assert!(house.history(&order).await.contains(&"planned"));
}

#[tokio::test(start_paused = true)]
async fn rule_19_a_dry_run_that_cannot_see_alerts_nobody() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    let grant = Request { dry_run: true, ..house.grant(ADA, &["a"]) };
    assert!(reason(&house.send(&grant).await.answer).starts_with("dry run"));
    assert!(house.alerts().is_empty());
}

fn pause(house: &House) -> Pause {
    use usher_core::Clock;
    Pause { by: "eve".to_owned(), reason: "maintenance".to_owned(), since: house.clock.now() }
}

#[tokio::test(start_paused = true)]
async fn rule_19_a_paused_connection_sends_nothing_and_stays_paused_over_a_restart() {
    let mut house = House::new().await;
    house.engine.pause("acme", Some(pause(&house))).await.unwrap();
    let request = house.grant(ADA, &["a"]);
    let reply = house.send(&request).await;
    assert!(reason(&reply.answer).contains("paused: maintenance"), "{}", reason(&reply.answer));
    house.crash().await;
    house.pass(seconds(600)).await;
    assert!(house.vendor.calls().is_empty());
    house.engine.pause("other", None).await.unwrap();
    house.pass(seconds(1)).await;
    assert!(house.vendor.calls().is_empty(), "another connection was let go");
    house.engine.pause("acme", None).await.unwrap();
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_19_a_pause_between_intent_and_call_stops_the_call() {
    let house = House::new().await;
    house.slow_disk(seconds(1));
    let request = house.grant(ADA, &["a"]);
    let answer = house.post(&request);
    house.pass(Duration::from_millis(1500)).await;
    let engine = house.engine.clone();
    let pause = pause(&house);
    engine.pause("acme", Some(pause)).await.unwrap();
    answer.await.unwrap();
    house.pass(seconds(60)).await;
    assert!(house.vendor.calls().is_empty());
    assert_eq!(house.row(&request).await.execution, Execution::BackingOff);
}

#[tokio::test(start_paused = true)]
async fn what_was_parked_while_the_clock_was_wrong_goes_on_within_the_hour() {
    let mut house = House::new().await;
    house.vendor.gives(ADA, "team", "a");
    house.engine.pause("acme", Some(pause(&house))).await.unwrap();
    let ten_years = jiff::SignedDuration::from_hours(10 * 365 * 24);
    house.clock.jump(ten_years);
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    assert_eq!(house.row(&order).await.execution, Execution::BackingOff);
    house.clock.jump(-ten_years);
    house.crash().await;
    house.engine.pause("acme", None).await.unwrap();
    house.pass(seconds(3700)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "");
}
