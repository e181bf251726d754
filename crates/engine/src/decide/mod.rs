//! What happens next with a request: one pure function, and the plain data that it works on.

mod acting;
mod ending;
mod reading;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use usher_core::{Action, Asked, Direction, Facet, Fault, Planner, Receipt, Refusal, Snapshot};
use usher_journal::{Change, Execution, Ledger, Moment, Outcome, Record, Request, apply};

use crate::goal::{Targets, goal};
use crate::{Act, AfterDeadline, AlertKind, Answer, AppPolicy, Limits};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// To bring the request to its end.
    Drive,
    /// To look whether a confirmed one still stands, for a repeated delivery.
    Recheck,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits for its turn.
    Queued,
    /// A reading is under way.
    Reading,
    /// An intent is being committed.
    Intending {
        /// Its number.
        intent: u64,
        /// What is to be sent.
        action: Action,
    },
    /// A change's call is under way.
    Applying {
        /// The intent's number.
        intent: u64,
    },
    /// It sleeps for a moment and keeps its turn.
    Resting,
    /// A parking is being committed; then it sleeps until then (`None`: somebody else has to wake it).
    Parking {
        /// Ticks.
        until: Option<Duration>,
    },
    /// It sleeps without its turn, and holds nobody up.
    Parked,
    /// *Confirmed* is being committed.
    Confirming {
        /// Whether all was granted, so that the answer may be positive.
        whole: bool,
    },
    /// Something is being committed, and then it is over.
    Ending,
    /// Nothing more happens.
    Over,
}

/// An end that waits until the request's own changes are over (rule 5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// How it ends.
    pub execution: Execution,
    /// Why.
    pub reason: String,
}

/// One request on its way. Plain data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// Its row.
    pub request: Request,
    /// What for.
    pub mode: Mode,
    /// When the answer is due, in ticks. `None`: nobody waits.
    pub deadline: Option<Duration>,
    /// The answer, once it is fixed.
    pub answer: Option<Answer>,
    /// Where it is.
    pub phase: Phase,
    /// When its turn began, in ticks.
    pub turn: Duration,
    /// The ledger's version before it was accepted (rule 2).
    pub version_before: u64,
    /// Rounds in which every change was answered.
    pub rounds: u8,
    /// How long the first reading took.
    pub first_reading: Option<Duration>,
    /// Readings since something changed: they get rarer.
    pub looks: u32,
    /// Faults in a row: retries get rarer.
    pub faults: u32,
    /// What is left of the plan.
    pub rest: VecDeque<Action>,
    /// The reading that the plan was made from.
    pub seen: Option<Snapshot>,
    /// What the vendor refused of this attempt's changes.
    pub refusals: Vec<Refusal>,
    /// How it ends, once its own changes are over.
    pub end: Option<End>,
    /// It was taken up after a crash, or replayed: the mapping may have changed since (rule 29).
    pub check_mapping: bool,
    /// Wall time from which it is given up after a while.
    pub began: jiff::Timestamp,
}

impl Run {
    /// A run that waits for its turn.
    #[must_use]
    pub fn new(request: Request, mode: Mode, deadline: Option<Duration>, began: jiff::Timestamp) -> Self {
        Self {
            request,
            mode,
            deadline,
            answer: None,
            phase: Phase::Queued,
            turn: Duration::ZERO,
            version_before: 0,
            rounds: 0,
            first_reading: None,
            looks: 0,
            faults: 0,
            rest: VecDeque::new(),
            seen: None,
            refusals: Vec::new(),
            end: None,
            check_mapping: false,
            began,
        }
    }

    /// Whether somebody waits for the answer.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.deadline.is_some() && self.answer.is_none()
    }
}

/// What came of an effect, or happened besides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its turn has come.
    Started,
    /// A sleep is over; it has its turn.
    Woken,
    /// The answer is due now.
    DeadlineReached,
    /// An operator acts.
    Operator {
        /// What.
        act: Act,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A reading is there.
    Seen {
        /// When it began, in ticks.
        begun: Duration,
        /// For a reading begun before the request was on disk: the ledger's version then (rule 2).
        ahead: Option<u64>,
        /// What it saw.
        result: Result<Snapshot, Fault>,
        /// The ledger knows the account under another subject (rule 27).
        foreign: bool,
    },
    /// A change's call has ended.
    Applied {
        /// The intent's number.
        intent: u64,
        /// What came.
        result: Result<Receipt, Fault>,
    },
    /// A commit is on disk.
    Committed,
    /// The journal does not take it for now.
    JournalLost {
        /// For people.
        why: String,
    },
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// True from here on; goes to disk with the next commit.
    Note(Vec<Record>),
    /// To disk, whole or not at all: [`Event::Committed`].
    Commit(Vec<Record>),
    /// Read the vendor: [`Event::Seen`].
    Observe {
        /// The facets that are asked about.
        of: BTreeSet<Facet>,
    },
    /// Make one changing call: [`Event::Applied`].
    Apply {
        /// The intent's number.
        intent: u64,
        /// What.
        action: Action,
    },
    /// Tell the sender. At most one for each run.
    Answer(Answer),
    /// Sleep: [`Event::Woken`]. `until: None`: somebody else wakes it.
    Sleep {
        /// Ticks.
        until: Option<Duration>,
        /// Whether it holds up others of its subject meanwhile.
        keep_turn: bool,
    },
    /// Somebody should hear of it.
    Alert {
        /// What kind.
        kind: AlertKind,
        /// For people.
        sentence: String,
    },
}

/// What `decide` knows beside the run.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// All that is known of the subject at this connection.
    pub ledger: &'a Ledger,
    /// The connector's pure half.
    pub planner: &'a dyn Planner,
    /// The connection's apps as configured today.
    pub apps: &'a BTreeMap<String, AppPolicy>,
    /// Limits.
    pub limits: &'a Limits,
    /// Whether the connection is paused (rule 19), and why.
    pub paused: Option<&'a str>,
}

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
            Event::Started => {
                self.run.turn = self.now.ticks();
                self.begin();
            }
            Event::Woken => {
                if matches!(self.run.phase, Phase::Resting | Phase::Parked) {
                    if self.run.phase == Phase::Parked {
                        self.run.turn = self.now.ticks();
                    }
                    self.begin();
                }
            }
            Event::DeadlineReached => self.late(),
            Event::Operator { act, by, reason } => self.operated(act, &by, &reason),
            Event::Seen { begun, ahead, result, foreign } => self.seen(begun, ahead, result, foreign),
            Event::Applied { intent, result } => self.applied(intent, result),
            Event::Committed => self.committed(),
            Event::JournalLost { why } => {
                self.answer(Answer::negative(format!(
                    "the journal is out of reach ({why}): nothing more was sent"
                )));
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
        if self.policy().is_none() {
            let app = &self.run.request.app_key;
            return self.needs_human(format!(
                "the app {app} is not configured any more: put it back, or close the request"
            ));
        }
        if !self.has_own_changes() {
            if let Some(end) = self.run.end.clone().or_else(|| self.natural_end()) {
                return self.end(end.execution, end.reason);
            }
            if self.must_stop() {
                return self.stopped();
            }
        }
        self.look();
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
        goal(
            &self.run.request,
            &self.ledger,
            self.world.apps,
            self.world.planner.slots(),
            seen,
            self.now.wall,
        )
    }

    fn policy(&self) -> Option<&AppPolicy> {
        self.world.apps.get(&self.run.request.app_key)
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
        if targets.lost.iter().all(|(_, why)| *why == crate::goal::Lost::Superseded) {
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
        !self.is_order() && stops && matches!(self.run.answer, Some(Answer::Negative { .. }))
    }

    fn is_order(&self) -> bool {
        self.run.request.direction == Direction::Deprovision
    }

    /// The request's own changes that are not over now (rule 4).
    fn own_open(&self) -> Vec<&Change> {
        let (boot, now) = (self.now.stamp.boot, self.now.ticks());
        self.ledger
            .changes_of(&self.run.request.id)
            .filter(|change| change.is_open_for(boot, now, Duration::ZERO))
            .collect()
    }

    fn has_own_changes(&self) -> bool {
        self.ledger.changes_of(&self.run.request.id).next().is_some()
    }

    fn asked(&self) -> Asked {
        let request = &self.run.request;
        Asked {
            direction: request.direction,
            request: request.id.0.clone(),
            comment: request.comment.clone(),
            app: request.app.clone(),
            now: self.now.wall,
            attempt: request.attempt,
        }
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
        self.note(Record::Alerted { kind: kind.as_str().to_owned(), sentence: sentence.clone() });
        self.effects.push(Effect::Alert { kind, sentence });
    }
}
