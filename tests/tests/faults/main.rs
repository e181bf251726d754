//! The short run of the fault suite: each part once, with the bound that the test command has time for.
#![expect(clippy::print_stdout, reason = "says how to run a failure again")]

use usher_tests::faults::{Bound, kills};
use usher_tests::support::seed;

/// Shown, so that a failure can be run again.
fn shown_seed() -> u64 {
    let seed = seed();
    println!("USHER_TEST_SEED={seed}");
    seed
}

#[tokio::test]
async fn after_kills_under_load_all_that_was_accepted_has_ended_and_nothing_happened_twice() {
    kills::run(Bound::Short, shown_seed()).await.must_be_clean();
}
