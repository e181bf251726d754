//! Breadth first over all states, each once, so that the first trace that breaks something is a shortest one.
//!
//! An explorer of our own: the usual library, stateright, brings a web server and a concurrent map with it whatever its features, about
//! twenty packages, for what these lines do.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use crate::choices::{Call, Choice};
use crate::scenarios::Scenario;
use crate::world::{Pending, World, Wrong};

/// No trace is longer: one that is does not end.
const LONGEST: u32 = 400;

/// What an exploration came to.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    /// States in which nothing more happens by itself.
    pub(crate) ends: usize,
    pub(crate) longest: u32,
    /// How often each kind of branch was taken.
    pub(crate) branches: BTreeMap<&'static str, usize>,
    /// It ended at the bound, with states left.
    pub(crate) cut: bool,
    pub(crate) wrong: Option<(Wrong, Vec<String>)>,
}

struct Node {
    parent: usize,
    choice: Option<Choice>,
    depth: u32,
}

fn key(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Explores a scenario, up to `bound` states.
pub(crate) fn explore(scenario: &Scenario, bound: usize) -> Explored {
    let mut explored = Explored::default();
    let first = World::new(scenario);
    let mut known = HashSet::from([key(&first)]);
    let mut nodes = vec![Node { parent: 0, choice: None, depth: 0 }];
    let mut frontier = VecDeque::from([(0_usize, first)]);
    while let Some((place, world)) = frontier.pop_front() {
        let choices = world.choices(scenario);
        let depth = nodes[place].depth;
        explored.longest = explored.longest.max(depth);
        // A crash is no way on: without one it has to end too.
        if choices.iter().all(|choice| matches!(choice, Choice::Crash { .. })) {
            explored.ends += 1;
            if let Err(wrong) = world.check_end(scenario) {
                explored.wrong = Some((wrong, trace(scenario, &nodes, place, None)));
                break;
            }
        }
        if depth >= LONGEST {
            explored.wrong = Some(("it does not end".to_owned(), trace(scenario, &nodes, place, None)));
            break;
        }
        for choice in choices {
            explored.steps += 1;
            for kind in kinds(&world, choice) {
                *explored.branches.entry(kind).or_default() += 1;
            }
            let mut next = world.clone();
            let taken = next.take(scenario, choice).and_then(|()| next.check(scenario));
            if let Err(wrong) = taken {
                explored.wrong = Some((wrong, trace(scenario, &nodes, place, Some(choice))));
                explored.states = known.len();
                return explored;
            }
            if known.len() >= bound {
                explored.cut = true;
                continue;
            }
            if known.insert(key(&next)) {
                nodes.push(Node { parent: place, choice: Some(choice), depth: depth + 1 });
                frontier.push_back((nodes.len() - 1, next));
            }
        }
    }
    explored.states = known.len();
    explored
}

/// The kinds of branch that are counted.
fn kinds(world: &World, choice: Choice) -> Vec<&'static str> {
    match choice {
        Choice::Crash { .. } => {
            let calls = world.runs.iter().any(|active| matches!(active.pending, Pending::Call { .. }));
            if calls { vec!["crash", "crash during a call"] } else { vec!["crash"] }
        }
        Choice::See(place, number) if number < world.vendor.number => {
            let ahead =
                matches!(&world.runs[place].pending, Pending::Reading(reading) if reading.ahead.is_some());
            if ahead { vec!["stale reading", "stale reading ahead"] } else { vec!["stale reading"] }
        }
        Choice::SeeNothing(_) => vec!["failed reading"],
        Choice::Land(_) => vec!["late landing"],
        Choice::Called(_, Call::LostNever) => vec!["never landing"],
        Choice::Called(_, Call::Accepted) => vec!["202"],
        Choice::Called(_, Call::Refused) | Choice::Finish(_, false) => vec!["refusal"],
        Choice::Called(_, Call::NotSent) => vec!["not sent"],
        Choice::Invitee { accepts: true } => vec!["invitation accepted"],
        Choice::Invitee { accepts: false } => vec!["invitation lapsed"],
        Choice::Dawdle => vec!["slow step"],
        _ => Vec::new(),
    }
}

/// The way to a state, told again from the beginning.
fn trace(scenario: &Scenario, nodes: &[Node], place: usize, last: Option<Choice>) -> Vec<String> {
    let mut choices: Vec<Choice> = last.into_iter().collect();
    let mut at = place;
    while let Some(choice) = nodes[at].choice {
        choices.push(choice);
        at = nodes[at].parent;
    }
    let mut world = World::new(scenario);
    let mut told = Vec::new();
    for choice in choices.into_iter().rev() {
        let line = describe(scenario, &world, choice);
        // The last one is what is wrong; its own error is told above the trace.
        let broken = world.take(scenario, choice).is_err();
        let held: Vec<String> = world.vendor.held.facets.iter().map(ToString::to_string).collect();
        let phases = world.runs.iter().map(|one| format!("{} {}", one.run.request.id, one.pending.name()));
        let runs: Vec<String> = phases.collect();
        told.push(format!("{line}  [{} | {}]", held.join(", "), runs.join(", ")));
        if broken {
            break;
        }
    }
    told
}

fn describe(scenario: &Scenario, world: &World, choice: Choice) -> String {
    let of = |place: usize| world.runs[place].run.request.id.to_string();
    let what = match choice {
        Choice::Deliver => format!("deliver {:?}", scenario.steps[world.steps]),
        Choice::Commit(place) => format!("{} is on disk", of(place)),
        Choice::See(place, number) => {
            let stale = if number < world.vendor.number { "as it was before" } else { "as it is" };
            format!("{} reads the vendor {stale}", of(place))
        }
        Choice::SeeNothing(place) => format!("{} cannot read the vendor", of(place)),
        Choice::Called(place, call) => match &world.runs[place].pending {
            Pending::Call { action, .. } => format!("{} calls “{}”: {call:?}", of(place), action.summary),
            _ => format!("{}: {call:?}", of(place)),
        },
        Choice::Wake(place) => format!("{} wakes", of(place)),
        Choice::Land(place) => format!("“{}” arrives late", world.vendor.late[place].action.summary),
        other => format!("{other:?}"),
    };
    format!("{:>9.3} s  {what}", world.now.as_secs_f64())
}
