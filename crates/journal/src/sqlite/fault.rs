use std::path::Path;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use tokio::sync::watch;

use crate::JournalError;

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
const IOERR: i64 = 10;
const CORRUPT: i64 = 11;
const FULL: i64 = 13;
const NOTADB: i64 = 26;
/// Extended: the file was moved or deleted under us.
const READONLY_DBMOVED: i64 = 1032;
/// Extended: a change was cut short, and only a writer can take it back.
const READONLY_ROLLBACK: i64 = 776;
/// Extended: the file is shorter than it says.
const IOERR_SHORT_READ: i64 = 522;
/// Extended: the index of the log cannot grow, which is a full disk's doing.
const IOERR_SHMSIZE: i64 = 4874;

/// What an error of SQLite means for the journal: after an I/O error, a full disk or corruption nothing that it says is to be
/// trusted (rule 21); everything else wrote nothing and may work later.
pub(super) fn fault(error: &sqlx::Error, doing: &str) -> JournalError {
    let text = format!("{doing}: {error}");
    match error {
        sqlx::Error::Database(error) if is_lost(error.as_ref()) => JournalError::Lost(text),
        // The thread that held the connection is gone, and nobody knows what it had done.
        sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => JournalError::Lost(text),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. } => JournalError::Corrupt(text),
        _ => JournalError::OutOfReach(text),
    }
}

/// The same while it is opened: nothing was served from it yet, and what helps is said with it.
pub(super) fn at_start(path: &Path, error: &sqlx::Error, doing: &str) -> JournalError {
    match fault(error, doing) {
        JournalError::Lost(text) | JournalError::Corrupt(text) => {
            JournalError::Unusable(format!("the journal {}: {text}; {}", path.display(), remedy(error)))
        }
        error => error,
    }
}

/// The same where the schema was being brought up to date.
pub(super) fn in_migration(path: &Path, error: &MigrateError) -> JournalError {
    const DOING: &str = "its schema could not be brought up to date";
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => {
            at_start(path, cause, DOING)
        }
        _ => JournalError::Unusable(format!("the journal {}: {DOING}: {error}", path.display())),
    }
}

/// Whether a process ended in the middle of a change before there was a log. Only a first start makes one, of a file with nothing in it.
pub(super) fn is_cut_short(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| code(error) == READONLY_ROLLBACK)
}

fn remedy(error: &sqlx::Error) -> &'static str {
    let code = match error {
        sqlx::Error::Database(error) => code(error.as_ref()),
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => IOERR,
        _ => CORRUPT,
    };
    if code & 0xff == FULL || code == IOERR_SHMSIZE {
        "make room on its disk and start Usher again"
    } else if matches!(code & 0xff, CORRUPT | NOTADB) || code == IOERR_SHORT_READ {
        "put a backup in its place, or name another file"
    } else {
        "mend the disk and start Usher again"
    }
}

fn code(error: &dyn DatabaseError) -> i64 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or_default()
}

fn is_lost(error: &dyn DatabaseError) -> bool {
    let code = code(error);
    matches!(code & 0xff, IOERR | CORRUPT | FULL | NOTADB) || code == READONLY_DBMOVED
}

/// Whether the file may still be trusted. The first loss is the last word.
#[derive(Clone, Debug)]
pub(super) struct Trust(watch::Sender<Option<JournalError>>);

impl Trust {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Notes an error on its way out; one that means a loss ends all trust.
    pub(super) fn note(&self, error: JournalError) -> JournalError {
        if matches!(error, JournalError::Lost(_)) {
            let first = self.0.send_if_modified(|lost| {
                let first = lost.is_none();
                lost.get_or_insert_with(|| error.clone());
                first
            });
            if first {
                tracing::error!(%error, "the journal is lost");
            }
        }
        error
    }

    pub(super) fn check(&self) -> Result<(), JournalError> {
        self.0.borrow().clone().map_or(Ok(()), Err)
    }

    /// Ends when trust does.
    pub(super) async fn lost(&self) -> JournalError {
        let mut seen = self.0.subscribe();
        match seen.wait_for(Option::is_some).await {
            Ok(lost) => lost.clone().unwrap_or_else(gone),
            Err(_) => gone(),
        }
    }
}

fn gone() -> JournalError {
    JournalError::Lost("the journal's writer is gone".to_owned())
}
