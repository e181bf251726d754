//! `usher connections` and `GET /api/v1/connections`: who paused a connection, and whether its vendor answers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use usher_core::LimitState;
use usher_engine::{BreakerState, BreakerView};

use crate::support::{AdminServer, Ended, usher};

const SINCE: &str = "2026-11-24T12:03:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn closed() -> BreakerView {
    BreakerView {
        state: BreakerState::Closed,
        since: None,
        failures: 0,
        next_probe_at: None,
        last_fault: None,
    }
}

/// Open, with its next probe at a moment.
fn open(next: &str) -> BreakerView {
    BreakerView {
        state: BreakerState::Open,
        since: Some(at(SINCE)),
        failures: 5,
        next_probe_at: Some(at(next)),
        last_fault: Some("find user: the vendor failed, status 503".to_owned()),
    }
}

async fn server_with(breaker: Option<BreakerView>) -> AdminServer {
    let server = AdminServer::start().await;
    if let Some(breaker) = breaker {
        server.engine.breakers.lock().unwrap().insert("zendesk".to_owned(), breaker);
    }
    server
}

async fn connections(server: &AdminServer, more: &[&str]) -> Ended {
    let url = server.url();
    let mut arguments = vec!["connections"];
    arguments.extend(more);
    usher(&arguments, &[("USHER_OPERATOR_TOKEN", "audit-token"), ("USHER_ADMIN", url.as_str())], "").await
}

#[tokio::test]
async fn the_api_shows_each_connections_circuit() {
    let server = server_with(Some(open("2026-11-24T12:04:00Z"))).await;
    let shown = async |server: &AdminServer| {
        server.get("/api/v1/connections", Some("audit-token")).await.json()["connections"][0]["breaker"]
            .clone()
    };
    assert_eq!(
        shown(&server).await,
        json!({
            "state": "open",
            "since": SINCE,
            "failures": 5,
            "next_probe_at": "2026-11-24T12:04:00Z",
            "last_fault": "find user: the vendor failed, status 503"
        })
    );
    // Whoever pauses it sees it too.
    let paused =
        server.post("/api/v1/connections/zendesk/pause", "dana-token", r#"{"reason": "because"}"#).await;
    assert_eq!(paused.json()["breaker"]["state"], "open");
    let resumed =
        server.post("/api/v1/connections/zendesk/resume", "dana-token", r#"{"reason": "because"}"#).await;
    assert_eq!(resumed.json()["breaker"]["state"], "open");
    assert_eq!(shown(&server_with(None).await).await, json!(null));
}

#[tokio::test]
async fn a_connection_that_is_paused_and_fails_is_shown_with_who_and_why() {
    let server = server_with(Some(open("2999-01-01T00:00:00Z"))).await;
    server.post("/api/v1/connections/zendesk/pause", "dana-token", r#"{"reason": "an audit"}"#).await;
    let ended = connections(&server, &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ended.stdout);
}

#[tokio::test]
async fn how_the_vendor_does_is_said_in_words() {
    let few = BreakerView { since: Some(at(SINCE)), failures: 2, ..closed() };
    let half_open = BreakerView { state: BreakerState::HalfOpen, ..open("2026-11-24T12:04:00Z") };
    for (breaker, line) in [
        (Some(closed()), "zendesk     zendesk-license  zendesk  sent     no failures"),
        (Some(few), "zendesk     zendesk-license  zendesk  sent     2 failures since 2026-11-24 12:03:00Z"),
        (
            Some(half_open),
            "zendesk     zendesk-license  zendesk  sent     fails since 2026-11-24 12:03:00Z  under way",
        ),
        // It is due already.
        (
            Some(open("2026-11-24T12:04:00Z")),
            "zendesk     zendesk-license  zendesk  sent     fails since 2026-11-24 12:03:00Z  with the next request",
        ),
        (None, "zendesk     zendesk-license  zendesk  sent     not watched (breaker = false)"),
    ] {
        let ended = connections(&server_with(breaker).await, &[]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(ended.stdout.lines().nth(1), Some(line), "{ended:?}");
    }
}

#[tokio::test]
async fn what_waits_for_the_vendors_limit_is_told() {
    let server = server_with(Some(closed())).await;
    let limit =
        LimitState { waiting: 40, under_way: 8, put_off: 1, closed_for: Duration::from_millis(11_500) };
    *server.engine.limit.lock().unwrap() = Some(limit);
    let shown = server.get("/api/v1/connections", Some("audit-token")).await.json();
    let limit = json!({ "waiting": 40, "under_way": 8, "put_off": 1, "closed_for_s": 12 });
    assert_eq!(shown["connections"][0]["limit"], limit);
    let ended = connections(&server, &[]).await;
    let note = "note: zendesk: the vendor's own limit lets nothing through for 12 s; 40 calls wait for its limits; 1 request comes again later";
    assert_eq!(ended.stdout.lines().last(), Some(note), "{ended:?}");
}

#[tokio::test]
async fn machines_get_the_same_as_json_and_nobody_without_a_token() {
    let server = server_with(Some(closed())).await;
    let ended = connections(&server, &["--json"]).await;
    let connection = &ended.json()["connections"][0];
    assert_eq!((&connection["name"], &connection["paused"]), (&json!("zendesk"), &json!(null)));
    assert_eq!(connection["breaker"]["state"], "closed");
    assert_eq!(server.get("/api/v1/connections", None).await.status, 401);
}
