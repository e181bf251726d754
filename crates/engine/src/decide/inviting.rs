//! Invitations: from their intent to the invitee's yes, or to their end (rules 22 to 24).

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use usher_core::{Account, Action, Awaits, Facet, Hold, Plan, Snapshot};
use usher_journal::{Change, DAY, Execution, Invitation, InvitationEnd, Record};

use super::{Effect, Mode, Phase, Turn};
use crate::goal::Targets;
use crate::stands::Stand;
use crate::{AlertKind, Answer};

/// When an invitation that a grant waits for is first looked at again, and the longest pause after that.
const WAITING: (Duration, Duration) = (Duration::from_secs(10 * 60), Duration::from_secs(3600));
/// The same for one that counts as confirmed: nobody waits for it.
const TRACKED: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(6 * 3600));
/// How often what may not be sent again within a day is looked at meanwhile.
const MAILED_EVERY: Duration = Duration::from_secs(3600);
/// Readings in a row that do not show an invitation, before a person hears of it.
const UNSEEN: u32 = 2;

/// What a reading shows of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// It waits for the invitee.
    Pending(Option<Timestamp>),
    /// The person was found.
    Accepted,
    /// The connector vouches that it is over.
    Over,
    /// Nobody can tell.
    Unseen,
}

fn shown(seen: &Snapshot, facets: &BTreeSet<Facet>) -> Shown {
    let holds = || facets.iter().map(|facet| seen.hold(facet));
    if let Some(until) = holds().find_map(pending) {
        return Shown::Pending(until);
    }
    match &seen.account {
        _ if holds().any(|hold| *hold == Hold::Present) => Shown::Accepted,
        Account::Invited => Shown::Pending(None),
        Account::Found { .. } if facets.is_empty() => Shown::Accepted,
        Account::Ambiguous { .. } | Account::Protected { .. } if facets.is_empty() => Shown::Unseen,
        _ if holds().any(|hold| *hold != Hold::Absent) => Shown::Unseen,
        _ => Shown::Over,
    }
}

/// Until when something waits for the invitee, if it does.
fn pending(hold: &Hold) -> Option<Option<Timestamp>> {
    match hold {
        Hold::Pending { awaits: Awaits::Invitee, until } => Some(*until),
        _ => None,
    }
}

impl Turn<'_> {
    /// Settles the invitations of this person by a reading, whoever sent them (rule 23). Returns whether one that this attempt
    /// rested on has lapsed.
    pub(super) fn settle_invitations(&mut self, seen: &Snapshot, targets: &Targets, open: &[Change]) -> bool {
        // One that somebody else sent is known from having been waited for.
        let waited = self.run.request.execution == Execution::Waiting;
        let mut lapsed = waited && shown(seen, &targets.goal.hold) == Shown::Over;
        for invitation in self.ledger.invitations.clone() {
            let intent = invitation.intent;
            match shown(seen, &invitation.facets) {
                Shown::Pending(until) if !invitation.seen => self.note(Record::Invited { intent, until }),
                Shown::Accepted => {
                    self.note(Record::InvitationOver { intent, how: InvitationEnd::Accepted });
                }
                Shown::Over if !open.iter().any(|change| may_still_give(change, &invitation)) => {
                    self.note(Record::InvitationOver { intent, how: InvitationEnd::Lapsed });
                    lapsed |= invitation.seen && self.rests_on(&invitation);
                }
                Shown::Pending(_) | Shown::Over | Shown::Unseen => {}
            }
        }
        lapsed
    }

    /// Whether this attempt sent it. One that an earlier attempt sent is what a replay is to send anew.
    fn rests_on(&self, invitation: &Invitation) -> bool {
        let earlier = self.run.replayed && invitation.at < self.run.began;
        invitation.request == self.run.request.id && !earlier
    }

    /// The vendor has answered a change: an invitation that it cancels is over (rule 23).
    pub(super) fn settle_cancelled(&mut self, action: &Action) {
        let waiting: BTreeSet<&Facet> = self.run.seen.iter().flat_map(waiting_facets).collect();
        let takes_all = !waiting.is_empty() && waiting.iter().all(|facet| action.takes.contains(*facet));
        let cancelled = |invitation: &&Invitation| {
            let given = &invitation.facets;
            (!given.is_empty() && given.is_subset(&action.takes)) || (invitation.seen && takes_all)
        };
        let intents: Vec<u64> =
            self.ledger.invitations.iter().filter(cancelled).map(|invitation| invitation.intent).collect();
        for intent in intents {
            self.note(Record::InvitationOver { intent, how: InvitationEnd::Cancelled });
        }
    }

    /// Nobody but the invitee can go on, and that does not count here. The time that they take is theirs (rule 22).
    pub(super) fn wait_for_invitee(&mut self) {
        self.run.began = self.now.wall;
        let reason = "the invitation has to be accepted first".to_owned();
        self.answer(Answer::negative(reason.clone()));
        let delay = self.until_next_look(WAITING);
        self.park(Execution::Waiting, delay, reason);
    }

    /// An invitation that the grant waited for, or was confirmed by, is over, and nobody has accepted it (rule 22).
    pub(super) fn lapsed(&mut self) {
        let sentence = "the invitation has lapsed, or was cancelled at the vendor, and nobody has accepted it: replay the request to have the person invited again";
        self.over_and_wanting(sentence.to_owned());
    }

    fn over_and_wanting(&mut self, sentence: String) {
        self.answer(Answer::negative(sentence.clone()));
        self.alert(AlertKind::LapsedInvitation, sentence.clone());
        let parked = Record::Parked { execution: Execution::NeedsHuman, reason: sentence, next_at: None };
        self.commit(vec![parked], Phase::Parking { until: None });
    }

    /// What sends somebody mail is not sent a second time by one step within a day (rule 24).
    pub(super) fn mailed_already(&mut self, mailed: Timestamp, action: &Action) {
        let sentence = format!(
            "“{}” sends the person mail, which went out, or may have, at {mailed:.0}: it is not sent a second time within a day",
            action.summary
        );
        self.answer(Answer::negative(sentence.clone()));
        let again = mailed.saturating_add(DAY).unwrap_or(Timestamp::MAX);
        let given_up =
            SignedDuration::try_from(self.world.limits.give_up_after).unwrap_or(SignedDuration::MAX);
        let is_too_late = self.run.began.saturating_add(given_up).is_ok_and(|end| end <= again);
        if self.must_stop() || (is_too_late && !self.takes_only()) {
            return self.needs_human(format!("{sentence}; look whether it arrived, then replay the request"));
        }
        if self.run.request.reason.as_ref() != Some(&sentence) {
            let kind = if self.is_order() { AlertKind::FailedRemoval } else { AlertKind::NeedsHuman };
            self.alert(kind, sentence.clone());
        }
        let left = Duration::try_from(again.duration_since(self.now.wall)).unwrap_or_default();
        self.park(Execution::BackingOff, left.min(MAILED_EVERY), sentence);
    }

    /// Whether a confirmed grant rests on an invitation that nobody has accepted yet.
    pub(super) fn rests_on_invitee(&self, targets: &Targets) -> bool {
        let Some(seen) = self.run.seen.as_ref().filter(|_| !self.is_order()) else { return false };
        targets.goal.hold.iter().any(|facet| pending(seen.hold(facet)).is_some())
    }

    /// Goes on with a grant that is confirmed and waits for its invitee: as the same run, without its turn.
    pub(super) fn begin_tracking(&mut self, more: Vec<Record>) {
        self.run.mode = Mode::Track;
        (self.run.looks, self.run.faults, self.run.setbacks) = (1, 0, 0);
        let left = self.run.request.next_at.map(|at| at.duration_since(self.now.wall));
        let left = left.and_then(|left| Duration::try_from(left).ok()).unwrap_or_default();
        let until = Some(self.now.ticks().saturating_add(left));
        if more.is_empty() {
            self.run.phase = Phase::Parked;
            return self.effects.push(Effect::Sleep { until, keep_turn: false });
        }
        self.commit(more, Phase::Parking { until });
    }

    pub(super) fn tracking(&mut self) -> Record {
        let delay = self.until_next_look(TRACKED);
        Record::Tracked { next_at: self.after(delay), reason: "the invitee has not accepted yet".to_owned() }
    }

    /// Takes a tracked invitation up again.
    pub(super) fn track(&mut self) {
        if self.policy().is_none() {
            // It stays as it is in the journal, and a start with the app in its configuration takes it up again.
            self.run.phase = Phase::Over;
            return;
        }
        if self.own_facets().is_empty() {
            return self.track_no_more("a later request has taken its place");
        }
        self.look();
    }

    /// What a reading means for a tracked invitation.
    pub(super) fn tracked(&mut self, stand: Stand, targets: &Targets, plan: Plan, open: &[Change]) {
        let Some(seen) = self.run.seen.clone() else { return self.look() };
        let facets = self.own_facets();
        let is_over = self.run.request.is_over(self.now.wall);
        let unseen = std::mem::take(&mut self.run.setbacks);
        let holds = || facets.iter().map(|facet| seen.hold(facet));
        if holds().any(|hold| pending(hold).is_some()) {
            if is_over && stand != Stand::Open {
                // Nobody may accept it any more: it is cancelled as whatever was given and is over (rules 5, 22).
                self.run.mode = Mode::Drive;
                return self.stand(stand, targets, plan, false);
            }
            return self.track_on("the invitee has not accepted yet".to_owned());
        }
        if holds().all(|hold| *hold == Hold::Present) {
            return self.track_no_more("the invitation was accepted");
        }
        if holds().any(|hold| matches!(hold, Hold::Unreadable)) {
            self.run.setbacks = unseen;
            return self.unseen(
                "the invitation is not shown any more, and the vendor does not say whether it was accepted",
            );
        }
        if !open.is_empty() || holds().any(|hold| matches!(hold, Hold::Pending { .. })) {
            return self.track_on("the vendor is still at it".to_owned());
        }
        if is_over {
            return self.track_no_more("the approved time is over");
        }
        if holds().any(|hold| *hold == Hold::Present) {
            let left = self.statement(targets);
            return self.over_and_wanting(format!(
                "the invitation is over, and not all of it is there ({left}): replay the request to have the rest granted"
            ));
        }
        self.lapsed();
    }

    /// Nobody can tell how it came out: a person hears of it once, and the invitation stays known (rule 23).
    pub(super) fn unseen(&mut self, why: &str) {
        self.run.setbacks = self.run.setbacks.saturating_add(1);
        if self.run.setbacks < UNSEEN {
            return self.track_on(why.to_owned());
        }
        self.alert(AlertKind::NeedsHuman, format!("{why}: look there"));
        self.track_no_more(why);
    }

    /// Looks again later, rarer each time.
    pub(super) fn track_on(&mut self, reason: String) {
        let delay = self.until_next_look(TRACKED);
        let until = Some(self.now.ticks().saturating_add(delay));
        let next_at = self.after(delay);
        self.commit(vec![Record::Tracked { next_at, reason }], Phase::Parking { until });
    }

    fn track_no_more(&mut self, reason: &str) {
        let record = Record::Tracked { next_at: None, reason: reason.to_owned() };
        self.commit(vec![record], Phase::Ending);
    }

    /// What this request's approval holds: nothing where a later order names it, or a later approval has renewed it.
    fn own_facets(&self) -> BTreeSet<Facet> {
        let request = &self.run.request;
        let own = self.ledger.holders.iter().filter(|holder| {
            holder.request == request.id && holder.seq == request.seq && !self.ledger.is_revoked(holder)
        });
        own.flat_map(|holder| holder.facets.clone()).collect()
    }

    /// The pause before the next look at an invitation: twice as long each time, and never beyond the approval's end.
    fn until_next_look(&mut self, (first, longest): (Duration, Duration)) -> Duration {
        let times = 1_u32.checked_shl(self.run.looks.min(16)).unwrap_or(u32::MAX);
        self.run.looks = self.run.looks.saturating_add(1);
        let delay = first.saturating_mul(times).min(longest);
        let left = self.run.request.until.map(|until| until.duration_since(self.now.wall));
        match left.and_then(|left| Duration::try_from(left).ok()) {
            Some(left) if !left.is_zero() => delay.min(left),
            _ => delay,
        }
    }
}

/// Whether an open change may still bring what a reading does not show (rule 5).
fn may_still_give(change: &Change, invitation: &Invitation) -> bool {
    change.intent == invitation.intent || !change.action.gives.is_disjoint(&invitation.facets)
}

fn waiting_facets(seen: &Snapshot) -> impl Iterator<Item = &Facet> {
    seen.facets.iter().filter(|(_, hold)| pending(hold).is_some()).map(|(facet, _)| facet)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use usher_core::Handles;

    use super::*;

    const INVITED: Hold = Hold::Pending { awaits: Awaits::Invitee, until: None };
    const COMING: Hold = Hold::Pending { awaits: Awaits::Vendor, until: None };

    fn reading(account: Account, holds: &[Hold]) -> (Snapshot, BTreeSet<Facet>) {
        let named =
            holds.iter().enumerate().map(|(n, hold)| (Facet::new("team", n.to_string()), hold.clone()));
        let seen = Snapshot {
            account,
            facets: named.collect(),
            current: std::collections::BTreeMap::new(),
            handles: Handles::new(),
            watches: Vec::new(),
            facts: Value::Null,
            lag: Duration::ZERO,
            evidence: Vec::new(),
        };
        let facets = seen.facets.keys().cloned().collect();
        (seen, facets)
    }

    #[test]
    fn rule_23_an_invitation_is_absent_only_where_the_connector_vouches_for_it() {
        let found = || Account::Found { id: None };
        let table = [
            (Account::Absent, vec![INVITED], Shown::Pending(None)),
            (Account::Invited, vec![Hold::Absent], Shown::Pending(None)),
            // One that is not seen may be there.
            (Account::Absent, vec![Hold::Unreadable], Shown::Unseen),
            (Account::Absent, vec![Hold::Absent, Hold::Unreadable], Shown::Unseen),
            (Account::Absent, vec![COMING], Shown::Unseen),
            (found(), vec![Hold::Unreadable], Shown::Unseen),
            (Account::Absent, vec![Hold::Absent], Shown::Over),
            (found(), vec![Hold::Absent], Shown::Over),
            // The person was found: also where not all of it came.
            (found(), vec![Hold::Present], Shown::Accepted),
            (found(), vec![Hold::Present, Hold::Absent], Shown::Accepted),
            (found(), vec![Hold::Present, INVITED], Shown::Pending(None)),
            // What gives no facet, such as an account, goes by the account.
            (found(), vec![], Shown::Accepted),
            (Account::Invited, vec![], Shown::Pending(None)),
            (Account::Absent, vec![], Shown::Over),
            (Account::Ambiguous { hits: 2 }, vec![], Shown::Unseen),
        ];
        for (account, holds, expected) in table {
            let (seen, facets) = reading(account, &holds);
            assert_eq!(shown(&seen, &facets), expected, "{:?}, {holds:?}", seen.account);
        }
    }
}
