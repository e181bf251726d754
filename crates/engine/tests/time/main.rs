//! Histories of many simulated days: random webhooks, faults, restarts and clock steps through the engine, a journal and a vendor.
//!
//!     cargo test -p usher-engine --test time -- --nocapture
//!     USHER_TEST_SEED=17 cargo test -p usher-engine --test time -- --nocapture   # one history again
//!     USHER_TIME=long cargo test -p usher-engine --test time -- --nocapture      # many more, others each time
//!
//! A failure prints its seed, the shortest list of steps that was found to break the same promise, and all that happens in it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what happened is told")]

mod books;
mod clock;
mod connector;
mod history;
mod journal;
mod operator;
mod properties;
mod shelf;
mod shrink;
mod steps;
mod totals;
mod vendor;
mod webhooks;
mod world;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use history::{Outcome, run};
use shelf::Shelf;
use steps::{Setup, Step};
use totals::Totals;

/// How many days pass until the faults stop.
const DAYS: Range<u64> = 10..30;

/// Runs the histories of these seeds, on as many threads as there are cores. Each has a runtime of its own for each of its processes.
fn run_all(seeds: Range<u64>, days: &Range<u64>, shelf: fn() -> Shelf) -> Totals {
    let (next, totals, failed) =
        (AtomicU64::new(seeds.start), Mutex::new(Totals::default()), Mutex::new(None));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    let (setup, steps) = steps::random(seed, days.clone());
                    let outcome = run(&setup, &steps, &shelf());
                    totals.lock().unwrap().include(&outcome.totals);
                    if !outcome.wrong.is_empty() {
                        failed.lock().unwrap().get_or_insert((seed, outcome));
                    }
                }
            });
        }
    });
    if let Some((seed, outcome)) = failed.into_inner().unwrap() {
        tell(seed, days, &outcome, shelf);
    }
    totals.into_inner().unwrap()
}

/// Tells of a failure what whoever has to understand it needs.
fn tell(seed: u64, days: &Range<u64>, outcome: &Outcome, shelf: fn() -> Shelf) -> ! {
    println!("USHER_TEST_SEED={seed}: {:?}", outcome.wrong);
    let (setup, steps) = steps::random(seed, days.clone());
    let steps = shrink::shortest(&setup, steps, &outcome.wrong, shelf);
    println!("{setup:?}\nThe shortest list of steps that was found to break the same promise:");
    for step in &steps {
        println!("    {step:?}");
    }
    let short = run(&Setup { tells: true, ..setup }, &steps, &shelf());
    for line in &short.tale {
        println!("{line}");
    }
    panic!("USHER_TEST_SEED={seed}: {}", short.wrong.join("; "));
}

/// The seeds of a test run: always the same, so that it does not depend on luck; `USHER_TEST_SEED` alone; or others each time.
fn seeds(many: u64) -> Range<u64> {
    if let Some(seed) = std::env::var("USHER_TEST_SEED").ok().map(|seed| seed.parse::<u64>().unwrap()) {
        return seed..seed + 1;
    }
    if std::env::var("USHER_TIME").is_ok_and(|time| time == "long") {
        // The keys of a hasher are random, which is all that is wanted.
        let from = RandomState::new().build_hasher().finish() >> 16;
        return from..from + many * 12;
    }
    1..1 + many
}

/// What has to happen in a test run, or it shows nothing.
const EXPECTED: &[&str] = &[
    "202s that failed",
    "202s that never ended",
    "202s that were done",
    "401s",
    "429s with Retry-After",
    "429s without Retry-After",
    "5xx after applying",
    "calls that hung",
    "calls that timed out",
    "calls that were not sent",
    "changes by hand",
    "changes that landed late",
    "clock steps backwards",
    "clock steps forwards",
    "holders that were compared",
    "invitations that lapsed",
    "invitations that were accepted",
    "invitations that were cancelled",
    "negative answers",
    "outages",
    "pauses",
    "positive answers",
    "processes that ended with their journal",
    "processes that were killed",
    "processes that were killed at a chosen await",
    "readings that went wrong",
    "refusals",
    "refusals for want of a seat",
    "repeated deliveries",
    "replays",
    "replays of what was with a person",
    "requests that ended as closed",
    "requests that ended as expired",
    "requests that ended as granted",
    "requests that ended as refused",
    "requests that ended as removed",
    "requests that ended as superseded",
    "requests that were closed",
    "resets after applying",
    "resets before applying",
    "stale readings",
    "times that the journal was out of reach",
];

#[test]
fn whatever_happens_over_days_every_promise_holds() {
    let seeds = seeds(120);
    println!("USHER_TEST_SEED={seeds:?}");
    let totals = run_all(seeds.clone(), &DAYS, Shelf::memory);
    totals.print();
    if seeds.end - seeds.start > 1 {
        let missing = totals.missing(EXPECTED);
        assert!(missing.is_empty(), "there were none of {missing:?}");
    }
}

#[test]
fn with_a_journal_on_disk_every_promise_holds_too() {
    let seeds = seeds(12);
    println!("USHER_TEST_SEED={seeds:?}");
    run_all(seeds, &(5..15), Shelf::file).print();
}

#[test]
fn a_seed_replays_its_history() {
    for seed in 1..5 {
        let (setup, mut steps) = steps::random(seed, DAYS);
        // Whom Tokio wakes first when a connection is let go on, or the journal is lost, is its own luck.
        steps.retain(|step| !matches!(step, Step::Pause | Step::JournalFails { .. }));
        let [first, second] = [(); 2].map(|()| run(&setup, &steps, &Shelf::memory()));
        assert_eq!(first.totals, second.totals, "the same happens again");
    }
}
