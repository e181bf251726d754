//! GitHub: accounts, members and their roles.

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::github::{AccountSeed, OrgRole, Saml};

use crate::desk::{Answer, Desk};

const ANN: &str = "ann@example.com";

async fn get(desk: &Desk, path: &str) -> Answer {
    desk.github(Method::GET, path, None).await
}

async fn set_role(desk: &Desk, login: &str, role: &str) -> Answer {
    desk.github(Method::PUT, &format!("/orgs/acme/memberships/{login}"), Some(json!({"role": role}))).await
}

async fn remove(desk: &Desk, login: &str) -> Answer {
    desk.github(Method::DELETE, &format!("/orgs/acme/memberships/{login}"), None).await
}

#[tokio::test]
async fn an_account_is_found_by_login_in_any_case_and_by_id() {
    let desk = Desk::start().await;
    let id = desk.sandbox.seed_account(AccountSeed::outside("Ann-Lee", ANN)).unwrap();
    for path in ["/users/ann-lee".to_owned(), "/users/ANN-LEE".to_owned(), format!("/user/{id}")] {
        let shown = get(&desk, &path).await;
        assert_eq!(
            (shown.status, &shown.body["login"], &shown.body["id"]),
            (200, &json!("Ann-Lee"), &json!(id))
        );
        assert_eq!(shown.body["email"], Value::Null, "only the public profile's");
    }
    assert_eq!(get(&desk, "/users/nobody").await.status, 404);
    assert_eq!(get(&desk, "/user/1").await.status, 404);
}

#[tokio::test]
async fn a_renamed_account_is_found_by_its_id_and_new_login_alone() {
    let desk = Desk::start().await;
    let id = desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    desk.sandbox.rename_account("ann", "ann-lee").unwrap();
    assert_eq!(get(&desk, "/users/ann").await.status, 404);
    assert_eq!(get(&desk, "/orgs/acme/memberships/ann").await.status, 404);
    assert_eq!(get(&desk, &format!("/user/{id}")).await.body["login"], json!("ann-lee"));
    assert_eq!(get(&desk, "/orgs/acme/memberships/ann-lee").await.body["state"], json!("active"));
    let effects = desk.sandbox.effects_on(ANN);
    assert_eq!((effects[0].what.as_str(), effects[0].call), ("login ann -> ann-lee", 0));
    assert!(desk.sandbox.rename_account("ann-lee", "olive-owner").is_err(), "taken");
}

#[tokio::test]
async fn a_membership_says_state_role_user_and_organisation() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    desk.sandbox.seed_account(AccountSeed::outside("ben", "ben@example.com")).unwrap();
    let shown = get(&desk, "/orgs/ACME/memberships/Ann").await.body;
    assert_eq!((&shown["state"], &shown["role"]), (&json!("active"), &json!("member")));
    assert_eq!((&shown["user"]["login"], &shown["organization"]["login"]), (&json!("ann"), &json!("acme")));
    assert_eq!(get(&desk, "/orgs/acme/memberships/ben").await.status, 404);
    assert_eq!(get(&desk, "/orgs/other/memberships/ann").await.status, 404);
}

#[tokio::test]
async fn members_are_listed_by_role_in_pages_with_links() {
    let desk = Desk::start().await;
    for name in ["ann", "ben", "cyd", "dan"] {
        let email = format!("{name}@example.com");
        desk.sandbox.seed_account(AccountSeed::member(name, &email)).unwrap();
    }
    let owners = get(&desk, "/orgs/acme/members?role=admin").await;
    assert_eq!(owners.body.as_array().unwrap().len(), 1);
    assert_eq!((&owners.body[0]["login"], owners.header("link")), (&json!("olive-owner"), None));
    let mut path = "/orgs/acme/members?role=member&per_page=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = get(&desk, &path).await;
        seen.extend(page.body.as_array().unwrap().iter().map(|user| user["login"].clone()));
        let Some(links) = page.header("link") else { break };
        let next = links.split(", ").find(|link| link.ends_with("rel=\"next\""));
        let Some(next) = next else { break };
        let url = next.split_once('>').unwrap().0.trim_start_matches('<');
        path = url.strip_prefix(&desk.sandbox.github_url()).unwrap().to_owned();
        assert!(path.contains("role=member"), "{path}");
    }
    assert_eq!(json!(seen), json!(["ann", "ben", "cyd", "dan"]));
    assert_eq!(get(&desk, "/orgs/acme/members?role=king").await.status, 422);
}

#[tokio::test]
async fn a_members_role_is_altered_and_one_that_is_held_is_no_effect() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    let set = set_role(&desk, "ann", "admin").await;
    assert_eq!((set.status, &set.body["role"], &set.body["state"]), (200, &json!("admin"), &json!("active")));
    set_role(&desk, "ann", "admin").await;
    assert_eq!(desk.happened(), ["role member -> admin"]);
    assert_eq!(set_role(&desk, "ann", "direct_member").await.status, 422, "that is an invitation's");
    assert_eq!(set_role(&desk, "nobody", "member").await.status, 404);
}

#[tokio::test]
async fn the_last_owner_is_neither_demoted_nor_removed() {
    let desk = Desk::start().await;
    assert_eq!(set_role(&desk, "olive-owner", "member").await.status, 403);
    assert_eq!(remove(&desk, "olive-owner").await.status, 403);
    desk.sandbox.seed_account(AccountSeed::owner("ann", ANN)).unwrap();
    assert_eq!(remove(&desk, "olive-owner").await.status, 204);
    assert_eq!(remove(&desk, "ann").await.status, 403);
}

#[tokio::test]
async fn a_removed_member_loses_the_teams_and_is_404_after() {
    let desk = Desk::start().await;
    desk.sandbox.seed_team(usher_sandbox::TeamSeed::named("engineering")).unwrap();
    let teams = [("engineering".to_owned(), Default::default())].into();
    desk.sandbox.seed_account(AccountSeed { teams, ..AccountSeed::member("ann", ANN) }).unwrap();
    assert_eq!(remove(&desk, "ANN").await.status, 204);
    assert_eq!(remove(&desk, "ann").await.status, 404);
    assert_eq!(desk.happened(), ["removed from the organisation; team -engineering"]);
    assert_eq!(desk.sandbox.account("ann").unwrap().member, None);
}

#[tokio::test]
async fn somebody_outside_is_invited_and_the_pending_membership_takes_a_later_role() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    let set = set_role(&desk, "ann", "member").await;
    assert_eq!((set.status, &set.body["state"]), (200, &json!("pending")));
    set_role(&desk, "ann", "member").await;
    assert_eq!(desk.happened(), ["invited as member"], "once");
    assert_eq!(set_role(&desk, "ann", "admin").await.body["role"], json!("admin"));
    assert_eq!(get(&desk, "/orgs/acme/memberships/ann").await.body["state"], json!("pending"));
    assert_eq!(desk.sandbox.account("ann").unwrap().member, None, "an invitation is no access");
    desk.sandbox.accept_invitation("ann").unwrap();
    assert_eq!(get(&desk, "/orgs/acme/memberships/ann").await.body["role"], json!("admin"));
    assert_eq!(desk.sandbox.account_of(ANN).unwrap().member, Some(OrgRole::Admin));
}

#[tokio::test]
async fn removing_somebody_who_is_invited_cancels_the_invitation() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    set_role(&desk, "ann", "member").await;
    assert_eq!(remove(&desk, "ann").await.status, 204);
    assert_eq!(remove(&desk, "ann").await.status, 404);
    assert!(desk.sandbox.accept_invitation("ann").is_err());
    assert_eq!(desk.happened(), ["invited as member", "invitation cancelled"]);
}

#[tokio::test]
async fn enterprise_server_adds_at_once_and_knows_no_invitations() {
    let desk = Desk::start().await;
    desk.sandbox.configure_github(|settings| settings.enterprise_server = true);
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    let path = "/api/v3/orgs/acme/memberships/ann";
    let set = desk.github(Method::PUT, path, Some(json!({"role": "member"}))).await;
    assert_eq!((set.status, &set.body["state"]), (200, &json!("active")));
    assert_eq!(get(&desk, "/api/v3/orgs/acme/invitations").await.status, 404);
    let query = json!({"query": "{ organization(login: \"acme\") { login } }"});
    let told = desk.github(Method::POST, "/api/graphql", Some(query)).await;
    assert_eq!(told.body, json!({"data": {"organization": {"login": "acme"}}}));
}

#[tokio::test]
async fn managed_users_are_added_and_cannot_be_invited() {
    let desk = Desk::start().await;
    desk.sandbox.configure_github(|settings| {
        settings.managed_users = true;
        settings.saml = Saml::Enterprise;
    });
    desk.sandbox
        .seed_account(AccountSeed { managed: true, ..AccountSeed::outside("ann_acme", ANN) })
        .unwrap();
    desk.sandbox.seed_account(AccountSeed::outside("ben", "ben@example.com")).unwrap();
    assert_eq!(set_role(&desk, "ann_acme", "member").await.body["state"], json!("active"));
    assert_eq!(set_role(&desk, "ben", "member").await.status, 422);
    let body = json!({"email": "cyd@example.com"});
    let refused = desk.github(Method::POST, "/orgs/acme/invitations", Some(body)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains("SCIM"));
    assert_eq!(desk.happened(), ["joined as member"]);
}

#[tokio::test]
async fn the_plan_says_how_many_seats_there_are_and_without_one_nobody_comes_in() {
    let desk = Desk::start().await;
    desk.sandbox.configure_github(|settings| settings.seats = Some(2));
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    desk.sandbox.seed_account(AccountSeed::outside("ben", "ben@example.com")).unwrap();
    let plan = async || get(&desk, "/orgs/acme").await.body["plan"].clone();
    assert_eq!((&plan().await["filled_seats"], &plan().await["seats"]), (&json!(1), &json!(2)));
    assert_eq!(set_role(&desk, "ann", "member").await.status, 200);
    assert_eq!(plan().await["filled_seats"], json!(2), "an invitation takes one");
    let refused = set_role(&desk, "ben", "member").await;
    assert_eq!((refused.status, &refused.body["errors"][0]["code"]), (422, &json!("no_seat")));
    remove(&desk, "ann").await;
    assert_eq!(set_role(&desk, "ben", "member").await.status, 200);
}
