use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_core::{Direction, SubjectKey};

use crate::{
    AnswerState, Arrival, Arrived, Execution, History, Ledger, Moment, Prune, Pruned, Record, Request,
    RequestId, Telling,
};

/// What stands in the journal's way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It cannot be opened as it is: says what to do.
    #[error("{0}")]
    Unusable(String),
    /// Out of reach for now; nothing was written. It may work later.
    #[error("the journal is out of reach: {0}")]
    OutOfReach(String),
    /// An I/O error, a full disk or corruption: only a restart may trust the file again (rule 21).
    #[error("the journal failed and must not be trusted before a restart: {0}")]
    Lost(String),
    /// No such request.
    #[error("there is no request {0}")]
    NoSuchRequest(RequestId),
    /// Something that Usher wrote cannot be read.
    #[error("the journal holds something unreadable: {0}")]
    Corrupt(String),
}

impl JournalError {
    /// The id of a new request is that of another one. Nothing was written.
    pub(crate) fn taken(id: &RequestId) -> Self {
        Self::OutOfReach(format!("the id {id} is another request's"))
    }
}

/// What a journal's file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Accepted webhooks.
    pub requests: u64,
    /// Entries of their histories.
    pub history: u64,
    /// Ledgers: one for each person at each connection.
    pub ledgers: u64,
    /// The last place in the order of acceptance.
    pub seq: u64,
}

/// What `accept` brought.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// What the arrival is.
    pub arrived: Arrived,
    /// Its row (or that of which it is a duplicate).
    pub request: Request,
    /// The ledger after it.
    pub ledger: Ledger,
    /// The ledger's version before it (rule 2).
    pub version_before: u64,
}

/// What a commit brought: the row and the ledger after it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The row.
    pub request: Request,
    /// The ledger.
    pub ledger: Ledger,
}

/// A request with everything that is kept of it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its row.
    pub request: Request,
    /// The body as received.
    pub body: Vec<u8>,
    /// Oldest first.
    pub history: Vec<History>,
}

/// Why a connection is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// An operator's name.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// Which requests to list. What is `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// How far they are.
    pub execution: Option<Execution>,
    /// Give or take.
    pub direction: Option<Direction>,
    /// The app's key.
    pub app: Option<String>,
    /// The connection.
    pub connection: Option<String>,
    /// The person.
    pub subject: Option<SubjectKey>,
    /// Whether the sender still has to be told.
    pub telling: Option<Telling>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// The page's end: `next` of the page before.
    pub before: Option<u64>,
    /// How many at the most: 1 to 1,000; 0 is taken as 100.
    pub limit: usize,
}

/// Whose ledgers to list. What is `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldingsFilter {
    /// The connection.
    pub connection: Option<String>,
    /// The person.
    pub subject: Option<SubjectKey>,
    /// The page's end: `next` of the page before.
    pub after: Option<(String, SubjectKey)>,
    /// How many at the most: 1 to 1,000; 0 is taken as 100.
    pub limit: usize,
}

/// The ledger of a subject at a connection that holds something or has something open: an approval, an invitation, a request
/// that is not final, or a change that the vendor has not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The connection.
    pub connection: String,
    /// The person.
    pub subject: SubjectKey,
    /// All that is known.
    pub ledger: Ledger,
}

/// Some ledgers, by connection and subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldingsPage {
    /// The ledgers.
    pub holdings: Vec<Holding>,
    /// `after` of the next page, where there is one.
    pub next: Option<(String, SubjectKey)>,
}

/// Some requests, newest acceptance first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub requests: Vec<Request>,
    /// `before` of the next page, where there is one.
    pub next: Option<u64>,
}

/// The journal. Every changing verb is one commit, whole or not at all, and returns when it is on disk.
#[async_trait]
pub trait Journal: Debug + Send + Sync + 'static {
    /// Takes an arrival in: one commit, on disk before this returns.
    ///
    /// # Errors
    /// Nothing was accepted then.
    async fn accept(&self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError>;

    /// The ledger of a subject; an empty one where nothing is known.
    ///
    /// # Errors
    /// It could not be read.
    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError>;

    /// The other subject of this connection, if any, whose ledger bears this account (rule 27).
    ///
    /// # Errors
    /// It could not be read.
    async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError>;

    /// Appends records to a request's history, with all that they do to its row and its ledger.
    ///
    /// # Errors
    /// None of them was written then.
    async fn commit(
        &self,
        request: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError>;

    /// Notes what the sender was told, in this attempt.
    ///
    /// # Errors
    /// It was not written.
    async fn answered(
        &self,
        request: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError>;

    /// A new attempt on the same row, by an operator. `today`: what its body comes to with today's configuration, its end counted
    /// from when the row arrived (rule 11). It runs where nothing was compiled when the row was accepted
    /// ([`Request::is_uncompiled`]), and is not looked at elsewhere (rule 29).
    ///
    /// # Errors
    /// Nothing was written then.
    async fn replay(
        &self,
        request: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
        at: Moment,
    ) -> Result<Committed, JournalError>;

    /// What nobody drives: at start, every request that is not final, and every confirmed one whose invitation is tracked
    /// ([`Request::tracks_invitation`]), in the order of acceptance. Unanswered ones are *lost* from here on, final ones as well: a
    /// grant that was confirmed and not answered is due to be told (rule 15).
    ///
    /// # Errors
    /// They could not be read.
    async fn claim(&self, at: Moment) -> Result<Vec<Request>, JournalError>;

    /// A request with its history.
    ///
    /// # Errors
    /// It could not be read.
    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError>;

    /// Some requests.
    ///
    /// # Errors
    /// They could not be read.
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError>;

    /// Some ledgers that hold something or have something open.
    ///
    /// # Errors
    /// They could not be read.
    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError>;

    /// Pauses a connection, or (`None`) lets it go on. Kept over restarts.
    ///
    /// # Errors
    /// It was not written.
    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError>;

    /// The connections that are paused.
    ///
    /// # Errors
    /// They could not be read.
    async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError>;

    /// One batch of what is old enough to go: a commit of its own, and never part of a request's. The ledger stays as it is, and so
    /// does every request that is not settled: not final, not answered, due to be told, or with a change or an invitation that
    /// may be open; and, of what goes whole, the approval behind a holder.
    ///
    /// # Errors
    /// Nothing was pruned then.
    async fn prune(&self, prune: &Prune, at: Timestamp) -> Result<Pruned, JournalError>;

    /// Writes a copy of all that is committed into a new file, while it runs: checked, on disk, and readable by its owner alone.
    ///
    /// # Errors
    /// There is no such file then; also where there is one already, which is left as it is, and where this journal is not a file.
    async fn backup(&self, to: &Path) -> Result<Contents, JournalError> {
        Err(JournalError::Unusable(format!(
            "this journal is not a file of Usher's, so that nothing was written to {}: copy it with its own means",
            to.display()
        )))
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// It cannot.
    async fn ready(&self) -> Result<(), JournalError>;

    /// Ends it: what waits is written, the file is closed.
    async fn close(&self);
}
