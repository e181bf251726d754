//! A journal that is out of reach, slow, or broken at times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use usher_core::SubjectKey;
use usher_journal::{
    Accepted, AnswerState, Arrival, Committed, Filter, HoldingsFilter, HoldingsPage, Journal, JournalError,
    Ledger, Moment, Page, Pause, Prune, Pruned, Record, Request, RequestId, Stored,
};

use crate::clock::pass;
use crate::world::World;

/// What goes wrong with the journal of all processes.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Out of reach until then.
    pub(crate) away_until: Mutex<Duration>,
    pub(crate) slow: Mutex<Duration>,
    /// The next write ends in an I/O error; whether it is on disk all the same.
    pub(crate) fails: Mutex<Option<bool>>,
    /// What it has said is on disk.
    pub(crate) promised: Mutex<BTreeSet<RequestId>>,
    /// Grows with every write.
    pub(crate) version: Mutex<u64>,
}

/// The journal of one process.
#[derive(Debug)]
pub(crate) struct Disk {
    inner: Arc<dyn Journal>,
    world: Arc<World>,
    /// It has threads of its own.
    is_real: bool,
    /// After an I/O error only a restart trusts it again.
    lost: Mutex<bool>,
}

fn lost() -> JournalError {
    JournalError::Lost("an I/O error".to_owned())
}

impl Disk {
    pub(crate) fn new(inner: Arc<dyn Journal>, world: Arc<World>, is_real: bool) -> Self {
        Self { inner, world, is_real, lost: Mutex::default() }
    }

    fn check(&self) -> Result<(), JournalError> {
        if *self.lost.lock().unwrap() {
            return Err(lost());
        }
        if self.world.time.now() < *self.world.trouble.away_until.lock().unwrap() {
            return Err(JournalError::OutOfReach("the database restarts".to_owned()));
        }
        Ok(())
    }

    async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, JournalError>> + Send,
    ) -> Result<T, JournalError> {
        self.world.fuse.burn().await;
        self.check()?;
        self.still(read).await
    }

    async fn still<T>(&self, work: impl Future<Output = T>) -> T {
        let before = self.world.time.now();
        let result = still(work, self.is_real).await;
        if self.world.time.now() != before {
            self.world.wrong("time passed while the journal was at it");
        }
        result
    }

    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, JournalError>> + Send,
    ) -> Result<T, JournalError> {
        let trouble = &self.world.trouble;
        self.world.fuse.burn().await;
        let slow = *trouble.slow.lock().unwrap();
        pass(slow.div_f32(2.0) + Duration::from_millis(1)).await;
        self.check()?;
        let fails = trouble.fails.lock().unwrap().take();
        if fails.is_some() {
            *self.lost.lock().unwrap() = true;
        }
        if fails == Some(false) {
            return Err(lost());
        }
        *trouble.version.lock().unwrap() += 1;
        let written = self.still(write).await;
        self.world.fuse.burn().await;
        pass(slow.div_f32(2.0)).await;
        if fails.is_some() {
            return Err(lost());
        }
        self.world.fuse.burn().await;
        written
    }
}

/// Time stands still while the journal is at it. Tokio advances paused time as soon as everybody waits, and does not know that
/// SQLite's own threads are at work; but it does wait for its own blocking tasks, and so there is one for as long.
pub(crate) async fn still<T>(work: impl Future<Output = T>, is_real: bool) -> T {
    if !is_real {
        return work.await;
    }
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let blocking = tokio::task::spawn_blocking(move || is_done.recv());
    let result = work.await;
    drop(done);
    // The sender is gone: that is what ends it.
    let _ended = blocking.await;
    result
}

#[async_trait]
impl Journal for Disk {
    async fn accept(&self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError> {
        let accepted = self.write(self.inner.accept(arrival, at)).await?;
        self.world.trouble.promised.lock().unwrap().insert(accepted.request.id.clone());
        Ok(accepted)
    }
    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        self.read(self.inner.ledger(connection, subject)).await
    }
    async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError> {
        self.read(self.inner.account_owner(connection, account)).await
    }
    async fn commit(
        &self,
        request: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.write(self.inner.commit(request, records, at)).await
    }
    async fn answered(
        &self,
        id: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError> {
        self.write(self.inner.answered(id, attempt, answer, at)).await
    }
    async fn replay(
        &self,
        id: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.write(self.inner.replay(id, today, by, reason, at)).await
    }
    async fn prune(&self, prune: &Prune, at: Timestamp) -> Result<Pruned, JournalError> {
        self.write(self.inner.prune(prune, at)).await
    }
    async fn claim(&self, at: Moment) -> Result<Vec<Request>, JournalError> {
        self.write(self.inner.claim(at)).await
    }
    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.read(self.inner.find(request)).await
    }
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.read(self.inner.list(filter)).await
    }
    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        self.read(self.inner.holdings(filter)).await
    }
    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.write(self.inner.pause(connection, pause)).await
    }
    async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError> {
        self.read(self.inner.pauses()).await
    }
    async fn ready(&self) -> Result<(), JournalError> {
        self.read(self.inner.ready()).await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}
