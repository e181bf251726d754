use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use tempfile::TempDir;
use usher_journal::{
    AnswerState, Arrival, Execution, Journal, JournalError, Record, SqliteJournal, SqliteOptions,
};

use super::{accept_at_once, arrival, other, run_other};
use crate::samples::{at, grant, id, parked};

/// Where the file stands, for as long as a case runs.
struct Place {
    path: PathBuf,
    _folder: TempDir,
}

async fn fresh(options: SqliteOptions) -> (Place, Arc<SqliteJournal>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    let journal = SqliteJournal::open(&path, options).await.unwrap();
    (Place { path, _folder: folder }, Arc::new(journal))
}

#[tokio::test]
async fn a_hundred_at_once_come_out_as_few_commits() {
    let (_place, journal) = fresh(SqliteOptions::default()).await;
    let arrivals = (0..100).map(|n| arrival(&format!("{n}"), 100)).collect();
    let accepted = accept_at_once(&journal, arrivals).await;
    let mut places: Vec<u64> = accepted.into_iter().map(|accepted| accepted.unwrap().request.seq).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=100).collect::<Vec<u64>>());
    assert!(journal.commits() <= 3, "{} commits", journal.commits());
}

#[tokio::test]
async fn a_batch_has_its_limit() {
    let (_place, journal) = fresh(SqliteOptions { batch: 10, ..SqliteOptions::default() }).await;
    let arrivals = (0..100).map(|n| arrival(&format!("{n}"), 100)).collect();
    accept_at_once(&journal, arrivals).await;
    assert!(journal.commits() >= 10, "{} commits", journal.commits());
}

#[tokio::test]
async fn what_changes_nothing_is_no_commit() {
    let (_place, journal) = fresh(SqliteOptions::default()).await;
    journal.ready().await.unwrap();
    assert!(journal.claim(at(1)).await.unwrap().is_empty());
    assert_eq!(journal.commits(), 0);
}

#[tokio::test]
async fn duplicates_in_one_batch_are_told_apart_from_the_first() {
    let (_place, journal) = fresh(SqliteOptions::default()).await;
    let arrivals = ["a", "b", "c"].map(|name| Arrival { request: grant(name), body: Vec::new() });
    let accepted = accept_at_once(&journal, arrivals.into()).await;
    let mut ids: Vec<_> = accepted.into_iter().map(|accepted| accepted.unwrap().request.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "all three are the same request");
    assert_eq!(journal.commits(), 1);
    assert_eq!(journal.find(&ids[0]).await.unwrap().unwrap().history.len(), 3);
}

#[tokio::test]
async fn an_item_that_fails_hurts_only_itself() {
    let (place, journal) = fresh(SqliteOptions::default()).await;
    for name in ["a", "b", "c"] {
        journal.accept(arrival(name, 1), at(1)).await.unwrap();
    }
    // The row and its history are one item: what fails after the row was written takes the row back.
    run_other(
        &place.path,
        "CREATE TRIGGER planted BEFORE INSERT ON history WHEN new.kind = 'parked'
         BEGIN SELECT raise(ABORT, 'planted'); END;",
    )
    .await;
    let before = journal.find(&id("a")).await.unwrap().unwrap();
    let commits = journal.commits();
    let note = || vec![Record::Alerted { kind: "late".to_owned(), sentence: "it is late".to_owned() }];
    let waits = || vec![parked(Execution::Waiting)];
    let (a, b, c, nobody) = (id("a"), id("b"), id("c"), id("nobody"));
    let (fails, lacks, taken, stands, fails_too, goes_on) = tokio::join!(
        journal.commit(&a, waits(), at(2)),
        journal.commit(&nobody, note(), at(2)),
        journal.accept(arrival("a", 1), at(2)),
        journal.commit(&b, note(), at(2)),
        journal.commit(&c, waits(), at(2)),
        journal.commit(&c, note(), at(2)),
    );
    for refused in [fails.map(|_| ()), taken.map(|_| ()), fails_too.map(|_| ())] {
        assert!(matches!(refused, Err(JournalError::OutOfReach(_))), "{refused:?}");
    }
    assert!(matches!(lacks, Err(JournalError::NoSuchRequest(_))), "{lacks:?}");
    stands.unwrap();
    assert_eq!(goes_on.unwrap().request.execution, Execution::Accepted);
    assert_eq!(journal.commits(), commits + 1, "all in one transaction");
    let after = journal.find(&a).await.unwrap().unwrap();
    assert_eq!((after.request, after.history), (before.request, before.history));
    for name in [b, c] {
        let history = journal.find(&name).await.unwrap().unwrap().history;
        let kinds: Vec<_> = history.iter().map(|entry| entry.record.kind()).collect();
        assert_eq!(kinds, ["accepted", "alerted"]);
    }
}

#[tokio::test]
async fn an_item_goes_on_from_what_the_one_before_it_in_the_batch_has_left() {
    let (_place, journal) = fresh(SqliteOptions::default()).await;
    journal.accept(arrival("a", 1), at(1)).await.unwrap();
    let note = vec![Record::Alerted { kind: "late".to_owned(), sentence: "it is late".to_owned() }];
    let a = id("a");
    let (claimed, noted, replayed) = tokio::join!(
        journal.claim(at(2)),
        journal.commit(&a, note, at(3)),
        journal.replay(&a, None, "dana", "again", at(4)),
    );
    assert_eq!(claimed.unwrap().len(), 1);
    assert_eq!(noted.unwrap().request.answer, AnswerState::Lost);
    assert_eq!(replayed.unwrap().request.attempt, 2);
    let stored = journal.find(&a).await.unwrap().unwrap();
    let kinds: Vec<_> = stored.history.iter().map(|entry| entry.record.kind()).collect();
    assert_eq!(kinds, ["accepted", "recovered", "alerted", "replayed"]);
    assert_eq!(journal.commits(), 2);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_hurts_only_those_who_ask_for_it() {
    let (place, journal) = fresh(SqliteOptions::default()).await;
    journal.accept(arrival("a", 1), at(1)).await.unwrap();
    journal.accept(arrival("b", 1), at(1)).await.unwrap();
    run_other(&place.path, "UPDATE requests SET document = '{\"id\": \"ada@example.com\"' WHERE id = 'a'")
        .await;
    let (a, b) = (id("a"), id("b"));
    let (broken, stands) =
        tokio::join!(journal.commit(&a, Vec::new(), at(2)), journal.commit(&b, Vec::new(), at(2)));
    let Err(JournalError::Corrupt(text)) = broken else { panic!("{broken:?}") };
    assert!(text.contains("request a") && !text.contains("ada@"), "{text}");
    stands.unwrap();
    assert!(matches!(journal.find(&a).await, Err(JournalError::Corrupt(_))));
    journal.ready().await.unwrap();
}

#[tokio::test]
async fn a_claim_that_fails_marks_nothing() {
    let (place, journal) = fresh(SqliteOptions::default()).await;
    journal.accept(arrival("a", 1), at(1)).await.unwrap();
    journal.accept(arrival("b", 1), at(1)).await.unwrap();
    run_other(
        &place.path,
        "CREATE TRIGGER planted BEFORE UPDATE ON requests WHEN new.id = 'b'
         BEGIN SELECT raise(ABORT, 'planted'); END;",
    )
    .await;
    assert!(matches!(journal.claim(at(2)).await, Err(JournalError::OutOfReach(_))));
    assert_eq!(journal.find(&id("a")).await.unwrap().unwrap().history.len(), 1);
    run_other(&place.path, "DROP TRIGGER planted").await;
    assert_eq!(journal.claim(at(3)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_full_queue_is_out_of_reach_at_once() {
    let (_place, journal) = fresh(SqliteOptions { queue: 2, ..SqliteOptions::default() }).await;
    // One thread: all of them ask before the writer takes any.
    let arrivals = (0..10).map(|n| arrival(&format!("{n}"), 1)).collect();
    let answers = accept_at_once(&journal, arrivals).await;
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(taken, 2);
    let refused = answers.iter().filter(|answer| matches!(answer, Err(JournalError::OutOfReach(_)))).count();
    assert_eq!(refused, 8);
}

#[tokio::test]
async fn rule_21_another_programs_lock_is_out_of_reach_until_it_is_gone() {
    let (place, journal) = fresh(SqliteOptions { busy: Duration::ZERO, ..SqliteOptions::default() }).await;
    let mut holder = other(&place.path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let refused = journal.accept(arrival("a", 1), at(1)).await;
    assert!(matches!(refused, Err(JournalError::OutOfReach(_))), "{refused:?}");
    assert!(matches!(journal.ready().await, Err(JournalError::OutOfReach(_))));
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    holder.close().await.unwrap();
    journal.ready().await.unwrap();
    let accepted = journal.accept(arrival("a", 1), at(1)).await.unwrap();
    assert_eq!(accepted.request.seq, 1, "the one that was refused has left nothing");
}

#[tokio::test]
async fn what_waits_when_it_is_closed_is_written_yet() {
    let (place, journal) = fresh(SqliteOptions::default()).await;
    let arrivals: Vec<_> = (0..30).map(|n| arrival(&format!("{n}"), 1)).collect();
    let (answers, ()) = tokio::join!(accept_at_once(&journal, arrivals), journal.close());
    let acknowledged: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    let again = super::open(&place.path).await.unwrap();
    assert!(!again.was_checked());
    for accepted in acknowledged {
        assert!(again.find(&accepted.request.id).await.unwrap().is_some());
    }
}
