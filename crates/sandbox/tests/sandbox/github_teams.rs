//! GitHub: teams and who is in them.

use reqwest::Method;
use serde_json::json;
use usher_sandbox::TeamSeed;
use usher_sandbox::github::{AccountSeed, InvitationStatus, TeamRole};

use crate::desk::{Answer, Desk};

const ANN: &str = "ann@example.com";

async fn started() -> Desk {
    let desk = Desk::start().await;
    for slug in ["engineering", "design"] {
        desk.sandbox.seed_team(TeamSeed::named(slug)).unwrap();
    }
    desk.sandbox.seed_team(TeamSeed { idp_backed: true, ..TeamSeed::named("synced") }).unwrap();
    desk
}

fn path(team: &str, login: &str) -> String {
    format!("/orgs/acme/teams/{team}/memberships/{login}")
}

async fn get(desk: &Desk, team: &str, login: &str) -> Answer {
    desk.github(Method::GET, &path(team, login), None).await
}

async fn put(desk: &Desk, team: &str, login: &str) -> Answer {
    desk.github(Method::PUT, &path(team, login), Some(json!({"role": "member"}))).await
}

async fn delete(desk: &Desk, team: &str, login: &str) -> Answer {
    desk.github(Method::DELETE, &path(team, login), None).await
}

#[tokio::test]
async fn teams_are_listed_and_shown_by_slug() {
    let desk = started().await;
    let listed = desk.github(Method::GET, "/orgs/acme/teams?per_page=2", None).await;
    assert_eq!((&listed.body[0]["slug"], &listed.body[1]["slug"]), (&json!("engineering"), &json!("design")));
    assert!(listed.header("link").unwrap().contains("rel=\"next\""));
    let shown = desk.github(Method::GET, "/orgs/acme/teams/Engineering", None).await;
    assert_eq!((shown.status, &shown.body["id"]), (200, &listed.body[0]["id"]));
    assert_eq!(shown.body["members_count"], json!(0));
    assert_eq!(desk.github(Method::GET, "/orgs/acme/teams/none", None).await.status, 404);
}

#[tokio::test]
async fn a_member_joins_at_once_and_leaves() {
    let desk = started().await;
    desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    assert_eq!(get(&desk, "engineering", "ann").await.status, 404);
    let joined = put(&desk, "engineering", "Ann").await;
    assert_eq!((joined.status, &joined.body["state"]), (200, &json!("active")));
    put(&desk, "engineering", "ann").await;
    let shown = get(&desk, "engineering", "ann").await.body;
    assert_eq!((&shown["role"], &shown["state"]), (&json!("member"), &json!("active")));
    assert_eq!(delete(&desk, "engineering", "ann").await.status, 204);
    assert_eq!(delete(&desk, "engineering", "ann").await.status, 404);
    assert_eq!(desk.happened(), ["team +engineering", "team -engineering"]);
}

#[tokio::test]
async fn a_maintainer_is_one_and_an_owner_is_always_shown_as_one() {
    let desk = started().await;
    desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    let body = Some(json!({"role": "maintainer"}));
    let made = desk.github(Method::PUT, &path("engineering", "ann"), body).await;
    assert_eq!(made.body["role"], json!("maintainer"));
    assert_eq!(desk.happened(), ["team +engineering as maintainer"]);
    assert_eq!(put(&desk, "engineering", "olive-owner").await.body["role"], json!("maintainer"));
    let body = Some(json!({"role": "king"}));
    assert_eq!(desk.github(Method::PUT, &path("engineering", "ann"), body).await.status, 422);
}

#[tokio::test]
async fn somebody_outside_is_invited_and_joins_with_the_acceptance() {
    let desk = started().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    assert_eq!(put(&desk, "engineering", "ann").await.body["state"], json!("pending"));
    assert_eq!(put(&desk, "design", "ann").await.body["state"], json!("pending"));
    assert_eq!(desk.sandbox.pending_invitations("ann").len(), 1, "the second team is in the same invitation");
    assert_eq!(get(&desk, "design", "ann").await.body["state"], json!("pending"));
    assert_eq!(desk.happened(), ["invited as member; invited to team engineering", "invited to team design"]);
    desk.sandbox.accept_invitation("ann").unwrap();
    assert_eq!(get(&desk, "design", "ann").await.body["state"], json!("active"));
    assert_eq!(desk.sandbox.account("ann").unwrap().teams.len(), 2);
}

#[tokio::test]
async fn taking_the_team_out_of_an_invitation_leaves_the_invitation() {
    let desk = started().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    put(&desk, "engineering", "ann").await;
    assert_eq!(delete(&desk, "engineering", "ann").await.status, 204);
    assert_eq!(get(&desk, "engineering", "ann").await.status, 404);
    let left = &desk.sandbox.invitations()[0];
    assert_eq!((left.status, left.teams.len()), (InvitationStatus::Pending, 0));
}

#[tokio::test]
async fn a_team_that_a_group_backs_is_403_and_no_limit() {
    let desk = started().await;
    let teams = [("synced".to_owned(), TeamRole::Member)].into();
    desk.sandbox.seed_account(AccountSeed { teams, ..AccountSeed::member("ann", ANN) }).unwrap();
    for refused in [put(&desk, "synced", "ann").await, delete(&desk, "synced", "ann").await] {
        assert_eq!(refused.status, 403);
        assert!(refused.body["message"].as_str().unwrap().contains("external group backed team"));
        assert_ne!(refused.header("x-ratelimit-remaining"), Some("0"));
    }
    assert_eq!(get(&desk, "synced", "ann").await.body["state"], json!("active"));
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn who_or_what_is_not_there_is_404() {
    let desk = started().await;
    desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    for (team, login) in [("none", "ann"), ("engineering", "nobody")] {
        assert_eq!(get(&desk, team, login).await.status, 404);
        assert_eq!(put(&desk, team, login).await.status, 404);
        assert_eq!(delete(&desk, team, login).await.status, 404);
    }
    assert_eq!(desk.github(Method::GET, "/orgs/acme/repos", None).await.status, 404);
}
