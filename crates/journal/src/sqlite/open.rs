use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr, SqliteConnection};
use tokio::sync::mpsc;

use crate::JournalError;

use super::backup::Copies;
use super::fault::{Trust, at_start, in_migration, is_cut_short};
use super::place::{self, Files, Owner};
use super::read::Readers;
use super::rows;
use super::writer::Writer;
use super::{SqliteJournal, SqliteOptions};

/// Migrations, oldest first. One that has been released is never altered.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "journal", include_str!("../../migrations/sqlite/0001_journal.sql")),
    (2, "holdings", include_str!("../../migrations/sqlite/0002_holdings.sql")),
    (3, "pruning", include_str!("../../migrations/sqlite/0003_pruning.sql")),
];

/// `PRAGMA application_id` of Usher's files: "Ushr".
const APPLICATION: i64 = 0x5573_6872;
const APPLICATION_ID: &str = "PRAGMA application_id";

/// Before 3.51.3 a reset of the log could corrupt the file, <https://www.sqlite.org/releaselog/3_51_3.html>.
const OLDEST: (u32, u32, u32) = (3, 51, 3);

/// The log is cut back to this size when it is reset.
const LONGEST_LOG: &str = "67108864";

/// A free reader is waited for at least this long.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What stands in a file before it is opened for writing.
enum Found {
    /// Nothing.
    Empty,
    /// A journal, and whether it was closed in order.
    Journal { clean: bool },
}

/// Opens the file, in the order in which least can go wrong: nothing is written before it is sure that the file is ours alone, is a
/// journal, and is one that this Usher understands.
pub(super) async fn open(path: &Path, options: SqliteOptions) -> Result<SqliteJournal, JournalError> {
    let path = place::resolve(path)?;
    place::refuse_network(&path)?;
    let owner = Owner::take(&path)?;
    let found = match place::prepare(&path)? {
        true => look(&path, &options).await?,
        false => Found::Empty,
    };
    let mut connection = connect(&path, &options).await?;
    let ready = start(&mut connection, &path, &found).await;
    let (seq, files) = match ready.and_then(|seq| Ok((seq, Files::note(&path)?))) {
        Ok(ready) => ready,
        Err(error) => {
            if let Err(closing) = connection.close().await {
                tracing::warn!(error = %closing, "the journal's file did not close in order");
            }
            return Err(error);
        }
    };
    let pool = SqlitePoolOptions::new()
        .max_connections(options.readers.max(1))
        .min_connections(1)
        .acquire_timeout(options.busy.max(SHORTEST_WAIT))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(base(&path, &options).read_only(true))
        .await
        .map_err(|error| at_start(&path, &error, "opening it for reading"))?;
    let trust = Trust::new();
    let commits = Arc::new(AtomicU64::new(0));
    let (queue, waiting) = mpsc::channel(options.queue.max(1));
    let writer = Writer {
        connection,
        waiting,
        batch: options.batch.max(1),
        seq,
        trust: trust.clone(),
        commits: Arc::clone(&commits),
        files,
        owner,
    };
    tokio::spawn(writer.run());
    Ok(SqliteJournal {
        queue,
        copies: Copies::of(&path, &options),
        readers: Readers { pool, trust: trust.clone() },
        trust,
        commits,
        checked: matches!(found, Found::Journal { clean: false }),
    })
}

pub(super) fn base(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(options.busy).disable_statement_logging()
}

pub(super) async fn connect(path: &Path, options: &SqliteOptions) -> Result<SqliteConnection, JournalError> {
    let mut with = base(path, options)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // macOS alone: there a plain fsync stops at the disk's cache.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        // What is deleted or written anew is overwritten: pruned data is to be gone from the file, and not only out of sight.
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", LONGEST_LOG);
    if let Some(pages) = options.max_pages {
        with = with.pragma("max_page_count", pages.to_string());
    }
    with.connect().await.map_err(|error| at_start(path, &error, "opening"))
}

/// Looks into a file that has content, without writing to it.
async fn look(path: &Path, options: &SqliteOptions) -> Result<Found, JournalError> {
    let reading = base(path, options).read_only(true);
    let mut connection = reading.connect().await.map_err(|error| unreadable(path, &error))?;
    if number(&mut connection, APPLICATION_ID).await.is_err_and(|error| is_cut_short(&error)) {
        connection.close().await.map_err(|error| at_start(path, &error, "closing"))?;
        // As it stands, whatever was under way: enough to tell whose it is. Whoever writes to it next takes that back first.
        let standing = reading.immutable(true);
        connection = standing.connect().await.map_err(|error| unreadable(path, &error))?;
    }
    let found = identify(&mut connection, path).await;
    connection.close().await.map_err(|error| at_start(path, &error, "closing"))?;
    found
}

async fn identify(connection: &mut SqliteConnection, path: &Path) -> Result<Found, JournalError> {
    let application = number(connection, APPLICATION_ID).await;
    let application = application.map_err(|error| unreadable(path, &error))?;
    // Not all of the schema: a table brings its own indices with it.
    let tables = number(connection, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").await;
    let tables = tables.map_err(|error| unreadable(path, &error))?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    // sqlx makes its own table first: a start that was cut short there has left nothing else.
    let others = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('_sqlx_migrations', 'sqlite_sequence')";
    let others = number(connection, others).await.map_err(|error| unreadable(path, &error))?;
    if application != APPLICATION && others > 0 {
        return Err(unusable(
            path,
            "it is the database of another program; it was left as it is, name another file",
        ));
    }
    let version = number(connection, "SELECT coalesce(max(version), 0) FROM _sqlx_migrations").await;
    let version = version.map_err(|error| unreadable(path, &error))?;
    let newest = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    if version > newest {
        return Err(unusable(
            path,
            format!(
                "a newer Usher wrote it (schema {version}, and this one knows {newest}); start that one, or name another file"
            ),
        ));
    }
    if version == 0 {
        return Ok(Found::Empty);
    }
    let clean = number(connection, "SELECT value FROM meta WHERE key = 'clean'").await;
    Ok(Found::Journal { clean: clean.map_err(|error| unreadable(path, &error))? == 1 })
}

/// Whether it is a journal whose schema is the newest that this Usher knows.
pub(super) async fn is_current(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let newest = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    Ok(number(connection, APPLICATION_ID).await? == APPLICATION
        && number(connection, "SELECT coalesce(max(version), 0) FROM _sqlx_migrations").await? == newest)
}

/// Makes a file ready to be served from. Returns the last place in the order of acceptance.
async fn start(connection: &mut SqliteConnection, path: &Path, found: &Found) -> Result<u64, JournalError> {
    let failed = |error: sqlx::Error| at_start(path, &error, "opening");
    refuse_old_sqlite(connection, path).await?;
    let mode: String = scalar(connection, "PRAGMA journal_mode").await.map_err(failed)?;
    if mode != "wal" {
        return Err(unusable(
            path,
            format!("SQLite cannot keep a log beside it (its mode is {mode}); put it on a local disk"),
        ));
    }
    if matches!(found, Found::Journal { clean: false }) {
        tracing::info!("the journal was not closed in order: checking it");
        let verdict =
            sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(&mut *connection).await;
        let verdict = verdict.map_err(|error| unreadable(path, &error))?;
        if verdict != "ok" {
            return Err(unusable(path, format!("it is damaged ({verdict}); put a backup in its place")));
        }
    }
    migrator().run(&mut *connection).await.map_err(|error| in_migration(path, &error))?;
    let open = sqlx::raw_sql("UPDATE meta SET value = 0 WHERE key = 'clean'").execute(&mut *connection).await;
    open.map_err(failed)?;
    let blocked: i64 = scalar(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await.map_err(failed)?;
    if blocked != 0 {
        tracing::warn!("another program reads the journal: its log could not be emptied");
    }
    let last = "SELECT max((SELECT value FROM meta WHERE key = 'seq'), coalesce((SELECT max(seq) FROM requests), 0))";
    Ok(rows::count(scalar(connection, last).await.map_err(failed)?))
}

async fn refuse_old_sqlite(connection: &mut SqliteConnection, path: &Path) -> Result<(), JournalError> {
    let version = scalar(connection, "SELECT sqlite_version()").await;
    let version: String = version.map_err(|error| at_start(path, &error, "opening"))?;
    let (major, minor, patch) = OLDEST;
    if parse_version(&version).is_some_and(|version| version >= OLDEST) {
        return Ok(());
    }
    Err(JournalError::Unusable(format!(
        "this Usher was built with SQLite {version}, which can corrupt its log; build it with {major}.{minor}.{patch} or later"
    )))
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(str::parse::<u32>);
    let mut next = || parts.next()?.ok();
    Some((next()?, next()?, next()?))
}

pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}

async fn scalar<T>(connection: &mut SqliteConnection, sql: &'static str) -> Result<T, sqlx::Error>
where
    T: Send + Unpin + sqlx::Type<sqlx::Sqlite> + for<'r> sqlx::Decode<'r, sqlx::Sqlite>,
{
    sqlx::query_scalar::<_, T>(sql).fetch_one(connection).await
}

fn unusable(path: &Path, what: impl std::fmt::Display) -> JournalError {
    JournalError::Unusable(format!("the journal {}: {what}", path.display()))
}

/// It has a SQLite file's beginning, and cannot be read as one.
fn unreadable(path: &Path, error: &sqlx::Error) -> JournalError {
    at_start(path, error, "it cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_writer_keeps_a_log_and_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        place::prepare(&path).unwrap();
        let mut connection = connect(&path, &SqliteOptions::default()).await.unwrap();
        assert_eq!(scalar::<String>(&mut connection, "PRAGMA journal_mode").await.unwrap(), "wal");
        assert_eq!(number(&mut connection, "PRAGMA synchronous").await.unwrap(), 2, "FULL");
        assert_eq!(number(&mut connection, "PRAGMA foreign_keys").await.unwrap(), 1);
        assert_eq!(number(&mut connection, "PRAGMA busy_timeout").await.unwrap(), 2000);
        refuse_old_sqlite(&mut connection, &path).await.unwrap();
    }

    #[test]
    fn sqlite_versions_are_compared_as_numbers() {
        assert!(parse_version("3.51.3").is_some_and(|version| version >= OLDEST));
        assert!(parse_version("3.100.0").is_some_and(|version| version >= OLDEST));
        assert!(parse_version("3.51.2").is_some_and(|version| version < OLDEST));
        assert!(parse_version("3.9.10").is_some_and(|version| version < OLDEST));
        assert_eq!(parse_version("three"), None);
    }

    #[test]
    fn every_migration_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let embedded: Vec<String> =
            MIGRATIONS.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect();
        assert_eq!(names, embedded);
    }

    /// What the first version wrote is flagged as what is written today is.
    #[tokio::test]
    async fn a_journal_of_the_first_version_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        place::prepare(&path).unwrap();
        let mut connection = connect(&path, &SqliteOptions::default()).await.unwrap();
        let first = migrator().iter().take(1).cloned().collect();
        Migrator::with_migrations(first).run(&mut connection).await.unwrap();
        let ledgers = [
            ("nothing", r#"{"version":1}"#),
            ("empty", r#"{"version":1,"holders":[],"changes":[],"unfinished":{}}"#),
            (
                "answered",
                r#"{"version":1,"holders":[],"changes":[{"state":{"answered":{}}}],"unfinished":{}}"#,
            ),
            ("holds", r#"{"version":1,"holders":[{}],"changes":[],"unfinished":{}}"#),
            ("runs", r#"{"version":1,"holders":[],"changes":[],"unfinished":{"r1":1}}"#),
            ("intended", r#"{"version":1,"holders":[],"changes":[{"state":"intended"}],"unfinished":{}}"#),
            ("broken", "{"),
        ];
        for (key, document) in ledgers {
            let sql =
                "INSERT INTO ledgers (connection, subject_key, version, document) VALUES ('c', $1, 1, $2)";
            sqlx::query(sql).bind(key).bind(document).execute(&mut connection).await.unwrap();
        }
        for (seq, telling) in [(1, "none"), (2, "due")] {
            let sql = "INSERT INTO requests (id, seq, connection, subject_key, app_key, direction, execution, open,
                       received, updated, document) VALUES ($1, $2, 'c', 's', 'a', 'provision', 'confirmed', 0, 0, 0, $3)";
            let document = format!(r#"{{"telling":"{telling}"}}"#);
            let query = sqlx::query(sql).bind(telling).bind(seq).bind(document);
            query.execute(&mut connection).await.unwrap();
        }
        migrator().run(&mut connection).await.unwrap();
        let holding = "SELECT group_concat(subject_key) FROM
                       (SELECT subject_key FROM ledgers WHERE holding = 1 ORDER BY subject_key)";
        assert_eq!(scalar::<String>(&mut connection, holding).await.unwrap(), "holds,intended,runs");
        let due = "SELECT id FROM requests WHERE telling = 'due'";
        assert_eq!(scalar::<String>(&mut connection, due).await.unwrap(), "due");
    }
}
