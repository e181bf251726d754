//! Rules taken out, one at a time: what `decide` is shown is bent so that the rule has no effect. The checker must find what comes of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use usher_core::{Direction, Fault, Hold, Snapshot};
use usher_engine::{AfterDeadline, AppPolicy, Event, Phase, Run};
use usher_journal::{ChangeState, Ledger};

use crate::scenarios::Scenario;
use crate::world::Active;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// 2: a reading that was begun before the request's turn counts as one that was begun with it.
    ReadingAhead,
    /// 3: nobody's approval keeps its facets from others' orders.
    Blocking,
    /// 4: a change is over as soon as its call has ended.
    Settling,
    /// 4: readings are taken to be fresh.
    Lag,
    /// 5: nothing is ever open.
    OpenChanges,
    /// 7: a 202 is an answer.
    Watches,
    /// 9: no later order is heard of.
    Superseding,
    /// 9: an order ends later approvals too.
    LaterApprovals,
    /// 10: a repeated delivery is a request of its own.
    Duplicates,
    /// 11: a replay keeps its former place in the order of acceptance.
    ReplayedPlace,
    /// 13: an order of everything takes what the ledger knows, and nothing else.
    Everything,
    /// 14: the newest approval does not win.
    NewestWins,
    /// 14: no former value is remembered.
    FormerValue,
    /// 14: what a grant leaves in a slot when it ends is forgotten.
    WhatIsLeft,
    /// 17: a late answer stops nothing.
    Stopping,
    /// 17: no approval runs out.
    Expiry,
    /// 19: a pause is not heard of.
    Pausing,
    /// 22: an open invitation counts everywhere.
    Counting,
    /// 22: an order leaves an open invitation as it is.
    Cancelling,
    /// 22: nobody looks after an invitation that counts.
    Tracking,
    /// 23: an invitation is not known from its intent.
    Invitations,
    /// 23: what the vendor does not vouch for is not there.
    Vouching,
    /// 24: nobody remembers who was sent mail.
    Mail,
}

/// The run, the ledger and the event as they look without the rule.
pub(crate) fn seen_without(
    scenario: &Scenario,
    active: &Active,
    event: Event,
    now: Duration,
) -> (Run, Arc<Ledger>, Event) {
    let (mut run, mut ledger, mut event) = (active.run.clone(), active.ledger.clone(), event);
    let Some(rule) = scenario.without else { return (run, ledger, event) };
    if let Event::Seen { begun, ahead, result, .. } = &mut event {
        bend_reading(rule, &run, now, begun, ahead, result);
    }
    let bent = Arc::make_mut(&mut ledger);
    let is_order = run.request.direction == Direction::Deprovision;
    match rule {
        Rule::Blocking => {
            for holder in bent.holders.iter_mut().filter(|_| is_order) {
                // A reading confirms what is live anew.
                holder.until = Some(jiff::Timestamp::MIN);
            }
        }
        Rule::Settling => {
            for change in &mut bent.changes {
                if let ChangeState::Unknown { ended } = change.state {
                    change.state = ChangeState::Answered { ended };
                }
            }
        }
        Rule::OpenChanges => {
            if matches!(event, Event::Seen { .. }) {
                bent.changes.clear();
            }
        }
        Rule::Watches => {
            if let Event::Applied { result: Ok(receipt), .. } = &mut event {
                receipt.watch = None;
            }
        }
        Rule::Superseding => bent.marks.clear(),
        Rule::LaterApprovals if is_order => run.request.seq = u64::MAX,
        Rule::Everything if run.request.all => {
            run.request.all = false;
            run.request.permissions.retain(|one| bent.holders.iter().any(|held| held.permission == one.name));
        }
        Rule::NewestWins => {
            let seq = run.request.seq;
            bent.holders.retain(|holder| is_order || holder.seq <= seq);
        }
        Rule::FormerValue => bent.former.clear(),
        Rule::Expiry => run.request.until = None,
        Rule::Tracking if matches!(run.phase, Phase::Confirming { .. }) => run.request.next_at = None,
        Rule::Invitations => bent.invitations.clear(),
        Rule::Mail => bent.mails.clear(),
        _ => {}
    }
    (run, ledger, event)
}

fn bend_reading(
    rule: Rule,
    run: &Run,
    now: Duration,
    begun: &mut Duration,
    ahead: &mut Option<u64>,
    result: &mut Result<Snapshot, Fault>,
) {
    let Ok(seen) = result else { return };
    match rule {
        Rule::ReadingAhead if ahead.take().is_some() => *begun = now,
        Rule::Lag => seen.lag = Duration::ZERO,
        Rule::Cancelling if run.request.direction == Direction::Deprovision => {
            seen.facets.values_mut().for_each(|hold| {
                if matches!(hold, Hold::Pending { .. }) {
                    *hold = Hold::Absent;
                }
            });
        }
        Rule::Vouching => seen.facets.values_mut().for_each(|hold| {
            if *hold == Hold::Unreadable {
                *hold = Hold::Absent;
            }
        }),
        _ => {}
    }
}

/// The apps' policies as they look without the rule.
pub(crate) fn apps_without(scenario: &Scenario) -> Cow<'_, BTreeMap<String, AppPolicy>> {
    let mut apps = Cow::Borrowed(&scenario.apps);
    match scenario.without {
        Some(Rule::Stopping) => {
            apps.to_mut().values_mut().for_each(|policy| policy.after_deadline = AfterDeadline::Continue);
        }
        Some(Rule::Counting) => apps.to_mut().values_mut().for_each(|policy| policy.counts_invited = true),
        _ => {}
    }
    apps
}

/// What is on disk without the rule.
pub(crate) fn written_without(scenario: &Scenario, ledger: &mut Ledger) {
    if scenario.without == Some(Rule::WhatIsLeft) && !ledger.left.is_empty() {
        ledger.left.clear();
        ledger.former.clear();
    }
}

/// What was bent in the run is as it was.
pub(crate) fn put_back(scenario: &Scenario, before: &Active, run: &mut Run) {
    if scenario.without.is_some() {
        (run.request.seq, run.request.all) = (before.run.request.seq, before.run.request.all);
        run.request.until = before.run.request.until;
        run.request.permissions.clone_from(&before.run.request.permissions);
    }
}
