//! Calls of a connector. Each runs as a task of its own, so that a connector that panics takes nobody else along.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use usher_core::{
    Account, Action, Asked, Call, Direction, Facet, Fault, Known, Part, Priority, Receipt, Remedy, Sent,
    Snapshot, Watch, Way,
};
use usher_journal::{Change, ChangeState, Ledger, Request};

use super::Inner;

/// How long a reading that nobody waits for may take.
const BACKGROUND_READING: Duration = Duration::from_secs(30);

/// By when a reading has to be over, who is served before it, and what it is in its request.
pub(super) struct Terms {
    pub(super) deadline: Option<Instant>,
    pub(super) priority: Priority,
    pub(super) part: Option<Part>,
}

/// What one reading brought.
pub(super) struct Reading {
    pub(super) begun: Duration,
    /// Without the time that it waited for leave: that is no time of the vendor's.
    pub(super) took: Duration,
    /// The intents of the changes whose watches were asked for.
    pub(super) watched: Vec<u64>,
    pub(super) result: Result<Snapshot, Fault>,
    pub(super) foreign: bool,
}

/// A task that ends with whoever waits for it.
pub(super) struct Reader(pub(super) JoinHandle<Reading>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A reading begun before the request was on disk (rule 2).
pub(super) struct Ahead {
    /// The ledger's version then.
    pub(super) version: u64,
    pub(super) reading: Reader,
}

/// One changing call, with all that it needs.
pub(super) struct Sending {
    pub(super) seen: Snapshot,
    pub(super) asked: Asked,
    pub(super) action: Action,
    pub(super) key: String,
    /// By when the answer is due, if somebody waits for it.
    pub(super) answer_by: Option<Instant>,
    pub(super) way: Way,
}

impl Inner {
    /// A reading of the request's subject, for the request.
    pub(super) fn observe(
        self: &Arc<Self>,
        request: &Request,
        ledger: &Ledger,
        of: BTreeSet<Facet>,
        deadline: Option<Instant>,
        (way, changes_ahead): (&Way, bool),
    ) -> impl Future<Output = Reading> + Send + use<> {
        let priority = priority(request.direction, deadline.is_some());
        let part = Some(self.part(way, &request.connection, deadline, changes_ahead));
        self.observe_at(request, ledger, of, Terms { deadline, priority, part })
    }

    /// A reading of the request's subject.
    pub(super) fn observe_at(
        self: &Arc<Self>,
        request: &Request,
        ledger: &Ledger,
        of: BTreeSet<Facet>,
        terms: Terms,
    ) -> impl Future<Output = Reading> + Send + use<> {
        let provisioner =
            self.connections.get(&request.connection).map(|connection| connection.provisioner.clone());
        let inner = self.clone();
        let who = request.subject.clone();
        let own = request.subject_key.clone();
        let connection = request.connection.clone();
        let known = Known {
            handles: ledger.handles.clone(),
            watches: ledger.changes.iter().filter_map(watch_of).map(|(_, watch)| watch.clone()).collect(),
            invited: ledger.invited(),
        };
        let watched = ledger.changes.iter().filter_map(watch_of).map(|(intent, _)| intent).collect();
        let latest = self.clock.instant().checked_add(BACKGROUND_READING);
        let call = Call {
            deadline: terms.deadline.or(latest).unwrap_or(self.started),
            priority: terms.priority,
            idempotency_key: None,
            part: terms.part,
        };
        async move {
            let begun = inner.moment().ticks();
            let bound = call.deadline;
            let way = call.part.as_ref().map(|part| part.way.clone());
            let waited = || way.as_ref().map(|way| way.waited(inner.clock.instant())).unwrap_or_default();
            let waited_before = waited();
            let reading = async move {
                match provisioner {
                    Some(provisioner) => provisioner.observe(&call, &who, &known, &of).await,
                    None => Err(unconnected("observe")),
                }
            };
            let mut result = bounded(tokio::spawn(reading), bound, "observe", Sent::Yes).await;
            let waited = waited().saturating_sub(waited_before);
            let took = inner.moment().ticks().saturating_sub(begun).saturating_sub(waited);
            if result.is_ok() {
                inner.habits.reading_took(&connection, took);
            }
            let mut foreign = false;
            if let Ok(Snapshot { account: Account::Found { id: Some(account) }, .. }) = &result {
                match inner.heard(inner.journal.account_owner(&connection, account).await) {
                    Ok(owner) => foreign = owner.is_some_and(|owner| owner != own),
                    // Without knowing whose it is, the reading is worth nothing (rule 27).
                    Err(error) => {
                        let remedy = Remedy::Retry { after: None };
                        result = Err(Fault::new("look up the account", Sent::No, remedy).because(error));
                    }
                }
            }
            Reading { begun, took, watched, result, foreign }
        }
    }

    /// One changing call.
    pub(super) fn apply(
        self: &Arc<Self>,
        request: &Request,
        sending: Sending,
    ) -> impl Future<Output = Result<Receipt, Fault>> + Send + use<> {
        let provisioner =
            self.connections.get(&request.connection).map(|connection| connection.provisioner.clone());
        let who = request.subject.clone();
        let now = self.clock.instant();
        let Sending { seen, asked, action, key, answer_by, way } = sending;
        self.habits.change_may_take(&request.connection, action.timeout);
        let call = Call {
            deadline: now.checked_add(action.timeout).unwrap_or(now),
            priority: priority(request.direction, answer_by.is_some()),
            idempotency_key: Some(key),
            part: Some(self.part(&way, &request.connection, answer_by, true)),
        };
        async move {
            let Some(provisioner) = provisioner else { return Err(unconnected("apply")) };
            // A little more than the call's own time: a connector that keeps it is never cut off.
            let bound = call.deadline.checked_add(Duration::from_millis(500)).unwrap_or(call.deadline);
            let task =
                tokio::spawn(async move { provisioner.apply(&call, &who, &asked, &seen, &action).await });
            bounded(task, bound, "apply", Sent::Maybe).await
        }
    }
}

fn unconnected(operation: &str) -> Fault {
    Fault::new(operation, Sent::No, Remedy::Person).because("the connection is not there")
}

fn watch_of(change: &Change) -> Option<(u64, &Watch)> {
    match &change.state {
        ChangeState::Watching { watch, .. } => Some((change.intent, watch)),
        _ => None,
    }
}

fn priority(direction: Direction, awaited: bool) -> Priority {
    match (direction, awaited) {
        (Direction::Deprovision, _) => Priority::Revoke,
        (Direction::Provision, true) => Priority::Answering,
        (Direction::Provision, false) => Priority::Background,
    }
}

/// The task's result, or a fault where it panics or overruns. A call that overran may have arrived.
async fn bounded<T: Send + 'static>(
    mut task: JoinHandle<Result<T, Fault>>,
    bound: Instant,
    operation: &'static str,
    sent: Sent,
) -> Result<T, Fault> {
    let remedy = || if sent == Sent::Maybe { Remedy::ReadBack } else { Remedy::Retry { after: None } };
    match tokio::time::timeout_at(bound, &mut task).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => {
            tracing::error!(operation, "a connector panicked");
            Err(Fault::new(operation, sent, remedy()).because("the connector failed inside: see the log"))
        }
        Err(_) => {
            task.abort();
            Err(Fault::new(operation, sent, remedy()).because("it took too long"))
        }
    }
}
