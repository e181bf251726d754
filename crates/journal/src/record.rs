use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_core::{Account, Action, Evidence, Facet, Fault, Handles, Hold, Receipt, Refusal};

use crate::{AnswerState, Execution, Stamp, Telling};

/// What came of a change's call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The vendor answered that it is done, or (with a watch) that it will be.
    Answered(Receipt),
    /// It surely did not reach the vendor, or was throttled.
    NotSent(Fault),
    /// The vendor's definite no.
    Refused(Fault),
    /// Nobody can say.
    Unknown(Fault),
    /// The end of a watch; the refusal where the vendor gave up.
    WatchEnded(Option<Refusal>),
}

/// How an invitation came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvitationEnd {
    /// The person was found: it was accepted.
    Accepted,
    /// It lapsed, or never came to be, or was cancelled by somebody else: the connector vouches for it.
    Lapsed,
    /// Our cancelling was answered.
    Cancelled,
}

/// A step with Lumos's own API (rules 25 and 26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LumosStep {
    /// Something was read there, or could not be.
    Looked,
    /// A comment goes out. On disk before it does: unless it surely did not arrive, no other is sent after it.
    Commenting,
    /// It surely did not arrive.
    NotCommented,
    /// It is there.
    Commented,
    /// The task is completed.
    Completed,
    /// It is left to a person to complete it.
    NotCompleted,
}

/// One entry of a request's append-only history; most also change the request's row or its subject's ledger (see [`crate::apply`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "of")]
pub enum Record {
    /// It arrived.
    Accepted {
        /// The path that it came by.
        route: String,
    },
    /// It was delivered again.
    Delivered {
        /// What came of that, in words.
        as_what: String,
    },
    /// A new attempt on the same row.
    Replayed {
        /// An operator's name.
        by: String,
        /// Why.
        reason: String,
    },
    /// Work was taken up again after the process had ended.
    Recovered,
    /// A reading.
    Seen {
        /// The account.
        account: Account,
        /// The facets.
        holds: Vec<(Facet, Hold)>,
        /// How stale it may be.
        lag: Duration,
        /// How long it took.
        took: Duration,
        /// What it rests on.
        evidence: Vec<Evidence>,
    },
    /// A reading failed.
    ReadingFailed(Fault),
    /// What would be sent (a dry run), or cannot be.
    Planned {
        /// Summaries of the actions.
        would: Vec<String>,
        /// What is refused.
        refused: Vec<(BTreeSet<Facet>, Refusal)>,
    },
    /// A change is about to be sent.
    Intent {
        /// Its number.
        intent: u64,
        /// What.
        action: Action,
    },
    /// What came of it.
    Outcome {
        /// Its number.
        intent: u64,
        /// What came.
        outcome: Outcome,
        /// When the call ended: the record may go to disk a little later.
        ended: Stamp,
    },
    /// A reading showed all of these holders: (app, permission, sequence).
    HoldersSeen(Vec<(String, String, u64)>),
    /// What stood in a one-value slot before its first holder.
    Former {
        /// The slot.
        slot: String,
        /// Its value then.
        value: Option<String>,
    },
    /// Read back and proven.
    Confirmed {
        /// Permissions of a grant that are held.
        held: Vec<String>,
        /// Facets of an order that are gone, and those that it names and another approval keeps.
        released: BTreeSet<Facet>,
        /// Vendor ids to keep.
        handles: Handles,
        /// The vendor's id of the account.
        account: Option<String>,
        /// For people, where it is not simply all.
        reason: Option<String>,
        /// Whether the sender still has to be told.
        telling: Telling,
    },
    /// It stops for now.
    Parked {
        /// Waiting, backing off, or needs-human.
        execution: Execution,
        /// Why.
        reason: String,
        /// When it is looked at again by itself.
        next_at: Option<Timestamp>,
    },
    /// A reading showed that an invitation waits for the invitee.
    Invited {
        /// The intent that sent it.
        intent: u64,
        /// When it lapses, where that is known.
        until: Option<Timestamp>,
    },
    /// An invitation is over (rule 23).
    InvitationOver {
        /// The intent that sent it.
        intent: u64,
        /// How.
        how: InvitationEnd,
    },
    /// A confirmed grant waits for its invitee, or does so no longer (rule 22).
    Tracked {
        /// When it is looked at again by itself; `None`: no more.
        next_at: Option<Timestamp>,
        /// Why, for people.
        reason: String,
    },
    /// It ends without having been confirmed.
    Ended {
        /// Refused, superseded, expired or closed.
        execution: Execution,
        /// Why.
        reason: String,
    },
    /// An operator acted.
    Operated {
        /// `close`.
        act: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The sender was answered.
    Answered(AnswerState),
    /// Whether the sender still has to be told.
    Telling(Telling),
    /// What was known of the person beyond the key was removed: it was old enough.
    PayloadPruned,
    /// A step with Lumos's own API.
    Lumos {
        /// Which.
        step: LumosStep,
        /// For people; nothing personal.
        sentence: String,
    },
    /// Somebody was alerted.
    Alerted {
        /// What kind.
        kind: String,
        /// For people.
        sentence: String,
    },
    /// An alert reached its receiver. What is alerted and has none of these may still have to be sent.
    AlertSent {
        /// The alert's id.
        alert: String,
        /// Which of the configured receivers: `slack`, `webhook`.
        to: String,
    },
}

impl Record {
    /// Its name in the history.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Delivered { .. } => "delivered",
            Self::Replayed { .. } => "replayed",
            Self::Recovered => "recovered",
            Self::Seen { .. } => "seen",
            Self::ReadingFailed(_) => "reading-failed",
            Self::Planned { .. } => "planned",
            Self::Intent { .. } => "intent",
            Self::Outcome { .. } => "outcome",
            Self::HoldersSeen(_) => "holders-seen",
            Self::Former { .. } => "former",
            Self::Confirmed { .. } => "confirmed",
            Self::Parked { .. } => "parked",
            Self::Invited { .. } => "invited",
            Self::InvitationOver { .. } => "invitation-over",
            Self::Tracked { .. } => "tracked",
            Self::Ended { .. } => "ended",
            Self::Operated { .. } => "operated",
            Self::Answered(_) => "answered",
            Self::Telling(_) => "telling",
            Self::PayloadPruned => "payload-pruned",
            Self::Lumos { .. } => "lumos",
            Self::Alerted { .. } => "alerted",
            Self::AlertSent { .. } => "alert-sent",
        }
    }
}

/// A record in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When.
    pub at: Timestamp,
    /// In which attempt.
    pub attempt: u64,
    /// What.
    pub record: Record,
}
