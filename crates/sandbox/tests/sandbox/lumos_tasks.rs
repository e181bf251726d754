//! Lumos's tasks and access requests.

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::lumos::{AccessRequest, LumosSeed, Task, TaskCategory, TaskStatus};
use usher_sandbox::{Fault, Matcher, Operation, Rule, Seed};

use crate::desk::{Desk, answer};

fn task(id: &str, category: TaskCategory) -> Task {
    let (id, access_request_id) = (id.to_owned(), "req-1".to_owned());
    Task { id, access_request_id, task_category: category, ..Task::default() }
}

async fn with(tasks: Vec<Task>) -> Desk {
    let desk = Desk::start().await;
    let more = json!({"expires_at": null}).as_object().unwrap().clone();
    let request = AccessRequest { id: "req-1".to_owned(), status: "PENDING".to_owned(), more };
    let lumos = LumosSeed { tasks, access_requests: vec![request], ..LumosSeed::default() };
    desk.sandbox.seed(&Seed { lumos, ..Seed::default() }).unwrap();
    desk
}

async fn complete(desk: &Desk, id: &str) -> u16 {
    desk.lumos(Method::POST, &format!("/tasks/{id}/complete"), None).await.status
}

#[tokio::test]
async fn completing_is_204_then_409_and_one_effect() {
    let desk = with(vec![task("t-1", TaskCategory::Provisioning)]).await;
    assert_eq!(complete(&desk, "t-1").await, 204);
    assert_eq!(complete(&desk, "t-1").await, 409);
    assert_eq!(complete(&desk, "t-2").await, 404);
    assert_eq!(desk.sandbox.tasks()[0].status, TaskStatus::Completed);
    let effects = desk.sandbox.effects_on("task t-1");
    assert_eq!((effects.len(), effects[0].what.as_str()), (1, "task completed"));
}

#[tokio::test]
async fn anothers_task_is_403_but_for_a_domain_admin() {
    let desk = with(vec![Task { of_another: true, ..task("t-1", TaskCategory::Provisioning) }]).await;
    assert_eq!(complete(&desk, "t-1").await, 403);
    desk.sandbox.configure_lumos(|settings| settings.domain_admin = true);
    assert_eq!(complete(&desk, "t-1").await, 204);
}

#[tokio::test]
async fn completing_an_approval_task_approves_it() {
    let desk = with(vec![task("t-1", TaskCategory::Approval)]).await;
    complete(&desk, "t-1").await;
    assert_eq!(desk.happened(), ["approval task approved"]);
}

#[tokio::test]
async fn without_the_tasks_api_every_task_is_404() {
    let desk = with(vec![task("t-1", TaskCategory::Provisioning)]).await;
    desk.sandbox.configure_lumos(|settings| settings.tasks_enabled = false);
    assert_eq!(complete(&desk, "t-1").await, 404);
    assert_eq!(desk.lumos(Method::GET, "/tasks", None).await.status, 404);
    assert_eq!(desk.lumos(Method::GET, "/appstore/access_requests/req-1", None).await.status, 200);
}

#[tokio::test]
async fn tasks_are_listed_by_what_is_asked_for() {
    let desk = with(vec![
        task("t-1", TaskCategory::Provisioning),
        task("t-2", TaskCategory::Approval),
        Task { of_another: true, ..task("t-3", TaskCategory::Provisioning) },
        Task { access_request_id: "req-2".to_owned(), ..task("t-4", TaskCategory::Provisioning) },
    ])
    .await;
    complete(&desk, "t-2").await;
    let ids = async |query: &str| {
        let found = desk.lumos(Method::GET, &format!("/tasks?{query}"), None).await.body;
        found["items"].as_array().unwrap().iter().map(|task| task["id"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(ids("access_request_id=req-1&task_category=PROVISIONING").await, ["t-1"]);
    assert_eq!(
        ids("access_request_id=req-1&task_category=PROVISIONING&show_all_tasks=true").await,
        ["t-1", "t-3"]
    );
    assert_eq!(ids("status=COMPLETED").await, ["t-2"]);
    assert_eq!(ids("show_all_tasks=true&size=3&page=2").await, ["t-4"]);
}

#[tokio::test]
async fn a_comment_has_from_1_to_4000_characters() {
    let desk = with(vec![task("t-1", TaskCategory::Provisioning)]).await;
    for (comment, status) in [(String::new(), 422), ("é".repeat(4_000), 201), ("é".repeat(4_001), 422)] {
        let body = Some(json!({"comment": comment}));
        assert_eq!(desk.lumos(Method::POST, "/tasks/t-1/comments", body).await.status, status);
    }
    assert_eq!(desk.sandbox.tasks()[0].comments.len(), 1);
    assert_eq!(desk.happened(), ["comment added"]);
}

#[tokio::test]
async fn an_access_request_shows_its_tasks_if_asked_to() {
    let desk = with(vec![task("t-1", TaskCategory::Provisioning)]).await;
    let bare = desk.lumos(Method::GET, "/appstore/access_requests/req-1", None).await.body;
    assert_eq!((&bare["status"], bare.get("tasks")), (&json!("PENDING"), None));
    let full = desk.lumos(Method::GET, "/appstore/access_requests/req-1?expand=tasks", None).await.body;
    assert_eq!(full["tasks"][0]["id"], json!("t-1"));
    assert_eq!(desk.lumos(Method::GET, "/appstore/access_requests/no", None).await.status, 404);
}

#[tokio::test]
async fn a_wrong_token_is_401() {
    let desk = with(Vec::new()).await;
    let url = format!("{}/tasks", desk.sandbox.lumos_url());
    assert_eq!(answer(desk.http.get(url).bearer_auth("lsk_wrong")).await.status, 401);
}

#[tokio::test]
async fn the_fault_switch_works_here_as_well() {
    let desk = with(vec![task("t-1", TaskCategory::Provisioning)]).await;
    let completing = Matcher::operation(Operation::CompleteTask).about("task T-1");
    desk.sandbox.fault(Rule::once(completing, Fault::ErrorAfter { status: 500 })).unwrap();
    assert_eq!(complete(&desk, "t-1").await, 500);
    assert_eq!(desk.sandbox.tasks()[0].status, TaskStatus::Completed);
    let listing = Matcher::operation(Operation::ListTasks);
    desk.sandbox.fault(Rule::once(listing, Fault::Stale { behind_ms: None })).unwrap();
    let stale = desk.lumos(Method::GET, "/tasks", None).await.body;
    assert_eq!(stale["items"][0]["status"], json!("PENDING"));
}
