//! What a live check finds. It only reads.

use serde_json::json;
use usher_core::{Facet, Remedy, Sent};

use crate::support::{App, DIRECTORY, lost, nobody, page, reply, role};

#[tokio::test(start_paused = true)]
async fn a_connection_that_works_says_only_what_cannot_be_checked() {
    let app = App::new(DIRECTORY);
    let health = app.check(&[role("editor"), role("viewer")], [nobody()]).await.unwrap();
    let [finding] = health.findings.as_slice() else { panic!("{health:?}") };
    assert!(!finding.fatal);
    assert_eq!(finding.what, "whether the application knows role editor, role viewer cannot be checked");
    assert_eq!(app.sent(), ["GET /api/users?search=usher-check%40invalid.example&page=1"]);
    let health = app.check(&[Facet::new("account", "account")], [nobody()]).await.unwrap();
    assert_eq!(health.findings, []);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_not_accepted_is_found() {
    let app = App::new(DIRECTORY);
    for status in [401, 403] {
        let health = app.check(&[], [reply(status, json!({}))]).await.unwrap();
        let [finding] = health.findings.as_slice() else { panic!("{health:?}") };
        assert!(finding.fatal && finding.remedy.contains("secrets of the connection"), "{finding:?}");
        assert_eq!(
            finding.what,
            format!(
                "look-up person does not work, path /api/users, answered {status} (the definition does not expect this answer)"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_not_there_and_an_answer_in_another_form_are_found() {
    let app = App::new(DIRECTORY);
    let health = app.check(&[], [reply(404, json!({}))]).await.unwrap();
    assert!(health.findings[0].remedy.contains("base_url"), "{health:?}");
    let health = app.check(&[], [reply(200, json!({"data": []}))]).await.unwrap();
    assert!(health.findings[0].fatal && health.findings[0].what.contains("json."), "{health:?}");
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_finds_somebody_for_an_address_that_nobody_has_is_found() {
    let careless =
        DIRECTORY.replace("items | where('email', user.email) | one_or_none", "items | one_or_none");
    let app = App::new(&careless);
    let anybody = |id: u32| json!({"id": id, "email": "bob@acme.example", "roles": []});
    for users in [json!([anybody(1)]), json!([anybody(1), anybody(2)])] {
        let health = app.check(&[], [page(1, users)]).await.unwrap();
        let [finding] = health.findings.as_slice() else { panic!("{health:?}") };
        assert!(finding.fatal && finding.what.contains("an address that nobody has"), "{finding:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_out_of_reach_could_not_be_checked() {
    let app = App::new(DIRECTORY);
    let fault = app.check(&[], [lost(Sent::No), lost(Sent::No), lost(Sent::No)]).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Retry { after: None });
}
