//! Each rule that is taken out, where it shows.

use crate::rules::Rule;
use crate::scenarios::Step::{Again, Grant, Order, OrderAll, Pause, Replay, Resume};
use crate::scenarios::{NO_FAULTS, Scenario, Step};
use crate::world::Faults;

/// Each rule that is taken out, in a scenario that shows what it is for, and what the checker must find.
pub(crate) fn without_a_rule() -> Vec<(Rule, Scenario, &'static str)> {
    const TWICE: &str = "while an earlier change may still arrive";
    const LEFT: &str = "has removed it";
    const TAKEN: &str = "has granted it";
    let lost = Faults { timeouts: 1, ..NO_FAULTS };
    let accepted = Faults { accepted: 1, ..NO_FAULTS };
    let grant = |names| Grant("app", names);
    let order = |names| Order("app", names);
    let new = |steps: &[Step], faults| Scenario::new("without a rule", steps, faults);
    let (one, taken) = ([grant(&["a"])], [grant(&["a"]), order(&["a"])]);
    let shared = [grant(&["a"]), Grant("other", &["a"]), order(&["a"])];
    let slot = [grant(&["light"]), Grant("other", &["agent"])];
    let again = [grant(&["a"]), order(&["a"]), Again(0)];
    let replayed = [grant(&["a"]), order(&["a"]), Replay(0)];
    let all = [grant(&["a"]), OrderAll("app")];
    let later = [order(&["a"]), grant(&["a"])];
    let given_back = [grant(&["agent"]), order(&["agent"])];
    let invited = [grant(&["a"]), order(&["a"]), grant(&["a"])];
    let halved = [grant(&["both"]), order(&["both"])];
    let refused = Faults { refusals: 1, ..NO_FAULTS };
    let slow = Faults { slow: 1, ..NO_FAULTS };
    let table = vec![
        (Rule::ReadingAhead, new(&taken, NO_FAULTS), LEFT),
        (Rule::Blocking, new(&shared, NO_FAULTS), TAKEN),
        (Rule::Settling, new(&one, lost), TWICE),
        (Rule::Lag, new(&one, NO_FAULTS).lagging(3), "took place a second time"),
        (Rule::OpenChanges, new(&one, lost), TWICE),
        (Rule::Watches, new(&one, accepted), TWICE),
        (Rule::Superseding, new(&taken, lost), LEFT),
        (Rule::LaterApprovals, new(&later, lost).having("team", "a"), TAKEN),
        (Rule::Duplicates, new(&again, NO_FAULTS), LEFT),
        (Rule::ReplayedPlace, new(&replayed, NO_FAULTS), "is not there in the end"),
        (Rule::Everything, new(&all, NO_FAULTS).having("team", "b"), LEFT),
        (Rule::NewestWins, new(&slot, lost).having("role", "end-user"), TAKEN),
        (Rule::FormerValue, new(&given_back, NO_FAULTS).having("role", "light"), "the role is not light"),
        (Rule::WhatIsLeft, new(&halved, refused).having("role", "light"), "the role is not light"),
        (Rule::Stopping, new(&one, slow).stopping(), "after its answer was no"),
        (Rule::Expiry, new(&one, slow).ending_in(5), "after the approved time"),
        (Rule::Pausing, new(&[Pause, grant(&["a"]), Resume], NO_FAULTS), "while the connection is paused"),
        (Rule::Counting, new(&one, NO_FAULTS).inviting(false, true), "is told yes"),
        (Rule::Cancelling, new(&taken, NO_FAULTS).inviting(true, true), LEFT),
        (Rule::Tracking, new(&one, NO_FAULTS).inviting(true, true), "nobody hears of it"),
        (Rule::Invitations, new(&taken, NO_FAULTS).inviting(false, false).hiding(), LEFT),
        (Rule::Vouching, new(&taken, NO_FAULTS).inviting(false, false).hiding(), LEFT),
        (Rule::Mail, new(&invited, NO_FAULTS).inviting(false, true), "mail a second time"),
    ];
    table.into_iter().map(|(rule, scenario, wrong)| (rule, scenario.without(rule), wrong)).collect()
}
