//! Too large, too slow, too many.

use std::time::Duration;

use usher_router::edge::Limits;

use crate::support::{Behaviour, SHARED_SECRET, ServerOptions, WebhookServer, Wire, payload, post};

/// Short enough to wait for, since it is what is tested.
const SHORT: Duration = Duration::from_millis(200);

fn limits() -> Limits {
    ServerOptions::default().limits
}

async fn impatient() -> WebhookServer {
    WebhookServer::with(ServerOptions {
        limits: Limits { receive: SHORT, ..limits() },
        ..ServerOptions::default()
    })
    .await
}

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_413_before_it_is_sent() {
    let server = WebhookServer::start().await;
    let mut wire = Wire::to(server.address).await;
    wire.send(&format!(
        "POST /webhooks/provision HTTP/1.1\r\nHost: x\r\nX-Usher-Key: {SHARED_SECRET}\r\nContent-Length: 65537\r\n\r\n"
    ))
    .await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["response"], "NO_PROVISIONING_ACTION");
    assert!(answer.header("usher-request-id").is_some());
    assert!(server.engine.deliveries().is_empty());
}

#[tokio::test]
async fn a_body_in_chunks_is_413_as_soon_as_it_is_too_large() {
    let server = WebhookServer::start().await;
    let mut wire = Wire::to(server.address).await;
    wire.send(&format!(
        "POST /webhooks/provision HTTP/1.1\r\nHost: x\r\nX-Usher-Key: {SHARED_SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ))
    .await;
    // Its last chunk never comes.
    wire.send(&format!("10001\r\n{}\r\n", "x".repeat(0x10001))).await;
    assert_eq!(wire.answer().await.status, 413);
    assert!(server.engine.deliveries().is_empty());
}

#[tokio::test]
async fn a_body_of_just_the_limit_and_one_in_chunks_are_taken() {
    let server = WebhookServer::start().await;
    let body = format!("{}{}", payload(), " ".repeat(64 * 1024 - payload().len()));
    assert_eq!(server.receives("/webhooks/provision", &body).await.status, 200);
    let mut wire = Wire::to(server.address).await;
    wire.send(&format!(
        "POST /webhooks/provision HTTP/1.1\r\nHost: x\r\nX-Usher-Key: {SHARED_SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        payload().len(),
        payload()
    ))
    .await;
    assert_eq!(wire.answer().await.status, 200);
    assert_eq!(server.engine.deliveries()[1].arrival.body, payload().as_bytes());
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408() {
    let server = impatient().await;
    let mut wire = Wire::to(server.address).await;
    let whole = post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload());
    wire.send(&whole[..whole.len() - 10]).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.json()["response"], "NO_PROVISIONING_ACTION");
    assert!(wire.is_closed().await);
    assert!(server.engine.deliveries().is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_408_and_silence_is_hung_up_on() {
    let server = impatient().await;
    let mut halting = Wire::to(server.address).await;
    halting.send("POST /webhooks/provision HTTP/1.1\r\nHost:").await;
    let mut silent = Wire::to(server.address).await;
    let answer = halting.answer().await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.json()["response"], "NO_PROVISIONING_ACTION");
    assert!(halting.is_closed().await);
    assert!(silent.is_closed().await);
}

#[tokio::test]
async fn one_who_has_shown_a_secret_may_keep_the_connection_for_longer() {
    let server = impatient().await;
    let mut known = Wire::to(server.address).await;
    known.send(&post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload())).await;
    assert_eq!(known.answer().await.status, 200);
    // A stranger is hung up on in the meantime.
    assert!(Wire::to(server.address).await.is_closed().await);
    known.send(&post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload())).await;
    assert_eq!(known.answer().await.status, 200);
}

#[tokio::test]
async fn a_stranger_s_connection_is_not_kept() {
    let server = WebhookServer::start().await;
    for (path, status) in [("/webhooks/provision", 401), ("/nothing", 404), ("/livez", 405)] {
        let mut wire = Wire::to(server.address).await;
        wire.send(&post(path, &[], &payload())).await;
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{path}");
        assert!(wire.is_closed().await);
    }
}

#[tokio::test]
async fn a_sender_that_sends_everything_before_it_reads_still_sees_its_answer() {
    let server = WebhookServer::start().await;
    let body = "x".repeat(900 * 1024);
    assert_eq!(server.receives_with("/webhooks/provision", &[], &body).await.status, 401);
    assert_eq!(server.receives("/webhooks/provision", &body).await.status, 413);
}

#[tokio::test]
async fn one_connection_too_many_is_told_when_to_come_again() {
    let limits = Limits { connections: 1, ..limits() };
    let server = WebhookServer::with(ServerOptions { limits, ..ServerOptions::default() }).await;
    let webhook = post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload());
    let mut first = Wire::to(server.address).await;
    first.send(&webhook).await;
    assert_eq!(first.answer().await.status, 200);
    let answer = server.receives("/webhooks/provision", &payload()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.json()["response"], "NO_PROVISIONING_ACTION");
    assert_eq!(server.counts.turned_away(), 1);
    first.send(&webhook).await;
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(server.engine.deliveries().len(), 2);
}

#[tokio::test]
async fn a_head_with_too_much_in_it_is_refused() {
    let server = WebhookServer::start().await;
    let many = "X-Filler: x\r\n".repeat(80);
    let long = format!("X-Filler: {}\r\n", "x".repeat(20 * 1024));
    for headers in [many, long] {
        let mut wire = Wire::to(server.address).await;
        wire.send(&format!("GET /livez HTTP/1.1\r\nHost: x\r\n{headers}\r\n")).await;
        assert_eq!(wire.answer().await.status, 431);
    }
}

#[tokio::test]
async fn an_engine_that_never_answers_is_answered_for_within_a_second_of_the_deadline() {
    let server =
        WebhookServer::with(ServerOptions { answer_within: SHORT, ..ServerOptions::default() }).await;
    server.engine.behaves(Behaviour::Hangs);
    let latest = SHORT + Duration::from_secs(1);
    let body = payload();
    let answer = server.receives("/webhooks/deprovision", &body);
    let answer = tokio::time::timeout(latest, answer).await.unwrap();
    assert_eq!(answer.status, 502);
    assert!(answer.header("usher-request-id").is_some());
}
