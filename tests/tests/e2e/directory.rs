//! A home-grown application that is described in a file: roles beside those of others, an account that is made later than it is
//! answered, removal; and `kill -9` in the middle of each.

use serde_json::json;
use usher_sandbox::{Operation, OperationState, PersonSeed};

use crate::support::{Config, Payload, Sandbox, Usher, about};

const ADA: &str = "ada@example.com";
const DEFINITION: &str = include_str!("../../../recipes/directory/definition.toml");

fn grant(permission: &str) -> Payload {
    Payload::grant(ADA, &[permission]).app("directory")
}

fn removal(permission: &str) -> Payload {
    Payload::removal(ADA, &[permission]).app("directory")
}

fn config(sandbox: &Sandbox) -> Config {
    let sections = format!(
        r#"
[connections.directory]
connector = "generic-rest"
definition = "directory.toml"
secrets.client_secret = {{ file = "directory-secret" }}
base_url = "{}"
allow_private = true
limits = {{ concurrent = 500 }}

[apps.directory]
connection = "directory"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.editing = {{ role = "editor" }}
permissions.viewing = {{ role = "viewer" }}
"#,
        sandbox.directory()
    );
    let secret = usher_sandbox::directory::CLIENT_SECRET;
    Config::new(sandbox).more(&sections).file("directory.toml", DEFINITION).file("directory-secret", secret)
}

/// A directory in which Ada, if she is there, has the roles that others gave; and many whose addresses look like hers.
async fn world(roles: Option<&[&str]>) -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    let alike = (0..250).map(|n| PersonSeed::with_roles(&format!("{n}.{ADA}"), &["editor"]));
    let people: Vec<PersonSeed> =
        alike.chain(roles.map(|roles| PersonSeed::with_roles(ADA, roles))).collect();
    sandbox.seed_all(&json!({ "directory": { "people": people } })).await;
    let usher = Usher::start(&config(&sandbox)).await;
    (sandbox, usher)
}

async fn operations(sandbox: &Sandbox) -> Vec<Operation> {
    sandbox.effects_on(ADA).await.into_iter().map(|effect| effect.operation).collect()
}

#[tokio::test]
async fn a_role_is_given_and_taken_beside_those_that_others_gave() {
    let (sandbox, usher) = world(Some(&["auditor"])).await;
    let answer = usher.send(&grant("editing")).await;
    assert!(answer.is_positive(), "{answer:?}: {:#?}", usher.history(&answer.id).await);
    assert_eq!(sandbox.directory_roles(ADA).await.unwrap(), ["auditor", "editor"]);
    assert!(usher.send(&grant("editing")).await.is_positive());
    assert_eq!(operations(&sandbox).await, [Operation::ReplaceRoles]);
    let removed = usher.send(&removal("editing")).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    assert_eq!(sandbox.directory_roles(ADA).await.unwrap(), ["auditor"]);
    assert_eq!(operations(&sandbox).await, [Operation::ReplaceRoles; 2]);
}

#[tokio::test]
async fn an_administrator_is_not_touched() {
    let (sandbox, usher) = world(Some(&["administrator"])).await;
    let answer = usher.send(&grant("editing")).await;
    assert!(answer.is_no());
    let row = usher.ended(&answer.id).await;
    assert_eq!(row.word(), "refused");
    assert!(row.reason().contains("administrator of the directory"), "{row:?}");
    assert_eq!(operations(&sandbox).await, []);
}

#[tokio::test]
async fn an_account_that_is_made_later_than_it_is_answered_is_followed_to_its_end() {
    let (sandbox, usher) = world(None).await;
    sandbox.seed_all(&json!({ "directory": { "settings": { "polls_until_done": 3 } } })).await;
    let answer = usher.send(&grant("viewing")).await;
    assert!(answer.is_positive(), "{answer:?}: {:#?}", usher.history(&answer.id).await);
    assert_eq!(sandbox.directory_roles(ADA).await.unwrap(), ["viewer"]);
    assert_eq!(operations(&sandbox).await, [Operation::CreatePerson]);
}

#[tokio::test]
async fn an_account_that_the_vendor_gives_up_is_refused_and_said_so() {
    let (sandbox, usher) = world(None).await;
    sandbox.seed_all(&json!({ "directory": { "settings": { "operations_fail": true } } })).await;
    let answer = usher.send(&grant("viewing")).await;
    assert!(answer.is_no());
    assert_eq!(usher.ended(&answer.id).await.word(), "refused");
    assert_eq!(operations(&sandbox).await, []);
}

#[tokio::test]
async fn rule_07_a_202_that_outlives_the_process_is_asked_for_and_not_sent_again() {
    let (sandbox, mut usher) = world(None).await;
    sandbox.seed_all(&json!({ "directory": { "settings": { "polls_until_done": null } } })).await;
    let payload = grant("viewing");
    let sent = tokio::spawn(usher.try_send(&payload));
    sandbox.wait_for("operation=show_operation").await;
    let id = usher.row_of(&payload).await.id().to_owned();
    usher.kill_9();
    assert!(sent.await.unwrap().is_none(), "nobody was answered");
    usher.restart().await;
    sandbox.finish_operations(OperationState::Done).await;
    let row = usher.ended(&id).await;
    assert_eq!(row.word(), "granted", "{:#?}", usher.history(&id).await);
    assert_eq!(operations(&sandbox).await, [Operation::CreatePerson]);
}

async fn one_effect_after_a_kill(payload: Payload, applied: bool, word: &str, roles: &[&str]) {
    let (sandbox, mut usher) = world(Some(&["auditor"])).await;
    if payload.direction() == "deprovision" {
        assert!(usher.send(&grant("editing")).await.is_positive());
    }
    let calls = sandbox.calls().await.len();
    let before = operations(&sandbox).await.len();
    sandbox.hold(about(Operation::ReplaceRoles, ADA), applied).await;
    let sent = tokio::spawn(usher.try_send(&payload));
    sandbox.wait_for(&format!("operation=replace_roles&subject={ADA}&after={calls}")).await;
    let id = usher.row_of(&payload).await.id().to_owned();
    usher.kill_9();
    assert!(sent.await.unwrap().is_none(), "nobody was answered");
    sandbox.wait_for(&format!("end=caller_left&subject={ADA}&after={calls}")).await;
    usher.restart().await;
    let row = usher.ended(&id).await;
    assert_eq!(row.word(), word, "{:#?}", usher.history(&id).await);
    assert_eq!(sandbox.directory_roles(ADA).await.unwrap(), roles);
    assert_eq!(operations(&sandbox).await.len(), before + 1, "{:#?}", usher.history(&id).await);
}

#[tokio::test]
async fn a_request_that_is_killed_in_the_middle_ends_as_it_should_and_has_one_effect() {
    tokio::join!(
        one_effect_after_a_kill(grant("editing"), true, "granted", &["auditor", "editor"]),
        one_effect_after_a_kill(grant("editing"), false, "granted", &["auditor", "editor"]),
        one_effect_after_a_kill(removal("editing"), true, "removed", &["auditor"]),
        one_effect_after_a_kill(removal("editing"), false, "removed", &["auditor"]),
    );
}

#[tokio::test]
async fn the_tests_inside_the_definition_pass_and_a_wrong_one_is_told() {
    let sandbox = Sandbox::start().await;
    let usher = Usher::start(&config(&sandbox)).await;
    let passed = usher.command(&["test", "directory.toml"]).await;
    assert_eq!(passed.code, 0, "{passed:?}");
    let wrong = DEFINITION.replace(
        "put = \"/api/users/{{ person.hit.id }}/roles\"",
        "put = \"/api/users/{{ person.hit.id }}\"",
    );
    assert_ne!(wrong, DEFINITION);
    std::fs::write(usher.folder().join("wrong.toml"), wrong).unwrap();
    let failed = usher.command(&["test", "wrong.toml"]).await;
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stdout.contains("/api/users/7") || failed.stdout.contains("/roles"), "{failed:?}");
}
