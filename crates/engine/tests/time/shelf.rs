//! Where the journal of a history is kept from one process to the next.

use std::sync::Arc;

use tempfile::TempDir;
use usher_journal::{Journal, MemoryJournal, SqliteJournal, SqliteOptions};

use crate::journal::still;

/// In memory, or in a file.
#[derive(Debug)]
pub(crate) enum Shelf {
    Memory(Arc<MemoryJournal>),
    File(TempDir),
}

impl Shelf {
    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) fn is_real(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The journal as a new process opens it.
    pub(crate) async fn open(&self) -> Arc<dyn Journal> {
        match self {
            Self::Memory(journal) => journal.clone(),
            Self::File(folder) => {
                let path = folder.path().join("usher.db");
                let journal = still(SqliteJournal::open(path, SqliteOptions::default()), true).await;
                Arc::new(journal.unwrap())
            }
        }
    }
}
