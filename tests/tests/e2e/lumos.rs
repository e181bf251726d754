//! What comes too late for Lumos, against its own tasks and access requests: told once, and completed only where that is safe.

use serde_json::{Value, json};
use usher_sandbox::lumos::{Task, TaskStatus};
use usher_sandbox::{Fault, Matcher, Operation, RetryAfter, Rule};

use crate::support::{Config, Payload, Row, Sandbox, Usher, about};

const EMAIL: &str = "ann@example.com";

/// No change can start within this time (its own time-out is 5 s), so that the answer is no at once and the grant follows.
fn config(sandbox: &Sandbox, more: &str) -> Config {
    Config::new(sandbox).server("answer_within = \"3s\"").server("min_change_budget = \"1s\"").more(&format!(
        "[lumos]\napi_token = {{ env = \"LUMOS_API_TOKEN\" }}\nbase_url = \"{}\"\nallow_private = true\n{more}\n",
        sandbox.lumos()
    ))
}

const COMPLETE: &str = "on_late_success = \"complete\"";

async fn world(more: &str) -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&[EMAIL]).await;
    let usher = Usher::start(&config(&sandbox, more)).await;
    (sandbox, usher)
}

/// A task of this payload's access request; `with` says what differs from a plain pending one.
async fn opens(sandbox: &Sandbox, payload: &Payload, id: &str, with: Value) {
    let mut task = json!({ "id": id, "access_request_id": payload.access_request() });
    task.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    sandbox.seed_all(&json!({ "lumos": { "tasks": [task] } })).await;
}

/// The access request stands so, and is for this person.
async fn stands(sandbox: &Sandbox, payload: &Payload, status: &str) {
    let request = json!({
        "id": payload.access_request(), "status": status, "target_user": { "email": payload.email() },
    });
    sandbox.seed_all(&json!({ "lumos": { "access_requests": [request] } })).await;
}

/// Sends a grant, which is answered no.
async fn late(usher: &Usher, payload: &Payload) -> String {
    let answer = usher.send(payload).await;
    assert!(answer.is_no(), "{answer:?}");
    answer.id
}

async fn told(usher: &Usher, id: &str, telling: &str) -> Row {
    usher.wait_until(id, |row| row.0["telling"] == telling).await
}

async fn task(sandbox: &Sandbox) -> Task {
    let mut tasks = sandbox.tasks().await;
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    tasks.remove(0)
}

fn of(operation: Operation) -> Matcher {
    Matcher::operation(operation)
}

#[tokio::test]
async fn rule_25_a_late_success_brings_exactly_one_comment_and_no_completion() {
    let (sandbox, mut usher) = world("").await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    stands(&sandbox, &payload, "PENDING_MANUAL_PROVISIONING").await;
    opens(&sandbox, &payload, "t-1", json!({})).await;
    let id = late(&usher, &payload).await;
    assert_eq!(told(&usher, &id, "told").await.word(), "granted");
    usher.kill_9();
    usher.restart().await;
    assert_eq!(usher.row(&id).await.0["telling"], "told");
    let task = task(&sandbox).await;
    assert_eq!((task.comments.len(), task.status), (1, TaskStatus::Pending));
    assert!(task.comments[0].contains("read back") && task.comments[0].contains(&id), "{task:?}");
    let history = usher.history(&id).await;
    assert!(history.iter().any(|line| line == "The comment is there."), "{history:#?}");
}

#[tokio::test]
async fn rule_25_a_task_is_completed_where_all_is_proven_and_left_where_it_is_not() {
    let allowed = async {
        let (sandbox, usher) = world(COMPLETE).await;
        let payload = Payload::grant(EMAIL, &["agent"]);
        opens(&sandbox, &payload, "t-1", json!({})).await;
        told(&usher, &late(&usher, &payload).await, "told").await;
        let task = task(&sandbox).await;
        assert_eq!((task.comments.len(), task.status), (1, TaskStatus::Completed));
    };
    let manual = async {
        let (sandbox, usher) = world(COMPLETE).await;
        let payload = Payload::grant(EMAIL, &["agent"]);
        opens(&sandbox, &payload, "t-1", json!({ "manual_steps_needed": true })).await;
        told(&usher, &late(&usher, &payload).await, "told").await;
        let task = task(&sandbox).await;
        assert_eq!((task.comments.len(), task.status), (1, TaskStatus::Pending));
    };
    let another_hooks = async {
        let (sandbox, usher) = world(COMPLETE).await;
        let payload = Payload::grant(EMAIL, &["agent", "light_agent"]);
        opens(&sandbox, &payload, "t-1", json!({})).await;
        let answer = usher.post("/webhooks/zendesk/agent/provision", &payload).await;
        assert!(answer.is_no(), "{answer:?}");
        told(&usher, &answer.id, "told").await;
        let task = task(&sandbox).await;
        assert_eq!((task.comments.len(), task.status), (1, TaskStatus::Pending));
    };
    tokio::join!(allowed, manual, another_hooks);
}

#[tokio::test]
async fn rule_25_what_a_person_has_completed_meanwhile_is_moot() {
    let (sandbox, usher) = world(COMPLETE).await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    opens(&sandbox, &payload, "t-1", json!({ "status": "COMPLETED" })).await;
    stands(&sandbox, &payload, "PROVISIONED").await;
    let id = late(&usher, &payload).await;
    assert_eq!(told(&usher, &id, "moot").await.word(), "granted");
    assert!(task(&sandbox).await.comments.is_empty());
}

#[tokio::test]
async fn rule_25_forbidden_not_there_and_several_end_with_a_person() {
    let forbidden = async {
        let (sandbox, usher) = world(COMPLETE).await;
        let payload = Payload::grant(EMAIL, &["agent"]);
        opens(&sandbox, &payload, "t-1", json!({ "of_another": true })).await;
        let id = late(&usher, &payload).await;
        told(&usher, &id, "told").await;
        let task = task(&sandbox).await;
        assert_eq!((task.comments.len(), task.status), (1, TaskStatus::Pending));
        let history = usher.history(&id).await;
        assert!(history.iter().any(|line| line.contains("complete the task by hand")), "{history:#?}");
    };
    let not_there = async {
        let (sandbox, usher) = world("").await;
        sandbox.seed_all(&json!({ "lumos": { "settings": { "tasks_enabled": false } } })).await;
        let payload = Payload::grant(EMAIL, &["agent"]);
        let id = late(&usher, &payload).await;
        assert_eq!(told(&usher, &id, "failed").await.word(), "granted");
        let history = usher.history(&id).await;
        assert!(history.iter().any(|line| line.contains("Tasks API is not enabled")), "{history:#?}");
    };
    let several = async {
        let (sandbox, usher) = world(COMPLETE).await;
        let payload = Payload::grant(EMAIL, &["agent"]);
        opens(&sandbox, &payload, "t-1", json!({})).await;
        opens(&sandbox, &payload, "t-2", json!({})).await;
        told(&usher, &late(&usher, &payload).await, "failed").await;
        for task in sandbox.tasks().await {
            assert_eq!((task.comments.len(), task.status), (0, TaskStatus::Pending));
        }
    };
    tokio::join!(forbidden, not_there, several);
}

#[tokio::test]
async fn rule_25_out_of_reach_it_is_told_once_lumos_is_there_again() {
    let (sandbox, usher) = world("").await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    opens(&sandbox, &payload, "t-1", json!({})).await;
    let gone =
        sandbox.fault(Rule::always(of(Operation::ListTasks), Fault::ErrorBefore { status: 503 })).await;
    let id = late(&usher, &payload).await;
    sandbox.wait_for("operation=list_tasks&count=3").await;
    assert_eq!(usher.row(&id).await.0["telling"], "due");
    sandbox.clear(gone).await;
    told(&usher, &id, "told").await;
    assert_eq!(task(&sandbox).await.comments.len(), 1);
}

#[tokio::test]
async fn rule_25_killed_between_confirmed_and_told_lumos_is_told_once_after_the_restart() {
    let (sandbox, mut usher) = world("").await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    opens(&sandbox, &payload, "t-1", json!({})).await;
    sandbox.hold(of(Operation::ListTasks), false).await;
    let id = late(&usher, &payload).await;
    sandbox.wait_for("operation=list_tasks").await;
    usher.kill_9();
    usher.restart().await;
    told(&usher, &id, "told").await;
    assert_eq!(task(&sandbox).await.comments.len(), 1);
}

#[tokio::test]
async fn rule_25_killed_with_the_comment_on_its_way_no_second_one_is_sent() {
    let (sandbox, mut usher) = world("").await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    opens(&sandbox, &payload, "t-1", json!({})).await;
    sandbox.hold(of(Operation::CommentTask), true).await;
    let id = late(&usher, &payload).await;
    sandbox.wait_for("operation=comment_task").await;
    usher.kill_9();
    usher.restart().await;
    told(&usher, &id, "failed").await;
    assert_eq!(task(&sandbox).await.comments.len(), 1);
}

/// What is tried again after two seconds finds its access request so.
async fn tried_again(status: &str) -> (Sandbox, Row) {
    let (sandbox, usher) = world("").await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    stands(&sandbox, &payload, status).await;
    let throttled = Fault::Throttle { retry_after: RetryAfter::Seconds(2) };
    sandbox.fault(Rule::once(about(Operation::UpdateUser, EMAIL), throttled)).await;
    let id = late(&usher, &payload).await;
    let row = usher.ended(&id).await;
    (sandbox, row)
}

#[tokio::test]
async fn rule_26_what_was_cancelled_before_a_later_attempt_is_not_granted() {
    let (sandbox, row) = tried_again("CANCELLED").await;
    assert_eq!(row.word(), "refused", "{row:?}");
    assert!(row.reason().contains("CANCELLED"), "{row:?}");
    assert!(sandbox.effects_on(EMAIL).await.is_empty());
}

#[tokio::test]
async fn rule_26_what_a_person_has_provisioned_is_only_looked_at_and_what_is_open_is_granted() {
    let (by_hand, open) = tokio::join!(tried_again("PROVISIONED"), tried_again("APPROVED"));
    assert_eq!(by_hand.1.word(), "refused", "it is not there, and nothing is sent: {:?}", by_hand.1);
    assert!(by_hand.0.effects_on(EMAIL).await.is_empty());
    assert_eq!(open.1.word(), "granted", "{:?}", open.1);
    assert_eq!(open.0.effects_on(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn check_live_says_whether_the_token_of_lumos_is_good() {
    let (sandbox, usher) = world(COMPLETE).await;
    let well = usher.command(&["check", "--live"]).await;
    assert!(well.stdout.contains("[lumos]     well"), "{well:?}");
    assert!(well.stdout.contains("completes it where"), "{well:?}");
    sandbox.seed_all(&json!({ "lumos": { "settings": { "token": "another" } } })).await;
    let bad = usher.command(&["check", "--live"]).await;
    assert_eq!(bad.code, 1, "{bad:?}");
    assert!(bad.stdout.contains("does not accept the API token"), "{bad:?}");
}
