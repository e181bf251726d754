use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use usher_journal::{Journal, JournalError};

use super::{arrival, open, refusal};
use crate::harness::{Harness, Sqlite};
use crate::samples::{accept, at, grant, id};

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The files as a process that was killed now would leave them.
fn as_after_a_kill(path: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        fs::copy(beside(path, ending), beside(&folder.path().join("usher.db"), ending)).unwrap();
    }
    folder
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let harness = Sqlite::fresh().await;
    accept(harness.journal(), grant("a")).await;
    for ending in ["", "-wal", "-shm", "-lock"] {
        assert_eq!(mode(&beside(&harness.path(), ending)), 0o600, "{ending}");
    }
}

#[tokio::test]
async fn a_file_that_others_can_read_is_tightened() {
    let mut harness = Sqlite::fresh().await;
    harness.journal.close().await;
    fs::set_permissions(harness.path(), Permissions::from_mode(0o644)).unwrap();
    harness.reopen().await;
    accept(harness.journal(), grant("a")).await;
    for ending in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(&harness.path(), ending)), 0o600, "{ending}");
    }
}

#[tokio::test]
async fn a_journal_closed_in_order_is_one_file_and_is_not_checked_again() {
    let mut harness = Sqlite::fresh().await;
    accept(harness.journal(), grant("a")).await;
    harness.journal.close().await;
    assert!(!beside(&harness.path(), "-wal").exists());
    harness.reopen().await;
    assert!(!harness.journal.was_checked());
    assert!(harness.journal().find(&id("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn after_a_kill_what_was_acknowledged_is_there_and_the_file_was_checked() {
    let harness = Sqlite::fresh().await;
    let accepted = accept(harness.journal(), grant("a")).await;
    let left = as_after_a_kill(&harness.path());
    let path = left.path().join("usher.db");
    let again = open(&path).await.unwrap();
    assert!(again.was_checked());
    assert_eq!(
        fs::metadata(beside(&path, "-wal")).unwrap().len(),
        0,
        "the log was emptied before the first request"
    );
    let stored = again.find(&id("a")).await.unwrap().unwrap();
    assert_eq!(stored.request, accepted.request);
    let next = again.accept(arrival("b", 1), at(2)).await.unwrap();
    assert!(next.request.seq > accepted.request.seq);
}

#[tokio::test]
async fn after_a_kill_a_damaged_file_is_refused() {
    let mut harness = Sqlite::fresh().await;
    for n in 0..50 {
        harness.journal.accept(arrival(&format!("{n}"), 2000), at(1)).await.unwrap();
    }
    // So that all of it stands in the file, and not in its log.
    harness.reopen().await;
    let left = as_after_a_kill(&harness.path());
    let path = left.path().join("usher.db");
    let mut content = fs::read(&path).unwrap();
    let length = content.len();
    content[4096 * 20..length - 4096].fill(0xa5);
    fs::write(&path, content).unwrap();
    let sentence = refusal(open(&path).await);
    assert!(sentence.contains("put a backup in its place"), "{sentence}");
}

#[tokio::test]
async fn after_a_kill_damage_that_only_a_check_finds_is_refused() {
    let harness = Sqlite::fresh().await;
    let left = as_after_a_kill(&harness.path());
    let path = left.path().join("usher.db");
    let mut content = fs::read(&path).unwrap();
    // The number of free pages, <https://www.sqlite.org/fileformat.html>.
    content[36..40].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&path, &content).unwrap();
    fs::remove_file(beside(&path, "-wal")).unwrap();
    let sentence = refusal(open(&path).await);
    assert!(
        sentence.contains("it is damaged (") && sentence.contains("put a backup in its place"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_journal_that_is_dropped_gives_its_file_up_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    let journal = open(&path).await.unwrap();
    accept(&journal, grant("a")).await;
    drop(journal);
    let again = async {
        loop {
            match open(&path).await {
                Ok(journal) => return journal,
                // Its writer has not yet seen that nobody is left.
                Err(JournalError::Unusable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
    assert!(again.was_checked());
    assert!(again.find(&id("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_journal_takes_nothing_more_and_can_be_closed_again() {
    let harness = Sqlite::fresh().await;
    harness.journal.close().await;
    harness.journal.close().await;
    let refused = harness.journal.accept(arrival("a", 1), at(1)).await;
    assert!(matches!(refused, Err(JournalError::OutOfReach(_))), "{refused:?}");
    let refused = harness.journal.find(&id("a")).await;
    assert!(matches!(refused, Err(JournalError::OutOfReach(_))), "{refused:?}");
    assert!(matches!(harness.journal.ready().await, Err(JournalError::OutOfReach(_))));
}
