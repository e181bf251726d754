//! Groups and their members.

use serde_json::{Value, json};
use usher_sandbox::zendesk::UserSeed;
use usher_sandbox::{Seed, ZendeskSeed};

use crate::desk::Desk;

async fn group(desk: &Desk, name: &str) -> Value {
    let groups = desk.get("/api/v2/groups").await.body["groups"].as_array().unwrap().clone();
    groups.iter().find(|group| group["name"] == name).unwrap()["id"].clone()
}

fn add_groups(desk: &Desk, names: &[&str]) {
    let groups = names.iter().map(|name| (*name).to_owned()).collect();
    let zendesk = ZendeskSeed { groups, ..ZendeskSeed::default() };
    desk.sandbox.seed(&Seed { zendesk, ..Seed::default() }).unwrap();
}

#[tokio::test]
async fn an_end_user_cannot_join_a_group_and_an_agent_can() {
    let desk = Desk::start().await;
    add_groups(&desk, &["Billing"]);
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    let billing = group(&desk, "Billing").await;
    let wish = json!({"group_membership": {"user_id": id, "group_id": billing}});
    assert_eq!(desk.post("/api/v2/group_memberships", wish.clone()).await.status, 422);
    desk.update(id, json!({"role": "agent"})).await;
    assert_eq!(desk.post("/api/v2/group_memberships", wish.clone()).await.status, 201);
    assert_eq!(desk.post("/api/v2/group_memberships", wish).await.status, 422, "once only");
    assert_eq!(desk.sandbox.user("ann@example.com").unwrap().groups, ["Support", "Billing"]);
    assert_eq!(desk.happened(), ["role end-user -> agent; group +Support", "group +Billing"]);
}

#[tokio::test]
async fn promotion_gives_the_default_group_and_demotion_takes_all_groups() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user("ann@example.com"));
    let made = desk.update(id, json!({"role": "agent"})).await.body;
    assert_eq!(made["user"]["default_group_id"], group(&desk, "Support").await);
    desk.update(id, json!({"role": "end-user"})).await;
    assert!(desk.sandbox.user("ann@example.com").unwrap().groups.is_empty());
    assert_eq!(desk.happened().last().unwrap(), "role agent -> end-user; group -Support");
}

#[tokio::test]
async fn a_membership_that_is_left_is_gone_and_another_becomes_the_default() {
    let desk = Desk::start().await;
    add_groups(&desk, &["Billing"]);
    let groups = vec!["Support".to_owned(), "Billing".to_owned()];
    let id = desk.seed(UserSeed { groups, ..UserSeed::agent("ann@example.com") });
    let path = format!("/api/v2/users/{id}/group_memberships.json");
    let held = desk.get(&path).await.body["group_memberships"].as_array().unwrap().clone();
    assert_eq!((held.len(), &held[0]["default"], &held[1]["default"]), (2, &json!(true), &json!(false)));
    let first = held[0]["id"].as_u64().unwrap();
    assert_eq!(desk.delete(&format!("/api/v2/group_memberships/{first}")).await.status, 204);
    assert_eq!(desk.delete(&format!("/api/v2/group_memberships/{first}")).await.status, 404);
    let left = desk.get(&path).await.body;
    assert_eq!(
        (left["count"].clone(), left["group_memberships"][0]["default"].clone()),
        (json!(1), json!(true))
    );
    assert_eq!(desk.sandbox.effects_on("ann@example.com").len(), 1);
}

#[tokio::test]
async fn groups_come_in_pages_by_cursor() {
    let desk = Desk::start().await;
    add_groups(&desk, &["A", "B", "C", "D"]);
    let mut path = "/api/v2/groups?page[size]=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = desk.get(&path).await.body;
        pages.push(
            page["groups"].as_array().unwrap().iter().map(|group| group["name"].clone()).collect::<Vec<_>>(),
        );
        match page["links"]["next"].as_str() {
            Some(next) => {
                assert_eq!(page["meta"]["has_more"], json!(true));
                path = next.strip_prefix(&desk.sandbox.zendesk_url()).unwrap().to_owned();
            }
            None => {
                assert_eq!(page["meta"]["has_more"], json!(false));
                break;
            }
        }
    }
    assert_eq!(json!(pages), json!([["Support", "A"], ["B", "C"], ["D"]]));
    assert_eq!(desk.get("/api/v2/groups?page[size]=101").await.status, 400);
}

#[tokio::test]
async fn groups_come_in_pages_by_offset() {
    let desk = Desk::start().await;
    add_groups(&desk, &["A", "B"]);
    let page = desk.get("/api/v2/groups.json?per_page=2").await.body;
    assert_eq!((&page["count"], &page["previous_page"]), (&json!(3), &Value::Null));
    let next =
        page["next_page"].as_str().unwrap().strip_prefix(&desk.sandbox.zendesk_url()).unwrap().to_owned();
    let page = desk.get(&next).await.body;
    assert_eq!((&page["groups"][0]["name"], &page["next_page"]), (&json!("B"), &Value::Null));
    assert!(page["previous_page"].is_string());
}
