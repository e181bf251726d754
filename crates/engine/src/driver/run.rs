//! One run: decide, perform, feed back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use usher_core::{Asked, Planner};
use usher_journal::{AnswerState, JournalError, Ledger, Record, RequestId, apply};

use super::Inner;
use super::admit::{Ahead, Registered, until};
use crate::decide::{Effect, Event, Mode, Phase, Run, World, decide};
use crate::lane::Ticket;
use crate::{Alert, Answer, Reply};

/// How long to wait before a commit is tried again that the journal did not take.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);

/// Where the answer goes. At most one is sent.
pub(super) struct Outlet {
    request: RequestId,
    sender: Option<oneshot::Sender<Reply>>,
    sent: Option<Answer>,
}

impl Outlet {
    pub(super) fn new(request: RequestId, sender: oneshot::Sender<Reply>) -> Self {
        Self { request, sender: Some(sender), sent: None }
    }

    /// For a run that nobody waits for.
    pub(super) fn nobody(request: RequestId) -> Self {
        Self { request, sender: None, sent: None }
    }

    pub(super) fn about(&mut self, request: RequestId) {
        self.request = request;
    }

    pub(super) fn sent(&self) -> Option<Answer> {
        self.sent.clone()
    }

    pub(super) fn send(&mut self, answer: Answer) {
        if let Some(sender) = self.sender.take() {
            self.sent = Some(answer.clone());
            if sender.send(Reply { request: self.request.clone(), answer }).is_err() {
                tracing::info!(request.id = %self.request, "the sender hung up before it was answered");
            }
        }
    }
}

impl Happened {
    fn event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

type Pending = Pin<Box<dyn Future<Output = Happened> + Send>>;

/// What an effect brought, for the driver itself.
enum Happened {
    Event(Box<Event>),
    Committed(Box<usher_journal::Committed>),
    NotCommitted(JournalError),
    /// The sleep without the turn is over.
    Wake,
}

pub(super) struct Driver {
    inner: Arc<Inner>,
    run: Run,
    ledger: Ledger,
    /// True already, on disk with the next commit.
    notes: Vec<Record>,
    /// The commit under way, kept until it is on disk.
    committing: Vec<Record>,
    outlet: Outlet,
    registered: Option<Registered>,
    ahead: Option<Ahead>,
    ticket: Option<Ticket>,
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Driver {
    pub(super) fn new(
        inner: Arc<Inner>,
        run: Run,
        ledger: Ledger,
        outlet: Outlet,
        registered: Option<Registered>,
    ) -> Self {
        Self {
            inner,
            run,
            ledger,
            notes: Vec::new(),
            committing: Vec::new(),
            outlet,
            registered,
            ahead: None,
            ticket: None,
            permit: None,
        }
    }

    /// Holds one of the places of work that nobody waits for.
    pub(super) fn with_permit(mut self, permit: Option<tokio::sync::OwnedSemaphorePermit>) -> Self {
        self.permit = permit;
        self
    }

    pub(super) async fn drive(mut self, ticket: Ticket, ahead: Option<Ahead>) {
        self.ahead = ahead;
        if self.run.answer.is_some() && self.outlet.sent().is_some() {
            // Answered before it was on disk: that too is kept.
            self.keep_answer();
        }
        if self.wait_for_turn(ticket).await {
            self.steps(Event::Started).await;
        }
        self.leave();
    }

    /// Waits for the turn; the answer may become due meanwhile. False: the process is ending.
    async fn wait_for_turn(&mut self, mut ticket: Ticket) -> bool {
        loop {
            let due = self.due();
            let leaving = self.inner.leaving.clone();
            let awaited = self.run.is_awaited();
            tokio::select! {
                biased;
                () = ticket.turn() => break,
                () = until_due(due) => { self.step(Event::DeadlineReached); }
                () = leaving.cancelled(), if !awaited => return false,
            }
        }
        self.ticket = Some(ticket);
        self.reload().await
    }

    /// The ledger may have moved while others had their turn. False: it cannot be read.
    async fn reload(&mut self) -> bool {
        let request = &self.run.request;
        let ledger = self.inner.journal.ledger(&request.connection, &request.subject_key).await;
        match self.inner.heard(ledger) {
            Ok(ledger) => {
                self.ledger = ledger;
                self.replay_notes();
                true
            }
            Err(error) => {
                self.step(Event::JournalLost { why: error.to_string() });
                false
            }
        }
    }

    fn replay_notes(&mut self) {
        let at = self.inner.moment();
        let mut request = self.run.request.clone();
        for record in &self.notes {
            apply(&mut request, &mut self.ledger, record, &at);
        }
    }

    /// Runs until it is over, or left to the journal.
    async fn steps(&mut self, first: Event) {
        let mut pending = self.step(first);
        while self.run.phase != Phase::Over {
            let Some(future) = pending.as_mut() else {
                return tracing::error!(request.id = %self.run.request.id, phase = ?self.run.phase, "a run came to a halt");
            };
            let due = self.due();
            let leaving = self.inner.leaving.clone();
            let retire =
                self.registered.as_ref().map_or_else(CancellationToken::new, |own| own.retire.clone());
            let may_leave = !self.run.is_awaited()
                && matches!(self.run.phase, Phase::Parked | Phase::Resting | Phase::Reading);
            let is_parked = self.run.phase == Phase::Parked;
            let operated = next_operation(self.registered.as_mut());
            let next = tokio::select! {
                biased;
                () = leaving.cancelled(), if may_leave => return self.flush().await,
                () = retire.cancelled(), if is_parked => return,
                () = until_due(due) => self.step(Event::DeadlineReached),
                Some(event) = operated => self.step(event),
                happened = future => {
                    pending = None;
                    self.happened(happened).await
                }
            };
            if next.is_some() {
                pending = next;
            }
            if self.is_stuck() {
                return;
            }
        }
    }

    /// The journal must not be trusted any more: nothing is sent, nothing is written.
    fn is_stuck(&self) -> bool {
        self.inner.lost.borrow().is_some()
    }

    async fn happened(&mut self, happened: Happened) -> Option<Pending> {
        match happened {
            Happened::Event(event) => {
                let event = *event;
                if matches!(event, Event::Seen { .. }) && !self.reload().await {
                    return Some(sleep_again(&self.inner, event));
                }
                self.step(event)
            }
            Happened::Committed(committed) => {
                self.committing.clear();
                self.ledger = committed.ledger;
                self.run.request = committed.request;
                self.replay_notes();
                self.step(Event::Committed)
            }
            Happened::NotCommitted(error) => {
                self.step(Event::JournalLost { why: error.to_string() });
                Some(self.commit_again())
            }
            Happened::Wake => {
                let place = (self.run.request.connection.clone(), self.run.request.subject_key.clone());
                // Before the turn, so that nobody who is awaited waits behind it for a permit.
                self.permit = self.inner.background.clone().acquire_owned().await.ok();
                self.set_parked(false);
                let ticket = self.inner.lanes.enter(&place, self.run.request.seq);
                if self.wait_for_turn(ticket).await { self.step(Event::Woken) } else { None }
            }
        }
    }

    /// One decision. Returns what has to be awaited next, if that changes.
    fn step(&mut self, event: Event) -> Option<Pending> {
        let now = self.inner.moment();
        let connection = self.inner.connections.get(&self.run.request.connection)?;
        let paused =
            self.inner.lock_pauses().get(&self.run.request.connection).map(|pause| pause.reason.clone());
        let planner: &dyn Planner = connection.provisioner.as_ref();
        let world = World {
            ledger: &self.ledger,
            planner,
            apps: &connection.apps,
            limits: &self.inner.limits,
            paused: paused.as_deref(),
        };
        let (run, effects) = decide(self.run.clone(), &world, event, now);
        self.run = run;
        let mut pending = None;
        for effect in effects {
            let next = self.perform(effect);
            debug_assert!(next.is_none() || pending.is_none(), "one thing is awaited at a time");
            pending = next.or(pending);
        }
        self.publish();
        pending
    }

    fn perform(&mut self, effect: Effect) -> Option<Pending> {
        match effect {
            Effect::Note(records) => {
                let at = self.inner.moment();
                for record in &records {
                    let mut request = self.run.request.clone();
                    apply(&mut request, &mut self.ledger, record, &at);
                }
                self.notes.extend(records);
                None
            }
            Effect::Commit(records) => {
                self.committing = std::mem::take(&mut self.notes);
                self.committing.extend(records);
                Some(self.commit(Duration::ZERO))
            }
            Effect::Observe { of } => Some(self.observe(of)),
            Effect::Apply { intent, action } => {
                let seen = self.run.seen.clone()?;
                let asked = self.asked();
                let awaited = self.run.is_awaited();
                let call = self.inner.apply(&self.run.request, asked, seen, action, intent, awaited);
                Some(Box::pin(async move { Happened::event(Event::Applied { intent, result: call.await }) }))
            }
            Effect::Answer(answer) => {
                self.outlet.send(answer);
                self.keep_answer();
                None
            }
            Effect::Sleep { until: wake, keep_turn } => Some(self.sleep(wake, keep_turn)),
            Effect::Alert { kind, sentence } => {
                let request = &self.run.request;
                let (connection, request) = (request.connection.clone(), request.id.clone());
                self.inner.alerts.alert(Alert { request, connection, kind, sentence });
                None
            }
        }
    }

    fn observe(&mut self, of: std::collections::BTreeSet<usher_core::Facet>) -> Pending {
        if let Some(mut ahead) = self.ahead.take() {
            return Box::pin(async move {
                let version = Some(ahead.version);
                match (&mut ahead.reading).await {
                    Ok(reading) => Happened::event(Event::Seen {
                        begun: reading.begun,
                        ahead: version,
                        result: reading.result,
                        foreign: reading.foreign,
                    }),
                    Err(_) => Happened::event(Event::Seen {
                        begun: Duration::ZERO,
                        // No ledger has this version: the reading is made anew.
                        ahead: Some(u64::MAX),
                        result: Err(usher_core::Fault::new(
                            "observe",
                            usher_core::Sent::No,
                            usher_core::Remedy::Retry { after: None },
                        )),
                        foreign: false,
                    }),
                }
            });
        }
        let deadline =
            self.run.is_awaited().then(|| self.inner.instant(self.run.deadline.unwrap_or_default()));
        let reading = self.inner.observe(&self.run.request, &self.ledger, of, deadline);
        Box::pin(async move {
            match reading {
                Some(reading) => {
                    let reading = reading.await;
                    Happened::event(Event::Seen {
                        begun: reading.begun,
                        ahead: None,
                        result: reading.result,
                        foreign: reading.foreign,
                    })
                }
                None => std::future::pending().await,
            }
        })
    }

    fn commit(&self, pause: Duration) -> Pending {
        let inner = self.inner.clone();
        let id = self.run.request.id.clone();
        let records = self.committing.clone();
        let at = inner.moment();
        Box::pin(async move {
            if !pause.is_zero() {
                until(inner.instant(at.ticks().saturating_add(pause))).await;
            }
            match inner.heard(inner.journal.commit(&id, records, at).await) {
                Ok(committed) => Happened::Committed(Box::new(committed)),
                Err(error) => Happened::NotCommitted(error),
            }
        })
    }

    /// What was decided stands: it is tried again until the journal takes it, and nothing is sent before.
    fn commit_again(&self) -> Pending {
        self.commit(COMMIT_AGAIN)
    }

    fn sleep(&mut self, wake: Option<Duration>, keep_turn: bool) -> Pending {
        let wake = self.inner.instant(wake.unwrap_or(Duration::MAX));
        if keep_turn {
            return Box::pin(async move {
                until(wake).await;
                Happened::event(Event::Woken)
            });
        }
        self.ticket = None;
        self.permit = None;
        self.set_parked(true);
        Box::pin(async move {
            until(wake).await;
            Happened::Wake
        })
    }

    fn set_parked(&self, parked: bool) {
        if let Some(own) = &self.registered {
            own.parked.store(parked, Ordering::SeqCst);
        }
    }

    /// Tells duplicates how it came out.
    fn publish(&self) {
        let settled =
            matches!(self.run.phase, Phase::Over | Phase::Parked | Phase::Parking { .. } | Phase::Ending);
        let Some(own) = self.registered.as_ref().filter(|_| settled && self.run.mode == Mode::Drive) else {
            return;
        };
        let confirmed = self.run.request.execution == usher_journal::Execution::Confirmed
            && self.run.phase == Phase::Over;
        let answer = if confirmed && self.run.request.reason.is_none() {
            Some(Answer::Positive)
        } else if confirmed || self.run.phase != Phase::Ending {
            Some(Answer::negative(self.run.request.reason.clone().unwrap_or_default()))
        } else {
            self.run.answer.clone()
        };
        own.result.send_if_modified(|result| {
            let first = result.is_none() && answer.is_some();
            if first {
                result.clone_from(&answer);
            }
            first
        });
    }

    fn keep_answer(&self) {
        let Some(answer) = self.outlet.sent() else { return };
        if self.run.mode == Mode::Recheck {
            return;
        }
        let state = match answer {
            Answer::Positive => AnswerState::Positive,
            Answer::Negative { reason } => AnswerState::Negative { reason },
        };
        let inner = self.inner.clone();
        let (id, attempt) = (self.run.request.id.clone(), self.run.request.attempt);
        self.inner.tracker.spawn(async move { inner.keep_answer(&id, attempt, state).await });
    }

    fn asked(&self) -> Asked {
        let request = &self.run.request;
        Asked {
            direction: request.direction,
            request: request.id.0.clone(),
            comment: request.comment.clone(),
            app: request.app.clone(),
            now: self.inner.clock.now(),
            attempt: request.attempt,
        }
    }

    fn due(&self) -> Option<tokio::time::Instant> {
        self.run.is_awaited().then(|| self.inner.instant(self.run.deadline.unwrap_or_default()))
    }

    /// What is true and not on disk yet goes there before the process ends.
    async fn flush(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        if notes.is_empty() {
            return;
        }
        let at = self.inner.moment();
        if let Err(error) = self.inner.journal.commit(&self.run.request.id, notes, at).await {
            tracing::warn!(request.id = %self.run.request.id, error = %error, "the last readings were not journaled");
        }
    }

    /// Out of the books. What is left unfinished stays registered while the process ends, so that it can be counted.
    fn leave(self) {
        if self.registered.is_some() && (self.run.phase == Phase::Over || !self.inner.leaving.is_cancelled())
        {
            let mut active = self.inner.lock_active();
            let own = self.registered.as_ref().is_some_and(|own| !own.retire.is_cancelled());
            if own {
                active.remove(&self.run.request.id);
            }
        }
    }
}

async fn until_due(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => until(due).await,
        None => std::future::pending().await,
    }
}

async fn next_operation(registered: Option<&mut Registered>) -> Option<Event> {
    match registered {
        Some(own) => own.events.recv().await,
        None => std::future::pending().await,
    }
}

fn sleep_again(inner: &Inner, event: Event) -> Pending {
    let wake = inner.instant(inner.moment().ticks().saturating_add(COMMIT_AGAIN));
    Box::pin(async move {
        until(wake).await;
        Happened::event(event)
    })
}
