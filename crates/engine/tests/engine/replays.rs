//! Replays: rule 11.

use jiff::SignedDuration;
use usher_engine::{Act, Answer, OperateError};
use usher_journal::{Arrival, AskedPermission, Execution, Journal, Prunable, Prune, Request};

use crate::support::{ADA, Applying, House, seconds};

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_is_a_new_attempt_on_the_same_row() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    let before = house.row(&grant).await;
    house.vendor.shows_again();
    let row = house.engine.operate(&grant.id, Act::Replay, "eve", "it shows it now").await.unwrap();
    assert_eq!(row.attempt, 2);
    assert!(row.seq > before.seq);
    house.pass(seconds(5)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    let history = house.stored(&grant).await.history;
    assert!(format!("{history:?}").contains(r#"Replayed { by: "eve", reason: "it shows it now" }"#));
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_does_not_outlive_the_approval() {
    let house = House::new().await;
    let grant = house.ending_in(house.grant(ADA, &["a"]), seconds(60));
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    let refused = house.engine.operate(&grant.id, Act::Replay, "eve", "again").await;
    assert!(matches!(refused, Err(OperateError::Conflict(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_runs_where_a_late_answer_had_stopped_it() {
    let house = House::that_stops().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    // Also when it has to be tried more than once.
    house.vendor.will([Applying::Throttled(Some(seconds(20)))]);
    house.engine.operate(&grant.id, Act::Replay, "eve", "do it").await.unwrap();
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_takes_over_from_what_is_parked_and_never_runs_beside_it() {
    let house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(300)))]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.engine.operate(&grant.id, Act::Replay, "eve", "now").await.unwrap();
    house.pass(seconds(1000)).await;
    assert_eq!(house.vendor.effects(), ["give team a"]);
    assert_eq!(house.vendor.calls().len(), 2);
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_11_what_runs_cannot_be_replayed() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["a"]);
    house.post(&grant);
    house.vendor.arrival(1).await;
    let refused = house.engine.operate(&grant.id, Act::Replay, "eve", "again").await;
    assert!(matches!(refused, Err(OperateError::Conflict(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_of_what_was_granted_and_answered_tells_nobody_of_it() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.vendor.takes(ADA, "team", "a").will([Applying::Throttled(Some(seconds(30)))]);
    house.engine.operate(&grant.id, Act::Replay, "eve", "it is gone").await.unwrap();
    house.pass(seconds(60)).await;
    assert_eq!(house.vendor.held(ADA), "team a");
    assert!(house.alerts().is_empty(), "{:?}", house.alerts());
}

/// Refused at the edge: no app claimed it.
async fn unmapped(house: &House) -> Request {
    let request = Request {
        connection: String::new(),
        app_key: String::new(),
        permissions: vec![AskedPermission { name: "Team A".to_owned(), facets: None }],
        execution: Execution::Refused,
        reason: Some("no app of the configuration claims it".to_owned()),
        ..house.grant(ADA, &[])
    };
    let reply = house.send(&request).await;
    assert_ne!(reply.answer, Answer::Positive);
    request
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_of_what_was_not_mapped_runs_as_it_is_routed_today() {
    let house = House::new().await;
    let refused = unmapped(&house).await;
    let today = Request { lumos_request: refused.lumos_request.clone(), ..house.grant(ADA, &["a"]) };
    let row = house.engine.replay(&refused.id, Some(today), "eve", "mapped now").await.unwrap();
    assert_eq!((row.id.clone(), row.connection.as_str(), row.attempt), (refused.id.clone(), "acme", 2));
    house.pass(seconds(5)).await;
    assert_eq!(
        (house.row(&refused).await.execution, house.vendor.held(ADA)),
        (Execution::Confirmed, "team a".to_owned())
    );
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_of_what_is_not_mapped_today_either_says_why() {
    let house = House::new().await;
    let refused = unmapped(&house).await;
    let conflict = |answer| match answer {
        Err(OperateError::Conflict(why)) => why,
        other => panic!("{other:?}"),
    };
    let why = Some("Team A is not mapped: paste these lines".to_owned());
    let today = Request { execution: Execution::Refused, reason: why, ..refused.clone() };
    let answer = house.engine.replay(&refused.id, Some(today), "eve", "again").await;
    assert!(conflict(answer).contains("paste these lines"));
    // Without a look at today's configuration it is as before.
    let answer = house.engine.operate(&refused.id, Act::Replay, "eve", "again").await;
    assert!(conflict(answer).contains("no app of the configuration claims it"));
    assert_eq!(house.row(&refused).await.attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn rule_29_a_replay_of_what_was_compiled_runs_as_it_was_whatever_is_mapped_today() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.vendor.shows_again();
    let today = house.grant(ADA, &["b"]);
    house.engine.replay(&grant.id, Some(today), "eve", "it shows it now").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.vendor.held(ADA), "team a");
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_as_routed_today_does_not_outlive_the_approval() {
    let house = House::new().await;
    let refused = unmapped(&house).await;
    let today = house.ending_in(house.grant(ADA, &["a"]), seconds(60));
    house.pass(seconds(61)).await;
    let answer = house.engine.replay(&refused.id, Some(today), "eve", "again").await;
    assert!(matches!(answer, Err(OperateError::Conflict(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_replay_that_was_routed_anew_survives_a_crash() {
    let mut house = House::new().await;
    let refused = unmapped(&house).await;
    let arrival = Arrival { request: house.grant(ADA, &["a"]), body: Vec::new() };
    house
        .disk
        .memory
        .replay(&refused.id, Some(arrival.request), "eve", "mapped", moment(&house))
        .await
        .unwrap();
    house.crash().await;
    house.pass(seconds(20)).await;
    assert_eq!(house.row(&refused).await.execution, Execution::Confirmed);
}

fn moment(house: &House) -> usher_journal::Moment {
    use usher_core::Clock as _;
    let stamp = usher_journal::Stamp { boot: 1, ticks: seconds(0) };
    usher_journal::Moment { wall: house.clock.now(), stamp }
}

#[tokio::test(start_paused = true)]
async fn rule_11_a_grant_whose_payload_was_pruned_is_not_replayed_and_an_order_is() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    let now = house.row(&order).await.updated + SignedDuration::from_secs(1);
    let prune = Prune { what: Prunable::Payloads, before: now, after: None, limit: 0 };
    assert_eq!(house.disk.memory.prune(&prune, now).await.unwrap().requests, 2);
    let refused = house.engine.operate(&grant.id, Act::Replay, "eve", "again").await;
    let Err(OperateError::Conflict(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("[journal] keep_payload"), "{why}");
    house.vendor.gives(ADA, "team", "a");
    house.engine.operate(&order.id, Act::Replay, "eve", "it came back").await.unwrap();
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
}
