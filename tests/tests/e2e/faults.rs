//! Everything that the sandbox can do wrong, at writes and at readings: always answered in time, never positive without the
//! state at the vendor, every change once at the most, and an end for every request once the fault is over.
//!
//! All cases run at once against one service, since each mostly waits; what goes wrong is told for all of them together.

mod case;

use futures_util::future::join_all;
use usher_sandbox::{Fault, Operation, RetryAfter, Rule};

use self::case::{Case, Place};
use crate::support::fault_table::{self, none, with_statuses};
use crate::support::{Payload, about, world};

/// Faults of one call: nobody else is touched by them.
fn of_one_call() -> Vec<Fault> {
    with_statuses(&[500, 502, 503])
}

/// Faults after which a connector is careful with the whole connection, or with its credential.
fn of_the_account() -> Vec<Fault> {
    vec![
        Fault::Throttle { retry_after: RetryAfter::None },
        Fault::Throttle { retry_after: RetryAfter::Seconds(2) },
        Fault::Throttle { retry_after: RetryAfter::DateIn(2) },
        Fault::Unauthorized { revoke_tokens: false },
        Fault::Unauthorized { revoke_tokens: true },
    ]
}

async fn run(cases: Vec<Case>) -> Vec<String> {
    fault_table::run(world().await, cases).await
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_write_the_answer_is_true_and_each_change_happens_once() {
    let places = [Place::Promotion, Place::Group, Place::Creation, Place::Removal];
    let cases =
        places.iter().flat_map(|place| of_one_call().into_iter().map(|fault| Case::new(*place, fault)));
    none(&run(cases.collect()).await);
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_reading_the_answer_is_true_and_each_change_happens_once() {
    let stale = [Fault::Stale { behind_ms: None }, Fault::Stale { behind_ms: Some(600_000) }];
    let faults = || of_one_call().into_iter().chain(stale.clone());
    let places = [Place::Reading, Place::ReadBack, Place::ReadBackOfRemoval];
    let cases = places.iter().flat_map(|place| faults().map(|fault| Case::new(*place, fault)));
    none(&run(cases.collect()).await);
}

#[tokio::test]
async fn whatever_the_account_says_to_everybody_is_over_when_it_says_so() {
    let places = [Place::Promotion, Place::Reading, Place::Removal];
    let cases =
        places.iter().flat_map(|place| of_the_account().into_iter().map(|fault| Case::new(*place, fault)));
    // Each in a world of its own: a token that one revokes is the others' too.
    let troubles = join_all(cases.map(|case| run(vec![case]))).await;
    none(&troubles.concat());
}

#[tokio::test]
async fn a_vendor_that_is_not_there_at_all_is_answered_no_and_nothing_is_lost() {
    let (sandbox, usher) = world().await;
    let url = sandbox.url.clone();
    drop(sandbox);
    let answer = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    assert!(answer.is_no() && answer.took < crate::support::ANSWERED_WITHIN, "{answer:?}");
    // It is tried again by itself.
    let row = usher.wait_until(&answer.id, |row| !row.0["next_at"].is_null()).await;
    assert_eq!(row.word(), "waiting", "nothing listens at {url}: {row:?}");
}

#[tokio::test]
async fn rule_05_a_removal_that_meets_a_grant_still_under_way_is_not_done_before_that_has_arrived() {
    let (sandbox, usher) = world().await;
    let email = "ann@example.com";
    sandbox.end_users(&[email]).await;
    // The vendor makes the change 3 s after Usher has given the call up.
    let late = Fault::ApplyLate { after_ms: Some(3_000) };
    sandbox.fault(Rule::once(about(Operation::UpdateUser, email), late)).await;
    let grant = tokio::spawn(usher.try_send(&Payload::grant(email, &["agent"])));
    sandbox.wait_for_call(Operation::UpdateUser, email).await;
    let removal = usher.send(&Payload::removal(email, &["agent"])).await;
    if removal.is_positive() {
        assert_eq!(sandbox.role(email).await, "end-user");
    }
    grant.await.unwrap().expect("it is answered");
    usher.wait_until(&removal.id, |row| row.word() == "removed").await;
    assert_eq!(sandbox.role(email).await, "end-user");
    let changes = sandbox.changes_of(email).await;
    assert!(changes.iter().any(|change| change == "role end-user -> agent"), "it did arrive: {changes:?}");
    assert_eq!(changes.iter().filter(|change| change.starts_with("role ")).count(), 2, "{changes:?}");
    assert!(usher.all_ended().await.iter().all(|row| row.word() != "needs-you"));
}
