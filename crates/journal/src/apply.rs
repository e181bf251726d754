use std::collections::BTreeSet;
use std::time::Duration;

use usher_core::{Action, Direction, Facet};

use crate::{
    AnswerState, Change, ChangeState, Execution, Holder, Invitation, Ledger, Mail, Moment, Outcome, Record,
    Request, Stamp, Telling,
};

/// How long a change that is over is kept for stale readings. No vendor's `lag` may be longer.
pub(crate) const LONGEST_LAG: Duration = Duration::from_secs(3600);

/// What a record does to its request's row and its subject's ledger. The only place that says so.
pub fn apply(request: &mut Request, ledger: &mut Ledger, record: &Record, at: &Moment) {
    if *record != Record::PayloadPruned {
        request.updated = at.wall;
    }
    match record {
        // Nothing has happened: how old the row is still counts from what last did.
        Record::PayloadPruned => request.forget_payload(),
        Record::Intent { intent, action } => {
            ledger.changes.push(Change {
                intent: *intent,
                request: request.id.clone(),
                action: action.clone(),
                begun: at.stamp,
                state: ChangeState::Intended,
            });
            ledger.mails.retain(|mail| mail.is_within_a_day_of(at.wall));
            if action.notifies_person {
                notify(request, ledger, *intent, action, at);
            }
        }
        Record::Outcome { intent, outcome, ended } => settle(ledger, *intent, outcome, *ended),
        Record::HoldersSeen(seen) => {
            for holder in &mut ledger.holders {
                let is_it = |(app, permission, seq): &(String, String, u64)| {
                    *app == holder.app && *permission == holder.permission && *seq == holder.seq
                };
                holder.confirmed |= seen.iter().any(is_it);
            }
        }
        Record::Former { slot, value } => {
            if ledger.left.remove(slot).is_some() {
                // Somebody else has set it since: the grant that ended before has nothing in the slot any more.
                ledger.former.remove(slot);
            }
            ledger.former.entry(slot.clone()).or_insert_with(|| value.clone());
        }
        Record::Confirmed { held, released, handles, account, reason, telling } => {
            request.execution = Execution::Confirmed;
            request.reason.clone_from(reason);
            request.telling = *telling;
            request.next_at = None;
            ledger.handles.clone_from(handles);
            ledger.account.clone_from(account);
            match request.direction {
                Direction::Provision => confirm_grant(request, ledger, held),
                Direction::Deprovision => {
                    for (slot, former) in &mut ledger.former {
                        // The slot stays known while it has a holder: a second former value is never taken (rule 14).
                        former.take_if(|value| {
                            released.iter().any(|facet| facet.slot == *slot && facet.value == *value)
                        });
                    }
                    ledger.left.retain(|slot, value| {
                        !released.iter().any(|facet| facet.slot == *slot && facet.value == *value)
                    });
                    leave_to_others(request, ledger, released);
                    confirm_order(request, ledger);
                }
            }
            finish(request, ledger, at);
        }
        Record::Invited { intent, .. } => {
            for invitation in &mut ledger.invitations {
                invitation.seen |= invitation.intent == *intent;
            }
        }
        Record::InvitationOver { intent, .. } => {
            ledger.invitations.retain(|invitation| invitation.intent != *intent);
        }
        Record::Tracked { next_at, .. } => request.next_at = *next_at,
        Record::Parked { execution, reason, next_at } => {
            if request.execution == Execution::Confirmed {
                // What it was confirmed by is not so any more, such as an invitation that has lapsed.
                for holder in ledger.holders.iter_mut().filter(|holder| holder.request == request.id) {
                    holder.confirmed = false;
                }
            }
            request.execution = *execution;
            request.reason = Some(reason.clone());
            request.next_at = *next_at;
            ledger.unfinished.insert(request.id.clone(), request.seq);
        }
        Record::Ended { execution, reason } => {
            request.execution = *execution;
            request.reason = Some(reason.clone());
            request.next_at = None;
            leave(request, ledger);
            let (id, direction) = (&request.id, request.direction);
            // An order's end removes nobody's approval: it was not confirmed.
            ledger.holders.retain(|holder| {
                direction == Direction::Deprovision || holder.confirmed || holder.request != *id
            });
            forget_unheld_slots(request, ledger);
            finish(request, ledger, at);
        }
        Record::Answered(answer) => {
            request.answer = answer.clone();
            // The sender hung up first: confirmed, and not known to be answered (rule 15).
            if *answer == AnswerState::Lost
                && request.execution == Execution::Confirmed
                && request.direction == Direction::Provision
            {
                request.telling = Telling::Due;
            }
        }
        Record::Telling(telling) => request.telling = *telling,
        Record::Recovered => {
            if request.answer == AnswerState::None {
                request.answer = AnswerState::Lost;
                // Confirmed, and not known to be answered (rule 15).
                if request.execution == Execution::Confirmed && request.direction == Direction::Provision {
                    request.telling = Telling::Due;
                }
            }
        }
        Record::Accepted { .. }
        | Record::Delivered { .. }
        | Record::Replayed { .. }
        | Record::Seen { .. }
        | Record::ReadingFailed(_)
        | Record::Planned { .. }
        | Record::Operated { .. }
        | Record::Lumos { .. }
        | Record::Alerted { .. }
        | Record::AlertSent { .. } => {}
    }
}

/// From here on an invitation may be open, and the person may have mail. What only takes invites nobody.
fn notify(request: &Request, ledger: &mut Ledger, intent: u64, action: &Action, at: &Moment) {
    if !action.gives.is_empty() || action.takes.is_empty() {
        ledger.invitations.push(Invitation {
            intent,
            request: request.id.clone(),
            facets: action.gives.clone(),
            at: at.wall,
            seen: false,
        });
    }
    ledger.mails.push(Mail { action: action.name.clone(), intent, at: at.wall });
}

fn settle(ledger: &mut Ledger, intent: u64, outcome: &Outcome, ended: Stamp) {
    if matches!(outcome, Outcome::NotSent(_) | Outcome::Refused(_)) {
        // Surely nothing was sent: neither an invitation nor mail.
        ledger.invitations.retain(|invitation| invitation.intent != intent);
        ledger.mails.retain(|mail| mail.intent != intent);
    }
    if matches!(outcome, Outcome::WatchEnded(Some(_))) {
        ledger.invitations.retain(|invitation| invitation.intent != intent);
    }
    if matches!(outcome, Outcome::NotSent(_)) {
        ledger.changes.retain(|change| change.intent != intent);
        return;
    }
    let Some(change) = ledger.changes.iter_mut().find(|change| change.intent == intent) else { return };
    change.state = match outcome {
        Outcome::Answered(receipt) => {
            ledger.handles.extend(receipt.handles.clone());
            match &receipt.watch {
                Some(watch) => ChangeState::Watching { since: ended, watch: watch.clone() },
                None => ChangeState::Answered { ended },
            }
        }
        Outcome::Unknown(_) => ChangeState::Unknown { ended },
        Outcome::Refused(_) | Outcome::WatchEnded(_) | Outcome::NotSent(_) => ChangeState::Answered { ended },
    };
}

fn confirm_grant(request: &Request, ledger: &mut Ledger, held: &[String]) {
    for holder in &mut ledger.holders {
        if holder.request == request.id && holder.seq == request.seq {
            holder.confirmed |= held.contains(&holder.permission);
        }
    }
    // What it did not get it does not hold: no later reading may confirm it.
    ledger.holders.retain(|holder| holder.confirmed || holder.request != request.id);
    // What it has it holds: nothing of an earlier grant is left in its slots.
    let own = || ledger.holders.iter().filter(|holder| holder.request == request.id);
    ledger.left.retain(|slot, _| !own().any(|holder| holder.facets.iter().any(|facet| facet.slot == *slot)));
    // An earlier approval of the same permission is renewed by this one, unless it lasts longer or holds something else.
    let renewed: Vec<Holder> =
        ledger.holders.iter().filter(|holder| holder.seq == request.seq).cloned().collect();
    ledger.holders.retain(|holder| {
        !renewed.iter().any(|new| {
            holder.app == new.app
                && holder.permission == new.permission
                && holder.seq < new.seq
                && holder.facets.is_subset(&new.facets)
                && new.until.is_none_or(|end| holder.until.is_some_and(|until| until <= end))
        })
    });
}

/// A grant ends, and nothing confirms its approval: what it sent to a slot with a former value may stand there (rule 18).
fn leave(request: &Request, ledger: &mut Ledger) {
    let mut left = Vec::new();
    for slot in ledger.former.keys() {
        let sent = ledger.changes_of(&request.id).fold(None, |last: Option<&Facet>, change| {
            let given = change.action.gives.iter().find(|facet| facet.slot == *slot);
            given.or(last.filter(|facet| !change.action.takes.contains(*facet)))
        });
        let asked = |facet: &&Facet| {
            ledger.holders.iter().any(|holder| {
                // What a later order names, that order releases.
                holder.request == request.id
                    && !holder.confirmed
                    && !ledger.is_revoked(holder)
                    && holder.facets.contains(*facet)
            })
        };
        left.extend(sent.filter(asked).map(|facet| (slot.clone(), facet.value.clone())));
    }
    ledger.left.extend(left);
}

/// An order is confirmed: of what its permissions give, a former value that it has not released was somebody else's, and stays theirs
/// for whatever order comes next.
fn leave_to_others(request: &Request, ledger: &mut Ledger, released: &BTreeSet<Facet>) {
    let asked = request.permissions.iter().flat_map(|permission| permission.facets.iter().flatten());
    for facet in asked.filter(|facet| !released.contains(*facet)) {
        if ledger.former.get(&facet.slot).and_then(Option::as_ref) == Some(&facet.value) {
            ledger.left.insert(facet.slot.clone(), facet.value.clone());
        }
    }
}

/// The holders that the order names go with its confirmation: *earlier* ones only (rule 9).
fn confirm_order(request: &Request, ledger: &mut Ledger) {
    ledger.holders.retain(|holder| {
        let named = request.all || request.permissions.iter().any(|p| p.name == holder.permission);
        !(holder.app == request.app_key && named && holder.seq < request.seq)
    });
    forget_unheld_slots(request, ledger);
}

/// A former value is for as long as its slot has a holder, or what a grant left there when it ended, or an order is under way that may
/// have to give it back: what the order takes may have been given by a grant that it has superseded, and that holds nothing any more.
fn forget_unheld_slots(request: &Request, ledger: &mut Ledger) {
    let (marks, unfinished) = (&ledger.marks, &ledger.unfinished);
    let is_order =
        |seq: u64| marks.iter().any(|mark| mark.direction == Direction::Deprovision && mark.seq == seq);
    if unfinished.iter().any(|(id, seq)| *id != request.id && is_order(*seq)) {
        return;
    }
    let (holders, left) = (&ledger.holders, &ledger.left);
    ledger.former.retain(|slot, _| {
        let is_held = holders.iter().any(|holder| holder.facets.iter().any(|facet| facet.slot == *slot));
        is_held || left.contains_key(slot)
    });
}

fn finish(request: &mut Request, ledger: &mut Ledger, at: &Moment) {
    ledger.unfinished.remove(&request.id);
    if request.execution != Execution::Confirmed {
        request.telling = Telling::None;
    }
    let unfinished = &ledger.unfinished;
    let (boot, now) = (at.stamp.boot, at.ticks());
    ledger.changes.retain(|change| {
        unfinished.contains_key(&change.request) || change.is_open_for(boot, now, LONGEST_LAG)
    });
}
