use serde_json::Value;
use usher_core::{Receipt, Sent, Subject};
use usher_journal::{
    Arrived, Execution, InvitationEnd, Journal, Outcome, Prunable, Prune, PrunePlace, Record, Request,
    Stored, Telling,
};

use crate::harness::Harness;
use crate::samples::{
    accept, at, commit, confirmed, ended, facet, fault, grant, id, intent, invite, ledger, of, order,
    outcome, parked, released, tracked, watched,
};

/// Of what was last touched before the second hour: all of a test that has not said otherwise.
fn all(what: Prunable) -> Prune {
    Prune { what, before: at(7200).wall, after: None, limit: 0 }
}

async fn pruned(journal: &dyn Journal, what: Prunable) -> usize {
    journal.prune(&all(what), at(9000).wall).await.unwrap().requests
}

async fn stored(journal: &dyn Journal, name: &str) -> Option<Stored> {
    journal.find(&id(name)).await.unwrap()
}

/// One that says a good deal about the person.
fn telling_much(name: &str) -> Request {
    let request = grant(name);
    let subject =
        Subject { given_name: Some("Ada".to_owned()), family_name: Some("L".to_owned()), ..request.subject };
    Request { subject, comment: Some("for the night shift".to_owned()), ..request }
}

pub(crate) async fn what_is_known_of_the_person_beyond_the_key_goes_from_a_settled_request<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), telling_much("a")).await;
    let sent = vec![intent(1), outcome(1, Outcome::Answered(Receipt::default())), confirmed(&["agent"])];
    commit(harness.journal(), "a", sent).await;
    assert_eq!(
        pruned(harness.journal(), Prunable::Payloads).await,
        0,
        "nobody knows yet that it was answered"
    );
    harness.journal().claim(at(3)).await.unwrap();
    let before = commit(harness.journal(), "a", vec![Record::Telling(Telling::Told)]).await;
    let history = stored(harness.journal(), "a").await.unwrap().history.len();
    assert_eq!(pruned(harness.journal(), Prunable::Payloads).await, 1);
    harness.reopen().await;
    let after = stored(harness.journal(), "a").await.unwrap();
    assert!(after.body.is_empty() && after.is_without_payload());
    let subject = Subject { email: "Ada@example.com".to_owned(), ..after.request.subject.clone() };
    assert_eq!(after.request.subject, subject);
    assert_eq!((subject.given_name, subject.family_name, subject.custom_fields.len()), (None, None, 0));
    assert_eq!((after.request.comment, after.request.updated), (None, at(2).wall));
    assert_eq!(after.history.len(), history + 1, "that it is gone stands at the end");
    assert_eq!(
        (after.history[history].record.kind(), after.history[history].at),
        ("payload-pruned", at(9000).wall)
    );
    let Some(Record::Intent { action, .. }) = after.history.iter().map(|entry| entry.record.clone()).nth(1)
    else {
        panic!("{:?}", after.history)
    };
    assert_eq!(
        (action.args, action.name.as_str()),
        (Value::Null, "promote"),
        "what was sent may name the person"
    );
    assert_eq!(ledger(harness.journal()).await, before.ledger);
    assert_eq!(pruned(harness.journal(), Prunable::Payloads).await, 0, "once is enough");
}

pub(crate) async fn a_settled_request_goes_with_its_history_and_frees_its_key<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![ended(Execution::Refused), Record::Answered(negative())]).await;
    let before = ledger(harness.journal()).await;
    assert_eq!(pruned(harness.journal(), Prunable::Requests).await, 1);
    assert!(stored(harness.journal(), "a").await.is_none());
    harness.reopen().await;
    assert!(stored(harness.journal(), "a").await.is_none());
    assert_eq!(ledger(harness.journal()).await, before);
    assert!(harness.journal().list(&usher_journal::Filter::default()).await.unwrap().requests.is_empty());
    let again = accept(harness.journal(), grant("a")).await;
    assert_eq!((again.arrived, again.request.attempt), (Arrived::Fresh, 1));
    assert!(again.request.seq > 1, "a place is never given twice");
}

fn negative() -> usher_journal::AnswerState {
    usher_journal::AnswerState::Negative { reason: "no".to_owned() }
}

/// Ends it in this way, answered.
async fn settle(journal: &dyn Journal, name: &str, mut records: Vec<Record>) {
    accept(journal, Request { lumos_request: None, ..grant(name) }).await;
    records.push(Record::Answered(negative()));
    commit(journal, name, records).await;
}

pub(crate) async fn rule_03_the_approval_behind_a_holder_is_never_pruned<H: Harness>() {
    let mut harness = H::fresh().await;
    settle(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    accept(harness.journal(), order("b")).await;
    for (name, email, until) in
        [("over", "bea@example.com", Some(at(5).wall)), ("another", "cy@example.com", None)]
    {
        let request = Request { lumos_request: None, until, ..grant(name) };
        accept(harness.journal(), of(email, request)).await;
        commit(harness.journal(), name, vec![confirmed(&["agent"]), Record::Answered(negative())]).await;
    }
    assert_eq!(
        pruned(harness.journal(), Prunable::Requests).await,
        0,
        "revoked or over, it stands in the ledger"
    );
    harness.reopen().await;
    assert!(stored(harness.journal(), "a").await.is_some());
    assert_eq!(pruned(harness.journal(), Prunable::Payloads).await, 3, "what it said of the person goes");
    commit(harness.journal(), "b", vec![released(&[facet("role", "agent")]), Record::Answered(negative())])
        .await;
    assert_eq!(
        pruned(harness.journal(), Prunable::Requests).await,
        2,
        "it was taken: the grant and its order go"
    );
    assert!(stored(harness.journal(), "a").await.is_none() && stored(harness.journal(), "b").await.is_none());
}

pub(crate) async fn what_is_not_settled_is_never_pruned<H: Harness>() {
    let mut harness = H::fresh().await;
    let journal = harness.journal();
    accept(journal, Request { lumos_request: None, ..grant("runs") }).await;
    settle(journal, "parked", vec![parked(Execution::NeedsHuman)]).await;
    settle(journal, "tracked", vec![confirmed(&[]), tracked(Some(at(600).wall))]).await;
    settle(journal, "due", vec![confirmed(&[]), Record::Telling(Telling::Due)]).await;
    settle(
        journal,
        "invited",
        vec![invite(1), outcome(1, Outcome::Answered(Receipt::default())), ended(Execution::Closed)],
    )
    .await;
    settle(
        journal,
        "watched",
        vec![intent(2), outcome(2, Outcome::Answered(watched())), ended(Execution::Closed)],
    )
    .await;
    settle(
        journal,
        "unknown",
        vec![intent(3), outcome(3, Outcome::Unknown(fault(Sent::Maybe))), ended(Execution::Closed)],
    )
    .await;
    settle(journal, "intended", vec![intent(4), ended(Execution::Closed)]).await;
    accept(journal, Request { lumos_request: None, ..grant("unanswered") }).await;
    commit(journal, "unanswered", vec![ended(Execution::Refused)]).await;
    harness.reopen().await;
    for what in [Prunable::Requests, Prunable::Payloads] {
        assert_eq!(pruned(harness.journal(), what).await, 0, "{what:?}");
    }
    let over = Record::InvitationOver { intent: 1, how: InvitationEnd::Lapsed };
    commit(harness.journal(), "invited", vec![over]).await;
    commit(harness.journal(), "due", vec![Record::Telling(Telling::Told)]).await;
    commit(harness.journal(), "tracked", vec![tracked(None)]).await;
    assert_eq!(pruned(harness.journal(), Prunable::Requests).await, 3);
}

pub(crate) async fn what_was_touched_since_is_not_old<H: Harness>() {
    let harness = H::fresh().await;
    for name in ["a", "b"] {
        accept(harness.journal(), Request { lumos_request: Some(name.to_owned()), ..grant(name) }).await;
        commit(harness.journal(), name, vec![confirmed(&[]), Record::Answered(negative())]).await;
    }
    // Delivered again: its row is as it was, and its history is not.
    let arrival = usher_journal::Arrival {
        request: Request { lumos_request: Some("b".to_owned()), ..grant("c") },
        body: Vec::new(),
    };
    assert_eq!(harness.journal().accept(arrival, at(8000)).await.unwrap().arrived, Arrived::Recheck);
    assert_eq!(pruned(harness.journal(), Prunable::Requests).await, 1);
    assert!(stored(harness.journal(), "a").await.is_none() && stored(harness.journal(), "b").await.is_some());
}

pub(crate) async fn pruning_goes_on_where_the_batch_before_ended<H: Harness>() {
    let harness = H::fresh().await;
    let journal = harness.journal();
    for n in 0..7 {
        let held = if n < 3 { confirmed(&["agent"]) } else { ended(Execution::Refused) };
        accept(journal, of(&format!("p{n}@example.com"), grant(&format!("{n}")))).await;
        commit(journal, &n.to_string(), vec![held, Record::Answered(negative())]).await;
    }
    let mut prune = Prune { limit: 2, ..all(Prunable::Requests) };
    let mut batches = Vec::new();
    loop {
        let batch = journal.prune(&prune, at(9000).wall).await.unwrap();
        batches.push(batch.requests);
        prune.after = batch.next;
        if prune.after.is_none() {
            break;
        }
    }
    assert_eq!(batches, [0, 1, 2, 1], "three of them stand behind holders");
    let elsewhere = PrunePlace { updated: at(2).wall, request: id("zzz") };
    let rest = Prune { after: Some(elsewhere), ..all(Prunable::Payloads) };
    assert_eq!(journal.prune(&rest, at(9000).wall).await.unwrap().requests, 0);
    assert_eq!(Prune { limit: usize::MAX, ..prune }.rows(), 1000);
}

pub(crate) async fn a_refused_request_that_was_pruned_and_is_delivered_again_has_a_payload_again<
    H: Harness,
>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![ended(Execution::Refused), Record::Answered(negative())]).await;
    assert_eq!(pruned(harness.journal(), Prunable::Payloads).await, 1);
    let again = accept(harness.journal(), telling_much("b")).await;
    assert_eq!((again.arrived, again.request.id), (Arrived::Again, id("a")));
    commit(harness.journal(), "a", vec![ended(Execution::Refused), Record::Answered(negative())]).await;
    harness.reopen().await;
    assert_eq!(pruned(harness.journal(), Prunable::Payloads).await, 1);
    let after = stored(harness.journal(), "a").await.unwrap();
    assert_eq!((after.request.comment, after.request.subject.given_name), (None, None));
}
