//! From an address to an account.

use std::collections::BTreeSet;

use serde_json::json;
use usher_core::{Account, Hold, Known, RefusalKind, Remedy};

use crate::support::world::Instead;
use crate::support::{ADA, Github, hold, person, release, remembered, role, team, typed};

fn member() -> BTreeSet<usher_core::Facet> {
    [role("member")].into()
}

#[tokio::test]
async fn a_saml_identity_finds_the_account_whatever_the_case_of_the_address() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member");
    let seen = github.observe(&person("Ada@Example.com"), &Known::default(), &member()).await.unwrap();
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    assert_eq!(*seen.hold(&role("member")), Hold::Present);
    assert_eq!(seen.current["org_role"], "member");
    assert_eq!(seen.handles["user_id"], "7");
}

#[tokio::test]
async fn several_accounts_with_one_identity_are_ambiguous_and_nothing_is_planned() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member");
    github.world().put_member(8, "ada-two", ADA, "member");
    let (seen, plan) = github.look(ADA, &Known::default(), &hold([role("admin")])).await;
    assert_eq!(seen.account, Account::Ambiguous { hits: 2 });
    assert_eq!(*seen.hold(&role("admin")), Hold::Unreadable);
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Ambiguous);
    assert!(plan.actions.is_empty());
}

#[tokio::test]
async fn where_single_sign_on_sits_on_the_enterprise_the_next_way_is_gone() {
    let github = Github::start().await;
    github.world().has_saml = false;
    github.world().put(7, "ada", ADA).saml = Some(ADA.to_owned());
    let reached = github.reach(ADA, &hold([role("member")])).await;
    assert_eq!(reached.actions(), ["invite"]);
    assert_eq!(github.world().open().next().unwrap().email.as_deref(), Some(ADA));
}

#[tokio::test]
async fn a_credential_that_may_not_read_identities_needs_a_person_and_does_not_show_that_nobody_is_there() {
    let github = Github::start().await;
    github.world().shows_saml = false;
    let fault = github.observe(&person(ADA), &Known::default(), &member()).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Person, "{fault}");
    assert!(fault.to_string().contains("members: write"), "{fault}");
}

#[tokio::test]
async fn somebody_who_is_found_and_no_member_is_invited_by_the_accounts_id() {
    let github = Github::start().await;
    github.world().put(7, "ada", "private@example.net").saml = Some(ADA.to_owned());
    let reached = github.reach(ADA, &hold([role("member"), team("engineering")])).await;
    assert_eq!(reached.actions(), ["invite"]);
    let body = github.world().bodies.iter().find(|body| body.get("team_ids").is_some()).cloned().unwrap();
    assert_eq!(body, json!({"invitee_id": 7, "role": "direct_member", "team_ids": [501]}));
    assert_eq!(reached.seen.account, Account::Invited);
    assert_eq!(reached.known.handles["invited_id"], "7");
}

#[tokio::test]
async fn without_a_way_that_finds_anybody_a_grant_says_what_to_do() {
    let github = Github::with(json!({"identify_by": ["saml"]})).await;
    github.world().has_saml = true;
    let refusal = github.refusal(ADA, &hold([role("member")])).await;
    assert_eq!(refusal.kind, RefusalKind::Unresolvable);
    assert!(refusal.sentence.contains("invite-by-email"), "{}", refusal.sentence);
    assert_eq!(github.changes(), [""; 0]);
}

#[tokio::test]
async fn a_typed_login_finds_a_member_and_makes_nobody_an_owner() {
    let github = Github::with(json!({"identify_by": ["custom_fields.github"]})).await;
    github.world().put_member(7, "ada", ADA, "member");
    let who = typed(ADA, "Ada");
    let goal = hold([role("admin")]);
    let seen = github.observe(&who, &Known::default(), &goal.hold).await.unwrap();
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    let plan = github.plan(ADA, &seen, &goal);
    assert!(plan.actions.is_empty());
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
    // Nor later, when the account is known by its id alone.
    let plan = github.look(ADA, &Known { handles: seen.handles, ..Known::default() }, &goal).await.1;
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
    // A team is fine.
    let goal = hold([role("member"), team("engineering")]);
    let seen = github.observe(&who, &Known::default(), &goal.hold).await.unwrap();
    github.apply(ADA, &seen, &github.plan(ADA, &seen, &goal)).await.unwrap();
    assert_eq!(github.world().account(7).teams.len(), 1);
}

#[tokio::test]
async fn a_typed_login_that_is_none_or_another_persons_is_not_believed() {
    let github = Github::with(json!({"identify_by": ["custom_fields.github", "invite-by-email"]})).await;
    github.world().put_member(7, "ada", ADA, "member");
    github.world().put_member(8, "grace", "grace@example.com", "admin");
    for login in ["../../user", "a b", "", "nobody-at-all", "-x", "x".repeat(40).as_str()] {
        let seen = github.observe(&typed(ADA, login), &Known::default(), &member()).await.unwrap();
        assert_eq!(seen.account, Account::Absent, "{login}");
    }
    let numbers =
        usher_core::Subject { custom_fields: [("github".to_owned(), json!(7))].into(), ..person(ADA) };
    assert_eq!(
        github.observe(&numbers, &Known::default(), &member()).await.unwrap().account,
        Account::Absent
    );
    // Another account than the one that was granted.
    let seen = github.observe(&typed(ADA, "grace"), &remembered(7, "custom-field"), &member()).await.unwrap();
    assert_eq!(seen.account, Account::Ambiguous { hits: 2 });
}

#[tokio::test]
async fn rule_27_a_remembered_account_that_has_nothing_any_more_is_forgotten() {
    let github = Github::with(json!({})).await;
    github.world().put(7, "ada", "private@example.net");
    let (seen, plan) = github.look(ADA, &remembered(7, "invitation"), &hold([role("member")])).await;
    assert_eq!(seen.account, Account::Absent);
    assert!(!seen.handles.contains_key("user_id"), "{:?}", seen.handles);
    let args = plan.actions[0].args.to_string();
    assert!(args.contains("\"user_id\":null"), "the address is invited, not the former bearer: {args}");
}

#[tokio::test]
async fn rule_27_a_remembered_account_that_bears_another_address_by_now_is_for_a_person() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", "other@example.com", "member");
    let fault = github.observe(&person(ADA), &remembered(7, "saml"), &member()).await.unwrap_err();
    assert!(
        matches!(&fault.remedy, Remedy::Refused(refusal) if refusal.kind == RefusalKind::Ambiguous),
        "{fault}"
    );
}

#[tokio::test]
async fn rule_27_an_address_that_passed_on_finds_its_present_bearer() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", "old@example.com", "member");
    github.world().put_member(8, "ada-two", ADA, "member");
    let seen = github.observe(&person(ADA), &remembered(7, "saml"), &member()).await.unwrap();
    assert_eq!(
        seen.account,
        Account::Found { id: Some("8".to_owned()) },
        "the engine sees that it is another"
    );
}

#[tokio::test]
async fn an_account_that_is_gone_is_gone() {
    let github = Github::with(json!({})).await;
    let (seen, plan) = github.look(ADA, &remembered(7, "saml"), &release([role("member")])).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Absent);
    assert_eq!(plan, usher_core::Plan::default());
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_is_sent() {
    let github = Github::start().await;
    for address in ["", " ", "ada", "@", "a@b@c", "a b@example.com", "a\r\n@example.com"] {
        let fault = github.observe(&person(address), &Known::default(), &member()).await.unwrap_err();
        assert!(matches!(fault.remedy, Remedy::Refused(_)), "{fault}");
    }
    assert_eq!(github.world().requests, [""; 0]);
}

#[tokio::test]
async fn a_reading_that_fails_in_the_middle_is_no_reading() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member");
    for (path, status) in [
        ("GET /orgs/acme/memberships", 403),
        ("GET /orgs/acme/teams", 403),
        ("POST /graphql", 403),
        ("GET /orgs/acme/teams/engineering/memberships", 418),
    ] {
        github.world().instead(path, Instead::Answer(status, json!({"message": "no"})));
        let of = [role("member"), team("engineering")].into();
        github.observe(&person(ADA), &Known::default(), &of).await.unwrap_err();
    }
    // Invitations that are not shown are not none.
    github
        .world()
        .instead("GET /orgs/acme/invitations", Instead::Answer(404, json!({"message": "Not Found"})));
    let fault = github.observe(&person("grace@example.com"), &Known::default(), &member()).await.unwrap_err();
    assert!(fault.to_string().contains("read and write members"), "{fault}");
}
