//! A replay of what was not mapped when it arrived runs with today's mapping.

use jiff::{SignedDuration, Timestamp};
use usher_journal::{AskedPermission, Execution, Request};

use crate::support::{AdminServer, Answered, payload, request};

async fn replays(server: &AdminServer, id: &str) -> Answered {
    server.post(&format!("/api/v1/requests/{id}/replay"), "dana-token", r#"{"reason": "mapped"}"#).await
}

fn today(server: &AdminServer) -> Option<Request> {
    server.engine.todays.lock().unwrap().last().unwrap().clone()
}

/// The configuration maps the permission today.
fn mend(server: &AdminServer) {
    *server.table.refuses.lock().unwrap() = None;
    *server.table.permissions.lock().unwrap() =
        vec![AskedPermission { name: "agent".to_owned(), facets: Some(std::collections::BTreeSet::new()) }];
}

#[tokio::test]
async fn rule_11_a_request_that_was_not_mapped_is_routed_again_by_its_body_as_it_arrived() {
    let server = AdminServer::start().await;
    let refused = request("r", 0, Execution::Refused);
    server.engine.keeps(refused.clone(), payload().as_bytes()).await;
    mend(&server);
    assert_eq!(replays(&server, "r").await.status, 200);
    let today = today(&server).unwrap();
    assert_eq!((today.execution, today.config.as_str()), (Execution::Accepted, "today"));
    assert_eq!(
        (today.subject.email.as_str(), today.permissions[0].name.as_str()),
        ("ada@example.com", "agent")
    );
    // The approval's time runs from when it arrived.
    assert_eq!(today.received, refused.received);
    assert_eq!(server.table.asked_at(), Some(refused.received));
}

#[tokio::test]
async fn rule_29_a_request_that_was_compiled_runs_as_it_was() {
    let server = AdminServer::start().await;
    let mut kept = request("r", 0, Execution::NeedsHuman);
    kept.received = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1);
    server.engine.keeps(kept, payload().as_bytes()).await;
    mend(&server);
    assert_eq!(replays(&server, "r").await.status, 200);
    assert_eq!(today(&server), None);
}

#[tokio::test]
async fn a_request_that_is_still_not_mapped_is_handed_over_with_todays_refusal() {
    let server = AdminServer::start().await;
    server.engine.keeps(request("r", 0, Execution::Refused), payload().as_bytes()).await;
    assert_eq!(replays(&server, "r").await.status, 200);
    let today = today(&server).unwrap();
    // The engine refuses it with this reason.
    assert_eq!(today.execution, Execution::Refused);
    assert_eq!(today.reason.as_deref(), Some("no app takes app_id \"wiki\""));
}

#[tokio::test]
async fn a_request_whose_webhook_or_body_leads_nowhere_today_is_409_with_the_reason() {
    let server = AdminServer::start().await;
    let mut gone = request("gone", 0, Execution::Refused);
    gone.route = "/elsewhere".to_owned();
    server.engine.keeps(gone, payload().as_bytes()).await;
    server.engine.keeps(request("broken", 1, Execution::Refused), b"{").await;
    for (id, said) in [("gone", "/elsewhere takes no webhooks"), ("broken", "the body: ")] {
        let answer = replays(&server, id).await;
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(said), "{answer:?}");
    }
    *server.table.tests.lock().unwrap() = true;
    server.engine.keeps(request("test", 2, Execution::Refused), payload().as_bytes()).await;
    assert_eq!(replays(&server, "test").await.status, 409);
    assert!(server.engine.acts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_whose_payload_was_pruned_says_so_and_cannot_be_routed_again() {
    let server = AdminServer::start().await;
    server.engine.keeps(request("r", 0, Execution::Refused), payload().as_bytes()).await;
    // It was answered by a process that is gone.
    let long_ago = request("r", 0, Execution::Refused).received;
    server.engine.prunes_payloads_of("r", long_ago + SignedDuration::from_hours(24 * 91)).await;
    let page = server.get("/api/v1/requests/r", Some("audit-token")).await.json();
    let last = page["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &page["comment"]), (&"payload-pruned".into(), &serde_json::Value::Null));
    assert!(last["sentence"].as_str().unwrap().contains("older than [journal] keep_payload"), "{last}");
    let answer = replays(&server, "r").await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.json()["error"].as_str().unwrap().contains("it has to be asked for again"), "{answer:?}");
    assert!(server.engine.acts.lock().unwrap().is_empty());
}
