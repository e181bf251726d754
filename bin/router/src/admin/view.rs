//! What the admin API speaks. `usher requests` and its kin read the same types.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use usher_core::{Direction, LimitState, Limiter};
use usher_engine::BreakerView;
use usher_journal::{AnswerState, Execution, Pause, Request, Telling, Word};

/// The five words of state, as filters and JSON have them.
pub const WORDS: [(&str, Word); 5] = [
    ("granted", Word::Granted),
    ("removed", Word::Removed),
    ("refused", Word::Refused),
    ("waiting", Word::Waiting),
    ("needs-you", Word::NeedsYou),
];

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// One sentence that says what to do.
    pub error: String,
}

/// The body of a call that changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why: for the history. 1 to 1,000 characters.
    pub reason: String,
}

/// A request's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// Usher's id.
    pub id: String,
    /// What people see.
    pub word: Word,
    /// The same, in detail.
    pub execution: Execution,
    /// Give or take.
    pub direction: Direction,
    /// The app's key in the configuration; empty where none claims the payload.
    pub app: String,
    /// `application.app_id`.
    pub app_id: String,
    /// `application.instance_id`.
    pub instance_id: Option<String>,
    /// `application.user_friendly_label`.
    pub app_label: Option<String>,
    /// The connection; empty where no app claims the payload.
    pub connection: String,
    /// The permissions that it runs, by their keys in the configuration, or their values where they are not mapped.
    pub permissions: Vec<String>,
    /// An order that names no permission: everything of the app goes.
    pub all: bool,
    /// The person's address.
    pub subject: String,
    /// When it arrived.
    pub received: Timestamp,
    /// When its row last changed.
    pub updated: Timestamp,
    /// When the approved access ends.
    pub until: Option<Timestamp>,
    /// When it is looked at again by itself.
    pub next_at: Option<Timestamp>,
    /// Which attempt this is, from 1.
    pub attempt: u64,
    /// Nothing is sent to the vendor.
    pub dry_run: bool,
    /// Why it is as it is, for people.
    pub reason: Option<String>,
    /// What the sender was told.
    pub answer: AnswerState,
    /// Whether the sender still has to hear of a late success.
    pub telling: Telling,
    /// What later requests have taken of what it granted; `None` where nothing, and where it granted nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// What later requests have taken of what a request granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taken {
    /// Some of it is to go, and none has gone.
    Going,
    /// Some of its permissions are gone.
    Partly,
    /// All of its permissions are gone.
    All,
}

impl RequestView {
    /// The word of its state, and what it does not tell: that it was taken since, that a person has closed it.
    #[must_use]
    pub fn state(&self) -> String {
        let more = match (self.word, self.taken, self.execution) {
            (Word::Granted, Some(Taken::Going), _) => ", being taken",
            (Word::Granted, Some(Taken::Partly), _) => ", partly taken since",
            (Word::Granted, Some(Taken::All), _) => ", taken since",
            (Word::Refused, _, Execution::Closed) => ", closed",
            _ => "",
        };
        format!("{}{more}", self.word)
    }
}

impl From<&Request> for RequestView {
    fn from(request: &Request) -> Self {
        Self {
            id: request.id.0.clone(),
            word: request.word(),
            execution: request.execution,
            direction: request.direction,
            app: request.app_key.clone(),
            app_id: request.app.id.clone(),
            instance_id: request.app.instance.clone(),
            app_label: request.app.label.clone(),
            connection: request.connection.clone(),
            permissions: request.permissions.iter().map(|permission| permission.name.clone()).collect(),
            all: request.all,
            subject: request.subject.email.clone(),
            received: request.received,
            updated: request.updated,
            until: request.until,
            next_at: request.next_at,
            attempt: request.attempt,
            dry_run: request.dry_run,
            reason: request.reason.clone(),
            answer: request.answer.clone(),
            telling: request.telling,
            taken: None,
        }
    }
}

/// Some requests, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    /// The rows.
    pub requests: Vec<RequestView>,
    /// `before` of the next page, where there is one.
    pub next: Option<u64>,
}

/// One request with everything about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredView {
    /// Its row.
    pub request: RequestView,
    /// The path that it came by.
    pub route: String,
    /// Lumos's id of the request.
    pub lumos_request: Option<String>,
    /// The Lumos task; only where its host is one of `task_url_hosts`.
    pub task_link: Option<Url>,
    /// What the requester wrote.
    pub comment: Option<String>,
    /// Hash of the configuration that it was accepted under.
    pub config: String,
    /// What to paste into usher.toml where it was refused because something is not mapped.
    pub paste: Option<String>,
    /// What happened, oldest first.
    pub history: Vec<EntryView>,
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// When.
    pub at: Timestamp,
    /// In which attempt.
    pub attempt: u64,
    /// For machines: `accepted`, `intent`, `outcome`, ….
    pub kind: String,
    /// For people.
    pub sentence: String,
    /// What it rests on: calls and what they showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// A connection as configured.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Its key.
    pub name: String,
    /// Its connector.
    pub connector: String,
    /// The apps that it serves, by their keys.
    pub apps: Vec<String>,
    /// What its vendor takes.
    pub limiter: Option<Arc<dyn Limiter>>,
}

/// All connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionsView {
    /// By name.
    pub connections: Vec<ConnectionView>,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// Its key.
    pub name: String,
    /// Its connector.
    pub connector: String,
    /// The apps that it serves, by their keys.
    pub apps: Vec<String>,
    /// Who paused it and why.
    pub paused: Option<PauseView>,
    /// Whether its vendor fails, and calls to it are refused for that; `None` where `breaker = false`.
    pub breaker: Option<BreakerView>,
    /// How its vendor's limit stands.
    pub limit: Option<LimitView>,
}

/// How a vendor's limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// Calls that wait for leave.
    pub waiting: usize,
    /// Calls under way.
    pub under_way: usize,
    /// Requests that could not be served in time, and come again later.
    pub put_off: usize,
    /// Seconds, rounded up, for which the vendor's own limit lets nothing through; 0 where it does not stand in the way.
    pub closed_for_s: u64,
}

impl LimitView {
    /// Whether anything waits for it.
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        self.waiting > 0 || self.put_off > 0 || self.closed_for_s > 0
    }
}

impl From<LimitState> for LimitView {
    fn from(state: LimitState) -> Self {
        let LimitState { waiting, under_way, put_off, closed_for } = state;
        let begun = u64::from(closed_for.subsec_nanos() > 0);
        Self { waiting, under_way, put_off, closed_for_s: closed_for.as_secs().saturating_add(begun) }
    }
}

/// Why a connection is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseView {
    /// An operator's name.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl From<&Pause> for PauseView {
    fn from(pause: &Pause) -> Self {
        Self { by: pause.by.clone(), reason: pause.reason.clone(), since: pause.since }
    }
}
