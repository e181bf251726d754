//! Roles and seats.

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::Role;
use usher_sandbox::zendesk::{CustomRoles, UserSeed};

use crate::desk::Desk;

#[tokio::test]
async fn the_light_agents_role_is_found_by_its_type() {
    let desk = Desk::start().await;
    let roles = desk.get("/api/v2/custom_roles").await.body["custom_roles"].as_array().unwrap().clone();
    let light: Vec<&Value> = roles.iter().filter(|role| role["role_type"] == 1).collect();
    assert_eq!((light.len(), &light[0]["name"]), (1, &json!("Light agent")));
    assert_ne!(light[0]["id"], json!(1), "the id is the account's own");
}

#[tokio::test]
async fn an_account_without_custom_roles_lists_none_or_does_not_know_them() {
    let desk = Desk::start().await;
    let light = desk.role_id("Light agent").await;
    desk.sandbox.configure_zendesk(|settings| settings.custom_roles = CustomRoles::Empty);
    assert_eq!(desk.get("/api/v2/custom_roles").await.body["custom_roles"], json!([]));
    desk.sandbox.configure_zendesk(|settings| settings.custom_roles = CustomRoles::Missing);
    assert_eq!(desk.get("/api/v2/custom_roles").await.status, 404);
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    assert_eq!(desk.update(id, json!({"role": "agent", "custom_role_id": light})).await.status, 422);
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 200);
}

#[tokio::test]
async fn a_bare_agent_on_an_enterprise_account_has_no_custom_role() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    let made = desk.update(id, json!({"role": "agent"})).await.body;
    assert_eq!((&made["user"]["role"], &made["user"]["custom_role_id"]), (&json!("agent"), &Value::Null));
    let light = desk.role_id("Light agent").await;
    let made = desk.update(id, json!({"role": "agent", "custom_role_id": light})).await.body;
    assert_eq!(made["user"]["custom_role_id"].as_u64(), Some(light));
    assert_eq!(made["user"]["role_type"], json!(1));
    assert_eq!(desk.happened().last().unwrap(), "role agent -> Light agent");
}

#[tokio::test]
async fn a_custom_role_is_for_agents_and_must_be_there() {
    let desk = Desk::start().await;
    let light = desk.role_id("Light agent").await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    assert_eq!(desk.update(id, json!({"custom_role_id": light})).await.status, 422);
    assert_eq!(desk.update(id, json!({"role": "agent", "custom_role_id": 17})).await.status, 422);
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn without_a_seat_a_promotion_and_a_creation_say_max_agent_exceeded() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    // The owner has the only one.
    desk.sandbox.configure_zendesk(|settings| settings.max_agents = Some(1));
    let refused = desk.update(id, json!({"role": "agent"})).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["details"]["base"][0]["error"], "MaxAgentExceeded");
    let new = json!({"user": {"name": "Ben", "email": "ben@example.com", "role": "agent"}});
    assert_eq!(desk.post("/api/v2/users/create_or_update", new).await.status, 422);
    desk.sandbox.configure_zendesk(|settings| settings.no_seat_status = 403);
    let refused = desk.update(id, json!({"role": "admin"})).await;
    assert_eq!((refused.status, refused.body.to_string().contains("MaxAgentExceeded")), (403, true));
    assert!(desk.sandbox.effects().is_empty());
    assert!(desk.sandbox.user("ben@example.com").is_none());
}

#[tokio::test]
async fn light_agents_and_contributors_take_no_seat() {
    let desk = Desk::start().await;
    desk.sandbox.configure_zendesk(|settings| settings.max_agents = Some(1));
    for (address, role) in [("ann@example.com", "Light agent"), ("ben@example.com", "Contributor")] {
        let id = desk.seed(UserSeed::end_user(address));
        let role = desk.role_id(role).await;
        assert_eq!(desk.update(id, json!({"role": "agent", "custom_role_id": role})).await.status, 200);
    }
    assert_eq!(desk.sandbox.seats_taken(), 1);
    let ann = desk.sandbox.user("ann@example.com").unwrap();
    assert_eq!((ann.role_name.as_str(), ann.takes_seat), ("Light agent", false));
    // From the light agent's role to a paid one takes a seat after all.
    let staff = desk.role_id("Staff").await;
    assert_eq!(desk.update(ann.id, json!({"role": "agent", "custom_role_id": staff})).await.status, 422);
}

#[tokio::test]
async fn suspending_frees_no_seat_and_downgrading_does() {
    let desk = Desk::start().await;
    let ann = desk.seed(UserSeed::agent("ann@example.com"));
    let ben = desk.seed(UserSeed::end_user("ben@example.com"));
    desk.sandbox.configure_zendesk(|settings| settings.max_agents = Some(2));
    assert_eq!(desk.update(ann, json!({"suspended": true})).await.status, 200);
    assert_eq!(desk.update(ben, json!({"role": "agent"})).await.status, 422);
    assert_eq!(desk.update(ann, json!({"role": "end-user"})).await.status, 200);
    assert_eq!(desk.update(ben, json!({"role": "agent"})).await.status, 200);
    let seats = desk.control(Method::GET, "/seats", None).await.body;
    assert_eq!(seats, json!({"taken": 2, "most": 2}));
}

#[tokio::test]
async fn one_who_has_a_seat_keeps_it_on_a_full_account() {
    let desk = Desk::start().await;
    let ann = desk.seed(UserSeed::agent("ann@example.com"));
    desk.sandbox.configure_zendesk(|settings| settings.max_agents = Some(1));
    assert_eq!(desk.update(ann, json!({"role": "admin"})).await.status, 200);
    assert_eq!(desk.sandbox.user("ann@example.com").unwrap().role, Role::Admin);
}
