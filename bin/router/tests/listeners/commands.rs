//! The commands, as processes.

use serde_json::{Value, json};
use usher_engine::{Answer, OperateError};
use usher_journal::Execution;

use crate::support::{AdminServer, Behaviour, Ended, SHARED_SECRET, WebhookServer, payload, request, usher};

async fn as_dana(server: &AdminServer, arguments: &[&str]) -> Ended {
    let url = server.url();
    let environment = [("USHER_OPERATOR_TOKEN", "dana-token"), ("USHER_ADMIN", url.as_str())];
    usher(arguments, &environment, "").await
}

async fn sends(server: &WebhookServer, more: &[&str], stdin: &str) -> Ended {
    let url = format!("http://{}", server.address);
    let mut arguments = vec!["send", "-", "--url", &url, "--header", "X-Usher-Key", "--key-env", "KEY"];
    arguments.extend(more);
    usher(&arguments, &[("KEY", SHARED_SECRET)], stdin).await
}

async fn server_with_requests() -> AdminServer {
    let server = AdminServer::start().await;
    for (second, (id, execution)) in (0..).zip([
        ("grace", Execution::Confirmed),
        ("alan", Execution::NeedsHuman),
        ("edsger", Execution::Refused),
        ("barbara", Execution::BackingOff),
    ]) {
        server.engine.keeps(request(id, second, execution), payload().as_bytes()).await;
    }
    server
}

#[tokio::test]
async fn wrong_use_is_exit_2_and_help_is_exit_0() {
    for wrong in [&[][..], &["dance"], &["requests"], &["requests", "show"], &["requests", "replay", "a"]] {
        let ended = usher(wrong, &[], "").await;
        assert_eq!(ended.code, 2, "{wrong:?}");
    }
    for right in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let ended = usher(right, &[], "").await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{right:?}");
    }
    assert!(usher(&["--version"], &[], "").await.stdout.contains("(features: "));
}

#[tokio::test]
async fn requests_are_listed_as_a_table_for_people() {
    let server = server_with_requests().await;
    let ended = as_dana(&server, &["requests", "list"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ended.stdout);
    let ended = as_dana(&server, &["requests", "list", "--limit", "1", "--state", "needs-you"]).await;
    insta::assert_snapshot!(ended.stdout);
    let ended = as_dana(&server, &["requests", "list", "--limit", "1"]).await;
    assert!(ended.stdout.ends_with("There are more: add --before 4\n"), "{}", ended.stdout);
    let ended = as_dana(&server, &["requests", "list", "--app", "zendesk", "--state", "removed"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "No requests.\n"));
}

#[tokio::test]
async fn requests_are_listed_as_json_for_machines() {
    let server = server_with_requests().await;
    let ended = as_dana(&server, &["requests", "list", "--json", "--state", "waiting"]).await;
    assert_eq!(ended.json()["requests"][0]["id"], "barbara");
    assert_eq!(ended.json()["next"], json!(null));
}

#[tokio::test]
async fn one_request_is_shown_with_its_timeline_and_what_to_paste() {
    let server = server_with_requests().await;
    let ended = as_dana(&server, &["requests", "show", "edsger"]).await;
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!(ended.stdout);
    let ended = as_dana(&server, &["requests", "show", "alan"]).await;
    assert!(ended.stdout.contains("usher requests replay alan --reason"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_person_s_text_cannot_steer_the_terminal() {
    let server = AdminServer::start().await;
    let mut evil = request("evil", 0, Execution::Refused);
    evil.comment = Some("\u{1b}]0;owned\u{7}\u{1b}[2J".to_owned());
    evil.reason = Some("line\nbreak \u{202e}".to_owned());
    server.engine.keeps(evil, payload().as_bytes()).await;
    let ended = as_dana(&server, &["requests", "show", "evil"]).await;
    assert!(!ended.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", ended.stdout);
}

#[tokio::test]
async fn a_replay_of_several_goes_on_after_one_that_fails_and_exits_1() {
    let server = server_with_requests().await;
    let ended =
        as_dana(&server, &["requests", "replay", "nobody", "alan", "--reason", "the seat is bought"]).await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stdout,
        "nobody there is no request nobody, or it was older than [journal] keep: see usher requests list\nalan needs you\n"
    );
    assert_eq!(server.engine.acts.lock().unwrap()[0].3, "the seat is bought");
    let ended = as_dana(&server, &["requests", "close", "alan", "--reason", "done by hand", "--json"]).await;
    assert_eq!((ended.code, &ended.json()["id"]), (0, &json!("alan")));
    let conflict = OperateError::Conflict("it is still running: wait for it".to_owned());
    *server.engine.refuses.lock().unwrap() = Some(conflict);
    let ended = as_dana(&server, &["requests", "close", "alan", "--reason", "done", "--json"]).await;
    assert_eq!((ended.code, &ended.json()["error"]), (1, &json!("it is still running: wait for it")));
}

#[tokio::test]
async fn a_connection_is_paused_and_resumed() {
    let server = AdminServer::start().await;
    let ended = as_dana(&server, &["pause", "zendesk", "--reason", "an audit"]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (
            0,
            "zendesk is paused by dana since 2026-11-18 11:06:40Z (an audit): nothing is sent to it until usher resume zendesk --reason …\n"
        )
    );
    let ended = as_dana(&server, &["resume", "zendesk", "--reason", "over"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "zendesk goes on, and what waited for it.\n"));
    let ended = as_dana(&server, &["pause", "slack", "--reason", "an audit"]).await;
    assert_eq!(ended.code, 1);
    assert_eq!(ended.stderr, "usher: there is no connection slack: the configuration has zendesk\n");
}

#[tokio::test]
async fn a_missing_token_a_wrong_one_and_a_service_that_is_not_there_are_one_sentence_each() {
    let server = AdminServer::start().await;
    let url = server.url();
    let ended = usher(&["requests", "list", "--admin", &url], &[], "").await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.starts_with("usher: set USHER_OPERATOR_TOKEN"), "{}", ended.stderr);
    let wrong = [("USHER_OPERATOR_TOKEN", "wrong")];
    let ended = usher(&["requests", "list", "--admin", &url], &wrong, "").await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (1, 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("set USHER_OPERATOR_TOKEN"), "{}", ended.stderr);
    let ended = usher(&["requests", "list", "--admin", "http://127.0.0.1:1", "--json"], &wrong, "").await;
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(ended.code, 1);
    assert!(error["error"].as_str().unwrap().contains("usher serve"), "{error}");
}

#[tokio::test]
async fn send_says_what_lumos_would_conclude() {
    let server = WebhookServer::start().await;
    let ended = sends(&server, &[], &payload()).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("Lumos takes the access for given.\nstatus 200, after "), "{ended:?}");
    let ended = sends(&server, &["--deprovision", "--json"], &payload()).await;
    assert_eq!((ended.code, &ended.json()["status"]), (0, &json!(204)));
    let delivered = &server.engine.deliveries()[1].arrival.request;
    assert_eq!(
        (&ended.json()["request"], delivered.route.as_str()),
        (&json!(delivered.id.0), "/webhooks/deprovision")
    );
}

#[tokio::test]
async fn send_exits_1_where_lumos_would_not_take_it_for_done() {
    let server = WebhookServer::start().await;
    server.engine.behaves(Behaviour::Says(Answer::negative("no seat is left")));
    let ended = sends(&server, &[], &payload()).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("not given"), "{ended:?}");
    assert!(ended.stdout.contains("set USHER_OPERATOR_TOKEN to see why"), "{ended:?}");
    let ended = sends(&server, &["--deprovision"], &payload()).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("Why: no seat is left"), "{ended:?}");
    let ended = sends(&server, &[], "{").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("Why: the body: "), "{ended:?}");
    assert!(!ended.stdout.contains("page"), "what is no webhook has none: {ended:?}");
}

#[tokio::test]
async fn send_tells_what_was_made_of_a_repetition_that_has_no_reason_of_its_own() {
    let (webhooks, admin) = (WebhookServer::start().await, AdminServer::start().await);
    admin.engine.keeps(request("r", 0, Execution::Confirmed), payload().as_bytes()).await;
    let known =
        Behaviour::Knows(usher_journal::RequestId("r".to_owned()), Answer::negative("it was followed"));
    webhooks.engine.behaves(known);
    let (url, admin_url) = (format!("http://{}", webhooks.address), admin.url());
    let arguments =
        ["send", "-", "--url", &url, "--header", "X-Usher-Key", "--key-env", "KEY", "--admin", &admin_url];
    let environment = [("KEY", SHARED_SECRET), ("USHER_OPERATOR_TOKEN", "dana-token")];
    let ended = usher(&arguments, &environment, &payload()).await;
    assert_eq!(ended.code, 1);
    // The last sentence of its page.
    assert!(ended.stdout.contains("Why: Confirmed"), "{}", ended.stdout);
}

#[tokio::test]
async fn send_shows_the_reason_and_the_lines_to_paste_to_an_operator() {
    let (webhooks, admin) = (WebhookServer::start().await, AdminServer::start().await);
    let mut refused = request("r", 0, Execution::Refused);
    refused.reason = Some("no app takes app_id \"wiki\"".to_owned());
    admin.engine.keeps(refused, payload().as_bytes()).await;
    let known = Behaviour::Knows(usher_journal::RequestId("r".to_owned()), Answer::negative("not mapped"));
    webhooks.engine.behaves(known);
    let (url, admin_url) = (format!("http://{}", webhooks.address), admin.url());
    let arguments =
        ["send", "-", "--url", &url, "--header", "X-Usher-Key", "--key-env", "KEY", "--admin", &admin_url];
    let environment = [("KEY", SHARED_SECRET), ("USHER_OPERATOR_TOKEN", "dana-token")];
    let ended = usher(&arguments, &environment, &payload()).await;
    assert!(ended.stdout.contains("Why: no app takes app_id \"wiki\"\n"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("    [apps.wiki]\n    app_id = \"wiki\"\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn send_tells_what_is_missing() {
    let arguments = [
        "send",
        "nothing.json",
        "--url",
        "http://127.0.0.1:1",
        "--header",
        "X-Usher-Key",
        "--key-env",
        "KEY",
    ];
    let ended = usher(&arguments, &[], "").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (2, "usher: --key-env: set KEY to the shared secret\n"));
    let ended = usher(&arguments, &[("KEY", "k")], "").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.starts_with("usher: nothing.json cannot be read"), "{}", ended.stderr);
    let mut arguments = arguments;
    arguments[1] = "-";
    let ended = usher(&arguments, &[("KEY", "k")], "{}").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("does not answer"), "{}", ended.stderr);
}
