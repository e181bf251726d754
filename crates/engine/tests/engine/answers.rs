//! Answers and time: rules 15 and 16.

use std::time::Duration;

use usher_core::{Refusal, RefusalKind};
use usher_engine::Answer;
use usher_journal::{AnswerState, Execution, Request, Telling};

use crate::support::{ADA, Applying, House, Observing, reason, seconds};

/// How long the answer took.
async fn timed(house: &House, request: &Request) -> (Answer, Duration) {
    let began = house.now();
    let reply = house.send(request).await;
    (reply.answer, house.now() - began)
}

#[tokio::test(start_paused = true)]
async fn rule_15_a_positive_answer_waits_for_the_disk() {
    let house = House::new().await;
    house.slow_disk(seconds(2));
    let request = house.grant(ADA, &["a"]);
    let (answer, took) = timed(&house, &request).await;
    assert_eq!((answer, took), (Answer::Positive, seconds(6)));
    house.pass(seconds(3)).await;
    assert_eq!(house.row(&request).await.answer, AnswerState::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_15_a_negative_answer_does_not_wait_for_the_disk() {
    let house = House::new().await;
    house.vendor.refuses("team", "a", Refusal::new(RefusalKind::NoSeat, "no seat is left"));
    house.slow_disk(seconds(2));
    let request = house.grant(ADA, &["a"]);
    let (answer, took) = timed(&house, &request).await;
    assert!(reason(&answer).contains("no seat"));
    assert_eq!(took, seconds(2), "only for its acceptance");
    house.pass(seconds(10)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Refused);
}

#[tokio::test(start_paused = true)]
async fn rule_15_what_is_confirmed_after_a_negative_answer_is_due_to_be_told() {
    let house = House::new().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(13)) }]);
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.pass(seconds(30)).await;
    assert_eq!(house.row(&request).await.telling, Telling::Due);
    assert_eq!(house.alerts().len(), 1);
    assert!(house.alerts()[0].starts_with("late:"));
}

#[tokio::test(start_paused = true)]
async fn rule_15_the_deadline_during_the_confirmation_wins_and_is_told_later() {
    let house = House::new().await;
    house.vendor.gives(ADA, "team", "a");
    house.slow_disk(seconds(8));
    let request = house.grant(ADA, &["a"]);
    let (answer, took) = timed(&house, &request).await;
    assert!(reason(&answer).contains("the journal has not written it yet"), "{}", reason(&answer));
    assert_eq!(took, seconds(12));
    house.pass(seconds(60)).await;
    let row = house.row(&request).await;
    assert_eq!((row.execution, row.telling), (Execution::Confirmed, Telling::Due));
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_15_after_a_crash_what_was_not_answered_is_lost_and_told() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["a"]);
    house.post(&request);
    house.vendor.arrival(1).await;
    house.kill();
    house.vendor.release();
    house.boot().await;
    house.pass(seconds(60)).await;
    let row = house.row(&request).await;
    assert_eq!((row.answer, row.telling), (AnswerState::Lost, Telling::Due));
}

#[tokio::test(start_paused = true)]
async fn rule_15_who_hung_up_was_not_answered() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["a"]);
    let answer = house.post(&request);
    house.vendor.arrival(1).await;
    answer.abort();
    house.vendor.release();
    house.pass(seconds(5)).await;
    let row = house.row(&request).await;
    assert_eq!(row.execution, Execution::Confirmed, "the work goes on");
    assert_eq!((row.answer, row.telling), (AnswerState::Lost, Telling::Due));
    assert!(house.alerts().iter().any(|alert| alert.starts_with("late:")), "{:?}", house.alerts());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_16_the_deadline_is_kept_to_the_millisecond_whatever_hangs() {
    for hanging in ["accept", "ledger", "reading", "change"] {
        let house = House::new().await;
        match hanging {
            "accept" => house.slow_disk(seconds(60)),
            "ledger" => house.slow_reads(seconds(60)),
            "reading" => drop(house.vendor.will_show([Observing::Takes(seconds(60))]).clone()),
            _ => drop(house.vendor.will([Applying::Held]).clone()),
        }
        let request = house.grant(ADA, &["a"]);
        let (answer, took) = timed(&house, &request).await;
        assert!(reason(&answer).starts_with("not done in time"), "{hanging}: {}", reason(&answer));
        // A change has a time-out of three seconds of its own, and settles for fifteen.
        assert_eq!(took, seconds(12), "{hanging}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_16_the_clock_starts_with_the_first_byte() {
    let house = House::new().await;
    house.vendor.will_show([Observing::Takes(seconds(60))]);
    let began = house.now();
    house.pass(seconds(5)).await;
    house.send_begun(&house.grant(ADA, &["a"]), began).await;
    assert_eq!(house.now() - began, seconds(12));
}

#[tokio::test(start_paused = true)]
async fn rule_16_no_change_starts_with_too_little_left() {
    // Its time-out of 3 s, 5 s for another reading and 1 s more: 9 s, and 7 s are left.
    let house = House::that_stops().await;
    house.vendor.will_show([Observing::Takes(seconds(5))]);
    let request = house.grant(ADA, &["a"]);
    let (answer, took) = timed(&house, &request).await;
    assert!(reason(&answer).contains("too short to start a change"), "{}", reason(&answer));
    assert_eq!(took, seconds(5));
    house.pass(seconds(60)).await;
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_16_the_budget_is_looked_at_again_after_a_slow_commit() {
    let house = House::that_stops().await;
    house.slow_disk(Duration::from_millis(4500));
    let (answer, took) = timed(&house, &house.grant(ADA, &["a"])).await;
    assert!(reason(&answer).contains("too short"), "{}", reason(&answer));
    assert_eq!(took, seconds(9), "accepted at 4.5 s, the intent on disk at 9 s");
    house.pass(seconds(60)).await;
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_16_a_rate_limit_that_outlasts_the_budget_ends_the_wait_at_once() {
    let house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(30)))]);
    let request = house.grant(ADA, &["a"]);
    let (_, took) = timed(&house, &request).await;
    assert_eq!(took, seconds(0));
    house.pass(seconds(29)).await;
    assert_eq!(house.vendor.calls().len(), 1);
    house.pass(seconds(2)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_16_a_short_rate_limit_is_waited_for() {
    let house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(3)))]);
    let (answer, took) = timed(&house, &house.grant(ADA, &["a"])).await;
    assert_eq!((answer, took), (Answer::Positive, seconds(3)));
}
