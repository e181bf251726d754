//! A model checker over the real code: `decide`, `goal`, `stands`, and the journal's `arrive`, `replay` and `apply`, through every order
//! in which deliveries, readings, answers, landings and crashes can come, up to a bound. See this crate's README.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod choices;
mod consequences;
mod deliveries;
mod explorer;
mod mutations;
mod properties;
mod rules;
mod scenarios;
mod vendor;
mod world;

use std::collections::BTreeMap;
use std::io::Write;

/// What has to be met at least once: else what it shows is not shown.
const BRANCHES: [&str; 19] = [
    "202",
    "approval over",
    "crash",
    "crash during a call",
    "deprovisioning of everything",
    "duplicate",
    "failed reading",
    "invitation accepted",
    "invitation lapsed",
    "late landing",
    "never landing",
    "not sent",
    "operator's pause",
    "operator's replay",
    "refusal",
    "slow step",
    "stale reading",
    "stale reading ahead",
    "stopped after its answer",
];

/// Past the test harness, which keeps what a test prints to itself.
fn say(line: &str) {
    let mut out = std::io::stderr();
    writeln!(out, "{line}").unwrap();
}

#[test]
fn no_state_that_can_be_reached_breaks_a_promise() {
    let long = std::env::var("USHER_MODEL").is_ok_and(|value| value == "long");
    let (bound, walks) = if long { (150_000, 2_000) } else { (3_000, 40) };
    let (mut states, mut steps, mut ends, mut branches) = (0, 0, 0, BTreeMap::<_, usize>::new());
    for scenario in scenarios::all(long) {
        let mut explored = explorer::explore(&scenario, bound);
        if explored.cut && explored.wrong.is_none() {
            explorer::dive(&scenario, walks, &mut explored);
        }
        if let Some((wrong, trace)) = explored.wrong {
            panic!("{}: {wrong}\n  {}", scenario.name, trace.join("\n  "));
        }
        let (found, passed, longest) = (explored.states, explored.passed, explored.longest);
        let which = match explored.cut {
            true => format!("the first {found} states, and {passed} on {walks} ways to an end"),
            false => format!("all {found} states"),
        };
        say(&format!("model: {}: {which}, up to {longest} steps long", scenario.name));
        (states, steps, ends) = (states + found + passed, steps + explored.steps, ends + explored.ends);
        for (kind, times) in explored.branches {
            *branches.entry(kind).or_default() += times;
        }
    }
    say(&format!("model: {states} states, {steps} steps, {ends} ends; {branches:?}"));
    for kind in BRANCHES {
        assert!(branches.get(kind).is_some_and(|times| *times > 0), "nothing was explored of: {kind}");
    }
    assert!(!long || states >= 1_000_000, "a long run has a million states, and this one {states}");
}

#[test]
fn without_any_one_rule_a_promise_is_broken() {
    for (rule, scenario, expected) in mutations::without_a_rule() {
        let explored = explorer::explore(&scenario, 20_000);
        let Some((wrong, trace)) = explored.wrong else {
            panic!("without {rule:?}: nothing was found in {} states", explored.states);
        };
        assert!(wrong.contains(expected), "without {rule:?}: {wrong}\n  {}", trace.join("\n  "));
        say(&format!("model: without {rule:?}: {wrong}, after {} steps", trace.len()));
    }
}
