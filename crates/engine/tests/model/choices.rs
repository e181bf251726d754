//! All that can happen next.

use std::time::Duration;

use usher_core::WatchState;

use crate::scenarios::Scenario;
use crate::world::{Pending, World};

/// How long a reading or a call takes at the least.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(1);

/// What comes of a changing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Done,
    /// No answer, and it is done.
    LostDone,
    /// No answer; it arrives some time before it has settled.
    LostLate,
    /// No answer, and it never arrives.
    LostNever,
    NotSent,
    Refused,
    /// 202.
    Accepted,
}

/// What becomes of the call that is under way when the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cut {
    Never,
    Done,
    Late,
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// The next step of the scenario.
    Deliver,
    /// A commit is on disk.
    Commit(usize),
    /// A reading shows the moment of this number.
    See(usize, u32),
    SeeNothing(usize),
    Called(usize, Call),
    Wake(usize),
    /// A change whose call was not answered arrives.
    Land(usize),
    /// The vendor finishes what it answered with a 202, or gives it up.
    Finish(usize, bool),
    Invitee {
        accepts: bool,
    },
    /// Until something is due.
    Pass,
    /// The same while something is under way, which takes that long.
    Dawdle,
    /// The process dies; what it was just writing is on disk, or not.
    Crash {
        written: bool,
        call: Cut,
    },
}

impl World {
    fn is_busy(&self) -> bool {
        self.runs.iter().any(|active| {
            matches!(active.pending, Pending::Reading(_) | Pending::Call { .. } | Pending::Commit(_))
        })
    }

    pub(crate) fn waits_for_somebody(&self) -> bool {
        self.paused
            || !self.vendor.held.invited.is_empty()
            || self.vendor.jobs.iter().any(|job| job.state == WatchState::Running)
    }

    /// The next moment at which something is due.
    pub(crate) fn next_due(&self, busy: bool) -> Option<Duration> {
        let mut due: Vec<Duration> = self.waiters.iter().map(|waiter| waiter.deadline).collect();
        for (place, active) in self.runs.iter().enumerate() {
            if active.run.is_awaited() {
                due.push(self.due(place));
            }
            match &active.pending {
                Pending::Sleep { until: Some(until), .. } => due.push(*until),
                Pending::Call { bound, .. } if busy => due.push(*bound),
                Pending::Reading(reading) if busy => due.push(reading.bound),
                _ => {}
            }
        }
        due.into_iter().filter(|due| *due > self.now).min()
    }

    /// Everything that can happen next but for what a budget allows.
    pub(crate) fn choices(&self, scenario: &Scenario) -> Vec<Choice> {
        let lands_before =
            |due: Duration| self.vendor.late.iter().any(|late| late.arrives && late.before <= due);
        let mut choices = Vec::new();
        let mut wakes = false;
        for (place, active) in self.runs.iter().enumerate() {
            match &active.pending {
                // It takes a moment, and what arrives before that comes first.
                Pending::Reading(_) | Pending::Call { .. } if lands_before(self.now + A_MOMENT) => {}
                Pending::Commit(_) => choices.push(Choice::Commit(place)),
                Pending::Reading(reading) => {
                    if self.now < reading.bound {
                        self.readings(scenario, place, &mut choices);
                    }
                    if self.now >= reading.bound || self.faults.failed_readings > 0 {
                        choices.push(Choice::SeeNothing(place));
                    }
                }
                Pending::Call { bound, .. } => self.calls(place, self.now >= *bound, &mut choices),
                Pending::Sleep { until: Some(until), .. } if *until <= self.now => {
                    wakes = true;
                    choices.push(Choice::Wake(place));
                }
                _ => {}
            }
        }
        if self.steps < scenario.steps.len() && self.is_possible(scenario) {
            choices.push(Choice::Deliver);
        }
        self.elsewhere(&mut choices);
        let busy = self.is_busy();
        let lands_before =
            |due: Duration| self.vendor.late.iter().any(|late| late.arrives && late.before <= due);
        let patient = self.faults.patience > 0 || !self.waits_for_somebody();
        let passes = !wakes && patient && (!busy || self.faults.slow > 0);
        if passes && self.next_due(busy).is_some_and(|due| !lands_before(due)) {
            choices.push(if busy { Choice::Dawdle } else { Choice::Pass });
        }
        choices
    }

    fn readings(&self, scenario: &Scenario, place: usize, choices: &mut Vec<Choice>) {
        let Pending::Reading(reading) = &self.runs[place].pending else { return };
        let since = reading.begun.saturating_sub(scenario.connector.lag);
        for past in &self.vendor.past {
            if past.number >= reading.number || past.until > since {
                choices.push(Choice::See(place, past.number));
            }
        }
        choices.push(Choice::See(place, self.vendor.number));
    }

    fn calls(&self, place: usize, is_too_late: bool, choices: &mut Vec<Choice>) {
        let mut add = |call| choices.push(Choice::Called(place, call));
        if !is_too_late {
            add(Call::Done);
            if self.faults.unsent > 0 {
                add(Call::NotSent);
            }
            if self.faults.refusals > 0 {
                add(Call::Refused);
            }
            if self.faults.accepted > 0 {
                add(Call::Accepted);
            }
        }
        if is_too_late || self.faults.timeouts > 0 {
            add(Call::LostDone);
            add(Call::LostLate);
            add(Call::LostNever);
        }
    }

    /// What happens at the vendor by itself, and to the process.
    fn elsewhere(&self, choices: &mut Vec<Choice>) {
        for (place, late) in self.vendor.late.iter().enumerate() {
            if late.arrives {
                choices.push(Choice::Land(place));
            }
        }
        for (place, job) in self.vendor.jobs.iter().enumerate() {
            if job.state == WatchState::Running {
                choices.push(Choice::Finish(place, true));
                if self.faults.refusals > 0 {
                    choices.push(Choice::Finish(place, false));
                }
            }
        }
        if !self.vendor.held.invited.is_empty() {
            choices.extend([true, false].map(|accepts| Choice::Invitee { accepts }));
        }
        if self.faults.crashes > 0 {
            let calls = self.runs.iter().any(|active| matches!(active.pending, Pending::Call { .. }));
            let writes = self.runs.iter().any(|active| matches!(active.pending, Pending::Commit(_)));
            choices.push(Choice::Crash { written: false, call: Cut::Never });
            if calls {
                choices.extend([Cut::Done, Cut::Late].map(|call| Choice::Crash { written: false, call }));
            }
            if writes {
                choices.push(Choice::Crash { written: true, call: Cut::Never });
            }
        }
    }
}
