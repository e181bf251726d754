use usher_core::{Direction, SubjectKey};
use usher_journal::{Execution, Ledger, Mark, Record, Request};

use crate::harness::Harness;
use crate::samples::{
    accept, ada, at, commit, confirmed, ended, facet, grant, holders, ledger, of, order, order_of_all,
    permission, released,
};

fn named(name: &str, lumos: &str, permissions: &[&str]) -> Request {
    Request {
        lumos_request: Some(lumos.to_owned()),
        permissions: permissions.iter().map(|name| permission(name)).collect(),
        ..grant(name)
    }
}

pub(crate) async fn rule_03_a_holder_is_confirmed_with_its_request<H: Harness>() {
    let mut harness = H::fresh().await;
    let before = accept(harness.journal(), named("a", "1", &["agent", "light-agent"])).await.ledger;
    assert!(before.holders.iter().all(|holder| !before.blocks(holder, at(9).wall)));
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    harness.reopen().await;
    let ledger = ledger(harness.journal()).await;
    assert_eq!(holders(&ledger), [("agent", true)], "what it did not get it does not hold");
    assert!(ledger.blocks(&ledger.holders[0], at(9).wall));
    assert_eq!(ledger.account.as_deref(), Some("7"));
    assert_eq!(ledger.handles.get("user").map(String::as_str), Some("7"));
}

pub(crate) async fn rule_03_a_holder_is_confirmed_by_a_reading_that_shows_all_of_it<H: Harness>() {
    let harness = H::fresh().await;
    let seq = accept(harness.journal(), grant("a")).await.request.seq;
    accept(harness.journal(), named("b", "2", &["light-agent"])).await;
    let seen = |app: &str, seq| Record::HoldersSeen(vec![(app.to_owned(), "agent".to_owned(), seq)]);
    commit(harness.journal(), "b", vec![seen("desk", seq + 100), seen("wiki", seq)]).await;
    assert_eq!(holders(&ledger(harness.journal()).await), [("agent", false), ("light-agent", false)]);
    commit(harness.journal(), "b", vec![seen("desk", seq)]).await;
    assert_eq!(holders(&ledger(harness.journal()).await), [("agent", true), ("light-agent", false)]);
}

pub(crate) async fn rule_03_a_later_order_revokes_a_holder_which_goes_with_its_confirmation<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), named("a", "1", &["agent", "light-agent"])).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent", "light-agent"])]).await;
    let ordered = accept(harness.journal(), order("b")).await.ledger;
    assert_eq!(holders(&ordered), [("agent", true), ("light-agent", true)], "it is derived, not marked");
    assert!(ordered.is_revoked(&ordered.holders[0]));
    assert!(!ordered.is_revoked(&ordered.holders[1]));
    let done = commit(harness.journal(), "b", vec![released(&[facet("role", "agent")])]).await;
    assert_eq!(holders(&done.ledger), [("light-agent", true)]);
}

pub(crate) async fn rule_03_an_order_that_is_not_confirmed_removes_nobody<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    accept(harness.journal(), order("b")).await;
    let refused = commit(harness.journal(), "b", vec![ended(Execution::Refused)]).await;
    assert_eq!(holders(&refused.ledger), [("agent", true)]);
    assert!(refused.ledger.is_revoked(&refused.ledger.holders[0]));
}

pub(crate) async fn rule_09_an_order_ends_earlier_holders_only<H: Harness>() {
    let harness = H::fresh().await;
    let journal = harness.journal();
    accept(journal, named("before", "1", &["agent"])).await;
    commit(journal, "before", vec![confirmed(&["agent"])]).await;
    accept(journal, order_of_all("order")).await;
    let after = accept(journal, named("after", "3", &["agent"])).await.request;
    let done = commit(journal, "order", vec![released(&[facet("role", "agent")])]).await;
    assert_eq!(holders(&done.ledger), [("agent", false)]);
    assert_eq!(done.ledger.holders[0].request, after.id);
    assert!(!done.ledger.is_revoked(&done.ledger.holders[0]));
}

pub(crate) async fn rule_09_the_latest_of_each_kind_is_marked<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), named("a", "1", &["agent"])).await;
    let second = accept(harness.journal(), named("b", "2", &["agent"])).await.request.seq;
    let third = accept(harness.journal(), order("c")).await.request.seq;
    let fourth = accept(harness.journal(), order_of_all("d")).await.request.seq;
    harness.reopen().await;
    let mark = |direction, permission: Option<&str>, seq| Mark {
        direction,
        app: "desk".to_owned(),
        permission: permission.map(str::to_owned),
        seq,
    };
    let expected = [
        mark(Direction::Provision, Some("agent"), second),
        mark(Direction::Deprovision, Some("agent"), third),
        mark(Direction::Deprovision, None, fourth),
    ];
    assert_eq!(ledger(harness.journal()).await.marks, expected);
}

pub(crate) async fn rule_14_a_former_value_is_kept_until_its_slot_has_no_holder<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let former = |value: &str| Record::Former { slot: "role".to_owned(), value: Some(value.to_owned()) };
    commit(harness.journal(), "a", vec![former("end-user"), former("agent")]).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    harness.reopen().await;
    let kept = ledger(harness.journal()).await.former;
    assert_eq!(kept.get("role"), Some(&Some("end-user".to_owned())), "the first one counts");
    accept(harness.journal(), order("b")).await;
    let done = commit(harness.journal(), "b", vec![released(&[facet("role", "agent")])]).await;
    assert!(done.ledger.former.is_empty());
}

pub(crate) async fn rule_27_the_owner_of_an_account_is_found_by_connection<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    accept(harness.journal(), of("bea@example.com", grant("b"))).await;
    harness.reopen().await;
    let journal = harness.journal();
    assert_eq!(journal.account_owner("zendesk", "7").await.unwrap(), Some(ada()));
    assert_eq!(journal.account_owner("zendesk", "8").await.unwrap(), None);
    assert_eq!(journal.account_owner("github", "7").await.unwrap(), None);
}

pub(crate) async fn a_ledger_is_of_one_connection_and_one_person<H: Harness>() {
    let harness = H::fresh().await;
    let journal = harness.journal();
    accept(journal, grant("a")).await;
    let bea = SubjectKey::of("bea@example.com");
    assert_eq!(journal.ledger("zendesk", &bea).await.unwrap(), Ledger::default());
    assert_eq!(journal.ledger("github", &ada()).await.unwrap(), Ledger::default());
    let other = accept(journal, Request { connection: "github".to_owned(), ..grant("b") }).await;
    assert_eq!(other.version_before, 0);
    assert_eq!(ledger(journal).await.unfinished.len(), 1);
}
