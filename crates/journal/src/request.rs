use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use usher_core::{App, Asked, Direction, Facet, Subject, SubjectKey};

/// Usher's id of a request. Whoever accepts the webhook chooses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Execution {
    /// On disk; it runs or waits for its turn.
    Accepted,
    /// Parked: only the invitee can go on.
    Waiting,
    /// Parked until a later attempt.
    BackingOff,
    /// Read back and proven.
    Confirmed,
    /// A definite no.
    Refused,
    /// Parked until a person acts.
    NeedsHuman,
    /// A later order named all of it.
    Superseded,
    /// The approval's time ran out first.
    Expired,
    /// An operator ended it.
    Closed,
}

impl Execution {
    /// Whether nothing more happens by itself, nor is asked of anybody.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Confirmed | Self::Refused | Self::Superseded | Self::Expired | Self::Closed)
    }

    /// As in filters and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Waiting => "waiting",
            Self::BackingOff => "backing-off",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::NeedsHuman => "needs-human",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Closed => "closed",
        }
    }
}

/// The five words of state that people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Access is there, read back.
    Granted,
    /// Access is gone, read back.
    Removed,
    /// Nothing more will be done.
    Refused,
    /// Usher, the vendor or the invitee is still at it.
    Waiting,
    /// A person has to act.
    NeedsYou,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Granted => "granted",
            Self::Removed => "removed",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::NeedsYou => "needs you",
        })
    }
}

/// What the sender was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerState {
    /// Nothing yet.
    None,
    /// Done.
    Positive,
    /// Not done, and why.
    Negative {
        /// For people.
        reason: String,
    },
    /// The process ended before it answered.
    Lost,
}

/// Whether the sender still has to hear of a grant that it was not told of in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telling {
    /// There is nothing to tell.
    None,
    /// Confirmed after a negative or lost answer.
    Due,
    /// Told.
    Told,
    /// Nobody waits for it.
    Moot,
    /// Could not be told; an alert was raised.
    Failed,
}

impl Telling {
    /// As in filters and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Due => "due",
            Self::Told => "told",
            Self::Moot => "moot",
            Self::Failed => "failed",
        }
    }
}

/// One permission that a request runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AskedPermission {
    /// Its key in the configuration, or the payload's value where it is not mapped.
    pub name: String,
    /// Compiled at acceptance: these are the ones that run. `None`: not mapped (orders only; see rule 28).
    pub facets: Option<BTreeSet<Facet>>,
}

/// One accepted webhook. A deprovisioning is called an *order*.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Place in the order of acceptance; a replay gets a new one.
    pub seq: u64,
    /// 1 at first; counts attempts that a replay or a repeated delivery began.
    pub attempt: u64,
    /// When it arrived.
    pub received: Timestamp,
    /// When its row last changed.
    pub updated: Timestamp,
    /// Give or take.
    pub direction: Direction,
    /// The path that it came by.
    pub route: String,
    /// The connection that serves it; empty where no app claims the payload.
    pub connection: String,
    /// The app's key in the configuration; empty where none claims the payload.
    pub app_key: String,
    /// The app as the payload names it.
    pub app: App,
    /// What this webhook runs. For an order of everything: all that the app maps.
    pub permissions: Vec<AskedPermission>,
    /// An order that names no permission: everything of the app goes.
    pub all: bool,
    /// The person.
    pub subject: Subject,
    /// What tells the person from others.
    pub subject_key: SubjectKey,
    /// `requestId` of the task's address.
    pub lumos_request: Option<String>,
    /// The task's address as sent. Never a link unless its host is allowed.
    pub task_url: Option<String>,
    /// What the requester wrote.
    pub comment: Option<String>,
    /// When the approved access ends.
    pub until: Option<Timestamp>,
    /// Hash of the configuration that it was accepted under.
    pub config: String,
    /// `mode = "dry-run"`: nothing is sent.
    pub dry_run: bool,
    /// How far it is.
    pub execution: Execution,
    /// Why, for people.
    pub reason: Option<String>,
    /// What the sender was told.
    pub answer: AnswerState,
    /// Whether it still has to be told.
    pub telling: Telling,
    /// When it is looked at again by itself.
    pub next_at: Option<Timestamp>,
}

impl Request {
    /// The word that people see.
    #[must_use]
    pub fn word(&self) -> Word {
        match self.execution {
            Execution::Confirmed if self.direction == Direction::Provision => Word::Granted,
            Execution::Confirmed => Word::Removed,
            Execution::Refused | Execution::Superseded | Execution::Expired | Execution::Closed => {
                Word::Refused
            }
            Execution::NeedsHuman => Word::NeedsYou,
            Execution::Accepted | Execution::Waiting | Execution::BackingOff => Word::Waiting,
        }
    }

    /// What makes another delivery a duplicate of this one (rule 10): direction, connection, app, the permissions that it runs or
    /// *all*, subject and Lumos's request id. Never `access_length`, which differs between two sendings. `None` without such an id.
    #[must_use]
    pub fn delivery_key(&self) -> Option<String> {
        let lumos = self.lumos_request.as_deref()?;
        let names: BTreeSet<&str> = if self.all {
            BTreeSet::new()
        } else {
            self.permissions.iter().map(|p| p.name.as_str()).collect()
        };
        let mut parts = vec![
            self.direction.as_str(),
            &self.connection,
            &self.app_key,
            &self.app.id,
            self.app.instance.as_deref().unwrap_or_default(),
            self.subject_key.as_str(),
            lumos,
            if self.all { "all" } else { "named" },
        ];
        parts.extend(names);
        let mut hash = Sha256::new();
        for part in parts {
            // The length keeps ("a", "bc") and ("ab", "c") apart.
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Whether a start has to look at it: somebody has to drive it, or nobody knows that it was answered.
    pub(crate) fn is_open(&self) -> bool {
        self.is_driven() || self.answer == AnswerState::None
    }

    /// Whether it is not final, or its invitation is tracked.
    pub(crate) fn is_driven(&self) -> bool {
        !self.execution.is_final() || self.tracks_invitation()
    }

    /// Whether it is confirmed as far as Usher can go, and waits for its invitee (rule 22): it is looked at again at `next_at`.
    #[must_use]
    pub fn tracks_invitation(&self) -> bool {
        self.execution == Execution::Confirmed && self.next_at.is_some()
    }

    /// Whether nothing was compiled when it was accepted, so that nothing of it can have been sent: no app claimed it, or a grant
    /// had a permission that was not mapped. A replay of it runs with today's mapping.
    #[must_use]
    pub fn is_uncompiled(&self) -> bool {
        let unmapped = self.permissions.iter().any(|permission| permission.facets.is_none());
        let nothing_named = self.permissions.is_empty() && !self.all;
        self.execution == Execution::Refused
            && (self.connection.is_empty()
                || nothing_named
                || (self.direction == Direction::Provision && unmapped))
    }

    /// What a connector may know of it.
    #[must_use]
    pub fn asked(&self, now: Timestamp) -> Asked {
        Asked {
            direction: self.direction,
            request: self.id.0.clone(),
            comment: self.comment.clone(),
            app: self.app.clone(),
            now,
            attempt: self.attempt,
        }
    }

    /// Whether the approved time is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}
