//! Lumos is told of late successes: rule 25.

use usher_core::{Refusal, RefusalKind, Sent};
use usher_engine::{Answer, LumosFault, Progress, Task};
use usher_journal::{Request, Telling};

use crate::support::lumos::{A_WHILE, Asked, Desk, out_of_reach};
use crate::support::{ADA, Applying, House, Kill, seconds};

/// A house whose next grant comes a second after its answer was due.
async fn house() -> (House, Desk) {
    House::new().await.with_desk().await
}

async fn late(house: &House, permissions: &[&str]) -> Request {
    late_as(house, house.grant(ADA, permissions)).await
}

async fn late_as(house: &House, request: Request) -> Request {
    house.vendor.will([Applying::Lost { lands: Some(seconds(13)) }]);
    let reply = house.send(&request).await;
    assert!(matches!(reply.answer, Answer::Negative { .. }));
    request
}

async fn telling(house: &House, request: &Request) -> Telling {
    house.row(request).await.telling
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_late_success_is_told_by_exactly_one_comment_and_completes_nothing_by_default() {
    let (house, desk) = house().await;
    desk.opens("t-1");
    let request = late(&house, &["a"]).await;
    assert_eq!(desk.calls("find"), 0, "it is not there yet");
    house.pass(seconds(3_600)).await;
    assert_eq!(telling(&house, &request).await, Telling::Told);
    assert_eq!(desk.comments().len(), 1, "{:?}", desk.comments());
    assert!(desk.comments()[0].starts_with("t-1: Granted by Usher"), "{:?}", desk.comments());
    assert!(!desk.comments()[0].contains('@'), "nothing personal: {:?}", desk.comments());
    assert!(desk.completed().is_empty());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_25_what_was_answered_in_time_is_not_told() {
    let (house, desk) = house().await;
    desk.opens("t-1");
    let request = house.grant(ADA, &["a"]);
    assert_eq!(house.send(&request).await.answer, Answer::Positive);
    house.vendor.refuses("team", "b", Refusal::new(RefusalKind::NoSeat, "no seat is left"));
    house.send(&house.grant(ADA, &["b"])).await;
    house.send(&house.order(ADA, &["a"])).await;
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &request).await, Telling::None);
    assert_eq!((desk.calls("show"), desk.calls("find"), desk.comments().len()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn rule_25_who_hung_up_is_told() {
    let (house, desk) = house().await;
    desk.opens("t-1");
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["a"]);
    let answer = house.post(&request);
    house.vendor.arrival(1).await;
    answer.abort();
    house.vendor.release();
    house.pass(A_WHILE).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));
}

#[tokio::test(start_paused = true)]
async fn rule_25_the_task_is_looked_for_again_for_ten_minutes_and_no_longer() {
    let (house, desk) = house().await;
    let request = late(&house, &["a"]).await;
    house.pass(seconds(9 * 60)).await;
    assert_eq!(telling(&house, &request).await, Telling::Due);
    desk.opens("t-1");
    house.pass(seconds(60)).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));

    let (house, desk) = self::house().await;
    let request = late(&house, &["a"]).await;
    house.pass(seconds(11 * 60)).await;
    assert_eq!(telling(&house, &request).await, Telling::Moot);
    desk.opens("t-1");
    house.pass(seconds(3_600)).await;
    assert!(desk.comments().is_empty());
    assert_eq!(house.alerts().len(), 1, "only that it was late: {:?}", house.alerts());
}

#[tokio::test(start_paused = true)]
async fn rule_25_of_several_tasks_none_is_touched_and_a_person_hears_of_it() {
    let (house, desk) = house().await;
    desk.completes(Some(&["a"])).opens("t-1").opens("t-2");
    let request = late(&house, &["a"]).await;
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &request).await, Telling::Failed);
    assert!(desk.comments().is_empty() && desk.completed().is_empty());
    let alerts = house.alerts();
    assert!(alerts.iter().any(|alert| alert.starts_with("late: 2 tasks wait")), "{alerts:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_task_is_completed_where_all_that_is_listed_is_proven() {
    let (house, desk) = house().await;
    desk.completes(Some(&["a"])).opens("t-1");
    let request = late(&house, &["a"]).await;
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &request).await, Telling::Told);
    assert_eq!((desk.comments().len(), desk.completed()), (1, vec!["t-1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_task_with_manual_steps_or_something_unproven_is_commented_on_alone() {
    for case in ["manual steps", "another permission", "not Usher's", "another request's"] {
        let (house, desk) = house().await;
        desk.opens_task(Task { id: "t-1".to_owned(), manual_steps: case == "manual steps" });
        desk.completes(match case {
            "manual steps" => Some(&["a"]),
            "not Usher's" => None,
            _ => Some(&["a", "b"]),
        });
        if case == "another request's" {
            // Proven, but not for what this task is about.
            assert_eq!(house.send(&house.grant(ADA, &["b"])).await.answer, Answer::Positive);
        }
        let request = late(&house, &["a"]).await;
        house.pass(A_WHILE).await;
        assert_eq!(telling(&house, &request).await, Telling::Told, "{case}");
        assert_eq!((desk.comments().len(), desk.calls("complete")), (1, 0), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_sibling_of_another_hook_proves_its_own_permission() {
    let (house, desk) = house().await;
    desk.completes(Some(&["a", "b"])).opens("t-1");
    let first = house.grant(ADA, &["b"]);
    assert_eq!(house.send(&first).await.answer, Answer::Positive);
    let mut second = house.grant(ADA, &["a"]);
    second.lumos_request.clone_from(&first.lumos_request);
    let second = late_as(&house, second).await;
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &second).await, Telling::Told);
    assert_eq!(desk.completed(), ["t-1"]);
}

#[tokio::test(start_paused = true)]
async fn rule_25_what_a_later_order_has_ended_or_an_approval_displaced_is_not_told() {
    for case in ["ended", "displaced"] {
        let (house, desk) = house().await;
        let request = late(&house, &["agent"]).await;
        house.pass(seconds(60)).await;
        assert_eq!(telling(&house, &request).await, Telling::Due);
        let later = if case == "ended" { house.order(ADA, &["agent"]) } else { house.grant(ADA, &["light"]) };
        assert_eq!(house.send(&later).await.answer, Answer::Positive, "{case}");
        desk.opens("t-1");
        house.pass(A_WHILE).await;
        assert_eq!(telling(&house, &request).await, Telling::Moot, "{case}");
        assert!(desk.comments().is_empty(), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_25_an_order_between_comment_and_completion_leaves_the_task_to_a_person() {
    let (house, desk) = house().await;
    desk.completes(Some(&["a"])).opens("t-1").commenting([Asked::Held]);
    let request = late(&house, &["a"]).await;
    desk.arrival("comment").await;
    house.send(&house.order(ADA, &["a"])).await;
    desk.release();
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &request).await, Telling::Moot);
    assert_eq!((desk.comments().len(), desk.calls("complete")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rule_25_what_lumos_knows_already_is_moot_and_what_it_has_ended_goes_to_a_person() {
    for (progress, ends, alerts) in [
        (Progress::Provisioned, Telling::Moot, 1),
        (Progress::Ended, Telling::Failed, 2),
        (Progress::Another, Telling::Failed, 2),
    ] {
        let (house, desk) = house().await;
        desk.opens("t-1").is("SO_IT_IS", progress);
        let request = late(&house, &["a"]).await;
        house.pass(A_WHILE).await;
        assert_eq!(telling(&house, &request).await, ends, "{progress:?}");
        assert!(desk.comments().is_empty(), "{progress:?}");
        assert_eq!(house.alerts().len(), alerts, "{progress:?}: {:?}", house.alerts());
    }
}

#[tokio::test(start_paused = true)]
async fn rule_25_without_an_access_request_s_id_a_person_hears_of_it() {
    let (house, desk) = house().await;
    desk.opens("t-1");
    let nameless = Request { lumos_request: None, ..house.grant(ADA, &["a"]) };
    let request = late_as(&house, nameless).await;
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &request).await, Telling::Failed);
    assert_eq!(desk.calls("find"), 0);
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_definite_no_ends_it_with_an_alert() {
    for (kind, fault) in [
        ("show", LumosFault::No("401".to_owned())),
        ("find", LumosFault::No("403".to_owned())),
        ("find", LumosFault::NotThere("404".to_owned())),
        ("comment", LumosFault::No("403".to_owned())),
        ("comment", LumosFault::NotThere("404".to_owned())),
    ] {
        let (house, desk) = house().await;
        desk.opens("t-1");
        let no = [Asked::Fails(fault.clone())];
        match kind {
            "show" => desk.showing(no),
            "find" => desk.finding(no),
            _ => desk.commenting(no),
        };
        let request = late(&house, &["a"]).await;
        house.pass(A_WHILE).await;
        assert_eq!(telling(&house, &request).await, Telling::Failed, "{kind} {fault:?}");
        assert!(desk.comments().is_empty());
        assert_eq!(house.alerts().len(), 2, "{:?}", house.alerts());
    }
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_task_that_may_not_be_completed_is_told_of_and_left_to_a_person() {
    let (house, desk) = house().await;
    desk.completes(Some(&["a"])).opens("t-1");
    desk.completing([Asked::Fails(LumosFault::No("403".to_owned()))]);
    let request = late(&house, &["a"]).await;
    house.pass(A_WHILE).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));
    assert!(house.alerts().iter().any(|alert| alert.contains("by hand")), "{:?}", house.alerts());
}

#[tokio::test(start_paused = true)]
async fn rule_25_out_of_reach_is_tried_again_and_given_up_after_a_day() {
    let (house, desk) = house().await;
    desk.opens("t-1").showing([out_of_reach(Sent::No)]).finding([out_of_reach(Sent::Maybe)]);
    desk.commenting([out_of_reach(Sent::No), out_of_reach(Sent::No)]);
    let request = late(&house, &["a"]).await;
    house.pass(A_WHILE).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));

    let (house, desk) = self::house().await;
    desk.opens("t-1").finding(std::iter::repeat_n(out_of_reach(Sent::No), 1_000));
    let request = late(&house, &["a"]).await;
    house.pass(seconds(23 * 3_600)).await;
    assert_eq!(telling(&house, &request).await, Telling::Due);
    house.pass(seconds(2 * 3_600)).await;
    assert_eq!(telling(&house, &request).await, Telling::Failed);
    assert!(desk.calls("find") < 400, "rarer and rarer: {}", desk.calls("find"));
    assert!(house.history(&request).await.iter().filter(|kind| **kind == "lumos").count() < 5);
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_comment_without_an_answer_is_never_sent_again() {
    for script in [Asked::Hangs, out_of_reach(Sent::Maybe)] {
        let (house, desk) = house().await;
        desk.opens("t-1").commenting([script]);
        let request = late(&house, &["a"]).await;
        house.pass(seconds(3_600)).await;
        assert_eq!((telling(&house, &request).await, desk.calls("comment")), (Telling::Failed, 1));
        assert!(house.alerts().iter().any(|alert| alert.contains("no second one")), "{:?}", house.alerts());
    }
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_completion_without_an_answer_is_asked_again_and_needs_no_second_comment() {
    let (house, desk) = house().await;
    desk.completes(Some(&["a"])).opens("t-1").completing([out_of_reach(Sent::Maybe)]);
    let request = late(&house, &["a"]).await;
    house.pass(A_WHILE).await;
    assert_eq!(telling(&house, &request).await, Telling::Told);
    assert_eq!((desk.comments().len(), desk.completed().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn rule_25_killed_at_any_write_lumos_is_told_once_or_a_person_hears_of_it() {
    let mut ends = Vec::new();
    for after in 1..=4 {
        for written in [false, true] {
            let (mut house, desk) = house().await;
            desk.completes(Some(&["a"])).opens("t-1").finding([Asked::Held]);
            let request = late(&house, &["a"]).await;
            desk.arrival("find").await;
            house.kill_at(Kill { after, written });
            desk.release();
            house.pass(seconds(60)).await;
            let died = house.disk.is_dead();
            house.crash().await;
            house.pass(seconds(60)).await;
            let end = telling(&house, &request).await;
            assert_eq!(end, Telling::Told, "{after} {written}");
            assert!(desk.comments().len() <= 1, "{after} {written}: {:?}", desk.comments());
            assert_eq!(desk.completed(), ["t-1"], "{after} {written}");
            ends.push((died, desk.comments().len()));
        }
    }
    assert!(ends.iter().filter(|(died, _)| *died).count() >= 6, "{ends:?}");
    assert!(ends.contains(&(true, 0)) && ends.contains(&(true, 1)), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_25_killed_between_confirmed_and_told_it_is_told_once_after_the_restart() {
    let (mut house, desk) = house().await;
    desk.opens("t-1").finding([Asked::Held]);
    let request = late(&house, &["a"]).await;
    desk.arrival("find").await;
    house.crash().await;
    house.pass(A_WHILE).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));
    house.crash().await;
    house.pass(A_WHILE).await;
    assert_eq!(desk.comments().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_25_killed_with_a_comment_on_its_way_no_second_one_is_sent() {
    let (mut house, desk) = house().await;
    desk.opens("t-1").commenting([Asked::Hangs]);
    let request = late(&house, &["a"]).await;
    desk.arrival("comment").await;
    house.crash().await;
    house.pass(A_WHILE).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Failed, 1));
    assert_eq!(desk.calls("comment"), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_25_without_lumos_s_api_it_stays_due_until_a_start_that_has_it() {
    let house = House::new().await;
    let request = late(&house, &["a"]).await;
    house.pass(seconds(3_600)).await;
    assert_eq!(telling(&house, &request).await, Telling::Due);
    let (house, desk) = house.with_desk().await;
    desk.opens("t-1");
    house.pass(A_WHILE).await;
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));
}

#[tokio::test(start_paused = true)]
async fn rule_25_a_replay_of_what_was_told_is_not_told_again() {
    let (house, desk) = house().await;
    desk.opens("t-1");
    let request = late(&house, &["a"]).await;
    house.pass(A_WHILE).await;
    house.vendor.takes(ADA, "team", "a");
    house.engine.operate(&request.id, usher_engine::Act::Replay, "dana", "it was gone").await.unwrap();
    house.pass(A_WHILE).await;
    assert_eq!(house.vendor.held(ADA), "team a");
    assert_eq!((telling(&house, &request).await, desk.comments().len()), (Telling::Told, 1));
}

#[tokio::test(start_paused = true)]
async fn telling_holds_up_nobody_and_a_shutdown_leaves_it_to_the_journal() {
    let (house, desk) = house().await;
    desk.showing(std::iter::repeat_n(Asked::Hangs, 20));
    let request = late(&house, &["a"]).await;
    desk.arrival("show").await;
    let began = house.now();
    assert_eq!(house.send(&house.grant("bea@example.com", &["b"])).await.answer, Answer::Positive);
    assert!(house.now() - began < seconds(1));
    let began = house.now();
    house.engine.shutdown(seconds(12)).await;
    assert!(house.now() - began < seconds(1));
    assert_eq!(telling(&house, &request).await, Telling::Due);
}
