//! The connector without the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use usher_core::{
    Action, App, Arity, Asked, Awaits, Clock as _, Direction, Facet, Goal, Hold, Known, Plan, Snapshot,
    Subject, WatchState,
};

use crate::stage::{MAIN, Stage, ada};
use crate::time::pass;
use crate::{Outcome, Vendors, ensure};

/// Plans until the goal is reached, as many as the engine makes.
const ROUNDS: usize = 3;
/// Readings of an unfinished change, a second apart.
const LOOKS: usize = 900;

pub(crate) async fn a_second_plan_is_empty(vendors: Vendors<'_>) -> Outcome {
    both_ways(vendors, &mut |_, _| Ok(())).await
}

pub(crate) async fn each_apply_makes_exactly_one_changing_call(vendors: Vendors<'_>) -> Outcome {
    both_ways(vendors, &mut |action, calls| {
        ensure!(calls == 1, "“{}” made {calls} changing calls instead of one", action.summary);
        Ok(())
    })
    .await
}

/// Everything that only looks: `observe` of anybody, `plan`, and `check`.
pub(crate) async fn looking_changes_nothing(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let of: BTreeSet<Facet> = stage.names().iter().flat_map(|name| stage.facets(name)).collect();
    let mut direct = Direct::new(&stage, ada());
    direct.look(&of).await?;
    stage.vendor.enroll(&direct.who);
    direct.look(&of).await?;
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&direct.who, &facet);
    }
    let seen = direct.look(&of).await?;
    for (direction, goal) in goals(&stage, &stage.facets(MAIN)) {
        direct.plan(direction, &goal, &seen);
    }
    let checked = stage.connection.check(&stage.call(), &of).await;
    checked.map_err(|fault| format!("the check failed: {fault}"))?;
    let (changes, effects) = (stage.server.changes(), stage.vendor.effects());
    ensure!(
        changes == 0 && effects.is_empty(),
        "{changes} changing requests were sent while looking: {effects:?}"
    );
    Ok(())
}

type Judge<'a> = &'a mut (dyn FnMut(&Action, usize) -> Outcome + Send);

/// Reaches every permission and leaves it again; `judge` is told how many changing calls each action made.
async fn both_ways(vendors: Vendors<'_>, judge: Judge<'_>) -> Outcome {
    let names = Stage::set(vendors).await?.names();
    for name in names {
        let stage = Stage::set(vendors).await?;
        let mut direct = Direct::new(&stage, ada());
        stage.vendor.enroll(&direct.who);
        for (direction, goal) in goals(&stage, &stage.facets(&name)) {
            direct.reach(direction, &goal, judge).await.map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(())
}

/// To hold facets, and to have them gone again; a slot of one value goes to its baseline.
fn goals(stage: &Stage, facets: &BTreeSet<Facet>) -> [(Direction, Goal); 2] {
    let restore = stage.connection.slots().iter().filter_map(|(slot, arity)| match arity {
        Arity::One { baseline: Some(value) } if facets.iter().any(|facet| facet.slot == *slot) => {
            Some((slot.clone(), value.clone()))
        }
        _ => None,
    });
    let hold = Goal { hold: facets.clone(), ..Goal::default() };
    let release = Goal { release: facets.clone(), restore: restore.collect(), ..Goal::default() };
    [(Direction::Provision, hold), (Direction::Deprovision, release)]
}

/// Calls the connector as the engine does.
struct Direct<'a> {
    stage: &'a Stage,
    who: Subject,
    known: Known,
}

impl<'a> Direct<'a> {
    fn new(stage: &'a Stage, who: Subject) -> Self {
        Self { stage, who, known: Known::default() }
    }

    async fn look(&mut self, of: &BTreeSet<Facet>) -> Result<Snapshot, String> {
        let seen = self.stage.connection.observe(&self.stage.call(), &self.who, &self.known, of).await;
        let seen = seen.map_err(|fault| format!("it could not be observed: {fault}"))?;
        if let Some(missing) = of.iter().find(|facet| !seen.facets.contains_key(facet)) {
            return Err(format!("the reading says nothing about {missing}, which was asked for"));
        }
        self.known.handles.clone_from(&seen.handles);
        Ok(seen)
    }

    /// Looks until the vendor has finished what it accepted: at the latest when it is told to.
    async fn look_at_the_end(&mut self, of: &BTreeSet<Facet>) -> Result<Snapshot, String> {
        for _ in 0..LOOKS {
            let seen = self.look(of).await?;
            if !seen.watches.contains(&WatchState::Running) {
                self.known.watches.clear();
                return Ok(seen);
            }
            self.stage.vendor.finish();
            pass(Duration::from_secs(1), self.stage.clock.as_ref()).await;
        }
        Err("the vendor accepted a change and never finished it".to_owned())
    }

    fn plan(&self, direction: Direction, goal: &Goal, seen: &Snapshot) -> Plan {
        self.stage.connection.plan(&self.who, &self.asked(direction), seen, goal)
    }

    fn asked(&self, direction: Direction) -> Asked {
        Asked {
            direction,
            request: "direct".to_owned(),
            comment: None,
            app: App::default(),
            now: self.stage.clock.now(),
            attempt: 1,
        }
    }

    async fn reach(&mut self, direction: Direction, goal: &Goal, judge: Judge<'_>) -> Outcome {
        let of: BTreeSet<Facet> = goal.hold.union(&goal.release).cloned().collect();
        for _ in 0..ROUNDS {
            let seen = self.look_at_the_end(&of).await?;
            // As the engine has it: a slot goes back only if it still shows what goes.
            let goal = still_shown(goal, &seen);
            let plan = self.plan(direction, &goal, &seen);
            ensure!(plan.refused.is_empty(), "it was refused: {:?}", plan.refused);
            if plan.actions.is_empty() {
                return reached(&goal, &seen);
            }
            for action in &plan.actions {
                let before = self.stage.server.changes();
                let asked = self.asked(direction);
                let call = self.stage.call();
                let applied = self.stage.connection.apply(&call, &self.who, &asked, &seen, action).await;
                let receipt = applied.map_err(|fault| format!("“{}” failed: {fault}", action.summary))?;
                judge(action, self.stage.server.changes() - before)?;
                self.known.handles.extend(receipt.handles);
                self.known.watches.extend(receipt.watch);
            }
        }
        let seen = self.look_at_the_end(&of).await?;
        let plan = self.plan(direction, &still_shown(goal, &seen), &seen);
        let left: Vec<&str> = plan.actions.iter().map(|action| action.summary.as_str()).collect();
        ensure!(left.is_empty(), "after {ROUNDS} plans the next one is not empty: {left:?}");
        reached(goal, &seen)
    }
}

fn still_shown(goal: &Goal, seen: &Snapshot) -> Goal {
    let shown = |slot: &String| {
        seen.current.get(slot).is_some_and(|value| goal.release.contains(&Facet::new(slot, value)))
    };
    let restore: BTreeMap<_, _> = goal
        .restore
        .iter()
        .filter(|(slot, _)| shown(slot))
        .map(|(slot, value)| (slot.clone(), value.clone()))
        .collect();
    Goal { restore, ..goal.clone() }
}

/// An empty plan means that it is so, or that nobody but the invitee can go on.
fn reached(goal: &Goal, seen: &Snapshot) -> Outcome {
    let there = |facet: &&Facet| {
        matches!(seen.hold(facet), Hold::Present | Hold::Pending { awaits: Awaits::Invitee, .. })
    };
    let wanting: Vec<&Facet> = goal.hold.iter().filter(|facet| !there(facet)).collect();
    let left: Vec<&Facet> = goal.release.iter().filter(|facet| *seen.hold(facet) != Hold::Absent).collect();
    ensure!(
        wanting.is_empty() && left.is_empty(),
        "the plan is empty; wanting {wanting:?}, still there {left:?}"
    );
    Ok(())
}
