//! Lumos's own API, as far as late successes need it: the port that whoever configures one implements (rules 25 and 26).

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use usher_core::Sent;
use usher_journal::{History, LumosStep, Record, Request, Stored};

/// Lumos's tasks and access requests. Each call ends within [`LONGEST_CALL`], or is taken to have brought nothing.
#[async_trait]
pub trait Lumos: fmt::Debug + Send + Sync {
    /// How the access request of this webhook stands there, and whether it is for the same person.
    async fn access_request(&self, request: &Request) -> Result<AccessRequest, LumosFault>;

    /// The one pending provisioning task of this webhook's access request; `None`: none (yet).
    async fn task(&self, request: &Request) -> Result<Option<Task>, LumosFault>;

    /// Comments on a task. Sends it once at the most.
    async fn comment(&self, task: &str, text: &str) -> Result<(), LumosFault>;

    /// Completes a provisioning task. One that is completed already is as good.
    async fn complete(&self, task: &str) -> Result<(), LumosFault>;

    /// `on_late_success = "complete"`.
    fn completes(&self) -> bool;

    /// Every permission that the request's payload lists, by its key in the configuration of the app that the request is of;
    /// `None` where one of them is not Usher's to give, so that nobody here can prove it.
    fn listed(&self, stored: &Stored) -> Option<BTreeSet<String>>;
}

/// What one call to Lumos may take, with all that the client repeats.
pub const LONGEST_CALL: Duration = Duration::from_secs(15);

/// A pending provisioning task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Lumos's id.
    pub id: String,
    /// Whether an administrator has to confirm further steps: such a task is never completed.
    pub manual_steps: bool,
}

/// How an access request stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessRequest {
    /// Lumos's word for it.
    pub status: String,
    /// What it means.
    pub progress: Progress,
}

/// What an access request's status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The approval stands, or nobody can say otherwise.
    Open,
    /// Cancelled, denied or expired.
    Ended,
    /// Lumos takes it as provisioned.
    Provisioned,
    /// It is for somebody else: the id in the task's address does not mean what it is taken for.
    Another,
}

/// Why a call to Lumos brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LumosFault {
    /// A definite no, or more than one task: a person has to look. For people.
    No(String),
    /// There is no such access request or task, or the domain has no Tasks API. For people.
    NotThere(String),
    /// It may work later.
    OutOfReach {
        /// Whether it may have arrived.
        sent: Sent,
        /// Not before.
        after: Option<Duration>,
        /// For people.
        why: String,
    },
}

impl LumosFault {
    /// For people.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::No(why) | Self::NotThere(why) | Self::OutOfReach { why, .. } => why,
        }
    }
}

/// How far the comment on a late success is, by the request's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comment {
    /// None was sent, or none arrived.
    None,
    /// One went out, and nobody knows whether it arrived: no other is sent.
    Unknown,
    /// It is there.
    There,
}

pub(crate) fn comment(history: &[History]) -> Comment {
    let mut comment = Comment::None;
    for entry in history {
        let Record::Lumos { step, .. } = &entry.record else { continue };
        comment = match step {
            LumosStep::Commenting => Comment::Unknown,
            LumosStep::NotCommented => Comment::None,
            LumosStep::Commented => Comment::There,
            LumosStep::Looked | LumosStep::Completed | LumosStep::NotCompleted => comment,
        };
    }
    comment
}
