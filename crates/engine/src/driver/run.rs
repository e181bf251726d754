//! One run: decide, perform, feed back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use usher_core::{Direction, Fault, Planner, Remedy, Sent, Way};
use usher_journal::{Committed, JournalError, Ledger, Record, Telling, apply};

use super::Inner;
use super::books::Registered;
use super::outlet::Outlet;
use super::perform::Ahead;
use crate::decide::{Effect, Event, Mode, Phase, Run, World, decide};
use crate::lane::Ticket;
use crate::lumos::AccessRequest;
use crate::{AlertKind, Answer};

/// What is awaited: the effect of the last decision.
pub(super) type Pending = Pin<Box<dyn Future<Output = Happened> + Send>>;

/// What an effect brought.
pub(super) enum Happened {
    /// Nothing that the ledger has to be read for.
    Event(Box<Event>),
    /// What is decided by the ledger as it is now.
    Read { event: Box<Event>, ledger: Result<Ledger, JournalError> },
    /// The turn has come.
    Turn { ticket: Ticket, permit: Option<OwnedSemaphorePermit>, first: Box<Event> },
    /// What Lumos says of the access request, before an attempt that nobody waits for (rule 26).
    Approval { seen: Result<AccessRequest, String>, first: Box<Event> },
    /// On disk.
    Committed(Box<Committed>),
    /// The journal did not take it.
    NotCommitted(JournalError),
}

/// Why the loop of a run came to its end.
enum Left {
    /// The request has ended, or waits for a person.
    Over,
    /// The journal keeps it for the next process.
    ToJournal,
    /// A replay has taken over.
    Retired,
}

pub(super) struct Driver {
    pub(super) inner: Arc<Inner>,
    pub(super) run: Run,
    pub(super) ledger: Ledger,
    /// True already, on disk with the next commit.
    notes: Vec<Record>,
    /// The commit under way, kept until it is on disk.
    pub(super) committing: Vec<Record>,
    pub(super) outlet: Outlet,
    pub(super) registered: Option<Registered>,
    pub(super) ahead: Option<Ahead>,
    pub(super) ticket: Option<Ticket>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// It has no turn and may be retired.
    pub(super) idle: bool,
    pub(super) way: Way,
    /// A change has gone out since it has its turn: what follows reads back.
    pub(super) changed: bool,
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
            idle: false,
            way: Way::new(),
            changed: false,
        }
    }

    /// Drives a run that has entered its lane.
    pub(super) async fn drive(mut self, ticket: Ticket, ahead: Option<Ahead>) {
        self.ahead = ahead;
        if self.outlet.sent().is_some() {
            // Answered before it was on disk: that too is kept.
            self.keep_answer();
        }
        let turn = self.turn(ticket);
        self.until_the_end(turn).await;
    }

    /// Drives a run that nobody waits for, after a pause that holds nobody up.
    pub(super) async fn drive_after(mut self, pause: Duration) {
        let wake = self.inner.instant(self.inner.moment().ticks().saturating_add(pause));
        self.idle = true;
        let turn = self.turn_at(wake, Event::Started);
        self.until_the_end(turn).await;
    }

    async fn until_the_end(mut self, first: Pending) {
        let left = self.steps(first).await;
        // The turn is free for others, whatever is still to be written.
        self.ticket = None;
        self.permit = None;
        if !matches!(left, Left::Retired) {
            self.flush().await;
        }
        // What is done, but for its invitee's yes, is not left undone.
        if matches!(left, Left::ToJournal)
            && self.run.mode != Mode::Track
            && let Some(own) = self.registered.take()
        {
            self.inner.leave_to_journal(own);
        }
    }

    /// Runs until it is over, or left to the journal.
    async fn steps(&mut self, first: Pending) -> Left {
        let mut pending = Some(first);
        let mut lost = self.inner.lost.subscribe();
        let leaving = self.inner.leaving.clone();
        while self.run.phase != Phase::Over {
            let Some(future) = pending.as_mut() else {
                tracing::error!(request.id = %self.run.request.id, phase = ?self.run.phase, "a run came to a halt");
                return Left::ToJournal;
            };
            let due = self.due();
            let retire =
                self.registered.as_ref().map_or_else(CancellationToken::new, |own| own.retire.clone());
            let may_leave = !self.run.is_awaited()
                && matches!(self.run.phase, Phase::Queued | Phase::Parked | Phase::Resting | Phase::Reading);
            let may_retire = self.idle;
            let operated = next_operation(self.registered.as_mut());
            let next = tokio::select! {
                biased;
                why = super::lost_for(&mut lost) => {
                    self.step(Event::JournalLost { why });
                    return Left::ToJournal;
                }
                () = leaving.cancelled(), if may_leave => return Left::ToJournal,
                () = retire.cancelled(), if may_retire => return Left::Retired,
                () = super::until_due(due) => self.step(Event::DeadlineReached),
                Some(event) = operated => self.operated(event),
                happened = future => {
                    pending = None;
                    match self.happened(happened) {
                        Ok(next) => next,
                        Err(left) => return left,
                    }
                }
            };
            if next.is_some() && self.begins_while_leaving() {
                // Not even begun: no change is in doubt because of a shutdown.
                self.take_back_intent();
                return Left::ToJournal;
            }
            if next.is_some() {
                pending = next;
            }
        }
        Left::Over
    }

    /// Whether another change is about to begin that nobody waits for, while the process is ending.
    fn begins_while_leaving(&self) -> bool {
        self.inner.leaving.is_cancelled()
            && !self.run.is_awaited()
            && matches!(self.run.phase, Phase::Intending { .. })
    }

    /// What rode with the intent is true all the same.
    fn take_back_intent(&mut self) {
        self.notes = std::mem::take(&mut self.committing);
        self.notes.retain(|record| !matches!(record, Record::Intent { .. }));
    }

    fn operated(&mut self, event: Event) -> Option<Pending> {
        let next = self.step(event);
        let sleeps_before_its_first_turn = self.idle && self.run.phase == Phase::Queued;
        if next.is_none() && sleeps_before_its_first_turn {
            // What an operator wants does not wait for a later attempt.
            return Some(self.turn_at(self.inner.started, Event::Started));
        }
        next
    }

    fn happened(&mut self, happened: Happened) -> Result<Option<Pending>, Left> {
        match happened {
            Happened::Event(event) => {
                if let Event::Applied { result, .. } = &*event {
                    self.changed = result.as_ref().map_or_else(may_have_arrived, |_| true);
                }
                Ok(self.step(*event))
            }
            Happened::Turn { ticket, permit, first } => {
                self.ticket = Some(ticket);
                self.permit = permit.or_else(|| self.permit.take());
                if !self.is_still_mine() {
                    return Err(Left::Retired);
                }
                self.idle = false;
                Ok(Some(match self.asks_lumos() {
                    Some(lumos) => self.ask_lumos(lumos, *first),
                    None => self.read(*first, Duration::ZERO),
                }))
            }
            Happened::Approval { seen, first } => {
                // It only takes note of it; the attempt itself begins with the ledger as it is now.
                self.step(Event::Approval { seen });
                Ok(Some(self.read(*first, Duration::ZERO)))
            }
            Happened::Read { event, ledger: Ok(ledger) } => {
                self.ledger = ledger;
                self.replay_notes();
                Ok(self.step(*event))
            }
            Happened::Read { event, ledger: Err(error) } => {
                self.step(Event::JournalLost { why: error.to_string() });
                Ok(Some(self.read(*event, super::AGAIN)))
            }
            Happened::Committed(committed) => {
                self.tell_of_grants();
                self.committing.clear();
                self.ledger = committed.ledger;
                self.run.request = committed.request;
                if self.run.request.telling == Telling::Due {
                    self.inner.tell(&self.run.request.id);
                }
                self.replay_notes();
                Ok(self.step(Event::Committed))
            }
            Happened::NotCommitted(error) => {
                self.step(Event::JournalLost { why: error.to_string() });
                // What was decided stands: it is tried again until the journal takes it, and nothing is sent before.
                Ok(Some(self.commit(super::AGAIN)))
            }
        }
    }

    /// Tells whoever looks at the connection after its grants.
    fn tell_of_grants(&self) {
        let request = &self.run.request;
        let is_granted = self.committing.iter().any(|record| matches!(record, Record::Confirmed { .. }))
            && request.direction == Direction::Provision;
        if let Some(grants) = self.inner.grants.get(&request.connection).filter(|_| is_granted) {
            grants.send_modify(|count| *count = count.saturating_add(1));
        }
    }

    fn replay_notes(&mut self) {
        let at = self.inner.moment();
        let mut request = self.run.request.clone();
        for record in &self.notes {
            apply(&mut request, &mut self.ledger, record, &at);
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
        // The planner is the connector's: what it breaks must not take the request along.
        let decided = catch_unwind(AssertUnwindSafe(|| decide(self.run.clone(), &world, event, now)));
        let (run, effects) = decided.unwrap_or_else(|_| {
            tracing::error!(request.id = %self.run.request.id, "deciding failed inside");
            decide(self.run.clone(), &world, Event::Defect, now)
        });
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

    /// Makes a note true; it goes to disk with the next commit.
    pub(super) fn note(&mut self, records: Vec<Record>) {
        let at = self.inner.moment();
        let mut request = self.run.request.clone();
        for record in &records {
            apply(&mut request, &mut self.ledger, record, &at);
        }
        self.notes.extend(records);
    }

    /// What is true already goes along with a commit.
    pub(super) fn take_notes(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.notes)
    }

    fn due(&self) -> Option<Instant> {
        self.run.is_awaited().then(|| self.inner.instant(self.run.deadline.unwrap_or_default()))
    }

    /// Whether no replay has taken over while it had no turn. From here on none can.
    fn is_still_mine(&self) -> bool {
        self.registered.as_ref().is_none_or(|own| self.inner.is_still_mine(own))
    }

    /// What is true and not on disk yet goes there before the run is forgotten.
    async fn flush(&mut self) {
        let notes = self.take_notes();
        let mut lost = self.inner.lost.subscribe();
        while !notes.is_empty() {
            let at = self.inner.moment();
            let commit = self.inner.journal.commit(&self.run.request.id, notes.clone(), at);
            let written = tokio::select! {
                biased;
                _ = super::lost_for(&mut lost) => return,
                written = commit => self.inner.heard(written),
            };
            let Err(error) = written else { return };
            tracing::warn!(request.id = %self.run.request.id, error = %error, "the last records are not journaled yet");
            let again = self.inner.instant(at.ticks().saturating_add(super::AGAIN));
            tokio::select! {
                biased;
                _ = super::lost_for(&mut lost) => return,
                () = self.inner.leaving.cancelled() => return,
                () = super::until(again) => {}
            }
        }
    }

    /// Tells duplicates how it came out.
    fn publish(&self) {
        let settled =
            matches!(self.run.phase, Phase::Over | Phase::Parked | Phase::Parking { .. } | Phase::Ending);
        let Some(own) = self.registered.as_ref().filter(|_| settled && self.run.mode != Mode::Recheck) else {
            return;
        };
        own.publish(super::books::result(&self.run.request));
    }

    fn answer(&mut self, answer: Answer) {
        let granted = answer == Answer::Positive
            && self.run.mode != Mode::Recheck
            && self.run.request.direction == Direction::Provision;
        self.outlet.send(answer);
        self.keep_answer();
        if granted && self.outlet.hung_up() {
            let sentence = "granted, and the sender had hung up before it was told: close the manual task that Lumos opened";
            self.inner.alert(&self.run.request, AlertKind::Late, sentence.to_owned());
            self.note(vec![AlertKind::Late.noted(sentence)]);
        }
    }

    fn keep_answer(&self) {
        if self.run.mode == Mode::Recheck {
            return;
        }
        let Some(state) = self.outlet.state() else { return };
        let inner = self.inner.clone();
        let (id, attempt) = (self.run.request.id.clone(), self.run.request.attempt);
        self.inner.tracker.spawn(async move { inner.keep_answer(&id, attempt, state).await });
    }

    fn perform(&mut self, effect: Effect) -> Option<Pending> {
        match effect {
            Effect::Note(records) => {
                self.note(records);
                None
            }
            Effect::Commit(records) => {
                self.committing = self.take_notes();
                self.committing.extend(records);
                Some(self.commit(Duration::ZERO))
            }
            Effect::Observe { of } => Some(self.observe(of)),
            Effect::Apply { intent, action, first } => self.apply(intent, action, first),
            Effect::Answer(answer) => {
                self.answer(answer);
                None
            }
            Effect::Sleep { until, keep_turn } => Some(self.sleep(until, keep_turn)),
            Effect::Alert { kind, sentence } => {
                self.inner.alert(&self.run.request, kind, sentence);
                None
            }
        }
    }
}

fn may_have_arrived(fault: &Fault) -> bool {
    fault.sent != Sent::No && !matches!(fault.remedy, Remedy::Throttled { .. })
}

async fn next_operation(registered: Option<&mut Registered>) -> Option<Event> {
    match registered {
        Some(own) => own.events.recv().await,
        None => std::future::pending().await,
    }
}
