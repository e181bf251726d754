//! The search, which is not exact and not up to date.

use std::time::Duration;

use serde_json::{Value, json};
use usher_sandbox::zendesk::UserSeed;

use crate::desk::Desk;

fn emails(found: &[Value]) -> Vec<&str> {
    found.iter().map(|user| user["email"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_for_an_address_also_hits_others_that_contain_it() {
    let desk = Desk::start().await;
    for address in ["joann@example.com", "ann@example.com", "ann@example.com.au", "ben@example.com"] {
        desk.seed(UserSeed::end_user(address));
    }
    let wanted = ["joann@example.com", "ann@example.com", "ann@example.com.au"];
    assert_eq!(emails(&desk.search("email:ann@example.com").await), wanted);
    assert_eq!(emails(&desk.search("ANN@example.com").await), wanted);
    assert_eq!(emails(&desk.search("email:\"ben@example.com\"").await), ["ben@example.com"]);
}

#[tokio::test]
async fn a_secondary_address_finds_its_user_whose_email_is_another() {
    let desk = Desk::start().await;
    let secondary = vec!["a.old@example.com".to_owned()];
    let id = desk.seed(UserSeed { secondary, ..UserSeed::end_user("ann@example.com") });
    assert_eq!(emails(&desk.search("email:a.old@example.com").await), ["ann@example.com"]);
    let identities = desk.get(&format!("/api/v2/users/{id}/identities")).await.body;
    assert_eq!(identities["count"], json!(2));
}

#[tokio::test]
async fn deleted_and_suspended_users_are_hits() {
    let desk = Desk::start().await;
    desk.seed(UserSeed { active: false, ..UserSeed::end_user("gone@example.com") });
    desk.seed(UserSeed { suspended: true, ..UserSeed::end_user("held@example.com") });
    assert_eq!(desk.search("email:gone@example.com").await[0]["active"], json!(false));
    assert_eq!(desk.search("email:held@example.com").await[0]["suspended"], json!(true));
}

#[tokio::test]
async fn a_created_user_is_found_by_id_at_once_and_by_search_after_the_lag() {
    let desk = Desk::start().await;
    desk.sandbox.configure_zendesk(|settings| settings.search_lag_ms = 180_000);
    let body = json!({"user": {"name": "Ann", "email": "ann@example.com"}});
    let id = desk.post("/api/v2/users", body).await.body["user"]["id"].as_u64().unwrap();
    assert!(desk.search("email:ann@example.com").await.is_empty());
    assert_eq!(desk.get(&format!("/api/v2/users/{id}")).await.status, 200);
    desk.sandbox.clock().advance(Duration::from_secs(179));
    assert!(desk.search("email:ann@example.com").await.is_empty());
    desk.sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(desk.search("email:ann@example.com").await.len(), 1);
}

#[tokio::test]
async fn a_changed_address_is_found_after_the_lag_and_a_hit_shows_the_present_role() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    desk.sandbox.configure_zendesk(|settings| settings.search_lag_ms = 60_000);
    desk.update(id, json!({"email": "new@example.com", "role": "agent"})).await;
    assert!(desk.search("email:new@example.com").await.is_empty());
    assert_eq!(desk.search("email:ann@example.com").await[0]["role"], json!("agent"));
    desk.sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(desk.search("email:new@example.com").await.len(), 1);
}

#[tokio::test]
async fn hits_come_in_pages_by_offset() {
    let desk = Desk::start().await;
    for number in 0..5 {
        desk.seed(UserSeed::end_user(&format!("user{number}@many.example")));
    }
    let page = desk.get("/api/v2/users/search.json?query=many.example&per_page=2").await.body;
    assert_eq!((&page["count"], page["users"].as_array().unwrap().len()), (&json!(5), 2));
    let next =
        page["next_page"].as_str().unwrap().strip_prefix(&desk.sandbox.zendesk_url()).unwrap().to_owned();
    let page = desk.get(&next).await.body;
    assert_eq!(page["users"][0]["email"], json!("user2@many.example"));
    let page = desk.get("/api/v2/users/search?query=many.example&per_page=2&page=3").await.body;
    assert_eq!((&page["next_page"], page["users"].as_array().unwrap().len()), (&Value::Null, 1));
}

#[tokio::test]
async fn a_plus_that_was_not_encoded_is_a_space() {
    let desk = Desk::start().await;
    desk.seed(UserSeed::end_user("ann+test@example.com"));
    desk.seed(UserSeed::end_user("ann.test@example.com"));
    let raw = desk.get("/api/v2/users/search?query=email:ann+test@example.com").await.body;
    let encoded = desk.get("/api/v2/users/search?query=email:ann%2Btest@example.com").await.body;
    assert_eq!((&raw["count"], &encoded["count"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn an_external_id_is_searched_for_exactly() {
    let desk = Desk::start().await;
    desk.seed(UserSeed { external_id: Some("E-1".to_owned()), ..UserSeed::end_user("ann@example.com") });
    desk.seed(UserSeed { external_id: Some("E-17".to_owned()), ..UserSeed::end_user("ben@example.com") });
    let found = desk.get("/api/v2/users/search?external_id=E-1").await.body;
    assert_eq!((&found["count"], &found["users"][0]["email"]), (&json!(1), &json!("ann@example.com")));
}
