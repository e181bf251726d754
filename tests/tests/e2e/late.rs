//! A vendor that is too slow for Lumos: what is told, and what is done afterwards.

use std::time::Duration;

use usher_sandbox::{Fault, Operation, Rule, UserSeed};

use crate::support::{Config, Payload, Sandbox, Usher, about};

const EMAIL: &str = "ann@example.com";

/// A change needs its own time-out (5 s), another reading and a second: 6 s and a little.
fn seven_seconds(sandbox: &Sandbox) -> Config {
    Config::new(sandbox).server("answer_within = \"7s\"").server("min_change_budget = \"1s\"")
}

#[tokio::test]
async fn rule_17_what_comes_too_late_is_answered_no_in_time_and_granted_afterwards_with_continue() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&[EMAIL]).await;
    let usher = Usher::start(&seven_seconds(&sandbox)).await;
    let hang = sandbox.fault(Rule::always(about(Operation::SearchUsers, EMAIL), Fault::Hang)).await;
    let answer = usher.send(&Payload::grant(EMAIL, &["agent"])).await;
    assert!(answer.is_no(), "{answer:?}");
    assert!(answer.took < Duration::from_millis(7_900), "{answer:?}");
    assert!(sandbox.effects_on(EMAIL).await.is_empty());
    sandbox.clear(hang).await;
    let row = usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), 1);
    assert_eq!(row.0["telling"], "due", "Lumos was told no, and it is there");
}

#[tokio::test]
async fn rule_17_with_stop_nothing_is_sent_after_the_answer_until_a_person_says_so() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&[EMAIL]).await;
    let usher = Usher::start(&seven_seconds(&sandbox).stop_after_the_deadline()).await;
    let hang = sandbox.fault(Rule::always(about(Operation::SearchUsers, EMAIL), Fault::Hang)).await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    let answer = usher.send(&payload).await;
    assert!(answer.is_no() && answer.took < Duration::from_millis(7_900), "{answer:?}");
    sandbox.clear(hang).await;
    assert_eq!(usher.ended(&answer.id).await.word(), "needs-you");
    // A repetition is answered from its state, at once.
    assert!(usher.send(&payload).await.is_no());
    assert!(sandbox.calls_about(EMAIL).await.iter().all(|call| call.method == "GET"));
    let replayed = usher.command(&["requests", "replay", &answer.id, "--reason", "not done by hand"]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), 1);
}

async fn no_change_starts_late(stop: bool, ends: &str) {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&[EMAIL]).await;
    let config = seven_seconds(&sandbox);
    let usher = Usher::start(&if stop { config.stop_after_the_deadline() } else { config }).await;
    // The first reading takes so long that 6 s are not left.
    let slow = Fault::Delay { ms: 1_500, after_applying: false };
    sandbox.fault(Rule::once(about(Operation::SearchUsers, EMAIL), slow)).await;
    let answer = usher.send(&Payload::grant(EMAIL, &["agent"])).await;
    assert!(answer.is_no() && answer.took < Duration::from_secs(5), "{answer:?}");
    assert_eq!(usher.ended(&answer.id).await.word(), ends);
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), usize::from(!stop));
}

#[tokio::test]
async fn rule_16_no_change_starts_with_too_little_time_left_and_the_answer_does_not_wait_for_the_deadline() {
    tokio::join!(no_change_starts_late(false, "granted"), no_change_starts_late(true, "needs-you"));
}

#[tokio::test]
async fn a_removal_goes_on_after_the_deadline_even_with_stop() {
    let sandbox = Sandbox::start().await;
    sandbox.seed_users(&[UserSeed::agent(EMAIL)]).await;
    let two_seconds =
        Config::new(&sandbox).server("answer_within = \"2s\"").server("min_change_budget = \"1s\"");
    let usher = Usher::start(&two_seconds.stop_after_the_deadline()).await;
    let hang = sandbox.fault(Rule::always(about(Operation::ShowUser, EMAIL), Fault::Hang)).await;
    let answer = usher.send(&Payload::removal(EMAIL, &["agent"])).await;
    assert_eq!(answer.said(), (502, "NO_PROVISIONING_ACTION"));
    assert!(answer.took < Duration::from_millis(2_900), "{answer:?}");
    assert!(answer.message().contains("goes on in the background"), "{answer:?}");
    sandbox.clear(hang).await;
    usher.wait_until(&answer.id, |row| row.word() == "removed").await;
    assert_eq!(sandbox.role(EMAIL).await, "end-user");
}
