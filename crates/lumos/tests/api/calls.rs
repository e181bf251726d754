//! What is asked of Lumos, and what is made of its answers.

use usher_core::Sent;
use usher_lumos::{ApiError, MAX_COMMENT, PendingTask, Progress};
use usher_sandbox::lumos::{Task, TaskCategory, TaskStatus};
use usher_sandbox::{Fault, Matcher, Operation, RetryAfter, Rule};

use crate::support::{access_request, call, client, client_with, sandbox, seed, task};

#[tokio::test]
async fn the_one_pending_provisioning_task_of_the_access_request_is_found() {
    let sandbox = sandbox(vec![
        Task { task_category: TaskCategory::Approval, ..task("approval") },
        Task { task_category: TaskCategory::Generic, ..task("generic") },
        Task { status: TaskStatus::Completed, ..task("done") },
        Task { access_request_id: "req-2".to_owned(), ..task("other") },
        Task { of_another: true, ..task("t-1") },
    ])
    .await;
    let lumos = client(sandbox.lumos_url());
    let found = lumos.pending_task(&call(), "req-1").await.unwrap();
    assert_eq!(found, Some(PendingTask { id: "t-1".to_owned(), manual_steps: false }));
    assert_eq!(lumos.pending_task(&call(), "req-3").await, Ok(None));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn manual_steps_are_told() {
    let sandbox = sandbox(vec![Task { manual_steps_needed: true, ..task("t-1") }]).await;
    let found = client(sandbox.lumos_url()).pending_task(&call(), "req-1").await.unwrap();
    assert!(found.unwrap().manual_steps);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn several_tasks_are_an_error_of_their_own() {
    for count in [2, 150] {
        let sandbox = sandbox((0..count).map(|n| task(&format!("t-{n}"))).collect()).await;
        let found = client(sandbox.lumos_url()).pending_task(&call(), "req-1").await;
        assert_eq!(found, Err(ApiError::Several(count)));
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn a_comment_stands_at_the_task_and_is_cut_where_it_is_too_long() {
    let sandbox = sandbox(vec![task("t-1")]).await;
    let lumos = client(sandbox.lumos_url());
    lumos.comment(&call(), "t-1", "granted").await.unwrap();
    lumos.comment(&call(), "t-1", &"é".repeat(MAX_COMMENT + 1)).await.unwrap();
    assert_eq!(sandbox.tasks()[0].comments, ["granted".to_owned(), "é".repeat(MAX_COMMENT)]);
    assert!(matches!(lumos.comment(&call(), "t-1", "").await, Err(ApiError::Refused { status: 422, .. })));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn completing_what_is_completed_is_as_good() {
    let sandbox = sandbox(vec![task("t-1")]).await;
    let lumos = client(sandbox.lumos_url());
    assert_eq!(lumos.complete(&call(), "t-1").await, Ok(()));
    assert_eq!(lumos.complete(&call(), "t-1").await, Ok(()));
    assert_eq!(sandbox.effects_on("task t-1").len(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn another_s_task_is_forbidden_a_missing_one_not_found_and_a_wrong_token_not_accepted() {
    let sandbox = sandbox(vec![Task { of_another: true, ..task("t-1") }]).await;
    let lumos = client(sandbox.lumos_url());
    assert!(matches!(lumos.complete(&call(), "t-1").await, Err(ApiError::Forbidden { .. })));
    assert!(matches!(lumos.complete(&call(), "t-2").await, Err(ApiError::NotFound { .. })));
    let wrong = client_with(sandbox.lumos_url(), "lsk_wrong");
    assert_eq!(wrong.check(&call()).await, Err(ApiError::Unauthorized));
    assert_eq!(lumos.check(&call()).await, Ok(()));
    sandbox.configure_lumos(|settings| settings.tasks_enabled = false);
    assert!(matches!(lumos.check(&call()).await, Err(ApiError::NotFound { .. })));
    assert!(matches!(lumos.pending_task(&call(), "req-1").await, Err(ApiError::NotFound { .. })));
    assert!(sandbox.effects_on("task t-1").is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_access_request_s_status_is_read_for_what_it_means() {
    let sandbox = sandbox(Vec::new()).await;
    let lumos = client(sandbox.lumos_url());
    for (status, progress) in [
        ("PENDING_MANUAL_PROVISIONING", Progress::Open),
        ("APPROVED", Progress::Open),
        ("SOMETHING_NEW", Progress::Open),
        ("PROVISIONED", Progress::Provisioned),
        ("COMPLETED", Progress::Provisioned),
        ("CANCELLED", Progress::Ended),
        ("DENIED", Progress::Ended),
        ("EXPIRED", Progress::Ended),
        ("TIME_BASED_EXPIRED", Progress::Ended),
    ] {
        seed(&sandbox, access_request(status, Some("ann@example.com")));
        let seen = lumos.access_request(&call(), "req-1").await.unwrap();
        assert_eq!((seen.status.as_str(), seen.progress), (status, progress));
        assert_eq!(seen.email.as_deref(), Some("ann@example.com"));
    }
    seed(&sandbox, access_request("ann@example.com <script>", None));
    let seen = lumos.access_request(&call(), "req-1").await.unwrap();
    assert_eq!((seen.status.as_str(), seen.email), ("annexamplecomscript", None), "no more than letters");
    assert!(matches!(lumos.access_request(&call(), "req-2").await, Err(ApiError::NotFound { .. })));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_comment_says_whether_it_may_have_arrived() {
    let (no, maybe) = (Some(Sent::No), Some(Sent::Maybe));
    let throttled = Fault::Throttle { retry_after: RetryAfter::Seconds(7) };
    for (fault, sent) in [
        (throttled, no),
        (Fault::ResetAfter, maybe),
        (Fault::ResetBefore, maybe),
        (Fault::ErrorAfter { status: 502 }, maybe),
        (Fault::ErrorBefore { status: 503 }, maybe),
    ] {
        let sandbox = sandbox(vec![task("t-1")]).await;
        let lumos = client(sandbox.lumos_url());
        let rule = Rule::always(Matcher::operation(Operation::CommentTask), fault.clone());
        sandbox.fault(rule).unwrap();
        let said = match lumos.comment(&call(), "t-1", "granted").await {
            Err(ApiError::OutOfReach { sent, .. }) => Some(sent),
            _ => None,
        };
        assert_eq!(said, sent, "{fault:?}");
        let sent_at_all = sandbox.calls().iter().filter(|call| call.method == "POST").count();
        assert_eq!(sent_at_all, 1, "{fault:?}: once and no more");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn nobody_there_is_out_of_reach_and_nothing_shows_the_token() {
    let lumos = client_with("http://127.0.0.1:9".to_owned(), "lsk_very-secret");
    let failed = lumos.comment(&call(), "t-1", "granted").await.unwrap_err();
    assert!(matches!(failed, ApiError::OutOfReach { sent: Sent::No, .. }), "{failed:?}");
    let all = format!("{failed} {failed:?} {lumos:?}");
    assert!(!all.contains("very-secret") && !all.contains("granted"), "{all}");
}

#[tokio::test]
async fn what_is_no_list_of_tasks_is_out_of_reach() {
    let sandbox = sandbox(vec![task("t-1")]).await;
    let rule = Rule::always(Matcher::operation(Operation::ListTasks), Fault::Garbage { apply: false });
    sandbox.fault(rule).unwrap();
    let found = client(sandbox.lumos_url()).pending_task(&call(), "req-1").await;
    assert!(matches!(found, Err(ApiError::OutOfReach { .. })), "{found:?}");
    sandbox.shutdown().await;
}
