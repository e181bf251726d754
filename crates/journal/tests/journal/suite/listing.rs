use std::collections::BTreeSet;

use usher_core::{Receipt, SubjectKey};
use usher_journal::{
    Execution, Filter, HoldingsFilter, InvitationEnd, Journal, Outcome, Record, Request, Telling,
};

use crate::harness::Harness;
use crate::samples::{
    accept, ada, commit, confirmed, ended, facet, grant, invite, of, order, outcome, released, watched,
};

async fn listed(journal: &dyn Journal, filter: &HoldingsFilter) -> Vec<String> {
    let page = journal.holdings(filter).await.unwrap();
    page.holdings.iter().map(|one| format!("{} {}", one.connection, one.subject.as_str())).collect()
}

fn all() -> HoldingsFilter {
    HoldingsFilter::default()
}

const ADA: &str = "zendesk ada@example.com";

pub(crate) async fn holdings_are_what_holds_something_or_has_something_open<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), Request { execution: Execution::Refused, ..of("cy@example.com", grant("0")) })
        .await;
    assert!(listed(harness.journal(), &all()).await.is_empty(), "a refused request leaves nothing");
    accept(harness.journal(), grant("a")).await;
    assert_eq!(listed(harness.journal(), &all()).await, [ADA], "a request that is not final");
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    harness.reopen().await;
    let page = harness.journal().holdings(&all()).await.unwrap();
    assert_eq!(page.next, None);
    let held: BTreeSet<_> = page.holdings[0].ledger.holders.iter().map(|h| h.permission.as_str()).collect();
    assert_eq!((page.holdings[0].subject.clone(), held), (ada(), BTreeSet::from(["agent"])), "an approval");
    accept(harness.journal(), order("b")).await;
    commit(harness.journal(), "b", vec![released(&[facet("role", "agent")])]).await;
    assert!(listed(harness.journal(), &all()).await.is_empty(), "it was removed");
    accept(harness.journal(), Request { lumos_request: None, ..grant("c") }).await;
    let sent = vec![invite(1), outcome(1, Outcome::Answered(Receipt::default())), ended(Execution::Refused)];
    commit(harness.journal(), "c", sent).await;
    assert_eq!(listed(harness.journal(), &all()).await, [ADA], "an invitation that may be open");
    let over = Record::InvitationOver { intent: 1, how: InvitationEnd::Cancelled };
    commit(harness.journal(), "c", vec![over]).await;
    assert!(listed(harness.journal(), &all()).await.is_empty(), "it was cancelled");
    accept(harness.journal(), Request { lumos_request: None, ..grant("d") }).await;
    let sent =
        vec![crate::samples::intent(2), outcome(2, Outcome::Answered(watched())), ended(Execution::Closed)];
    commit(harness.journal(), "d", sent).await;
    harness.reopen().await;
    assert_eq!(listed(harness.journal(), &all()).await, [ADA], "a change that the vendor has not finished");
}

pub(crate) async fn holdings_go_on_where_the_page_before_ended<H: Harness>() {
    let harness = H::fresh().await;
    for connection in ["zendesk", "github"] {
        for n in 0..4 {
            let request = of(&format!("p{n}@example.com"), grant(&format!("{connection}-{n}")));
            accept(harness.journal(), Request { connection: connection.to_owned(), ..request }).await;
        }
    }
    let mut filter = HoldingsFilter { limit: 3, ..all() };
    let mut pages = Vec::new();
    loop {
        let page = harness.journal().holdings(&filter).await.unwrap();
        pages.push(page.holdings.len());
        if let Some(last) = page.holdings.last() {
            assert!(
                page.next.is_none() || page.next == Some((last.connection.clone(), last.subject.clone()))
            );
        }
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [3, 3, 2]);
    let first = listed(harness.journal(), &HoldingsFilter { limit: 1, ..all() }).await;
    assert_eq!(first, ["github p0@example.com"], "by connection, then person");
}

pub(crate) async fn holdings_are_filtered_by_connection_and_person<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    accept(harness.journal(), of("bea@example.com", grant("b"))).await;
    accept(harness.journal(), Request { connection: "github".to_owned(), ..grant("c") }).await;
    let journal = harness.journal();
    let github = HoldingsFilter { connection: Some("github".to_owned()), ..all() };
    assert_eq!(listed(journal, &github).await, ["github ada@example.com"]);
    let of_ada = HoldingsFilter { subject: Some(ada()), ..all() };
    assert_eq!(listed(journal, &of_ada).await, ["github ada@example.com", ADA]);
    let both = HoldingsFilter { subject: Some(SubjectKey::of("bea@example.com")), ..github };
    assert!(listed(journal, &both).await.is_empty());
    let after = Some(("github".to_owned(), ada()));
    assert_eq!(listed(journal, &HoldingsFilter { after, ..of_ada }).await, [ADA]);
}

pub(crate) async fn a_page_of_holdings_has_its_limits<H: Harness>() {
    let harness = H::fresh().await;
    for n in 0..102 {
        accept(harness.journal(), of(&format!("p{n:03}@example.com"), grant(&format!("{n}")))).await;
    }
    let asked = |limit| HoldingsFilter { limit, ..all() };
    let none_said = harness.journal().holdings(&asked(0)).await.unwrap();
    assert_eq!((none_said.holdings.len(), none_said.next.is_some()), (100, true));
    let too_many = harness.journal().holdings(&asked(usize::MAX)).await.unwrap();
    assert_eq!((too_many.holdings.len(), too_many.next), (102, None));
}

pub(crate) async fn what_is_due_to_be_told_is_listed<H: Harness>() {
    let harness = H::fresh().await;
    for (name, telling) in [("a", Telling::Due), ("b", Telling::None), ("c", Telling::Told)] {
        accept(harness.journal(), Request { lumos_request: None, ..grant(name) }).await;
        commit(harness.journal(), name, vec![confirmed(&["agent"]), Record::Telling(telling)]).await;
    }
    let due = Filter { telling: Some(Telling::Due), ..Filter::default() };
    let page = harness.journal().list(&due).await.unwrap();
    assert_eq!(page.requests.iter().map(|request| request.id.0.as_str()).collect::<Vec<_>>(), ["a"]);
    commit(harness.journal(), "a", vec![Record::Telling(Telling::Told)]).await;
    assert!(harness.journal().list(&due).await.unwrap().requests.is_empty());
}
