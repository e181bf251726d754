//! The planner as a table: what is seen, what is wanted, what would be called.

use std::collections::BTreeMap;
use std::time::Duration;

use usher_core::{Handles, Hold, Repeat};

use super::*;
use crate::roles::{Catalogue, CustomRole, Kind};

fn rules() -> Rules {
    Rules { suspend_on_removal: false, unsuspend: Unsuspend::Never, verify_email: false, reassign_to: None }
}

fn catalogue() -> Catalogue {
    let role =
        |id, name: &str, role_type| CustomRole { id, name: name.to_owned(), kind: Kind::of(role_type) };
    Catalogue { roles: vec![role(1, "Team lead", 0), role(2, "Light agent", 1), role(4, "Administrator", 4)] }
}

fn facets(list: &str) -> BTreeSet<Facet> {
    let split = |facet: &str| facet.split_once(':').map(|(slot, value)| Facet::new(slot, value));
    list.split(", ").filter_map(split).collect()
}

fn goal(hold: &str, release: &str, restore: Option<&str>) -> Goal {
    let restore = restore.map(|value| (ROLE.to_owned(), value.to_owned()));
    Goal {
        hold: facets(hold),
        release: facets(release),
        restore: restore.into_iter().collect(),
        remove_account: false,
    }
}

/// A reading of somebody who is `word`, in `groups`; `None`: nobody is there.
fn seen(word: Option<&str>, groups: &[&str], goal: &Goal) -> Snapshot {
    let catalogue = catalogue();
    let user = word.map(|word| {
        let target = catalogue.target(word).unwrap_or(Target { role: word.to_owned(), custom_role_id: None });
        User { id: 7, held: catalogue.held(&target.role, target.custom_role_id, None), suspended: false }
    });
    let memberships: BTreeMap<String, u64> =
        groups.iter().zip(70..).map(|(name, id)| ((*name).to_owned(), id)).collect();
    let known = [("Tier 1", Group::Found(11)), ("Tier 2", Group::Found(12)), ("Twins", Group::Several)];
    let known = known.into_iter().map(|(name, group)| (name.to_owned(), group)).collect();
    let held: BTreeSet<Facet> = word
        .map(|word| Facet::new(ROLE, word))
        .into_iter()
        .chain(groups.iter().map(|name| Facet::new(GROUP, *name)))
        .collect();
    let asked = goal.hold.union(&goal.release).map(|facet| (facet.clone(), Hold::Absent));
    let mut shown: BTreeMap<Facet, Hold> = asked.collect();
    shown.extend(held.into_iter().map(|facet| (facet, Hold::Present)));
    let account = match word {
        Some(_) => Account::Found { id: Some("7".to_owned()) },
        None => Account::Absent,
    };
    let facts = Facts { user, catalogue, groups: known, memberships, tickets: Vec::new() };
    Snapshot {
        account,
        facets: shown,
        current: BTreeMap::new(),
        handles: Handles::new(),
        watches: Vec::new(),
        facts: facts.to_value(),
        lag: Duration::ZERO,
        evidence: Vec::new(),
    }
}

/// A plan in words: what people would read, then what is refused.
fn told(plan: &Plan) -> String {
    let actions = plan.actions.iter().map(|action| action.summary.clone());
    let refused = plan.refused.iter().map(|(_, refusal)| format!("refused as {:?}", refusal.kind));
    actions.chain(refused).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_is_granted() {
    let table = [
        (None, "", "role:agent", "create the user with the role agent"),
        (None, "", "role:agent, group:Tier 1", "create the user with the role agent"),
        (None, "", "role:light-agent", "create the user with the role light-agent"),
        (None, "", "role:Chef", "refused as Unresolvable"),
        (
            None,
            "",
            "role:agent, group:Tier 9",
            "create the user with the role agent; refused as Unresolvable",
        ),
        (None, "", "group:Tier 1", "refused as Invalid"),
        (Some("end-user"), "", "role:agent", "give the user the role agent"),
        (
            Some("end-user"),
            "",
            "role:Team lead, group:Tier 1, group:Tier 2",
            "give the user the role Team lead; add the user to the group Tier 1; add the user to the group Tier 2",
        ),
        (Some("end-user"), "", "group:Tier 1", "refused as Invalid"),
        (Some("agent"), "", "role:agent", ""),
        (Some("agent"), "Tier 1", "role:agent, group:Tier 1", ""),
        (Some("agent"), "Tier 1", "role:agent, group:Tier 2", "add the user to the group Tier 2"),
        (Some("agent"), "", "role:agent, group:Twins", "refused as Ambiguous"),
        (Some("agent"), "", "role:light-agent", "give the user the role light-agent"),
        (Some("light-agent"), "", "role:agent", "give the user the role agent"),
        (Some("Team lead"), "", "role:Team lead", ""),
        (Some("agent"), "", "role:agent, role:light-agent", "refused as Invalid"),
        (Some("end-user"), "", "role:admin", "give the user the role admin"),
        (Some("end-user"), "", "role:Administrator", "refused as Protected"),
        (Some("admin"), "", "role:admin", ""),
        (Some("admin"), "", "role:Team lead, group:Tier 1", "refused as Protected"),
    ];
    for (word, group, hold, expected) in table {
        let goal = goal(hold, "", None);
        let groups: Vec<&str> = Some(group).filter(|group| !group.is_empty()).into_iter().collect();
        let plan = plan(&rules(), &seen(word, &groups, &goal), &goal);
        assert_eq!(told(&plan), expected, "{word:?} in {groups:?} is to hold {hold}");
    }
}

#[test]
fn what_is_released() {
    let back = "give the user the role end-user back";
    let table = [
        (None, "", "role:agent", None, String::new()),
        (Some("end-user"), "", "role:agent, group:Tier 1", None, String::new()),
        (Some("agent"), "", "role:agent", Some("end-user"), back.to_owned()),
        (Some("agent"), "", "role:agent", None, back.to_owned()),
        (Some("agent"), "Tier 1", "role:agent, group:Tier 1", None, back.to_owned()),
        (
            Some("agent"),
            "Tier 1",
            "role:agent, group:Tier 1",
            Some("light-agent"),
            "give the user the role light-agent back; take the user out of the group Tier 1".to_owned(),
        ),
        (Some("Team lead"), "", "role:agent", None, String::new()),
        (Some("agent"), "", "role:agent", Some("Chef"), "refused as Unresolvable".to_owned()),
        (
            Some("end-user"),
            "Tier 1",
            "role:agent, group:Tier 1",
            None,
            "take the user out of the group Tier 1".to_owned(),
        ),
        (Some("admin"), "", "role:agent", None, String::new()),
        (Some("admin"), "Tier 1", "group:Tier 1", None, "refused as Protected".to_owned()),
        (Some("admin"), "", "role:admin", None, back.to_owned()),
    ];
    for (word, group, release, restore, expected) in table {
        let goal = goal("", release, restore);
        let groups: Vec<&str> = Some(group).filter(|group| !group.is_empty()).into_iter().collect();
        let plan = plan(&rules(), &seen(word, &groups, &goal), &goal);
        assert_eq!(told(&plan), expected, "{word:?} in {groups:?} is to lose {release}, to be {restore:?}");
    }
}

#[test]
fn one_role_for_another_is_one_call_that_gives_and_takes() {
    let goal = goal("role:light-agent", "role:agent, group:Tier 1", None);
    let plan = plan(&rules(), &seen(Some("agent"), &["Tier 1"], &goal), &goal);
    assert_eq!(told(&plan), "give the user the role light-agent; take the user out of the group Tier 1");
    assert_eq!(plan.actions[0].gives, facets("role:light-agent"));
    assert_eq!(plan.actions[0].takes, facets("role:agent"));
}

#[test]
fn an_action_says_what_it_gives_and_takes_how_long_it_may_last_and_whether_it_may_be_repeated() {
    let mut goal = goal("", "role:agent, group:Tier 1", None);
    goal.remove_account = true;
    let everything = Rules { reassign_to: Some(8), ..rules() };
    let mut seen = seen(Some("agent"), &["Tier 1"], &goal);
    let mut facts = Facts::of(&seen).unwrap();
    facts.tickets = (1..=101).collect();
    seen.facts = facts.to_value();
    let removal = plan(&everything, &seen, &goal);
    assert_eq!(
        told(&removal),
        "reassign 100 open tickets; reassign 1 open tickets; give the user the role end-user back; delete the user"
    );
    for action in &removal.actions {
        assert_eq!(action.repeat, Repeat::Natural);
        assert!(action.gives.is_empty(), "to be an end-user is to hold nothing");
        assert_eq!(action.timeout, Duration::from_secs(5));
        assert!(action.settle >= Duration::from_secs(15));
    }
    assert_eq!(removal.actions[2].takes, goal.release);
}

#[test]
fn a_creation_and_a_new_membership_are_repeated_only_after_a_reading() {
    let wanted = goal("role:agent, group:Tier 1", "", None);
    let creation = plan(&rules(), &seen(None, &[], &wanted), &wanted);
    assert_eq!(creation.actions[0].repeat, Repeat::AfterReadBack);
    assert_eq!(creation.actions[0].gives, facets("role:agent"));
    let joining = plan(&rules(), &seen(Some("agent"), &[], &wanted), &wanted);
    assert_eq!(joining.actions[0].repeat, Repeat::AfterReadBack);
    assert_eq!(joining.actions[0].gives, facets("group:Tier 1"));
}

#[test]
fn tickets_are_not_reassigned_to_the_person_who_loses_them_nor_where_the_role_stays() {
    let released = goal("", "role:agent", None);
    let with_tickets = |goal: &Goal| {
        let mut seen = seen(Some("agent"), &["Tier 1"], goal);
        let mut facts = Facts::of(&seen).unwrap();
        facts.tickets = vec![1];
        seen.facts = facts.to_value();
        seen
    };
    let itself = Rules { reassign_to: Some(7), ..rules() };
    assert_eq!(plan(&itself, &with_tickets(&released), &released).actions.len(), 1);
    let other = Rules { reassign_to: Some(8), ..rules() };
    for kept in [goal("", "group:Tier 1", None), goal("", "role:agent", Some("light-agent"))] {
        let plan = plan(&other, &with_tickets(&kept), &kept);
        assert!(plan.actions.iter().all(|action| action.name != "reassign-tickets"), "{plan:?}");
    }
}

#[test]
fn whoever_is_given_a_role_in_the_same_plan_is_not_suspended() {
    let suspends = Rules { suspend_on_removal: true, ..rules() };
    let both = goal("role:agent", "role:light-agent", None);
    let plan = plan(&suspends, &seen(Some("end-user"), &[], &both), &both);
    assert_eq!(told(&plan), "give the user the role agent");
}

#[test]
fn facts_that_cannot_be_read_lead_to_a_refusal_and_never_to_a_call() {
    let goal = goal("role:agent", "", None);
    let mut seen = seen(Some("end-user"), &[], &goal);
    seen.facts = serde_json::json!({"user": 3});
    assert_eq!(told(&plan(&rules(), &seen, &goal)), "refused as Other");
    seen.facts = Facts::default().to_value();
    assert_eq!(
        told(&plan(&rules(), &seen, &goal)),
        "refused as Other",
        "somebody was found, and it is not said who"
    );
}

#[test]
fn an_account_that_is_protected_or_ambiguous_is_refused_with_every_facet() {
    let goal = goal("role:agent", "group:Tier 1", None);
    for (account, kind) in [
        (Account::Ambiguous { hits: 2 }, RefusalKind::Ambiguous),
        (Account::Protected { why: "It is the owner's.".to_owned() }, RefusalKind::Protected),
    ] {
        let seen = Snapshot { account, ..seen(Some("end-user"), &[], &goal) };
        let plan = plan(&rules(), &seen, &goal);
        assert_eq!(plan.refused.len(), 1);
        assert_eq!(plan.refused[0].0, facets("role:agent, group:Tier 1"));
        assert_eq!(plan.refused[0].1.kind, kind);
        assert!(plan.actions.is_empty());
    }
}
