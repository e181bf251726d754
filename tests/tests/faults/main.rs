//! The short run of the fault suite: each part once, with the bound that the test command has time for.
#![expect(clippy::print_stdout, reason = "says how to run a failure again")]

use usher_tests::faults::{Bound, clocks, disk, hung_up, kills, mixture, silence, stopped};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_mixture_of_all_faults_nothing_is_lost_nothing_happens_twice_and_no_yes_is_false() {
    mixture::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn after_a_kill_at_any_write_or_sync_what_was_acknowledged_is_there_and_everything_happens_once() {
    disk::writes::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn after_a_power_cut_that_loses_or_spoils_what_was_not_synced_what_was_acknowledged_is_there() {
    disk::power::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn rule_21_after_an_io_error_nothing_false_is_said_all_who_wait_are_answered_and_a_restart_goes_on() {
    disk::broken::errors(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn rule_21_a_small_file_system_that_is_full_ends_it_with_a_sentence_and_loses_nothing() {
    disk::broken::full(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn rule_15_on_a_slow_disk_the_deadline_is_kept_and_a_negative_answer_does_not_wait_for_it() {
    disk::slow::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn a_second_process_is_refused_and_a_journal_is_checked_only_after_an_unclean_stop() {
    disk::start::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test]
async fn a_wall_clock_that_jumps_moves_no_deadline_and_grants_nothing_after_its_time() {
    clocks::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_is_answered_in_time_and_what_arrives_late_undoes_nothing() {
    silence::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_stop_of_usher_or_of_the_vendor_nothing_happens_twice_and_everything_ends() {
    stopped::run(Bound::Short, shown_seed()).await.must_be_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_15_whoever_hangs_up_early_loses_nothing_and_what_they_did_not_hear_is_still_to_be_told() {
    hung_up::run(Bound::Short, shown_seed()).await.must_be_clean();
}
