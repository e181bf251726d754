//! Changes that the application only accepts (202), and how they are followed (rule 7).

use std::time::Duration;

use serde_json::json;
use usher_core::{Account, Known, RefusalKind, Remedy, Sent, Snapshot, Watch, WatchState};

use crate::support::{ADA, App, DIRECTORY, Reply, followed, hold, nobody, ok, reply, role, text, with_roles};

fn accepted(location: &str) -> Reply {
    reply(202, json!({"state": "queued", "note": "a-word-of-the-202"})).header("location", location)
}

/// Somebody whose creation was accepted.
async fn accept(app: &App, location: &str) -> Watch {
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let receipt = app.apply(&seen, &action, accepted(location)).await.unwrap();
    assert_eq!(receipt.handles.len(), 0, "what is kept is read from the poll's last answer");
    app.sent();
    receipt.watch.unwrap()
}

async fn look(app: &App, watch: &Watch, replies: impl IntoIterator<Item = Reply>) -> Snapshot {
    app.answers(replies);
    app.try_see(&followed(watch), &[role("editor")]).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn rule_07_a_202_is_no_answer_and_is_followed_to_its_end() {
    let app = App::new(DIRECTORY);
    let watch = accept(&app, "/api/jobs/3").await;
    assert_eq!(watch.facets, [role("editor")].into());
    assert_eq!((watch.every, watch.within), (Duration::from_millis(500), Duration::from_secs(600)));

    let seen = look(&app, &watch, [ok(json!({"state": "running"})), nobody()]).await;
    assert_eq!((seen.watches, seen.account), (vec![WatchState::Running], Account::Absent));
    assert_eq!(app.sent()[0], "GET /api/jobs/3", "it is asked before the look-ups");

    let seen =
        look(&app, &watch, [ok(json!({"state": "done", "id": 478})), with_roles(json!(["editor"]))]).await;
    assert_eq!(seen.watches, [WatchState::Done]);
    assert_eq!(seen.handles["known.id"], "478", "kept from the poll's last answer");
    let evidence: Vec<String> =
        seen.evidence.iter().map(|line| format!("{}: {}", line.call, line.shows)).collect();
    assert_eq!(evidence[0], "GET {headers.location}: finished");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_application_gives_up_is_refused() {
    let app = App::new(DIRECTORY);
    let watch = accept(&app, "/api/jobs/3").await;
    let seen = look(&app, &watch, [ok(json!({"state": "failed", "why": ADA})), nobody()]).await;
    let [WatchState::Failed(refusal)] = seen.watches.as_slice() else { panic!("{:?}", seen.watches) };
    assert_eq!(refusal.kind, RefusalKind::Other);
    assert!(refusal.sentence.contains("gave up the step “provision 1”") && !refusal.sentence.contains(ADA));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_listed_is_still_running_for_all_that_anybody_knows() {
    let app = App::new(DIRECTORY);
    let watch = accept(&app, "/api/jobs/3").await;
    for status in [404, 410] {
        let seen = look(&app, &watch, [reply(status, json!({})), nobody()]).await;
        assert_eq!(seen.watches, [WatchState::Running]);
    }
    let app = App::new(
        &DIRECTORY
            .replace("until = \"json.state == 'done'\"", "until = \"status == 404 or json.state == 'done'\""),
    );
    let watch = accept(&app, "/api/jobs/3").await;
    app.answers([reply(404, json!({"id": 1})), nobody()]);
    let seen = app.try_see(&followed(&watch), &[]).await.unwrap();
    assert_eq!(seen.watches, [WatchState::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_fails_or_says_nothing_proves_nothing() {
    let app = App::new(DIRECTORY);
    let watch = accept(&app, "/api/jobs/3").await;
    for (answer, remedy) in [
        (reply(401, json!({})), Remedy::Person),
        (reply(500, json!({})), Remedy::Retry { after: None }),
        (text(200, "<html></html>"), Remedy::Retry { after: None }),
        (ok(json!({"status": "done"})), Remedy::Person),
    ] {
        app.answers([answer]);
        let fault = app.try_see(&followed(&watch), &[]).await.unwrap_err();
        assert_eq!(fault.remedy, remedy, "{fault}");
        app.sent();
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_202_no_more_is_remembered_than_the_poll_mentions() {
    let app =
        App::new(&DIRECTORY.replace("{{ headers.location }}", "/jobs/{{ json.job.id }}/{{ user.email }}"));
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let body = json!({"state": "queued", "id": 9, "job": {"id": "a/b", "password": "a-word-of-the-202"}});
    let receipt = app.apply(&seen, &action, reply(202, body)).await.unwrap();
    let watch = receipt.watch.unwrap();
    assert_eq!(watch.args, json!({"step": "provision 1", "scope": {"json": {"job": {"id": "a/b"}}}}));
    app.sent();
    look(&app, &watch, [ok(json!({"state": "running"})), nobody()]).await;
    assert_eq!(app.sent()[0], "GET /jobs/a%2Fb/ada%40acme.example");
}

#[tokio::test(start_paused = true)]
async fn a_202_whose_end_cannot_be_asked_for_is_looked_for() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    for location in ["https://evil.example/jobs/3", "http://api.acme.example/jobs/3", "//evil.example/jobs/3"]
    {
        let fault = app.apply(&seen, &action, accepted(location)).await.unwrap_err();
        assert_eq!((fault.sent, fault.remedy.clone()), (Sent::Maybe, Remedy::ReadBack));
        assert!(fault.to_string().contains("another origin"), "{fault}");
    }
    let fault = app.apply(&seen, &action, reply(202, json!({}))).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::ReadBack);
    let without = App::new(&DIRECTORY.replace(
        "json.roles = \"{{ slot.role.after }}\"",
        "json.roles = \"{{ slot.role.after }}\"\nexpect.status = [200, 202]",
    ));
    let seen = without.see(&[], [with_roles(json!([]))]).await;
    let action = without.action(&seen, &hold([role("editor")]));
    let fault = without.apply(&seen, &action, reply(202, json!({}))).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::Maybe, Remedy::ReadBack));
}

#[tokio::test(start_paused = true)]
async fn a_202_of_which_too_much_would_have_to_be_remembered_is_looked_for() {
    let app = App::new(&DIRECTORY.replace("{{ headers.location }}", "/jobs/{{ json.job | length }}"));
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let body = json!({"job": "x".repeat(70_000)});
    let fault = app.apply(&seen, &action, reply(202, body)).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy.clone()), (Sent::Maybe, Remedy::ReadBack));
    assert!(fault.to_string().contains("more than 65536 bytes"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_final_at_once_is_not_followed() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let receipt = app.apply(&seen, &action, reply(201, json!({"id": "u-1"}))).await.unwrap();
    assert_eq!((receipt.watch, receipt.handles["known.id"].as_str()), (None, "\"u-1\""));
}

#[tokio::test(start_paused = true)]
async fn several_changes_are_followed_in_their_order_and_one_of_another_definition_has_failed() {
    let app = App::new(DIRECTORY);
    let watch = accept(&app, "/api/jobs/3").await;
    let other = Watch { args: json!({"step": "another", "scope": {}}), ..watch.clone() };
    let known = Known { watches: vec![watch.clone(), other, watch], ..Known::default() };
    app.answers([ok(json!({"state": "done", "id": 1})), ok(json!({"state": "running"})), nobody()]);
    let seen = app.try_see(&known, &[]).await.unwrap();
    assert!(
        matches!(seen.watches.as_slice(), [WatchState::Done, WatchState::Failed(_), WatchState::Running]),
        "{:?}",
        seen.watches
    );
}
