//! What a permission gives only for the sake of something else, such as the membership that a team needs: rule 14.

use usher_engine::{Answer, Reply};
use usher_journal::Execution;

use crate::support::{ADA, Applying, House, seconds};

/// `both` gives team a, and the role `agent` for its sake. Ada has this role before.
async fn house(role: &str) -> House {
    let house = House::new().await;
    house.vendor.implies().gives(ADA, "role", role);
    house
}

fn is_positive(reply: &Reply) -> bool {
    reply.answer == Answer::Positive
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_is_implied_and_was_there_before_is_left_to_whoever_gave_it() {
    let house = house("agent").await;
    assert!(is_positive(&house.send(&house.grant(ADA, &["both"])).await));
    let order = house.order(ADA, &["both"]);
    assert!(is_positive(&house.send(&order).await));
    assert_eq!(house.vendor.held(ADA), "role agent");
    // Also where it is delivered again, or asked for once more when nobody holds it.
    assert!(is_positive(&house.send(&house.again(&order)).await));
    assert!(is_positive(&house.send(&house.order(ADA, &["both"])).await));
    assert_eq!(house.vendor.held(ADA), "role agent");
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_is_implied_and_was_given_with_it_goes_with_it() {
    let house = house("light").await;
    assert!(is_positive(&house.send(&house.grant(ADA, &["both"])).await));
    assert_eq!(house.vendor.held(ADA), "role agent, team a");
    assert!(is_positive(&house.send(&house.order(ADA, &["both"])).await));
    assert_eq!(house.vendor.held(ADA), "role light");
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_was_implied_by_a_grant_that_its_order_has_overtaken_goes_with_the_order() {
    for applying in [Applying::Lost { lands: Some(seconds(13)) }, Applying::Held] {
        let house = house("end-user").await;
        house.vendor.will([applying]);
        let grant = house.grant(ADA, &["both"]);
        house.post(&grant);
        house.vendor.arrival(1).await;
        let order = house.order(ADA, &["both"]);
        house.post(&order);
        house.pass(seconds(1)).await;
        house.vendor.release();
        house.pass(seconds(120)).await;
        assert_eq!(house.row(&grant).await.execution, Execution::Superseded);
        assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
        assert_eq!(house.vendor.held(ADA), "role end-user");
    }
}

/// Without it access would be left after a positive removal: the role was asked for by name, and taken back by name.
#[tokio::test(start_paused = true)]
async fn rule_14_what_an_order_has_named_is_not_left_because_it_was_there_before() {
    for teams_go_first in [false, true] {
        let house = house("agent").await;
        assert!(is_positive(&house.send(&house.grant(ADA, &["agent"])).await));
        assert!(is_positive(&house.send(&house.of_other_app(house.grant(ADA, &["both"]))).await));
        let named = house.order(ADA, &["agent"]);
        let implied = house.of_other_app(house.order(ADA, &["both"]));
        let orders = if teams_go_first { [implied, named] } else { [named, implied] };
        for order in orders {
            assert!(is_positive(&house.send(&order).await));
        }
        assert_eq!(house.vendor.held(ADA), "role end-user", "teams first: {teams_go_first}");
    }
}

/// Nobody knows who gave it: what is mapped goes.
#[tokio::test(start_paused = true)]
async fn rule_12_what_is_implied_goes_where_nothing_is_known_of_the_person() {
    let house = house("agent").await;
    house.vendor.gives(ADA, "team", "a");
    assert!(is_positive(&house.send(&house.order(ADA, &["both"])).await));
    assert_eq!(house.vendor.held(ADA), "role end-user");
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_was_left_to_others_is_given_anew_where_they_have_taken_it_away() {
    let house = house("agent").await;
    for _ in 0..2 {
        house.send(&house.grant(ADA, &["both"])).await;
        house.send(&house.order(ADA, &["both"])).await;
    }
    assert_eq!(house.vendor.held(ADA), "role agent");
    // Somebody takes the role by hand: from here on it is Usher that gives it.
    house.vendor.gives(ADA, "role", "light");
    house.send(&house.grant(ADA, &["both"])).await;
    assert_eq!(house.vendor.held(ADA), "role agent, team a");
    assert!(is_positive(&house.send(&house.order(ADA, &["both"])).await));
    assert_eq!(house.vendor.held(ADA), "role light");
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_order_of_everything_takes_what_is_implied_whoever_gave_it() {
    let house = house("agent").await;
    assert!(is_positive(&house.send(&house.grant(ADA, &["both"])).await));
    assert!(is_positive(&house.send(&house.order_of_all(ADA)).await));
    assert_eq!(house.vendor.held(ADA), "role end-user");
}
