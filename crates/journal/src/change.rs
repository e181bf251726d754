use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_core::{Action, Watch};

use crate::RequestId;

/// A moment of the monotonic clock, of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Which process: chosen at its start.
    pub boot: u64,
    /// Since that process started.
    pub ticks: Duration,
}

impl Stamp {
    /// Since the start of the process `boot`; what an earlier process stamped counts from the start of this one, which is later.
    #[must_use]
    pub fn ticks_in(self, boot: u64) -> Duration {
        if self.boot == boot { self.ticks } else { Duration::ZERO }
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Wall time: for expiry and for people.
    pub wall: Timestamp,
    /// Monotonic time: for deadlines, lag and settling.
    pub stamp: Stamp,
}

impl Moment {
    /// Since the start of this process.
    #[must_use]
    pub fn ticks(&self) -> Duration {
        self.stamp.ticks
    }
}

/// How far a change at the vendor is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// About to be sent, or sent; after a crash nobody knows.
    Intended,
    /// The vendor answered.
    Answered {
        /// When.
        ended: Stamp,
    },
    /// It may arrive yet.
    Unknown {
        /// When its call ended.
        ended: Stamp,
    },
    /// The vendor accepted it (202) and is at it.
    Watching {
        /// Since when.
        since: Stamp,
        /// How to ask.
        watch: Watch,
    },
}

/// One change of a subject at a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// Unique within the ledger.
    pub intent: u64,
    /// Who sent it.
    pub request: RequestId,
    /// What.
    pub action: Action,
    /// When its intent was decided.
    pub begun: Stamp,
    /// How far it is.
    pub state: ChangeState,
}

impl Change {
    /// When, by this process's monotonic clock, the change can no longer arrive by itself (rule 4). `None`: not known yet.
    #[must_use]
    pub fn over_at(&self, boot: u64) -> Option<Duration> {
        match &self.state {
            ChangeState::Intended if self.begun.boot == boot => None,
            // The process ended in between: counted from this one's start.
            ChangeState::Intended => Some(self.action.settle),
            ChangeState::Answered { ended } => Some(ended.ticks_in(boot)),
            ChangeState::Unknown { ended } => Some(ended.ticks_in(boot).saturating_add(self.action.settle)),
            ChangeState::Watching { .. } => None,
        }
    }

    /// Whether it is *open* for a reading begun at `begun` that may be stale by `lag` (rule 4): such a reading may not show it.
    #[must_use]
    pub fn is_open_for(&self, boot: u64, begun: Duration, lag: Duration) -> bool {
        self.over_at(boot).is_none_or(|over| begun < over.saturating_add(lag))
    }

    /// Whether nobody can say if it arrived: neither answered nor known to be under way.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        matches!(self.state, ChangeState::Intended | ChangeState::Unknown { .. })
    }
}
