//! Everything that can go wrong with each call of a membership at GitHub: answered in time, never positive without the state
//! there, every change once at the most, no second mail, and an end for every request.

mod case;

use futures_util::future::join_all;
use serde_json::json;
use usher_sandbox::{AccountSeed, Fault, RetryAfter, TeamSeed};

use self::case::{Case, Place};
use crate::support::fault_table::{self, none, with_statuses};
use crate::support::{Config, Sandbox, Usher};

async fn world() -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    let seed = json!({ "github": {
        "settings": { "saml": "organization", "invitations_per_day": 10_000 },
        "teams": [TeamSeed::named("engineering")],
        "accounts": [AccountSeed::owner("olga-owner", "olga@example.com")],
    } });
    sandbox.seed_all(&seed).await;
    let sections = format!(
        r#"
[connections.github]
connector = "github-org"
org = "acme"
app = {{ id = 12345, installation_id = 678, private_key = {{ file = "github-app.pem" }} }}
identify_by = ["saml", "invite-by-email"]
base_url = "{}"
allow_private = true
limits = {{ concurrent = 500 }}
breaker = false

[apps.github]
connection = "github"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.member = {{ org_role = "member" }}
permissions.engineering = {{ teams = ["engineering"] }}
permissions.owner = {{ org_role = "admin" }}
"#,
        sandbox.github()
    );
    let config = Config::new(&sandbox).more(&sections).file("github-app.pem", sandbox.github_app_key().await);
    let usher = Usher::start(&config).await;
    (sandbox, usher)
}

/// Faults of one call: nobody else is touched by them.
fn of_one_call() -> Vec<Fault> {
    with_statuses(&[500, 502, 503])
}

/// Faults after which the whole connection is careful, or the credential is renewed.
fn of_the_account() -> Vec<Fault> {
    vec![
        Fault::Throttle { retry_after: RetryAfter::Seconds(2) },
        Fault::SecondaryLimit { retry_after: RetryAfter::Seconds(2) },
        Fault::PrimaryLimit { reset_in_s: 2 },
        Fault::Unauthorized { revoke_tokens: false },
        Fault::Unauthorized { revoke_tokens: true },
    ]
}

async fn run(cases: Vec<Case>) -> Vec<String> {
    fault_table::run(world().await, cases).await
}

fn cases(places: &[Place], faults: &[Fault]) -> Vec<Case> {
    let pairs = places.iter().flat_map(|place| faults.iter().map(|fault| (*place, fault.clone())));
    pairs.enumerate().map(|(number, (place, fault))| Case::new(number, place, fault)).collect()
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_change_the_answer_is_true_and_it_happens_once() {
    let troubles = run(cases(&Place::WRITES, &of_one_call())).await;
    none(&troubles);
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_reading_the_answer_is_true_and_it_happens_once() {
    let stale = [Fault::Stale { behind_ms: None }, Fault::Stale { behind_ms: Some(600_000) }];
    let faults: Vec<Fault> = of_one_call().into_iter().chain(stale).collect();
    let troubles = run(cases(&[Place::Reading, Place::ReadBackOfRemoval], &faults)).await;
    none(&troubles);
}

#[tokio::test]
async fn whatever_github_says_to_everybody_is_over_when_it_says_so() {
    let places = [Place::InviteAddress, Place::Join, Place::Cancel, Place::Reading];
    // Each in a world of its own: a limit that one meets is the others' too.
    let worlds = cases(&places, &of_the_account()).into_iter().map(|case| run(vec![case]));
    let troubles = join_all(worlds).await.concat();
    none(&troubles);
}
