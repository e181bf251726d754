//! The directory: its search, its operations, and roles that are replaced.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::directory::{OperationState, PersonSeed};
use usher_sandbox::{Operation, Vendor};

use crate::desk::{Answer, Desk, answer};

const ADA: &str = "ada@example.com";

async fn get(desk: &Desk, path: &str) -> Answer {
    desk.directory(Method::GET, path, None).await
}

async fn create(desk: &Desk, body: Value) -> Answer {
    desk.directory(Method::POST, "/api/users", Some(body)).await
}

/// The path of the operation that this answer names.
fn operation(desk: &Desk, made: &Answer) -> String {
    made.header("location").unwrap().strip_prefix(&desk.sandbox.directory_url()).unwrap().to_owned()
}

fn emails(page: &Answer) -> Value {
    page.body["users"].as_array().unwrap().iter().map(|user| user["email"].clone()).collect()
}

#[tokio::test]
async fn a_search_hits_parts_of_addresses_and_names_in_any_case() {
    let desk = Desk::start().await;
    desk.sandbox.seed_person(PersonSeed::with_roles("Ada@example.com", &["auditor"])).unwrap();
    desk.sandbox.seed_person(PersonSeed::with_roles("nevada@example.com", &[])).unwrap();
    let named =
        PersonSeed { given_name: Some("Adam".to_owned()), ..PersonSeed::with_roles("x@y.example", &[]) };
    desk.sandbox.seed_person(named).unwrap();
    let found = get(&desk, "/api/users?search=ADA").await;
    assert_eq!(emails(&found), json!(["Ada@example.com", "nevada@example.com", "x@y.example"]));
    assert_eq!(found.body["pages"], json!(1));
    let ada = &found.body["users"][0];
    assert_eq!((&ada["roles"], &ada["given_name"]), (&json!(["auditor"]), &Value::Null));
    assert!(ada["id"].is_string());
    let exact = get(&desk, "/api/users?search=ada%40example.com").await;
    assert_eq!(
        emails(&exact),
        json!(["Ada@example.com", "nevada@example.com"]),
        "an address is a part as well"
    );
    assert_eq!(get(&desk, "/api/users?search=nobody").await.body, json!({"pages": 0, "users": []}));
}

#[tokio::test]
async fn hits_come_in_pages_of_the_size_that_was_asked_for() {
    let desk = Desk::start().await;
    for name in ["a", "b", "c"] {
        desk.sandbox.seed_person(PersonSeed::with_roles(&format!("{name}@example.com"), &[])).unwrap();
    }
    let second = get(&desk, "/api/users?search=example&page=2&size=2").await;
    assert_eq!((emails(&second), &second.body["pages"]), (json!(["c@example.com"]), &json!(2)));
    for wrong in ["page=0", "size=0", "size=101", "page=one", "per_page=2"] {
        assert_eq!(get(&desk, &format!("/api/users?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_person_is_there_when_the_operation_has_been_asked_for_often_enough() {
    let desk = Desk::start().await;
    desk.sandbox.configure_directory(|settings| settings.polls_until_done = Some(2));
    let made = create(&desk, json!({"email": ADA, "given_name": "Ada", "roles": ["editor"]})).await;
    assert_eq!(made.status, 202);
    let path = operation(&desk, &made);
    assert_eq!(get(&desk, &path).await.body["state"], json!("running"));
    assert!(desk.sandbox.person(ADA).is_none() && desk.sandbox.effects().is_empty());
    assert_eq!(get(&desk, &path).await.body["state"], json!("done"));
    assert_eq!(desk.sandbox.person(ADA).unwrap().roles, ["editor"]);
    let effects = desk.sandbox.effects_at(Vendor::Directory, ADA);
    assert_eq!((effects.len(), effects[0].operation), (1, Operation::CreatePerson));
    assert!(effects[0].what.ends_with("created; role +editor"), "{}", effects[0].what);
    assert_eq!(get(&desk, &path).await.body["state"], json!("done"), "once");
    assert_eq!(desk.sandbox.effects().len(), 1);
}

#[tokio::test]
async fn an_operation_can_be_done_at_once_or_wait_for_control_or_fail() {
    let desk = Desk::start().await;
    desk.sandbox.configure_directory(|settings| settings.polls_until_done = Some(0));
    create(&desk, json!({"email": ADA, "roles": []})).await;
    assert!(desk.sandbox.person(ADA).is_some());
    desk.sandbox.configure_directory(|settings| settings.polls_until_done = None);
    let made = create(&desk, json!({"email": "ben@example.com", "roles": []})).await;
    let path = operation(&desk, &made);
    for _ in 0..3 {
        assert_eq!(get(&desk, &path).await.body["state"], json!("running"));
    }
    assert_eq!(desk.sandbox.finish_operations(OperationState::Failed), Ok(1));
    assert_eq!(get(&desk, &path).await.body["state"], json!("failed"));
    assert!(desk.sandbox.person("ben@example.com").is_none());
    assert!(desk.sandbox.finish_operations(OperationState::Running).is_err());
    assert_eq!(get(&desk, "/api/operations/1").await.status, 404);
}

#[tokio::test]
async fn two_operations_for_one_address_make_one_person() {
    let desk = Desk::start().await;
    let first = create(&desk, json!({"email": ADA, "roles": []})).await;
    let second = create(&desk, json!({"email": "Ada@Example.com", "roles": []})).await;
    assert_eq!(get(&desk, &operation(&desk, &second)).await.body["state"], json!("done"));
    assert_eq!(get(&desk, &operation(&desk, &first)).await.body["state"], json!("failed"));
    assert_eq!(create(&desk, json!({"email": ADA, "roles": []})).await.status, 409);
    assert_eq!(desk.sandbox.effects().len(), 1);
}

#[tokio::test]
async fn a_put_replaces_the_list_of_roles() {
    let desk = Desk::start().await;
    desk.sandbox.seed_person(PersonSeed::with_roles(ADA, &["auditor", "viewer"])).unwrap();
    let id = desk.sandbox.person(ADA).unwrap().id;
    let path = format!("/api/users/{id}/roles");
    let put = desk.directory(Method::PUT, &path, Some(json!({"roles": ["editor", "viewer"]}))).await;
    assert_eq!((put.status, &put.body["roles"]), (200, &json!(["editor", "viewer"])));
    assert_eq!(desk.happened(), ["role -auditor; role +editor"]);
    desk.directory(Method::PUT, &path, Some(json!({"roles": ["viewer", "editor"]}))).await;
    assert_eq!(desk.sandbox.effects().len(), 1, "the same in another order is no change");
    let nobody = desk.directory(Method::PUT, "/api/users/1/roles", Some(json!({"roles": []}))).await;
    assert_eq!(nobody.status, 404);
}

#[tokio::test]
async fn a_removal_is_at_once_or_takes_its_time() {
    let desk = Desk::start().await;
    desk.sandbox.seed_person(PersonSeed::with_roles(ADA, &["viewer"])).unwrap();
    desk.sandbox.seed_person(PersonSeed::with_roles("ben@example.com", &[])).unwrap();
    let path = format!("/api/users/{}", desk.sandbox.person(ADA).unwrap().id);
    assert_eq!(desk.directory(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(desk.directory(Method::DELETE, &path, None).await.status, 404);
    desk.sandbox.configure_directory(|settings| settings.delete_takes_ms = Some(5_000));
    let path = format!("/api/users/{}", desk.sandbox.person("ben@example.com").unwrap().id);
    assert_eq!(desk.directory(Method::DELETE, &path, None).await.status, 202);
    assert_eq!(emails(&get(&desk, "/api/users?search=ben").await), json!(["ben@example.com"]));
    desk.sandbox.clock().advance(Duration::from_secs(5));
    assert_eq!(emails(&get(&desk, "/api/users?search=ben").await), json!([]));
    let removed = &desk.sandbox.effects_on("ben@example.com")[0];
    assert_eq!((removed.operation, removed.method.as_str()), (Operation::DeletePerson, "DELETE"));
}

#[tokio::test]
async fn a_body_of_another_structure_is_refused_and_changes_nothing() {
    let desk = Desk::start().await;
    desk.sandbox.seed_person(PersonSeed::with_roles(ADA, &["viewer"])).unwrap();
    for body in [
        json!({"email": "x@example.com"}),
        json!({"email": "x@example.com", "roles": "editor"}),
        json!({"email": "x@example.com", "roles": [1]}),
        json!({"email": "x@example.com", "roles": [null]}),
        json!({"email": "x@example.com", "roles": ["king"]}),
        json!({"email": "x@example.com", "roles": ["viewer", "viewer"]}),
        json!({"email": "x@example.com", "roles": [], "admin": true}),
        json!({"email": "x@example.com", "roles": [], "given_name": null}),
        json!({"email": 7, "roles": []}),
        json!({"email": "nobody", "roles": []}),
        json!([]),
    ] {
        let refused = create(&desk, body.clone()).await;
        assert_eq!((refused.status, refused.body["error"]["code"].is_string()), (400, true), "{body}");
    }
    let path = format!("/api/users/{}/roles", desk.sandbox.person(ADA).unwrap().id);
    for body in [json!({"roles": null}), json!({"roles": [], "mode": "add"}), json!(["viewer"])] {
        assert_eq!(desk.directory(Method::PUT, &path, Some(body)).await.status, 400);
    }
    let token = desk.directory_token().await;
    let text = desk.http.post(format!("{}/api/users", desk.sandbox.directory_url())).bearer_auth(token);
    assert_eq!(answer(text.body("email=x")).await.status, 415);
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn the_search_can_lag_behind() {
    let desk = Desk::start().await;
    desk.sandbox.configure_directory(|settings| {
        settings.search_lag_ms = 2_000;
        settings.polls_until_done = Some(0);
    });
    create(&desk, json!({"email": ADA, "roles": []})).await;
    assert_eq!(emails(&get(&desk, "/api/users?search=ada").await), json!([]));
    desk.sandbox.clock().advance(Duration::from_secs(2));
    assert_eq!(emails(&get(&desk, "/api/users?search=ada").await), json!([ADA]));
}

#[tokio::test]
async fn a_location_can_be_a_path_alone() {
    let desk = Desk::start().await;
    desk.sandbox.configure_directory(|settings| settings.relative_location = true);
    let made = create(&desk, json!({"email": ADA, "roles": []})).await;
    assert!(made.header("location").unwrap().starts_with("/directory/api/operations/"));
}
