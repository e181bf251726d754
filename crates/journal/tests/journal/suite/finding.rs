use usher_core::Direction;
use usher_journal::{Arrival, Execution, Filter, Journal, Request};

use crate::harness::Harness;
use crate::samples::{accept, ada, at, commit, confirmed, grant, id, of, order};

async fn names(journal: &dyn Journal, filter: &Filter) -> Vec<String> {
    let page = journal.list(filter).await.unwrap();
    page.requests.into_iter().map(|request| request.id.0).collect()
}

/// Without Lumos's id, so that each is a request of its own.
fn alone(request: Request) -> Request {
    Request { lumos_request: None, ..request }
}

pub(crate) async fn a_request_is_found_with_its_body_and_history<H: Harness>() {
    let harness = H::fresh().await;
    let body = vec![0, 255, b'{', b'\'', 10];
    let arrival = Arrival { request: grant("a"), body: body.clone() };
    let accepted = harness.journal().accept(arrival, at(1)).await.unwrap();
    let committed = commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    assert_ne!(accepted.request, committed.request);
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!((stored.request, stored.body), (committed.request, body));
    let times: Vec<_> = stored.history.iter().map(|entry| entry.at).collect();
    assert_eq!(times, [at(1).wall, at(2).wall]);
    assert_eq!(stored.history[1].record, confirmed(&["agent"]));
}

pub(crate) async fn each_filter_lets_through_what_fits_it<H: Harness>() {
    let mut harness = H::fresh().await;
    let requests = [
        alone(grant("grant")),
        alone(order("order")),
        Request { connection: "github".to_owned(), app_key: "code".to_owned(), ..alone(grant("code")) },
        alone(of("bea@example.com", grant("bea"))),
        Request { received: at(100).wall, ..alone(grant("late")) },
    ];
    for request in requests {
        accept(harness.journal(), request).await;
    }
    commit(harness.journal(), "grant", vec![confirmed(&["agent"])]).await;
    harness.reopen().await;
    let journal = harness.journal();
    let all = Filter::default();
    assert_eq!(names(journal, &all).await, ["late", "bea", "code", "order", "grant"], "newest first");
    let confirmed = Filter { execution: Some(Execution::Confirmed), ..Filter::default() };
    assert_eq!(names(journal, &confirmed).await, ["grant"]);
    let orders = Filter { direction: Some(Direction::Deprovision), ..Filter::default() };
    assert_eq!(names(journal, &orders).await, ["order"]);
    let code = Filter { app: Some("code".to_owned()), ..Filter::default() };
    assert_eq!(names(journal, &code).await, ["code"]);
    let github = Filter { connection: Some("github".to_owned()), ..Filter::default() };
    assert_eq!(names(journal, &github).await, ["code"]);
    let subject = Filter { subject: Some(ada()), ..Filter::default() };
    assert_eq!(names(journal, &subject).await, ["late", "code", "order", "grant"]);
    let since = Filter { since: Some(at(100).wall), ..Filter::default() };
    assert_eq!(names(journal, &since).await, ["late"]);
    let since = Filter { since: Some(at(101).wall), ..Filter::default() };
    assert!(names(journal, &since).await.is_empty());
    let several =
        Filter { execution: Some(Execution::Accepted), connection: Some("zendesk".to_owned()), ..subject };
    assert_eq!(names(journal, &several).await, ["late", "order"]);
}

pub(crate) async fn a_list_goes_on_where_the_page_before_ended<H: Harness>() {
    let harness = H::fresh().await;
    for n in 0..7 {
        accept(harness.journal(), alone(grant(&format!("{n}")))).await;
    }
    let mut filter = Filter { limit: 3, ..Filter::default() };
    let mut pages = Vec::new();
    loop {
        let page = harness.journal().list(&filter).await.unwrap();
        pages.push(page.requests.iter().map(|request| request.id.0.clone()).collect::<Vec<_>>());
        filter.before = page.next;
        if filter.before.is_none() {
            break;
        }
    }
    let expected: [&[&str]; 3] = [&["6", "5", "4"], &["3", "2", "1"], &["0"]];
    assert_eq!(pages, expected);
}

pub(crate) async fn a_page_has_its_limits<H: Harness>() {
    let harness = H::fresh().await;
    for n in 0..102 {
        accept(harness.journal(), alone(grant(&format!("{n}")))).await;
    }
    let listed = |limit| Filter { limit, ..Filter::default() };
    let none_said = harness.journal().list(&listed(0)).await.unwrap();
    assert_eq!((none_said.requests.len(), none_said.next.is_some()), (100, true));
    let too_many = harness.journal().list(&listed(usize::MAX)).await.unwrap();
    assert_eq!((too_many.requests.len(), too_many.next), (102, None));
    let exact = harness.journal().list(&listed(102)).await.unwrap();
    assert_eq!((exact.requests.len(), exact.next), (102, None));
}
