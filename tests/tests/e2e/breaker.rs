//! A vendor that fails for everybody: the circuit of its connection opens, and closes once it answers again.

use std::time::Duration;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::Value;
use usher_sandbox::{Fault, Matcher, Operation, Rule};

use crate::support::{AUDIT, Config, PATIENCE, Payload, Sandbox, Usher};

/// How often it is looked whether something has come about.
const LOOK: Duration = Duration::from_millis(100);

fn person(number: usize) -> String {
    format!("person-{number}@example.com")
}

/// The circuit of Zendesk's connection.
async fn circuit(usher: &Usher) -> Value {
    let (status, mut shown) = usher.api_as(AUDIT, Method::GET, "/api/v1/connections", None).await;
    assert_eq!(status, 200, "{shown}");
    shown["connections"][0]["breaker"].take()
}

async fn wait_for(usher: &Usher, state: &str) -> Value {
    let mut looks = tokio::time::interval(LOOK);
    let seen = async {
        loop {
            looks.tick().await;
            let circuit = circuit(usher).await;
            if circuit["state"] == state {
                return circuit;
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("the circuit comes to stand so")
}

#[tokio::test]
async fn in_an_outage_nobody_waits_for_the_vendor_and_all_have_what_they_asked_for_once_it_is_over() {
    let sandbox = Sandbox::start().await;
    let people: Vec<String> = (0..6).map(person).collect();
    sandbox.end_users(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // The first probe comes after five seconds: later than any answer could wait for.
    let config = Config::new(&sandbox)
        .server("answer_within = \"5s\"")
        .server("min_change_budget = \"1s\"")
        .breaker("{ failures = 3, longest = \"5s\" }");
    let mut usher = Usher::start_quietly(&config).await;
    assert_eq!(circuit(&usher).await["state"], "closed");
    let outage = Matcher::operation(Operation::SearchUsers);
    let outage = sandbox.fault(Rule::always(outage, Fault::ErrorBefore { status: 503 })).await;

    let first = people[..3].iter().map(|email| usher.try_send(&Payload::grant(email, &["agent"])));
    let first = tokio::spawn(futures_util::future::join_all(first));
    let open = wait_for(&usher, "open").await;
    assert_eq!(open["failures"], 3, "{open}");
    assert!(open["last_fault"].as_str().unwrap().contains("status 503"), "{open}");
    let shown = usher.command(&["connections"]).await;
    assert!(shown.code == 0 && shown.stdout.contains("  fails since 20"), "{shown:?}");

    let mut answers = Vec::new();
    for email in &people[3..] {
        let answer = usher.send(&Payload::grant(email, &["agent"])).await;
        assert!(answer.is_no() && answer.took < Duration::from_secs(3), "{answer:?}");
        let says = |history: &[String]| history.iter().any(|sentence| sentence.contains("reach zendesk"));
        usher.wait_for_history(&answer.id, says).await;
        answers.push(answer);
    }
    answers.extend(first.await.unwrap().into_iter().map(|answer| answer.expect("it is answered")));
    assert!(sandbox.effects().await.is_empty());

    sandbox.clear(outage).await;
    for answer in &answers {
        usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    }
    for email in &people {
        assert_eq!(sandbox.effects_on(email).await.len(), 1, "{email}");
    }
    assert_eq!(circuit(&usher).await["state"], "closed");
    usher.signal(Signal::TERM);
    assert_eq!(usher.end().await.0, Some(0));
    let written = usher.written();
    for line in ["the circuit is open", "the circuit is closed"] {
        assert_eq!(written.matches(line).count(), 1, "{line}");
    }
}
