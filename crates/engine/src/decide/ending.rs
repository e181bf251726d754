//! Waiting, and all the ways in which a run ends.

use std::time::Duration;

use usher_core::{Hold, Snapshot};
use usher_journal::{AnswerState, ChangeState, Execution, Record, Telling};

use super::{Effect, End, Mode, Phase, Turn};
use crate::goal::Targets;
use crate::{Act, AlertKind, Answer};

const SOON: Duration = Duration::from_millis(500);
const BRIEFLY: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// How often an open invitation is looked at.
const INVITATION_EVERY: Duration = Duration::from_secs(10 * 60);

impl Turn<'_> {
    /// All that was wanted is there (rules 9, 15, 28).
    pub(super) fn confirm(&mut self, targets: &Targets) {
        if self.run.mode == Mode::Recheck {
            // It was proven on disk before; this reading proves it anew.
            self.answer(Answer::Positive);
            return self.finish_recheck();
        }
        if !targets.unknown.is_empty() {
            let names = targets.unknown.join(", ");
            return self.needs_human(format!(
                "{names}: not mapped, and nothing is known of it; see at the vendor whether it is still there, then close the request"
            ));
        }
        if self.run.request.dry_run {
            return self
                .end(Execution::Refused, "dry run: it is so already, nothing would be sent".to_owned());
        }
        let lost: Vec<&str> = targets.lost.iter().map(|(name, _)| name.as_str()).collect();
        let whole = lost.is_empty();
        let reason = (!whole).then(|| format!("a later request has taken over: {}", lost.join(", ")));
        let seen = self.run.seen.as_ref();
        let account = match seen.map(|seen| &seen.account) {
            Some(usher_core::Account::Found { id }) => id.clone(),
            _ => None,
        };
        let record = Record::Confirmed {
            held: targets.held.clone(),
            released: targets.goal.release.clone(),
            handles: seen.map(|seen| seen.handles.clone()).unwrap_or_default(),
            account,
            reason: reason.clone(),
            telling: if whole { self.telling() } else { Telling::None },
        };
        if let Some(reason) = reason {
            self.answer(Answer::negative(reason));
        }
        self.commit(vec![record], Phase::Confirming { whole });
    }

    /// *Due* for a grant whose sender was told no, or was lost (rule 15).
    fn telling(&self) -> Telling {
        let told_no = matches!(self.run.answer, Some(Answer::Negative { .. }))
            || matches!(self.run.request.answer, AnswerState::Negative { .. } | AnswerState::Lost);
        if told_no && !self.is_order() { Telling::Due } else { Telling::None }
    }

    pub(super) fn committed(&mut self) {
        match self.run.phase.clone() {
            Phase::Intending { intent, action } => self.intended(intent, action),
            Phase::Parking { until } => {
                if let Some(end) = self
                    .run
                    .end
                    .clone()
                    .filter(|end| end.execution == Execution::Closed && self.own_open().is_empty())
                {
                    return self.end(end.execution, end.reason);
                }
                self.run.phase = if until.is_some() { Phase::Parked } else { Phase::Over };
                if until.is_some() {
                    self.effects.push(Effect::Sleep { until, keep_turn: false });
                }
            }
            Phase::Confirming { whole } => self.confirmed(whole),
            Phase::Ending => self.run.phase = Phase::Over,
            Phase::Queued
            | Phase::Reading
            | Phase::Applying { .. }
            | Phase::Resting
            | Phase::Parked
            | Phase::Over => {}
        }
    }

    /// *Confirmed* is on disk: now, and not before, the answer may be positive.
    fn confirmed(&mut self, whole: bool) {
        self.run.phase = Phase::Over;
        if !whole {
            return;
        }
        self.answer(Answer::Positive);
        let due = self.telling();
        if due == Telling::Due {
            if self.run.request.telling != Telling::Due {
                self.commit(vec![Record::Telling(Telling::Due)], Phase::Ending);
            }
            let sentence = "granted after Lumos had been told no: close the manual task that it opened";
            self.effects.push(Effect::Alert { kind: AlertKind::Late, sentence: sentence.to_owned() });
        }
    }

    pub(super) fn finish_recheck(&mut self) {
        self.run.phase = Phase::Ending;
        let notes = std::mem::take(&mut self.notes);
        self.effects.push(Effect::Commit(notes));
    }

    /// Ends without having been confirmed, as soon as the request's own changes are over (rule 5). A negative answer does not wait.
    pub(super) fn end(&mut self, execution: Execution, reason: String) {
        self.answer(Answer::negative(reason.clone()));
        if !self.own_open().is_empty() {
            self.run.end = Some(End { execution, reason });
            return self.wait_for_settling();
        }
        self.commit(vec![Record::Ended { execution, reason }], Phase::Ending);
    }

    /// Parks it until a person acts.
    pub(super) fn needs_human(&mut self, reason: String) {
        if self.run.mode == Mode::Recheck {
            self.answer(Answer::negative(reason));
            return self.finish_recheck();
        }
        self.answer(Answer::negative(reason.clone()));
        let kind = if self.is_order() { AlertKind::FailedRemoval } else { AlertKind::NeedsHuman };
        self.alert(kind, reason.clone());
        let parked = Record::Parked { execution: Execution::NeedsHuman, reason, next_at: None };
        self.commit(vec![parked], Phase::Parking { until: None });
    }

    /// After a late answer with `after_deadline = "stop"`: a person is about to do it by hand.
    pub(super) fn stopped(&mut self) {
        if !self.own_open().is_empty() {
            return self.wait_for_settling();
        }
        self.needs_human("it was too late for Lumos, which has opened a manual task: finish it there, then close this request".to_owned());
    }

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
        } else if self.policy().is_some_and(|policy| policy.after_deadline == crate::AfterDeadline::Stop)
            && !self.is_order()
        {
            "finish it by hand"
        } else {
            "Usher goes on in the background"
        };
        format!("not done in time: {reason}; {on}")
    }

    pub(super) fn operated(&mut self, act: Act, by: &str, reason: &str) {
        if act != Act::Close {
            return;
        }
        self.note(Record::Operated { act: "close".to_owned(), by: by.to_owned(), reason: reason.to_owned() });
        let why = format!("closed by {by}: {reason}");
        match self.run.phase {
            Phase::Queued | Phase::Resting | Phase::Parked => self.end(Execution::Closed, why),
            Phase::Over => {}
            _ => self.run.end = Some(End { execution: Execution::Closed, reason: why }),
        }
    }

    /// Something failed and surely did nothing: again later, rarer each time (rules 16, 17).
    pub(super) fn retry_later(&mut self, after: Option<Duration>, why: &str) {
        let backoff = SOON.saturating_mul(1_u32.checked_shl(self.run.faults.min(16)).unwrap_or(u32::MAX));
        let delay = after.unwrap_or_default().max(backoff.min(LONGEST_PAUSE));
        self.run.faults = self.run.faults.saturating_add(1);
        if self.run.is_awaited() && self.fits_budget(delay) {
            return self.rest(delay);
        }
        if self.run.mode == Mode::Recheck {
            self.answer(Answer::negative(self.late_reason(why)));
            return self.finish_recheck();
        }
        self.park_for(delay, why.to_owned());
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
            return self.needs_human(format!(
                "given up after {} h: {reason}",
                self.world.limits.give_up_after.as_secs() / 3600
            ));
        }
        self.park(Execution::BackingOff, delay, reason);
    }

    fn park(&mut self, execution: Execution, delay: Duration, reason: String) {
        let until = self.now.ticks().saturating_add(delay);
        let next_at = jiff::SignedDuration::try_from(delay)
            .ok()
            .and_then(|delay| self.now.wall.checked_add(delay).ok());
        self.commit(
            vec![Record::Parked { execution, reason, next_at }],
            Phase::Parking { until: Some(until) },
        );
    }

    fn is_out_of_time(&self) -> bool {
        let since = self.now.wall.duration_since(self.run.began);
        Duration::try_from(since).is_ok_and(|since| since >= self.world.limits.give_up_after)
    }

    /// A change is open: look again and again, rarer each time, at the latest when it is over.
    pub(super) fn wait_for_settling(&mut self) {
        let now = self.now.ticks();
        let lag = self.run.seen.as_ref().map_or(Duration::ZERO, |seen| seen.lag);
        let over = self.ledger.changes.iter().filter_map(|change| change.over_at(self.now.stamp.boot));
        let settled = over.map(|over| over.saturating_add(lag)).filter(|over| *over > now).max();
        let step = SOON.saturating_mul(1_u32.checked_shl(self.run.looks.min(8)).unwrap_or(u32::MAX));
        self.run.looks = self.run.looks.saturating_add(1);
        let limit = if self.run.is_awaited() { BRIEFLY } else { Duration::from_secs(60) };
        let until_settled = settled.map_or(limit, |settled| settled.saturating_sub(now));
        let delay = step.min(limit).min(until_settled);
        if self.run.is_awaited() {
            return self.rest(delay);
        }
        if self.run.mode == Mode::Recheck {
            return self.finish_recheck();
        }
        self.park(
            Execution::BackingOff,
            delay,
            "a change may still arrive at the vendor: looking again".to_owned(),
        );
    }

    /// The vendor is at it (a 202): its watch says how often to ask, and for how long (rule 7).
    pub(super) fn wait_for_vendor(&mut self) {
        let now = self.now.ticks();
        let boot = self.now.stamp.boot;
        let watches = self.ledger.changes.iter().filter_map(|change| match &change.state {
            ChangeState::Watching { since, watch } => {
                Some((since.ticks_in(boot).saturating_add(watch.within), watch.every))
            }
            _ => None,
        });
        let (overdue, every) = watches
            .fold((false, BRIEFLY), |(late, every), (end, each)| (late || end <= now, every.min(each)));
        if overdue {
            return self
                .needs_human("the vendor accepted the change and never finished it: look there".to_owned());
        }
        if self.run.is_awaited() {
            return self.rest(every.max(Duration::from_millis(100)));
        }
        self.park_for(every.max(Duration::from_secs(5)), "the vendor is still at it".to_owned());
    }

    /// Nobody but the invitee can go on.
    pub(super) fn wait_for_invitee(&mut self) {
        let reason = "the invitation has to be accepted first".to_owned();
        self.answer(Answer::negative(reason.clone()));
        self.park(Execution::Waiting, INVITATION_EVERY, reason);
    }

    /// What is done and what is not, in words (rule 18).
    pub(super) fn statement(&self, targets: &Targets) -> String {
        let Some(seen) = &self.run.seen else { return "nothing could be read".to_owned() };
        let mut parts = Vec::new();
        for (wanted, facet) in targets
            .goal
            .hold
            .iter()
            .map(|facet| (true, facet))
            .chain(targets.goal.release.iter().map(|facet| (false, facet)))
        {
            parts.push(format!("{facet}: {}", shown(seen, facet, wanted)));
        }
        parts.join(", ")
    }
}

fn shown(seen: &Snapshot, facet: &usher_core::Facet, wanted: bool) -> &'static str {
    match (seen.hold(facet), wanted) {
        (Hold::Present, true) => "granted",
        (Hold::Present, false) => "still there",
        (Hold::Pending { .. }, _) => "on its way",
        (Hold::Absent, true) => "not granted",
        (Hold::Absent, false) => "removed",
        (Hold::Unreadable, _) => "unknown",
    }
}
