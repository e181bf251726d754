//! Copies of the journal, written while it runs.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::statvfs;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use crate::{Contents, JournalError};

use super::fault::fault;
use super::place::{self, MODE};
use super::{SqliteOptions, open, rows};

/// What is left on the disk for the journal itself, at least, in bytes.
const LEFT_FOR_THE_JOURNAL: u64 = 256 << 20;

const COUNT: &str = "
SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM history), (SELECT count(*) FROM ledgers),
       (SELECT value FROM meta WHERE key = 'seq')";

/// Writes copies: one at a time, over a connection of its own, so that neither the writer nor the readers wait.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    path: PathBuf,
    options: SqliteOptions,
    one_at_a_time: Arc<Semaphore>,
    unpruned: Arc<Mutex<()>>,
}

/// A file that is deleted again unless it turns out whole.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(file = %path.display(), %error, "a copy of the journal that is not whole was left behind");
        }
    }
}

impl Copies {
    pub(super) fn of(path: &Path, options: &SqliteOptions) -> Self {
        Self {
            path: path.to_owned(),
            options: options.clone(),
            one_at_a_time: Arc::new(Semaphore::new(1)),
            unpruned: Arc::default(),
        }
    }

    /// While this is held, no copy is being written: a copy is compared with what was there before and after.
    pub(super) async fn none(&self) -> MutexGuard<'_, ()> {
        self.unpruned.lock().await
    }

    /// Whatever goes wrong here is the copy's own affair: it says nothing about the journal's file, which the writer and the readers
    /// watch.
    pub(super) async fn write(&self, to: &Path) -> Result<Contents, JournalError> {
        let Ok(_alone) = self.one_at_a_time.try_acquire() else {
            return Err(JournalError::OutOfReach(
                "another backup is being written: wait for its end".to_owned(),
            ));
        };
        let to = place::resolve(to)?;
        let _unpruned = self.unpruned.lock().await;
        let mut unfinished = create(&to)?;
        let contents = self.copy(&to).await?;
        sync(to).await?;
        unfinished.0 = None;
        Ok(contents)
    }

    async fn copy(&self, to: &Path) -> Result<Contents, JournalError> {
        let connecting = open::base(&self.path, &self.options).read_only(true).connect().await;
        let mut connection = connecting.map_err(|error| failed(&error))?;
        let written = self.copy_from(&mut connection, to).await;
        connection.close().await.map_err(|error| failed(&error))?;
        let (before, after) = written?;
        let holds = check(to).await?;
        if !is_between(&holds, &before, &after) {
            return Err(JournalError::OutOfReach(format!(
                "the backup does not hold what the journal does ({holds:?}, and that {before:?} to {after:?}): make another"
            )));
        }
        Ok(holds)
    }

    /// What the journal held before and after.
    async fn copy_from(
        &self,
        connection: &mut SqliteConnection,
        to: &Path,
    ) -> Result<(Contents, Contents), JournalError> {
        self.refuse_full_disk(connection, to).await?;
        let before = count(connection).await?;
        let text = to.to_str().ok_or_else(|| unusable(to, "its name is no UTF-8; name another file"))?;
        // A snapshot of one moment, without what was deleted. The file that it is written into is there, and empty.
        let copied = sqlx::query("VACUUM INTO $1").bind(text).execute(&mut *connection).await;
        copied.map_err(|error| failed(&error))?;
        Ok((before, count(connection).await?))
    }

    /// A disk that the copy fills up would end the service.
    async fn refuse_full_disk(
        &self,
        connection: &mut SqliteConnection,
        to: &Path,
    ) -> Result<(), JournalError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let size: i64 =
            sqlx::query_scalar(sql).fetch_one(connection).await.map_err(|error| failed(&error))?;
        let folder = to.parent().unwrap_or_else(|| Path::new("/"));
        let disk = statvfs(folder)
            .map_err(|error| unusable(to, format!("its disk cannot be looked at: {error}")))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let needed = rows::count(size).saturating_add(LEFT_FOR_THE_JOURNAL);
        if free >= needed {
            return Ok(());
        }
        Err(JournalError::OutOfReach(format!(
            "a backup needs {} MiB on the disk of {}, and {} MiB are free: make room there first",
            needed >> 20,
            folder.display(),
            free >> 20
        )))
    }
}

/// Nothing is pruned meanwhile, so that a journal only grows: a copy of a moment in between holds something in between.
fn is_between(holds: &Contents, before: &Contents, after: &Contents) -> bool {
    let numbers = |of: &Contents| [of.requests, of.history, of.ledgers, of.seq];
    let (holds, before, after) = (numbers(holds), numbers(before), numbers(after));
    before.iter().zip(&holds).zip(&after).all(|((before, holds), after)| before <= holds && holds <= after)
}

/// A new file, for its owner alone.
fn create(to: &Path) -> Result<Unfinished, JournalError> {
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(to) {
        Ok(_) => Ok(Unfinished(Some(to.to_owned()))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(unusable(to, "it is there already, and was left as it is; name another file"))
        }
        Err(error) => Err(unusable(to, format!("it cannot be made ({error}); name another file"))),
    }
}

/// The file and its name are on disk after this.
async fn sync(to: PathBuf) -> Result<(), JournalError> {
    let shown = to.clone();
    let synced = tokio::task::spawn_blocking(move || {
        File::open(&to)?.sync_all()?;
        to.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    });
    let failed =
        |error: &dyn std::fmt::Display| unusable(&shown, format!("it is not surely on disk ({error})"));
    synced.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

/// Looks a copy through: whether it is a journal of this version, whole, and how much it holds.
pub(super) async fn check(path: &Path) -> Result<Contents, JournalError> {
    // Nobody else has it open, and nothing is to be made beside it.
    let options = open::base(path, &SqliteOptions::default()).read_only(true).immutable(true);
    let mut connection =
        options.connect().await.map_err(|error| unusable(path, format!("it cannot be read ({error})")))?;
    let contents = look_through(&mut connection, path).await;
    connection.close().await.map_err(|error| unusable(path, format!("it cannot be closed ({error})")))?;
    contents
}

async fn look_through(connection: &mut SqliteConnection, path: &Path) -> Result<Contents, JournalError> {
    let damaged = |error: sqlx::Error| unusable(path, format!("it cannot be read ({error})"));
    if !open::is_current(connection).await.map_err(damaged)? {
        return Err(unusable(path, "it is no journal of this version of Usher"));
    }
    let verdict: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(damaged)?;
    if verdict != "ok" {
        return Err(unusable(path, format!("it is damaged ({verdict})")));
    }
    count(connection).await
}

async fn count(connection: &mut SqliteConnection) -> Result<Contents, JournalError> {
    let row = sqlx::query(COUNT).fetch_one(connection).await.map_err(|error| failed(&error))?;
    let number = |n: usize| row.try_get::<i64, _>(n).map(rows::count).map_err(|error| failed(&error));
    Ok(Contents { requests: number(0)?, history: number(1)?, ledgers: number(2)?, seq: number(3)? })
}

/// Also a full disk, or an error of it, is no loss of the journal here: the copy may stand on another one.
fn failed(error: &sqlx::Error) -> JournalError {
    match fault(error, "writing a backup") {
        JournalError::Lost(text) => JournalError::OutOfReach(text),
        error => error,
    }
}

fn unusable(path: &Path, what: impl std::fmt::Display) -> JournalError {
    JournalError::Unusable(format!("the backup {}: {what}", path.display()))
}
