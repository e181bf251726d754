//! The journal in a SQLite file, for one machine.

mod backup;
mod fault;
mod items;
mod network;
mod open;
mod place;
#[cfg(test)]
mod plans;
mod pruning;
mod read;
mod rows;
mod working;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use usher_core::SubjectKey;

use crate::{
    Accepted, AnswerState, Arrival, Committed, Contents, Filter, HoldingsFilter, HoldingsPage, Journal,
    JournalError, Ledger, Moment, Page, Pause, Prune, Pruned, Record, Request, RequestId, Stored,
};

use backup::Copies;
use fault::Trust;
use read::Readers;
use writer::{To, Work};

/// The limits of a [`SqliteJournal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How many items may wait for the writer; one more is [`JournalError::OutOfReach`] at once.
    pub queue: usize,
    /// How many items one transaction takes at the most.
    pub batch: usize,
    /// How many connections read.
    pub readers: u32,
    /// How long another program's lock is waited for; a free reader at least a second.
    pub busy: Duration,
    /// How many pages (of 4 KiB) the file may grow to: past it the disk counts as full. `None`: as far as the disk goes.
    pub max_pages: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { queue: 1024, batch: 64, readers: 4, busy: Duration::from_secs(2), max_pages: None }
    }
}

/// The journal in a SQLite file: one writer that commits all that waits together, and readers of their own.
///
/// One process owns the file, by a lock on the file beside it (`usher.db-lock`). After an I/O error, a full disk or corruption every
/// verb is [`JournalError::Lost`], at once (rule 21). Dropped without [`Journal::close`], it is checked at the next start.
#[derive(Debug)]
pub struct SqliteJournal {
    queue: mpsc::Sender<Work>,
    readers: Readers,
    copies: Copies,
    trust: Trust,
    commits: Arc<AtomicU64>,
    checked: bool,
}

impl SqliteJournal {
    /// Opens the file at `path`, or makes it.
    ///
    /// # Errors
    /// [`JournalError::Unusable`] where it has another owner, stands on a network file system, is no journal, was written by a newer
    /// Usher or is damaged; the others as for every verb.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, JournalError> {
        Box::pin(open::open(path.as_ref(), options)).await
    }

    /// Transactions that changed something, since it was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether the file was checked when it was opened, since it had not been closed in order.
    #[must_use]
    pub fn was_checked(&self) -> bool {
        self.checked
    }

    /// Looks a copy of a journal through that nobody has open: whether it is whole, and how much it holds. Nothing is written.
    ///
    /// # Errors
    /// [`JournalError::Unusable`] where it is no journal of this version, or is damaged.
    pub async fn check_copy(path: impl AsRef<Path>) -> Result<Contents, JournalError> {
        Box::pin(backup::check(path.as_ref())).await
    }

    /// Hands an item to the writer and waits for its outcome, or for the end of all trust.
    async fn ask<T>(&self, work: impl FnOnce(To<T>) -> Work) -> Result<T, JournalError> {
        self.trust.check()?;
        let (to, outcome) = oneshot::channel();
        self.queue.try_send(work(to)).map_err(|error| match error {
            TrySendError::Full(_) => JournalError::OutOfReach("too much waits for it already".to_owned()),
            TrySendError::Closed(_) => closed(),
        })?;
        tokio::select! {
            biased;
            outcome = outcome => outcome.unwrap_or_else(|_| Err(closed())),
            lost = self.trust.lost() => Err(lost),
        }
    }
}

fn closed() -> JournalError {
    JournalError::OutOfReach("it is closed".to_owned())
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn accept(&self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError> {
        self.ask(|to| Work::Accept { arrival: Box::new(arrival), at, to }).await
    }

    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        self.readers.ledger(connection, subject).await
    }

    async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError> {
        self.readers.account_owner(connection, account).await
    }

    async fn commit(
        &self,
        request: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.ask(|to| Work::Commit { id: request.clone(), records, at, to }).await
    }

    async fn answered(
        &self,
        request: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError> {
        self.ask(|to| Work::Answered { id: request.clone(), attempt, answer, at, to }).await
    }

    async fn replay(
        &self,
        request: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        let (id, by, reason) = (request.clone(), by.to_owned(), reason.to_owned());
        self.ask(|to| Work::Replay { id, today: today.map(Box::new), by, reason, at, to }).await
    }

    async fn claim(&self, at: Moment) -> Result<Vec<Request>, JournalError> {
        self.ask(|to| Work::Claim { at, to }).await
    }

    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.readers.find(request).await
    }

    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.readers.list(filter).await
    }

    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        self.readers.holdings(filter).await
    }

    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.ask(|to| Work::Pause { name: connection.to_owned(), pause, to }).await
    }

    async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError> {
        self.readers.pauses().await
    }

    async fn prune(&self, prune: &Prune, at: Timestamp) -> Result<Pruned, JournalError> {
        let prune = prune.clone();
        let _no_copy = self.copies.none().await;
        self.ask(|to| Work::Prune { prune, at, to }).await
    }

    async fn backup(&self, to: &Path) -> Result<Contents, JournalError> {
        self.trust.check()?;
        self.copies.write(to).await
    }

    /// Goes through the writer: a lock that somebody else holds is found, without a write.
    async fn ready(&self) -> Result<(), JournalError> {
        self.ask(|to| Work::Ready { to }).await
    }

    async fn close(&self) {
        self.readers.pool.close().await;
        let (to, outcome) = oneshot::channel();
        // Where it waits in a full queue, what is before it goes on being written; where it is closed already, so be it.
        if self.queue.send(Work::Close { to }).await.is_err() {
            return;
        }
        if let Ok(Err(error)) = outcome.await {
            tracing::warn!(%error, "the journal was not closed in order; it is checked at the next start");
        }
    }
}
