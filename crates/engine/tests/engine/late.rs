//! After the deadline: rule 17.

use std::time::Duration;

use jiff::SignedDuration;
use usher_engine::{Answer, Limits};
use usher_journal::{Execution, Journal, Record, Request, Telling};

use crate::support::{ADA, Applying, House, Kill, Observing, reason, seconds};

#[tokio::test(start_paused = true)]
async fn rule_17_continue_drives_on_in_the_background() {
    let house = House::new().await;
    house.vendor.will_show([Observing::Takes(seconds(60))]);
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.pass(seconds(30)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_17_stop_starts_nothing_new_in_any_phase() {
    for phase in ["queued", "reading", "resting", "accepting", "between"] {
        let house = House::that_stops().await;
        match phase {
            "queued" => {
                house.vendor.will([Applying::Lost { lands: None }]);
                house.post(&house.of_other_app(house.order(ADA, &["b"])));
                house.vendor.gives(ADA, "team", "b");
            }
            "reading" => drop(house.vendor.will_show([Observing::Takes(seconds(60))]).clone()),
            "resting" => drop(
                house
                    .vendor
                    .will([
                        Applying::Throttled(Some(seconds(7))),
                        Applying::NotSent,
                        Applying::NotSent,
                        Applying::NotSent,
                        Applying::NotSent,
                        Applying::NotSent,
                    ])
                    .clone(),
            ),
            "accepting" => house.slow_disk(seconds(13)),
            _ => {
                house.vendor.will([Applying::Lost { lands: None }]);
            }
        }
        let request = house.grant(ADA, &["a"]);
        let reply = house.send(&request).await;
        assert!(matches!(reply.answer, Answer::Negative { .. }), "{phase}");
        house.slow_disk(Duration::ZERO);
        let before = house.vendor.calls().iter().filter(|call| *call == "give team a").count();
        house.pass(seconds(300)).await;
        let after = house.vendor.calls().iter().filter(|call| *call == "give team a").count();
        assert_eq!(before, after, "{phase}");
        assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman, "{phase}");
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_17_stop_settles_what_is_open_and_sees_that_it_came() {
    let house = House::that_stops().await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(13)) }]);
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert!(house.alerts()[0].starts_with("late:"), "the manual task has to be closed");
}

#[tokio::test(start_paused = true)]
async fn rule_17_after_a_crash_stop_means_stop_too() {
    let mut house = House::that_stops().await;
    house.vendor.will_show([Observing::Takes(seconds(60))]);
    let request = house.grant(ADA, &["a"]);
    house.post(&request);
    house.pass(seconds(1)).await;
    house.crash().await;
    house.pass(seconds(60)).await;
    assert!(house.vendor.calls().is_empty());
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
}

#[tokio::test(start_paused = true)]
async fn rule_17_nothing_is_granted_once_access_length_has_run_out() {
    let house = House::new().await;
    let request = house.ending_in(house.grant(ADA, &["a"]), seconds(0));
    let reply = house.send(&request).await;
    assert!(reason(&reply.answer).contains("the approved time is over"));
    assert_eq!(house.row(&request).await.execution, Execution::Expired);
    assert!(house.vendor.calls().is_empty());
    let backing_off = house.ending_in(house.grant(ADA, &["b"]), seconds(60));
    house.vendor.will([Applying::Throttled(Some(seconds(90)))]);
    house.send(&backing_off).await;
    house.pass(seconds(120)).await;
    assert_eq!(house.row(&backing_off).await.execution, Execution::Expired);
    assert_eq!(house.vendor.effects().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn rule_17_a_clock_that_jumps_changes_no_deadline_and_no_expiry_before_its_time() {
    let house = House::new().await;
    house.vendor.will_show([Observing::Takes(seconds(60))]);
    let request = house.grant(ADA, &["a"]);
    let began = house.now();
    let answer = house.post(&request);
    house.pass(seconds(1)).await;
    house.clock.jump(SignedDuration::from_hours(-3));
    answer.await.unwrap();
    assert_eq!(house.now() - began, seconds(12));
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_17_a_grant_is_given_up_after_a_while() {
    let mut house = House::new().await;
    house.limits = Limits { give_up_after: seconds(3600), ..Limits::default() };
    house.crash().await;
    house.vendor.will(std::iter::repeat_n(Applying::NotSent, 200));
    let request = house.grant(ADA, &["a"]);
    house.send(&request).await;
    house.pass(seconds(3 * 3600)).await;
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
    assert_eq!(house.alerts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_17_an_order_is_never_given_up_and_somebody_hears_of_it_once() {
    let mut house = House::that_stops().await;
    house.limits = Limits { give_up_after: seconds(3600), ..Limits::default() };
    house.crash().await;
    house.vendor.gives(ADA, "team", "a").will(std::iter::repeat_n(Applying::NotSent, 20));
    let request = house.order(ADA, &["a"]);
    house.send(&request).await;
    house.pass(seconds(6 * 3600)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert_eq!(house.alerts().len(), 1, "{:?}", house.alerts());
    assert!(house.alerts()[0].starts_with("failed-removal:"));
}

/// What the history says that somebody was alerted of as late.
async fn noted(house: &House, request: &Request) -> Vec<String> {
    let history = house.stored(request).await.history.into_iter();
    let noted = history.filter_map(|entry| match entry.record {
        Record::Alerted { kind, sentence } if kind == "late" => Some(format!("late: {sentence}")),
        _ => None,
    });
    noted.collect()
}

#[tokio::test(start_paused = true)]
async fn an_alert_of_a_late_grant_stands_in_its_history_as_it_was_raised() {
    for how in ["after the deadline", "during the confirmation", "hung up"] {
        let house = House::new().await;
        let request = house.grant(ADA, &["a"]);
        match how {
            "after the deadline" => {
                house.vendor.will_show([Observing::Takes(seconds(60))]);
                house.send(&request).await;
            }
            "during the confirmation" => {
                house.vendor.gives(ADA, "team", "a");
                house.slow_disk(seconds(8));
                house.send(&request).await;
            }
            _ => {
                house.vendor.will([Applying::Held]);
                let answer = house.post(&request);
                house.vendor.arrival(1).await;
                answer.abort();
                house.vendor.release();
            }
        }
        house.pass(seconds(120)).await;
        assert_eq!(house.row(&request).await.telling, Telling::Due, "{how}");
        let noted = noted(&house, &request).await;
        assert_eq!((noted.len(), &noted), (1, &house.alerts()), "{how}");
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_write_somebody_hears_that_a_grant_was_not_answered() {
    let mut due = 0;
    for after in 1..=8 {
        for written in [false, true] {
            let mut house = House::new().await;
            let request = house.grant(ADA, &["a"]);
            house.kill_at(Kill { after, written });
            house.post(&request);
            house.pass(seconds(60)).await;
            house.crash().await;
            house.pass(seconds(60)).await;
            if house.disk.memory.find(&request.id).await.unwrap().is_none() {
                continue;
            }
            let noted = noted(&house, &request).await;
            if house.row(&request).await.telling == Telling::Due {
                due += 1;
                assert_eq!(noted.len(), 1, "killed at {after}, written: {written}");
                assert!(house.alerts().contains(&noted[0]), "{:?}", house.alerts());
            }
            house.crash().await;
            house.pass(seconds(60)).await;
            assert_eq!(self::noted(&house, &request).await, noted, "a later start says nothing new");
        }
    }
    assert!(due >= 4, "only {due} of them were due");
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_at_a_connection_after_its_grants_is_told_of_each() {
    let house = House::new().await;
    let grants = house.engine.grants("acme").unwrap();
    assert_eq!(*grants.borrow(), 0);
    house.send(&house.grant(ADA, &["a"])).await;
    house.send(&house.grant(ADA, &["b"])).await;
    assert_eq!(*grants.borrow(), 2);
    house.send(&house.order(ADA, &["a"])).await;
    house.pass(seconds(60)).await;
    assert_eq!(*grants.borrow(), 2, "a removal is none");
    assert!(house.engine.grants("nobody").is_none());
}
