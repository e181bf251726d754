//! What a sender is answered, and what reaches the engine.

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use usher_core::Direction;
use usher_engine::Answer;
use usher_journal::{Execution, RequestId};
use usher_lumos::{Style, SuccessStyle};
use usher_router::routes::Refuse;

use crate::support::{Behaviour, HOOK_SECRET, SHARED_SECRET, WebhookServer, Wire, payload, post};

#[tokio::test]
async fn without_a_good_credential_every_kind_of_webhook_answers_401_and_delivers_nothing() {
    let server = WebhookServer::start().await;
    let paths = [
        "/webhooks/provision",
        "/webhooks/deprovision",
        "/webhooks/light/provision",
        "/webhooks/light/deprovision",
        "/webhooks/zendesk/agent/provision",
        "/webhooks/nobody/knows/this/deprovision",
    ];
    let wrong: [&[(&str, &str)]; 5] = [
        &[],
        &[("X-Usher-Key", "wrong")],
        &[("X-Usher-Key", "")],
        &[("X-Usher-Key", SHARED_SECRET), ("X-Usher-Key", SHARED_SECRET)],
        &[("Authorization", "Bearer shared-secret")],
    ];
    for path in paths {
        for headers in wrong {
            let answer = server.receives_with(path, headers, &payload()).await;
            assert_eq!(answer.status, 401, "{path} {headers:?}");
            assert_eq!(answer.header("usher-request-id"), None);
            assert!(!answer.body.contains("NO_PROVISIONING_ACTION"), "{answer:?}");
        }
    }
    assert!(server.engine.deliveries().is_empty());
    assert_eq!(server.counts.unauthorized(), 30);
}

#[tokio::test]
async fn the_credential_is_checked_before_the_body_is_looked_at() {
    let server = WebhookServer::start().await;
    assert_eq!(server.receives_with("/webhooks/provision", &[], "not JSON").await.status, 401);
    let too_large = "x".repeat(65 * 1024);
    assert_eq!(server.receives_with("/webhooks/provision", &[], &too_large).await.status, 401);
}

#[tokio::test]
async fn a_secret_opens_its_own_hook_alone() {
    let server = WebhookServer::start().await;
    let status = async |path: &str, secret: &str| {
        server.receives_with(path, &[("X-Usher-Key", secret)], &payload()).await.status
    };
    assert_eq!(status("/webhooks/light/provision", HOOK_SECRET).await, 200);
    assert_eq!(status("/webhooks/light/provision", SHARED_SECRET).await, 401);
    assert_eq!(status("/webhooks/provision", HOOK_SECRET).await, 401);
}

#[tokio::test]
async fn the_header_is_found_however_it_is_written_and_the_content_type_does_not_matter() {
    let server = WebhookServer::start().await;
    for headers in [
        &[("x-usher-key", SHARED_SECRET)][..],
        &[("X-USHER-KEY", SHARED_SECRET), ("Content-Type", "application/json; charset=utf-8")],
        &[("X-Usher-Key", SHARED_SECRET), ("Content-Type", "text/plain")],
        &[("X-Usher-Key", SHARED_SECRET), ("Content-Type", "application/x-www-form-urlencoded")],
    ] {
        assert_eq!(server.receives_with("/webhooks/provision", headers, &payload()).await.status, 200);
    }
    assert_eq!(server.engine.deliveries().len(), 4);
}

#[tokio::test]
async fn a_success_is_said_as_the_app_wants_it() {
    let server = WebhookServer::start().await;
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "PROVISIONED_USER" })));
    let answer = server.receives("/webhooks/deprovision", &payload()).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));

    *server.table.style.lock().unwrap() =
        Style { provision: SuccessStyle::NoContent, deprovision: SuccessStyle::Json };
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let answer = server.receives("/webhooks/deprovision", &payload()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "DEPROVISIONED_USER" })));
}

#[tokio::test]
async fn a_failed_removal_is_502_and_a_failed_grant_is_exactly_the_contract() {
    let server = WebhookServer::start().await;
    server.engine.behaves(Behaviour::Says(Answer::negative("no seat is left")));
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "NO_PROVISIONING_ACTION" })));
    let answer = server.receives("/webhooks/deprovision", &payload()).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.json()["response"], "NO_PROVISIONING_ACTION");
    assert_eq!(answer.json()["message"], "no seat is left");
}

#[tokio::test]
async fn every_answer_to_an_authenticated_delivery_bears_the_id_of_its_request() {
    let server = WebhookServer::start().await;
    let answer = server.receives("/webhooks/provision", &payload()).await;
    let delivered = server.engine.deliveries()[0].arrival.request.id.0.clone();
    assert_eq!(answer.header("usher-request-id"), Some(delivered.as_str()));

    let first = RequestId("the-first-delivery".to_owned());
    server.engine.behaves(Behaviour::Knows(first, Answer::Positive));
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!(answer.header("usher-request-id"), Some("the-first-delivery"));

    let answer = server.receives("/webhooks/provision", "{}").await;
    assert!(answer.header("usher-request-id").is_some());
}

#[tokio::test]
async fn what_is_not_json_or_has_the_wrong_types_is_400_that_names_the_field() {
    let server = WebhookServer::start().await;
    let cases = [
        ("{", "the body"),
        ("[]", "the body"),
        ("\u{1}", "the body"),
        (r#"{"application": 7}"#, "application"),
        (r#"{"application": {"app_id": true}}"#, "application.app_id"),
        (r#"{"application": {"app_id": "z"}, "target_user": {"email": null}}"#, "target_user.email"),
        (
            r#"{"application": {"app_id": "z"}, "target_user": {"email": "a@b.c"}, "permissions": [{"value": 1}]}"#,
            "permissions[0].value",
        ),
        (
            r#"{"application": {"app_id": "z"}, "target_user": {"email": "a@b.c"}, "access_length": "long"}"#,
            "access_length",
        ),
    ];
    for (body, field) in cases {
        let answer = server.receives("/webhooks/provision", body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["response"], "NO_PROVISIONING_ACTION");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("{field}: ")), "{body}: {message}");
    }
    assert!(server.engine.deliveries().is_empty());
}

#[tokio::test]
async fn rule_01_a_delivery_bears_the_raw_body_the_route_and_who_it_is_about() {
    let server = WebhookServer::start().await;
    server.receives("/webhooks/deprovision", &payload()).await;
    let delivery = server.engine.deliveries().remove(0);
    let request = delivery.arrival.request;
    assert_eq!(delivery.arrival.body, payload().as_bytes());
    assert_eq!(request.route, "/webhooks/deprovision");
    assert_eq!(request.direction, Direction::Deprovision);
    assert_eq!(request.subject_key.as_str(), "ada@example.com");
    assert_eq!(request.lumos_request.as_deref(), Some("4711"));
    assert_eq!(request.config, "hash");
    assert_eq!((request.execution, request.seq, request.attempt), (Execution::Accepted, 0, 1));
}

#[tokio::test]
async fn what_is_not_routed_is_journaled_as_refused_with_its_reason() {
    let server = WebhookServer::start().await;
    let reason = "no app takes app_id \"wiki\"";
    *server.table.refuses.lock().unwrap() = Some(Refuse { reason: reason.to_owned(), ..Refuse::default() });
    server.engine.behaves(Behaviour::Says(Answer::negative(reason)));
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "NO_PROVISIONING_ACTION" })));
    let request = server.engine.deliveries().remove(0).arrival.request;
    assert_eq!((request.execution, request.reason.as_deref()), (Execution::Refused, Some(reason)));
}

#[tokio::test]
async fn the_test_button_gets_what_a_working_hook_answers_and_runs_nothing() {
    let server = WebhookServer::start().await;
    server.engine.behaves(Behaviour::Says(Answer::negative("a test")));
    for path in ["/webhooks/provision", "/webhooks/deprovision"] {
        for body in ["", " \n"] {
            let answer = server.receives(path, body).await;
            assert_eq!(
                (answer.status, answer.json()),
                (200, json!({ "response": "NO_PROVISIONING_ACTION" }))
            );
        }
    }
    *server.table.tests.lock().unwrap() = true;
    let answer = server.receives("/webhooks/deprovision", &payload()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "NO_PROVISIONING_ACTION" })));
    let deliveries = server.engine.deliveries();
    assert_eq!(deliveries.len(), 5);
    assert!(deliveries.iter().all(|delivery| delivery.arrival.request.execution == Execution::Closed));
}

#[tokio::test]
async fn what_is_not_there_is_404_and_a_webhook_is_posted() {
    let server = WebhookServer::start().await;
    for path in
        ["/", "/webhooks", "/webhooks/", "/webhooks/provision/", "/provision", "/metrics", "/api/v1/requests"]
    {
        assert_eq!(server.receives(path, &payload()).await.status, 404, "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let mut wire = Wire::to(server.address).await;
        wire.send(&format!("{method} /webhooks/provision HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    assert!(server.engine.deliveries().is_empty());
}

#[tokio::test]
async fn probes_tell_whether_it_lives_and_whether_the_journal_can_be_reached() {
    let server = WebhookServer::start().await;
    let probe = async |path: &str| {
        let mut wire = Wire::to(server.address).await;
        wire.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        wire.answer().await.status
    };
    assert_eq!((probe("/livez").await, probe("/readyz").await), (200, 200));
    server.engine.journal.break_with(Some(usher_journal::JournalError::OutOfReach("gone".to_owned())));
    assert_eq!((probe("/livez").await, probe("/readyz").await), (200, 503));
    assert_eq!(server.receives("/livez", "").await.status, 405);
}

#[tokio::test]
async fn a_defect_in_the_engine_is_still_answered_and_the_next_one_is_served() {
    let server = WebhookServer::start().await;
    server.engine.behaves(Behaviour::Panics);
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "NO_PROVISIONING_ACTION" })));
    assert!(answer.header("usher-request-id").is_some());
    assert_eq!(server.receives("/webhooks/deprovision", &payload()).await.status, 502);
    server.engine.behaves(Behaviour::Says(Answer::Positive));
    assert_eq!(server.receives("/webhooks/deprovision", &payload()).await.status, 204);
}

#[tokio::test]
async fn rule_15_the_engine_learns_at_once_that_a_sender_has_hung_up() {
    let server = WebhookServer::start().await;
    server.engine.behaves(Behaviour::Hangs);
    let mut wire = Wire::to(server.address).await;
    wire.send(&post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload())).await;
    server.engine.begun(1).await;
    drop(wire);
    server.engine.given_up(1).await;
}

#[tokio::test]
async fn what_a_sender_has_sent_whole_is_taken_in_though_it_has_closed_already() {
    let server = WebhookServer::start().await;
    let mut wire = Wire::to(server.address).await;
    wire.send(&post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload())).await;
    drop(wire);
    server.engine.begun(1).await;
}

/// It looks the same as one that is gone. What such a sender is not told is told at its task.
#[tokio::test]
async fn a_sender_that_closes_its_half_is_taken_for_one_that_has_hung_up() {
    let server = WebhookServer::start().await;
    server.engine.behaves(Behaviour::Hangs);
    let mut wire = Wire::to(server.address).await;
    wire.send(&post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload())).await;
    server.engine.begun(1).await;
    wire.finish().await;
    server.engine.given_up(1).await;
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn a_stop_answers_what_is_in_hand_and_takes_no_more() {
    let server = WebhookServer::start().await;
    let told = Arc::new(Notify::new());
    server.engine.behaves(Behaviour::Waits(told.clone(), Answer::Positive));
    let mut idle = Wire::to(server.address).await;
    let mut busy = Wire::to(server.address).await;
    busy.send(&post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload())).await;
    server.engine.begun(1).await;
    server.stop.cancel();
    assert!(idle.is_closed().await);
    assert!(TcpStream::connect(server.address).await.is_err());
    told.notify_one();
    let answer = busy.answer().await;
    assert_eq!(answer.status, 200);
    assert!(busy.is_closed().await);
    server.ended.await.unwrap();
}
