use std::time::Duration;

use usher_core::{Receipt, Sent};
use usher_journal::{AnswerState, ChangeState, Execution, Outcome, Record, Request, Telling, apply};

use super::World;
use crate::samples::{
    at, at_boot, confirmed, ended, facet, fault, grant, holders, intent, order, outcome, parked, permission,
    released, watched,
};

pub(super) fn naming(permissions: &[&str], request: Request) -> Request {
    Request { permissions: permissions.iter().map(|name| permission(name)).collect(), ..request }
}

#[test]
fn rule_03_a_grant_that_ends_leaves_no_holder_unless_a_reading_had_shown_it() {
    let mut world = World::default();
    let mut request = world.take(naming(&["agent", "light-agent"], grant("a")));
    let seen = Record::HoldersSeen(vec![("desk".to_owned(), "agent".to_owned(), request.seq)]);
    world.apply(&mut request, &seen);
    world.apply(&mut request, &ended(Execution::Refused));
    assert_eq!(holders(&world.ledger), [("agent", true)]);
    assert!(world.ledger.unfinished.is_empty());
}

#[test]
fn rule_03_a_later_grant_of_the_same_permission_renews_the_earlier_one() {
    let mut world = World::default();
    let mut first = world.take(naming(&["agent", "light-agent"], grant("a")));
    world.apply(&mut first, &confirmed(&["agent", "light-agent"]));
    let mut other = world.take(Request { app_key: "desk-eu".to_owned(), ..grant("b") });
    world.apply(&mut other, &confirmed(&["agent"]));
    let mut second = world.take(grant("c"));
    assert_eq!(world.ledger.holders.len(), 4, "until it is confirmed, both stand");
    world.apply(&mut second, &confirmed(&["agent"]));
    let left: Vec<_> =
        world.ledger.holders.iter().map(|h| (h.app.as_str(), h.permission.as_str(), h.seq)).collect();
    let expected =
        [("desk", "light-agent", first.seq), ("desk-eu", "agent", other.seq), ("desk", "agent", second.seq)];
    assert_eq!(left, expected);
}

#[test]
fn rule_03_a_later_grant_that_ends_sooner_or_holds_less_renews_nothing() {
    let lasting = [None, Some(at(9000).wall)];
    for until in lasting {
        let mut world = World::default();
        let mut first = world.take(Request { until, ..grant("a") });
        world.apply(&mut first, &confirmed(&["agent"]));
        let mut sooner = world.take(Request { until: Some(at(8999).wall), ..grant("b") });
        world.apply(&mut sooner, &confirmed(&["agent"]));
        assert_eq!(world.ledger.holders.len(), 2, "{until:?}");
    }
    let mut world = World::default();
    let mut first = world.take(grant("a"));
    world.apply(&mut first, &confirmed(&["agent"]));
    let mut remapped = grant("b");
    remapped.permissions[0].facets = permission("light-agent").facets;
    let mut remapped = world.take(remapped);
    world.apply(&mut remapped, &confirmed(&["agent"]));
    assert_eq!(world.ledger.holders.len(), 2, "the two hold different facets");
}

#[test]
fn rule_03_an_orders_confirmation_leaves_other_apps_holders() {
    let mut world = World::default();
    let mut other = world.take(Request { app_key: "desk-eu".to_owned(), ..grant("a") });
    world.apply(&mut other, &confirmed(&["agent"]));
    let mut everything = world.take(Request { all: true, ..order("b") });
    world.apply(&mut everything, &released(&[]));
    assert_eq!(holders(&world.ledger), [("agent", true)]);
}

#[test]
fn rule_04_an_outcome_counts_from_the_end_of_its_call_not_from_its_commit() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &intent(1));
    let outcome = Outcome::Unknown(fault(Sent::Maybe));
    let record = Record::Outcome { intent: 1, outcome, ended: at(1).stamp };
    apply(&mut request, &mut world.ledger, &record, &at(9));
    assert_eq!(world.ledger.changes[0].over_at(1), Some(Duration::from_secs(16)));
}

#[test]
fn rule_04_an_open_change_outlives_its_request_and_goes_once_no_reading_can_miss_it() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &intent(1));
    world.apply(&mut request, &outcome(1, Outcome::Answered(Receipt::default())));
    world.apply(&mut request, &confirmed(&["agent"]));
    assert_eq!(world.ledger.changes.len(), 1, "a stale reading may not show it yet");
    let mut second = world.take(order("b"));
    let much_later = at(2 + 3600);
    apply(&mut second, &mut world.ledger, &released(&[]), &much_later);
    assert!(world.ledger.changes.is_empty());
}

#[test]
fn rule_04_changes_of_unfinished_requests_are_never_forgotten() {
    let mut world = World::default();
    let mut first = world.take(grant("a"));
    world.apply(&mut first, &intent(1));
    world.apply(&mut first, &outcome(1, Outcome::Answered(Receipt::default())));
    world.apply(&mut first, &parked(Execution::NeedsHuman));
    let mut second = world.take(naming(&["light-agent"], grant("b")));
    apply(&mut second, &mut world.ledger, &confirmed(&["light-agent"]), &at(1_000_000));
    assert_eq!(world.ledger.changes_of(&first.id).count(), 1);
}

#[test]
fn rule_04_an_outcome_of_a_change_that_is_not_there_changes_nothing() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &intent(1));
    let before = world.ledger.clone();
    world.apply(&mut request, &outcome(7, Outcome::Unknown(fault(Sent::Maybe))));
    assert_eq!(world.ledger, before);
}

#[test]
fn rule_04_numbers_of_intents_are_not_given_twice() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    assert_eq!(world.ledger.next_intent(0), 1);
    world.apply(&mut request, &intent(4));
    assert_eq!(world.ledger.next_intent(0), 5);
    assert_eq!(world.ledger.next_intent(9), 10);
}

#[test]
fn rule_07_a_receipt_with_a_watch_is_no_answer() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &intent(1));
    world.apply(&mut request, &outcome(1, Outcome::Answered(watched())));
    assert!(matches!(world.ledger.changes[0].state, ChangeState::Watching { .. }));
    assert_eq!(world.ledger.changes[0].over_at(1), None);
    world.apply(&mut request, &outcome(1, Outcome::WatchEnded(None)));
    assert_eq!(world.ledger.changes[0].over_at(1), Some(Duration::from_secs(2)));
}

#[test]
fn rule_08_a_parked_request_is_still_unfinished() {
    for execution in [Execution::Waiting, Execution::BackingOff, Execution::NeedsHuman] {
        let mut world = World::default();
        let mut request = world.take(grant("a"));
        world.apply(&mut request, &parked(execution));
        assert_eq!(request.execution, execution);
        assert_eq!(request.next_at, Some(at(600).wall));
        assert_eq!(world.ledger.unfinished.get(&request.id), Some(&request.seq));
        world.apply(&mut request, &ended(Execution::Closed));
        assert!(world.ledger.unfinished.is_empty());
        assert_eq!(request.next_at, None);
    }
}

#[test]
fn rule_09_an_orders_confirmation_ends_what_came_before_it_only() {
    let mut world = World::default();
    world.take(naming(&["agent", "light-agent"], grant("before")));
    let mut order = world.take(order("order"));
    let after = world.take(grant("after"));
    world.apply(&mut order, &released(&[facet("role", "agent")]));
    let left: Vec<_> = world.ledger.holders.iter().map(|h| (h.permission.as_str(), h.seq)).collect();
    assert_eq!(left, [("light-agent", 1), ("agent", after.seq)]);
}

#[test]
fn rule_15_only_what_was_not_answered_is_lost() {
    let no = AnswerState::Negative { reason: "too late".to_owned() };
    for (before, after) in [
        (AnswerState::None, AnswerState::Lost),
        (AnswerState::Positive, AnswerState::Positive),
        (no.clone(), no),
    ] {
        let mut world = World::default();
        let mut request = Request { answer: before, ..world.take(grant("a")) };
        world.apply(&mut request, &Record::Recovered);
        assert_eq!((request.answer, request.telling), (after, Telling::None), "it is not confirmed");
    }
}

#[test]
fn rule_15_a_grant_that_is_confirmed_and_whose_answer_got_lost_is_due_to_be_told() {
    for record in [Record::Recovered, Record::Answered(AnswerState::Lost)] {
        let mut world = World::default();
        let mut request = world.take(grant("a"));
        world.apply(&mut request, &confirmed(&["agent"]));
        assert_eq!(request.telling, Telling::None, "it may be answered yet");
        world.apply(&mut request, &record);
        assert_eq!((request.answer, request.telling), (AnswerState::Lost, Telling::Due), "{record:?}");
        let mut order = world.take(order("b"));
        world.apply(&mut order, &released(&[]));
        world.apply(&mut order, &record);
        assert_eq!(order.telling, Telling::None, "an order is not told of");
    }
}

#[test]
fn rule_15_what_ends_unconfirmed_is_told_to_nobody() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &Record::Telling(Telling::Due));
    assert_eq!(request.telling, Telling::Due);
    world.apply(&mut request, &ended(Execution::Expired));
    assert_eq!(request.telling, Telling::None);
}

#[test]
fn a_row_says_when_it_last_changed() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    apply(&mut request, &mut world.ledger, &Record::Answered(AnswerState::Positive), &at_boot(3, 7));
    assert_eq!(request.updated, at_boot(3, 7).wall);
}
