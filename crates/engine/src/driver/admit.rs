//! From a delivery to a run (or to the run that it is a duplicate of).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use usher_core::{Direction, Facet};
use usher_journal::{
    Accepted, AnswerState, Arrival, Arrived, Execution, JournalError, Ledger, Request, RequestId,
};

use super::perform::Reading;
use super::run::{Driver, Outlet};
use super::{Active, Inner};
use crate::decide::{Mode, Run};
use crate::lane::Ticket;
use crate::{Answer, Delivery, Reply};

/// What acceptance brought, and the place in the lane that goes with it.
struct Admission {
    accepted: Accepted,
    /// For what runs: its place, its registration, and the reading that was begun ahead.
    ready: Option<Ready>,
}

struct Ready {
    ticket: Ticket,
    registered: Registered,
    ahead: Option<Ahead>,
}

/// A reading begun before the request was on disk (rule 2).
pub(super) struct Ahead {
    pub(super) version: u64,
    pub(super) reading: JoinHandle<Reading>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// The run's own ends of [`Active`].
pub(super) struct Registered {
    pub(super) events: mpsc::Receiver<crate::Event>,
    pub(super) result: watch::Sender<Option<Answer>>,
    pub(super) retire: CancellationToken,
    pub(super) parked: Arc<AtomicBool>,
}

impl Inner {
    pub(super) async fn admit(self: Arc<Self>, delivery: Delivery, sender: oneshot::Sender<Reply>) {
        let deadline = delivery.began.checked_add(self.limits.answer_within).unwrap_or(delivery.began);
        let fresh = delivery.arrival.request.clone();
        let mut outlet = Outlet::new(fresh.id.clone(), sender);
        if fresh.execution != Execution::Accepted {
            // It is final already, and a negative answer never waits for the disk.
            let reason = fresh.reason.clone().unwrap_or_default();
            outlet.send(Answer::negative(reason.clone()));
            return self.keep_preset(delivery.arrival, reason).await;
        }
        if !self.connections.contains_key(&fresh.connection) {
            let name = &fresh.connection;
            return outlet.send(Answer::negative(format!(
                "the connection {name} is not there: see the configuration"
            )));
        }
        let admission = self.clone().accept(delivery.arrival, deadline);
        tokio::pin!(admission);
        let admission = tokio::select! {
            biased;
            admission = &mut admission => admission,
            () = until(deadline) => {
                outlet.send(Answer::negative("not done in time: the journal has not written the request yet"));
                admission.await
            }
        };
        match admission {
            Ok(admission) => self.go_on(admission, outlet, deadline).await,
            Err(error) => {
                let why = error.to_string();
                tracing::error!(request.id = %fresh.id, error = %why, "a request was not accepted");
                outlet.send(Answer::negative(format!("{why}: nothing was accepted, nothing was sent")));
            }
        }
    }

    async fn keep_preset(&self, arrival: Arrival, reason: String) {
        let id = arrival.request.id.clone();
        let at = self.moment();
        match self.heard(self.journal.accept(arrival, at).await) {
            // A duplicate of something else keeps the answer that it had.
            Ok(accepted) if !matches!(accepted.arrived, Arrived::Fresh | Arrived::Again) => {}
            Ok(accepted) => {
                let answer = AnswerState::Negative { reason };
                let (id, attempt) = (accepted.request.id, accepted.request.attempt);
                self.keep_answer(&id, attempt, answer).await;
            }
            Err(error) => {
                tracing::error!(request.id = %id, error = %error, "a refused request was not journaled");
            }
        }
    }

    pub(super) async fn keep_answer(&self, id: &RequestId, attempt: u64, answer: AnswerState) {
        let at = self.moment();
        if let Err(error) = self.heard(self.journal.answered(id, attempt, answer, at).await) {
            // After a restart it counts as lost, which is the safe side.
            tracing::warn!(request.id = %id, error = %error, "an answer was not journaled");
        }
    }

    /// One commit. Subjects are accepted one after another, so that they enter their lane in that order.
    async fn accept(self: Arc<Self>, arrival: Arrival, deadline: Instant) -> Result<Admission, JournalError> {
        let place = (arrival.request.connection.clone(), arrival.request.subject_key.clone());
        let gate = self.lanes.gate(&place);
        let _held = gate.lock.lock().await;
        let ahead = self.read_ahead(&arrival.request, deadline).await?;
        let at = self.moment();
        let accepted = self.heard(self.journal.accept(arrival, at).await)?;
        let runs = matches!(accepted.arrived, Arrived::Fresh | Arrived::Again)
            && accepted.request.execution == Execution::Accepted;
        if !runs {
            return Ok(Admission { accepted, ready: None });
        }
        let registered = self.register(&accepted.request.id);
        let ticket = self.lanes.enter(&place, accepted.request.seq);
        Ok(Admission { accepted, ready: Some(Ready { ticket, registered, ahead }) })
    }

    /// Begins the first reading while the request goes to disk, where nobody else is at the subject (rule 2).
    async fn read_ahead(
        self: &Arc<Self>,
        request: &Request,
        deadline: Instant,
    ) -> Result<Option<Ahead>, JournalError> {
        let place = (request.connection.clone(), request.subject_key.clone());
        if !self.lanes.is_idle(&place) {
            return Ok(None);
        }
        let ledger = self.heard(self.journal.ledger(&place.0, &place.1).await)?;
        if !ledger.unfinished.is_empty() {
            return Ok(None);
        }
        let version = ledger.version;
        let of = interest_ahead(request, &ledger);
        let reading = self.observe(request, &ledger, of, Some(deadline));
        Ok(reading.map(|reading| Ahead { version, reading: tokio::spawn(reading) }))
    }

    pub(super) fn register(&self, id: &RequestId) -> Registered {
        let (sender, events) = mpsc::channel(16);
        let (result, receiver) = watch::channel(None);
        let (retire, parked) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let active =
            Active { events: sender, result: receiver, retire: retire.clone(), parked: parked.clone() };
        self.lock_active().insert(id.clone(), active);
        Registered { events, result, retire, parked }
    }

    async fn go_on(self: Arc<Self>, admission: Admission, mut outlet: Outlet, deadline: Instant) {
        let Accepted { arrived, request, ledger, version_before } = admission.accepted;
        outlet.about(request.id.clone());
        let Some(ready) = admission.ready else {
            return self.duplicate(arrived, request, outlet, deadline).await;
        };
        let ticks = self.ticks(deadline);
        let began = self.clock.now();
        let mut run = Run::new(request, Mode::Drive, Some(ticks), began);
        run.version_before = version_before;
        run.answer = outlet.sent();
        let driver = Driver::new(self, run, ledger, outlet, Some(ready.registered));
        driver.drive(ready.ticket, ready.ahead).await;
    }

    /// A repeated delivery (rule 10).
    async fn duplicate(
        self: Arc<Self>,
        arrived: Arrived,
        request: Request,
        mut outlet: Outlet,
        deadline: Instant,
    ) {
        match arrived {
            Arrived::Running => {
                let answer = self.result_of(&request.id, deadline).await;
                outlet.send(answer);
            }
            Arrived::Recheck => {
                let ledger = self.journal.ledger(&request.connection, &request.subject_key).await;
                let Ok(ledger) = self.heard(ledger) else {
                    return outlet
                        .send(Answer::negative("the journal is out of reach: nothing could be looked at"));
                };
                let place = (request.connection.clone(), request.subject_key.clone());
                let ticket = self.lanes.enter(&place, u64::MAX);
                let began = self.clock.now();
                let ticks = self.ticks(deadline);
                let mut run = Run::new(request, Mode::Recheck, Some(ticks), began);
                run.answer = outlet.sent();
                Driver::new(self, run, ledger, outlet, None).drive(ticket, None).await;
            }
            Arrived::Followed => {
                let opposite = match request.direction {
                    Direction::Provision => "a deprovisioning",
                    Direction::Deprovision => "an approval",
                };
                outlet.send(Answer::negative(format!(
                    "{opposite} has followed it: only an operator's replay runs it again"
                )));
            }
            Arrived::Settled | Arrived::Fresh | Arrived::Again => {
                let reason = request.reason.clone().unwrap_or_default();
                outlet.send(Answer::negative(format!("{}: {reason}", request.word())));
            }
        }
    }

    /// The result of a running request, by the duplicate's own deadline.
    async fn result_of(&self, id: &RequestId, deadline: Instant) -> Answer {
        let receiver = self.lock_active().get(id).map(|active| active.result.clone());
        if let Some(mut receiver) = receiver {
            let result = tokio::select! {
                biased;
                result = receiver.wait_for(Option::is_some) => result.ok().and_then(|result| result.clone()),
                () = until(deadline) => Some(Answer::negative("not done in time: the first delivery is still at it")),
            };
            if let Some(answer) = result {
                return answer;
            }
        }
        // It ended in between: its row says how.
        match self.heard(self.journal.find(id).await) {
            Ok(Some(stored))
                if stored.request.execution == Execution::Confirmed && stored.request.reason.is_none() =>
            {
                Answer::Positive
            }
            Ok(Some(stored)) => {
                Answer::negative(stored.request.reason.unwrap_or_else(|| "not done yet".to_owned()))
            }
            Ok(None) => Answer::negative("the first delivery is not there"),
            Err(error) => Answer::negative(error.to_string()),
        }
    }

    /// Takes up what an earlier process left.
    pub(super) fn recover(self: Arc<Self>, request: Request) {
        if request.execution.is_final() || request.execution == Execution::NeedsHuman {
            return;
        }
        if !self.connections.contains_key(&request.connection) {
            self.clone().tracker.spawn(async move { self.park_unconnected(request).await });
            return;
        }
        let wall = self.clock.now();
        let pause = request.next_at.map(|at| Duration::try_from(at.duration_since(wall)).unwrap_or_default());
        let began = request.received;
        let mut run = Run::new(request, Mode::Drive, None, began);
        // Whoever waited has given up.
        run.answer = Some(Answer::negative("the answer was lost with the process"));
        run.check_mapping = true;
        self.background(run, pause);
    }

    async fn park_unconnected(&self, request: Request) {
        let reason = format!(
            "the connection {} is not configured any more: put it back, or close the request",
            request.connection
        );
        let parked =
            usher_journal::Record::Parked { execution: Execution::NeedsHuman, reason, next_at: None };
        let at = self.moment();
        if let Err(error) = self.heard(self.journal.commit(&request.id, vec![parked], at).await) {
            tracing::error!(request.id = %request.id, error = %error, "a request could not be parked");
        }
    }

    /// Drives a run that nobody waits for.
    pub(super) fn background(self: Arc<Self>, run: Run, pause: Option<Duration>) {
        let registered = self.register(&run.request.id);
        let inner = self.clone();
        self.tracker.spawn(async move {
            let place = (run.request.connection.clone(), run.request.subject_key.clone());
            let id = run.request.id.clone();
            if let Some(pause) = pause.filter(|pause| !pause.is_zero()) {
                let wake = inner.instant(inner.moment().ticks().saturating_add(pause));
                registered.parked.store(true, std::sync::atomic::Ordering::SeqCst);
                tokio::select! {
                    () = until(wake) => {}
                    () = inner.leaving.cancelled() => return,
                    () = registered.retire.cancelled() => return,
                }
                registered.parked.store(false, std::sync::atomic::Ordering::SeqCst);
            }
            let permit = inner.background.clone().acquire_owned().await.ok();
            let ticket = inner.lanes.enter(&place, run.request.seq);
            let ledger = match inner.heard(inner.journal.ledger(&place.0, &place.1).await) {
                Ok(ledger) => ledger,
                Err(error) => return tracing::error!(request.id = %id, error = %error, "a request could not be taken up"),
            };
            let outlet = Outlet::nobody(id);
            Driver::new(inner, run, ledger, outlet, Some(registered)).with_permit(permit).drive(ticket, None).await;
        });
    }
}

fn interest_ahead(request: &Request, ledger: &Ledger) -> std::collections::BTreeSet<Facet> {
    let asked = request.permissions.iter().flat_map(|permission| permission.facets.iter().flatten());
    let held = ledger.holders.iter().flat_map(|holder| &holder.facets);
    asked.chain(held).cloned().collect()
}

/// Waits until a planned moment of the monotonic clock.
pub(super) async fn until(instant: Instant) {
    tokio::time::sleep_until(instant).await;
}
