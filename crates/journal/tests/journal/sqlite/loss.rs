use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use usher_core::SubjectKey;
use usher_journal::{Filter, Journal, JournalError, SqliteJournal, SqliteOptions};

use super::{accept_at_once, arrival, open, other};
use crate::harness::{Harness, Sqlite};
use crate::samples::{at, id};

/// Every verb says at once that it is lost.
async fn assert_lost(journal: &SqliteJournal) {
    let lost =
        |error: Option<JournalError>| assert!(matches!(error, Some(JournalError::Lost(_))), "{error:?}");
    let ada = SubjectKey::of("ada@example.com");
    lost(journal.accept(arrival("late", 1), at(2)).await.err());
    lost(journal.commit(&id("0"), Vec::new(), at(2)).await.err());
    lost(journal.answered(&id("0"), 1, usher_journal::AnswerState::Positive, at(2)).await.err());
    lost(journal.replay(&id("0"), None, "dana", "x", at(2)).await.err());
    lost(journal.claim(at(2)).await.err());
    lost(journal.pause("zendesk", None).await.err());
    lost(journal.pauses().await.err());
    lost(journal.ledger("zendesk", &ada).await.err());
    lost(journal.account_owner("zendesk", "7").await.err());
    lost(journal.find(&id("0")).await.err());
    lost(journal.list(&Filter::default()).await.err());
    lost(journal.ready().await.err());
}

/// So few pages that a large body no longer fits.
fn small() -> SqliteOptions {
    SqliteOptions { max_pages: Some(60), ..SqliteOptions::default() }
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    for max_pages in [1, 3, 8, 12, 20] {
        let full = SqliteOptions { max_pages: Some(max_pages), ..SqliteOptions::default() };
        let error = SqliteJournal::open(&path, full).await.unwrap_err();
        let JournalError::Unusable(sentence) = error else { panic!("{max_pages}: {error:?}") };
        assert!(sentence.contains("make room on its disk and start Usher again"), "{max_pages}: {sentence}");
        assert!(sentence.contains("usher.db"), "{max_pages}: {sentence}");
    }
    // What was begun is no hindrance.
    open(&path).await.unwrap();
}

#[tokio::test]
async fn rule_21_a_full_disk_loses_the_journal_and_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    let journal = SqliteJournal::open(&path, small()).await.unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match journal.accept(arrival(&acknowledged.to_string(), 10_000), at(1)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the file has no limit");
    };
    assert!(matches!(&error, JournalError::Lost(text) if text.contains("full")), "{error:?}");
    assert!(acknowledged > 2);
    assert_lost(&journal).await;
    journal.close().await;
    let again = open(&path).await.unwrap();
    assert!(again.was_checked(), "a lost journal is not closed in order");
    for n in 0..acknowledged {
        assert!(again.find(&id(&n.to_string())).await.unwrap().is_some(), "{n}");
    }
    assert!(again.find(&id(&acknowledged.to_string())).await.unwrap().is_none());
    again.accept(arrival("anew", 10_000), at(3)).await.unwrap();
}

#[tokio::test]
async fn rule_21_all_who_wait_are_answered_and_nothing_of_the_batch_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    let journal = Arc::new(SqliteJournal::open(&path, small()).await.unwrap());
    journal.accept(arrival("before", 1), at(1)).await.unwrap();
    let mut arrivals: Vec<_> = (0..100).map(|n| arrival(&n.to_string(), 1)).collect();
    arrivals[20] = arrival("20", 1_000_000);
    for answer in accept_at_once(&journal, arrivals).await {
        assert!(matches!(answer, Err(JournalError::Lost(_))), "{answer:?}");
    }
    journal.close().await;
    let again = open(&path).await.unwrap();
    let left = again.list(&Filter::default()).await.unwrap().requests;
    assert_eq!(left.iter().map(|request| request.id.0.as_str()).collect::<Vec<_>>(), ["before"]);
}

/// A journal whose file is broken beyond its first page, and in nobody's cache.
async fn broken(options: SqliteOptions) -> (Sqlite, SqliteConnection) {
    let mut harness = Sqlite::fresh().await;
    for n in 0..50 {
        harness.journal.accept(arrival(&n.to_string(), 2000), at(1)).await.unwrap();
    }
    // So that all of it stands in the file, and not in its log.
    harness.journal.close().await;
    harness.journal = SqliteJournal::open(harness.path(), options).await.unwrap();
    let mut holder = other(&harness.path()).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let mut file = OpenOptions::new().write(true).open(harness.path()).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length).unwrap() - 4096]).unwrap();
    (harness, holder)
}

#[tokio::test]
async fn rule_21_corruption_that_a_reader_finds_ends_all_trust() {
    let (harness, holder) = broken(SqliteOptions::default()).await;
    holder.close().await.unwrap();
    let found = harness.journal.find(&id("7")).await;
    assert!(matches!(found, Err(JournalError::Lost(_))), "{found:?}");
    assert_lost(&harness.journal).await;
}

#[tokio::test]
async fn rule_21_who_waits_for_the_writer_is_told_at_once_what_a_reader_finds() {
    // The writer waits for another program's lock, much longer than this case may take.
    let (harness, holder) =
        broken(SqliteOptions { busy: Duration::from_secs(300), ..SqliteOptions::default() }).await;
    let both = async {
        tokio::join!(harness.journal.pause("zendesk", None), async {
            // The one before has asked by now: it was polled first.
            harness.journal.find(&id("7")).await
        })
    };
    let (waited, found) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    assert!(matches!(found, Err(JournalError::Lost(_))), "{found:?}");
    assert!(matches!(waited, Err(JournalError::Lost(_))), "{waited:?}");
    holder.close().await.unwrap();
    harness.journal.close().await;
    let again = open(&harness.path()).await;
    assert!(again.is_err(), "nothing was closed in order: {again:?}");
}

#[tokio::test]
async fn rule_21_nothing_is_acknowledged_into_a_file_that_has_been_deleted_or_replaced() {
    for gone in ["usher.db", "usher.db-wal", "usher.db-lock"] {
        for replaced in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("usher.db");
            let journal = open(&path).await.unwrap();
            journal.accept(arrival("0", 1), at(1)).await.unwrap();
            let file = folder.path().join(gone);
            let kept = folder.path().join("kept");
            std::fs::rename(&file, &kept).unwrap();
            if replaced {
                std::fs::copy(&kept, &file).unwrap();
            }
            let error = journal.accept(arrival("1", 1), at(1)).await.unwrap_err();
            assert!(matches!(&error, JournalError::Lost(text) if text.contains(gone)), "{gone}: {error:?}");
            assert_lost(&journal).await;
        }
    }
}
