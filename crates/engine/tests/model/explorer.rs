//! Breadth first over all states, each once, so that the first trace that breaks something is a shortest one.
//!
//! An explorer of our own: the usual library, stateright, brings a web server and a concurrent map with it whatever its features, about
//! twenty packages, for what these lines do.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use fastrand::Rng;
use usher_engine::AfterDeadline;
use usher_journal::Execution;

use crate::choices::{Call, Choice};
use crate::scenarios::{Scenario, Step};
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
    /// States on the ways beyond the bound.
    pub(crate) passed: usize,
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
        if let Err(wrong) = explored.arrive(scenario, &world, &choices, depth) {
            explored.wrong = Some((wrong, trace(scenario, &way_to(&nodes, place))));
            break;
        }
        for choice in choices {
            let mut next = world.clone();
            if let Err(wrong) = explored.step(scenario, &world, choice, &mut next) {
                let mut way = way_to(&nodes, place);
                way.push(choice);
                explored.wrong = Some((wrong, trace(scenario, &way)));
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

/// Goes on to the end `walks` times, each time by a way of its own: what the bound keeps a search from, these reach.
pub(crate) fn dive(scenario: &Scenario, walks: u64, explored: &mut Explored) {
    let mut known = HashSet::new();
    for walk in 0..walks {
        let mut random = Rng::with_seed(walk);
        let mut world = World::new(scenario);
        let mut way = Vec::new();
        loop {
            let choices = world.choices(scenario);
            let depth = u32::try_from(way.len()).unwrap();
            if let Err(wrong) = explored.arrive(scenario, &world, &choices, depth) {
                explored.wrong = Some((wrong, trace(scenario, &way)));
                return;
            }
            // A crash only now and then: most ways would not get far otherwise.
            let may_crash = random.u8(..8) == 0;
            let is_end = choices.iter().all(is_crash);
            let ways: Vec<_> = choices.into_iter().filter(|choice| may_crash || !is_crash(choice)).collect();
            let Some(choice) = random.choice(ways).filter(|_| !is_end) else { break };
            way.push(choice);
            let before = world.clone();
            if let Err(wrong) = explored.step(scenario, &before, choice, &mut world) {
                explored.wrong = Some((wrong, trace(scenario, &way)));
                return;
            }
            known.insert(key(&world));
        }
    }
    explored.passed = known.len();
}

impl Explored {
    /// A state is reached.
    fn arrive(
        &mut self,
        scenario: &Scenario,
        world: &World,
        choices: &[Choice],
        depth: u32,
    ) -> Result<(), Wrong> {
        self.longest = self.longest.max(depth);
        if depth >= LONGEST {
            return Err("it does not end".to_owned());
        }
        // A crash is no way on: without one it has to end too.
        if choices.iter().all(is_crash) {
            self.ends += 1;
            world.check_end(scenario)?;
        }
        Ok(())
    }

    /// A choice is taken.
    fn step(
        &mut self,
        scenario: &Scenario,
        before: &World,
        choice: Choice,
        next: &mut World,
    ) -> Result<(), Wrong> {
        self.steps += 1;
        next.take(scenario, choice)?;
        for kind in kinds(scenario, before, choice).into_iter().chain(ended(scenario, before, next)) {
            *self.branches.entry(kind).or_default() += 1;
        }
        next.check(scenario)
    }
}

fn is_crash(choice: &Choice) -> bool {
    matches!(choice, Choice::Crash { .. })
}

/// Ends that are counted as branches.
fn ended(scenario: &Scenario, before: &World, next: &World) -> Option<&'static str> {
    let (_, row) = next
        .disk
        .rows
        .iter()
        .find(|(id, row)| before.disk.rows.get(*id).is_none_or(|old| old.execution != row.execution))?;
    let stops = scenario.apps[&row.app_key].after_deadline == AfterDeadline::Stop;
    match row.execution {
        Execution::Expired => Some("approval over"),
        Execution::NeedsHuman if stops && row.reason.as_ref().is_some_and(|why| why.contains("too late")) => {
            Some("stopped after its answer")
        }
        _ => None,
    }
}

/// The kinds of branch that are counted.
fn kinds(scenario: &Scenario, world: &World, choice: Choice) -> Vec<&'static str> {
    match choice {
        Choice::Deliver => match scenario.steps[world.steps] {
            Step::Again(_) => vec!["duplicate"],
            Step::OrderAll(_) => vec!["deprovisioning of everything"],
            Step::Replay(_) => vec!["operator's replay"],
            Step::Pause => vec!["operator's pause"],
            Step::Grant(..) | Step::Order(..) | Step::Resume => Vec::new(),
        },
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

fn way_to(nodes: &[Node], place: usize) -> Vec<Choice> {
    let mut way = Vec::new();
    let mut at = place;
    while let Some(choice) = nodes[at].choice {
        way.push(choice);
        at = nodes[at].parent;
    }
    way.reverse();
    way
}

/// The way to a state, told again from the beginning.
fn trace(scenario: &Scenario, way: &[Choice]) -> Vec<String> {
    let mut world = World::new(scenario);
    let mut told = Vec::new();
    for &choice in way {
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
