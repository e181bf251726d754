//! One changing call, and what its answer means.

use std::time::Duration;

use serde_json::{Value, json};
use usher_core::{Asked, Direction, Fault, Planner, Provisioner, Receipt, RefusalKind, Remedy, Sent};

use crate::support::{
    ADA, App, DIRECTORY, Reply, ada, asked, call, hold, lost, nobody, ok, reply, role, text, with_roles,
};

/// Applies the creation of Ada, with more keys in its block, and this answer.
async fn create(keys: &str, answer: Reply) -> Result<Receipt, Fault> {
    let app = App::new(&DIRECTORY.replace("keep.id = \"json.id\"", keys));
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let result = app.apply(&seen, &action, answer).await;
    assert_eq!(app.sent().len(), 2, "one reading, and exactly one change");
    result
}

fn kind(remedy: &Remedy) -> Option<RefusalKind> {
    match remedy {
        Remedy::Refused(refusal) => Some(refusal.kind),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_is_filled_in_from_the_reading_and_the_person() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let receipt = app.apply(&seen, &action, reply(201, json!({"id": 478}))).await.unwrap();
    assert_eq!((receipt.handles["known.id"].as_str(), receipt.watch), ("478", None));
    let sent = app.sent();
    let (target, body) = sent[1].split_at("POST /api/users ".len());
    assert_eq!(target, "POST /api/users ");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        json!({"email": ADA, "given_name": "Ada", "roles": ["editor"]}),
        "what is not known is left out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hostile_name_stays_a_text() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [nobody()]).await;
    let mut who = ada();
    who.given_name = Some("\", \"roles\": [\"administrator\"], {{ 7 * 7 }}".to_owned());
    let asked = asked(Direction::Provision);
    let goal = hold([role("editor")]);
    let plan = app.connection.plan(&who, &asked, &seen, &goal);
    app.answers([reply(201, json!({"id": 1}))]);
    app.connection.apply(&call(), &who, &asked, &seen, &plan.actions[0]).await.unwrap();
    let sent = app.sent();
    let body: Value = serde_json::from_str(sent[1].trim_start_matches("POST /api/users ")).unwrap();
    assert_eq!(body["given_name"], json!(who.given_name));
    assert_eq!(body["roles"], json!(["editor"]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_expected_means_what_its_status_means() {
    for (status, sent, remedy) in [
        (401, Sent::Yes, Remedy::Person),
        (403, Sent::Yes, Remedy::Person),
        (408, Sent::Maybe, Remedy::ReadBack),
        (409, Sent::Maybe, Remedy::ReadBack),
        (412, Sent::Maybe, Remedy::ReadBack),
        (500, Sent::Maybe, Remedy::ReadBack),
        (502, Sent::Maybe, Remedy::ReadBack),
        (503, Sent::Maybe, Remedy::ReadBack),
        (200, Sent::Yes, Remedy::ReadBack),
        (302, Sent::Yes, Remedy::ReadBack),
    ] {
        let fault = create("", reply(status, json!({}))).await.unwrap_err();
        assert_eq!((fault.sent, fault.remedy.clone()), (sent, remedy), "{status}: {fault}");
        assert_eq!(fault.operation, "provision 1");
    }
    for status in [400, 404, 405, 410, 413, 415, 422] {
        let fault = create("", reply(status, json!({"detail": ADA}))).await.unwrap_err();
        let Remedy::Refused(refusal) = &fault.remedy else { panic!("{status}: {fault}") };
        assert_eq!((fault.sent, refusal.kind), (Sent::Yes, RefusalKind::Invalid));
        assert!(refusal.sentence.contains(&format!("({status} to “provision 1”)")), "{}", refusal.sentence);
        assert!(!fault.to_string().contains(ADA), "{fault}");
    }
    let fault = create("", reply(429, json!({})).header("retry-after", "7")).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Throttled { after: Some(Duration::from_secs(7)) });
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_came_is_read_back_if_it_may_have_arrived() {
    let fault = create("", lost(Sent::Maybe)).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::Maybe, Remedy::ReadBack));
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    app.answers([lost(Sent::No), lost(Sent::No)]);
    let fault = app.apply(&seen, &action, lost(Sent::No)).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::No, Remedy::Retry { after: None }));
}

#[tokio::test(start_paused = true)]
async fn classify_says_what_an_answer_means() {
    let classes = [
        ("no-seat", Some(RefusalKind::NoSeat)),
        ("forbidden", Some(RefusalKind::Forbidden)),
        ("protected", Some(RefusalKind::Protected)),
        ("ambiguous", Some(RefusalKind::Ambiguous)),
        ("managed-elsewhere", Some(RefusalKind::ManagedElsewhere)),
        ("unresolvable", Some(RefusalKind::Unresolvable)),
        ("invalid", Some(RefusalKind::Invalid)),
        ("other", Some(RefusalKind::Other)),
    ];
    let keys = |class: &str| {
        format!("classify = [{{ when = \"status == 403 and json.code == 'SEATS'\", as = \"{class}\" }}]")
    };
    let answer = || reply(403, json!({"code": "SEATS"})).header("retry-after", "9");
    for (class, refusal) in classes {
        let fault = create(&keys(class), answer()).await.unwrap_err();
        assert_eq!((fault.sent, kind(&fault.remedy)), (Sent::Yes, refusal), "{class}");
    }
    let after = Some(Duration::from_secs(9));
    for (class, sent, remedy) in [
        ("throttled", Sent::Yes, Remedy::Throttled { after }),
        ("retry", Sent::No, Remedy::Retry { after }),
        ("read-back", Sent::Maybe, Remedy::ReadBack),
    ] {
        let fault = create(&keys(class), answer()).await.unwrap_err();
        assert_eq!((fault.sent, fault.remedy), (sent, remedy), "{class}");
    }
    assert_eq!(create(&keys("gone"), answer()).await.unwrap(), Receipt::default());
}

#[tokio::test(start_paused = true)]
async fn the_first_class_that_applies_counts_and_comes_before_expect() {
    let keys = "classify = [{ when = \"json.error == 'full'\", as = \"no-seat\" }, { when = \"true\", as = \"other\" }]";
    let fault = create(keys, reply(201, json!({"error": "full", "id": 1}))).await.unwrap_err();
    assert_eq!(kind(&fault.remedy), Some(RefusalKind::NoSeat));
    let fault = create(keys, reply(201, json!({"error": "", "id": 1}))).await.unwrap_err();
    assert_eq!(kind(&fault.remedy), Some(RefusalKind::Other));
}

#[tokio::test(start_paused = true)]
async fn a_class_that_another_answer_was_meant_for_does_not_stand_in_the_way_of_the_status() {
    let keys = "classify = [{ when = \"json.error.code == 'full'\", as = \"no-seat\" }]";
    let fault = create(keys, text(502, "<html>bad gateway</html>")).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy.clone()), (Sent::Maybe, Remedy::ReadBack));
    assert!(fault.source.is_some_and(|source| source.contains("json.error.code")));
    // An answer that would be a yes, and may be a no: the next reading says.
    let fault = create(keys, reply(201, json!({"id": 1}))).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::ReadBack);
}

#[tokio::test(start_paused = true)]
async fn a_yes_with_a_no_in_it_is_read_back() {
    let app = App::new(&DIRECTORY.replace(
        "expect.status = [201, 202]",
        "expect = { status = [201], that = \"json.email | lower == user.email | lower\" }",
    ));
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    app.apply(&seen, &action, reply(201, json!({"email": "ADA@acme.example", "id": 1}))).await.unwrap();
    for body in [json!({"email": "bob@acme.example", "id": 1}), json!({})] {
        let fault = app.apply(&seen, &action, reply(201, body)).await.unwrap_err();
        assert_eq!(fault.remedy, Remedy::ReadBack);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_told_and_the_change_is_looked_for() {
    for body in [json!({}), json!({"id": {"a": 1}}), json!({"id": "x".repeat(2_000)})] {
        let fault = create("keep.id = \"json.id\"", reply(201, body)).await.unwrap_err();
        assert_eq!((fault.sent, fault.remedy), (Sent::Yes, Remedy::ReadBack));
    }
    let receipt = create("keep.id = \"json.id\"", reply(201, json!({"id": null}))).await.unwrap();
    assert_eq!(receipt, Receipt::default());
}

#[tokio::test(start_paused = true)]
async fn the_engines_key_goes_out_where_the_step_has_a_header_for_it() {
    let app = App::new(
        &DIRECTORY.replace("keep.id = \"json.id\"", "idempotency_key = { header = \"Idempotency-Key\" }"),
    );
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    app.apply(&seen, &action, reply(201, json!({}))).await.unwrap();
    assert_eq!(app.last_header("idempotency-key").as_deref(), Some("the-engines-key"));
}

#[tokio::test(start_paused = true)]
async fn a_uuid_is_the_same_whenever_the_action_is_planned_or_sent_and_another_for_another_request() {
    let app = App::new(&DIRECTORY.replace(
        "email = \"{{ user.email }}\"",
        "id = \"{{ uuid }}\", by = \"{{ request.id }} {{ app.label }} {{ direction }}\"",
    ));
    let seen = app.see(&[], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    let mut ids = Vec::new();
    for request in ["01", "01", "02"] {
        let asked = Asked { request: request.to_owned(), attempt: 2, ..asked(Direction::Provision) };
        app.answers([reply(201, json!({"id": 1}))]);
        app.connection.apply(&call(), &ada(), &asked, &seen, &action).await.unwrap();
        let sent = app.sent();
        let body: Value =
            serde_json::from_str(sent.last().unwrap().trim_start_matches("POST /api/users ")).unwrap();
        assert_eq!(body["by"], json!(format!("{request} The app provision")));
        ids.push(body["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test(start_paused = true)]
async fn an_action_of_another_definition_is_refused_and_nothing_is_sent() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [with_roles(json!([]))]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    app.sent();
    for args in [json!({"step": "another", "slots": {}}), json!(null), json!({})] {
        let other = usher_core::Action { args, ..action.clone() };
        let fault = app
            .connection
            .apply(&call(), &ada(), &asked(Direction::Provision), &seen, &other)
            .await
            .unwrap_err();
        assert_eq!((fault.sent, kind(&fault.remedy)), (Sent::No, Some(RefusalKind::Other)));
    }
    assert_eq!(app.sent(), [""; 0]);
    app.apply(&seen, &action, ok(json!({}))).await.unwrap();
}
