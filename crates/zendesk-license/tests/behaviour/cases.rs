//! What a toy misses: fifteen cases, each by its number.

use std::time::Duration;

use serde_json::json;
use usher_core::{Account, Hold, Known, RefusalKind, Remedy, Sent};

use crate::support::world::{Instead, LIGHT_AGENT, OWNER, SUPPORT, TEAM_LEAD, TIER_1};
use crate::support::{Zendesk, group, hold, names, release, remembered, role};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn case_01_an_existing_end_user_is_promoted_and_not_created_a_second_time() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "end-user", None);
    let reached = zendesk.reach(ADA, &hold([role("agent")])).await;
    assert_eq!(reached.actions(), ["set-role"]);
    let world = zendesk.world();
    assert_eq!(world.by_email(ADA).len(), 1);
    assert_eq!(world.user(1).role, "agent");
}

#[tokio::test]
async fn case_02_somebodys_secondary_address_finds_that_user_and_creates_nobody() {
    let zendesk = Zendesk::start().await;
    zendesk
        .world()
        .put(1, "a.lovelace@example.com", "end-user", None)
        .others
        .push("Ada@Example.com".to_owned());
    let reached = zendesk.reach(ADA, &hold([role("agent")])).await;
    assert_eq!(reached.actions(), ["set-role"]);
    assert_eq!(reached.seen.account, Account::Found { id: Some("1".to_owned()) });
    assert_eq!(zendesk.world().by_email(ADA).len(), 1);
    assert_eq!(zendesk.world().user(1).others.len(), 1, "no address was added");
}

#[tokio::test]
async fn case_03_no_seat_left_is_a_refusal_of_its_own_whatever_the_status_and_is_not_sent_again() {
    for status in [400, 403, 409, 422] {
        let zendesk = Zendesk::start().await;
        zendesk.world().put(1, ADA, "end-user", None);
        zendesk.world().seats = Some(1);
        zendesk.world().no_seat_status = status;
        let goal = hold([role("agent")]);
        let seen = zendesk.see(ADA, &Known::default(), &goal).await;
        let plan = zendesk.plan(ADA, &seen, &goal);
        let fault = zendesk.apply(ADA, &seen, &plan).await.unwrap_err();
        let Remedy::Refused(refusal) = fault.remedy else { panic!("{fault}") };
        assert_eq!(refusal.kind, RefusalKind::NoSeat);
        assert_eq!(zendesk.changes().len(), 1);
    }
}

#[tokio::test]
async fn case_03_somebody_new_is_not_left_behind_as_an_end_user_where_no_seat_is_left() {
    let zendesk = Zendesk::start().await;
    zendesk.world().seats = Some(1);
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let fault = zendesk.apply(ADA, &seen, &zendesk.plan(ADA, &seen, &goal)).await.unwrap_err();
    assert!(matches!(fault.remedy, Remedy::Refused(refusal) if refusal.kind == RefusalKind::NoSeat));
    assert!(zendesk.world().by_email(ADA).is_empty());
}

#[tokio::test]
async fn case_04_who_is_in_the_requested_role_already_is_not_written_to() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", Some(LIGHT_AGENT));
    zendesk.world().join(1, TIER_1);
    let reached = zendesk.reach(ADA, &hold([role("light-agent"), group("Tier 1")])).await;
    assert_eq!(reached.actions(), [""; 0]);
    assert_eq!(zendesk.changes(), [""; 0]);
    assert_eq!(zendesk.world().effects, [""; 0]);
}

#[tokio::test]
async fn case_05_an_administrator_or_the_owner_is_never_demoted_by_a_lower_request() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "admin", None);
    for email in [ADA, "owner@acme.example"] {
        for goal in [hold([role("agent"), group("Tier 1")]), hold([role("light-agent")])] {
            let seen = zendesk.see(email, &Known::default(), &goal).await;
            let plan = zendesk.plan(email, &seen, &goal);
            assert_eq!(names(&plan), [""; 0]);
            assert_eq!(plan.refused[0].1.kind, RefusalKind::Protected);
            assert_eq!(plan.refused[0].0, goal.hold);
        }
        let goal = release([role("agent")]);
        let seen = zendesk.see(email, &Known::default(), &goal).await;
        assert_eq!(
            zendesk.plan(email, &seen, &goal),
            usher_core::Plan::default(),
            "an administrator is no agent"
        );
    }
    assert_eq!(zendesk.world().user(OWNER).role, "admin");
}

#[tokio::test]
async fn case_05_an_administrator_whom_the_search_does_not_show_yet_is_not_demoted_by_the_creation() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "admin", None);
    zendesk.world().unsearchable.insert(1);
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    assert_eq!(names(&plan), ["create-user"]);
    let fault = zendesk.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::ReadBack, "somebody is there: look again");
    assert_eq!(zendesk.world().user(1).role, "admin");
}

#[tokio::test]
async fn case_06_the_light_agents_role_is_looked_up_in_this_account() {
    let zendesk = Zendesk::start().await;
    zendesk.world().roles = vec![(42, "Leser".to_owned(), 1)];
    zendesk.world().put(1, ADA, "end-user", None);
    let reached = zendesk.reach(ADA, &hold([role("light-agent")])).await;
    assert_eq!(reached.actions(), ["set-role"]);
    assert_eq!(reached.seen.current["role"], "light-agent");
    assert_eq!(zendesk.world().user(1).custom_role_id, Some(42));
}

#[tokio::test]
async fn case_07_a_suspended_user_is_refused_unless_the_policy_says_otherwise() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "end-user", None).suspended = true;
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    assert_eq!(names(&plan), [""; 0]);
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Protected);
    assert!(plan.refused[0].1.sentence.contains("unsuspend"), "{}", plan.refused[0].1.sentence);
}

#[tokio::test]
async fn case_07_with_the_policy_on_grant_the_role_and_the_end_of_the_suspension_are_one_call() {
    let zendesk = Zendesk::with(json!({"unsuspend": "on-grant"})).await;
    zendesk.world().put(1, ADA, "end-user", None).suspended = true;
    let reached = zendesk.reach(ADA, &hold([role("agent")])).await;
    assert_eq!(reached.actions(), ["set-role"]);
    let user = zendesk.world().user(1).clone();
    assert_eq!((user.role.as_str(), user.suspended), ("agent", false));
}

#[tokio::test]
async fn case_07_a_suspended_agent_who_gets_the_same_licence_is_unsuspended_by_policy_alone() {
    let goal = hold([role("agent")]);
    let strict = Zendesk::start().await;
    strict.world().put(1, ADA, "agent", None).suspended = true;
    let seen = strict.see(ADA, &Known::default(), &goal).await;
    assert_eq!(seen.facets[&role("agent")], Hold::Present);
    assert_eq!(strict.plan(ADA, &seen, &goal).refused.len(), 1, "who cannot sign in has no access");

    let lenient = Zendesk::with(json!({"unsuspend": "on-grant"})).await;
    lenient.world().put(1, ADA, "agent", None).suspended = true;
    assert_eq!(lenient.reach(ADA, &goal).await.actions(), ["unsuspend"]);
    assert!(!lenient.world().user(1).suspended);
}

#[tokio::test]
async fn case_08_suspending_frees_no_seat_and_the_removal_does() {
    let zendesk = Zendesk::with(json!({"suspend_on_removal": true})).await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().user_mut(1).suspended = true;
    assert_eq!(zendesk.world().seats_taken(), 2);
    let reached = zendesk.reach(ADA, &release([role("agent")])).await;
    assert_eq!(reached.actions(), ["set-role"], "who is suspended already is not suspended again");
    assert_eq!(zendesk.world().seats_taken(), 1);
}

#[tokio::test]
async fn case_09_the_tickets_are_reassigned_then_comes_the_downgrade_then_the_suspension() {
    let zendesk = Zendesk::with(json!({"suspend_on_removal": true, "reassign_to": 2})).await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().put(2, "grace@example.com", "agent", None);
    zendesk.world().assign(101, 1, "open");
    zendesk.world().assign(1, 1, "closed");
    let reached = zendesk.reach(ADA, &release([role("agent")])).await;
    assert_eq!(names(&reached.plans[0]), ["reassign-tickets", "reassign-tickets", "set-role", "suspend"]);
    assert_eq!(reached.plans.len(), 1);
    let world = zendesk.world();
    assert_eq!(world.tickets.iter().filter(|ticket| ticket.assignee == 2).count(), 101);
    assert_eq!(world.tickets.iter().filter(|ticket| ticket.assignee == 1).count(), 1, "the closed one stays");
    assert_eq!((world.user(1).role.as_str(), world.user(1).suspended), ("end-user", true));
}

#[tokio::test]
async fn case_09_the_plan_is_not_empty_until_the_suspension_is_there() {
    let zendesk = Zendesk::with(json!({"suspend_on_removal": true})).await;
    zendesk.world().put(1, ADA, "end-user", None);
    let reached = zendesk.reach(ADA, &release([role("agent")])).await;
    assert_eq!(reached.actions(), ["suspend"]);
}

#[tokio::test]
async fn case_10_a_created_user_is_found_by_the_id_before_the_search_shows_them() {
    let zendesk = Zendesk::start().await;
    let goal = hold([role("light-agent"), group("Tier 1")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    assert_eq!(seen.lag, Duration::from_mins(5), "that nobody is found may be old news");
    let receipts = zendesk.apply(ADA, &seen, &zendesk.plan(ADA, &seen, &goal)).await.unwrap();
    let id: u64 = receipts[0].handles["user_id"].parse().unwrap();
    zendesk.world().unsearchable.insert(id);

    let seen = zendesk.see(ADA, &remembered(id), &goal).await;
    assert_eq!(seen.account, Account::Found { id: Some(id.to_string()) });
    assert_eq!(seen.lag, Duration::ZERO);
    assert_eq!(names(&zendesk.plan(ADA, &seen, &goal)), ["join-group"]);
}

#[tokio::test]
async fn case_10_a_creation_whose_answer_was_lost_is_not_repeated_into_a_second_user() {
    let zendesk = Zendesk::start().await;
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    zendesk.world().instead("POST /api/v2/users", Instead::AfterApplying(502, json!({})));
    let fault = zendesk.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!((fault.remedy, fault.sent), (Remedy::ReadBack, Sent::Maybe));
    let id = zendesk.world().by_email(ADA)[0].id;
    zendesk.world().unsearchable.insert(id);

    let fault = zendesk.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::ReadBack);
    assert_eq!(zendesk.world().by_email(ADA).len(), 1);
    zendesk.world().unsearchable.clear();
    assert_eq!(zendesk.reach(ADA, &goal).await.actions(), [""; 0]);
}

#[tokio::test]
async fn case_11_a_user_who_is_not_active_is_deleted_and_a_new_one_is_created() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "end-user", None).active = false;
    let reached = zendesk.reach(ADA, &hold([role("agent")])).await;
    assert_eq!(reached.actions(), ["create-user"]);
    let created = zendesk.world().by_email(ADA)[0].id;
    let effects =
        [format!("user {created}: agent None, 1 addresses"), format!("user {created} in group {SUPPORT}: ")];
    assert_eq!(zendesk.world().effects, effects, "the deleted one is left alone");
}

#[tokio::test]
async fn case_12_a_hit_of_the_search_on_another_address_is_somebody_else() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "ada@example.com.au", "end-user", None);
    zendesk.world().put(2, "nada@example.com", "agent", None);
    let reached = zendesk.reach(ADA, &hold([role("agent")])).await;
    assert_eq!(reached.actions(), ["create-user"]);
    assert_eq!(zendesk.world().user(1).role, "end-user");
}

#[tokio::test]
async fn case_13_one_user_is_updated_twice_at_the_most_for_one_removal_and_once_for_one_grant() {
    let zendesk = Zendesk::with(json!({"suspend_on_removal": true, "unsuspend": "on-grant"})).await;
    zendesk.world().put(1, ADA, "end-user", None);
    zendesk.reach(ADA, &hold([role("agent"), group("Tier 1"), group("Tier 2")])).await;
    assert_eq!(zendesk.world().updates[&1], 1);
    zendesk.reach(ADA, &release([role("agent"), group("Tier 1"), group("Tier 2")])).await;
    assert_eq!(zendesk.world().updates[&1], 3, "five a minute is what Zendesk takes for one user");
}

#[tokio::test]
async fn case_13_a_sixth_update_within_a_minute_waits_as_long_as_zendesk_says() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "end-user", None);
    zendesk.world().updates.insert(1, 5);
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let fault = zendesk.apply(ADA, &seen, &zendesk.plan(ADA, &seen, &goal)).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Throttled { after: Some(Duration::from_secs(60)) });
}

#[tokio::test]
async fn case_14_a_200_for_the_anonymous_user_is_a_wrong_credential() {
    let zendesk = Zendesk::start().await;
    zendesk.world().accepts_tokens = false;
    let health = zendesk.check(&[role("agent")]).await.unwrap();
    assert_eq!(health.findings.len(), 1);
    assert!(health.findings[0].fatal);
    assert_eq!(health.findings[0].what, "Zendesk does not accept the credential");
}

#[tokio::test]
async fn case_15_the_group_comes_after_the_agents_role_and_the_default_group_stays() {
    let zendesk = Zendesk::start().await;
    zendesk.world().with_custom_role();
    zendesk.world().put(1, ADA, "end-user", None);
    let goal = hold([role("Team lead"), group("Tier 1")]);
    let reached = zendesk.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["set-role", "join-group"]);
    assert_eq!(reached.plans.len(), 1, "both stand in one plan");
    let world = zendesk.world();
    assert_eq!(world.user(1).custom_role_id, Some(TEAM_LEAD));
    assert_eq!(world.groups_of(1), [SUPPORT, TIER_1], "Zendesk's default group is not Usher's to take");
    assert_eq!(reached.seen.facets[&group("Support")], Hold::Present, "it is seen, though nobody asked");
}
