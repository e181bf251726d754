//! What comes of each choice.

use std::sync::Arc;
use std::time::Duration;

use usher_core::{Action, Fault, Receipt, Remedy, Sent, WatchState};
use usher_engine::{Answer, Event, Mode, Run};
use usher_journal::{AnswerState, Execution, Record, apply};

use crate::choices::{A_MOMENT, Call, Choice, Cut};
use crate::scenarios::Scenario;
use crate::vendor::{Job, Late, SETTLE, refusal, watch};
use crate::world::{Pending, Waiter, World, Wrong};

impl World {
    /// Takes a choice.
    pub(crate) fn take(&mut self, scenario: &Scenario, choice: Choice) -> Result<(), Wrong> {
        match choice {
            Choice::Deliver => self.deliver(scenario)?,
            Choice::Commit(place) => {
                self.write(scenario, place);
                self.tell(scenario, place, Event::Committed)?;
            }
            Choice::See(place, number) => self.see(scenario, place, Some(number))?,
            Choice::SeeNothing(place) => self.see(scenario, place, None)?,
            Choice::Called(place, call) => self.called(scenario, place, call)?,
            Choice::Wake(place) => self.wake(scenario, place)?,
            Choice::Land(place) => {
                let late = self.vendor.late.remove(place);
                self.land(&late.action)?;
            }
            Choice::Finish(place, done) => self.finish(place, done)?,
            Choice::Invitee { accepts } => {
                self.claims.excused |= !accepts;
                self.vendor.invitee(accepts, self.now);
            }
            Choice::Pass => self.pass(scenario, false)?,
            Choice::Dawdle => {
                self.faults.slow -= 1;
                self.pass(scenario, true)?;
            }
            Choice::Crash { written, call } => self.crash(scenario, written, call)?,
        }
        self.lane(scenario)?;
        self.forget(scenario);
        Ok(())
    }

    /// Moments that no reading shows any more, and changes that cannot arrive any more.
    fn forget(&mut self, scenario: &Scenario) {
        let (now, lag) = (self.now, scenario.connector.lag);
        self.vendor.late.retain(|late| late.arrives || now < late.before);
        let begun = self.runs.iter().filter_map(|active| match (&active.pending, &active.ahead) {
            (Pending::Reading(reading), _) | (_, Some(reading)) => Some((reading.number, reading.begun)),
            _ => None,
        });
        let begun: Vec<(u32, Duration)> = begun.collect();
        let since = begun.iter().map(|(_, begun)| *begun).min().unwrap_or(now).min(now).saturating_sub(lag);
        let first = begun.iter().map(|(number, _)| *number).min().unwrap_or(u32::MAX);
        self.vendor.past.retain(|past| past.number >= first || past.until > since);
    }

    fn write(&mut self, scenario: &Scenario, place: usize) {
        let Pending::Commit(records) = self.take_pending(place) else { return };
        let id = self.runs[place].run.request.id.clone();
        let mut request = (*self.disk.rows[&id]).clone();
        let mut ledger = (*self.disk.ledger).clone();
        let at = self.moment();
        for record in &records {
            apply(&mut request, &mut ledger, record, &at);
        }
        ledger.version += 1;
        crate::rules::written_without(scenario, &mut ledger);
        self.disk.ledger = Arc::new(ledger);
        self.disk.rows.insert(id, Arc::new(request.clone()));
        let ledger = self.disk.ledger.clone();
        let active = Arc::make_mut(&mut self.runs[place]);
        active.run.request = request;
        active.ledger = ledger;
        self.replay_notes(place);
    }

    fn see(&mut self, scenario: &Scenario, place: usize, number: Option<u32>) -> Result<(), Wrong> {
        // A reading takes time: whatever it learns at its end, it learns later than it began.
        self.pass_to(scenario, self.now + A_MOMENT)?;
        let Pending::Reading(reading) = self.take_pending(place) else { return Ok(()) };
        let result = match number {
            Some(number) => {
                let past = self.vendor.past.iter().find(|past| past.number == number);
                let held = past.map_or_else(|| self.vendor.held.clone(), |past| past.held.clone());
                Ok(scenario.connector.observe(&held, &self.vendor, &reading.known, &reading.of))
            }
            None => {
                self.faults.failed_readings = self.faults.failed_readings.saturating_sub(1);
                Err(Fault::new("observe", Sent::Yes, Remedy::Retry { after: None }))
            }
        };
        let event = Event::Seen {
            begun: reading.begun - self.booted,
            took: self.now - reading.begun,
            ahead: reading.ahead,
            watched: reading.watched,
            result,
            foreign: false,
        };
        let ledger = self.disk.ledger.clone();
        Arc::make_mut(&mut self.runs[place]).ledger = ledger;
        self.replay_notes(place);
        self.tell(scenario, place, event)
    }

    fn land(&mut self, action: &Action) -> Result<(), Wrong> {
        if action.notifies_person && !self.vendor.mails(action, self.now) {
            return Err(format!("“{}” sends the person mail a second time within a day", action.summary));
        }
        if self.vendor.land(action, self.now) {
            return Ok(());
        }
        Err(format!("“{}” took place a second time", action.summary))
    }

    fn called(&mut self, scenario: &Scenario, place: usize, call: Call) -> Result<(), Wrong> {
        self.pass_to(scenario, self.now + A_MOMENT)?;
        let Pending::Call { intent, action, bound } = self.take_pending(place) else { return Ok(()) };
        let fault = |sent, remedy| Err(Fault::new("change", sent, remedy));
        if matches!(call, Call::LostDone | Call::LostLate | Call::LostNever) {
            if self.now < bound {
                self.faults.timeouts -= 1;
            }
            // Whether a cancelling arrived cannot be read where the vendor does not vouch for it.
            self.claims.excused |= scenario.connector.invites;
        }
        let result = match call {
            Call::Done => {
                self.land(&action)?;
                Ok(Receipt::default())
            }
            Call::LostDone => {
                self.land(&action)?;
                fault(Sent::Maybe, Remedy::ReadBack)
            }
            Call::LostLate | Call::LostNever => {
                let before = self.now + SETTLE;
                self.vendor.late.push(Late { action, before, arrives: call == Call::LostLate });
                fault(Sent::Maybe, Remedy::ReadBack)
            }
            Call::NotSent => {
                self.faults.unsent -= 1;
                fault(Sent::No, Remedy::Retry { after: None })
            }
            Call::Refused => {
                self.faults.refusals -= 1;
                self.claims.excused = true;
                fault(Sent::Yes, Remedy::Refused(refusal()))
            }
            Call::Accepted => {
                self.faults.accepted -= 1;
                let watch = watch(intent, &action);
                self.vendor.jobs.push(Job { number: intent, action, state: WatchState::Running });
                Ok(Receipt { watch: Some(watch), ..Receipt::default() })
            }
        };
        self.tell(scenario, place, Event::Applied { intent, result })
    }

    fn finish(&mut self, place: usize, done: bool) -> Result<(), Wrong> {
        if done {
            self.vendor.jobs[place].state = WatchState::Done;
            let action = self.vendor.jobs[place].action.clone();
            return self.land(&action);
        }
        self.faults.refusals -= 1;
        self.claims.excused = true;
        self.vendor.jobs[place].state = WatchState::Failed(refusal());
        Ok(())
    }

    /// Time passes until something is due.
    fn pass(&mut self, scenario: &Scenario, busy: bool) -> Result<(), Wrong> {
        let Some(due) = self.next_due(busy) else { return Ok(()) };
        if self.waits_for_somebody() {
            self.faults.patience -= 1;
        }
        self.pass_to(scenario, due)
    }

    /// Time passes; answers that are due are given then.
    fn pass_to(&mut self, scenario: &Scenario, due: Duration) -> Result<(), Wrong> {
        self.now = due;
        for place in 0..self.runs.len() {
            if self.runs[place].run.is_awaited() && self.due(place) <= self.now {
                self.tell(scenario, place, Event::DeadlineReached)?;
                if self.runs[place].run.is_awaited() {
                    return Err("the answer is due, and nobody is answered".to_owned());
                }
            }
        }
        let now = self.now;
        let (late, waiters) =
            std::mem::take(&mut self.waiters).into_iter().partition(|one| one.deadline <= now);
        self.waiters = waiters;
        let late: Vec<Waiter> = late;
        for waiter in late {
            self.answered(scenario, waiter.delivery, false)?;
        }
        Ok(())
    }

    /// kill -9, and a new process on the same journal.
    fn crash(&mut self, scenario: &Scenario, written: bool, call: Cut) -> Result<(), Wrong> {
        self.faults.crashes -= 1;
        for place in 0..self.runs.len() {
            match self.runs[place].pending.clone() {
                Pending::Commit(_) if written => self.write(scenario, place),
                Pending::Call { action, .. } => match call {
                    Cut::Done => self.land(&action)?,
                    Cut::Never | Cut::Late => {
                        // Counted from the new process's start: that is when the call ended at the latest.
                        let before = self.now + SETTLE;
                        self.vendor.late.push(Late { action, before, arrives: call == Cut::Late });
                    }
                },
                _ => {}
            }
        }
        for active in std::mem::take(&mut self.runs) {
            self.claims.lost(active.delivery);
        }
        for waiter in std::mem::take(&mut self.waiters) {
            self.claims.lost(Some(waiter.delivery));
        }
        self.boot += 1;
        self.booted = self.now;
        self.claims.excused |= scenario.connector.invites;
        self.recover();
        Ok(())
    }

    /// Takes up what the earlier process left, as the driver does.
    fn recover(&mut self) {
        let at = self.moment();
        let mut rows: Vec<_> = self.disk.rows.values().cloned().collect();
        rows.sort_by_key(|row| row.seq);
        for row in rows {
            let is_driven = !row.execution.is_final() || row.tracks_invitation();
            if !is_driven && row.answer != AnswerState::None {
                continue;
            }
            let mut request = (*row).clone();
            apply(&mut request, Arc::make_mut(&mut self.disk.ledger), &Record::Recovered, &at);
            self.disk.rows.insert(request.id.clone(), Arc::new(request.clone()));
            if !is_driven || request.execution == Execution::NeedsHuman {
                continue;
            }
            let pause =
                request.next_at.and_then(|next| Duration::try_from(next.duration_since(at.wall)).ok());
            let began = if request.execution == Execution::Waiting { at.wall } else { request.received };
            let mode = if request.tracks_invitation() { Mode::Track } else { Mode::Drive };
            let replayed = request.attempt > 1 && request.answer != AnswerState::Lost;
            let seq = request.seq;
            let mut run = Run::new(request, mode, None, began);
            run.answer = Some(Answer::negative("the answer was lost with the process"));
            (run.check_mapping, run.replayed) = (true, replayed);
            match pause.filter(|pause| !pause.is_zero()) {
                Some(pause) => drop(self.start(run, None, Some(self.now + pause))),
                None => {
                    let place = self.start(run, None, None);
                    self.enter(place, seq, Event::Started);
                }
            }
        }
    }
}
