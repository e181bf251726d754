//! Waiting: until the answer is due, for a change to settle, for the vendor, for the invitee, and between attempts.

use std::time::Duration;

use usher_core::Fault;
use usher_journal::{ChangeState, Execution, Record};

use super::{Effect, Mode, Phase, Turn};
use crate::{AfterDeadline, AlertKind, Answer};

const SOON: Duration = Duration::from_millis(500);
const BRIEFLY: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Longer than this, no vendor's `Retry-After` is believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The `n`th pause of a row: twice as long as the one before.
fn doubled(n: u32) -> Duration {
    SOON.saturating_mul(1_u32.checked_shl(n.min(16)).unwrap_or(u32::MAX))
}

impl Turn<'_> {
    /// The answer is due. Only what keeps the turn or waits for it goes on; nothing new begins here.
    pub(super) fn late(&mut self) {
        let reason = match &self.run.phase {
            Phase::Queued => "it still waits for an earlier request of the same person",
            Phase::Applying { .. } => "the vendor has not answered yet",
            Phase::Reading => "the vendor has not shown its state yet",
            Phase::Confirming { .. } | Phase::Intending { .. } => "the journal has not written it yet",
            _ => "the vendor does not show it yet",
        };
        self.answer(Answer::negative(self.late_reason(reason)));
    }

    pub(super) fn late_reason(&self, reason: &str) -> String {
        let on = if self.run.mode == Mode::Recheck {
            "deliver it again to have it looked at again"
        } else if self.policy().is_some_and(|policy| policy.after_deadline == AfterDeadline::Stop)
            && !self.is_order()
        {
            "finish it by hand"
        } else {
            "Usher goes on in the background"
        };
        format!("not done in time: {reason}; {on}")
    }

    /// A change surely did nothing: again later, rarer each time (rules 16, 17).
    pub(super) fn set_back(&mut self, after: Option<Duration>, why: &str) {
        let backoff = doubled(self.run.setbacks);
        self.run.setbacks = self.run.setbacks.saturating_add(1);
        self.retry_after(after, backoff, why);
    }

    /// A reading failed: again later, rarer each time.
    pub(super) fn look_later(&mut self, after: Option<Duration>, fault: &Fault) {
        let backoff = doubled(self.run.faults);
        self.run.faults = self.run.faults.saturating_add(1);
        self.retry_after(after, backoff, &fault.to_string());
    }

    fn retry_after(&mut self, after: Option<Duration>, backoff: Duration, why: &str) {
        let asked = after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let delay = asked.max(backoff.min(LONGEST_PAUSE));
        if self.run.is_awaited() && self.fits_budget(delay) {
            return self.rest(delay);
        }
        match self.run.mode {
            Mode::Recheck => {
                self.answer(Answer::negative(self.late_reason(why)));
                self.finish_recheck();
            }
            Mode::Track => self.track_on(why.to_owned()),
            Mode::Drive => self.park_for(delay, why.to_owned()),
        }
    }

    /// Whether enough time is left after a pause to change something and look.
    fn fits_budget(&self, delay: Duration) -> bool {
        let left = self.run.deadline.unwrap_or_default().saturating_sub(self.now.ticks());
        left >= delay.saturating_add(self.world.limits.min_change_budget)
    }

    /// Waits, with its turn kept, while somebody waits for the answer.
    fn rest(&mut self, delay: Duration) {
        self.run.phase = Phase::Resting;
        let until = self.now.ticks().saturating_add(delay);
        self.effects.push(Effect::Sleep { until: Some(until), keep_turn: true });
    }

    /// Answers no, and comes back later without holding anybody up.
    pub(super) fn park_for(&mut self, delay: Duration, reason: String) {
        self.answer(Answer::negative(self.late_reason(&reason)));
        if self.must_stop() && self.own_open().is_empty() {
            return self.needs_human(reason);
        }
        if self.is_out_of_time() {
            let hours = self.world.limits.give_up_after.as_secs() / 3600;
            if !self.takes_only() {
                return self.needs_human(format!("given up after {hours} h: {reason}"));
            }
            self.alarm(format!("not removed after {hours} h, and Usher goes on trying: {reason}"));
        }
        // One that waits for its invitee goes on doing so, whatever keeps Usher from looking.
        let waits = self.run.request.execution == Execution::Waiting;
        self.park(if waits { Execution::Waiting } else { Execution::BackingOff }, delay, reason);
    }

    /// An order always goes on: Lumos never asks again (rule 17). Somebody hears of it once.
    fn alarm(&mut self, sentence: String) {
        if !self.run.alarmed {
            self.run.alarmed = true;
            self.alert(AlertKind::FailedRemoval, sentence);
        }
    }

    pub(super) fn park(&mut self, execution: Execution, delay: Duration, reason: String) {
        let until = self.now.ticks().saturating_add(delay);
        let next_at = self.after(delay);
        self.commit(
            vec![Record::Parked { execution, reason, next_at }],
            Phase::Parking { until: Some(until) },
        );
    }

    pub(super) fn is_out_of_time(&self) -> bool {
        let since = self.now.wall.duration_since(self.run.began);
        Duration::try_from(since).is_ok_and(|since| since >= self.world.limits.give_up_after)
    }

    /// A change is open: look again and again, rarer each time, at the latest when it is over.
    pub(super) fn wait_for_settling(&mut self) {
        let boot = self.now.stamp.boot;
        if self.ledger.changes.iter().any(|change| matches!(change.state, ChangeState::Watching { .. })) {
            return self.wait_for_vendor();
        }
        let now = self.now.ticks();
        let lag = self.run.seen.as_ref().map_or(Duration::ZERO, |seen| seen.lag);
        let ends: Vec<Option<Duration>> =
            self.ledger.changes.iter().map(|change| change.over_at(boot)).collect();
        let over = ends.iter().flatten().map(|over| over.saturating_add(lag)).max().unwrap_or(now);
        let step = doubled(self.run.looks.min(8));
        self.run.looks = self.run.looks.saturating_add(1);
        let limit = if self.run.is_awaited() { BRIEFLY } else { Duration::from_secs(60) };
        let delay = match over.checked_sub(now) {
            Some(left) if !left.is_zero() => step.min(limit).min(left),
            _ if ends.contains(&None) => step.min(limit),
            // Settled while the reading was under way: only a new one can tell.
            _ => return self.look(),
        };
        self.wait_for_change(delay, "a change may still arrive at the vendor: looking again");
    }

    /// The vendor is at it (a 202): its watch says how often to ask, and for how long (rule 7).
    pub(super) fn wait_for_vendor(&mut self) {
        if !self.overdue().is_empty() {
            return self
                .needs_human("the vendor accepted the change and never finished it: look there".to_owned());
        }
        let every = self.ledger.changes.iter().filter_map(|change| match &change.state {
            ChangeState::Watching { watch, .. } => Some(watch.every),
            _ => None,
        });
        let shortest =
            if self.run.is_awaited() { Duration::from_millis(100) } else { Duration::from_secs(5) };
        let every = every.min().unwrap_or(BRIEFLY).max(shortest);
        self.wait_for_change(every, "the vendor is still at it");
    }

    /// Waits for what is open: with its turn while somebody waits for the answer and there is time for it, else parked.
    fn wait_for_change(&mut self, delay: Duration, reason: &str) {
        let left = self.run.deadline.unwrap_or_default().saturating_sub(self.now.ticks());
        if self.run.is_awaited() && delay <= left.max(BRIEFLY) {
            return self.rest(delay);
        }
        self.answer(Answer::negative(self.late_reason(reason)));
        if self.run.mode == Mode::Recheck {
            return self.finish_recheck();
        }
        let closed = self.run.end.as_ref().is_some_and(|end| end.execution == Execution::Closed);
        if closed {
            // After a crash nobody is to take up what a person has closed.
            return self.park(Execution::NeedsHuman, delay, reason.to_owned());
        }
        if self.is_out_of_time() && self.own_open().is_empty() {
            return self.park_for(delay, reason.to_owned());
        }
        self.park(Execution::BackingOff, delay, reason.to_owned());
    }
}
