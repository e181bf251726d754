use usher_journal::{AnswerState, Arrived, Execution, Record, Request, replay};

use super::World;
use crate::samples::{at, confirmed, ended, grant, holders, order, parked, released};

fn again(world: &mut World, request: &Request) -> (Request, Record) {
    world.seq += 1;
    replay(&mut world.ledger, request.clone(), world.seq, "dana", "mended", &at(5))
}

#[test]
fn rule_11_a_replay_has_a_new_place_and_says_who_asked_and_why() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &parked(Execution::NeedsHuman));
    let version = world.ledger.version;
    let (replayed, record) = again(&mut world, &request);
    assert_eq!((replayed.id, replayed.attempt, replayed.seq), (request.id, 2, 2));
    assert_eq!((replayed.execution, replayed.reason, replayed.next_at), (Execution::Accepted, None, None));
    assert_eq!(record, Record::Replayed { by: "dana".to_owned(), reason: "mended".to_owned() });
    assert!(world.ledger.version > version);
}

#[test]
fn rule_11_a_replay_does_not_outlive_the_approval() {
    let mut world = World::default();
    let mut request = world.take(Request { until: Some(at(3).wall), ..grant("a") });
    world.apply(&mut request, &ended(Execution::Expired));
    let (replayed, _) = again(&mut world, &request);
    assert!(replayed.is_over(at(5).wall));
    assert_eq!(world.ledger.holders[0].until, request.until);
    assert!(!world.ledger.is_live(&world.ledger.holders[0], at(5).wall));
}

#[test]
fn rule_11_a_replay_takes_the_place_of_what_the_attempt_before_had_not_confirmed() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &parked(Execution::BackingOff));
    let (mut request, _) = again(&mut world, &request);
    assert_eq!(world.ledger.holders.iter().map(|holder| holder.seq).collect::<Vec<_>>(), [2]);
    world.apply(&mut request, &confirmed(&["agent"]));
    let (mut request, _) = again(&mut world, &request);
    assert_eq!(
        holders(&world.ledger),
        [("agent", true), ("agent", false)],
        "what is held stays held meanwhile"
    );
    world.apply(&mut request, &confirmed(&["agent"]));
    assert_eq!(world.ledger.holders.iter().map(|holder| holder.seq).collect::<Vec<_>>(), [3]);
}

#[test]
fn rule_11_a_replay_comes_after_the_order_that_had_followed_the_grant() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &confirmed(&["agent"]));
    let mut ordered = world.take(order("b"));
    world.apply(&mut ordered, &released(&[]));
    assert_eq!(world.deliver(Some(&request), grant("c")).0, Arrived::Followed);
    let (replayed, _) = again(&mut world, &request);
    assert!(!world.ledger.is_revoked(&world.ledger.holders[0]));
    assert_eq!(world.deliver(Some(&replayed), grant("d")).0, Arrived::Running);
}

#[test]
fn rule_11_a_replay_leaves_what_the_sender_was_told() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    let told = AnswerState::Negative { reason: "no seat".to_owned() };
    world.apply(&mut request, &Record::Answered(told.clone()));
    assert_eq!(again(&mut world, &request).0.answer, told, "nobody waits for a replay's answer");
}
