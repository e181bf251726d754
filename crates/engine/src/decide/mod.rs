//! What happens next with a request: one pure function, and the plain data that it works on.

mod acting;
mod approval;
mod ending;
mod inviting;
mod model;
mod operated;
mod reading;
mod waiting;

use std::collections::BTreeSet;
use std::time::Duration;

use usher_core::{Direction, Facet, Snapshot};
use usher_journal::{Change, ChangeState, Execution, Ledger, Moment, Outcome, Record, apply};

use crate::goal::{Lost, Targets, goal};
use reading::Reading;

use crate::{AfterDeadline, AlertKind, Answer, AppPolicy};

pub use model::{Approval, Effect, End, Event, Mode, Phase, Run, World};
pub(crate) use reading::identity;

/// What happens next. Pure: no clock, no I/O, no randomness.
#[must_use]
pub fn decide(run: Run, world: &World<'_>, event: Event, now: Moment) -> (Run, Vec<Effect>) {
    let mut turn =
        Turn { ledger: world.ledger.clone(), world, now, effects: Vec::new(), notes: Vec::new(), run };
    turn.take(event);
    turn.done()
}

/// One call of `decide` at work. Notes take effect on its copy of the ledger at once.
struct Turn<'a> {
    run: Run,
    ledger: Ledger,
    world: &'a World<'a>,
    now: Moment,
    effects: Vec<Effect>,
    notes: Vec<Record>,
}

impl Turn<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Started => self.begin(),
            Event::Woken => {
                if matches!(self.run.phase, Phase::Resting | Phase::Parked) {
                    self.begin();
                }
            }
            Event::DeadlineReached => self.late(),
            Event::Operator { act, by, reason } => self.operated(act, &by, &reason),
            Event::Seen { begun, took, ahead, watched, result, foreign } => {
                self.seen(&Reading { begun, took, ahead, watched, foreign }, result);
            }
            Event::Applied { intent, result } => self.applied(intent, result),
            Event::Approval { seen } => self.approval(seen),
            Event::Committed => self.committed(),
            Event::JournalLost { why } => {
                self.answer(Answer::negative(format!(
                    "the journal is out of reach ({why}): nothing more was sent"
                )));
            }
            Event::Defect if self.run.mode == Mode::Track => {
                self.track_on("a defect in Usher or in the connector: see the log, and report it".to_owned());
            }
            Event::Defect => {
                self.needs_human(
                    "a defect in Usher or in the connector: see the log, and report it".to_owned(),
                );
            }
        }
    }

    fn done(mut self) -> (Run, Vec<Effect>) {
        if !self.notes.is_empty() {
            self.effects.insert(0, Effect::Note(self.notes));
        }
        (self.run, self.effects)
    }

    /// Takes the run up: at its turn, and after each sleep.
    fn begin(&mut self) {
        if self.run.mode == Mode::Track {
            return self.track();
        }
        if let Some(end) = self.run.end.clone().filter(|_| self.own_open().is_empty()) {
            return self.end(end.execution, end.reason);
        }
        if self.policy().is_none() {
            let app = &self.run.request.app_key;
            return self.needs_human(format!(
                "the app {app} is not configured any more: put it back, or close the request"
            ));
        }
        if self.run.mode == Mode::Recheck {
            return if self.stands_whole() { self.look() } else { self.no_longer_whole() };
        }
        let sent = self.has_own_changes();
        // What was given and is over has to be looked for first; any other end needs no reading, only that its changes are over.
        let due = self.natural_end().filter(|end| !sent || end.execution != Execution::Expired);
        if let Some(end) = due.filter(|_| self.own_open().is_empty()) {
            return self.end(end.execution, end.reason);
        }
        if !sent {
            if let Some(reason) = self.contradiction() {
                return self.end(Execution::Refused, reason);
            }
            if self.must_stop() && !matches!(self.run.approval, Approval::ByHand(_)) {
                return self.stopped();
            }
        }
        self.look();
    }

    /// Why a grant cannot be carried out whatever the vendor shows. The edge refuses these too.
    fn contradiction(&self) -> Option<String> {
        if self.is_order() {
            return None;
        }
        let permissions = &self.run.request.permissions;
        if permissions.is_empty() {
            return Some("no permission is named: nothing was granted".to_owned());
        }
        if let Some(unmapped) = permissions.iter().find(|permission| permission.facets.is_none()) {
            return Some(format!(
                "{}: not mapped when it was accepted, and nothing was granted: have it asked for again",
                unmapped.name
            ));
        }
        let slot = self.targets(None).contradicts?;
        Some(format!(
            "the permissions of this request want different values of {slot}, which holds one: ask for one of them"
        ))
    }

    fn look(&mut self) {
        self.run.phase = Phase::Reading;
        self.run.rest.clear();
        let of = self.interest();
        self.effects.push(Effect::Observe { of });
    }

    /// Facets that a reading is asked about: the request's, and all that the ledger knows of (rule 3: any reading may confirm a holder).
    fn interest(&self) -> BTreeSet<Facet> {
        let asked =
            self.run.request.permissions.iter().flat_map(|permission| permission.facets.iter().flatten());
        let held = self.ledger.holders.iter().flat_map(|holder| &holder.facets);
        let changed = self
            .ledger
            .changes
            .iter()
            .flat_map(|change| change.action.gives.iter().chain(&change.action.takes));
        asked.chain(held).chain(changed).cloned().collect()
    }

    fn targets(&self, seen: Option<&Snapshot>) -> Targets {
        goal(&self.run.request, &self.ledger, self.world.apps, self.world.planner, seen, self.now.wall)
    }

    fn policy(&self) -> Option<&AppPolicy> {
        self.world.apps.get(&self.run.request.app_key)
    }

    /// Whether a confirmed grant still stands as an approval, so that a reading may prove it anew.
    fn stands_whole(&self) -> bool {
        self.is_order() || self.targets(None).held.len() == self.run.request.permissions.len()
    }

    /// Superseded or expired, as the ledger and the clock say now (rules 9, 11, 17).
    fn natural_end(&self) -> Option<End> {
        if self.is_order() || self.run.mode == Mode::Recheck {
            return None;
        }
        let end = |execution, reason: &str| Some(End { execution, reason: reason.to_owned() });
        if self.run.request.is_over(self.now.wall) {
            return end(Execution::Expired, "the approved time is over: nothing is granted any more");
        }
        let targets = self.targets(None);
        if !targets.held.is_empty() || targets.lost.is_empty() {
            return None;
        }
        if targets.lost.iter().all(|(_, why)| *why == Lost::Superseded) {
            return end(
                Execution::Superseded,
                "a later deprovisioning names all of it: nothing is granted any more",
            );
        }
        end(Execution::Superseded, "a later approval stands in its place: nothing is granted any more")
    }

    /// Whether nothing new may be started, since a person is about to do it by hand (rule 17).
    fn must_stop(&self) -> bool {
        let stops = self.policy().is_some_and(|policy| policy.after_deadline == AfterDeadline::Stop);
        let late = matches!(self.run.answer, Some(Answer::Negative { .. })) && !self.run.replayed;
        // What was given and is over goes all the same: nobody will take it by hand (rule 5).
        let ends = (stops && late) || self.run.approval != Approval::Stands;
        !self.is_order() && ends && !self.run.request.is_over(self.now.wall)
    }

    fn is_order(&self) -> bool {
        self.run.request.direction == Direction::Deprovision
    }

    /// An order, or a grant whose time is over: what goes on is a removal.
    fn takes_only(&self) -> bool {
        self.is_order() || self.run.request.is_over(self.now.wall)
    }

    /// The request's own changes that are not over now (rule 4).
    fn own_open(&self) -> Vec<&Change> {
        let (boot, now) = (self.now.stamp.boot, self.now.ticks());
        self.ledger
            .changes_of(&self.run.request.id)
            .filter(|change| change.is_open_for(boot, now, Duration::ZERO))
            .collect()
    }

    /// Changes that the vendor accepted (202) and did not finish within the time that their watch gives (rule 7).
    fn overdue(&self) -> Vec<u64> {
        let (boot, now) = (self.now.stamp.boot, self.now.ticks());
        let late = |change: &&Change| match &change.state {
            ChangeState::Watching { since, watch } => {
                since.ticks_in(boot).saturating_add(watch.within) <= now
            }
            _ => false,
        };
        self.ledger.changes.iter().filter(late).map(|change| change.intent).collect()
    }

    fn has_own_changes(&self) -> bool {
        let own = &self.run.request.id;
        self.ledger.changes_of(own).next().is_some() || self.ledger.invitations_of(own).next().is_some()
    }

    /// What came of a change's call, which has just ended.
    fn outcome(&mut self, intent: u64, outcome: Outcome) {
        let ended = self.now.stamp;
        self.note(Record::Outcome { intent, outcome, ended });
    }

    /// Makes a record true at once; it goes to disk with the next commit.
    fn note(&mut self, record: Record) {
        apply(&mut self.run.request, &mut self.ledger, &record, &self.now);
        self.notes.push(record);
    }

    /// Wall time after a pause.
    fn after(&self, pause: Duration) -> Option<jiff::Timestamp> {
        let pause = jiff::SignedDuration::try_from(pause).ok()?;
        self.now.wall.checked_add(pause).ok()
    }

    fn commit(&mut self, records: Vec<Record>, then: Phase) {
        for record in &records {
            apply(&mut self.run.request, &mut self.ledger, record, &self.now);
        }
        self.run.phase = then;
        self.effects.push(Effect::Commit(records));
    }

    /// Fixes the answer, unless it is fixed (rule 15).
    fn answer(&mut self, answer: Answer) {
        if self.run.answer.is_some() {
            return;
        }
        self.run.answer = Some(answer.clone());
        if self.run.deadline.is_some() {
            self.effects.push(Effect::Answer(answer));
        }
    }

    fn alert(&mut self, kind: AlertKind, sentence: String) {
        self.note(kind.noted(&sentence));
        self.effects.push(Effect::Alert { kind, sentence });
    }
}
