use sqlx::error::DatabaseError;
use tokio::sync::watch;

use crate::JournalError;

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
const IOERR: i64 = 10;
const CORRUPT: i64 = 11;
const FULL: i64 = 13;
const NOTADB: i64 = 26;
/// Extended: the file was moved or deleted under us.
const READONLY_DBMOVED: i64 = 1032;

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

fn is_lost(error: &dyn DatabaseError) -> bool {
    let code = error.code().and_then(|code| code.parse::<i64>().ok()).unwrap_or_default();
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
