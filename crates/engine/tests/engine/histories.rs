//! Traces that histories of many days have found (`tests/time`), each at its shortest.

use usher_core::{Refusal, RefusalKind};
use usher_engine::{Act, Answer};
use usher_journal::Execution;

use crate::support::{ADA, Applying, House, seconds};

const DAY: u64 = 24 * 3600;

#[tokio::test(start_paused = true)]
async fn rule_14_what_is_taken_goes_to_the_newest_approvals_value_though_an_older_one_has_the_same() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "end-user");
    house.send(&house.of_other_app(house.grant(ADA, &["light"]))).await;
    house.send(&house.of_other_app(house.grant(ADA, &["agent"]))).await;
    house.send(&house.grant(ADA, &["light"])).await;
    assert_eq!(house.vendor.held(ADA), "role light");
    let reply = house.send(&house.order(ADA, &["light"])).await;
    assert_eq!(reply.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role agent", "the agent's approval is the newest that stands");
    house.send(&house.of_other_app(house.order(ADA, &["agent"]))).await;
    assert_eq!(house.vendor.held(ADA), "role light", "and then the first one is");
}

#[tokio::test(start_paused = true)]
async fn rule_06_what_cannot_be_read_is_not_given_along_with_what_can() {
    let house = House::new().await;
    house.vendor.hides("team", "a");
    let request = house.grant(ADA, &["both"]);
    house.send(&request).await;
    assert_eq!(house.vendor.calls(), ["give role agent"]);
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
}

#[tokio::test(start_paused = true)]
async fn rule_06_what_cannot_be_read_is_not_taken_along_with_what_can() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "agent").gives(ADA, "team", "a").hides("team", "a");
    let order = house.order(ADA, &["both"]);
    house.send(&order).await;
    assert_eq!(house.vendor.calls(), ["take role agent, back to role end-user"]);
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
}

#[tokio::test(start_paused = true)]
async fn rule_23_nobody_is_invited_again_along_with_something_else_while_an_invitation_is_not_seen() {
    let house = House::new().await;
    house.vendor.invites();
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.loses_sight_of(ADA);
    house.pass(seconds(2 * DAY)).await;
    let request = house.grant(ADA, &["both"]);
    house.send(&request).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.vendor.calls(), ["invite to team a", "give role agent"]);
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_not_refused_for_what_the_vendor_gave_up_of_an_earlier_attempt() {
    let house = House::new().await;
    house.vendor.gives(ADA, "team", "a");
    let given_up = Refusal::new(RefusalKind::Other, "given up");
    house.vendor.will([Applying::Accepted {
        after: seconds(3600),
        fails: Some(given_up),
        within: seconds(600),
    }]);
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    house.pass(seconds(DAY)).await;
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman, "it was not done in time");
    house.engine.operate(&order.id, Act::Replay, "eve", "the vendor is well again").await.unwrap();
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_03_an_order_does_not_take_what_its_own_reading_proves_for_another_approval() {
    let house = House::new().await;
    house.vendor.will([Applying::Credential]);
    let others = house.of_other_app(house.grant(ADA, &["a"]));
    house.send(&others).await;
    assert_eq!(house.row(&others).await.execution, Execution::NeedsHuman);
    house.vendor.gives(ADA, "team", "a");
    let reply = house.send(&house.order(ADA, &["a"])).await;
    assert_eq!(reply.answer, Answer::Positive, "the other app's approval has it");
    assert_eq!(house.vendor.held(ADA), "team a");
    assert!(house.ledger(ADA).await.holders[0].confirmed);
}
