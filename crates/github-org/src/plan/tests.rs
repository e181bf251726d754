use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use usher_core::{Awaits, Handles};

use super::*;
use crate::facts::{Invitation, Joined, Membership};

const RULES: Rules = Rules { invites: true, managed_users: false, by_email: true, reinstate: false };

fn person(found_by: FoundBy) -> Person {
    Person { id: 7, login: "ada".to_owned(), found_by, is_found_now: true }
}

fn member(held: Held) -> Facts {
    Facts {
        person: Some(person(FoundBy::Saml)),
        membership: Some(Membership { role: held, active: true }),
        teams: BTreeMap::from([("engineering".to_owned(), Team::Found(501))]),
        ..Facts::default()
    }
}

fn seen(facts: &Facts, holds: &[(&str, &str, Hold)]) -> Snapshot {
    Snapshot {
        account: Account::Absent,
        facets: holds.iter().map(|(slot, value, hold)| (Facet::new(*slot, *value), hold.clone())).collect(),
        current: BTreeMap::new(),
        handles: Handles::new(),
        watches: Vec::new(),
        facts: facts.to_value(),
        lag: Duration::ZERO,
        evidence: Vec::new(),
    }
}

fn hold(facets: &[(&str, &str)]) -> Goal {
    Goal { hold: facets.iter().map(|(slot, value)| Facet::new(*slot, *value)).collect(), ..Goal::default() }
}

fn release(facets: &[(&str, &str)]) -> Goal {
    Goal { release: hold(facets).hold, ..Goal::default() }
}

fn summaries(plan: &Plan) -> Vec<&str> {
    plan.actions.iter().map(|action| action.summary.as_str()).collect()
}

const PENDING: Hold = Hold::Pending { awaits: Awaits::Invitee, until: None };

#[test]
fn a_reading_that_cannot_be_understood_is_refused() {
    let mut seen = seen(&Facts::default(), &[]);
    seen.facts = Value::Null;
    let plan = plan(&RULES, &seen, &hold(&[("org_role", "member")]));
    assert_eq!((plan.actions.len(), plan.refused[0].1.kind), (0, RefusalKind::Other));
}

#[test]
fn one_invitation_gives_role_and_teams_and_says_so() {
    let facts = Facts { teams: member(Held::Other).teams, ..Facts::default() };
    let goal = hold(&[("org_role", "admin"), ("team", "engineering")]);
    let seen = seen(&facts, &[("org_role", "admin", Hold::Absent), ("team", "engineering", Hold::Absent)]);
    let plan = plan(&RULES, &seen, &goal);
    assert_eq!(summaries(&plan), ["invite the person as an owner into engineering"]);
    assert_eq!(plan.actions[0].gives, goal.hold);
    assert!(plan.actions[0].notifies_person);
}

#[test]
fn rule_23_while_an_invitation_is_in_doubt_nothing_is_planned_and_nothing_is_called_removed() {
    let facts = Facts { doubtful: true, ..Facts::default() };
    let seen = seen(&facts, &[("org_role", "member", Hold::Unreadable)]);
    assert_eq!(plan(&RULES, &seen, &hold(&[("org_role", "member")])), Plan::default());
    let plan = plan(&RULES, &seen, &release(&[("org_role", "member")]));
    assert_eq!((plan.actions.len(), plan.refused[0].1.kind), (0, RefusalKind::Unresolvable));
}

#[test]
fn whoever_no_account_is_known_for_can_be_invited_and_not_be_called_removed() {
    let facts = Facts { unlinked: true, ..Facts::default() };
    let seen = seen(&facts, &[("org_role", "member", Hold::Absent)]);
    let invites = plan(&RULES, &seen, &hold(&[("org_role", "member")]));
    assert_eq!(summaries(&invites), ["invite the person as a member"]);
    let goal = release(&[("org_role", "member")]);
    let plan = plan(&RULES, &seen, &goal);
    assert_eq!((plan.actions.len(), &plan.refused[0].0), (0, &goal.release));
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
}

#[test]
fn teams_alone_bring_nobody_in() {
    let facts = Facts { teams: member(Held::Other).teams, ..Facts::default() };
    let seen = seen(&facts, &[("team", "engineering", Hold::Absent)]);
    let plan = plan(&RULES, &seen, &hold(&[("team", "engineering")]));
    assert_eq!((plan.actions.len(), plan.refused[0].1.kind), (0, RefusalKind::Invalid));
}

#[test]
fn a_billing_manager_is_left_alone() {
    let facts = member(Held::Other);
    let seen = seen(&facts, &[("org_role", "member", Hold::Absent)]);
    let plan = plan(&RULES, &seen, &hold(&[("org_role", "member")]));
    assert_eq!((plan.actions.len(), plan.refused[0].1.kind), (0, RefusalKind::Protected));
}

#[test]
fn an_owner_is_made_of_a_member_whose_account_is_certain() {
    for (found_by, actions, refused) in
        [(FoundBy::Saml, 1, 0), (FoundBy::Invitation, 1, 0), (FoundBy::CustomField, 0, 1)]
    {
        let facts = Facts { person: Some(person(found_by)), ..member(Held::Role(Role::Member)) };
        let seen =
            seen(&facts, &[("org_role", "admin", Hold::Absent), ("org_role", "member", Hold::Present)]);
        let plan = plan(&RULES, &seen, &hold(&[("org_role", "admin")]));
        assert_eq!((plan.actions.len(), plan.refused.len()), (actions, refused), "{found_by:?}");
    }
}

#[test]
fn what_is_pending_is_neither_sent_again_nor_refused() {
    let invitation =
        Invitation { id: 9, role: Some(Role::Member), until: None, teams: ["engineering".to_owned()].into() };
    let facts = Facts { invitations: vec![invitation], ..Facts::default() };
    let seen = seen(&facts, &[("org_role", "member", PENDING), ("team", "engineering", PENDING)]);
    let goal = hold(&[("org_role", "member"), ("team", "engineering")]);
    assert_eq!(plan(&RULES, &seen, &goal), Plan::default());
}

#[test]
fn cancelling_names_everything_that_is_pending() {
    let invitation =
        Invitation { id: 9, role: Some(Role::Member), until: None, teams: ["engineering".to_owned()].into() };
    let facts = Facts {
        invitations: vec![invitation.clone(), Invitation { id: 10, ..invitation }],
        ..Facts::default()
    };
    let seen = seen(&facts, &[("org_role", "member", PENDING), ("team", "engineering", PENDING)]);
    let plan = plan(&RULES, &seen, &release(&[("org_role", "member")]));
    assert_eq!(summaries(&plan), ["cancel the invitation", "cancel the invitation"]);
    assert!(plan.actions.iter().all(|action| action.takes.len() == 2 && !action.notifies_person));
}

#[test]
fn whoever_loses_access_is_warned_of_lost_forks() {
    let mut facts = member(Held::Role(Role::Member));
    facts.joined.insert("engineering".to_owned(), Joined::Active);
    let seen = seen(&facts, &[("org_role", "member", Hold::Present), ("team", "engineering", Hold::Present)]);
    for goal in
        [release(&[("org_role", "member"), ("team", "engineering")]), release(&[("team", "engineering")])]
    {
        let plan = plan(&RULES, &seen, &goal);
        assert!(matches!(summaries(&plan).as_slice(), [one] if one.contains("private forks")), "{plan:?}");
    }
}

#[test]
fn an_action_names_nobody() {
    let facts = Facts { person: Some(person(FoundBy::Saml)), ..Facts::default() };
    let seen = seen(&facts, &[("org_role", "member", Hold::Absent)]);
    let plan = plan(&RULES, &seen, &hold(&[("org_role", "member")]));
    let written = serde_json::to_string(&plan.actions).unwrap();
    assert!(written.contains('7') && !written.contains("ada"), "{written}");
}
