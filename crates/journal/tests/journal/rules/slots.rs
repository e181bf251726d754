//! What stood in a one-value slot before Usher gave anything (rule 14).

use std::collections::BTreeSet;

use usher_core::Action;
use usher_journal::{Execution, Ledger, Record};

use super::World;
use super::applying::naming;
use crate::samples::{action, confirmed, ended, facet, grant, holders, intent, order, released};

fn former(value: Option<&str>) -> Record {
    Record::Former { slot: "role".to_owned(), value: value.map(str::to_owned) }
}

#[test]
fn rule_14_the_first_former_value_of_a_slot_stays_even_where_it_is_nothing() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(None));
    world.apply(&mut request, &former(Some("agent")));
    assert_eq!(world.ledger.former.get("role"), Some(&None));
}

#[test]
fn rule_14_an_order_that_names_the_former_value_erases_it_though_the_slot_is_held() {
    let mut world = World::default();
    let mut first = world.take(naming(&["admin"], grant("a")));
    world.apply(&mut first, &former(Some("agent")));
    world.apply(&mut first, &confirmed(&["admin"]));
    let mut order = world.take(order("b"));
    world.apply(&mut order, &released(&[facet("role", "agent")]));
    assert_eq!(holders(&world.ledger), [("admin", true)]);
    assert_eq!(world.ledger.former.get("role"), Some(&None), "nobody is given back what was taken away");
    world.apply(&mut first, &former(Some("agent")));
    assert_eq!(world.ledger.former.get("role"), Some(&None), "nor is a second one taken");
}

#[test]
fn rule_14_an_order_of_another_value_keeps_the_former_one_while_the_slot_is_held() {
    let mut world = World::default();
    let mut first = world.take(naming(&["agent", "light-agent"], grant("a")));
    world.apply(&mut first, &former(Some("end-user")));
    world.apply(&mut first, &confirmed(&["agent", "light-agent"]));
    let mut order = world.take(order("b"));
    world.apply(&mut order, &released(&[facet("role", "agent")]));
    assert_eq!(world.ledger.former.get("role"), Some(&Some("end-user".to_owned())));
}

#[test]
fn rule_14_a_grant_that_ends_takes_the_former_value_of_its_slot_along() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(Some("end-user")));
    world.apply(&mut request, &ended(Execution::Refused));
    assert!(world.ledger.former.is_empty());
}

#[test]
fn rule_14_a_former_value_stays_while_an_order_that_may_give_it_back_is_under_way() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(Some("light-agent")));
    let mut order = world.take(order("b"));
    world.apply(&mut request, &ended(Execution::Superseded));
    assert_eq!(world.ledger.former.get("role"), Some(&Some("light-agent".to_owned())));
    world.apply(&mut order, &released(&[facet("role", "agent")]));
    assert!(world.ledger.former.is_empty());
}

/// A grant that had sent a role, and ended before it was all there.
fn left_by_a_grant() -> World {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(Some("light-agent")));
    world.apply(&mut request, &intent(7));
    world.apply(&mut request, &ended(Execution::Refused));
    assert!(holders(&world.ledger).is_empty());
    world
}

#[test]
fn rule_14_what_a_grant_leaves_in_a_slot_when_it_ends_keeps_the_former_value_until_it_is_released() {
    let mut world = left_by_a_grant();
    assert_eq!(world.ledger.former.get("role"), Some(&Some("light-agent".to_owned())));
    // An order that releases something else is none of it.
    let mut other = world.take(naming(&["admin"], order("b")));
    world.apply(&mut other, &released(&[facet("role", "admin")]));
    assert_eq!(world.ledger.former.get("role"), Some(&Some("light-agent".to_owned())));
    let mut order = world.take(order("c"));
    world.apply(&mut order, &released(&[facet("role", "agent")]));
    assert!(world.ledger.former.is_empty() && world.ledger.left.is_empty());
}

#[test]
fn rule_14_what_somebody_else_sets_after_a_grant_has_ended_is_the_next_former_value() {
    let mut world = left_by_a_grant();
    let mut next = world.take(grant("b"));
    world.apply(&mut next, &former(Some("admin")));
    world.apply(&mut next, &former(Some("staff")));
    assert_eq!(world.ledger.former.get("role"), Some(&Some("admin".to_owned())), "the first one stays");
}

#[test]
fn rule_14_a_grant_that_is_confirmed_holds_what_an_earlier_one_left() {
    let mut world = left_by_a_grant();
    let mut next = world.take(grant("b"));
    world.apply(&mut next, &confirmed(&["agent"]));
    assert!(world.ledger.left.is_empty());
    assert_eq!(world.ledger.former.get("role"), Some(&Some("light-agent".to_owned())));
}

#[test]
fn rule_14_what_a_later_order_names_or_the_grant_itself_took_again_is_not_left() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(Some("light-agent")));
    world.apply(&mut request, &intent(7));
    let mut order = world.take(order("b"));
    world.apply(&mut order, &released(&[facet("role", "agent")]));
    world.apply(&mut request, &ended(Execution::Superseded));
    assert!(world.ledger.former.is_empty() && world.ledger.left.is_empty(), "by the order");
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(Some("light-agent")));
    world.apply(&mut request, &intent(7));
    let action = Action { gives: BTreeSet::new(), takes: action().gives, ..action() };
    world.apply(&mut request, &Record::Intent { intent: 8, action });
    world.apply(&mut request, &ended(Execution::Expired));
    assert!(world.ledger.former.is_empty() && world.ledger.left.is_empty(), "by itself");
}

#[test]
fn rule_14_what_an_order_leaves_to_whoever_gave_it_stays_known_as_theirs() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &former(Some("agent")));
    world.apply(&mut request, &confirmed(&["agent"]));
    let mut order = world.take(order("b"));
    // Its role was only implied: it has released nothing of it.
    world.apply(&mut order, &released(&[]));
    assert!(holders(&world.ledger).is_empty());
    assert_eq!(world.ledger.former.get("role"), Some(&Some("agent".to_owned())));
    assert_eq!(world.ledger.left.get("role").map(String::as_str), Some("agent"));
}

/// A ledger that was written before anything could be left in a slot.
#[test]
fn an_older_ledger_is_read_as_it_was() {
    let mut written = serde_json::to_value(left_by_a_grant().ledger).unwrap();
    written.as_object_mut().unwrap().remove("left");
    let read: Ledger = serde_json::from_value(written).unwrap();
    assert!(read.left.is_empty());
    assert_eq!(read.former.get("role"), Some(&Some("light-agent".to_owned())));
}
