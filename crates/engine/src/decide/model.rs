//! The plain data that `decide` works on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use usher_core::{Action, Facet, Fault, Planner, Receipt, Refusal, Snapshot};
use usher_journal::{Execution, Ledger, Record, Request};

use crate::lumos::AccessRequest;
use crate::{Act, AlertKind, Answer, AppPolicy, Limits};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// To bring the request to its end.
    Drive,
    /// To look whether a confirmed one still stands, for a repeated delivery.
    Recheck,
    /// To see how the invitation comes out that a confirmed one rests on (rule 22).
    Track,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits for its turn.
    Queued,
    /// A reading is under way.
    Reading,
    /// An intent is being committed.
    Intending {
        /// Its number.
        intent: u64,
        /// What is to be sent.
        action: Action,
    },
    /// A change's call is under way.
    Applying {
        /// The intent's number.
        intent: u64,
    },
    /// It sleeps for a moment and keeps its turn.
    Resting,
    /// A parking is being committed; then it sleeps until then (`None`: somebody else has to wake it).
    Parking {
        /// Ticks.
        until: Option<Duration>,
    },
    /// It sleeps without its turn, and holds nobody up.
    Parked,
    /// *Confirmed* is being committed.
    Confirming {
        /// Whether all was granted, so that the answer may be positive.
        whole: bool,
    },
    /// What came of a change is being committed, and then the vendor is read again.
    Noting,
    /// Something is being committed, and then it is over.
    Ending,
    /// Nothing more happens.
    Over,
}

/// An end that waits until the request's own changes are over (rule 5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// How it ends.
    pub execution: Execution,
    /// Why.
    pub reason: String,
}

/// What Lumos says of the access request (rule 26).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Approval {
    /// It stands, or nobody can say otherwise.
    #[default]
    Stands,
    /// Cancelled, denied or expired, in Lumos's word: nothing more is granted, and what was goes to a person.
    Ended(String),
    /// A person has provisioned it, by Lumos's word: it is observed, and nothing is sent.
    ByHand(String),
}

/// One request on its way. Plain data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// Its row.
    pub request: Request,
    /// What for.
    pub mode: Mode,
    /// When the answer is due, in ticks. `None`: nobody waits.
    pub deadline: Option<Duration>,
    /// The answer, once it is fixed.
    pub answer: Option<Answer>,
    /// Where it is.
    pub phase: Phase,
    /// The ledger's version before it was accepted (rule 2).
    pub version_before: u64,
    /// Rounds in which every change was answered.
    pub rounds: u8,
    /// How long the first reading took.
    pub first_reading: Option<Duration>,
    /// Readings since something changed: they get rarer.
    pub looks: u32,
    /// Readings in a row that failed: they get rarer.
    pub faults: u32,
    /// Changes in a row that did not come through: they get rarer.
    pub setbacks: u32,
    /// What is left of the plan.
    pub rest: VecDeque<Action>,
    /// The reading that the plan was made from.
    pub seen: Option<Snapshot>,
    /// What the vendor refused of this attempt's changes.
    pub refusals: Vec<Refusal>,
    /// How it ends, once its own changes are over.
    pub end: Option<End>,
    /// It was taken up after a crash, or replayed: the mapping may have changed since (rule 29).
    pub check_mapping: bool,
    /// An operator asked for this attempt: nobody waits for its answer, and it does what a late answer would have stopped.
    pub replayed: bool,
    /// An order that is out of time has been told of; it goes on (rule 17).
    pub alarmed: bool,
    /// What Lumos says of the access request, where a later attempt has asked (rule 26).
    pub approval: Approval,
    /// Wall time from which it is given up after a while.
    pub began: jiff::Timestamp,
}

impl Run {
    /// A run that waits for its turn.
    #[must_use]
    pub fn new(request: Request, mode: Mode, deadline: Option<Duration>, began: jiff::Timestamp) -> Self {
        Self {
            request,
            mode,
            deadline,
            answer: None,
            phase: Phase::Queued,
            version_before: 0,
            rounds: 0,
            first_reading: None,
            looks: 0,
            faults: 0,
            setbacks: 0,
            rest: VecDeque::new(),
            seen: None,
            refusals: Vec::new(),
            end: None,
            check_mapping: false,
            replayed: false,
            alarmed: false,
            approval: Approval::Stands,
            began,
        }
    }

    /// Whether somebody waits for the answer.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.deadline.is_some() && self.answer.is_none()
    }
}

/// What came of an effect, or happened besides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its turn has come.
    Started,
    /// A sleep is over; it has its turn.
    Woken,
    /// The answer is due now.
    DeadlineReached,
    /// An operator acts.
    Operator {
        /// What.
        act: Act,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A reading is there.
    Seen {
        /// When it began, in ticks.
        begun: Duration,
        /// How long it took, without what came after it.
        took: Duration,
        /// For a reading begun before the request was on disk: the ledger's version then (rule 2).
        ahead: Option<u64>,
        /// The intents of the changes whose watches it was asked about, in their order.
        watched: Vec<u64>,
        /// What it saw.
        result: Result<Snapshot, Fault>,
        /// The ledger knows the account under another subject (rule 27).
        foreign: bool,
    },
    /// A change's call has ended.
    Applied {
        /// The intent's number.
        intent: u64,
        /// What came.
        result: Result<Receipt, Fault>,
    },
    /// How the access request stands in Lumos, asked before an attempt that nobody waits for; else why nobody can say (rule 26).
    Approval {
        /// What was seen.
        seen: Result<AccessRequest, String>,
    },
    /// A commit is on disk.
    Committed,
    /// The journal does not take it for now.
    JournalLost {
        /// For people.
        why: String,
    },
    /// Deciding itself failed: a defect, in the connector's planner or here.
    Defect,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// True from here on; goes to disk with the next commit.
    Note(Vec<Record>),
    /// To disk, whole or not at all: [`Event::Committed`].
    Commit(Vec<Record>),
    /// Read the vendor: [`Event::Seen`].
    Observe {
        /// The facets that are asked about.
        of: BTreeSet<Facet>,
    },
    /// Make one changing call: [`Event::Applied`].
    Apply {
        /// The intent's number.
        intent: u64,
        /// What.
        action: Action,
        /// The intent that first sent this change, for the idempotency key: the same for the same change (rule 6).
        first: u64,
    },
    /// Tell the sender. At most one for each run.
    Answer(Answer),
    /// Sleep: [`Event::Woken`]. `until: None`: somebody else wakes it.
    Sleep {
        /// Ticks.
        until: Option<Duration>,
        /// Whether it holds up others of its subject meanwhile.
        keep_turn: bool,
    },
    /// Somebody should hear of it.
    Alert {
        /// What kind.
        kind: AlertKind,
        /// For people.
        sentence: String,
    },
}

/// What `decide` knows beside the run.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// All that is known of the subject at this connection.
    pub ledger: &'a Ledger,
    /// The connector's pure half.
    pub planner: &'a dyn Planner,
    /// The connection's apps as configured today.
    pub apps: &'a BTreeMap<String, AppPolicy>,
    /// Limits.
    pub limits: &'a Limits,
    /// Whether the connection is paused (rule 19), and why.
    pub paused: Option<&'a str>,
}
