//! All the ways in which a run ends.

use usher_core::{Hold, Snapshot};
use usher_journal::{AnswerState, Execution, Record, Telling};

use super::{Approval, Effect, End, Mode, Phase, Turn};
use crate::goal::Targets;
use crate::{AlertKind, Answer};

const LATE: &str = "granted after Lumos had been told no: close the manual task that it opened";

impl Turn<'_> {
    /// All that was wanted is there (rules 9, 15, 28).
    pub(super) fn confirm(&mut self, targets: &Targets) {
        if self.run.mode == Mode::Recheck {
            if !self.stands_whole() {
                return self.no_longer_whole();
            }
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
        if targets.baseless {
            return self.needs_human(
                "nothing of this app is mapped, and nothing is known of this person: see at the vendor what is to go, then close the request".to_owned(),
            );
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
        let telling = if whole { self.telling() } else { Telling::None };
        let record = Record::Confirmed {
            held: targets.held.clone(),
            // What an order names is not given back, though another approval keeps it for now (rule 14).
            released: targets.goal.release.union(&targets.named).cloned().collect(),
            handles: seen.map(|seen| seen.handles.clone()).unwrap_or_default(),
            account,
            reason: reason.clone(),
            telling,
        };
        if let Some(reason) = reason {
            self.answer(Answer::negative(reason));
        }
        let mut records = vec![record];
        // With it: whatever becomes of this process, somebody hears of it.
        records.extend((telling == Telling::Due).then(|| AlertKind::Late.noted(LATE)));
        if self.rests_on_invitee(targets) {
            self.run.looks = 0;
            records.push(self.tracking());
        }
        self.commit(records, Phase::Confirming { whole });
    }

    /// *Due* for a grant whose sender was told no, or was lost (rule 15).
    fn telling(&self) -> Telling {
        let late = self.run.deadline.is_some() && matches!(self.run.answer, Some(Answer::Negative { .. }));
        let told_no =
            late || matches!(self.run.request.answer, AnswerState::Negative { .. } | AnswerState::Lost);
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
            Phase::Noting => self.look(),
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
        let mut more = Vec::new();
        if whole {
            self.answer(Answer::Positive);
            if self.telling() == Telling::Due {
                if self.run.request.telling != Telling::Due {
                    // The answer came due while *confirmed* was on its way to disk.
                    more.extend([Record::Telling(Telling::Due), AlertKind::Late.noted(LATE)]);
                }
                self.effects.push(Effect::Alert { kind: AlertKind::Late, sentence: LATE.to_owned() });
            }
        }
        if self.run.request.tracks_invitation() {
            return self.begin_tracking(more);
        }
        self.run.phase = Phase::Over;
        if !more.is_empty() {
            self.commit(more, Phase::Ending);
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
        if execution == Execution::Closed {
            self.forget_overdue();
        }
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
        if let Some(end) = self.run.end.clone().filter(|end| end.execution == Execution::Closed) {
            // A person has seen to it already.
            return self.end(end.execution, end.reason);
        }
        if self.run.request.dry_run {
            return self.end(Execution::Refused, format!("dry run, nothing was sent: {reason}"));
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
        if self.run.approval != Approval::Stands {
            return self.approval_over();
        }
        self.needs_human("it was too late for Lumos, which has opened a manual task: finish it there, then close this request".to_owned());
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
