//! Taking access away.

use std::collections::BTreeMap;

use serde_json::json;
use usher_core::{Account, Goal, Hold, Known, RefusalKind, Remedy, WatchState};

use crate::support::world::{LIGHT_AGENT, OWNER, TEAM_LEAD, TIER_1, TIER_2};
use crate::support::{Zendesk, group, hold, names, release, remembered, role, waiting_for};

const ADA: &str = "ada@example.com";

fn restore(goal: Goal, value: &str) -> Goal {
    Goal { restore: BTreeMap::from([("role".to_owned(), value.to_owned())]), ..goal }
}

#[tokio::test]
async fn rule_14_the_former_role_is_given_back_and_the_groups_that_were_given_end() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().join(1, TIER_1);
    zendesk.world().join(1, TIER_2);
    let goal = restore(release([role("agent"), group("Tier 1")]), "light-agent");
    let reached = zendesk.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["set-role", "leave-group"]);
    assert_eq!(reached.seen.current["role"], "light-agent");
    assert_eq!(zendesk.world().user(1).custom_role_id, Some(LIGHT_AGENT));
    assert_eq!(zendesk.world().groups_of(1), [TIER_2], "a group that somebody else gave stays");
}

#[tokio::test]
async fn rule_14_what_somebody_else_set_meanwhile_stays() {
    let zendesk = Zendesk::start().await;
    zendesk.world().with_custom_role();
    zendesk.world().put(1, ADA, "agent", Some(TEAM_LEAD));
    let reached = zendesk.reach(ADA, &release([role("light-agent")])).await;
    assert_eq!(reached.actions(), [""; 0]);
    assert_eq!(reached.seen.current["role"], "Team lead");
}

#[tokio::test]
async fn back_to_end_user_is_one_call_and_ends_the_groups_as_well() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().join(1, TIER_1);
    let goal = restore(release([role("agent"), group("Tier 1")]), "end-user");
    let reached = zendesk.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["set-role"]);
    assert_eq!(reached.plans[0].actions[0].takes, goal.release);
    assert_eq!(zendesk.world().user(1).role, "end-user");
}

#[tokio::test]
async fn memberships_that_outlive_the_role_are_ended_once_the_reading_shows_them() {
    let zendesk = Zendesk::start().await;
    zendesk.world().keeps_memberships = true;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().join(1, TIER_1);
    let reached = zendesk.reach(ADA, &release([role("agent"), group("Tier 1")])).await;
    assert_eq!(reached.actions(), ["set-role", "leave-group"]);
    assert_eq!(reached.plans.len(), 2);
    assert!(zendesk.world().groups_of(1).is_empty());
}

#[tokio::test]
async fn what_is_gone_already_is_not_taken_again() {
    let zendesk = Zendesk::start().await;
    let goal = release([role("agent"), group("Tier 1")]);
    assert_eq!(zendesk.reach(ADA, &goal).await.actions(), [""; 0], "nobody is there");
    zendesk.world().put(1, ADA, "end-user", None);
    assert_eq!(zendesk.reach(ADA, &goal).await.actions(), [""; 0], "an end-user holds nothing");
    assert_eq!(zendesk.changes(), [""; 0]);
}

#[tokio::test]
async fn a_group_alone_is_released_without_touching_the_role() {
    let zendesk = Zendesk::with(json!({"suspend_on_removal": true})).await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().join(1, TIER_1);
    assert_eq!(zendesk.reach(ADA, &release([group("Tier 1")])).await.actions(), ["leave-group"]);
    let user = zendesk.world().user(1).clone();
    assert_eq!((user.role.as_str(), user.suspended), ("agent", false));
}

#[tokio::test]
async fn nobody_is_suspended_whose_former_role_is_given_back() {
    let zendesk = Zendesk::with(json!({"suspend_on_removal": true})).await;
    zendesk.world().put(1, ADA, "agent", None);
    let goal = restore(release([role("agent")]), "light-agent");
    assert_eq!(zendesk.reach(ADA, &goal).await.actions(), ["set-role"]);
}

#[tokio::test]
async fn a_group_of_somebody_who_has_become_an_administrator_is_left_to_a_person() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "admin", None);
    zendesk.world().join(1, TIER_1);
    let goal = release([role("agent"), group("Tier 1")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    assert_eq!(names(&plan), [""; 0]);
    assert_eq!(plan.refused.len(), 1);
    assert_eq!(plan.refused[0].0, [group("Tier 1")].into());
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Protected);
}

#[tokio::test]
async fn an_administrator_is_made_and_unmade_where_the_configuration_says_admin() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    assert_eq!(zendesk.reach(ADA, &hold([role("admin")])).await.actions(), ["set-role"]);
    assert_eq!(zendesk.world().user(1).role, "admin");
    let goal = restore(release([role("admin")]), "agent");
    assert_eq!(zendesk.reach(ADA, &goal).await.actions(), ["set-role"]);
    assert_eq!(zendesk.world().user(1).role, "agent");
}

#[tokio::test]
async fn the_account_goes_last_and_its_end_is_proven_by_the_remembered_id() {
    let zendesk = Zendesk::with(json!({"reassign_to": 2, "suspend_on_removal": true})).await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().assign(1, 1, "open");
    let goal = Goal { remove_account: true, ..release([role("agent")]) };
    let reached = zendesk.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["reassign-tickets", "set-role", "delete-user"]);
    assert_eq!(reached.seen.account, Account::Absent);
    assert_eq!(reached.seen.lag, std::time::Duration::ZERO);
    assert!(!zendesk.world().user(1).active);
}

#[tokio::test]
async fn the_owners_account_is_never_planned_away() {
    let zendesk = Zendesk::start().await;
    let goal = Goal { remove_account: true, ..release([role("agent")]) };
    let seen = zendesk.see("owner@acme.example", &Known::default(), &goal).await;
    let plan = zendesk.plan("owner@acme.example", &seen, &goal);
    assert_eq!(names(&plan), [""; 0]);
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Protected);
    assert!(zendesk.world().user(OWNER).active);
}

#[tokio::test]
async fn rule_07_tickets_are_reassigned_in_the_background_and_watched_until_the_job_ends() {
    let zendesk = Zendesk::with(json!({"reassign_to": 2})).await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().assign(3, 1, "pending");
    zendesk.world().job_runs_for = 1;
    let goal = release([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    let receipts = zendesk.apply(ADA, &seen, &plan).await.unwrap();
    let watch = receipts[0].watch.as_ref().unwrap();
    assert!(plan.actions[0].settle >= watch.within);
    let known = waiting_for(watch);
    assert_eq!(zendesk.see(ADA, &known, &goal).await.watches, [WatchState::Running]);
    assert_eq!(zendesk.see(ADA, &known, &goal).await.watches, [WatchState::Done]);
}

#[tokio::test]
async fn tickets_that_cannot_be_reassigned_are_told() {
    let zendesk = Zendesk::with(json!({"reassign_to": 2})).await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().assign(1, 1, "open");
    zendesk.world().job_fails = true;
    let goal = release([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let receipts = zendesk.apply(ADA, &seen, &zendesk.plan(ADA, &seen, &goal)).await.unwrap();
    let known = waiting_for(receipts[0].watch.as_ref().unwrap());
    let states = zendesk.see(ADA, &known, &goal).await.watches;
    let [WatchState::Failed(refusal)] = states.as_slice() else { panic!("{states:?}") };
    assert!(refusal.sentence.contains("1 tickets"), "{}", refusal.sentence);
}

#[tokio::test]
async fn a_change_of_a_user_who_went_away_is_read_back() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    let goal = release([role("agent")]);
    let seen = zendesk.see(ADA, &remembered(1), &goal).await;
    zendesk.world().user_mut(1).active = false;
    let fault = zendesk.apply(ADA, &seen, &zendesk.plan(ADA, &seen, &goal)).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::ReadBack);
    assert_eq!(zendesk.reach(ADA, &goal).await.actions(), [""; 0]);
}

#[tokio::test]
async fn a_role_that_was_renamed_or_is_not_listed_any_more_does_not_count_as_taken() {
    let renamed = Zendesk::start().await;
    renamed.world().roles.push((TEAM_LEAD, "Team leader".to_owned(), 0));
    let unlisted = Zendesk::start().await;
    unlisted.world().with_custom_role();
    unlisted.world().roles_status = Some(403);
    for zendesk in [renamed, unlisted] {
        zendesk.world().put(1, ADA, "agent", Some(TEAM_LEAD));
        let goal = release([role("Team lead")]);
        let seen = zendesk.see(ADA, &Known::default(), &goal).await;
        assert_eq!(*seen.hold(&role("Team lead")), Hold::Unreadable, "the licence is still there");
        assert_eq!(names(&zendesk.plan(ADA, &seen, &goal)), [""; 0]);
    }
}

#[tokio::test]
async fn a_role_that_is_not_listed_is_gone_from_whoever_has_no_custom_role() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().put(2, "grace@example.com", "end-user", None);
    for person in [ADA, "grace@example.com"] {
        let seen = zendesk.see(person, &Known::default(), &release([role("Team lead")])).await;
        assert_eq!(*seen.hold(&role("Team lead")), Hold::Absent);
    }
}

#[tokio::test]
async fn a_group_that_was_renamed_does_not_count_as_left() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().join(1, TIER_1);
    zendesk.world().groups.iter_mut().find(|group| group.0 == TIER_1).unwrap().1 = "Tier one".to_owned();
    let goal = release([group("Tier 1")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    assert_eq!(*seen.hold(&group("Tier 1")), Hold::Unreadable);
    let reached = zendesk.reach(ADA, &release([role("agent"), group("Tier 1")])).await;
    assert_eq!(*reached.seen.hold(&group("Tier 1")), Hold::Absent, "an end-user is in no group");
}

#[tokio::test]
async fn an_agent_who_got_another_address_does_not_count_as_gone() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "ada.lovelace@example.com", "agent", None);
    let fault = zendesk.observe(ADA, &remembered(1), &[role("agent")].into()).await.unwrap_err();
    let Remedy::Refused(refusal) = fault.remedy else { panic!("{fault}") };
    assert_eq!(refusal.kind, RefusalKind::Ambiguous);
    zendesk.world().user_mut(1).role = "end-user".to_owned();
    let seen = zendesk.observe(ADA, &remembered(1), &[role("agent")].into()).await.unwrap();
    assert_eq!(seen.account, Account::Absent, "nothing is left of it");
}
