//! What people hold by the ledger, against what the vendor shows.

use usher_core::{Account, Awaits, Fault, Hold, Remedy, Sent};
use usher_engine::{Act, HoldingCheck, Standing};
use usher_journal::{HoldingsFilter, Journal};

use crate::support::{ADA, Applying, House, Observing, seconds};

async fn checked(house: &House) -> HoldingCheck {
    let page = house.disk.memory.holdings(&HoldingsFilter::default()).await.unwrap();
    assert_eq!(page.holdings.len(), 1);
    house.engine.check_holdings(page.holdings[0].clone()).await
}

/// How each live holder stands, by its permission.
fn standings(check: &HoldingCheck) -> Vec<(&str, Standing)> {
    check.holders.iter().map(|one| (one.holder.permission.as_str(), one.standing)).collect()
}

async fn with_both() -> House {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["agent"])).await;
    house.send(&house.grant(ADA, &["a"])).await;
    house
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_told_from_what_somebody_has_taken_away() {
    let house = with_both().await;
    assert_eq!(standings(&checked(&house).await), [("agent", Standing::There), ("a", Standing::There)]);
    house.vendor.takes(ADA, "team", "a");
    let check = checked(&house).await;
    assert_eq!(standings(&check), [("agent", Standing::There), ("a", Standing::Missing)]);
    assert_eq!(check.holders[1].facets.values().collect::<Vec<_>>(), [&Hold::Absent]);
    assert_eq!(house.vendor.calls().len(), 2, "a check changes nothing");
}

#[tokio::test(start_paused = true)]
async fn rule_14_an_older_approval_whose_slot_a_newer_one_has_taken_is_not_missing_anything() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["light"])).await;
    house.send(&house.grant(ADA, &["both"])).await;
    let check = checked(&house).await;
    assert_eq!(standings(&check), [("light", Standing::Outranked), ("both", Standing::There)]);
    assert_eq!(check.holders[0].outranked.len(), 1);
    // What the newer one has lost is missing as ever.
    house.vendor.takes(ADA, "role", "agent");
    let check = checked(&house).await;
    assert_eq!(standings(&check), [("light", Standing::Outranked), ("both", Standing::Missing)]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_what_cannot_be_read_are_told_apart() {
    let house = with_both().await;
    house.vendor.shows_pending("team", "a", Awaits::Invitee).hides("role", "agent");
    let check = checked(&house).await;
    assert_eq!(standings(&check), [("agent", Standing::Unreadable), ("a", Standing::Pending)]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_be_read_everything_is_unreadable_and_the_reason_is_told() {
    let house = with_both().await;
    let fault = Fault::new("observe", Sent::Yes, Remedy::Retry { after: None }).because("503");
    house.vendor.will_show([Observing::Fails(fault)]);
    let check = checked(&house).await;
    assert_eq!(standings(&check), [("agent", Standing::Unreadable), ("a", Standing::Unreadable)]);
    assert!(check.fault.unwrap().to_string().contains("503"));
    house.vendor.shows_account(Account::Ambiguous { hits: 2 });
    assert!(checked(&house).await.fault.unwrap().to_string().contains("2 accounts"));
}

#[tokio::test(start_paused = true)]
async fn a_reading_with_an_open_change_does_not_say_that_something_is_missing() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    assert_eq!(standings(&checked(&house).await), [("a", Standing::Unreadable)]);
    house.vendor.release();
    house.pass(seconds(1)).await;
    assert_eq!(standings(&checked(&house).await), [("a", Standing::There)]);
}

#[tokio::test(start_paused = true)]
async fn approvals_that_are_over_or_revoked_are_not_looked_for() {
    let house = House::new().await;
    let grant = house.ending_in(house.grant(ADA, &["a"]), seconds(60));
    house.send(&grant).await;
    house.pass(seconds(61)).await;
    let readings = house.vendor.readings();
    let check = checked(&house).await;
    assert!(check.holders.is_empty() && check.fault.is_none(), "{check:?}");
    assert_eq!(house.vendor.readings(), readings);
}

#[tokio::test(start_paused = true)]
async fn a_replay_puts_back_what_a_check_has_found_missing() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.vendor.takes(ADA, "team", "a");
    assert_eq!(standings(&checked(&house).await), [("a", Standing::Missing)]);
    house.engine.operate(&grant.id, Act::Replay, "eve", "drift").await.unwrap();
    house.pass(seconds(1)).await;
    assert_eq!(standings(&checked(&house).await), [("a", Standing::There)]);
}
