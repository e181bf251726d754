//! What Lumos says of the access request, before each attempt that nobody waits for: rule 26.

use usher_core::{Awaits, Sent};
use usher_engine::{Act, Answer, LumosFault, Progress};
use usher_journal::{Execution, Request, Telling};

use crate::support::lumos::{A_WHILE, Asked, Desk, out_of_reach};
use crate::support::{ADA, Applying, House, seconds};

/// A grant that is tried again a minute after it was answered no.
async fn throttled() -> (House, Desk, Request) {
    let (house, desk) = House::new().await.with_desk().await;
    house.vendor.will([Applying::Throttled(Some(seconds(60)))]);
    let request = house.grant(ADA, &["a"]);
    assert!(matches!(house.send(&request).await.answer, Answer::Negative { .. }));
    (house, desk, request)
}

async fn said(house: &House, request: &Request) -> String {
    house.row(request).await.reason.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn rule_26_an_attempt_that_somebody_waits_for_asks_nobody_and_a_removal_never_does() {
    let (house, desk) = House::new().await.with_desk().await;
    assert_eq!(house.send(&house.grant(ADA, &["a"])).await.answer, Answer::Positive);
    house.vendor.will([Applying::Throttled(Some(seconds(60)))]);
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    desk.is("CANCELLED", Progress::Ended);
    house.pass(A_WHILE).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(desk.calls("show"), 0);
}

#[tokio::test(start_paused = true)]
async fn rule_26_what_is_still_open_is_granted() {
    let (house, desk, request) = throttled().await;
    house.pass(A_WHILE).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert!(desk.calls("show") >= 1);
}

#[tokio::test(start_paused = true)]
async fn rule_26_what_was_cancelled_before_anything_was_sent_is_refused() {
    let (house, desk, request) = throttled().await;
    desk.is("CANCELLED", Progress::Ended);
    house.pass(A_WHILE).await;
    assert_eq!(house.row(&request).await.execution, Execution::Refused);
    assert!(said(&house, &request).await.contains("CANCELLED"));
    assert!(house.vendor.effects().is_empty());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_26_what_was_granted_before_it_was_cancelled_goes_to_a_person() {
    for lands in [Some(seconds(14)), None] {
        let (house, desk) = House::new().await.with_desk().await;
        house.vendor.will([Applying::Lost { lands }]);
        let request = house.grant(ADA, &["a"]);
        house.send(&request).await;
        desk.is("DENIED", Progress::Ended);
        house.pass(A_WHILE).await;
        let row = house.row(&request).await;
        assert_eq!((row.execution, row.telling), (Execution::NeedsHuman, Telling::None), "{lands:?}");
        assert!(said(&house, &request).await.contains("DENIED"));
        assert_eq!(house.vendor.calls().len(), 1, "nothing more is sent");
        assert!(house.alerts().iter().any(|alert| alert.starts_with("needs-human:")));
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_26_what_a_person_has_provisioned_is_observed_and_nothing_is_sent() {
    for is_there in [true, false] {
        let (house, desk, request) = throttled().await;
        desk.is("PROVISIONED", Progress::Provisioned);
        if is_there {
            house.vendor.gives(ADA, "team", "a");
        }
        house.pass(A_WHILE).await;
        let row = house.row(&request).await;
        if is_there {
            assert_eq!((row.execution, row.telling), (Execution::Confirmed, Telling::Moot));
        } else {
            assert_eq!(row.execution, Execution::Closed);
            assert!(said(&house, &request).await.contains("not granted"));
        }
        assert_eq!(house.vendor.calls().len(), 1, "the throttled one");
        assert!(desk.comments().is_empty());
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_26_out_of_reach_the_attempt_goes_on_and_the_history_says_so() {
    for asked in [
        out_of_reach(Sent::No),
        Asked::Hangs,
        Asked::Fails(LumosFault::No("401".to_owned())),
        Asked::Fails(LumosFault::NotThere("404".to_owned())),
    ] {
        let (house, desk, request) = throttled().await;
        desk.showing([asked]);
        house.pass(A_WHILE).await;
        assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
        assert!(house.history(&request).await.contains(&"lumos"));
    }
}

#[tokio::test(start_paused = true)]
async fn rule_26_the_access_request_of_another_person_says_nothing() {
    let (house, desk, request) = throttled().await;
    desk.is("CANCELLED", Progress::Another);
    house.pass(A_WHILE).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_26_holds_after_a_crash_and_for_what_waits_for_its_invitee() {
    let (mut house, desk, request) = throttled().await;
    desk.is("CANCELLED", Progress::Ended);
    house.crash().await;
    house.pass(A_WHILE).await;
    assert_eq!(house.row(&request).await.execution, Execution::Refused);

    let (house, desk) = House::new().await.with_desk().await;
    house.vendor.gives(ADA, "team", "a").shows_pending("team", "a", Awaits::Invitee);
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Waiting);
    desk.is("CANCELLED", Progress::Ended);
    house.pass(seconds(24 * 3_600)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Refused);
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_26_an_operator_s_replay_outweighs_provisioned_but_not_cancelled() {
    for (progress, ends) in
        [(Progress::Provisioned, Execution::Confirmed), (Progress::Ended, Execution::NeedsHuman)]
    {
        let (house, desk) = House::new().await.with_desk().await;
        let request = house.grant(ADA, &["a"]);
        assert_eq!(house.send(&request).await.answer, Answer::Positive);
        house.pass(A_WHILE).await;
        house.vendor.takes(ADA, "team", "a");
        desk.is("SO_IT_IS", progress);
        house.engine.operate(&request.id, Act::Replay, "dana", "it was gone").await.unwrap();
        house.pass(A_WHILE).await;
        assert_eq!(house.row(&request).await.execution, ends, "{progress:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_26_what_was_applied_after_its_time_is_released_whatever_lumos_says() {
    let (house, desk) = House::new().await.with_desk().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(14)) }]);
    let request = house.ending_in(house.grant(ADA, &["a"]), seconds(13));
    desk.is("TIME_BASED_EXPIRED", Progress::Ended);
    house.send(&request).await;
    house.pass(seconds(600)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Expired);
    assert_eq!(house.vendor.held(ADA), "");
}
