//! What operators see and do.

use serde_json::json;
use usher_core::Direction;
use usher_engine::{Act, OperateError};
use usher_journal::{Execution, JournalError, RequestId};

use crate::support::{AdminServer, Wire, payload, request};

const DANA: Option<&str> = Some("dana-token");

async fn server_with_requests() -> AdminServer {
    let server = AdminServer::start().await;
    let states = [
        ("a", Execution::Refused),
        ("b", Execution::Accepted),
        ("c", Execution::Closed),
        ("d", Execution::NeedsHuman),
        ("e", Execution::Refused),
        ("f", Execution::Confirmed),
    ];
    for (second, (id, execution)) in (0..).zip(states) {
        server.engine.keeps(request(id, second, execution), payload().as_bytes()).await;
    }
    server
}

async fn ids(server: &AdminServer, query: &str) -> Vec<String> {
    let answer = server.get(&format!("/api/v1/requests{query}"), DANA).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let page = answer.json();
    page["requests"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn nothing_but_the_probes_is_told_without_a_token() {
    let server = server_with_requests().await;
    for path in ["/api/v1/requests", "/api/v1/requests/a", "/api/v1/connections", "/nothing", "/"] {
        for token in [None, Some("wrong"), Some("")] {
            let answer = server.get(path, token).await;
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (401, Some("Bearer")),
                "{path} {token:?}"
            );
            assert!(answer.json()["error"].as_str().unwrap().contains("[admin.operators]"));
        }
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.get(path, None).await.status, 200);
    }
    server.engine.journal.break_with(Some(JournalError::OutOfReach("gone".to_owned())));
    assert_eq!(server.get("/readyz", None).await.status, 503);
    assert_eq!(server.get("/api/v1/requests", DANA).await.status, 503);
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let server = server_with_requests().await;
    for path in ["/api/v1/requests", "/api/v1/requests/a", "/api/v1/connections"] {
        assert_eq!(server.get(path, Some("audit-token")).await.status, 200, "{path}");
    }
    for path in [
        "/api/v1/requests/a/replay",
        "/api/v1/requests/a/close",
        "/api/v1/connections/zendesk/pause",
        "/api/v1/connections/zendesk/resume",
    ] {
        let answer = server.post(path, "audit-token", r#"{"reason": "because"}"#).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.json()["error"].as_str().unwrap().starts_with("audit may only read"));
    }
    assert!(server.engine.acts.lock().unwrap().is_empty());
    assert_eq!(server.get("/api/v1/connections", DANA).await.json()["connections"][0]["paused"], json!(null));
}

#[tokio::test]
async fn requests_are_listed_newest_first_by_word_and_by_state() {
    let server = server_with_requests().await;
    let mut order = request("g", 9, Execution::Confirmed);
    order.direction = Direction::Deprovision;
    server.engine.keeps(order, payload().as_bytes()).await;
    assert_eq!(ids(&server, "").await, ["g", "f", "e", "d", "c", "b", "a"]);
    assert_eq!(ids(&server, "?word=refused").await, ["e", "c", "a"]);
    assert_eq!(ids(&server, "?word=waiting").await, ["b"]);
    assert_eq!(ids(&server, "?word=needs-you").await, ["d"]);
    assert_eq!(ids(&server, "?word=granted").await, ["f"]);
    assert_eq!(ids(&server, "?word=removed").await, ["g"]);
    assert_eq!(ids(&server, "?word=granted&direction=deprovision").await, Vec::<String>::new());
    assert_eq!(ids(&server, "?word=refused&execution=closed").await, ["c"]);
    assert_eq!(ids(&server, "?execution=needs-human").await, ["d"]);
    assert_eq!(ids(&server, "?subject=%20A@Example.COM").await, ["a"]);
    assert_eq!(ids(&server, "?app=zendesk&word=waiting&direction=deprovision").await, Vec::<String>::new());
    assert_eq!(ids(&server, "?connection=zendesk&direction=deprovision").await, ["g"]);
    let since = request("x", 5, Execution::Accepted).received;
    assert_eq!(ids(&server, &format!("?since={since}")).await, ["g", "f"]);
}

#[tokio::test]
async fn pages_of_a_word_that_stands_for_several_states_neither_lose_nor_repeat_a_row() {
    let server = server_with_requests().await;
    let mut seen = Vec::new();
    let mut query = "?word=refused&limit=1".to_owned();
    loop {
        let page = server.get(&format!("/api/v1/requests{query}"), DANA).await.json();
        seen.extend(page["requests"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let Some(next) = page["next"].as_u64() else { break };
        query = format!("?word=refused&limit=1&before={next}");
    }
    assert_eq!(seen, ["e", "c", "a"]);
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_told_and_not_ignored() {
    let server = server_with_requests().await;
    for (query, named) in [
        ("?word=done", "granted"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=many", "limit"),
        ("?execution=done", "execution"),
        ("?since=yesterday", "since"),
        ("?colour=red", "colour"),
    ] {
        let answer = server.get(&format!("/api/v1/requests{query}"), DANA).await;
        assert_eq!(answer.status, 400, "{query}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(named), "{query}: {error}");
    }
}

#[tokio::test]
async fn a_request_s_page_tells_what_happened_in_sentences() {
    let server = AdminServer::start().await;
    let mut refused = request("r", 0, Execution::Refused);
    refused.reason = Some("no app takes app_id \"wiki\"".to_owned());
    refused.comment = Some("please".to_owned());
    refused.task_url = Some("https://app.lumosidentity.com/tasks?requestId=4711".to_owned());
    server.engine.keeps(refused, payload().as_bytes()).await;
    let page = server.get("/api/v1/requests/r", DANA).await.json();
    insta::assert_json_snapshot!(page);
}

#[tokio::test]
async fn an_address_of_another_host_never_becomes_a_link() {
    let server = AdminServer::start().await;
    for (id, url) in [
        ("1", "https://lumosidentity.com.evil.example/tasks"),
        ("2", "javascript:alert(1)//lumosidentity.com"),
        ("3", "https://lumosidentity.com@evil.example/"),
    ] {
        let mut kept = request(id, 0, Execution::Confirmed);
        kept.task_url = Some(url.to_owned());
        server.engine.keeps(kept, payload().as_bytes()).await;
        let page = server.get(&format!("/api/v1/requests/{id}"), DANA).await;
        assert_eq!(page.json()["task_link"], json!(null), "{url}");
        assert!(!page.body.contains("evil"), "{}", page.body);
    }
}

#[tokio::test]
async fn what_to_paste_is_shown_for_a_refusal_alone() {
    let server = server_with_requests().await;
    for (id, paste) in [("a", true), ("f", false), ("d", false)] {
        let page = server.get(&format!("/api/v1/requests/{id}"), DANA).await.json();
        assert_eq!(page["paste"].is_string(), paste, "{id}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_with_what_to_do() {
    let server = server_with_requests().await;
    for path in ["/api/v1/requests/zz", "/api/v1/nothing"] {
        let answer = server.get(path, DANA).await;
        assert_eq!(answer.status, 404);
        assert!(answer.json()["error"].is_string());
    }
    let answer = server.post("/api/v1/requests/zz/replay", "dana-token", r#"{"reason": "because"}"#).await;
    assert_eq!(answer.status, 404);
    let answer =
        server.post("/api/v1/connections/slack/pause", "dana-token", r#"{"reason": "because"}"#).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"], "there is no connection slack: the configuration has zendesk");
    assert_eq!(server.post("/api/v1/requests", "dana-token", "").await.status, 405);
}

#[tokio::test]
async fn a_change_needs_a_reason_that_can_be_kept() {
    let server = server_with_requests().await;
    let too_long = json!({ "reason": "x".repeat(1001) }).to_string();
    for body in
        ["", "{}", "because", r#"{"reason": ""}"#, r#"{"reason": " \n"}"#, r#"{"reason": 7}"#, &too_long]
    {
        for path in
            ["/api/v1/requests/a/replay", "/api/v1/requests/a/close", "/api/v1/connections/zendesk/pause"]
        {
            let answer = server.post(path, "dana-token", body).await;
            assert_eq!(answer.status, 400, "{path} {body}");
            assert!(answer.json()["error"].as_str().unwrap().contains("reason"), "{answer:?}");
        }
    }
    let flood = json!({ "reason": "x".repeat(20_000) }).to_string();
    assert_eq!(server.post("/api/v1/requests/a/replay", "dana-token", &flood).await.status, 413);
    assert!(server.engine.acts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn rule_11_a_replay_and_a_close_say_who_and_why() {
    let server = server_with_requests().await;
    let longest = "ü".repeat(1000);
    let answer = server.post("/api/v1/requests/a/replay", "dana-token", r#"{"reason": " mended "}"#).await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!("a")));
    let body = json!({ "reason": longest }).to_string();
    assert_eq!(server.post("/api/v1/requests/d/close", "dana-token", &body).await.status, 200);
    let acts = server.engine.acts.lock().unwrap().clone();
    assert_eq!(
        acts,
        [
            (RequestId("a".to_owned()), Act::Replay, "dana".to_owned(), "mended".to_owned()),
            (RequestId("d".to_owned()), Act::Close, "dana".to_owned(), longest),
        ]
    );
}

#[tokio::test]
async fn what_the_engine_will_not_do_is_told_in_its_words() {
    let server = server_with_requests().await;
    let conflict = OperateError::Conflict("it is still running: wait for it".to_owned());
    *server.engine.refuses.lock().unwrap() = Some(conflict);
    let answer = server.post("/api/v1/requests/b/replay", "dana-token", r#"{"reason": "because"}"#).await;
    assert_eq!((answer.status, answer.json()), (409, json!({ "error": "it is still running: wait for it" })));
}

#[tokio::test]
async fn rule_19_a_pause_is_kept_with_who_and_why_until_it_is_lifted() {
    let server = server_with_requests().await;
    let paused =
        async || server.get("/api/v1/connections", DANA).await.json()["connections"][0]["paused"].clone();
    let answer =
        server.post("/api/v1/connections/zendesk/pause", "dana-token", r#"{"reason": "an audit"}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!((&paused().await["by"], &paused().await["reason"]), (&json!("dana"), &json!("an audit")));
    let answer =
        server.post("/api/v1/connections/zendesk/resume", "dana-token", r#"{"reason": "over"}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(paused().await, json!(null));
}

#[tokio::test]
async fn a_page_that_was_rebound_to_this_machine_is_turned_away() {
    let server = server_with_requests().await;
    let mut status = Vec::new();
    for host in
        ["evil.example", "localhost.evil.example:9470", "", "localhost:9470", "127.0.0.1", "[::1]:9470"]
    {
        let mut wire = Wire::to(server.address).await;
        wire.send(&format!(
            "GET /api/v1/requests HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer dana-token\r\n\r\n"
        ))
        .await;
        status.push(wire.answer().await.status);
    }
    assert_eq!(status, [421, 421, 421, 200, 200, 200]);
}
