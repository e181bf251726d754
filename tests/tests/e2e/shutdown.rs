//! How it stops.

use rustix::process::Signal;
use tokio::net::TcpStream;
use usher_sandbox::{Fault, Operation, Rule};

use crate::support::{Config, PATIENCE, Payload, Sandbox, Usher, about, world};

const EMAIL: &str = "ann@example.com";

/// A request that is held at the vendor in this call.
async fn held(
    sandbox: &Sandbox,
    usher: &Usher,
    operation: Operation,
) -> (u64, Payload, tokio::task::JoinHandle<Option<crate::support::Answer>>) {
    sandbox.end_users(&[EMAIL]).await;
    let hold = sandbox.hold(about(operation, EMAIL), false).await;
    let payload = Payload::grant(EMAIL, &["agent"]);
    let sent = tokio::spawn(usher.try_send(&payload));
    sandbox.wait_for_call(operation, EMAIL).await;
    (hold, payload, sent)
}

/// Returns once it takes no more connections: the signal has been heard.
async fn until_it_takes_no_more(usher: &Usher) {
    let address = usher.webhooks.strip_prefix("http://").unwrap();
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("it stops taking connections");
}

#[tokio::test]
async fn sigterm_lets_what_somebody_waits_for_finish_and_says_that_nothing_is_left() {
    let (sandbox, mut usher) = world().await;
    let (hold, _, sent) = held(&sandbox, &usher, Operation::UpdateUser).await;
    usher.signal(Signal::TERM);
    until_it_takes_no_more(&usher).await;
    sandbox.release(hold).await;
    let answer = sent.await.unwrap().expect("it is answered");
    assert!(answer.is_positive(), "{answer:?}");
    let (code, stdout, _) = usher.end().await;
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("{\"event\":\"stopped\",\"left\":0}\n"), "{stdout}");
    usher.restart().await;
    assert_eq!(usher.row(&answer.id).await.word(), "granted");
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_left_to_the_journal_and_goes_on_at_the_next_start() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&[EMAIL]).await;
    let two_seconds =
        Config::new(&sandbox).server("answer_within = \"2s\"").server("min_change_budget = \"1s\"");
    let mut usher = Usher::start(&two_seconds).await;
    let hang = sandbox.fault(Rule::always(about(Operation::SearchUsers, EMAIL), Fault::Hang)).await;
    let answer = usher.send(&Payload::grant(EMAIL, &["agent"])).await;
    assert!(answer.is_no());
    usher.wait_until(&answer.id, |row| row.0["execution"] == "backing-off").await;
    usher.signal(Signal::INT);
    let (code, stdout, _) = usher.end().await;
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("{\"event\":\"stopped\",\"left\":1}\n"), "{stdout}");
    sandbox.clear(hang).await;
    usher.restart().await;
    usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_nothing_is_lost() {
    let (sandbox, mut usher) = world().await;
    let (hold, payload, sent) = held(&sandbox, &usher, Operation::SearchUsers).await;
    let id = usher.row_of(&payload).await.id().to_owned();
    usher.signal(Signal::INT);
    until_it_takes_no_more(&usher).await;
    assert!(!usher.has_ended(), "it waits for the answer");
    usher.signal(Signal::INT);
    let (code, _, stderr) = usher.end().await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("goes on at the next start"), "{stderr}");
    assert!(sent.await.unwrap().is_none());
    sandbox.clear(hold).await;
    usher.restart().await;
    usher.wait_until(&id, |row| row.word() == "granted").await;
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), 1);
}
