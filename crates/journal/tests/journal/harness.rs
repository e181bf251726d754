use std::path::PathBuf;

use tempfile::TempDir;
use usher_journal::{Journal, MemoryJournal, SqliteJournal, SqliteOptions};

/// What the suite needs of an implementation.
pub(crate) trait Harness: Sized {
    /// A journal with nothing in it.
    async fn fresh() -> Self;

    /// The journal, as it is open now.
    fn journal(&self) -> &dyn Journal;

    /// Closes it and opens the same again, where it outlives its process.
    async fn reopen(&mut self);
}

#[derive(Debug)]
pub(crate) struct Memory(MemoryJournal);

impl Harness for Memory {
    async fn fresh() -> Self {
        Self(MemoryJournal::new())
    }

    fn journal(&self) -> &dyn Journal {
        &self.0
    }

    async fn reopen(&mut self) {}
}

#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) journal: SqliteJournal,
    folder: TempDir,
}

impl Sqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("usher.db")
    }

    pub(crate) async fn with(options: SqliteOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("usher.db"), options).await.unwrap();
        Self { journal, folder }
    }
}

impl Harness for Sqlite {
    async fn fresh() -> Self {
        Self::with(SqliteOptions::default()).await
    }

    fn journal(&self) -> &dyn Journal {
        &self.journal
    }

    async fn reopen(&mut self) {
        self.journal.close().await;
        self.journal = SqliteJournal::open(self.path(), SqliteOptions::default()).await.unwrap();
    }
}
