use std::fs;
use std::path::Path;

use sqlx::{Connection, SqliteConnection};
use usher_journal::Journal;

use super::{open, refusal, run_other};
use crate::harness::{Harness, Sqlite};
use crate::samples::{accept, grant};

#[tokio::test]
async fn a_second_owner_is_refused_and_told_who_has_the_file() {
    let first = Sqlite::fresh().await;
    let sentence = refusal(open(&first.path()).await);
    assert!(sentence.contains(&format!("process {}", std::process::id())), "{sentence}");
    assert!(sentence.contains("stop that one, or name another file"), "{sentence}");
    accept(first.journal(), grant("a")).await;
}

#[tokio::test]
async fn a_second_owner_by_another_name_of_the_file_is_refused() {
    let first = Sqlite::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("other.db");
    std::os::unix::fs::symlink(first.path(), &link).unwrap();
    assert!(refusal(open(&link).await).contains("has it open"));
}

#[tokio::test]
async fn a_second_name_of_the_file_itself_is_refused_since_it_would_have_a_lock_and_a_log_of_its_own() {
    let first = Sqlite::fresh().await;
    let other = first.path().with_file_name("other.db");
    fs::hard_link(first.path(), &other).unwrap();
    let sentence = refusal(open(&other).await);
    assert!(sentence.contains("second name"), "{sentence}");
    accept(first.journal(), grant("a")).await;
}

/// A database as a process leaves it that is killed in the middle of a change without a log, after these statements.
async fn cut_short(path: &Path, before: &'static str) {
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&other).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(before).execute(&mut connection).await.unwrap();
    // More than fits in memory, so that some of it is in the file already.
    let change = "PRAGMA cache_size = 1; BEGIN; CREATE TABLE large (x BLOB);
                  INSERT INTO large VALUES (randomblob(100000)); INSERT INTO large VALUES (randomblob(100000))";
    sqlx::raw_sql(change).execute(&mut connection).await.unwrap();
    fs::copy(&other, path).unwrap();
    fs::copy(elsewhere.path().join("other.db-journal"), path.with_extension("db-journal")).unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_before_there_was_a_log_goes_on_at_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    cut_short(&path, "PRAGMA user_version = 1").await;
    let journal = open(&path).await.unwrap();
    accept(&journal, grant("a")).await;
    journal.close().await;
    assert!(!open(&path).await.unwrap().was_checked());
}

#[tokio::test]
async fn another_programs_database_in_the_middle_of_a_change_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    cut_short(&path, "CREATE TABLE theirs (x)").await;
    let files = [path.clone(), path.with_extension("db-journal")];
    let before = files.clone().map(|file| fs::read(file).unwrap());
    let sentence = refusal(open(&path).await);
    assert!(sentence.contains("of another program"), "{sentence}");
    assert_eq!(files.map(|file| fs::read(file).unwrap()), before);
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_before_the_schema_goes_on_at_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    fs::write(&path, "").unwrap();
    // The table that sqlx makes first, in a transaction of its own; SQLite adds an index to it.
    run_other(
        &path,
        "CREATE TABLE _sqlx_migrations (
            version BIGINT PRIMARY KEY,
            description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
            success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL,
            execution_time BIGINT NOT NULL
        )",
    )
    .await;
    let journal = open(&path).await.unwrap();
    accept(&journal, grant("a")).await;
}

#[tokio::test]
async fn a_file_of_a_newer_schema_is_refused_and_left_as_it_was() {
    let first = Sqlite::fresh().await;
    first.journal.close().await;
    run_other(
        &first.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of the future', 1, x'00', 1)",
    )
    .await;
    let before = fs::read(first.path()).unwrap();
    let sentence = refusal(open(&first.path()).await);
    assert!(sentence.contains("a newer Usher wrote it (schema 9000"), "{sentence}");
    assert_eq!(fs::read(first.path()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    for content in ["hello", "SQLite format 4\0 and a good deal more than a header of it"] {
        fs::write(&path, content).unwrap();
        let sentence = refusal(open(&path).await);
        assert!(sentence.contains("not a SQLite database"), "{sentence}");
        assert_eq!(fs::read(&path).unwrap(), content.as_bytes());
        assert_eq!(names(folder.path()), ["usher.db", "usher.db-lock"]);
    }
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    fs::write(&path, "").unwrap();
    run_other(&path, "CREATE TABLE bookmarks (url TEXT); CREATE TABLE visits (at INTEGER)").await;
    let before = fs::read(&path).unwrap();
    let sentence = refusal(open(&path).await);
    assert!(sentence.contains("of another program"), "{sentence}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_only_begins_like_a_database_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    let mut content = b"SQLite format 3\0".to_vec();
    content.resize(8192, 0xa5);
    fs::write(&path, &content).unwrap();
    let sentence = refusal(open(&path).await);
    assert!(sentence.contains("put a backup in its place"), "{sentence}");
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[tokio::test]
async fn an_empty_file_becomes_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    fs::write(&path, "").unwrap();
    let journal = open(&path).await.unwrap();
    assert!(!journal.was_checked());
    accept(&journal, grant("a")).await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let sentence = refusal(open(&folder.path().join("nowhere/usher.db")).await);
    assert!(sentence.contains("its folder cannot be used"), "{sentence}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
