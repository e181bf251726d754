//! What operators do at the command line, against the running service.

use serde_json::json;
use usher_sandbox::{Fault, Operation, Rule};

use crate::support::{AUDIT, Payload, about, world};

#[tokio::test]
async fn an_unmapped_permission_is_shown_with_the_lines_to_paste_by_send_and_by_show() {
    let (sandbox, usher) = world().await;
    let payload = Payload::grant("ann@example.com", &["talk_supervisor"]);
    let sent = usher.play_lumos(&payload, &[]).await;
    assert_eq!(sent.code, 1, "{sent:?}");
    assert!(sent.stdout.contains("opens a manual task"), "{sent:?}");
    assert!(sent.stdout.contains("paste this into usher.toml"), "{sent:?}");
    assert!(sent.stdout.contains("talk_supervisor = "), "{sent:?}");
    let id = usher.rows().await[0].id().to_owned();
    let shown = usher.command(&["requests", "show", &id]).await;
    assert_eq!(shown.code, 0);
    assert!(shown.stdout.starts_with("refused"), "{shown:?}");
    assert!(shown.stdout.contains("talk_supervisor = "), "{shown:?}");
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn an_unmapped_app_is_shown_with_a_whole_section_to_paste() {
    let (sandbox, usher) = world().await;
    let payload = Payload::grant("ann@example.com", &["seat"]).app("sales force");
    let sent = usher.play_lumos(&payload, &[]).await;
    for expected in ["[apps.\"sales force\"]", "connection = \"zendesk\"", "seat = "] {
        assert!(sent.stdout.contains(expected), "{expected}: {}", sent.stdout);
    }
    let json = usher.play_lumos(&Payload::grant("ben@example.com", &["seat"]).app("x"), &["--json"]).await;
    let said = json.json();
    assert_eq!((json.code, &said["success"], &said["status"]), (1, &json!(false), &json!(200)));
    assert!(said["paste"].as_str().unwrap().contains("[apps.x]"), "{said}");
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn send_plays_lumos_in_both_directions_and_says_what_lumos_concludes() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let given = usher.play_lumos(&Payload::grant("ann@example.com", &["agent"]), &[]).await;
    assert_eq!(given.code, 0, "{given:?}");
    assert!(given.stdout.contains("Lumos takes the access for given."), "{given:?}");
    assert_eq!(sandbox.role("ann@example.com").await, "agent");
    let removal = Payload::removal("ann@example.com", &["agent"]);
    let taken = usher.play_lumos(&removal, &["--deprovision"]).await;
    assert_eq!(taken.code, 0, "{taken:?}");
    assert!(taken.stdout.contains("Lumos takes the access for removed."), "{taken:?}");
    assert_eq!(sandbox.role("ann@example.com").await, "end-user");
}

#[tokio::test]
async fn requests_are_listed_and_filtered_by_what_people_know_of_them() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com", "ben@example.com"]).await;
    usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    usher.send(&Payload::removal("ann@example.com", &["agent"])).await;
    let refused = usher.send(&Payload::grant("ben@example.com", &["nothing"])).await;
    usher.ended(&refused.id).await;
    let list = async |filters: &[&str]| {
        let arguments = [&["--json", "requests", "list"], filters].concat();
        let ended = usher.command(&arguments).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let rows = ended.json()["requests"].as_array().unwrap().clone();
        rows.into_iter().map(|row| row["word"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&[]).await, ["refused", "removed", "granted"]);
    assert_eq!(list(&["--state", "granted"]).await, ["granted"]);
    assert_eq!(list(&["--direction", "deprovision"]).await, ["removed"]);
    assert_eq!(list(&["--subject", "Ben@Example.com"]).await, ["refused"]);
    assert_eq!(list(&["--app", "zendesk", "--limit", "1"]).await, ["refused"]);
    let misspelt = usher.command(&["requests", "list", "--connection", "zendeks"]).await;
    assert_eq!((misspelt.code, misspelt.stdout.as_str()), (2, ""), "{misspelt:?}");
    assert!(misspelt.stderr.contains("did you mean zendesk?"), "{misspelt:?}");
    assert_eq!(list(&["--since", "1h", "--state", "needs-you"]).await, [""; 0]);
    let table = usher.command(&["requests", "list"]).await.stdout;
    assert!(table.contains("ann@example.com") && table.contains("removed"), "{table}");
}

#[tokio::test]
async fn a_paused_connection_is_sent_nothing_over_a_restart_until_it_goes_on() {
    let (sandbox, mut usher) = world().await;
    sandbox.end_users(&["ann@example.com", "ben@example.com"]).await;
    let paused = usher.command(&["pause", "zendesk", "--reason", "migration"]).await;
    assert_eq!(paused.code, 0, "{paused:?}");
    assert!(paused.stdout.contains("paused by dana"), "{paused:?}");
    let answer = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    assert!(answer.is_no(), "{answer:?}");
    let row = usher.wait_until(&answer.id, |row| row.reason().contains("migration")).await;
    assert_eq!(row.word(), "waiting");
    usher.kill_9();
    usher.restart().await;
    assert!(usher.send(&Payload::grant("ben@example.com", &["agent"])).await.is_no());
    assert!(sandbox.effects_on("ann@example.com").await.is_empty());
    assert!(sandbox.effects_on("ben@example.com").await.is_empty());
    let resumed = usher.command(&["resume", "zendesk", "--reason", "done"]).await;
    assert_eq!(resumed.stdout.trim(), "zendesk goes on, and what waited for it.", "{resumed:?}");
    usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    assert_eq!(sandbox.effects_on("ann@example.com").await.len(), 1);
}

#[tokio::test]
async fn replay_and_close_need_a_reason_and_stand_in_the_history_with_who_did_it() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com", "ben@example.com"]).await;
    let forbidden = |email| Rule::always(about(Operation::UpdateUser, email), Fault::Forbidden);
    let rule = sandbox.fault(forbidden("ann@example.com")).await;
    let hold = sandbox.hold(about(Operation::SearchUsers, "ben@example.com"), false).await;
    let refused = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    assert!(refused.is_no());
    assert_eq!(usher.ended(&refused.id).await.word(), "refused");
    let without = usher.command(&["requests", "replay", &refused.id]).await;
    assert_eq!(without.code, 2, "{without:?}");
    sandbox.clear(rule).await;
    let replayed =
        usher.command(&["requests", "replay", &refused.id, "--reason", "scopes were mended"]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    usher.wait_until(&refused.id, |row| row.word() == "granted").await;
    let history = usher.history(&refused.id).await;
    assert!(history.iter().any(|line| line == "Run again by dana: scopes were mended."), "{history:#?}");

    let payload = Payload::grant("ben@example.com", &["agent"]);
    let waiting = tokio::spawn(usher.try_send(&payload));
    let id = usher.row_of(&payload).await.id().to_owned();
    let closed = usher.command(&["requests", "close", &id, "--reason", "asked for by mistake"]).await;
    assert_eq!(closed.code, 0, "{closed:?}");
    assert!(waiting.await.unwrap().unwrap().is_no());
    sandbox.release(hold).await;
    usher.wait_until(&id, |row| row.0["execution"] == "closed").await;
    let history = usher.history(&id).await;
    assert!(history.iter().any(|line| line.contains("by dana: asked for by mistake.")), "{history:#?}");
    assert!(sandbox.effects_on("ben@example.com").await.is_empty());
}

#[tokio::test]
async fn a_viewer_looks_and_may_not_act_and_a_wrong_token_does_neither() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let id = usher.send(&Payload::grant("ann@example.com", &["agent"])).await.id;
    assert_eq!(usher.command_as(AUDIT, &["requests", "list"]).await.code, 0);
    assert_eq!(usher.command_as(AUDIT, &["requests", "show", &id]).await.code, 0);
    for (token, status_says) in [(AUDIT, "operator"), ("wrong-token-0123456789abcdef", "[admin.operators]")] {
        for arguments in [
            &["requests", "replay", &id, "--reason", "x"][..],
            &["requests", "close", &id, "--reason", "x"],
            &["pause", "zendesk", "--reason", "x"],
            &["resume", "zendesk", "--reason", "x"],
        ] {
            let ended = usher.command_as(token, arguments).await;
            assert_eq!(ended.code, 1, "{arguments:?}: {ended:?}");
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(said.contains(status_says), "{arguments:?}: {said}");
        }
    }
    assert_eq!(usher.command_as("wrong-token-0123456789abcdef", &["requests", "list"]).await.code, 1);
    let without = usher.command_as("", &["requests", "list"]).await;
    assert_eq!(without.code, 2);
    assert!(without.stderr.contains("USHER_OPERATOR_TOKEN"), "{without:?}");
    assert_eq!(usher.history(&id).await.iter().filter(|line| line.contains("again")).count(), 0);
}
