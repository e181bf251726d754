//! What goes, and what stays.

use std::collections::BTreeSet;

use serde_json::json;
use usher_core::{Facet, Handles, Hold, Known, Plan, RefusalKind};

use crate::support::world::{DESIGN, ENGINEERING};
use crate::support::{ADA, Github, invited, names, release, role, team};

#[tokio::test]
async fn releasing_the_role_removes_the_membership_and_all_teams_and_warns_of_lost_forks() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member").teams.extend([ENGINEERING, DESIGN]);
    let goal = release([role("member"), team("engineering")]);
    let reached = github.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["remove-member"]);
    let action = &reached.plans[0].actions[0];
    assert!(action.summary.contains("private forks"), "{}", action.summary);
    assert_eq!(action.takes, goal.release);
    let account = github.world().account(7).clone();
    assert_eq!((account.member, account.teams.len()), (None, 0));
}

#[tokio::test]
async fn rule_14_teams_imply_membership_and_nothing_else_is_implied() {
    let implied = |facets: &[Facet]| {
        let facets = facets.iter().cloned().collect();
        async move { Github::start().await.connection.implied(&facets) }
    };
    let member = BTreeSet::from([role("member")]);
    assert_eq!(implied(&[role("member"), team("engineering")]).await, member);
    assert_eq!(implied(&[role("member")]).await, BTreeSet::new());
    assert_eq!(implied(&[role("admin"), team("engineering")]).await, BTreeSet::new());
}

#[tokio::test]
async fn releasing_a_team_leaves_the_membership_and_the_other_teams() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member").teams.extend([ENGINEERING, DESIGN]);
    let reached = github.reach(ADA, &release([team("engineering")])).await;
    assert_eq!(reached.actions(), ["leave-team"]);
    assert!(reached.plans[0].actions[0].summary.contains("private forks"));
    let account = github.world().account(7).clone();
    assert_eq!((account.member.as_deref(), account.teams), (Some("member"), [DESIGN].into()));
}

#[tokio::test]
async fn rule_14_an_owner_goes_back_to_being_a_member() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "admin").teams.extend([ENGINEERING, DESIGN]);
    let mut goal = release([role("admin"), team("engineering")]);
    goal.restore.insert("org_role".to_owned(), "member".to_owned());
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(names(&plan), ["set-role", "leave-team"]);
    github.apply(ADA, &seen, &plan).await.unwrap();
    let account = github.world().account(7).clone();
    assert_eq!((account.member.as_deref(), account.teams), (Some("member"), [DESIGN].into()));
}

#[tokio::test]
async fn what_somebody_else_set_meanwhile_stays() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "admin");
    let (seen, plan) = github.look(ADA, &Known::default(), &release([role("member")])).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Absent);
    assert_eq!(plan, Plan::default());
}

#[tokio::test]
async fn an_invitation_that_is_still_open_goes_with_the_membership() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member");
    github.world().invite(Some("ada@EXAMPLE.com"), None, "direct_member", &[ENGINEERING]);
    let known = invited(Handles::new());
    let (seen, plan) = github.look(ADA, &known, &release([role("member")])).await;
    assert_eq!(names(&plan), ["cancel-invitation", "remove-member"]);
    github.apply(ADA, &seen, &plan).await.unwrap();
    assert_eq!(github.world().open().count(), 0);
    assert_eq!(github.world().account(7).member, None);
}

#[tokio::test]
async fn an_invitation_by_login_is_cancelled_too() {
    let github = Github::with(json!({"identify_by": ["custom_fields.github"]})).await;
    github.world().put(7, "ada", ADA);
    let id = github.world().invite(None, Some(7), "direct_member", &[]);
    let goal = release([role("member")]);
    let who = crate::support::typed(ADA, "ada");
    let seen = github.observe(&who, &Known::default(), &goal.release).await.unwrap();
    github.apply(ADA, &seen, &github.plan(ADA, &seen, &goal)).await.unwrap();
    assert_eq!(github.changes(), [format!("DELETE /orgs/acme/invitations/{id}")]);
    // One that the list does not show: GitHub takes the login.
    github.world().invite(None, Some(7), "direct_member", &[]);
    github
        .world()
        .instead("GET /orgs/acme/invitations", crate::support::world::Instead::Answer(200, json!([])));
    let seen = github.observe(&who, &Known::default(), &goal.release).await.unwrap();
    let plan = github.plan(ADA, &seen, &goal);
    assert_eq!(names(&plan), ["cancel-membership"]);
    github.apply(ADA, &seen, &plan).await.unwrap();
    assert_eq!(github.world().open().count(), 0);
}

#[tokio::test]
async fn nothing_is_written_for_somebody_who_has_nothing() {
    let github = Github::start().await;
    github.world().put(7, "ada", ADA).saml = Some(ADA.to_owned());
    for address in [ADA, "nobody@example.com"] {
        let (seen, plan) =
            github.look(address, &Known::default(), &release([role("member"), team("engineering")])).await;
        assert_eq!(
            (seen.hold(&role("member")), seen.hold(&team("engineering"))),
            (&Hold::Absent, &Hold::Absent)
        );
        assert_eq!(plan, Plan::default());
    }
    assert_eq!(github.changes(), [""; 0]);
}

#[tokio::test]
async fn a_team_that_is_listed_no_more_cannot_be_told_while_the_person_is_a_member() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member").teams.insert(ENGINEERING);
    github.world().teams.insert(ENGINEERING, "platform".to_owned());
    let (seen, plan) = github.look(ADA, &Known::default(), &release([team("engineering")])).await;
    assert_eq!(*seen.hold(&team("engineering")), Hold::Unreadable);
    assert_eq!(plan, Plan::default());
    // With the membership it goes, whatever its name.
    github.reach(ADA, &release([role("member"), team("engineering")])).await;
    assert!(github.world().account(7).teams.is_empty());
}

#[tokio::test]
async fn a_backed_team_is_not_left_and_the_reason_is_told() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member").teams.insert(crate::support::world::BACKED);
    let refusal = github.refusal(ADA, &release([team("backed")])).await;
    assert_eq!(refusal.kind, RefusalKind::ManagedElsewhere);
}

fn knowing(handles: &Handles) -> Known {
    Known { handles: handles.clone(), ..Known::default() }
}

#[tokio::test]
async fn an_address_whose_account_nobody_knows_is_not_called_removed() {
    for settings in [json!({}), json!({"identify_by": ["saml", "invite-by-email"]})] {
        // Single sign-on is not on the organisation.
        let github = Github::with(settings).await;
        github.world().put_member(7, "ada", ADA, "member").teams.insert(ENGINEERING);
        let goal = release([role("member"), team("engineering")]);
        let refusal = github.refusal(ADA, &goal).await;
        assert_eq!(refusal.kind, RefusalKind::Unresolvable);
        assert!(refusal.sentence.contains("remove them there, then close"), "{}", refusal.sentence);
        assert_eq!(github.changes(), [""; 0]);
        assert!(github.world().account(7).member.is_some());
    }
}

#[tokio::test]
async fn whose_invitation_was_cancelled_is_gone_for_a_day_and_after_that_nobody_can_tell() {
    let github = Github::with(json!({})).await;
    github.reach(ADA, &crate::support::hold([role("member")])).await;
    let goal = release([role("member")]);
    let reached = github.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["cancel-invitation"]);
    assert_eq!(*reached.seen.hold(&role("member")), Hold::Absent);
    // What the engine keeps once that is confirmed.
    let known = knowing(&reached.seen.handles);
    github.set_clock("2026-11-25T07:59:00Z");
    assert_eq!(github.look(ADA, &known, &goal).await.1, Plan::default());
    github.set_clock("2026-11-25T08:01:00Z");
    let (_, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable, "somebody may have let them in by hand");
}

#[tokio::test]
async fn whose_invitation_lapsed_is_gone_as_long_as_github_lists_it() {
    let github = Github::with(json!({})).await;
    let known = github.reach(ADA, &crate::support::hold([role("member")])).await.known;
    let id = known.handles["invitation_id"].parse().unwrap();
    github.world().lapse(id);
    let goal = release([role("member")]);
    let (seen, plan) = github.look(ADA, &invited(known.handles), &goal).await;
    assert_eq!((seen.hold(&role("member")), plan), (&Hold::Absent, Plan::default()));
    let known = knowing(&seen.handles);
    github.set_clock("2026-12-24T08:00:00Z");
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!((seen.hold(&role("member")), plan), (&Hold::Absent, Plan::default()));
    github.world().invitations.clear();
    github.set_clock("2026-12-26T08:00:00Z");
    let (_, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
}

#[tokio::test]
async fn a_remembered_account_that_is_no_member_is_gone_and_stays_gone_for_a_repeated_order() {
    let github = Github::with(json!({})).await;
    github.world().put_member(7, "ada", ADA, "member");
    let goal = release([role("member"), team("engineering")]);
    let reached = github.go_on(ADA, crate::support::remembered(7, "invitation"), &goal).await;
    assert_eq!(reached.actions(), ["remove-member"]);
    let known = knowing(&reached.seen.handles);
    assert!(!known.handles.contains_key("user_id"), "the account is forgotten: {:?}", known.handles);
    assert_eq!(github.look(ADA, &known, &goal).await.1, Plan::default());
}
