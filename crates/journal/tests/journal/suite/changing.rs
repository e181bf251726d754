use std::time::Duration;

use usher_core::{Receipt, Sent};
use usher_journal::{
    AnswerState, Change, ChangeState, Execution, JournalError, Ledger, Outcome, Record, Request,
};

use crate::harness::Harness;
use crate::samples::{
    accept, at, at_boot, commit, confirmed, ended, fault, grant, holders, id, intent, ledger, outcome,
    parked, watched,
};

const NO_LAG: Duration = Duration::ZERO;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The one change there is.
fn change(ledger: &Ledger) -> &Change {
    assert_eq!(ledger.changes.len(), 1);
    &ledger.changes[0]
}

pub(crate) async fn rule_04_a_change_without_an_answer_is_open_until_it_has_settled<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let sent = commit(harness.journal(), "a", vec![intent(1)]).await;
    assert!(change(&sent.ledger).is_unanswered());
    assert!(change(&sent.ledger).is_open_for(1, seconds(1_000_000), NO_LAG), "its call has not ended");
    let unknown = Outcome::Unknown(fault(Sent::Maybe));
    // Two seconds after the start its call ended; it settles for 15.
    commit(harness.journal(), "a", vec![outcome(1, unknown)]).await;
    harness.reopen().await;
    let ledger = ledger(harness.journal()).await;
    assert!(change(&ledger).is_unanswered());
    assert!(change(&ledger).is_open_for(1, seconds(16), NO_LAG));
    assert!(!change(&ledger).is_open_for(1, seconds(17), NO_LAG));
    assert!(change(&ledger).is_open_for(1, seconds(17), seconds(60)), "a reading that may be stale");
    assert!(!change(&ledger).is_open_for(1, seconds(77), seconds(60)));
}

pub(crate) async fn rule_04_an_answered_change_is_over_at_its_answer<H: Harness>() {
    for came in [Outcome::Answered(Receipt::default()), Outcome::Refused(fault(Sent::Yes))] {
        let harness = H::fresh().await;
        accept(harness.journal(), grant("a")).await;
        commit(harness.journal(), "a", vec![intent(1)]).await;
        let done = commit(harness.journal(), "a", vec![outcome(1, came)]).await;
        assert_eq!(change(&done.ledger).state, ChangeState::Answered { ended: at(2).stamp });
        assert!(change(&done.ledger).is_open_for(1, seconds(1), NO_LAG));
        assert!(!change(&done.ledger).is_open_for(1, seconds(2), NO_LAG));
    }
}

pub(crate) async fn rule_04_a_change_that_was_not_sent_is_no_change<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![intent(1), intent(2)]).await;
    let done = commit(harness.journal(), "a", vec![outcome(1, Outcome::NotSent(fault(Sent::No)))]).await;
    assert_eq!(change(&done.ledger).intent, 2);
    assert_eq!(done.ledger.next_intent(0), 3);
}

pub(crate) async fn rule_04_settling_counts_anew_after_a_restart<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![intent(1)]).await;
    commit(harness.journal(), "a", vec![intent(2), outcome(2, Outcome::Unknown(fault(Sent::Maybe)))]).await;
    harness.reopen().await;
    let ledger = ledger(harness.journal()).await;
    for change in &ledger.changes {
        assert_eq!(change.over_at(2), Some(seconds(15)), "15 s after the new start: {:?}", change.state);
        assert!(change.is_open_for(2, seconds(14), NO_LAG));
        assert!(!change.is_open_for(2, seconds(15), NO_LAG));
    }
}

pub(crate) async fn rule_07_a_watched_change_is_open_until_its_watch_ends<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![intent(1)]).await;
    let receipt = watched();
    let accepted = vec![outcome(1, Outcome::Answered(receipt.clone()))];
    let accepted = commit(harness.journal(), "a", accepted).await;
    assert_eq!(accepted.ledger.handles, receipt.handles, "what the receipt brought is remembered");
    harness.reopen().await;
    let watching = ledger(harness.journal()).await;
    let state = ChangeState::Watching { since: at(2).stamp, watch: receipt.watch.unwrap() };
    assert_eq!(change(&watching).state, state);
    assert!(!change(&watching).is_unanswered());
    assert!(change(&watching).is_open_for(2, seconds(1_000_000), NO_LAG));
    let outcome = Outcome::WatchEnded(None);
    let ended = vec![Record::Outcome { intent: 1, outcome, ended: at_boot(2, 30).stamp }];
    let ended = harness.journal().commit(&id("a"), ended, at_boot(2, 30)).await.unwrap();
    assert!(!change(&ended.ledger).is_open_for(2, seconds(30), NO_LAG));
}

pub(crate) async fn rule_11_a_replay_is_a_new_attempt_on_the_same_row<H: Harness>() {
    let mut harness = H::fresh().await;
    let until = Some(at(3600).wall);
    let first = accept(harness.journal(), Request { until, ..grant("a") }).await;
    commit(harness.journal(), "a", vec![parked(Execution::NeedsHuman)]).await;
    harness.reopen().await;
    let replayed = harness.journal().replay(&id("a"), None, "dana", "mended", at(3)).await.unwrap();
    assert_eq!((replayed.request.attempt, replayed.request.execution), (2, Execution::Accepted));
    assert!(replayed.request.seq > first.request.seq);
    assert_eq!((replayed.request.until, replayed.request.reason.as_ref()), (until, None));
    assert_eq!(holders(&replayed.ledger), [("agent", false)], "its place is the new one");
    assert_eq!(replayed.ledger.holders[0].seq, replayed.request.seq);
    assert_eq!(replayed.ledger.unfinished.get(&id("a")), Some(&replayed.request.seq));
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    let last = stored.history.last().unwrap();
    let told = Record::Replayed { by: "dana".to_owned(), reason: "mended".to_owned() };
    assert_eq!((&last.record, last.attempt), (&told, 2));
    assert!(harness.journal().replay(&id("nobody"), None, "dana", "x", at(4)).await.is_err());
}

pub(crate) async fn a_commit_is_whole_or_not_at_all<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let records = vec![intent(1), outcome(1, Outcome::Answered(Receipt::default())), confirmed(&["agent"])];
    let committed = commit(harness.journal(), "a", records).await;
    harness.reopen().await;
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(stored.request, committed.request);
    assert_eq!(ledger(harness.journal()).await, committed.ledger);
    assert_eq!(stored.history.len(), 4);
}

pub(crate) async fn a_commit_to_a_request_that_is_not_there_is_refused<H: Harness>() {
    let harness = H::fresh().await;
    let journal = harness.journal();
    let nobody = Err(JournalError::NoSuchRequest(id("nobody")));
    assert_eq!(journal.commit(&id("nobody"), vec![intent(1)], at(2)).await.map(|_| ()), nobody);
    assert_eq!(journal.answered(&id("nobody"), 1, AnswerState::Positive, at(2)).await, nobody);
    assert_eq!(journal.replay(&id("nobody"), None, "dana", "x", at(2)).await.map(|_| ()), nobody);
    assert!(journal.find(&id("nobody")).await.unwrap().is_none());
}

pub(crate) async fn history_is_append_only_and_in_order<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let mut before = harness.journal().find(&id("a")).await.unwrap().unwrap().history;
    let steps: [Vec<Record>; 5] = [
        vec![intent(1), outcome(1, Outcome::Unknown(fault(Sent::Maybe)))],
        vec![],
        vec![Record::Alerted {
            kind: "late".to_owned(),
            sentence: "it is \"late\" \u{0} \u{1F980}".to_owned(),
        }],
        vec![parked(Execution::Waiting), parked(Execution::BackingOff), parked(Execution::NeedsHuman)],
        vec![ended(Execution::Closed)],
    ];
    for (step, records) in steps.into_iter().enumerate() {
        commit(harness.journal(), "a", records.clone()).await;
        if step % 2 == 0 {
            harness.reopen().await;
        }
        let after = harness.journal().find(&id("a")).await.unwrap().unwrap().history;
        assert_eq!(after[..before.len()], before[..], "what was there has not changed");
        let added: Vec<_> = after[before.len()..].iter().map(|entry| entry.record.clone()).collect();
        assert_eq!(added, records);
        before = after;
    }
}
