//! What a test says that does not hold is told with both sides.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use usher_definition_test::{Report, run};
use usher_generic_rest::definition::Definition;

/// A home-grown application below a path, whose secret goes in a header, with one test to come.
const DEFINITION: &str = r#"
schema = 1
base_url = "https://app.acme.example/v2"
auth = { type = "AUTH }
[entitlement]
role = { type = "string" }
[[lookup]]
id = "person"
get = "/users"
query.email = "{{ user.email }}"
headers.X-Trace = "{{ known.user | string if known.user else 'none' }}"
capture.hit = "json | one_or_none"
[state]
account = "person.hit"
settle = "2s"
[slots.role]
wants = "entitlement.role"
has = "person.hit.roles if person.hit else []"
[[refuse]]
when = "person.hit and person.hit.locked"
as = "protected"
message = "is locked"
[[provision]]
when = "not person.hit"
post = "/users"
json = { email = "{{ user.email }}", roles = "{{ slot.role.after }}" }
keep.user = "json.id"
[[update]]
when = "person.hit"
put = "/users/{{ person.hit.id }}/roles"
json = "{{ slot.role.after }}"
[[test]]
name = "the test"
user.email = "ada@acme.example"
permissions.editing = { label = "Editing", role = "editor" }
"#;
const BEARER: &str = "bearer\", token = \"{{ secret.token }}\"";

const ABSENT: &str = "[[test.exchange]]\nget = \"/users\"\nanswer.json = []\n";
const VIEWER: &str =
    "[[test.exchange]]\nget = \"/users\"\nanswer.json = [{ id = 7, roles = [\"viewer\"], locked = false }]\n";
const EDITOR: &str = "[[test.exchange]]\nget = \"/users\"\nanswer.json = [{ id = 7, roles = [\"viewer\", \"editor\"], locked = false }]\n";
const PUT: &str = "[[test.exchange]]\nput = \"/users/7/roles\"\njson = [\"viewer\", \"editor\"]\n";

fn report_with(auth: &str, parts: &[&str]) -> Report {
    let text = DEFINITION.replacen("AUTH", auth, 1) + &parts.concat();
    let definition = Definition::load(Path::new("app.toml"), &text).unwrap_or_else(|wrong| {
        panic!("{}", wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let report = run(&definition);
    let shown = format!("{report} {report:?}");
    assert!(!shown.contains("of-no-worth"), "no secret, not even one of no worth: {shown}");
    report
}

fn report(parts: &[&str]) -> Report {
    report_with(BEARER, parts)
}

fn passes(parts: &[&str]) {
    let report = report(parts);
    assert!(report.passed(), "{report}");
}

#[test]
fn a_test_whose_every_exchange_happens_passes() {
    passes(&[VIEWER, PUT, EDITOR]);
}

#[test]
fn a_test_passes_with_every_kind_of_credential_and_token_requests_are_no_exchanges() {
    for auth in [
        BEARER,
        "none\"",
        "basic\", username = \"usher\", password = \"{{ secret.password }}\"",
        "basic\", username = \"{{ secret.key }}\", password = \"\"",
        "api_key\", header = \"X-Key\", value = \"{{ secret.key }}\"",
        "api_key\", header = \"Authorization\", value = \"Token {{ secret.key }}\"",
        "api_key\", query = \"key\", value = \"{{ secret.key }}\"",
        "oauth2\", grant_type = \"client_credentials\", token_url = \"/token\", client_id = \"usher\", client_secret = \"{{ secret.secret }}\"",
        "oauth2\", grant_type = \"client_credentials\", token_url = \"https://login.acme.example/token\", client_id = \"usher\", client_secret = \"{{ secret.secret }}\", secret_by = \"post\"",
        "jwt\", algorithm = \"ES256\", key = \"{{ secret.key }}\", ttl = \"10m\"",
    ] {
        let report = report_with(auth, &[VIEWER, PUT, EDITOR]);
        assert!(report.passed(), "{auth}: {report}");
        // A request that is shown bears no credential either.
        assert!(!report_with(auth, &[VIEWER]).passed());
    }
}

#[test]
fn paths_are_compared_below_the_base_url_or_whole_and_a_query_in_them_as_well() {
    passes(&[&VIEWER.replace("/users", "/v2/users"), &PUT.replace("/users", "/v2/users"), EDITOR]);
    passes(&[&VIEWER.replace("/users", "/users?email=ada%40acme.example"), PUT, EDITOR]);
}

#[test]
fn headers_and_what_is_kept_are_asserted() {
    let post = "[[test.exchange]]\npost = \"/users\"\nheaders.content-type = \"application/json\"\nanswer = { status = 201, json = { id = 7 } }\n";
    passes(&[
        &ABSENT.replace("answer", "headers.x-trace = \"none\"\nanswer"),
        post,
        &EDITOR.replace("answer", "headers.x-trace = \"7\"\nanswer"),
    ]);
}

#[test]
fn one_request_too_many_is_shown() {
    insta::assert_snapshot!(report(&[VIEWER, PUT]));
}

#[test]
fn one_request_too_few_is_shown_with_how_it_ended() {
    insta::assert_snapshot!(report(&[EDITOR, PUT, EDITOR]));
}

#[test]
fn an_exchange_that_happens_less_often_than_said_is_shown() {
    insta::assert_snapshot!(report(&[&EDITOR.replace("answer", "times = 3\nanswer")]));
}

#[test]
fn another_request_than_the_next_is_shown_beside_it() {
    insta::assert_snapshot!(report(&[ABSENT, PUT, EDITOR]));
}

#[test]
fn another_body_is_shown_beside_the_one_that_is_expected() {
    insta::assert_snapshot!(report(&[VIEWER, &PUT.replace("\"viewer\", ", ""), EDITOR]));
}

#[test]
fn another_query_and_header_are_shown() {
    let first =
        VIEWER.replace("answer", "query.email = \"eve@acme.example\"\nheaders.X-Trace = \"7\"\nanswer");
    insta::assert_snapshot!(report(&[&first, PUT, EDITOR]));
}

#[test]
fn another_outcome_is_shown_with_its_reason() {
    let locked = VIEWER.replace("false", "true");
    insta::assert_snapshot!(report(&[&locked]));
}

#[test]
fn another_reason_is_shown() {
    let locked = VIEWER.replace("false", "true");
    passes(&["outcome = \"refused\"\nbecause = \"is locked\"\n", &locked]);
    insta::assert_snapshot!(report(&["outcome = \"refused\"\nbecause = \"is closed\"\n", &locked]));
}

#[test]
fn a_time_out_is_played_and_what_arrived_is_not_sent_again() {
    passes(&[VIEWER, &format!("{PUT}fault = \"timeout\"\n"), EDITOR]);
}

#[test]
fn a_connection_that_breaks_is_played_and_what_arrived_is_not_sent_again() {
    passes(&[VIEWER, &format!("{PUT}fault = \"reset-after\"\n"), EDITOR]);
}

#[test]
fn a_change_that_did_not_arrive_is_sent_again_after_it_is_seen_to_be_wanting() {
    let lost = format!("{PUT}fault = \"reset-before\"\n");
    // How often it is looked at before is the engine's affair.
    let looked = |times: u32| VIEWER.replace("answer", &format!("times = {times}\nanswer"));
    assert!((2..12).any(|times| report(&[VIEWER, &lost, &looked(times), PUT, EDITOR]).passed()));
    assert!(!report(&[VIEWER, &lost, &looked(1), PUT, EDITOR]).passed(), "not at once");
}

#[test]
fn what_cannot_be_told_by_the_deadline_is_late() {
    let text = DEFINITION.replacen("AUTH", BEARER, 1).replacen("2s", "60s", 1);
    let report = |times: u32| {
        let looked = VIEWER.replace("answer", &format!("times = {times}\nanswer"));
        let text = format!("{text}outcome = \"late\"\n{VIEWER}{PUT}fault = \"reset-after\"\n{looked}");
        run(&Definition::load(Path::new("app.toml"), &text).unwrap())
    };
    assert!((1..12).any(|times| report(times).passed()), "{}", report(3));
}

#[test]
fn a_connection_that_is_not_made_is_tried_again_by_the_client() {
    let refused = "[[test.exchange]]\nget = \"/users\"\nfault = \"refused\"\n";
    passes(&[refused, VIEWER, PUT, EDITOR]);
}

#[test]
fn what_the_ledger_holds_before_is_not_taken_away() {
    let order = "direction = \"deprovision\"\nholds = { editing = { role = \"editor\" }, other = { role = \"editor\" } }\n";
    passes(&[order, EDITOR]);
}

#[test]
fn an_order_of_everything_takes_what_the_ledger_holds() {
    let text = DEFINITION.replacen("AUTH", BEARER, 1).replace("permissions.editing", "holds.editing");
    let put = PUT.replace("[\"viewer\", \"editor\"]", "[\"viewer\"]");
    let text = text + "direction = \"deprovision\"\n" + EDITOR + &put + VIEWER;
    let report = run(&Definition::load(Path::new("app.toml"), &text).unwrap());
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn tests_run_on_a_thread_of_an_asynchronous_runtime_too() {
    passes(&[VIEWER, PUT, EDITOR]);
}

#[test]
fn a_definition_without_tests_says_so() {
    let text = DEFINITION.replacen("AUTH", BEARER, 1);
    let text = text.split_once("[[test]]").unwrap().0;
    let report = run(&Definition::load(Path::new("app.toml"), text).unwrap());
    assert!(report.passed() && report.tests.is_empty());
    assert_eq!(report.to_string(), "app.toml\nno tests\n");
}
