//! Identity and changed configuration: rules 27 to 29.

use std::collections::BTreeSet;
use std::time::Duration;

use usher_core::{Account, Facet};
use usher_engine::{Act, Answer, OperateError};
use usher_journal::{Arrived, AskedPermission, Execution, JournalError, Request, RequestId, Word};

use crate::support::{ADA, Applying, House, reason, seconds};

#[tokio::test(start_paused = true)]
async fn rule_27_one_person_is_one_subject_however_the_address_is_written() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    let second = house.post(&house.grant(" ADA@Example.com", &["a"]));
    house.pass(seconds(1)).await;
    assert_eq!(house.vendor.calls().len(), 1, "it waits for the first");
    house.vendor.release();
    second.await.unwrap();
    assert_eq!(house.ledger(ADA).await.marks.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_27_an_account_that_is_known_under_another_subject_is_touched_by_nobody() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    // The address was changed at the vendor: it is still ada's account.
    house.vendor.shows_account(Account::Found { id: Some("id-1".to_owned()) });
    let grant = house.grant("bob@example.com", &["b"]);
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).contains("another person's address"), "{}", reason(&reply.answer));
    let order = house.order("bob@example.com", &["a"]);
    let reply = house.send(&order).await;
    assert!(reason(&reply.answer).contains("another person's address"), "{}", reason(&reply.answer));
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_27_several_accounts_with_the_address_are_touched_by_nobody() {
    let house = House::new().await;
    house.vendor.shows_account(Account::Ambiguous { hits: 2 });
    let reply = house.send(&house.grant(ADA, &["a"])).await;
    assert!(reason(&reply.answer).starts_with("2 accounts"), "{}", reason(&reply.answer));
    assert!(house.vendor.calls().is_empty());
}

fn unmapped(mut request: Request, name: &str) -> Request {
    request.permissions.push(AskedPermission { name: name.to_owned(), facets: None });
    request
}

#[tokio::test(start_paused = true)]
async fn rule_28_a_provision_with_an_unmapped_permission_is_refused_whole() {
    let house = House::new().await;
    let grant = unmapped(house.grant(ADA, &["a"]), "surprise");
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).contains("surprise: not mapped"), "{}", reason(&reply.answer));
    assert!(house.vendor.calls().is_empty());
    let nothing = house.grant(ADA, &[]);
    assert!(
        reason(&house.send(&nothing).await.answer).contains("no permission"),
        "nothing is not everything"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_27_an_order_does_not_touch_whoever_bears_the_address_now() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["agent"])).await;
    let calls = house.vendor.calls().len();
    house.vendor.shows_account(Account::Found { id: Some("id-of-somebody-else".to_owned()) });
    let order = house.order(ADA, &["agent"]);
    let reply = house.send(&order).await;
    assert!(
        reason(&reply.answer).contains("another account bears this address"),
        "{}",
        reason(&reply.answer)
    );
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
    assert_eq!(house.vendor.calls().len(), calls, "nothing was sent");
    assert!(house.alerts().iter().any(|alert| alert.starts_with("failed-removal")), "{:?}", house.alerts());
}

#[tokio::test(start_paused = true)]
async fn rule_28_an_arrival_that_is_refused_already_is_answered_in_a_moment_and_kept() {
    let house = House::new().await;
    house.slow_disk(seconds(2));
    let mut request = house.grant(ADA, &["a"]);
    request.execution = Execution::Refused;
    request.reason = Some("ignored by the configuration".to_owned());
    let began = house.now();
    assert_eq!(reason(&house.send(&request).await.answer), "ignored by the configuration");
    assert_eq!(house.now() - began, Duration::from_millis(200), "it does not wait for a slow disk");
    house.pass(seconds(10)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Refused);
    house.slow_disk(Duration::ZERO);
    let mut again = request.clone();
    again.id = RequestId("another".to_owned());
    assert_eq!(house.send(&again).await.request, request.id, "the answer names the row that it is about");
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_28_an_order_releases_what_the_ledger_holds_under_an_unmapped_name() {
    let mut house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.policy.permissions.remove("a");
    house.crash().await;
    let order = house.order(ADA, &["a"]);
    assert_eq!(order.permissions[0].facets, None);
    assert_eq!(house.send(&order).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_28_an_order_of_something_unknown_does_the_rest_and_needs_a_person() {
    let mut house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    let order = unmapped(house.order(ADA, &["a"]), "surprise");
    let reply = house.send(&order).await;
    assert!(reason(&reply.answer).contains("surprise: not mapped"), "{}", reason(&reply.answer));
    assert_eq!(house.vendor.held(ADA), "");
    assert!(house.alerts()[0].starts_with("failed-removal:"));
    // Mapped in the meantime, and replayed.
    house.vendor.gives(ADA, "team", "x");
    house.policy.permissions.insert("surprise".to_owned(), BTreeSet::from([Facet::new("team", "x")]));
    house.crash().await;
    house.engine.operate(&order.id, Act::Replay, "eve", "mapped now").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "");
}

/// A grant that is backing off when the mapping of `a` changes to team b.
async fn remapped(house: &mut House) -> Request {
    house.vendor.will([Applying::Throttled(Some(seconds(60)))]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.policy.permissions.insert("a".to_owned(), BTreeSet::from([Facet::new("team", "b")]));
    house.crash().await;
    grant
}

#[tokio::test(start_paused = true)]
async fn rule_29_a_grant_whose_mapping_has_changed_is_looked_at_and_goes_to_a_person() {
    let mut house = House::new().await;
    let grant = remapped(&mut house).await;
    let readings = house.vendor.readings();
    house.pass(seconds(120)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    assert!(house.vendor.readings() > readings);
    assert_eq!(house.vendor.calls().len(), 1, "only the one that was throttled");
    house.engine.operate(&grant.id, Act::Replay, "eve", "again").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_29_the_facets_compiled_at_acceptance_are_the_ones_that_run() {
    let mut house = House::new().await;
    let grant = remapped(&mut house).await;
    house.vendor.gives(ADA, "team", "a");
    house.pass(seconds(120)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed, "all that was approved is there");
    assert_eq!(house.ledger(ADA).await.holders[0].facets, BTreeSet::from([Facet::new("team", "a")]));
}

#[tokio::test(start_paused = true)]
async fn rule_29_what_was_given_under_an_earlier_mapping_goes_with_the_order() {
    let mut house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.policy.permissions.insert("a".to_owned(), BTreeSet::from([Facet::new("team", "b")]));
    house.crash().await;
    // Approved a second time, under the new mapping: the first is not forgotten.
    house.send(&house.grant(ADA, &["a"])).await;
    assert_eq!(house.vendor.held(ADA), "team a, team b");
    assert_eq!(house.send(&house.order(ADA, &["a"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_29_holders_of_permissions_that_are_no_longer_configured_block_nobody() {
    let mut house = House::new().await;
    house.send(&house.grant(ADA, &["both"])).await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.policy.permissions.remove("both");
    house.crash().await;
    assert_eq!(house.send(&house.order(ADA, &["a"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role agent");
}

#[tokio::test(start_paused = true)]
async fn rule_29_an_app_that_is_gone_leaves_its_requests_to_a_person() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(60)))]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.without_app = true;
    house.crash().await;
    house.pass(seconds(120)).await;
    let row = house.row(&grant).await;
    assert_eq!(row.execution, Execution::NeedsHuman);
    assert!(row.reason.unwrap().contains("not configured any more"));
    house.engine.operate(&grant.id, Act::Close, "eve", "the app is gone").await.unwrap();
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_29_a_connection_that_is_gone_leaves_its_requests_to_a_person() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(60)))]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.without_connection = true;
    house.crash().await;
    house.pass(seconds(1)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    assert_eq!(house.alerts().len(), 1, "what needs a person raises an alert");
    let replayed = house.engine.operate(&grant.id, Act::Replay, "eve", "again").await;
    assert!(matches!(replayed, Err(OperateError::Conflict(_))));
    house.engine.operate(&grant.id, Act::Close, "eve", "gone").await.unwrap();
    assert_eq!(house.row(&grant).await.execution, Execution::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_preview_shows_what_a_request_would_do_and_sends_nothing() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["both"])).await;
    house.send(&house.order(ADA, &["both"])).await;
    let calls = house.vendor.calls().len();
    let preview = house.engine.preview(house.grant(ADA, &["a"])).await.unwrap();
    assert_eq!(preview.would, ["give team a"], "earlier orders do not count against it");
    house.vendor.gives(ADA, "team", "a");
    let preview = house.engine.preview(house.order(ADA, &["a"])).await.unwrap();
    assert_eq!(preview.would, ["take team a"]);
    let preview = house.engine.preview(house.grant(ADA, &["agent", "light"])).await.unwrap();
    assert!(preview.would.is_empty() && preview.refused[0].1.sentence.contains("different values of role"));
    house.disk.memory.break_with(Some(JournalError::OutOfReach("the database restarts".to_owned())));
    let preview = house.engine.preview(house.order(ADA, &["a"])).await.unwrap();
    assert!(preview.fault.is_some(), "an unread ledger is not an empty one");
    assert_eq!(house.vendor.calls().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_preview_tells_of_which_request_another_delivery_would_be_a_repetition() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["a"]);
    assert_eq!(house.engine.preview(house.again(&grant)).await.unwrap().repeats, None);
    house.send(&grant).await;
    let repeats = house.engine.preview(house.again(&grant)).await.unwrap().repeats.unwrap();
    assert_eq!(
        (repeats.of, repeats.word, repeats.arrived),
        (grant.id.clone(), Word::Granted, Arrived::Recheck)
    );
    assert_eq!(
        house.engine.preview(house.grant(ADA, &["a"])).await.unwrap().repeats,
        None,
        "another request"
    );
    house.send(&house.order(ADA, &["a"])).await;
    let repeats = house.engine.preview(house.again(&grant)).await.unwrap().repeats.unwrap();
    assert_eq!(repeats.arrived, Arrived::Followed);
    assert_eq!(
        house.stored(&grant).await.history.len(),
        house.history(&grant).await.len(),
        "and keeps nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_27_a_preview_of_an_account_that_is_known_under_another_person_sends_nothing() {
    let house = House::new().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.shows_account(Account::Found { id: Some("id-1".to_owned()) });
    let preview = house.engine.preview(house.grant("bob@example.com", &["b"])).await.unwrap();
    assert_eq!(preview.would, [""; 0]);
    assert!(preview.refused[0].1.sentence.contains("another person's address"), "{preview:?}");
    assert_eq!(preview.refused[0].0, BTreeSet::from([Facet::new("team", "b")]));
    let preview = house.engine.preview(house.grant(ADA, &["b"])).await.unwrap();
    assert_eq!((preview.would.len(), preview.refused.len()), (1, 0), "its own person may have it");
}
