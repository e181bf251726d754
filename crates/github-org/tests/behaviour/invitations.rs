//! Invitations: known from their intent, until they are accepted, lapse or are cancelled.

use serde_json::json;
use usher_core::{Account, Awaits, Handles, Hold, Known, RefusalKind};

use crate::support::world::{DESIGN, ENGINEERING, State};
use crate::support::{ADA, Github, hold, invited, names, release, role, team};

#[tokio::test]
async fn rule_22_an_invitation_awaits_the_invitee_and_gives_its_teams_on_acceptance() {
    let github = Github::start().await;
    let goal = hold([role("member"), team("engineering"), team("design")]);
    let reached = github.reach(ADA, &goal).await;
    let until = Some("2026-12-01T08:00:00Z".parse().unwrap());
    for facet in &goal.hold {
        assert_eq!(*reached.seen.hold(facet), Hold::Pending { awaits: Awaits::Invitee, until }, "{facet}");
    }
    assert!(reached.seen.current.is_empty(), "whoever is invited holds nothing yet");
}

#[tokio::test]
async fn rule_23_once_accepted_the_account_is_found_by_saml() {
    let github = Github::start().await;
    let goal = hold([role("member"), team("engineering")]);
    let known = github.reach(ADA, &goal).await.known;
    github.world().put(7, "ada", ADA).saml = Some(ADA.to_owned());
    let id = known.handles["invitation_id"].parse().unwrap();
    github.world().accept(id, 7);
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    assert_eq!(*seen.hold(&team("engineering")), Hold::Present);
    assert_eq!(plan, usher_core::Plan::default());
}

#[tokio::test]
async fn rule_23_an_invitation_that_is_not_seen_any_more_is_unreadable_and_nothing_is_planned() {
    let github = Github::with(json!({})).await;
    let known = github.reach(ADA, &hold([role("member"), team("engineering")])).await.known;
    github.world().put(7, "a-private-login", "private@example.net");
    let id = known.handles["invitation_id"].parse().unwrap();
    github.world().accept(id, 7);
    for goal in [hold([role("member"), team("engineering")]), release([role("member"), team("engineering")])]
    {
        let (seen, plan) = github.look(ADA, &known, &goal).await;
        assert_eq!(*seen.hold(&role("member")), Hold::Unreadable);
        assert_eq!(*seen.hold(&team("engineering")), Hold::Unreadable);
        assert_eq!(plan.actions, []);
        assert_eq!(plan.refused.is_empty(), goal.release.is_empty(), "a removal is not called done");
        assert_eq!(seen.handles["invitation_id"], known.handles["invitation_id"], "it is remembered");
    }
}

#[tokio::test]
async fn rule_23_an_invitation_whose_answer_was_lost_is_unreadable_while_it_is_not_seen() {
    let github = Github::with(json!({})).await;
    let (seen, plan) = github.look(ADA, &invited(Handles::new()), &hold([role("member")])).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Unreadable);
    assert_eq!(plan, usher_core::Plan::default());
    // An older one that lapsed says nothing about it; one of that time does.
    for (created, hold) in
        [("2026-11-20T08:00:00Z", Hold::Unreadable), ("2026-11-24T07:58:00Z", Hold::Absent)]
    {
        let id = github.world().invite(Some("ADA@example.com"), None, "direct_member", &[]);
        github.world().lapse(id);
        created.clone_into(&mut github.world().invitation_mut(id).created_at);
        let (seen, _) = github.look(ADA, &invited(Handles::new()), &release([role("member")])).await;
        assert_eq!(*seen.hold(&role("member")), hold, "{created}");
    }
}

#[tokio::test]
async fn rule_23_the_lapse_of_an_older_invitation_says_nothing_about_a_newer_one() {
    let github = Github::with(json!({})).await;
    let goal = hold([role("member")]);
    let known = github.reach(ADA, &goal).await.known;
    let old = known.handles["invitation_id"].parse().unwrap();
    github.world().lapse(old);
    // A newer one was intended a week later, its answer was lost, and it was accepted.
    let known = Known { invited: Some("2026-12-01T09:00:00Z".parse().unwrap()), ..known };
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Unreadable);
    assert_eq!(plan, usher_core::Plan::default());
}

#[tokio::test]
async fn rule_23_an_account_that_was_invited_and_is_neither_member_nor_invited_has_declined() {
    let github = Github::start().await;
    github.world().put(7, "ada", ADA).saml = Some(ADA.to_owned());
    let goal = hold([role("member")]);
    let known = github.reach(ADA, &goal).await.known;
    github.world().invitation_mut(known.handles["invitation_id"].parse().unwrap()).state = State::Cancelled;
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Absent);
    assert_eq!(names(&plan), ["invite"], "the engine sees to it that nobody gets two in a day");
}

#[tokio::test]
async fn the_account_that_an_invitation_names_is_remembered_by_its_id() {
    let github = Github::with(json!({})).await;
    github.world().put(7, "ada", ADA);
    github.world().invite(Some(ADA), Some(7), "direct_member", &[ENGINEERING]);
    let goal = hold([role("member"), team("engineering")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!((seen.account.clone(), plan), (Account::Invited, usher_core::Plan::default()));
    assert_eq!((seen.handles["user_id"].as_str(), seen.handles["found_by"].as_str()), ("7", "invitation"));
    let id = github.world().open().next().unwrap().id;
    github.world().accept(id, 7);
    "lovelace".clone_into(&mut github.world().account_mut(7).login);
    let (seen, _) = github.look(ADA, &invited(seen.handles), &goal).await;
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    assert_eq!(*seen.hold(&team("engineering")), Hold::Present);
}

#[tokio::test]
async fn invitations_are_found_on_whatever_page_they_stand() {
    let github = Github::with(json!({})).await;
    for number in 0..7 {
        github.world().invite(Some(&format!("somebody-{number}@example.com")), None, "direct_member", &[]);
    }
    github.world().invite(Some(ADA), None, "admin", &[]);
    github.world().page_size = 3;
    let (seen, _) = github.look(ADA, &Known::default(), &hold([role("admin")])).await;
    assert!(matches!(seen.hold(&role("admin")), Hold::Pending { .. }));
    let pages = github.world().requests.iter().filter(|sent| sent.ends_with("/invitations")).count();
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_team_is_added_to_an_accounts_invitation_and_taken_out_of_it() {
    let github = Github::start().await;
    github.world().put(7, "ada", ADA).saml = Some(ADA.to_owned());
    let known = github.reach(ADA, &hold([role("member"), team("engineering")])).await.known;
    let goal = hold([role("member"), team("engineering"), team("design")]);
    let reached = github.go_on(ADA, known, &goal).await;
    assert_eq!(reached.actions(), ["join-team"]);
    let teams = github.world().open().next().unwrap().teams.clone();
    assert_eq!(teams, [ENGINEERING, DESIGN].into());
    let reached = github.go_on(ADA, reached.known, &release([team("design")])).await;
    assert_eq!(reached.actions(), ["leave-team"]);
    assert_eq!(github.world().open().next().unwrap().teams, [ENGINEERING].into());
}

#[tokio::test]
async fn a_team_of_an_addresss_invitation_cannot_go_alone() {
    let github = Github::start().await;
    github.reach(ADA, &hold([role("member"), team("engineering")])).await;
    let refusal = github.refusal(ADA, &release([team("engineering")])).await;
    assert_eq!(refusal.kind, RefusalKind::Other);
    assert!(refusal.sentence.contains("together with what stays"), "{}", refusal.sentence);
    assert_eq!(github.world().open().count(), 1);
}

#[tokio::test]
async fn an_invitation_to_less_than_is_wanted_is_not_replaced() {
    let github = Github::start().await;
    github.reach(ADA, &hold([role("member")])).await;
    let refusal = github.refusal(ADA, &hold([role("admin")])).await;
    assert!(refusal.sentence.contains("An invitation as member"), "{}", refusal.sentence);
    github.world().invitations[0].role = "billing_manager".to_owned();
    let refusal = github.refusal(ADA, &hold([role("member")])).await;
    assert!(refusal.sentence.contains("another role"), "{}", refusal.sentence);
}

#[tokio::test]
async fn a_missing_team_is_refused_before_anybody_is_invited() {
    let github = Github::start().await;
    let refusal = github.refusal(ADA, &hold([role("member"), team("nothing")])).await;
    assert_eq!(refusal.kind, RefusalKind::Unresolvable);
    assert!(refusal.sentence.contains("no team nothing"), "{}", refusal.sentence);
    assert_eq!(github.changes(), [""; 0]);
}

#[tokio::test]
async fn a_returning_member_is_reinstated_only_where_the_settings_say_so_and_only_as_a_member() {
    for (reinstate, former_role, sent) in
        [(true, "member", "reinstate"), (false, "member", "direct_member"), (true, "admin", "direct_member")]
    {
        let github = Github::with(json!({"identify_by": ["saml"], "reinstate": reinstate})).await;
        github.world().has_saml = true;
        github.world().put_member(7, "ada", ADA, former_role);
        let reached = github.reach(ADA, &release([role(former_role)])).await;
        assert_eq!(reached.actions(), ["remove-member"]);
        // What the engine keeps once the removal is confirmed.
        let known = Known { handles: reached.seen.handles.clone(), ..Known::default() };
        let reached = github.go_on(ADA, known, &hold([role("member")])).await;
        assert_eq!(reached.actions(), ["invite"]);
        assert_eq!(github.world().open().next().unwrap().role, sent, "{former_role}");
        assert!(matches!(reached.seen.hold(&role("member")), Hold::Pending { .. }));
    }
}
