//! Replays: rule 11.

use usher_engine::{Act, OperateError};
use usher_journal::Execution;

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
