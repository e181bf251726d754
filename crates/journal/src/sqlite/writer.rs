use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::IntoIter;

use jiff::Timestamp;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Accepted, AnswerState, Arrival, Committed, JournalError, Moment, Pause, Prune, Pruned, Record, Request,
    RequestId,
};

use super::fault::{Trust, fault};
use super::place::{Files, Owner};
use super::pruning;
use super::rows;
use super::working::Working;

/// Where an item's outcome goes.
pub(super) type To<T> = oneshot::Sender<Result<T, JournalError>>;

/// An item that waits for the writer.
#[derive(Debug)]
pub(super) enum Work {
    Accept {
        arrival: Box<Arrival>,
        at: Moment,
        to: To<Accepted>,
    },
    Commit {
        id: RequestId,
        records: Vec<Record>,
        at: Moment,
        to: To<Committed>,
    },
    Answered {
        id: RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
        to: To<()>,
    },
    Replay {
        id: RequestId,
        today: Option<Box<Request>>,
        by: String,
        reason: String,
        at: Moment,
        to: To<Committed>,
    },
    Claim {
        at: Moment,
        to: To<Vec<Request>>,
    },
    Pause {
        name: String,
        pause: Option<Pause>,
        to: To<()>,
    },
    Prune {
        prune: Prune,
        at: Timestamp,
        to: To<Pruned>,
    },
    Ready {
        to: To<()>,
    },
    Close {
        to: To<()>,
    },
}

/// Tells a caller its item's outcome, once it is known whether the transaction stands.
type Answer = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// Whoever waited may have gone away: nothing is owed to them then.
fn answer<T: Send + 'static>(to: To<T>, outcome: Result<T, JournalError>) -> Answer {
    Box::new(move |committed| {
        to.send(committed.and(outcome)).ok();
    })
}

impl Work {
    fn refuse(self, error: JournalError) {
        let refuse = match self {
            Self::Accept { to, .. } => answer(to, Err(error)),
            Self::Commit { to, .. } | Self::Replay { to, .. } => answer(to, Err(error)),
            Self::Claim { to, .. } => answer(to, Err(error)),
            Self::Prune { to, .. } => answer(to, Err(error)),
            Self::Answered { to, .. } | Self::Pause { to, .. } | Self::Ready { to } | Self::Close { to } => {
                answer(to, Err(error))
            }
        };
        refuse(Ok(()));
    }
}

/// The one that writes. It takes all that waits, commits it as one transaction with a savepoint for each item, and answers after
/// the commit.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) waiting: mpsc::Receiver<Work>,
    /// How many items one transaction takes at the most.
    pub(super) batch: usize,
    /// The last place in the order of acceptance.
    pub(super) seq: u64,
    pub(super) trust: Trust,
    /// Transactions that changed something.
    pub(super) commits: Arc<AtomicU64>,
    /// What is written into.
    pub(super) files: Files,
    /// Given back when the connection is closed.
    pub(super) owner: Owner,
}

/// A transaction under way.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) working: Working,
    pub(super) seq: u64,
    /// Whether any item has changed anything.
    pub(super) written: bool,
    /// What takes the present item back, once it has begun to write.
    pub(super) undo: Option<&'static str>,
}

impl Writer {
    /// Until it is closed, or nobody is left who could ask.
    pub(super) async fn run(mut self) {
        let mut closing = Vec::new();
        let mut items = Vec::with_capacity(self.batch);
        while self.waiting.recv_many(&mut items, self.batch).await > 0 {
            let mut work = Vec::with_capacity(items.len());
            let mut prunings = Vec::new();
            for item in items.drain(..) {
                match item {
                    // Nothing more comes in; what waits is written yet.
                    Work::Close { to } => {
                        self.waiting.close();
                        closing.push(to);
                    }
                    // Apart: nobody who waits for a request's commit waits for this one too.
                    Work::Prune { prune, at, to } => prunings.push((prune, at, to)),
                    item => work.push(item),
                }
            }
            if !work.is_empty() {
                self.batch(work).await;
            }
            for (prune, at, to) in prunings {
                let outcome = self.prune(&prune, at).await;
                // Whoever asked may have gone away.
                to.send(outcome).ok();
            }
        }
        let outcome = match closing.is_empty() {
            true => Ok(()),
            false => self.leave_clean().await,
        };
        let Self { connection, owner, trust, .. } = self;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the journal's file did not close in order");
        }
        drop(owner);
        for to in closing {
            to.send(outcome.clone().map_err(|error| trust.note(error))).ok();
        }
    }

    /// Notes that the file was closed in order, and leaves no log behind.
    async fn leave_clean(&mut self) -> Result<(), JournalError> {
        self.trust.check()?;
        let sql = "UPDATE meta SET value = 1 WHERE key = 'clean'; PRAGMA wal_checkpoint(TRUNCATE)";
        let done = sqlx::raw_sql(sql).execute(&mut self.connection).await;
        done.map(|_| ()).map_err(|error| fault(&error, "closing"))
    }

    async fn batch(&mut self, work: Vec<Work>) {
        let mut answers = Vec::with_capacity(work.len());
        let mut work = work.into_iter();
        let outcome = match self.trust.check() {
            Ok(()) => self.transaction(&mut work, &mut answers).await,
            Err(error) => Err(error),
        };
        // Where the file has gone, what was committed is nowhere.
        let outcome = match outcome {
            Ok(()) => self.files.check().await,
            Err(error) => Err(error),
        };
        // Or while it was committed: then nothing that was written counts.
        let outcome = outcome.and_then(|()| self.trust.check());
        let outcome = outcome.map_err(|error| self.trust.note(error));
        for answer in answers {
            answer(outcome.clone());
        }
        if let Err(error) = outcome {
            work.for_each(|item| item.refuse(error.clone()));
        }
    }

    /// One batch of pruning, in a transaction of its own.
    async fn prune(&mut self, prune: &Prune, at: Timestamp) -> Result<Pruned, JournalError> {
        let outcome = match self.trust.check() {
            Ok(()) => pruning::run(&mut self.connection, prune, at).await,
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Ok(pruned) => self.files.check().await.map(|()| pruned),
            Err(error) => Err(self.abandon(error).await),
        };
        if outcome.as_ref().is_ok_and(|pruned| pruned.requests > 0) {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        outcome.map_err(|error| self.trust.note(error))
    }

    async fn transaction(
        &mut self,
        work: &mut IntoIter<Work>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), JournalError> {
        let ran = match Working::begin(&mut self.connection, work.as_slice().iter()).await {
            Ok(working) => {
                let (connection, seq) = (&mut self.connection, self.seq);
                let mut transaction = Transaction { connection, working, seq, written: false, undo: None };
                let items = transaction.items(work, answers).await;
                let (seq, written) = (transaction.seq, transaction.written);
                // A reader may have found the file broken meanwhile.
                match items.and_then(|()| self.trust.check()) {
                    Ok(()) => self.commit(seq, written).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match ran {
            Ok(()) => Ok(()),
            Err(error) => Err(self.abandon(error).await),
        }
    }

    async fn commit(&mut self, seq: u64, written: bool) -> Result<(), JournalError> {
        let sql = if written {
            "UPDATE meta SET value = $1 WHERE key = 'seq' AND value < $1; COMMIT"
        } else {
            "COMMIT"
        };
        let query = sqlx::query(sql).bind(rows::integer(seq));
        query.execute(&mut self.connection).await.map_err(|error| fault(&error, "committing"))?;
        self.seq = seq;
        if written {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Leaves no transaction open behind. Where that cannot be, nothing that comes after could be trusted.
    async fn abandon(&mut self, error: JournalError) -> JournalError {
        if sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await.is_ok() {
            return error;
        }
        // SQLite may have ended it already, or it was never begun: then a new one can be.
        match sqlx::raw_sql("BEGIN; ROLLBACK").execute(&mut self.connection).await {
            Ok(_) => error,
            Err(stuck) => match error {
                JournalError::Lost(_) => error,
                _ => JournalError::Lost(format!("{error}; and it could not be taken back: {stuck}")),
            },
        }
    }
}

impl Transaction<'_> {
    /// Runs the items one after another. An error here is the whole transaction's.
    async fn items(
        &mut self,
        work: &mut IntoIter<Work>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), JournalError> {
        for item in work {
            let (answer, failed) = self.item(item).await;
            answers.push(answer);
            match failed {
                Some(error @ JournalError::Lost(_)) => return Err(error),
                // Only this item's savepoint is taken back.
                Some(_) => self.take_back().await?,
                None => {}
            }
        }
        Ok(())
    }

    async fn item(&mut self, item: Work) -> (Answer, Option<JournalError>) {
        fn done<T: Send + 'static>(
            to: To<T>,
            outcome: Result<T, JournalError>,
        ) -> (Answer, Option<JournalError>) {
            let failed = outcome.as_ref().err().cloned();
            (answer(to, outcome), failed)
        }
        match item {
            Work::Accept { arrival, at, to } => done(to, self.accept(*arrival, at).await),
            Work::Commit { id, records, at, to } => done(to, self.append(&id, records, at).await),
            Work::Answered { id, attempt, answer, at, to } => {
                done(to, self.answered(&id, attempt, answer, at).await)
            }
            Work::Replay { id, today, by, reason, at, to } => {
                done(to, self.replay(&id, today.map(|today| *today), (&by, &reason), at).await)
            }
            Work::Claim { at, to } => done(to, self.claim(at).await),
            Work::Pause { name, pause, to } => done(to, self.pause(&name, pause.as_ref()).await),
            // Taken out before: it has a transaction of its own.
            Work::Prune { to, .. } => {
                done(to, Err(JournalError::OutOfReach("it is pruned alone".to_owned())))
            }
            Work::Ready { to } | Work::Close { to } => done(to, Ok(())),
        }
    }

    async fn take_back(&mut self) -> Result<(), JournalError> {
        let Some(sql) = self.undo.take() else { return Ok(()) };
        let done = sqlx::raw_sql(sql).execute(&mut *self.connection).await;
        done.map(|_| ()).map_err(|error| match fault(&error, "taking back") {
            // What it had written would stand with the others'.
            JournalError::OutOfReach(text) => JournalError::Lost(text),
            error => error,
        })
    }
}
