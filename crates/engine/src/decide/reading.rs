//! What a reading means.

use std::time::Duration;

use usher_core::{
    Account, Awaits, Direction, Fault, Hold, Plan, Refusal, RefusalKind, Remedy, Repeat, Snapshot, WatchState,
};
use usher_journal::{Change, ChangeState, Execution, Outcome, Record};

use super::{Mode, Turn};
use crate::goal::Targets;
use crate::stands::{Stand, stands};
use crate::{AlertKind, Answer};

impl Turn<'_> {
    pub(super) fn seen(
        &mut self,
        begun: Duration,
        ahead: Option<u64>,
        result: Result<Snapshot, Fault>,
        foreign: bool,
    ) {
        let took = self.now.ticks().saturating_sub(begun);
        self.run.first_reading.get_or_insert(took);
        if ahead.is_some_and(|version| !self.counts_ahead(version)) {
            return self.look();
        }
        let seen = match result {
            Ok(seen) => seen,
            Err(fault) => return self.reading_failed(&fault),
        };
        self.note_reading(&seen, took);
        self.end_watches(&seen);
        self.confirm_holders(&seen, begun);
        if let Some(refusal) = identity(&seen, foreign) {
            return self.refused_whole(&refusal);
        }
        let targets = self.targets(Some(&seen));
        let open: Vec<Change> = self.open_for(begun, seen.lag).cloned().collect();
        self.note_former(&seen, &targets, open.is_empty());
        let plan = self.world.planner.plan(&self.run.request.subject, &self.asked(), &seen, &targets.goal);
        let invited = self.policy().is_some_and(|policy| policy.counts_invited) && !self.is_order();
        let refs: Vec<&Change> = open.iter().collect();
        let stand = stands(&seen, &targets.goal, &plan, &refs, invited);
        self.run.seen = Some(seen);
        self.stand(stand, &targets, plan);
    }

    /// A reading begun before the request was on disk counts only if nobody else was at the subject, and nothing has changed since (rule 2).
    fn counts_ahead(&self, version: u64) -> bool {
        let alone = self.ledger.unfinished.keys().all(|request| *request == self.run.request.id);
        alone && version == self.run.version_before && self.ledger.version == version.saturating_add(1)
    }

    fn open_for(&self, begun: Duration, lag: Duration) -> impl Iterator<Item = &Change> {
        let boot = self.now.stamp.boot;
        self.ledger.changes.iter().filter(move |change| change.is_open_for(boot, begun, lag))
    }

    fn note_reading(&mut self, seen: &Snapshot, took: Duration) {
        self.run.faults = 0;
        self.note(Record::Seen {
            account: seen.account.clone(),
            holds: seen.facets.iter().map(|(facet, hold)| (facet.clone(), hold.clone())).collect(),
            lag: seen.lag,
            took,
            evidence: seen.evidence.clone(),
        });
    }

    /// A watch's end is its change's answer (rule 7).
    fn end_watches(&mut self, seen: &Snapshot) {
        let watched: Vec<(u64, bool)> = self
            .ledger
            .changes
            .iter()
            .filter(|change| matches!(change.state, ChangeState::Watching { .. }))
            .map(|change| (change.intent, change.request == self.run.request.id))
            .collect();
        for ((intent, own), state) in watched.into_iter().zip(&seen.watches) {
            let failed = match state {
                WatchState::Running => continue,
                WatchState::Done => None,
                WatchState::Failed(refusal) => Some(refusal.clone()),
            };
            if own {
                self.run.refusals.extend(failed.clone());
            }
            self.outcome(intent, Outcome::WatchEnded(failed));
        }
    }

    /// Somebody finished it by hand: any reading with no removal open that shows all of a holder confirms it (rule 3).
    fn confirm_holders(&mut self, seen: &Snapshot, begun: Duration) {
        if self.open_for(begun, seen.lag).any(|change| !change.action.takes.is_empty()) {
            return;
        }
        let shown = |holder: &&usher_journal::Holder| {
            !holder.confirmed
                && holder.request != self.run.request.id
                && !holder.facets.is_empty()
                && self.ledger.is_live(holder, self.now.wall)
                && holder.facets.iter().all(|facet| *seen.hold(facet) == Hold::Present)
        };
        let shown: Vec<_> = self
            .ledger
            .holders
            .iter()
            .filter(shown)
            .map(|holder| (holder.app.clone(), holder.permission.clone(), holder.seq))
            .collect();
        if !shown.is_empty() {
            self.note(Record::HoldersSeen(shown));
        }
    }

    /// One former value for each slot, taken when it gains its first holder, from a reading with nothing open (rule 14).
    fn note_former(&mut self, seen: &Snapshot, targets: &Targets, nothing_open: bool) {
        if !nothing_open || self.run.request.dry_run || self.run.mode == Mode::Recheck {
            return;
        }
        for facet in &targets.goal.hold {
            let is_one =
                matches!(self.world.planner.slots().get(&facet.slot), Some(usher_core::Arity::One { .. }));
            if is_one && !self.ledger.former.contains_key(&facet.slot) {
                let value = seen.current.get(&facet.slot).cloned();
                self.note(Record::Former { slot: facet.slot.clone(), value });
            }
        }
    }

    fn stand(&mut self, stand: Stand, targets: &Targets, plan: Plan) {
        if self.run.mode == Mode::Recheck && !matches!(stand, Stand::Done | Stand::Open) {
            return self.recheck_failed();
        }
        match stand {
            Stand::Open => self.wait_for_settling(),
            Stand::Waiting(Awaits::Vendor) => self.wait_for_vendor(),
            _ if self.run.mode == Mode::Drive && self.ends_now(stand, targets) => {}
            Stand::Done => self.confirm(targets),
            Stand::Waiting(Awaits::Invitee) => self.wait_for_invitee(),
            Stand::Unreadable if !plan.actions.is_empty() && plan.actions.iter().all(|a| a.repeat == Repeat::Keyed) => {
                self.act(targets, plan);
            }
            Stand::Unreadable => self.needs_human(
                "the vendor does not show whether it is so, and nothing is sent blindly: look there, then close the request".to_owned(),
            ),
            Stand::Wanting => self.act(targets, plan),
        }
    }

    /// Ends that are due whatever is still wanting, once the request's own changes are over. True: it is seen to.
    fn ends_now(&mut self, stand: Stand, targets: &Targets) -> bool {
        let due = self.run.end.clone().or_else(|| self.natural_end());
        let Some(end) = due else {
            return false;
        };
        if stand == Stand::Wanting && end.execution == Execution::Expired && !targets.goal.release.is_empty()
        {
            // What was applied after its time is released first (rule 5).
            return false;
        }
        self.end(end.execution, end.reason);
        true
    }

    fn reading_failed(&mut self, fault: &Fault) {
        self.note(Record::ReadingFailed(fault.clone()));
        match &fault.remedy {
            Remedy::Person => self.needs_human(fault.to_string()),
            Remedy::Refused(refusal) => self.refused_whole(refusal),
            Remedy::Throttled { after } | Remedy::Retry { after } => {
                self.retry_later(*after, &fault.to_string());
            }
            Remedy::ReadBack => self.retry_later(None, &fault.to_string()),
        }
    }

    /// Refused before anything of this round was sent.
    pub(super) fn refused_whole(&mut self, refusal: &Refusal) {
        if self.run.mode == Mode::Recheck {
            return self.recheck_failed();
        }
        if refusal.kind == RefusalKind::NoSeat {
            self.alert(AlertKind::NoSeat, refusal.sentence.clone());
        }
        match self.run.request.direction {
            Direction::Provision => self.end(Execution::Refused, refusal.sentence.clone()),
            Direction::Deprovision => self.needs_human(refusal.sentence.clone()),
        }
    }

    fn recheck_failed(&mut self) {
        let was = if self.is_order() {
            "was removed, and is there again"
        } else {
            "was granted, and is not there any more"
        };
        let sentence = format!("it {was}: somebody else changed it; replay the request to have it run again");
        self.answer(Answer::negative(sentence.clone()));
        self.alert(AlertKind::NeedsHuman, sentence);
        self.finish_recheck();
    }
}

/// Why nobody can say for certain whose account it is (rule 27).
fn identity(seen: &Snapshot, foreign: bool) -> Option<Refusal> {
    let sentence = match &seen.account {
        Account::Ambiguous { hits } => {
            format!(
                "{hits} accounts at the vendor bear this address: leave it to one of them, then replay the request"
            )
        }
        Account::Found { .. } if foreign => {
            "the account is known under another person's address: see whose it is, then replay the request"
                .to_owned()
        }
        _ => return None,
    };
    Some(Refusal::new(RefusalKind::Ambiguous, sentence))
}
