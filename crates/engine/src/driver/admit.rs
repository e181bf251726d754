//! From a delivery to a run (or to the run that it is a duplicate of).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use usher_core::{Facet, Way};
use usher_journal::{
    Accepted, AnswerState, Arrival, Arrived, Execution, JournalError, Ledger, Request, RequestId,
};

use super::books::Registered;
use super::outlet::Outlet;
use super::perform::{Ahead, Reader};
use super::run::Driver;
use super::{Inner, lost_for, until};
use crate::decide::{Mode, Run};
use crate::lane::Ticket;
use crate::{Answer, Delivery, Reply};

/// How long a refusal waits for the disk at the most.
const A_MOMENT: Duration = Duration::from_millis(200);

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
    way: Way,
}

impl Inner {
    pub(super) async fn admit(self: Arc<Self>, delivery: Delivery, sender: oneshot::Sender<Reply>) {
        let deadline = delivery.began.checked_add(self.limits.answer_within).unwrap_or(delivery.began);
        let fresh = delivery.arrival.request.clone();
        let mut outlet = Outlet::new(fresh.id.clone(), sender);
        if fresh.execution != Execution::Accepted {
            return self.refuse(delivery.arrival, outlet).await;
        }
        if !self.connections.contains_key(&fresh.connection) {
            let name = &fresh.connection;
            return outlet.send(Answer::negative(format!(
                "the connection {name} is not there: see the configuration"
            )));
        }
        let mut admission = Box::pin(self.clone().accept(delivery.arrival, deadline));
        let mut lost = self.lost.subscribe();
        let admission = loop {
            let is_due = outlet.sent().is_some();
            tokio::select! {
                biased;
                why = lost_for(&mut lost) => {
                    return outlet.send(Answer::negative(format!("{why}: nothing was sent")));
                }
                () = until(deadline), if !is_due => outlet.send(Answer::negative(
                    "not done in time: the journal has not written the request yet; Usher goes on if it does",
                )),
                admission = &mut admission => break admission,
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

    /// What is final already. A negative answer does not wait for the disk, save for a moment, so that it can name the row that it
    /// is about: a repeated delivery's is that of the first.
    async fn refuse(self: &Arc<Self>, arrival: Arrival, mut outlet: Outlet) {
        let id = arrival.request.id.clone();
        let reason = arrival.request.reason.clone().unwrap_or_default();
        let at = self.moment();
        let moment_over = self.clock.instant().checked_add(A_MOMENT).unwrap_or(self.started);
        let mut accepted = std::pin::pin!(self.journal.accept(arrival, at));
        let accepted = loop {
            let is_answered = outlet.sent().is_some();
            tokio::select! {
                biased;
                accepted = &mut accepted => break accepted,
                () = until(moment_over), if !is_answered => outlet.send(Answer::negative(reason.clone())),
            }
        };
        match self.heard(accepted) {
            Ok(accepted) => {
                outlet.about(accepted.request.id.clone());
                outlet.send(Answer::negative(reason.clone()));
                // A duplicate of something else keeps the answer that it had.
                if matches!(accepted.arrived, Arrived::Fresh | Arrived::Again) {
                    let answer = AnswerState::Negative { reason };
                    self.keep_answer(&accepted.request.id, accepted.request.attempt, answer).await;
                }
            }
            Err(error) => {
                outlet.send(Answer::negative(reason));
                tracing::error!(request.id = %id, error = %error, "a refused request was not journaled");
            }
        }
    }

    pub(super) async fn keep_answer(self: &Arc<Self>, id: &RequestId, attempt: u64, answer: AnswerState) {
        let (at, is_lost) = (self.moment(), answer == AnswerState::Lost);
        match self.heard(self.journal.answered(id, attempt, answer, at).await) {
            // A grant that was confirmed, and whose sender had hung up (rule 15).
            Ok(()) if is_lost => self.tell(id),
            Ok(()) => {}
            // After a restart it counts as lost, which is the safe side.
            Err(error) => tracing::warn!(request.id = %id, error = %error, "an answer was not journaled"),
        }
    }

    /// One commit. Subjects are accepted one after another, so that they enter their lane in that order.
    async fn accept(self: Arc<Self>, arrival: Arrival, deadline: Instant) -> Result<Admission, JournalError> {
        let place = (arrival.request.connection.clone(), arrival.request.subject_key.clone());
        let gate = self.lanes.gate(&place);
        let _held = gate.lock.lock().await;
        let way = Way::new();
        let ahead = self.read_ahead(&arrival.request, deadline, &way).await?;
        let at = self.moment();
        let accepted = self.heard(self.journal.accept(arrival, at).await)?;
        let runs = matches!(accepted.arrived, Arrived::Fresh | Arrived::Again)
            && accepted.request.execution == Execution::Accepted;
        if !runs {
            return Ok(Admission { accepted, ready: None });
        }
        let registered = self.register(&accepted.request.id, false);
        let ticket = self.lanes.enter(&place, accepted.request.seq);
        Ok(Admission { accepted, ready: Some(Ready { ticket, registered, ahead, way }) })
    }

    /// Begins the first reading while the request goes to disk, where nobody else is at the subject (rule 2).
    async fn read_ahead(
        self: &Arc<Self>,
        request: &Request,
        deadline: Instant,
        way: &Way,
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
        let reading = self.observe(request, &ledger, of, Some(deadline), (way, true));
        Ok(Some(Ahead { version, reading: Reader(tokio::spawn(reading)) }))
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
        let mut driver = Driver::new(self, run, ledger, outlet, Some(ready.registered));
        driver.way = ready.way;
        driver.drive(ready.ticket, ready.ahead).await;
    }
}

/// Facets that a reading is asked about before the request has its turn.
pub(super) fn interest_ahead(request: &Request, ledger: &Ledger) -> BTreeSet<Facet> {
    let asked = request.permissions.iter().flat_map(|permission| permission.facets.iter().flatten());
    let held = ledger.holders.iter().flat_map(|holder| &holder.facets);
    asked.chain(held).cloned().collect()
}
