//! The process around `decide`: journal, lane, calls and crashes, as the driver has them, one indivisible step at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use usher_core::{Action, Facet, Known};
use usher_engine::{Answer, Effect, Event, Limits, Mode, Phase, Run, World as Circumstances, decide};
use usher_journal::{
    AnswerState, ChangeState, Execution, Ledger, Moment, Record, Request, RequestId, Stamp, apply,
};

use crate::properties::Claims;
use crate::rules::Rule;
use crate::scenarios::Scenario;
use crate::vendor::{Vendor, wall};

/// By when a sender is answered.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// How long a reading that nobody waits for may take.
const BACKGROUND_READING: Duration = Duration::from_secs(30);

/// What is on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Disk {
    pub(crate) seq: u64,
    pub(crate) rows: BTreeMap<RequestId, Arc<Request>>,
    pub(crate) keys: BTreeMap<String, RequestId>,
    pub(crate) ledger: Arc<Ledger>,
}

/// A reading under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    pub(crate) begun: Duration,
    /// The vendor's moment when it began.
    pub(crate) number: u32,
    /// It brings nothing any more from here on.
    pub(crate) bound: Duration,
    pub(crate) ahead: Option<u64>,
    pub(crate) known: Known,
    /// The intents of the changes whose watches it is asked about.
    pub(crate) watched: Vec<u64>,
    pub(crate) of: BTreeSet<Facet>,
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pending {
    /// Its place in the lane; then it is told this.
    Turn {
        key: (u64, u64),
        first: Event,
    },
    /// Until then (`None`: for an operator), with its turn or without.
    Sleep {
        until: Option<Duration>,
        keeps_turn: bool,
        then: Event,
    },
    Reading(Reading),
    Call {
        intent: u64,
        action: Action,
        bound: Duration,
    },
    Commit(Vec<Record>),
    Nothing,
}

impl Pending {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Turn { .. } => "waits for its turn",
            Self::Sleep { .. } => "sleeps",
            Self::Reading(_) => "reads",
            Self::Call { .. } => "calls",
            Self::Commit(_) => "writes",
            Self::Nothing => "does nothing",
        }
    }
}

/// A run with what the driver keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Active {
    pub(crate) run: Run,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) notes: Vec<Record>,
    pub(crate) pending: Pending,
    pub(crate) ahead: Option<Reading>,
    pub(crate) has_turn: bool,
    /// A replay may take over.
    pub(crate) is_idle: bool,
    /// Which delivery waits for its answer.
    pub(crate) delivery: Option<usize>,
    /// What repeated deliveries are told.
    pub(crate) result: Option<bool>,
}

/// A repeated delivery that waits for the first one's result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Waiter {
    pub(crate) delivery: usize,
    pub(crate) request: RequestId,
    pub(crate) deadline: Duration,
}

/// How many of each fault may still come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    pub(crate) crashes: u8,
    pub(crate) timeouts: u8,
    pub(crate) accepted: u8,
    pub(crate) refusals: u8,
    pub(crate) unsent: u8,
    pub(crate) slow: u8,
    pub(crate) failed_readings: u8,
    /// How often time may pass while an invitation or a 202 is open, or the connection is paused.
    pub(crate) patience: u8,
}

/// Everything that there is at one moment: the state that is explored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) boot: u64,
    pub(crate) booted: Duration,
    pub(crate) disk: Disk,
    pub(crate) vendor: Vendor,
    pub(crate) runs: Vec<Arc<Active>>,
    pub(crate) entered: u64,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) steps: usize,
    pub(crate) faults: Faults,
    /// An operator has paused the connection.
    pub(crate) paused: bool,
    pub(crate) claims: Claims,
}

/// What is wrong in a state.
pub(crate) type Wrong = String;

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            now: Duration::ZERO,
            boot: 1,
            booted: Duration::ZERO,
            disk: Disk::default(),
            vendor: Vendor::new(scenario.has.clone()),
            runs: Vec::new(),
            entered: 0,
            waiters: Vec::new(),
            steps: 0,
            faults: scenario.faults,
            paused: false,
            claims: Claims::default(),
        }
    }

    pub(crate) fn ticks(&self) -> Duration {
        self.now - self.booted
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { wall: wall(self.now), stamp: Stamp { boot: self.boot, ticks: self.ticks() } }
    }

    pub(crate) fn start(&mut self, run: Run, delivery: Option<usize>, until: Option<Duration>) -> usize {
        let pending = match until {
            Some(until) => Pending::Sleep { until: Some(until), keeps_turn: false, then: Event::Started },
            None => Pending::Nothing,
        };
        self.runs.push(Arc::new(Active {
            run,
            ledger: Arc::default(),
            notes: Vec::new(),
            is_idle: until.is_some(),
            pending,
            ahead: None,
            has_turn: false,
            delivery,
            result: None,
        }));
        self.runs.len() - 1
    }

    pub(crate) fn enter(&mut self, place: usize, seq: u64, first: Event) {
        self.entered += 1;
        let key = (seq, self.entered);
        Arc::make_mut(&mut self.runs[place]).pending = Pending::Turn { key, first };
    }

    /// Whose turn it is begins at once, by the ledger as it is on disk now.
    pub(crate) fn lane(&mut self, scenario: &Scenario) -> Result<(), Wrong> {
        loop {
            if self.runs.iter().any(|one| one.run.phase == Phase::Over && !one.notes.is_empty()) {
                return Err("a run is over, and what it knows is not on disk".to_owned());
            }
            self.runs.retain(|active| active.run.phase != Phase::Over);
            if self.runs.iter().any(|active| active.has_turn) {
                break;
            }
            let waiting = self.runs.iter().enumerate().filter_map(|(place, active)| match &active.pending {
                Pending::Turn { key, .. } => Some((*key, place)),
                _ => None,
            });
            let Some((_, place)) = waiting.min() else { break };
            let ledger = self.disk.ledger.clone();
            let active = Arc::make_mut(&mut self.runs[place]);
            let Pending::Turn { first, .. } = std::mem::replace(&mut active.pending, Pending::Nothing) else {
                break;
            };
            (active.has_turn, active.is_idle) = (true, false);
            active.ledger = ledger;
            self.replay_notes(place);
            self.tell(scenario, place, first)?;
        }
        if !self.runs.iter().any(|active| matches!(active.pending, Pending::Turn { .. })) {
            // Nobody is told apart by it any more.
            self.entered = 0;
        }
        Ok(())
    }

    pub(crate) fn wake(&mut self, scenario: &Scenario, place: usize) -> Result<(), Wrong> {
        let Pending::Sleep { keeps_turn, then, .. } = self.take_pending(place) else { return Ok(()) };
        if keeps_turn {
            self.tell(scenario, place, then)?;
        } else {
            let seq = self.runs[place].run.request.seq;
            self.enter(place, seq, then);
        }
        self.lane(scenario)
    }

    pub(crate) fn replay_notes(&mut self, place: usize) {
        let at = self.moment();
        let active = Arc::make_mut(&mut self.runs[place]);
        let (mut request, ledger) = (active.run.request.clone(), Arc::make_mut(&mut active.ledger));
        for record in &active.notes {
            apply(&mut request, ledger, record, &at);
        }
    }

    pub(crate) fn take_pending(&mut self, place: usize) -> Pending {
        std::mem::replace(&mut Arc::make_mut(&mut self.runs[place]).pending, Pending::Nothing)
    }

    /// When the answer of a run is due.
    pub(crate) fn due(&self, place: usize) -> Duration {
        self.runs[place].run.deadline.unwrap_or_default() + self.booted
    }

    pub(crate) fn reading(
        &self,
        scenario: &Scenario,
        ledger: &Ledger,
        of: BTreeSet<Facet>,
        due: Option<Duration>,
        ahead: Option<u64>,
    ) -> Reading {
        let watches = ledger.changes.iter().filter_map(|change| match &change.state {
            ChangeState::Watching { watch, .. } => Some((change.intent, watch.clone())),
            _ => None,
        });
        let (watched, watches) = watches.unzip();
        let invited = ledger.invited().filter(|_| scenario.without != Some(Rule::Invitations));
        Reading {
            begun: self.now,
            number: self.vendor.number,
            bound: due.unwrap_or(self.now + BACKGROUND_READING),
            ahead,
            known: Known { handles: ledger.handles.clone(), watches, invited },
            watched,
            of,
        }
    }

    /// One decision of the engine, and its effects.
    pub(crate) fn tell(&mut self, scenario: &Scenario, place: usize, event: Event) -> Result<(), Wrong> {
        let active = self.runs[place].clone();
        let limits = Limits::default();
        let (run, ledger, event) = crate::rules::seen_without(scenario, &active, event, self.ticks());
        let apps = crate::rules::apps_without(scenario);
        let is_paused = self.paused && scenario.without != Some(Rule::Pausing);
        let circumstances = Circumstances {
            ledger: &ledger,
            planner: &scenario.connector,
            apps: &apps,
            limits: &limits,
            paused: is_paused.then_some("maintenance"),
        };
        let (mut run, effects) = decide(run, &circumstances, event, self.moment());
        crate::rules::put_back(scenario, &active, &mut run);
        Arc::make_mut(&mut self.runs[place]).run = run;
        for effect in effects {
            self.perform(scenario, place, effect)?;
        }
        self.publish(scenario, place)
    }

    fn perform(&mut self, scenario: &Scenario, place: usize, effect: Effect) -> Result<(), Wrong> {
        let (now, booted) = (self.now, self.booted);
        match effect {
            Effect::Note(records) => {
                let at = self.moment();
                let active = Arc::make_mut(&mut self.runs[place]);
                let mut request = active.run.request.clone();
                for record in &records {
                    apply(&mut request, Arc::make_mut(&mut active.ledger), record, &at);
                }
                active.notes.extend(records);
            }
            Effect::Commit(records) => {
                let active = Arc::make_mut(&mut self.runs[place]);
                let mut all = std::mem::take(&mut active.notes);
                all.extend(records);
                active.pending = Pending::Commit(all);
            }
            Effect::Observe { of } => {
                let due = self.runs[place].run.is_awaited().then(|| self.due(place));
                let fresh = self.reading(scenario, &self.runs[place].ledger, of, due, None);
                let active = Arc::make_mut(&mut self.runs[place]);
                active.pending = Pending::Reading(active.ahead.take().unwrap_or(fresh));
            }
            Effect::Apply { intent, action, .. } => {
                let request = self.runs[place].run.request.clone();
                self.may_send(scenario, &request, &action)?;
                let bound = now + action.timeout + Duration::from_millis(500);
                Arc::make_mut(&mut self.runs[place]).pending = Pending::Call { intent, action, bound };
            }
            Effect::Answer(answer) => self.answer(scenario, place, &answer)?,
            Effect::Sleep { until, keep_turn } => {
                let active = Arc::make_mut(&mut self.runs[place]);
                let until = until.map(|until| until + booted);
                active.pending = Pending::Sleep { until, keeps_turn: keep_turn, then: Event::Woken };
                (active.has_turn, active.is_idle) = (keep_turn, !keep_turn);
            }
            Effect::Alert { .. } => {}
        }
        Ok(())
    }

    fn answer(&mut self, scenario: &Scenario, place: usize, answer: &Answer) -> Result<(), Wrong> {
        let active = self.runs[place].clone();
        if active.run.mode != Mode::Recheck {
            let state = match answer {
                Answer::Positive => AnswerState::Positive,
                Answer::Negative { reason } => AnswerState::Negative { reason: reason.clone() },
            };
            let mut row = (*self.disk.rows[&active.run.request.id]).clone();
            let at = self.moment();
            apply(&mut row, Arc::make_mut(&mut self.disk.ledger), &Record::Answered(state), &at);
            self.disk.rows.insert(row.id.clone(), Arc::new(row));
        }
        let Some(delivery) = active.delivery else {
            return Err("an answer that nobody waits for".to_owned());
        };
        self.answered(scenario, delivery, *answer == Answer::Positive)
    }

    /// Tells repeated deliveries how it came out.
    fn publish(&mut self, scenario: &Scenario, place: usize) -> Result<(), Wrong> {
        let active = self.runs[place].clone();
        let settled =
            matches!(active.run.phase, Phase::Over | Phase::Parked | Phase::Parking { .. } | Phase::Ending);
        if !settled || active.run.mode == Mode::Recheck || active.result.is_some() {
            return Ok(());
        }
        let result = is_whole(&active.run.request);
        Arc::make_mut(&mut self.runs[place]).result = Some(result);
        let id = &active.run.request.id;
        let (told, waiters) =
            std::mem::take(&mut self.waiters).into_iter().partition(|one| one.request == *id);
        self.waiters = waiters;
        let told: Vec<Waiter> = told;
        for waiter in told {
            self.answered(scenario, waiter.delivery, result)?;
        }
        Ok(())
    }
}

/// What a request that has come to rest tells whoever waits for its result.
pub(crate) fn is_whole(request: &Request) -> bool {
    request.execution == Execution::Confirmed && request.reason.is_none()
}
