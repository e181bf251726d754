//! A journal in memory that can be slow, and whose process can be killed.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use usher_core::SubjectKey;
use usher_journal::{
    Accepted, AnswerState, Arrival, Committed, Filter, HoldingsFilter, HoldingsPage, Journal, JournalError,
    Ledger, MemoryJournal, Moment, Page, Pause, Prune, Pruned, Record, Request, RequestId, Stored,
};

use super::wait;

/// The journal of one process. Killed, it never answers that process again; what is written stays.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) memory: Arc<MemoryJournal>,
    pub(super) dead: AtomicBool,
    pub(super) slow: Mutex<Duration>,
    pub(super) slow_reads: Mutex<Duration>,
    /// How long after a write it is told that it is done.
    pub(super) slow_acks: Mutex<Duration>,
    /// Writes that are still taken; then the process is killed.
    pub(super) left: Mutex<Option<Kill>>,
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    /// After so many writes.
    pub(crate) after: usize,
    /// Whether the last one is on disk already.
    pub(crate) written: bool,
}

impl Disk {
    /// Before a write.
    async fn alive(&self) {
        let slow = *self.slow.lock().unwrap();
        if !slow.is_zero() {
            wait(slow).await;
        }
        let dies = match &mut *self.left.lock().unwrap() {
            Some(kill) => {
                kill.after = kill.after.saturating_sub(1);
                kill.after == 0 && !kill.written
            }
            None => false,
        };
        if dies {
            self.dead.store(true, Ordering::SeqCst);
        }
        self.breathe().await;
    }

    /// After a write.
    async fn written<T>(&self, result: T) -> T {
        if self.left.lock().unwrap().is_some_and(|kill| kill.after == 0) {
            self.dead.store(true, Ordering::SeqCst);
        }
        let slow = *self.slow_acks.lock().unwrap();
        if !slow.is_zero() {
            wait(slow).await;
        }
        self.breathe().await;
        result
    }

    async fn breathe(&self) {
        if self.dead.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Journal for Disk {
    async fn accept(&self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError> {
        self.alive().await;
        self.written(self.memory.accept(arrival, at).await).await
    }
    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        let slow = *self.slow_reads.lock().unwrap();
        if !slow.is_zero() {
            wait(slow).await;
        }
        self.breathe().await;
        self.memory.ledger(connection, subject).await
    }
    async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError> {
        self.breathe().await;
        self.memory.account_owner(connection, account).await
    }
    async fn commit(
        &self,
        request: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.alive().await;
        self.written(self.memory.commit(request, records, at).await).await
    }
    async fn answered(
        &self,
        id: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError> {
        self.alive().await;
        self.written(self.memory.answered(id, attempt, answer, at).await).await
    }
    async fn replay(
        &self,
        id: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.alive().await;
        self.written(self.memory.replay(id, today, by, reason, at).await).await
    }
    async fn prune(&self, prune: &Prune, at: Timestamp) -> Result<Pruned, JournalError> {
        self.alive().await;
        self.written(self.memory.prune(prune, at).await).await
    }
    async fn claim(&self, at: Moment) -> Result<Vec<Request>, JournalError> {
        self.memory.claim(at).await
    }
    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.memory.find(request).await
    }
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.memory.list(filter).await
    }
    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        self.memory.holdings(filter).await
    }
    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.memory.pause(connection, pause).await
    }
    async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError> {
        self.memory.pauses().await
    }
    async fn ready(&self) -> Result<(), JournalError> {
        self.memory.ready().await
    }
    async fn close(&self) {}
}

pub(super) fn disk(memory: Arc<MemoryJournal>) -> Arc<Disk> {
    Arc::new(Disk {
        memory,
        dead: AtomicBool::new(false),
        slow: Mutex::default(),
        slow_reads: Mutex::default(),
        slow_acks: Mutex::default(),
        left: Mutex::default(),
    })
}
