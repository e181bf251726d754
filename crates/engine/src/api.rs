use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use usher_core::{Clock, Facet, Fault, Hold, Provisioner, Refusal, Subject};
use usher_journal::{Arrival, Arrived, Holder, Holding, Journal, Record, Request, RequestId, Word};

use crate::breaker::BreakerSettings;
pub use crate::driver::Engine;
use crate::lumos::Lumos;
use crate::stands::Stand;

/// What a grant does once its answer is out and negative (rule 17). There is no default: an administrator says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterDeadline {
    /// Drives on in the background.
    Continue,
    /// Only settles what is open: a person is about to do it by hand.
    Stop,
}

/// What the engine needs to know of an app, as configured today.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppPolicy {
    /// After a late answer.
    pub after_deadline: AfterDeadline,
    /// Whether *waiting for the invitee* counts as provisioned (rule 22).
    pub counts_invited: bool,
    /// Whether an order of everything removes the account itself.
    pub remove_account: bool,
    /// The configured permissions and their facets as mapped today (rules 12, 13, 29).
    pub permissions: BTreeMap<String, BTreeSet<Facet>>,
}

/// A vendor account and the apps that it serves.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The connector's connection.
    pub provisioner: Arc<dyn Provisioner>,
    /// By the app's key in the configuration.
    pub apps: BTreeMap<String, AppPolicy>,
    /// When calls to it are refused for a while because the vendor fails; `None`: never.
    pub breaker: Option<BreakerSettings>,
}

/// The engine's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// From the first byte of a request to its answer; 12 s by default, 14 s at the most.
    pub answer_within: Duration,
    /// No change starts with less left; 4 s by default.
    pub min_change_budget: Duration,
    /// When background work is handed to a person; 24 h by default.
    pub give_up_after: Duration,
    /// How many requests that nobody waits for run at once.
    pub background: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(12),
            min_change_budget: Duration::from_secs(4),
            give_up_after: Duration::from_secs(24 * 3600),
            background: 64,
        }
    }
}

/// What the engine is put together from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where requests are kept.
    pub journal: Arc<dyn Journal>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Tells this process from earlier ones in the journal: any number that no earlier process used (wall time at its start serves).
    pub boot: u64,
    /// By name.
    pub connections: BTreeMap<String, Connection>,
    /// Limits.
    pub limits: Limits,
    /// Who hears of what needs a person.
    pub alerts: Arc<dyn Alerts>,
    /// Lumos's own API. Without it, what is due to be told stays so.
    pub lumos: Option<Arc<dyn Lumos>>,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// A request needs a person.
    NeedsHuman,
    /// Access that had to go is still there.
    FailedRemoval,
    /// Granted after the sender had been told no.
    Late,
    /// No paid seat was left.
    NoSeat,
    /// An invitation that a grant rested on, or waited for, is over, and nobody has accepted it.
    LapsedInvitation,
    /// A connection has few paid seats left.
    FewSeats,
    /// A connection's circuit stays open.
    OutOfReach,
}

impl AlertKind {
    /// As in logs and the history.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeedsHuman => "needs-human",
            Self::FailedRemoval => "failed-removal",
            Self::Late => "late",
            Self::NoSeat => "no-seat",
            Self::LapsedInvitation => "lapsed-invitation",
            Self::FewSeats => "few-seats",
            Self::OutOfReach => "out-of-reach",
        }
    }

    /// As it is noted in a request's history, where a later start finds it.
    pub(crate) fn noted(self, sentence: &str) -> Record {
        Record::Alerted { kind: self.as_str().to_owned(), sentence: sentence.to_owned() }
    }
}

/// Whom or what an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum About {
    /// A request.
    Request {
        /// Which.
        request: RequestId,
        /// In which of its attempts.
        attempt: u64,
        /// The app's key in the configuration; empty where none claims the payload.
        app: String,
        /// The person that it is about; personal, unlike the rest.
        subject: Subject,
    },
    /// The connection as a whole.
    Connection,
}

/// Something that a person should hear of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alert {
    /// About what.
    pub about: About,
    /// At which connection; empty where no app claims the payload.
    pub connection: String,
    /// What kind.
    pub kind: AlertKind,
    /// For people; no personal data.
    pub sentence: String,
}

/// Hears of what needs a person. Must not block.
pub trait Alerts: fmt::Debug + Send + Sync {
    /// Takes an alert.
    fn alert(&self, alert: Alert);
}

/// Writes alerts to the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogAlerts;

impl Alerts for LogAlerts {
    fn alert(&self, alert: Alert) {
        let request = match &alert.about {
            About::Request { request, .. } => Some(request.0.as_str()),
            About::Connection => None,
        };
        tracing::warn!(
            request.id = request,
            connection = %alert.connection,
            alert.kind = alert.kind.as_str(),
            "{}", alert.sentence
        );
    }
}

/// A webhook that passed the edge: authenticated, parsed, routed and compiled.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What to accept.
    pub arrival: Arrival,
    /// When its first byte came: the answer's time runs from here (rule 16).
    pub began: Instant,
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Done, read back, and on disk.
    Positive,
    /// Not done.
    Negative {
        /// For people.
        reason: String,
    },
}

impl Answer {
    /// A negative answer.
    pub fn negative(reason: impl Into<String>) -> Self {
        Self::Negative { reason: reason.into() }
    }
}

/// An answer and the request that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Usher's id: of the first delivery, where this one is a duplicate.
    pub request: RequestId,
    /// What the sender is told.
    pub answer: Answer,
}

/// What an operator may do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Run it again.
    Replay,
    /// End it: a person has seen to it.
    Close,
}

/// Why an operator's act was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// No such request.
    #[error("there is no request {0}")]
    NotFound(RequestId),
    /// Not in the state that it is in.
    #[error("{0}")]
    Conflict(String),
    /// The journal did not take it.
    #[error(transparent)]
    Journal(#[from] usher_journal::JournalError),
}

/// A request of which another delivery would be a repetition (rule 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Which.
    pub of: RequestId,
    /// How it stands.
    pub word: Word,
    /// What would become of the delivery.
    pub arrived: Arrived,
}

/// What a dry run shows: observe and plan, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What would be accepted.
    pub request: Request,
    /// The request of which it would be a repetition (rule 10).
    pub repeats: Option<Repeated>,
    /// What the vendor has now.
    pub holds: BTreeMap<Facet, Hold>,
    /// Summaries of what would be sent, in order.
    pub would: Vec<String>,
    /// The step at which it would stop, since that step sends the person mail and did, or may have, within a day; and when that was
    /// (rule 24).
    pub mailed: Option<(String, Timestamp)>,
    /// What is refused.
    pub refused: Vec<(BTreeSet<Facet>, Refusal)>,
    /// How the reading stands against what is asked; `None` where nothing could be seen.
    pub stand: Option<Stand>,
    /// Why nothing could be seen.
    pub fault: Option<Fault>,
}

/// How a live holder stands at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// All of it is there.
    There,
    /// All that can be there is: in a one-value slot of it stands the value of a newer approval, which wins (rule 14).
    Outranked,
    /// What is not there is on its way: it waits for the invitee or for the vendor.
    Pending,
    /// Some of it is not there.
    Missing,
    /// Of some of it nobody can tell, or a change is open that may not show yet.
    Unreadable,
}

/// A live holder as a check found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedHolder {
    /// The approval: neither over nor revoked.
    pub holder: Holder,
    /// How it stands.
    pub standing: Standing,
    /// What the reading shows of each of its facets, without the outranked ones; empty where there was no reading.
    pub facets: BTreeMap<Facet, Hold>,
    /// Facets of one-value slots in which a newer approval's value stands.
    pub outranked: BTreeSet<Facet>,
}

/// What a subject holds by the ledger, against what the vendor shows now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldingCheck {
    /// What was checked.
    pub holding: Holding,
    /// Its live holders, in the ledger's order.
    pub holders: Vec<CheckedHolder>,
    /// Why nothing could be seen; every holder is unreadable then.
    pub fault: Option<Fault>,
}
