use usher_core::{Action, Direction, Receipt, Sent};
use usher_journal::{
    AskedPermission, DAY, Execution, InvitationEnd, Outcome, Record, Request, apply, runs_again,
};

use super::World;
use crate::samples::{
    at, confirmed, ended, fault, grant, holders, intent, invite, order, outcome, parked, permission, tracked,
};

fn known(world: &World) -> (usize, usize) {
    (world.ledger.invitations.len(), world.ledger.mails.len())
}

#[test]
fn rule_23_an_invitation_is_known_until_it_surely_never_was_or_is_over() {
    let refusal = usher_core::Refusal::new(usher_core::RefusalKind::Other, "no");
    // What came of it, how many invitations may be open, and how much mail may have gone out.
    let table = [
        (Outcome::Answered(Receipt::default()), (1, 1)),
        (Outcome::Unknown(fault(Sent::Maybe)), (1, 1)),
        (Outcome::NotSent(fault(Sent::No)), (0, 0)),
        (Outcome::Refused(fault(Sent::Yes)), (0, 0)),
        (Outcome::WatchEnded(None), (1, 1)),
        (Outcome::WatchEnded(Some(refusal)), (0, 1)),
    ];
    for (came, expected) in table {
        let mut world = World::default();
        let mut request = world.take(grant("a"));
        world.apply(&mut request, &invite(1));
        assert_eq!((known(&world), world.ledger.invited()), ((1, 1), Some(at(2).wall)));
        world.apply(&mut request, &outcome(1, came.clone()));
        assert_eq!(known(&world), expected, "{came:?}");
    }
}

#[test]
fn rule_23_only_what_notifies_the_person_is_an_invitation() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &intent(1));
    assert_eq!(known(&world), (0, 0));
    let Record::Intent { intent, action } = invite(2) else { panic!("an intent") };
    let (gives, takes) = (action.takes.clone(), action.gives.clone());
    let farewell = Action { gives, takes, ..action };
    world.apply(&mut request, &Record::Intent { intent, action: farewell });
    assert_eq!(known(&world), (0, 1), "mail about a removal is no invitation");
}

#[test]
fn rule_23_an_invitation_outlives_its_request_and_ends_by_its_own_record() {
    for how in [InvitationEnd::Accepted, InvitationEnd::Lapsed, InvitationEnd::Cancelled] {
        let mut world = World::default();
        let mut request = world.take(grant("a"));
        world.apply(&mut request, &invite(1));
        world.apply(&mut request, &ended(Execution::Closed));
        assert_eq!(known(&world), (1, 1));
        assert!(world.ledger.is_holding());
        world.apply(&mut request, &Record::InvitationOver { intent: 1, how });
        assert_eq!(known(&world), (0, 1), "the mail was sent all the same");
    }
}

#[test]
fn rule_24_mail_counts_for_a_day_whichever_way_the_clock_was_set() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &invite(1));
    let sent = at(2).wall;
    for (now, counts) in [
        (sent, true),
        (sent + DAY - std::time::Duration::from_secs(1), true),
        (sent + DAY, false),
        // The clock was ahead when it was sent.
        (sent - DAY + std::time::Duration::from_secs(1), true),
        (sent - DAY, false),
    ] {
        assert_eq!(world.ledger.mailed("invite", now), counts.then_some(sent), "{now}");
    }
}

#[test]
fn rule_24_mail_is_forgotten_after_a_day() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &invite(1));
    apply(&mut request, &mut world.ledger, &intent(2), &at(2 + 24 * 3600));
    assert!(world.ledger.mails.is_empty());
    assert_eq!(world.ledger.invitations.len(), 1);
}

#[test]
fn rule_22_a_confirmed_grant_that_is_parked_again_is_held_by_nobody() {
    let mut world = World::default();
    let mut request = world.take(grant("a"));
    world.apply(&mut request, &confirmed(&["agent"]));
    world.apply(&mut request, &tracked(Some(at(600).wall)));
    assert!(request.tracks_invitation());
    assert_eq!(holders(&world.ledger), [("agent", true)]);
    world.apply(&mut request, &parked(Execution::NeedsHuman));
    assert_eq!(holders(&world.ledger), [("agent", false)], "it does not block others any more");
    assert!(!request.tracks_invitation());
    world.apply(&mut request, &ended(Execution::Closed));
    assert!(world.ledger.holders.is_empty());
}

#[test]
fn rule_11_what_runs_as_it_is_routed_today_is_what_nothing_was_compiled_of() {
    let unmapped = || vec![AskedPermission { name: "Agent".to_owned(), facets: None }];
    let refused = |request: Request| Request { execution: Execution::Refused, ..request };
    let unclaimed = |request: Request| Request { connection: String::new(), ..refused(request) };
    let table = [
        (unclaimed(grant("a")), true),
        (unclaimed(order("a")), true),
        (refused(Request { permissions: unmapped(), ..grant("a") }), true),
        // Only ignored permissions: there was nothing to run.
        (refused(Request { permissions: Vec::new(), ..order("a") }), true),
        (refused(grant("a")), false),
        // An order releases what the ledger knows under a name that is not mapped (rule 28).
        (refused(Request { permissions: unmapped(), ..order("a") }), false),
        (refused(Request { permissions: Vec::new(), all: true, ..order("a") }), false),
        (Request { execution: Execution::Closed, connection: String::new(), ..grant("a") }, false),
        (grant("a"), false),
    ];
    for (old, today_runs) in table {
        let today = Request {
            permissions: vec![permission("light-agent")],
            connection: "github".to_owned(),
            direction: old.direction,
            ..grant("today")
        };
        let runs = runs_again(old.clone(), Some(today));
        assert_eq!(runs.id, old.id);
        assert_eq!(runs.connection == "github", today_runs, "{old:?}");
        assert_eq!(runs_again(old.clone(), None), old);
    }
    assert_eq!(order("a").direction, Direction::Deprovision);
}
