//! When the answer's clock starts.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{HandClock, SHARED_SECRET, ServerOptions, WebhookServer, Wire, payload, post};

const STEP: Duration = Duration::from_secs(2);

async fn server() -> (WebhookServer, Arc<HandClock>) {
    let clock = Arc::new(HandClock::new());
    let server =
        WebhookServer::with(ServerOptions { clock: clock.clone(), ..ServerOptions::default() }).await;
    (server, clock)
}

/// Sends, and waits until the listener has read it.
async fn send_and_be_read(wire: &mut Wire, clock: &HandClock, text: &str) {
    let before = clock.looks();
    wire.send(text).await;
    clock.looked_at_since(before).await;
}

#[tokio::test]
async fn rule_16_the_clock_starts_with_the_first_byte() {
    let (server, clock) = server().await;
    let mut wire = Wire::to(server.address).await;
    // The connection itself is timed too, from when it is accepted.
    clock.looked_at_since(0).await;
    let text = post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload());
    clock.pass(STEP);
    send_and_be_read(&mut wire, &clock, &text[..1]).await;
    clock.pass(STEP);
    send_and_be_read(&mut wire, &clock, &text[1..30]).await;
    clock.pass(STEP);
    wire.send(&text[30..]).await;
    assert_eq!(wire.answer().await.status, 200);
    assert_eq!(server.engine.deliveries()[0].began, clock.start() + STEP);
}

#[tokio::test]
async fn rule_16_a_second_request_on_the_same_connection_has_a_clock_of_its_own() {
    let (server, clock) = server().await;
    let mut wire = Wire::to(server.address).await;
    let text = post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload());
    wire.send(&text).await;
    assert_eq!(wire.answer().await.status, 200);
    clock.pass(STEP);
    send_and_be_read(&mut wire, &clock, &text[..1]).await;
    clock.pass(STEP);
    wire.send(&text[1..]).await;
    assert_eq!(wire.answer().await.status, 200);
    let deliveries = server.engine.deliveries();
    assert_eq!(deliveries[0].began, clock.start());
    assert_eq!(deliveries[1].began, clock.start() + STEP);
}

#[tokio::test]
async fn two_requests_in_one_go_are_both_answered() {
    let (server, _) = server().await;
    let mut wire = Wire::to(server.address).await;
    let text = post("/webhooks/provision", &[("X-Usher-Key", SHARED_SECRET)], &payload());
    wire.send(&format!("{text}{text}")).await;
    assert_eq!(wire.answer().await.status, 200);
    assert_eq!(wire.answer().await.status, 200);
    assert_eq!(server.engine.deliveries().len(), 2);
}
