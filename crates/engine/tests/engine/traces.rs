//! Traces that break a promise where their rule is taken out, through the whole engine. The model checker (`tests/model`) finds their
//! like by itself; these have names, so that a reader finds them. Others of the kind stand beside their rule's other tests: a
//! deprovisioning during an unknown grant in `readings.rs`, a grant after a parked deprovisioning and a delivery that an opposite one
//! has followed in `orders.rs`, a slot through two approvals and two removals in `goals.rs`, a replay after an order in `replays.rs`.

use std::time::Duration;

use usher_core::{Refusal, RefusalKind};
use usher_engine::Answer;
use usher_journal::Execution;

use crate::support::{ADA, Applying, House, Observing, reason, seconds};

#[tokio::test(start_paused = true)]
async fn rule_02_a_reading_begun_beside_anothers_turn_does_not_see_what_that_one_has_just_given() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let grant = house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    // The vendor shows nothing yet: an order that counted what could be read now would be done.
    let order = house.order(ADA, &["a"]);
    let removed = house.post(&order);
    house.pass(seconds(1)).await;
    house.vendor.release();
    assert_ne!(grant.await.unwrap().answer, Answer::Positive);
    assert_eq!(removed.await.unwrap().answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "");
    assert_eq!(house.vendor.effects(), ["give team a", "take team a"]);
}

#[tokio::test(start_paused = true)]
async fn rule_02_nothing_is_read_ahead_beside_a_repeated_delivery_that_looks() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.vendor.will_show([Observing::Takes(seconds(2))]);
    let again = house.post(&house.again(&grant));
    house.pass(seconds(1)).await;
    let before = house.vendor.readings();
    let other = house.post(&house.grant(ADA, &["b"]));
    house.pass(Duration::from_millis(500)).await;
    assert_eq!(house.vendor.readings(), before, "one reading of a person at a time");
    assert_eq!(again.await.unwrap().answer, Answer::Positive);
    assert_eq!(other.await.unwrap().answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_03_a_reading_that_shows_some_of_an_approval_confirms_nothing() {
    let house = House::that_stops().await;
    house.vendor.gives(ADA, "role", "end-user").will_show([Observing::Takes(seconds(60))]);
    house.send(&house.grant(ADA, &["both"])).await;
    house.pass(seconds(60)).await;
    // Somebody gives the role by hand, and forgets the team.
    house.vendor.gives(ADA, "role", "agent");
    house.send(&house.grant(ADA, &["b"])).await;
    let holders = house.ledger(ADA).await.holders;
    let confirmed: Vec<_> =
        holders.iter().map(|holder| (holder.permission.as_str(), holder.confirmed)).collect();
    assert_eq!(confirmed, [("both", false), ("b", true)]);
    // An approval that nobody has proven keeps nothing from others.
    house.send(&house.of_other_app(house.order(ADA, &["agent"]))).await;
    assert_eq!(house.vendor.held(ADA), "role end-user, team b");
}

#[tokio::test(start_paused = true)]
async fn rule_04_two_permissions_of_one_person_with_a_time_out_in_between_are_sent_once_each() {
    for lands in [Some(Duration::from_millis(14_500)), None] {
        let house = House::new().await;
        house.vendor.will([Applying::Lost { lands }]);
        let (first, second) = (house.grant(ADA, &["a"]), house.grant(ADA, &["b"]));
        let answers = [house.post(&first), house.post(&second)];
        house.pass(seconds(5)).await;
        assert_eq!(house.vendor.calls(), ["give team a"], "while one may arrive, the other is not sent");
        for answer in answers {
            assert!(reason(&answer.await.unwrap().answer).contains("not done in time"));
        }
        house.pass(seconds(120)).await;
        assert_eq!(house.row(&first).await.execution, Execution::Confirmed);
        assert_eq!(house.row(&second).await.execution, Execution::Confirmed);
        assert_eq!(house.vendor.held(ADA), "team a, team b");
        let mut effects = house.vendor.effects();
        effects.sort_unstable();
        assert_eq!(effects, ["give team a", "give team b"], "{lands:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_05_two_permissions_in_one_request_with_a_time_out_in_between_are_sent_once_each() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(13)) }]);
    let grant = house.grant(ADA, &["a", "b"]);
    house.send(&grant).await;
    assert_eq!(house.vendor.calls(), ["give team a"], "nothing is sent while a change is open");
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.effects(), ["give team a", "give team b"]);
}

#[tokio::test(start_paused = true)]
async fn rule_12_overlapping_permissions_of_which_one_facet_is_refused_keep_what_each_has() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "end-user");
    let other = house.of_other_app(house.grant(ADA, &["a"]));
    assert_eq!(house.send(&other).await.answer, Answer::Positive);
    let refusal = Refusal::new(RefusalKind::Forbidden, "the role is locked");
    house.vendor.will([Applying::Refused(refusal)]);
    let both = house.grant(ADA, &["both"]);
    assert!(reason(&house.send(&both).await.answer).starts_with("the role is locked"));
    // Of what was refused nothing is held: its order takes nothing from the approval that overlaps it.
    assert_eq!(house.send(&house.order(ADA, &["both"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role end-user, team a");
    assert_eq!(house.send(&house.of_other_app(house.order(ADA, &["a"]))).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role end-user");
}
