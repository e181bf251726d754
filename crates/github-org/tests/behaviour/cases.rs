//! What a toy misses: fifteen cases, each by its number.

use serde_json::json;
use usher_core::{Account, Connector, Hold, Known, RefusalKind, Remedy, Sent};
use usher_github_org::GithubOrg;

use crate::support::world::{ENGINEERING, INSTALLATION, Instead, OWNER};
use crate::support::{ADA, Github, hold, names, release, remembered, role, settings, team, unused_ports};

#[tokio::test]
async fn case_01_rule_24_while_an_invitation_is_pending_no_second_one_is_sent() {
    let github = Github::start().await;
    let goal = hold([role("member"), team("engineering")]);
    let reached = github.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["invite"]);
    assert!(reached.plans[0].actions[0].notifies_person);
    assert!(matches!(reached.seen.hold(&team("engineering")), Hold::Pending { .. }));
    assert_eq!(github.reach(ADA, &goal).await.actions(), [""; 0]);
    // What it lacks is not given by a second one either.
    let refusal = github.refusal(ADA, &hold([role("member"), team("design")])).await;
    assert!(refusal.sentence.contains("is open"), "{}", refusal.sentence);
    assert_eq!(github.changes(), ["POST /orgs/acme/invitations"]);
}

#[tokio::test]
async fn case_02_somebody_whose_invitation_lapsed_is_invited_again_within_the_quota() {
    let github = Github::start().await;
    let goal = hold([role("member")]);
    let known = github.reach(ADA, &goal).await.known;
    let id = known.handles["invitation_id"].parse().unwrap();
    github.world().lapse(id);
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Absent, "GitHub lists it as lapsed");
    assert_eq!(names(&plan), ["invite"]);
    github.world().invitations_left = 0;
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    assert!(matches!(fault.remedy, Remedy::Throttled { after: Some(_) }), "the day's are used up: {fault}");
    github.world().invitations_left = 1;
    github.apply(ADA, &seen, &plan).await.unwrap();
    assert_eq!(github.world().open().count(), 1);
}

#[tokio::test]
async fn case_03_a_member_is_a_direct_member_in_an_invitation_and_a_member_in_a_membership() {
    let github = Github::start().await;
    github.reach(ADA, &hold([role("member")])).await;
    github.world().put_member(7, "grace", "grace@example.com", "member");
    github.reach("grace@example.com", &hold([role("admin")])).await;
    let bodies = github.world().bodies.clone();
    let sent: Vec<_> = bodies.iter().filter(|body| body.get("role").is_some()).collect();
    assert_eq!(*sent[0], json!({"email": ADA, "role": "direct_member", "team_ids": []}));
    assert_eq!(*sent[1], json!({"role": "admin"}));
}

#[tokio::test]
async fn case_04_no_seat_left_is_a_refusal_of_its_own_and_is_not_sent_again() {
    let github = Github::start().await;
    github.world().seats = Some(1);
    let refusal = github.refusal(ADA, &hold([role("member")])).await;
    assert_eq!(refusal.kind, RefusalKind::NoSeat);
    assert_eq!(github.changes().len(), 1);
}

#[tokio::test]
async fn case_05_a_422_for_somebody_who_is_a_member_already_goes_by_the_reading() {
    let github = Github::start().await;
    let goal = hold([role("member")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    // Somebody else was faster.
    github.world().put_member(7, "ada", ADA, "member");
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    assert!(matches!(&fault.remedy, Remedy::Refused(_)), "surely not sent: {fault}");
    assert_eq!(fault.sent, Sent::Yes);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Present, "the reading shows that it is so");
    assert_eq!(plan, usher_core::Plan::default());
}

#[tokio::test]
async fn case_05_a_member_whom_nobody_can_tell_from_others_is_refused_with_what_to_do() {
    let github = Github::with(json!({})).await;
    github.world().put_member(7, "ada", ADA, "member");
    let refusal = github.refusal(ADA, &hold([role("member")])).await;
    assert_eq!(refusal.kind, RefusalKind::Unresolvable);
    assert!(refusal.sentence.contains("is a member already"), "{}", refusal.sentence);
}

#[tokio::test]
async fn case_06_rule_27_somebody_who_changed_the_login_is_found_by_the_id() {
    let github = Github::with(json!({})).await;
    github.world().put_member(7, "lovelace", ADA, "member");
    // The former login is somebody else's by now.
    github.world().put_member(8, "ada", "other@example.com", "member");
    let known = remembered(7, "saml");
    let goal = hold([role("member"), team("engineering")]);
    let reached = github.go_on(ADA, known, &goal).await;
    assert_eq!(reached.actions(), ["join-team"]);
    assert_eq!(reached.seen.account, Account::Found { id: Some("7".to_owned()) });
    assert_eq!(github.changes(), ["PUT /orgs/acme/teams/engineering/memberships/lovelace"]);
    assert!(github.world().account(8).teams.is_empty());
}

#[tokio::test]
async fn case_07_logins_are_the_same_in_any_case() {
    let github = Github::with(json!({"identify_by": ["custom_fields.github"]})).await;
    github.world().put(7, "Ada-Lovelace", ADA);
    let id = github.world().invite(None, Some(7), "direct_member", &[]);
    let who = crate::support::typed(ADA, " ada-LOVELACE ");
    let of = [role("member")].into();
    let seen = github.observe(&who, &Known::default(), &of).await.unwrap();
    assert!(matches!(seen.hold(&role("member")), Hold::Pending { .. }));
    github.world().accept(id, 7);
    let seen = github.observe(&who, &Known::default(), &of).await.unwrap();
    assert_eq!(*seen.hold(&role("member")), Hold::Present);
    assert_eq!(seen.handles["user_id"], "7");
    // The organisation's own name as well.
    let connection = GithubOrg.build(settings(&json!({"org": "ACME"})), unused_ports(None)).unwrap();
    assert_eq!(connection.tenant(), "https://api.github.com/orgs/acme");
}

#[tokio::test]
async fn case_08_the_last_owner_is_neither_removed_nor_made_less() {
    let github = Github::start().await;
    github.world().account_mut(OWNER).saml = Some("olive@acme.example".to_owned());
    for restore in [None, Some("member")] {
        let mut goal = release([role("admin")]);
        goal.restore.extend(restore.map(|role| ("org_role".to_owned(), role.to_owned())));
        let refusal = github.refusal("olive@acme.example", &goal).await;
        assert_eq!(refusal.kind, RefusalKind::Protected);
        assert!(refusal.sentence.contains("last owner"), "{}", refusal.sentence);
    }
    assert_eq!(github.changes(), [""; 0]);
    // With a second one it is possible.
    github.world().put_member(7, "ada", ADA, "admin");
    github.reach("olive@acme.example", &release([role("admin")])).await;
    assert_eq!(github.world().owners(), 1);
}

#[tokio::test]
async fn case_08_an_owner_is_not_made_an_ordinary_member_by_a_lower_request() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "admin");
    for goal in [hold([role("member")]), hold([role("member"), team("engineering")])] {
        let refusal = github.refusal(ADA, &goal).await;
        assert_eq!(refusal.kind, RefusalKind::Protected);
    }
    assert_eq!(github.changes(), [""; 0]);
}

#[tokio::test]
async fn case_09_lowering_a_role_does_not_bring_back_who_has_left() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "admin");
    let mut goal = release([role("admin")]);
    goal.restore.insert("org_role".to_owned(), "member".to_owned());
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(names(&plan), ["set-role"]);
    github.world().account_mut(7).member = None;
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::No, Remedy::ReadBack));
    assert_eq!(github.changes(), [""; 0]);
    let (_, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(plan, usher_core::Plan::default(), "nobody is there who could be made less");
    assert_eq!(github.world().account(7).member, None);
}

#[tokio::test]
async fn case_10_a_managed_user_is_added_and_never_invited_and_an_unknown_one_is_refused_with_the_reason() {
    // By the login, in an organisation that nobody called managed.
    let github = Github::start().await;
    github.world().managed = true;
    github.world().put(7, "ada_acme", ADA).saml = Some(ADA.to_owned());
    let reached = github.reach(ADA, &hold([role("member"), team("engineering")])).await;
    assert_eq!(reached.actions(), ["add-member", "join-team"]);
    assert_eq!(*reached.seen.hold(&team("engineering")), Hold::Present);
    assert!(reached.plans[0].actions.iter().all(|action| !action.notifies_person));
    // By GitHub's answer.
    let refusal = github.refusal("grace@example.com", &hold([role("member")])).await;
    assert_eq!(refusal.kind, RefusalKind::ManagedElsewhere);
    assert!(refusal.sentence.contains("SCIM"), "{}", refusal.sentence);
    // By the setting: nothing is sent.
    let github = Github::with(json!({"managed_users": true})).await;
    let refusal = github.refusal(ADA, &hold([role("member")])).await;
    assert_eq!(refusal.kind, RefusalKind::ManagedElsewhere);
    assert_eq!(github.changes(), [""; 0]);
}

#[tokio::test]
async fn case_11_a_403_of_a_team_that_an_identity_provider_backs_is_a_refusal_and_no_rate_limit() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member");
    let refusal = github.refusal(ADA, &hold([role("member"), team("backed")])).await;
    assert_eq!(refusal.kind, RefusalKind::ManagedElsewhere);
    assert_eq!(github.changes().len(), 1, "it is not sent again");
}

#[tokio::test]
async fn case_12_a_secondary_limit_without_headers_is_a_limit_and_not_a_refusal() {
    let github = Github::start().await;
    let limit = json!({"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."});
    let goal = hold([role("member")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    github.world().instead("POST /orgs/acme/invitations", Instead::Answer(403, limit));
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    let Remedy::Throttled { after: Some(after) } = fault.remedy else { panic!("{fault}") };
    assert_eq!(after.as_secs(), 60);
    // Nothing more goes out to it for that minute, so that another one shows what comes of a primary limit, which says when it ends.
    let github = Github::start().await;
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    let headers = Instead::With(
        403,
        "x-ratelimit-remaining",
        "0".to_owned(),
        json!({"message": "API rate limit exceeded"}),
    );
    github.world().instead("POST /orgs/acme/invitations", headers);
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    assert!(matches!(fault.remedy, Remedy::Throttled { .. }), "{fault}");
    assert_eq!(github.changes().len(), 1);
}

#[tokio::test]
async fn case_13_a_404_on_removal_is_no_fault_and_no_proof() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member").teams.insert(ENGINEERING);
    let goal = release([role("member"), team("engineering")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(names(&plan), ["remove-member"]);
    github
        .world()
        .instead("DELETE /orgs/acme/memberships", Instead::Answer(404, json!({"message": "Not Found"})));
    github.apply(ADA, &seen, &plan).await.unwrap();
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Present, "the reading decides");
    assert_eq!(names(&plan), ["remove-member"]);
}

#[tokio::test]
async fn case_13_an_invitation_to_an_address_is_cancelled_by_its_id() {
    let github = Github::start().await;
    let goal = hold([role("member"), team("engineering")]);
    let known = github.reach(ADA, &goal).await.known;
    let goal = release([role("member"), team("engineering")]);
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(names(&plan), ["cancel-invitation"]);
    assert_eq!(plan.actions[0].takes, goal.release);
    github.apply(ADA, &seen, &plan).await.unwrap();
    assert_eq!(github.world().open().count(), 0);
    let id = &known.handles["invitation_id"];
    assert_eq!(github.changes()[1], format!("DELETE /orgs/acme/invitations/{id}"));
}

#[tokio::test]
async fn case_13_rule_23_a_cancelling_that_finds_no_invitation_is_looked_into_and_proves_nothing() {
    let github = Github::start().await;
    let known = github.reach(ADA, &hold([role("member")])).await.known;
    let goal = release([role("member")]);
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    // Accepted meanwhile, by an account that nobody can tell.
    github.world().put(7, "a-private-login", "private@example.net");
    let id = known.handles["invitation_id"].parse().unwrap();
    github.world().accept(id, 7);
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::Yes, Remedy::ReadBack));
    let (seen, plan) = github.look(ADA, &known, &goal).await;
    assert_eq!(*seen.hold(&role("member")), Hold::Unreadable);
    assert_eq!((plan.actions.len(), plan.refused[0].1.kind), (0, RefusalKind::Unresolvable));
}

#[tokio::test]
async fn case_14_an_installation_token_that_lapses_in_the_middle_is_replaced() {
    let github = Github::start().await;
    let goal = hold([role("member")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    assert_eq!(github.world().issued, 1);
    github.world().revoked = 1;
    github.apply(ADA, &seen, &plan).await.unwrap();
    assert_eq!(github.world().issued, 2);
    assert_eq!(github.world().open().count(), 1);
}

#[tokio::test]
async fn case_14_a_token_is_renewed_before_it_ends_and_a_clock_that_drifts_a_minute_does_no_harm() {
    let github = Github::start().await;
    github.look(ADA, &Known::default(), &hold([role("member")])).await;
    // 58 minutes are fine, 59 and a half are renewed.
    github.set_clock("2026-11-24T08:58:00Z");
    github.look(ADA, &Known::default(), &hold([role("member")])).await;
    assert_eq!(github.world().issued, 1);
    github.world().now = "2026-11-24T08:59:30Z".to_owned();
    github.world().token_ends = "2026-11-24T09:59:30Z".to_owned();
    github.set_clock("2026-11-24T08:59:30Z");
    github.look(ADA, &Known::default(), &hold([role("member")])).await;
    assert_eq!(github.world().issued, 2);
    let sent = github.world().headers.clone();
    let claims = sent.iter().filter_map(|headers| {
        crate::support::keys::KEY.claims(headers["authorization"].strip_prefix("Bearer ")?)
    });
    let claims: Vec<_> = claims.collect();
    assert_eq!(claims.len(), 2);
    for (claims, now) in claims.iter().zip([1_795_507_200_i64, 1_795_510_770]) {
        assert_eq!(claims["iat"], now - 60, "a GitHub whose clock is a minute late takes it");
        // A GitHub whose clock is a minute late must not see more than ten minutes.
        assert!(claims["exp"].as_i64().unwrap() - (now - 60) < 600);
    }
}

#[tokio::test]
async fn case_15_on_enterprise_server_an_account_is_added_at_once_and_nobody_is_invited() {
    let github = Github::at("/api/v3", json!({"identify_by": ["saml", "invite-by-email"]})).await;
    github.world().has_saml = true;
    github.world().put(7, "ada", ADA).saml = Some(ADA.to_owned());
    let reached = github.reach(ADA, &hold([role("member"), team("engineering")])).await;
    assert_eq!(reached.actions(), ["add-member", "join-team"]);
    assert_eq!(*reached.seen.hold(&role("member")), Hold::Present);
    let refusal = github.refusal("grace@example.com", &hold([role("member")])).await;
    assert_eq!(refusal.kind, RefusalKind::Unresolvable);
    github.reach(ADA, &release([role("member"), team("engineering")])).await;
    assert_eq!(github.world().account(7).member, None);
    let requests = github.world().requests.clone();
    assert!(requests.contains(&"POST /api/graphql".to_owned()), "{requests:?}");
    assert!(requests.contains(&format!("POST /api/v3/app/installations/{INSTALLATION}/access_tokens")));
    assert!(
        !requests.iter().any(|sent| sent.contains("invitations") && !sent.contains("/app/")),
        "{requests:?}"
    );
    assert!(!github.connection.capabilities().invites);
}

#[test]
fn case_15_each_kind_of_address_is_a_connection_of_its_own() {
    for (base, tenant) in [
        (None, "https://api.github.com/orgs/acme"),
        (Some("https://git.acme.example/api/v3"), "https://git.acme.example/api/v3/orgs/acme"),
        (Some("https://git.acme.example/api/v3/"), "https://git.acme.example/api/v3/orgs/acme"),
        (Some("https://api.acme.ghe.com"), "https://api.acme.ghe.com/orgs/acme"),
    ] {
        let connection = GithubOrg.build(settings(&json!({})), unused_ports(base)).unwrap();
        assert_eq!(connection.tenant(), tenant);
        assert_eq!(connection.capabilities().invites, base.is_none());
        assert!(GithubOrg.capabilities().counts_invited);
    }
}
