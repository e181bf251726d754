use usher_journal::{AnswerState, Arrived, Execution, Record, Request};

use super::World;
use crate::samples::{at, confirmed, ended, grant, id, order, order_of_all, permission};

fn of_app(app: &str, request: Request) -> Request {
    Request { app_key: app.to_owned(), ..request }
}

fn naming(permissions: &[&str], request: Request) -> Request {
    Request { permissions: permissions.iter().map(|name| permission(name)).collect(), ..request }
}

#[test]
fn rule_03_a_holder_that_is_over_revoked_or_unconfirmed_does_not_block() {
    let mut world = World::default();
    let mut request = world.take(Request { until: Some(at(100).wall), ..grant("a") });
    assert!(!world.ledger.blocks(&world.ledger.holders[0], at(3).wall), "not confirmed");
    world.apply(&mut request, &confirmed(&["agent"]));
    assert!(world.ledger.blocks(&world.ledger.holders[0], at(99).wall));
    assert!(!world.ledger.blocks(&world.ledger.holders[0], at(100).wall), "over");
    world.take(order("b"));
    assert!(!world.ledger.blocks(&world.ledger.holders[0], at(3).wall), "revoked");
}

#[test]
fn rule_03_an_order_revokes_what_it_names_and_one_of_everything_all_of_its_app() {
    let mut world = World::default();
    world.take(naming(&["agent", "light-agent"], grant("a")));
    world.take(of_app("code", grant("b")));
    let revoked = |world: &World| -> Vec<bool> {
        world.ledger.holders.iter().map(|holder| world.ledger.is_revoked(holder)).collect()
    };
    world.take(order("c"));
    assert_eq!(revoked(&world), [true, false, false]);
    world.take(order_of_all("d"));
    assert_eq!(revoked(&world), [true, true, false]);
}

#[test]
fn rule_03_an_order_does_not_revoke_what_is_granted_after_it() {
    let mut world = World::default();
    world.take(order_of_all("a"));
    world.take(grant("b"));
    assert!(!world.ledger.is_revoked(&world.ledger.holders[0]));
}

#[test]
fn rule_09_a_grant_is_named_by_later_orders_of_its_permission_or_of_all_its_app() {
    let mut world = World::default();
    let request = world.take(naming(&["agent", "light-agent"], grant("a")));
    let named = |world: &World, name: &str| {
        world.ledger.named_after(usher_core::Direction::Deprovision, "desk", name, request.seq)
    };
    world.take(of_app("code", order_of_all("b")));
    assert!(!named(&world, "agent") && !named(&world, "light-agent"));
    world.take(order("c"));
    assert!(named(&world, "agent") && !named(&world, "light-agent"));
    world.take(order_of_all("d"));
    assert!(named(&world, "agent") && named(&world, "light-agent"));
}

#[test]
fn rule_10_a_running_request_that_an_opposite_one_has_followed_is_not_waited_for() {
    let mut world = World::default();
    let running = world.take(grant("a"));
    world.take(order("b"));
    assert_eq!(world.deliver(Some(&running), grant("c")).0, Arrived::Followed);
}

#[test]
fn rule_10_a_request_is_followed_when_one_of_its_permissions_is() {
    let mut world = World::default();
    let request = world.take(naming(&["agent", "light-agent"], grant("a")));
    world.take(naming(&["admin"], order("b")));
    assert_eq!(world.deliver(Some(&request), grant("c")).0, Arrived::Running);
    world.take(naming(&["light-agent"], order("d")));
    assert_eq!(world.deliver(Some(&request), grant("e")).0, Arrived::Followed);
}

#[test]
fn rule_10_an_order_of_everything_is_followed_by_any_grant_of_its_app() {
    let mut world = World::default();
    let request = world.take(order_of_all("a"));
    world.take(of_app("code", grant("b")));
    assert_eq!(world.deliver(Some(&request), order_of_all("c")).0, Arrived::Running);
    world.take(naming(&["admin"], grant("d")));
    assert_eq!(world.deliver(Some(&request), order_of_all("e")).0, Arrived::Followed);
}

#[test]
fn rule_10_a_refused_request_that_is_refused_at_once_again_runs_nothing() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &ended(Execution::Refused));
    let reason = Some("it is not mapped".to_owned());
    let unmapped = Request { execution: Execution::Refused, reason: reason.clone(), ..grant("b") };
    let (arrived, again, records) = world.deliver(Some(&request), unmapped);
    assert_eq!((arrived, again.execution, again.reason), (Arrived::Again, Execution::Refused, reason));
    assert!(matches!(records[..], [Record::Delivered { .. }, Record::Ended { .. }]));
    assert!(world.ledger.holders.is_empty() && world.ledger.unfinished.is_empty());
}

#[test]
fn rule_10_what_runs_again_is_todays_delivery_in_the_old_row() {
    let mut world = World::default();
    let mut request = world.take(Request { received: at(0).wall, ..grant("a") });
    world.apply(&mut request, &ended(Execution::Refused));
    request.answer = AnswerState::Negative { reason: "no seat".to_owned() };
    let until = Some(at(7200).wall);
    let new = Request { until, received: at(500).wall, config: "mended".to_owned(), ..grant("b") };
    let (_, again, _) = world.deliver(Some(&request), new);
    assert_eq!((again.id, again.received), (id("a"), at(0).wall), "of the row");
    assert_eq!((again.until, again.config.as_str()), (until, "mended"), "of the delivery");
    assert_eq!((again.answer, again.attempt), (AnswerState::None, 2), "a sender waits anew");
    assert_eq!(world.ledger.holders[0].until, until);
}

#[test]
fn rule_10_a_delivery_that_runs_nothing_leaves_the_row_as_it_is() {
    for execution in [Execution::Waiting, Execution::Closed, Execution::Confirmed, Execution::Accepted] {
        let mut world = World::default();
        let request = Request { execution, ..world.take(grant("a")) };
        let (holders, marks) = (world.ledger.holders.clone(), world.ledger.marks.clone());
        let (_, after, records) = world.deliver(Some(&request), grant("b"));
        assert_eq!(after, request);
        assert!(matches!(records[..], [Record::Delivered { .. }]));
        assert_eq!((world.ledger.holders, world.ledger.marks), (holders, marks));
    }
}

#[test]
fn rule_19_a_dry_run_waits_for_its_turn_and_holds_and_supersedes_nothing() {
    let mut world = World::default();
    let standing = world.take(grant("a"));
    let dry = world.take(Request { dry_run: true, ..order("b") });
    world.take(Request { dry_run: true, ..grant("c") });
    assert_eq!(world.ledger.unfinished.get(&id("b")), Some(&dry.seq));
    assert_eq!(world.ledger.holders.len(), 1);
    assert!(!world.ledger.is_revoked(&world.ledger.holders[0]));
    assert_eq!(world.deliver(Some(&standing), grant("d")).0, Arrived::Running);
}
