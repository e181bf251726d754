//! Creating, updating and deleting users.

use std::time::Duration;

use serde_json::json;
use usher_sandbox::zendesk::UserSeed;
use usher_sandbox::{Operation, Role};

use crate::desk::Desk;

#[tokio::test]
async fn create_or_update_makes_an_end_user_where_no_role_is_named() {
    let desk = Desk::start().await;
    let body = json!({"user": {"name": "Ann", "email": "Ann@Example.com", "skip_verify_email": true}});
    let made = desk.post("/api/v2/users/create_or_update", body).await;
    assert_eq!((made.status, &made.body["user"]["role"]), (201, &json!("end-user")));
    let id = made.body["user"]["id"].as_u64().unwrap();
    assert!(id > 1_000_000_000_000, "ids are as large as Zendesk's");
    assert_eq!(desk.happened(), [format!("user {id} created as end-user")]);
    let effect = desk.sandbox.effects().remove(0);
    assert_eq!((effect.key.as_str(), effect.operation), ("ann@example.com", Operation::CreateOrUpdateUser));
}

#[tokio::test]
async fn create_or_update_finds_an_existing_user_by_address_whatever_the_case() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    let body = json!({"user": {"name": "Ann", "email": "ANN@example.com", "role": "agent"}});
    let found = desk.post("/api/v2/users/create_or_update.json", body).await;
    assert_eq!((found.status, found.body["user"]["id"].as_u64()), (200, Some(id)));
    assert_eq!(desk.sandbox.users("ann@example.com").len(), 1);
    assert_eq!(desk.sandbox.user("ann@example.com").unwrap().role, Role::Agent);
}

#[tokio::test]
async fn create_or_update_finds_an_existing_user_by_external_id_and_rewrites_its_case() {
    let desk = Desk::start().await;
    let seed = UserSeed { external_id: Some("E-17".to_owned()), ..UserSeed::end_user("ann@example.com") };
    let id = desk.seed(seed);
    let body = json!({"user": {"external_id": "e-17"}});
    let found = desk.post("/api/v2/users/create_or_update", body).await;
    assert_eq!((found.status, found.body["user"]["id"].as_u64()), (200, Some(id)));
    assert_eq!(desk.sandbox.user("ann@example.com").unwrap().external_id.as_deref(), Some("e-17"));
}

#[tokio::test]
async fn an_external_id_belongs_to_one_user() {
    let desk = Desk::start().await;
    desk.seed(UserSeed { external_id: Some("E-17".to_owned()), ..UserSeed::end_user("ann@example.com") });
    let ben = desk.seed(UserSeed::end_user("ben@example.com"));
    let refused = desk.update(ben, json!({"external_id": "e-17"})).await;
    assert_eq!(
        (refused.status, &refused.body["details"]["external_id"][0]["error"]),
        (422, &json!("DuplicateValue"))
    );
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn creating_with_an_address_that_is_taken_is_refused_also_where_it_is_a_secondary_one() {
    let desk = Desk::start().await;
    let seed = UserSeed {
        secondary: vec!["ann.old@example.com".to_owned()],
        ..UserSeed::end_user("ann@example.com")
    };
    desk.seed(seed);
    for address in ["ann@example.com", "Ann.Old@example.com"] {
        let refused = desk.post("/api/v2/users", json!({"user": {"name": "Other", "email": address}})).await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.body["details"]["email"][0]["error"], "DuplicateValue");
    }
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn a_new_user_needs_a_name() {
    let desk = Desk::start().await;
    let refused =
        desk.post("/api/v2/users/create_or_update", json!({"user": {"email": "ann@example.com"}})).await;
    assert_eq!((refused.status, &refused.body["error"]), (422, &json!("RecordInvalid")));
}

#[tokio::test]
async fn an_address_in_an_update_becomes_a_secondary_identity() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    let updated = desk.update(id, json!({"email": "ann.new@example.com"})).await;
    assert_eq!((updated.status, &updated.body["user"]["email"]), (200, &json!("ann@example.com")));
    let identities = desk.get(&format!("/api/v2/users/{id}/identities.json")).await.body;
    let held: Vec<_> = identities["identities"].as_array().unwrap().iter().collect();
    assert_eq!((&held[0]["value"], &held[0]["primary"]), (&json!("ann@example.com"), &json!(true)));
    assert_eq!((&held[1]["value"], &held[1]["primary"]), (&json!("ann.new@example.com"), &json!(false)));
    assert_eq!(desk.happened(), ["secondary identity +ann.new@example.com"]);
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_a_call_and_no_effect() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::agent("ann@example.com"));
    assert_eq!(desk.update(id, json!({"role": "agent", "suspended": false, "tags": []})).await.status, 200);
    assert!(desk.sandbox.effects().is_empty());
    let calls = desk.sandbox.calls();
    assert_eq!((calls.len(), calls[0].status), (1, Some(200)));
    assert_eq!(calls[0].subject.as_deref(), Some("ann@example.com"));
}

#[tokio::test]
async fn one_update_of_several_fields_is_one_effect() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::agent("ann@example.com"));
    desk.update(id, json!({"role": "end-user", "suspended": true})).await;
    assert_eq!(desk.happened(), ["role agent -> end-user; suspended"]);
    assert_eq!(desk.sandbox.effects()[0].changes.len(), 2);
}

#[tokio::test]
async fn the_sixth_update_of_one_user_in_a_minute_is_429_and_others_are_not_met() {
    let desk = Desk::start().await;
    let ann = desk.seed(UserSeed::end_user("ann@example.com"));
    let ben = desk.seed(UserSeed::end_user("ben@example.com"));
    for turn in 0..5 {
        assert_eq!(desk.update(ann, json!({"notes": format!("turn {turn}")})).await.status, 200);
    }
    desk.sandbox.clock().advance(Duration::from_secs(20));
    let refused = desk.update(ann, json!({"notes": "once more"})).await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("40")));
    assert_eq!(desk.update(ben, json!({"notes": "first"})).await.status, 200);
    assert_eq!(desk.sandbox.effects_on("ann@example.com").len(), 5);
    desk.sandbox.clock().advance(Duration::from_secs(40));
    assert_eq!(desk.update(ann, json!({"notes": "once more"})).await.status, 200);
}

#[tokio::test]
async fn the_accounts_limit_meets_every_request() {
    let desk = Desk::start().await;
    desk.sandbox.configure_zendesk(|settings| settings.requests_per_minute = Some(2));
    assert_eq!(desk.get("/api/v2/groups").await.status, 200);
    assert_eq!(desk.get("/api/v2/groups").await.status, 200);
    let refused = desk.get("/api/v2/groups").await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("60")));
    desk.sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(desk.get("/api/v2/groups").await.status, 200);
}

#[tokio::test]
async fn a_deleted_user_stays_readable_and_loses_the_seat_and_the_address() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::agent("ann@example.com"));
    let seats = desk.sandbox.seats_taken();
    assert_eq!(desk.delete(&format!("/api/v2/users/{id}")).await.body["user"]["active"], json!(false));
    assert_eq!(desk.get(&format!("/api/v2/users/{id}")).await.body["user"]["active"], json!(false));
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 404);
    assert_eq!(desk.delete(&format!("/api/v2/users/{id}")).await.status, 404);
    assert_eq!(desk.sandbox.seats_taken(), seats - 1);
    let again = json!({"user": {"name": "Ann", "email": "ann@example.com"}});
    let made = desk.post("/api/v2/users/create_or_update", again).await;
    assert_eq!(made.status, 201);
    assert_ne!(made.body["user"]["id"].as_u64(), Some(id));
    assert_eq!(desk.sandbox.users("ann@example.com").len(), 2);
}

#[tokio::test]
async fn the_owner_cannot_be_deleted_downgraded_or_suspended() {
    let desk = Desk::start().await;
    let owner = desk.get("/api/v2/users/me").await.body["user"]["id"].as_u64().unwrap();
    assert_eq!(desk.delete(&format!("/api/v2/users/{owner}")).await.status, 422);
    for fields in [json!({"role": "end-user"}), json!({"role": "agent"}), json!({"suspended": true})] {
        assert_eq!(desk.update(owner, fields).await.status, 422);
    }
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_malformed_is_400() {
    let desk = Desk::start().await;
    assert_eq!(desk.get("/api/v2/users/17").await.body["error"], "RecordNotFound");
    assert_eq!(desk.get("/api/v2/nothing").await.body["error"], "InvalidEndpoint");
    assert_eq!(desk.update(17, json!({"role": "agent"})).await.status, 404);
    assert_eq!(desk.post("/api/v2/users", json!({"name": "Ann"})).await.status, 400);
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    assert_eq!(desk.update(id, json!({"role": "boss"})).await.status, 422);
}
