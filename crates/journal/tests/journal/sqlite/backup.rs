use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use usher_journal::{Filter, HoldingsFilter, Journal, JournalError, SqliteJournal};

use super::{accept_at_once, arrival, open};
use crate::harness::{Harness, Sqlite};
use crate::samples::{accept, at, commit, confirmed, grant, id, ledger, of};

#[tokio::test]
async fn a_backup_is_a_journal_that_holds_all_that_was_acknowledged() {
    let harness = Sqlite::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let contents = harness.journal.backup(&copy).await.unwrap();
    assert_eq!((contents.requests, contents.ledgers, contents.seq), (1, 1, 1));
    assert_eq!(SqliteJournal::check_copy(&copy).await.unwrap(), contents);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 1, "one file, and nothing beside it");

    // What comes after is the journal's alone.
    accept(harness.journal(), of("bea@example.com", grant("b"))).await;
    let restored = open(&copy).await.unwrap();
    assert!(restored.was_checked(), "nobody closed it");
    let (was, is) = (harness.journal.find(&id("a")).await.unwrap(), restored.find(&id("a")).await.unwrap());
    let (was, is) = (was.unwrap(), is.unwrap());
    assert_eq!((was.request, was.body, was.history), (is.request, is.body, is.history));
    assert_eq!(ledger(&restored).await, ledger(harness.journal()).await);
    assert_eq!(restored.holdings(&HoldingsFilter::default()).await.unwrap().holdings.len(), 1);
    assert!(restored.find(&id("b")).await.unwrap().is_none());
    let next = restored.accept(arrival("c", 1), at(3)).await.unwrap();
    assert_eq!(next.request.seq, 2, "places go on");
}

#[tokio::test]
async fn a_backup_while_it_is_written_to_is_of_one_moment() {
    let harness = Sqlite::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(harness.journal);
    let arrivals = |from: usize| (from..from + 400).map(|n| arrival(&format!("{n:04}"), 500)).collect();
    accept_at_once(&journal, arrivals(0)).await;
    let writing = tokio::spawn({
        let journal = Arc::clone(&journal);
        let arrivals: Vec<_> = arrivals(400);
        async move { accept_at_once(&journal, arrivals).await }
    });
    let copy = folder.path().join("copy.db");
    let contents = journal.backup(&copy).await.unwrap();
    assert!(writing.await.unwrap().iter().all(Result::is_ok), "the writer goes on meanwhile");
    assert!((400..=800).contains(&contents.requests), "{contents:?}");
    assert_eq!((contents.seq, contents.history), (contents.requests, contents.requests), "each is whole");
    let restored = open(&copy).await.unwrap();
    let listed = restored.list(&Filter { limit: 1000, ..Filter::default() }).await.unwrap();
    assert_eq!(listed.requests.len() as u64, contents.requests);
}

#[tokio::test]
async fn a_backup_never_replaces_a_file() {
    let harness = Sqlite::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("notes.txt");
    for content in ["mine", ""] {
        fs::write(&there, content).unwrap();
        let refused = harness.journal.backup(&there).await.unwrap_err();
        assert!(refused.to_string().contains("it is there already"), "{refused}");
        assert_eq!(fs::read_to_string(&there).unwrap(), content);
    }
    let refused = harness.journal.backup(&harness.path()).await.unwrap_err();
    assert!(refused.to_string().contains("it is there already"), "{refused}");
    let nowhere = harness.journal.backup(&folder.path().join("none/copy.db")).await.unwrap_err();
    assert!(matches!(nowhere, JournalError::Unusable(_)), "{nowhere}");
    accept(harness.journal(), grant("a")).await;
}

#[tokio::test]
async fn one_backup_at_a_time_is_written_and_the_second_is_told_so() {
    let harness = Sqlite::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1.db"), folder.path().join("2.db"));
    let (first, second_said) = tokio::join!(harness.journal.backup(&first), harness.journal.backup(&second));
    first.unwrap();
    let second_said = second_said.unwrap_err();
    assert!(second_said.to_string().contains("another backup is being written"), "{second_said}");
    assert!(!second.exists());
    harness.journal.backup(&second).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_damaged_cut_off_or_something_else_is_told_from_a_good_one() {
    let harness = Sqlite::fresh().await;
    for n in 0..50 {
        harness.journal.accept(arrival(&format!("{n}"), 2000), at(1)).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    harness.journal.backup(&copy).await.unwrap();
    let good = fs::read(&copy).unwrap();
    let mut damaged = good.clone();
    let length = damaged.len();
    damaged[4096 * 20..length - 4096].fill(0xa5);
    let half = &good[..good.len() / 2];
    for bad in [&damaged[..], half, b"", b"{\"error\":\"no\"}"] {
        fs::write(&copy, bad).unwrap();
        let said = SqliteJournal::check_copy(&copy).await;
        assert!(matches!(said, Err(JournalError::Unusable(_))), "{said:?}");
        assert_eq!(fs::read(&copy).unwrap(), bad, "and left as it is");
    }
    fs::write(&copy, &good).unwrap();
    assert_eq!(SqliteJournal::check_copy(&copy).await.unwrap().requests, 50);
}
