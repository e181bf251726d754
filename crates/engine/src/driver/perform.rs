//! Calls of a connector. Each runs as a task of its own, so that a connector that panics takes nobody else along.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use usher_core::{
    Account, Action, Asked, Call, Direction, Facet, Fault, Known, Priority, Receipt, Remedy, Sent, Snapshot,
};
use usher_journal::{ChangeState, Ledger, Request};

use super::Inner;

/// How long a reading that nobody waits for may take.
const BACKGROUND_READING: Duration = Duration::from_secs(30);

/// What one reading brought.
pub(crate) struct Reading {
    pub(crate) begun: Duration,
    pub(crate) result: Result<Snapshot, Fault>,
    pub(crate) foreign: bool,
}

impl Inner {
    /// A reading of the request's subject; `None` where the connection is not there.
    pub(super) fn observe(
        self: &Arc<Self>,
        request: &Request,
        ledger: &Ledger,
        of: BTreeSet<Facet>,
        deadline: Option<Instant>,
    ) -> Option<impl Future<Output = Reading> + Send + use<>> {
        let provisioner = self.connections.get(&request.connection)?.provisioner.clone();
        let inner = self.clone();
        let who = request.subject.clone();
        let own = request.subject_key.clone();
        let connection = request.connection.clone();
        let known = Known {
            handles: ledger.handles.clone(),
            watches: ledger.changes.iter().filter_map(watch_of).cloned().collect(),
            invited: None,
        };
        let latest = self.clock.instant().checked_add(BACKGROUND_READING);
        let call = Call {
            deadline: deadline.or(latest).unwrap_or(self.started),
            priority: priority(request.direction, deadline.is_some()),
            idempotency_key: None,
        };
        Some(async move {
            let begun = inner.moment().ticks();
            let bound = call.deadline;
            let task = tokio::spawn(async move { provisioner.observe(&call, &who, &known, &of).await });
            let result = bounded(task, bound, "observe", Sent::Yes).await;
            let foreign = match &result {
                Ok(Snapshot { account: Account::Found { id: Some(account) }, .. }) => {
                    let owner = inner.heard(inner.journal.account_owner(&connection, account).await);
                    matches!(owner, Ok(Some(owner)) if owner != own)
                }
                _ => false,
            };
            Reading { begun, result, foreign }
        })
    }

    /// One changing call.
    pub(super) fn apply(
        self: &Arc<Self>,
        request: &Request,
        asked: Asked,
        seen: Snapshot,
        action: Action,
        intent: u64,
        awaited: bool,
    ) -> impl Future<Output = Result<Receipt, Fault>> + Send + use<> {
        let provisioner =
            self.connections.get(&request.connection).map(|connection| connection.provisioner.clone());
        let who = request.subject.clone();
        let now = self.clock.instant();
        let call = Call {
            deadline: now.checked_add(action.timeout).unwrap_or(now),
            priority: priority(request.direction, awaited),
            idempotency_key: Some(format!("{}-{intent}", request.id)),
        };
        async move {
            let Some(provisioner) = provisioner else {
                return Err(
                    Fault::new("apply", Sent::No, Remedy::Person).because("the connection is not there")
                );
            };
            // A little more than the call's own time: a connector that keeps it is never cut off.
            let bound = call.deadline.checked_add(Duration::from_millis(500)).unwrap_or(call.deadline);
            let task =
                tokio::spawn(async move { provisioner.apply(&call, &who, &asked, &seen, &action).await });
            bounded(task, bound, "apply", Sent::Maybe).await
        }
    }
}

fn watch_of(change: &usher_journal::Change) -> Option<&usher_core::Watch> {
    match &change.state {
        ChangeState::Watching { watch, .. } => Some(watch),
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
    mut task: tokio::task::JoinHandle<Result<T, Fault>>,
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
