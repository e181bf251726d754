//! What needs a person reaches people: Slack, and a signed webhook.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Config, Payload, Posted, Receiver, Sandbox, Usher, addresses_in};

const EMAIL: &str = "ann@example.com";
/// 32 bytes.
const SIGNING: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// What makes Slack's address a secret.
const PLACE: &str = "/services/T0/B0/slack-place-6d5c4b3a";

/// A vendor with no seat left, and a service that alerts two receivers.
async fn world(slack: &Receiver, webhook: &Receiver) -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&[EMAIL]).await;
    let taken = sandbox.seats_taken().await;
    sandbox.seed(&json!({ "settings": { "max_agents": taken } })).await;
    let usher = Usher::start(&config(&sandbox, slack, webhook)).await;
    (sandbox, usher)
}

fn config(sandbox: &Sandbox, slack: &Receiver, webhook: &Receiver) -> Config {
    let alerts = format!(
        "[alerts]\nslack = {{ file = \"slack-address\" }}\nwebhook = {{ url = \"{}/hook\", secret = {{ file = \"signing-secret\" }} }}",
        webhook.url
    );
    let config = Config::new(sandbox).more(&alerts);
    config.file("slack-address", format!("{}{PLACE}", slack.url)).file("signing-secret", SIGNING)
}

fn verified(posted: &Posted) {
    standardwebhooks::Webhook::new(SIGNING).unwrap().verify(&posted.body, &posted.headers).unwrap();
}

/// Once it has ended: nothing secret and nothing personal in what it wrote or sent.
async fn is_discreet(mut usher: Usher, sent: &[Posted]) {
    usher.signal(Signal::TERM);
    usher.end().await;
    let written = usher.written();
    for secret in ["slack-place-", SIGNING, "signature"] {
        assert!(!written.contains(secret), "{secret} was written");
    }
    for posted in sent {
        let body = String::from_utf8_lossy(&posted.body);
        assert_eq!(addresses_in(&body), [""; 0]);
    }
}

#[tokio::test]
async fn a_refusal_at_the_vendor_is_told_to_slack_and_to_a_signed_webhook_once_each() {
    let (mut slack, mut webhook) = (Receiver::start(200).await, Receiver::start(200).await);
    let (_sandbox, mut usher) = world(&slack, &webhook).await;
    let answer = usher.send(&Payload::grant(EMAIL, &["agent"])).await;
    assert!(answer.is_no(), "{answer:?}");

    let told = slack.taken(1).await;
    assert_eq!(told[0].path, PLACE);
    let text = told[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Usher: no paid seat was left\n"), "{text}");
    assert!(text.contains("app zendesk, connection zendesk"), "{text}");
    assert!(text.ends_with(&format!("See: usher requests show {}", answer.id)), "{text}");

    let hooked = webhook.taken(1).await;
    verified(&hooked[0]);
    let body = hooked[0].json();
    assert_eq!((&body["type"], &body["data"]["request"]), (&json!("alert.no-seat"), &json!(answer.id)));
    assert_eq!(body["data"]["id"], hooked[0].headers["webhook-id"].to_str().unwrap());

    // The history says so once both are noted; a second start then sends nothing again.
    let both = |history: &[String]| {
        history.iter().filter(|line| line.starts_with("The alert was sent")).count() == 2
    };
    usher.wait_for_history(&answer.id, both).await;
    usher.kill_9();
    usher.restart().await;
    let other = usher.send(&Payload::grant(EMAIL, &["agent"])).await;
    assert_ne!(other.id, answer.id);
    let (told, hooked) = (slack.taken(2).await, webhook.taken(2).await);
    assert_eq!((told.len(), hooked.len()), (2, 2));
    assert_eq!(hooked[1].json()["data"]["request"], other.id);
    is_discreet(usher, &[told, hooked].concat()).await;
}

#[tokio::test]
async fn a_receiver_that_is_down_holds_up_nothing_and_hears_of_it_later_even_after_kill_9() {
    let (mut slack, mut webhook) = (Receiver::start(503).await, Receiver::start(500).await);
    let (_sandbox, mut usher) = world(&slack, &webhook).await;
    let answer = usher.send(&Payload::grant(EMAIL, &["agent"])).await;
    assert!(answer.is_no() && answer.took < Duration::from_secs(5), "{answer:?}");
    // What has nothing to do with it goes on as ever.
    assert!(usher.send(&Payload::removal(EMAIL, &["agent"])).await.is_positive());
    assert_eq!(usher.ended(&answer.id).await.word(), "refused");

    usher.kill_9();
    let before = webhook.so_far();
    assert!(!before.is_empty() && before.iter().all(|posted| posted.status == 500));
    slack.answer(200);
    webhook.answer(200);
    usher.restart().await;
    let (told, hooked) = (slack.taken(1).await, webhook.taken(1).await);
    assert!(told.last().unwrap().json()["text"].as_str().unwrap().contains(&answer.id));
    for posted in &hooked {
        verified(posted);
        assert_eq!(posted.headers["webhook-id"], before[0].headers["webhook-id"], "one alert, one id");
    }
    is_discreet(usher, &[told, hooked].concat()).await;
}

/// A GitHub organisation that has so many seats more than are taken, and a service that alerts.
async fn organisation(left: u64, slack: &Receiver, webhook: &Receiver) -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    let seats = sandbox.github_seats_taken().await + left;
    sandbox.seed_all(&json!({ "github": { "settings": { "seats": seats } } })).await;
    let github = format!(
        r#"
[connections.github]
connector = "github-org"
org = "acme"
app = {{ id = 12345, installation_id = 678, private_key = {{ file = "github-app.pem" }} }}
identify_by = ["invite-by-email"]
base_url = "{}"
allow_private = true

[apps.github]
connection = "github"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.member = {{ org_role = "member" }}
"#,
        sandbox.github()
    );
    let config = config(&sandbox, slack, webhook).more(&github);
    let usher = Usher::start(&config.file("github-app.pem", sandbox.github_app_key().await)).await;
    (sandbox, usher)
}

fn member(email: &str) -> Payload {
    Payload::grant(email, &["member"]).app("github")
}

#[tokio::test]
async fn few_seats_left_are_told_once_after_the_grant_that_took_the_last_but_five() {
    let (mut slack, mut webhook) = (Receiver::start(200).await, Receiver::start(200).await);
    let (_sandbox, mut usher) = organisation(6, &slack, &webhook).await;
    assert!(usher.send(&member(EMAIL)).await.is_positive());
    let (told, hooked) = (slack.taken(1).await, webhook.taken(1).await);
    assert_eq!(
        told[0].json()["text"],
        "Usher: few paid seats are left\n\
         github (github-org) has 5 paid seats left: buy more, or free some at the vendor, before grants are refused\n\
         connection github\n\
         See: usher check --live"
    );
    verified(&hooked[0]);
    assert_eq!(hooked[0].json()["type"], "alert.few-seats");
    // A second grant within the hour looks at nothing.
    assert!(usher.send(&member("bob@example.com")).await.is_positive());

    // What a process may not have come to send, the next one does: the same is told with the same id.
    usher.signal(Signal::TERM);
    usher.end().await;
    usher.restart().await;
    assert!(usher.send(&member("bob@example.com")).await.is_positive());
    let hooked = webhook.taken(2).await;
    assert_eq!(hooked.len(), 2);
    let sentence = hooked[1].json()["data"]["sentence"].as_str().unwrap().to_owned();
    assert!(sentence.contains("has 4 paid seats left"), "{sentence}");
    assert_ne!(hooked[1].headers["webhook-id"], hooked[0].headers["webhook-id"], "it is one seat less");
    usher.signal(Signal::TERM);
    usher.end().await;
    usher.restart().await;
    assert!(usher.send(&member("bob@example.com")).await.is_positive());
    let hooked = webhook.taken(3).await;
    assert_eq!(hooked[2].headers["webhook-id"], hooked[1].headers["webhook-id"]);
    is_discreet(usher, &hooked).await;
}

#[tokio::test]
async fn an_operator_can_see_one_arrive() {
    let (mut slack, mut webhook) = (Receiver::start(200).await, Receiver::start(410).await);
    let (_sandbox, usher) = world(&slack, &webhook).await;
    let tried = usher.command(&["alerts", "test"]).await;
    assert_eq!(tried.code, 1, "{tried:?}");
    assert_eq!(
        tried.stdout,
        format!(
            "slack ({}) took it: look whether it arrived\nwebhook ({}) did not take it: it answered 410\n",
            slack.url, webhook.url
        )
    );
    webhook.answer(200);
    let tried = usher.command(&["alerts", "test", "--json"]).await;
    assert_eq!((tried.code, &tried.json()["ok"]), (0, &json!(true)), "{tried:?}");
    assert!(slack.taken(2).await[0].json()["text"].as_str().unwrap().contains("this is a test"));
    let hooked = webhook.taken(1).await;
    verified(hooked.last().unwrap());
    assert_eq!(hooked.last().unwrap().json()["type"], "alert.test");
}
