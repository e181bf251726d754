use usher_core::{Awaits, Facet, Goal, Hold, Plan, Snapshot};
use usher_journal::Change;

/// How a reading stands against a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stand {
    /// All of it is so, and the plan is empty.
    Done,
    /// All that can be done is done; somebody else has to go on.
    Waiting(Awaits),
    /// Something is left to do, and may be done now.
    Wanting,
    /// This reading cannot tell.
    Unreadable,
    /// A change is open: this reading proves nothing, and nothing may be sent (rule 5).
    Open,
}

/// How `seen` stands against `goal`. `open` are the changes that are open for this reading, whoever sent them.
#[must_use]
pub fn stands(seen: &Snapshot, goal: &Goal, plan: &Plan, open: &[&Change], counts_invited: bool) -> Stand {
    let hold = goal.hold.iter().map(|facet| held(seen, facet, open, counts_invited));
    let is_refused = |facet: &Facet| plan.refused.iter().any(|(facets, _)| facets.contains(facet));
    let release = goal.release.iter().map(|facet| match released(seen, facet, open) {
        // What the connector will not call removed is not, though nothing of it is seen.
        Stand::Done if is_refused(facet) => Stand::Wanting,
        stand => stand,
    });
    let mut all: Vec<Stand> = hold.chain(release).collect();
    if !plan.actions.is_empty() && all.iter().all(|stand| *stand == Stand::Done) {
        // Something that is no facet, such as a suspension.
        all.push(if open.is_empty() { Stand::Wanting } else { Stand::Open });
    }
    let order = [
        Stand::Open,
        Stand::Wanting,
        Stand::Unreadable,
        Stand::Waiting(Awaits::Vendor),
        Stand::Waiting(Awaits::Invitee),
    ];
    order.into_iter().find(|stand| all.contains(stand)).unwrap_or(Stand::Done)
}

/// Seeing what was wanted is proof enough for the one who wanted it, unless a change to the contrary is open.
fn held(seen: &Snapshot, facet: &Facet, open: &[&Change], counts_invited: bool) -> Stand {
    let is_one = seen.current.contains_key(&facet.slot);
    let contrary = open.iter().any(|change| {
        let other = |given: &Facet| is_one && given.slot == facet.slot && given.value != facet.value;
        change.action.takes.contains(facet) || change.action.gives.iter().any(other)
    });
    let settled = |stand| if contrary { Stand::Open } else { stand };
    match seen.hold(facet) {
        Hold::Present => settled(Stand::Done),
        Hold::Pending { awaits: Awaits::Invitee, .. } if counts_invited => settled(Stand::Done),
        Hold::Pending { awaits, .. } => settled(Stand::Waiting(*awaits)),
        _ if !open.is_empty() => Stand::Open,
        Hold::Absent => Stand::Wanting,
        Hold::Unreadable => Stand::Unreadable,
    }
}

fn released(seen: &Snapshot, facet: &Facet, open: &[&Change]) -> Stand {
    match seen.hold(facet) {
        Hold::Absent if open.iter().any(|change| change.action.gives.contains(facet)) => Stand::Open,
        Hold::Absent => Stand::Done,
        _ if !open.is_empty() => Stand::Open,
        Hold::Present | Hold::Pending { .. } => Stand::Wanting,
        Hold::Unreadable => Stand::Unreadable,
    }
}
