//! Rules taken out, one at a time: what `decide` is shown is bent so that the rule has no effect. The checker must find what comes of it.

use std::sync::Arc;

use usher_core::Direction;
use usher_engine::{Event, Run};
use usher_journal::{ChangeState, Ledger};

use crate::scenarios::Scenario;
use crate::world::Active;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
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
    /// 23: an invitation that is not seen is not there.
    Invitations,
}

/// The run, the ledger and the event as they look without the rule.
pub(crate) fn seen_without(scenario: &Scenario, active: &Active, event: Event) -> (Run, Arc<Ledger>, Event) {
    let (mut run, mut ledger, mut event) = (active.run.clone(), active.ledger.clone(), event);
    let Some(rule) = scenario.without else { return (run, ledger, event) };
    let bent = Arc::make_mut(&mut ledger);
    let is_order = run.request.direction == Direction::Deprovision;
    match rule {
        Rule::Blocking => {
            for holder in bent.holders.iter_mut().filter(|_| is_order) {
                holder.confirmed = false;
            }
        }
        Rule::Settling => {
            for change in &mut bent.changes {
                if let ChangeState::Unknown { ended } = change.state {
                    change.state = ChangeState::Answered { ended };
                }
            }
        }
        Rule::Lag => {
            if let Event::Seen { result: Ok(seen), .. } = &mut event {
                seen.lag = std::time::Duration::ZERO;
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
        Rule::Invitations => bent.invitations.clear(),
        Rule::LaterApprovals | Rule::Everything | Rule::Duplicates | Rule::ReplayedPlace => {}
    }
    (run, ledger, event)
}

/// What was bent in the run is as it was.
pub(crate) fn put_back(scenario: &Scenario, before: &Active, run: &mut Run) {
    if scenario.without.is_some() {
        (run.request.seq, run.request.all) = (before.run.request.seq, before.run.request.all);
        run.request.permissions.clone_from(&before.run.request.permissions);
    }
}
