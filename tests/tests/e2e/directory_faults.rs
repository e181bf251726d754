//! Everything that the sandbox can do wrong, at every call that the directory's definition makes: the token, the search, the
//! creation and its poll, the list of roles that replaces, the removal of an account. Always answered in time, never positive
//! without the state at the vendor, no change made twice, and an end for every request once the fault is over.
//!
//! As in `faults.rs`, all cases run at once against one service; what goes wrong is told for all of them together.

mod case;

use futures_util::future::join_all;
use serde_json::json;
use usher_sandbox::{Fault, RetryAfter};

use self::case::{Case, Place};
use crate::support::fault_table::{self, none, with_statuses};
use crate::support::{Config, Sandbox, Usher};

const DEFINITION: &str = include_str!("../../../recipes/directory/definition.toml");

/// The recipe as it stands, but for how long an unanswered call may still arrive: ten minutes would be this test's as well.
fn definition() -> String {
    let changed = [
        ("every = \"500ms\" }", "every = \"500ms\", within = \"20s\" }"),
        ("expect.status = [202, 204, 404]", "expect.status = [204, 404]"),
    ];
    changed.into_iter().fold(DEFINITION.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from} stands in the recipe once");
        text.replace(from, to)
    })
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
breaker = false

[apps.directory]
connection = "directory"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.editing = {{ role = "editor" }}

[apps.leavers]
connection = "directory"
email_domains = ["example.com"]
after_deadline = "continue"
remove_account = true
permissions.editing = {{ role = "editor" }}
"#,
        sandbox.directory()
    );
    let secret = usher_sandbox::directory::CLIENT_SECRET;
    Config::new(sandbox).more(&sections).file("directory.toml", definition()).file("directory-secret", secret)
}

async fn world() -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    // Of a 202 whose answer is lost nobody knows where to ask: it is done all the same.
    sandbox.seed_all(&json!({ "directory": { "settings": { "polls_until_done": 0 } } })).await;
    let usher = Usher::start(&config(&sandbox)).await;
    (sandbox, usher)
}

/// Faults of one call: nobody else is touched by them.
fn of_one_call() -> Vec<Fault> {
    let mut faults = with_statuses(&[500, 409]);
    faults.push(Fault::ErrorBefore { status: 404 });
    faults
}

/// Faults after which a connector is careful with the whole connection, or with its credential.
fn of_the_account() -> Vec<Fault> {
    vec![
        Fault::Throttle { retry_after: RetryAfter::None },
        Fault::Throttle { retry_after: RetryAfter::Seconds(2) },
        Fault::Unauthorized { revoke_tokens: true },
    ]
}

async fn run(cases: Vec<Case>) -> Vec<String> {
    fault_table::run(world().await, cases).await
}

fn each(places: &[Place], faults: &[Fault]) -> Vec<Case> {
    places.iter().flat_map(|place| faults.iter().map(|fault| Case::new(*place, fault.clone()))).collect()
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_write_the_answer_is_true_and_each_change_happens_once() {
    let places = [Place::Creation, Place::Roles, Place::RolesTaken, Place::AccountRemoved];
    none(&run(each(&places, &of_one_call())).await);
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_reading_the_answer_is_true_and_each_change_happens_once() {
    let places = [Place::Reading, Place::ReadBack, Place::ReadBackOfRemoval, Place::Poll];
    none(&run(each(&places, &of_one_call())).await);
}

#[tokio::test]
async fn whatever_the_account_says_to_everybody_is_over_when_it_says_so() {
    let cases = each(&[Place::Creation, Place::Roles, Place::Reading], &of_the_account());
    // Each in a world of its own: a token that one revokes is the others' too.
    let troubles = join_all(cases.into_iter().map(|case| run(vec![case]))).await;
    none(&troubles.concat());
}

#[tokio::test]
async fn whatever_goes_wrong_with_the_token_the_answer_is_true_and_each_change_happens_once() {
    let faults = [
        Fault::Hang,
        Fault::ResetBefore,
        Fault::Garbage { apply: true },
        Fault::ErrorBody,
        Fault::ErrorBefore { status: 503 },
        Fault::Throttle { retry_after: RetryAfter::Seconds(2) },
        Fault::Forbidden,
    ];
    let cases = each(&[Place::Token], &faults);
    let troubles = join_all(cases.into_iter().map(|case| run(vec![case]))).await;
    none(&troubles.concat());
}
