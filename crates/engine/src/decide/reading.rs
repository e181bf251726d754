//! What a reading means.

use std::time::Duration;

use usher_core::{
    Account, Awaits, Direction, Fault, Hold, Plan, Refusal, RefusalKind, Remedy, Snapshot, WatchState,
};
use usher_journal::{Change, ChangeState, Execution, Ledger, Outcome, Record, Request};

use super::{Mode, Turn};
use crate::goal::Targets;
use crate::stands::{Stand, stands};
use crate::{AlertKind, Answer};

/// The circumstances of a reading: see [`super::Event::Seen`].
pub(super) struct Reading {
    pub(super) begun: Duration,
    pub(super) took: Duration,
    pub(super) ahead: Option<u64>,
    pub(super) watched: Vec<u64>,
    pub(super) foreign: bool,
}

impl Turn<'_> {
    pub(super) fn seen(&mut self, reading: &Reading, result: Result<Snapshot, Fault>) {
        self.run.first_reading.get_or_insert(reading.took);
        if reading.ahead.is_some_and(|version| !self.counts_ahead(version)) {
            return self.look();
        }
        let seen = match result {
            Ok(seen) => seen,
            Err(fault) => return self.reading_failed(&fault),
        };
        let begun = reading.begun;
        self.note_reading(&seen, reading.took);
        self.end_watches(&seen, &reading.watched);
        if let Some(refusal) = identity(&self.run.request, &self.ledger, &seen, reading.foreign) {
            return self.refused_whole(&refusal);
        }
        let open: Vec<Change> = self.open_for(begun, seen.lag).cloned().collect();
        let removing = open.iter().any(|change| !change.action.takes.is_empty());
        // Others' approvals first: what this reading proves for them is theirs before an order takes it.
        self.confirm_holders(&seen, removing, false);
        let targets = self.targets(Some(&seen));
        let lapsed = self.settle_invitations(&seen, &targets, &open);
        self.note_former(&seen, &targets, open.is_empty());
        let asked = self.run.request.asked(self.now.wall);
        let plan = self.world.planner.plan(&self.run.request.subject, &asked, &seen, &targets.goal);
        let invited = self.policy().is_some_and(|policy| policy.counts_invited) && !self.is_order();
        let refs: Vec<&Change> = open.iter().collect();
        let stand = stands(&seen, &targets.goal, &plan, &refs, invited);
        // Its own holders are confirmed with the request; one that ends otherwise keeps what it has been shown to have.
        self.confirm_holders(&seen, removing, stand != Stand::Done);
        self.run.seen = Some(seen);
        if self.run.mode == Mode::Track {
            return self.tracked(stand, &targets, plan, &open);
        }
        self.stand(stand, &targets, plan, lapsed);
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
    fn end_watches(&mut self, seen: &Snapshot, watched: &[u64]) {
        for (&intent, state) in watched.iter().zip(&seen.watches) {
            let failed = match state {
                WatchState::Running => continue,
                WatchState::Done => None,
                WatchState::Failed(refusal) => Some(refusal.clone()),
            };
            let watching = |change: &&Change| {
                change.intent == intent && matches!(change.state, ChangeState::Watching { .. })
            };
            // Somebody may have ended it while the reading was under way.
            let Some(change) = self.ledger.changes.iter().find(watching) else { continue };
            // What an earlier attempt began is over with that: a replay sends it anew.
            let earlier = self.run.replayed && self.run.rounds == 0;
            if change.request == self.run.request.id && !earlier {
                self.run.refusals.extend(failed.clone());
            }
            let done = failed.is_none().then(|| change.action.clone());
            self.outcome(intent, Outcome::WatchEnded(failed));
            if let Some(action) = done {
                self.settle_cancelled(&action);
            }
        }
    }

    /// Somebody finished it by hand: any reading with no removal open that shows all of a holder confirms it (rule 3).
    fn confirm_holders(&mut self, seen: &Snapshot, removing: bool, own: bool) {
        if removing {
            return;
        }
        let shown = |holder: &&usher_journal::Holder| {
            !holder.confirmed
                && (own || holder.request != self.run.request.id)
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
        if !nothing_open || self.run.request.dry_run || self.run.mode != Mode::Drive {
            return;
        }
        for facet in &targets.goal.hold {
            let is_one =
                matches!(self.world.planner.slots().get(&facet.slot), Some(usher_core::Arity::One { .. }));
            let held = self.ledger.holders.iter().any(|holder| {
                let in_slot = || holder.facets.iter().any(|other| other.slot == facet.slot);
                holder.confirmed && holder.request != self.run.request.id && in_slot()
            });
            let value = seen.current.get(&facet.slot).cloned();
            // What a grant has left there when it ended is Usher's: the value from before it stays the former one.
            let others = self.ledger.left.get(&facet.slot).is_some_and(|left| Some(left) != value.as_ref());
            if is_one && !held && (others || !self.ledger.former.contains_key(&facet.slot)) {
                self.note(Record::Former { slot: facet.slot.clone(), value });
            }
        }
    }

    /// What comes of how it stands. `lapsed`: an invitation that this attempt rested on is over, and nobody has accepted it.
    pub(super) fn stand(&mut self, stand: Stand, targets: &Targets, plan: Plan, lapsed: bool) {
        if self.run.mode == Mode::Recheck && !matches!(stand, Stand::Done | Stand::Open) {
            return self.recheck_failed(stand, &plan);
        }
        match stand {
            Stand::Open => self.wait_for_settling(),
            Stand::Waiting(Awaits::Vendor) => self.wait_for_vendor(),
            _ if self.run.mode == Mode::Drive && self.ends_now(stand, targets) => {}
            _ if self.run.mode == Mode::Drive && self.is_out_of_approval(stand) => self.stopped(),
            Stand::Done => self.confirm(targets),
            Stand::Waiting(Awaits::Invitee) => self.wait_for_invitee(),
            Stand::Unreadable if self.may_send_unread(&plan) => self.act(targets, plan),
            // Whatever cannot be read: the connector says why it would not give or take it, and nothing is sent then.
            Stand::Unreadable
                if !plan.refused.is_empty() && (!self.is_order() || plan.actions.is_empty()) =>
            {
                self.act(targets, plan);
            }
            Stand::Unreadable => self.unreadable(),
            Stand::Wanting if lapsed && !self.takes_only() => self.lapsed(),
            Stand::Wanting => self.act(targets, plan),
        }
    }

    /// Nobody can tell, and nothing is sent blindly (rules 6, 23).
    pub(super) fn unreadable(&mut self) {
        if !self.is_order() && self.ledger.invited().is_some() {
            return self.needs_human(
                "an invitation went out, or may have, and the vendor shows neither it nor whether it was accepted: look there; where the person has nothing, invite them by hand, then replay the request".to_owned(),
            );
        }
        self.needs_human(
            "the vendor does not show whether it is so, and nothing is sent blindly: look there, then close the request".to_owned(),
        );
    }

    /// Ends that are due whatever is still wanting, once the request's own changes are over. True: it is seen to.
    fn ends_now(&mut self, stand: Stand, targets: &Targets) -> bool {
        let due = self.run.end.clone().or_else(|| self.natural_end());
        let Some(end) = due else {
            return false;
        };
        if stand != Stand::Done && end.execution == Execution::Expired && !targets.goal.release.is_empty() {
            // What was applied after its time is released first (rule 5).
            return false;
        }
        self.end(end.execution, end.reason);
        true
    }

    fn reading_failed(&mut self, fault: &Fault) {
        self.note(Record::ReadingFailed(fault.clone()));
        if self.run.mode == Mode::Track {
            return self.track_on(fault.to_string());
        }
        match &fault.remedy {
            Remedy::Person => self.needs_human(fault.to_string()),
            Remedy::Refused(refusal) => self.refused_whole(refusal),
            Remedy::Throttled { after } | Remedy::Retry { after } => {
                self.look_later(*after, fault);
            }
            Remedy::ReadBack => self.look_later(None, fault),
        }
    }

    /// Refused before anything of this round was sent.
    pub(super) fn refused_whole(&mut self, refusal: &Refusal) {
        match self.run.mode {
            Mode::Recheck => return self.recheck_refused(refusal),
            Mode::Track => return self.unseen(&refusal.sentence),
            Mode::Drive => {}
        }
        if refusal.kind == RefusalKind::NoSeat {
            self.alert(AlertKind::NoSeat, refusal.sentence.clone());
        }
        match self.run.request.direction {
            // What it has sent may be there, and nobody could look: that is no refusal.
            Direction::Provision if !self.has_own_changes() => {
                self.end(Execution::Refused, refusal.sentence.clone());
            }
            Direction::Provision | Direction::Deprovision => self.needs_human(refusal.sentence.clone()),
        }
    }

    /// What was done once cannot be told any more.
    fn recheck_refused(&mut self, refusal: &Refusal) {
        let was = if self.is_order() { "removed" } else { "granted" };
        self.recheck_ends(format!("it was {was}, and cannot be told any more: {}", refusal.sentence));
    }

    fn recheck_failed(&mut self, stand: Stand, plan: &Plan) {
        if let Some((_, refusal)) = plan.refused.first() {
            return self.recheck_refused(refusal);
        }
        if stand == Stand::Unreadable {
            let was = if self.is_order() { "removed" } else { "granted" };
            return self.recheck_ends(format!(
                "it was {was}, and the vendor does not show whether it still is: look there"
            ));
        }
        let was = if self.is_order() {
            "was removed, and is there again"
        } else {
            "was granted, and is not there any more"
        };
        let sentence = format!("it {was}: somebody else changed it; replay the request to have it run again");
        self.recheck_ends(sentence);
    }

    fn recheck_ends(&mut self, sentence: String) {
        self.answer(Answer::negative(sentence.clone()));
        self.alert(AlertKind::NeedsHuman, sentence);
        self.finish_recheck();
    }

    /// The approval that was confirmed does not stand any more: nothing that could be seen makes the answer positive.
    pub(super) fn no_longer_whole(&mut self) {
        let why = if self.run.request.is_over(self.now.wall) {
            "the approved time is over: it has to be asked for again"
        } else {
            "a later request has taken over some of it"
        };
        self.answer(Answer::negative(why));
        self.finish_recheck();
    }
}

/// Why nobody can say for certain whose account it is (rule 27). `foreign`: it is known under another person.
pub(crate) fn identity(
    request: &Request,
    ledger: &Ledger,
    seen: &Snapshot,
    foreign: bool,
) -> Option<Refusal> {
    let recycled = is_recycled(request, ledger, seen);
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
        Account::Found { .. } if recycled => {
            "another account bears this address than the one that was granted: take the access from the former one by hand, then close the request"
                .to_owned()
        }
        _ => return None,
    };
    Some(Refusal::new(RefusalKind::Ambiguous, sentence))
}

/// Whether an order finds another account at the address than the one that was granted: the address has passed on to somebody
/// else, who must not lose what is theirs, while the former bearer may still have what was to be removed.
fn is_recycled(request: &Request, ledger: &Ledger, seen: &Snapshot) -> bool {
    let granted = ledger.account.as_ref().filter(|_| !ledger.holders.is_empty());
    let shown = match &seen.account {
        Account::Found { id } => id.as_ref(),
        _ => None,
    };
    let is_order = request.direction == Direction::Deprovision;
    is_order && granted.zip(shown).is_some_and(|(granted, shown)| granted != shown)
}
