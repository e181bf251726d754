//! GitHub: invitations, their acceptance and their end.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::github::{AccountSeed, InvitationStatus, OrgRole, TeamRole};
use usher_sandbox::{Operation, TeamSeed, Vendor};

use crate::desk::{Answer, Desk};

const ANN: &str = "ann@example.com";

async fn invite(desk: &Desk, body: Value) -> Answer {
    desk.github(Method::POST, "/orgs/acme/invitations", Some(body)).await
}

async fn listed(desk: &Desk, path: &str) -> Vec<Value> {
    let answer = desk.github(Method::GET, path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.as_array().unwrap().clone()
}

async fn team_id(desk: &Desk, slug: &str) -> u64 {
    let team = desk.github(Method::GET, &format!("/orgs/acme/teams/{slug}"), None).await.body;
    team["id"].as_u64().unwrap()
}

#[tokio::test]
async fn an_invitation_by_address_with_a_team_waits_until_its_bearer_accepts() {
    let desk = Desk::start().await;
    desk.sandbox.seed_team(TeamSeed::named("engineering")).unwrap();
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    let team = team_id(&desk, "engineering").await;
    let made = invite(&desk, json!({"email": ANN, "role": "direct_member", "team_ids": [team]})).await;
    assert_eq!((made.status, &made.body["email"], &made.body["login"]), (201, &json!(ANN), &Value::Null));
    assert_eq!((&made.body["role"], &made.body["team_count"]), (&json!("direct_member"), &json!(1)));
    let open = listed(&desk, "/orgs/acme/invitations").await;
    assert_eq!(open[0]["id"], made.body["id"]);
    let teams = listed(&desk, &format!("/orgs/acme/invitations/{}/teams", made.body["id"])).await;
    assert_eq!(teams[0]["slug"], json!("engineering"));
    let membership = desk.github(Method::GET, "/orgs/acme/memberships/ann", None).await;
    assert_eq!(membership.status, 404, "one by address is not shown under the login");
    assert_eq!(desk.sandbox.pending_invitations("Ann@Example.com").len(), 1);

    desk.sandbox.accept_invitation("ann").unwrap();
    let ann = desk.sandbox.account("ann").unwrap();
    assert_eq!((ann.member, ann.teams.get("engineering")), (Some(OrgRole::Member), Some(&TeamRole::Member)));
    assert!(listed(&desk, "/orgs/acme/invitations").await.is_empty());
    assert_eq!(desk.sandbox.invitations()[0].status, InvitationStatus::Accepted);
    let effects = desk.sandbox.effects_at(Vendor::Github, ANN);
    let words: Vec<_> = effects.iter().map(|effect| (effect.operation, effect.what.as_str())).collect();
    assert_eq!(
        words,
        [
            (Operation::CreateInvitation, "invited as member; invited to team engineering"),
            (Operation::AcceptInvitation, "invitation accepted; joined as member; team +engineering"),
        ]
    );
}

#[tokio::test]
async fn only_an_account_with_the_address_verified_may_accept() {
    let desk = Desk::start().await;
    let unverified = vec![ANN.to_owned()];
    desk.sandbox
        .seed_account(AccountSeed { unverified, ..AccountSeed::outside("ann", "a@home.example") })
        .unwrap();
    invite(&desk, json!({"email": ANN})).await;
    let refused = desk.sandbox.accept_invitation("ann").unwrap_err();
    assert!(refused.to_string().contains("verified"), "{refused}");
    assert!(desk.sandbox.accept_invitation("nobody").is_err());
    let emails = vec!["a@home.example".to_owned(), ANN.to_owned()];
    desk.sandbox.seed_account(AccountSeed { emails, ..AccountSeed::outside("ann", "") }).unwrap();
    desk.sandbox.accept_invitation("ann").unwrap();
    assert_eq!(desk.sandbox.account("ann").unwrap().member, Some(OrgRole::Member));
}

#[tokio::test]
async fn an_invitation_by_id_is_pending_under_the_login() {
    let desk = Desk::start().await;
    let id = desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    let made = invite(&desk, json!({"invitee_id": id, "role": "admin"})).await;
    assert_eq!((made.status, &made.body["login"], &made.body["email"]), (201, &json!("ann"), &Value::Null));
    let membership = desk.github(Method::GET, "/orgs/acme/memberships/ann", None).await.body;
    assert_eq!((&membership["state"], &membership["role"]), (&json!("pending"), &json!("admin")));
    assert_eq!(listed(&desk, "/orgs/acme/invitations?role=admin").await.len(), 1);
    assert_eq!(listed(&desk, "/orgs/acme/invitations?role=direct_member").await.len(), 0);
    assert_eq!(invite(&desk, json!({"invitee_id": 1})).await.status, 404);
}

#[tokio::test]
async fn a_second_invitation_is_a_second_mail_and_an_effect_of_its_own() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    invite(&desk, json!({"email": ANN})).await;
    invite(&desk, json!({"email": ANN})).await;
    assert_eq!(desk.happened(), ["invited as member", "invited as member"]);
    desk.sandbox.accept_invitation("ann").unwrap();
    assert!(desk.sandbox.pending_invitations(ANN).is_empty(), "the other one is gone with it");
}

#[tokio::test]
async fn what_makes_no_sense_is_422_and_says_why() {
    let desk = Desk::start().await;
    let ann = desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    desk.sandbox.seed_team(TeamSeed { idp_backed: true, ..TeamSeed::named("synced") }).unwrap();
    let blocks = AccountSeed { blocks_org: true, ..AccountSeed::outside("ben", "ben@example.com") };
    desk.sandbox.seed_account(blocks).unwrap();
    let synced = team_id(&desk, "synced").await;
    for (body, status, reason) in [
        (json!({"email": "Ann@Example.com"}), 422, "already a part of this organization"),
        (json!({"invitee_id": ann}), 422, "already a part of this organization"),
        (json!({"email": "ben@example.com"}), 422, "Validation Failed"),
        (json!({"email": "nobody"}), 422, "email is not valid"),
        (json!({}), 422, "invitee_id or email"),
        (json!({"email": "x@example.com", "role": "member"}), 422, "role"),
        (json!({"email": "x@example.com", "role": "reinstate"}), 422, "was not a member"),
        (json!({"email": "x@example.com", "team_ids": [1]}), 422, "team"),
        (json!({"email": "x@example.com", "team_ids": ["one"]}), 422, "expected u64"),
        (json!({"email": "x@example.com", "team_ids": [synced]}), 403, "external group backed team"),
    ] {
        let refused = invite(&desk, body.clone()).await;
        assert_eq!(refused.status, status, "{body}");
        assert!(refused.body.to_string().contains(reason), "{body}: {}", refused.body);
    }
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn an_invitation_is_cancelled_by_its_id_once() {
    let desk = Desk::start().await;
    let id = invite(&desk, json!({"email": ANN})).await.body["id"].clone();
    let path = format!("/orgs/acme/invitations/{id}");
    assert_eq!(desk.github(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(desk.github(Method::DELETE, &path, None).await.status, 404);
    assert_eq!(desk.github(Method::GET, &format!("{path}/teams"), None).await.status, 404);
    assert_eq!(desk.happened(), ["invited as member", "invitation cancelled"]);
    assert!(listed(&desk, "/orgs/acme/failed_invitations").await.is_empty());
    assert_eq!(desk.sandbox.effects_on(ANN).len(), 2);
}

#[tokio::test]
async fn an_invitation_lapses_after_seven_days_and_is_listed_as_failed() {
    let desk = Desk::start().await;
    let id = invite(&desk, json!({"email": ANN})).await.body["id"].clone();
    desk.sandbox.clock().advance(Duration::from_secs(7 * 24 * 3_600 - 1));
    assert_eq!(listed(&desk, "/orgs/acme/invitations").await.len(), 1);
    desk.sandbox.clock().advance(Duration::from_secs(1));
    assert!(listed(&desk, "/orgs/acme/invitations").await.is_empty());
    let failed = listed(&desk, "/orgs/acme/failed_invitations").await;
    assert_eq!((&failed[0]["id"], failed[0]["failed_at"].is_string()), (&id, true));
    assert!(failed[0]["failed_reason"].as_str().unwrap().contains("expired"));
    let path = format!("/orgs/acme/invitations/{id}");
    assert_eq!(desk.github(Method::DELETE, &path, None).await.status, 404, "after a failed one");
    let last = desk.sandbox.effects_on(ANN).pop().unwrap();
    assert_eq!((last.operation, last.what.as_str()), (Operation::LapseInvitation, "invitation lapsed"));
    assert_eq!(invite(&desk, json!({"email": ANN})).await.status, 201, "again");
}

#[tokio::test]
async fn that_an_invitation_lapsed_is_told_without_a_request() {
    let desk = Desk::start().await;
    invite(&desk, json!({"email": ANN})).await;
    desk.sandbox.clock().advance(Duration::from_hours(7 * 24));
    let effects = desk.sandbox.wait_for_effects(ANN, 2, crate::desk::SOON).await.unwrap();
    assert_eq!((effects[1].what.as_str(), effects[1].call), ("invitation lapsed", 0));
    assert_eq!(desk.sandbox.invitations()[0].status, InvitationStatus::Lapsed);
}

#[tokio::test]
async fn an_invitation_can_be_let_lapse_at_once() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    assert!(desk.sandbox.let_invitation_lapse(ANN).is_err(), "there is none");
    invite(&desk, json!({"email": ANN})).await;
    desk.sandbox.let_invitation_lapse(ANN).unwrap();
    assert!(desk.sandbox.accept_invitation("ann").is_err());
    assert_eq!(listed(&desk, "/orgs/acme/failed_invitations").await.len(), 1);
}

#[tokio::test]
async fn reinstating_brings_back_the_role_and_the_teams() {
    let desk = Desk::start().await;
    desk.sandbox.seed_team(TeamSeed::named("engineering")).unwrap();
    let teams = [("engineering".to_owned(), TeamRole::Maintainer)].into();
    desk.sandbox.seed_account(AccountSeed { teams, ..AccountSeed::member("ann", ANN) }).unwrap();
    desk.github(Method::DELETE, "/orgs/acme/memberships/ann", None).await;
    assert_eq!(invite(&desk, json!({"email": ANN, "role": "reinstate"})).await.status, 201);
    desk.sandbox.accept_invitation("ann").unwrap();
    let ann = desk.sandbox.account("ann").unwrap();
    assert_eq!(ann.teams.get("engineering"), Some(&TeamRole::Maintainer));
}

#[tokio::test]
async fn the_days_invitations_are_limited() {
    let desk = Desk::start().await;
    desk.sandbox.configure_github(|settings| settings.invitations_per_day = 1);
    assert_eq!(invite(&desk, json!({"email": ANN})).await.status, 201);
    let refused = invite(&desk, json!({"email": "ben@example.com"})).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.to_string().contains("Over invitation rate limit"));
    desk.sandbox.clock().advance(Duration::from_hours(24));
    assert_eq!(invite(&desk, json!({"email": "ben@example.com"})).await.status, 201);
}

#[tokio::test]
async fn invitations_come_in_pages() {
    let desk = Desk::start().await;
    for place in 0..31 {
        invite(&desk, json!({"email": format!("p{place}@example.com")})).await;
    }
    let first = desk.github(Method::GET, "/orgs/acme/invitations", None).await;
    assert_eq!(first.body.as_array().unwrap().len(), 30);
    assert!(first.header("link").unwrap().contains("page=2>; rel=\"next\""));
    assert_eq!(listed(&desk, "/orgs/acme/invitations?page=2").await.len(), 1);
    assert_eq!(listed(&desk, "/orgs/acme/invitations?per_page=100").await.len(), 31);
}
