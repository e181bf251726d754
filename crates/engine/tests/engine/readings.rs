//! Readings and open changes: rules 4 to 7.

use std::time::Duration;

use usher_core::{Awaits, Fault, Refusal, RefusalKind, Remedy, Repeat, Sent};
use usher_engine::{Act, Answer};
use usher_journal::Execution;

use crate::support::{ADA, Applying, House, Observing, reason, seconds};

#[tokio::test(start_paused = true)]
async fn rule_04_a_change_is_sent_again_only_once_it_can_no_longer_arrive_not_even_in_a_stale_reading() {
    let house = House::new().await;
    house.vendor.lags(seconds(20)).will([Applying::Lost { lands: None }]);
    let request = house.grant(ADA, &["a"]);
    let answer = house.post(&request);
    // 15 s to settle, and 20 s more until no reading is older than that.
    house.pass(Duration::from_millis(34_900)).await;
    assert_eq!(house.vendor.calls().len(), 1);
    house.pass(seconds(2)).await;
    assert_eq!(house.vendor.calls().len(), 2, "and it is not overslept");
    answer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_04_a_change_of_another_request_is_open_for_every_reading_of_the_subject() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let first = house.post(&house.grant(ADA, &["a"]));
    house.pass(seconds(13)).await;
    first.await.unwrap();
    let second = house.post(&house.of_other_app(house.grant(ADA, &["b"])));
    house.pass(seconds(1)).await;
    assert_eq!(house.vendor.calls().len(), 1, "nothing is sent while a change is open, whatever its facets");
    second.await.unwrap();
    house.pass(seconds(60)).await;
    assert_eq!(house.vendor.held(ADA), "team a, team b");
}

#[tokio::test(start_paused = true)]
async fn rule_04_after_a_crash_it_is_counted_anew() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    house.post(&house.grant(ADA, &["a"]));
    house.pass(seconds(10)).await;
    house.crash().await;
    house.pass(Duration::from_millis(14_900)).await;
    assert_eq!(house.vendor.calls().len(), 1);
    house.pass(seconds(2)).await;
    assert_eq!(house.vendor.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rule_05_an_order_waits_for_an_unknown_grant_to_settle() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(13)) }]);
    let grant = house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    let order = house.order(ADA, &["a"]);
    let answer = house.post(&order);
    assert!(matches!(answer.await.unwrap().answer, Answer::Negative { .. }), "absence proves nothing");
    assert!(matches!(grant.await.unwrap().answer, Answer::Negative { .. }));
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "", "what landed late is gone");
    assert_eq!(house.vendor.effects(), ["give team a", "take team a"]);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_05_seeing_what_was_wanted_is_proof_enough_for_the_one_who_wanted_it() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(1)) }]);
    let reply = house.send(&house.grant(ADA, &["a"])).await;
    assert_eq!(reply.answer, Answer::Positive);
    // For the opposite it proves nothing yet.
    let order = house.order(ADA, &["a"]);
    house.post(&order);
    house.pass(seconds(5)).await;
    assert_eq!(house.vendor.calls().len(), 1, "nothing is sent while the grant's change is open");
    house.pass(seconds(60)).await;
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_grant_after_an_unknown_removal_waits_too() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.will([Applying::Lost { lands: Some(Duration::from_millis(14_500)) }]);
    let order = house.post(&house.order(ADA, &["a"]));
    house.pass(seconds(5)).await;
    // It has its turn once the order is parked, and sees what is about to go.
    let grant = house.grant(ADA, &["a"]);
    let answer = house.post(&grant).await.unwrap().answer;
    assert!(matches!(answer, Answer::Negative { .. }), "presence proves nothing after a removal");
    order.await.unwrap();
    house.pass(seconds(90)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "team a");
}

#[tokio::test(start_paused = true)]
async fn rule_05_what_turns_out_applied_after_its_time_is_over_is_released() {
    for stops in [false, true] {
        let house = if stops { House::that_stops().await } else { House::new().await };
        house.vendor.will([Applying::Lost { lands: Some(seconds(13)) }]);
        let grant = house.ending_in(house.grant(ADA, &["agent"]), seconds(10));
        house.vendor.gives(ADA, "role", "end-user");
        assert!(matches!(house.send(&grant).await.answer, Answer::Negative { .. }));
        house.pass(seconds(120)).await;
        assert_eq!(house.row(&grant).await.execution, Execution::Expired);
        assert_eq!(house.vendor.held(ADA), "role end-user", "stops: {stops}");
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_superseded_grant_ends_only_once_its_own_change_is_over() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    let answer = house.post(&grant);
    house.vendor.arrival(1).await;
    house.post(&house.order(ADA, &["a"]));
    house.pass(seconds(12)).await;
    answer.await.unwrap();
    assert!(!house.row(&grant).await.execution.is_final());
    house.pass(seconds(30)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Superseded);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_06_what_must_never_be_repeated_goes_to_a_person() {
    let house = House::new().await;
    house.vendor.repeats(Repeat::Never).will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(120)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    assert_eq!(house.vendor.calls().len(), 1);
    assert!(house.alerts()[0].starts_with("needs-human:"));
}

#[tokio::test(start_paused = true)]
async fn rule_06_what_cannot_be_read_back_is_sent_again_with_the_same_key_alone() {
    let house = House::new().await;
    house.vendor.repeats(Repeat::Keyed).hides("team", "a").will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(120)).await;
    let keys = house.vendor.keys();
    assert_eq!(keys.len(), 2, "once in doubt, once answered, and not again: {keys:?}");
    assert_eq!(keys[0], keys[1]);
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman, "it was never proven");
}

#[tokio::test(start_paused = true)]
async fn rule_06_two_changes_never_share_a_key() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    // Long enough for the change to be forgotten.
    house.pass(seconds(2 * 3600)).await;
    house.vendor.takes(ADA, "team", "a");
    house.engine.operate(&grant.id, Act::Replay, "eve", "it is gone").await.unwrap();
    house.pass(seconds(5)).await;
    let keys = house.vendor.keys();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "the vendor would take the second for the first");
}

#[tokio::test(start_paused = true)]
async fn rule_06_what_cannot_be_read_and_has_no_key_goes_to_a_person_unsent() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    let reply = house.send(&house.grant(ADA, &["a"])).await;
    assert!(reason(&reply.answer).contains("nothing is sent blindly"), "{}", reason(&reply.answer));
    assert!(house.vendor.calls().is_empty());
}

fn accepted(after: u64, fails: Option<Refusal>) -> Applying {
    Applying::Accepted { after: seconds(after), fails, within: seconds(600) }
}

#[tokio::test(start_paused = true)]
async fn rule_07_a_202_is_no_answer_and_its_end_is_watched_for() {
    let house = House::new().await;
    house.vendor.will([accepted(5, None)]);
    let began = house.now();
    let reply = house.send(&house.grant(ADA, &["a"])).await;
    assert_eq!(reply.answer, Answer::Positive);
    assert!(house.now() - began >= seconds(5));
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_07_a_202_that_outlasts_the_answer_is_driven_on_and_not_sent_again() {
    let house = House::new().await;
    house.vendor.will([accepted(300, None)]);
    let grant = house.grant(ADA, &["a"]);
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).starts_with("not done in time"), "{}", reason(&reply.answer));
    house.pass(seconds(400)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_07_a_202_that_the_vendor_gives_up_is_refused() {
    let house = House::new().await;
    let no = Refusal::new(RefusalKind::NoSeat, "no seat is left: buy one");
    house.vendor.will([accepted(3, Some(no))]);
    let grant = house.grant(ADA, &["a"]);
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).contains("no seat is left"), "{}", reason(&reply.answer));
    assert_eq!(house.row(&grant).await.execution, Execution::Refused);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_07_a_202_that_never_ends_goes_to_a_person_and_nothing_is_sent() {
    let house = House::new().await;
    house.vendor.will([accepted(1_000_000, None)]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(590)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::BackingOff);
    house.pass(seconds(30)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    // Nor by anybody else, until a person has looked and closed it.
    let other = house.grant(ADA, &["b"]);
    house.send(&other).await;
    assert_eq!(house.vendor.calls().len(), 1);
    let closed = house.engine.operate(&grant.id, Act::Close, "eve", "seen to").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.row(&closed).await.execution, Execution::Closed);
    house.engine.operate(&other.id, Act::Replay, "eve", "free again").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.row(&other).await.execution, Execution::Confirmed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_07_how_to_ask_for_the_end_of_a_202_survives_a_crash() {
    let mut house = House::new().await;
    house.vendor.will([accepted(30, None)]);
    let grant = house.grant(ADA, &["a"]);
    house.post(&grant);
    house.pass(seconds(5)).await;
    house.crash().await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_at_the_vendor_is_waited_for() {
    let house = House::new().await;
    house.vendor.shows_pending("team", "a", Awaits::Vendor);
    let grant = house.grant(ADA, &["a"]);
    let answer = house.post(&grant);
    house.pass(seconds(5)).await;
    assert!(!answer.is_finished());
    house.vendor.shows_again();
    assert_eq!(answer.await.unwrap().answer, Answer::Positive);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_while_changing_may_have_changed_something() {
    let house = House::new().await;
    house.vendor.will([Applying::Panics]);
    let grant = house.grant(ADA, &["a"]);
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).starts_with("not done in time"));
    assert_eq!(house.vendor.calls().len(), 1);
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_while_reading_is_asked_again() {
    let house = House::new().await;
    house.vendor.will_show([Observing::Panics]);
    assert_eq!(house.send(&house.grant(ADA, &["a"])).await.answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_while_planning_sends_the_request_to_a_person() {
    let house = House::new().await;
    house.vendor.breaks_planning(true);
    let grant = house.grant(ADA, &["a"]);
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).starts_with("a defect"), "{}", reason(&reply.answer));
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    house.is_at_rest().await;
    house.vendor.breaks_planning(false);
    house.engine.operate(&grant.id, Act::Replay, "eve", "mended").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_cannot_be_reached_is_tried_ever_more_rarely() {
    let house = House::new().await;
    house.vendor.will(std::iter::repeat_n(Applying::NotSent, 60));
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(3600)).await;
    assert!(house.vendor.readings() < 30, "{} readings in an hour", house.vendor.readings());
    assert_eq!(house.row(&grant).await.execution, Execution::BackingOff);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_refused_needs_a_person() {
    let house = House::new().await;
    house.vendor.will_show([Observing::Fails(Fault::new("find the user", Sent::Yes, Remedy::Person))]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    assert_eq!(house.alerts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_may_not_change_anything_needs_a_person_and_leaves_nothing_in_doubt() {
    let house = House::new().await;
    house.vendor.will([Applying::Credential]);
    let grant = house.grant(ADA, &["a"]);
    let began = house.now();
    house.send(&grant).await;
    assert_eq!(house.now(), began, "nothing has to settle");
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    house.engine.operate(&grant.id, Act::Replay, "eve", "mended").await.unwrap();
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
}
