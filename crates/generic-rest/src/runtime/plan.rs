//! The pure half: what would have to be called. No I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use usher_core::{Account, Arity, Asked, Facet, Goal, Hold, Plan, Refusal, RefusalKind, Snapshot, Subject};

use super::change::{Change, of_request};
use super::entitlement::ACCOUNT;
use super::error::Operation;
use super::facts::Facts;
use super::references::of_step;
use super::slots::Changes;
use super::values::show;
use crate::definition::{Block, Definition, Step};
use crate::expression::{EvalError, Scope};
use crate::sinks;

/// Requests of one step in one plan at the most.
const MOST_ITEMS: usize = 500;
/// Bytes of one item at the most: it is kept with the change.
const LONGEST_ITEM: usize = 16 << 10;

const UNREADABLE: &str = "The reading of the application cannot be understood: run the request again.";

/// The calls that lead from `seen` to `goal`.
pub(crate) fn plan(
    definition: &Definition,
    constants: &Map<String, Value>,
    who: &Subject,
    asked: &Asked,
    seen: &Snapshot,
    goal: &Goal,
) -> Plan {
    let Ok(facts) = Facts::of(seen) else {
        return refuse_all(goal, RefusalKind::Other, UNREADABLE);
    };
    match &seen.account {
        Account::Ambiguous { hits } => {
            let sentence = format!(
                "{hits} accounts of the application would fit: leave the address to one of them, then run it again."
            );
            return refuse_all(goal, RefusalKind::Ambiguous, sentence);
        }
        Account::Protected { why } => return refuse_all(goal, RefusalKind::Protected, why.clone()),
        Account::Absent | Account::Found { .. } | Account::Invited => {}
    }
    let slots = definition.slots.iter().map(|(name, slot)| {
        let nothing = super::facts::Shown::default();
        let shown = facts.slots.get(name).unwrap_or(&nothing);
        (name.clone(), Changes::of(name, slot, shown, goal))
    });
    let mut planning = Planning {
        definition,
        constants,
        who,
        asked,
        seen,
        goal,
        facts: &facts,
        slots: slots.collect(),
        wanting: BTreeSet::new(),
        leaving: BTreeSet::new(),
        plan: Plan::default(),
    };
    planning.run();
    planning.plan
}

struct Planning<'a> {
    definition: &'a Definition,
    constants: &'a Map<String, Value>,
    who: &'a Subject,
    asked: &'a Asked,
    seen: &'a Snapshot,
    goal: &'a Goal,
    facts: &'a Facts,
    slots: BTreeMap<String, Changes>,
    /// To be held, and neither there nor pending.
    wanting: BTreeSet<Facet>,
    /// To go, and there or pending.
    leaving: BTreeSet<Facet>,
    plan: Plan,
}

impl Planning<'_> {
    fn run(&mut self) {
        self.sort_out();
        let removes = self.goal.remove_account && self.facts.account;
        if self.wanting.is_empty() && self.leaving.is_empty() && !removes {
            return;
        }
        if self.refused() {
            return;
        }
        for block in [false, true] {
            // The account goes after everything else: in a round of its own, once nothing else is left to do.
            if block && (!removes || !self.plan.actions.is_empty() || !self.plan.refused.is_empty()) {
                return;
            }
            let definition = self.definition;
            let steps = definition.steps.iter().filter(|step| (step.block == Block::Remove) == block);
            for step in steps {
                if self.applies(step.block)
                    && let Err(refused) = self.step(step)
                {
                    let (gives, takes) = self.about(step, &Value::Null);
                    self.plan.refused.push((gives.union(&takes).cloned().collect(), refused));
                }
            }
        }
    }

    /// What is left to do, less what cannot be done here at all.
    fn sort_out(&mut self) {
        let goal = self.goal;
        let known = |facet: &&Facet| {
            self.definition.slots.contains_key(&facet.slot)
                || (self.definition.slots.is_empty() && facet.slot == ACCOUNT)
        };
        let (held, unknown): (Vec<&Facet>, Vec<&Facet>) = goal.hold.iter().partition(known);
        let (released, unknown_too): (Vec<&Facet>, Vec<&Facet>) = goal.release.iter().partition(known);
        for facet in unknown.into_iter().chain(unknown_too) {
            let sentence = format!(
                "The definition has no slot {} any more: look at the person in the application, or correct the definition.",
                facet.slot
            );
            self.plan.refused.push((only(facet), Refusal::new(RefusalKind::Unresolvable, sentence)));
        }
        let there = |facet: &&&Facet| matches!(self.seen.hold(facet), Hold::Present | Hold::Pending { .. });
        self.wanting = held.iter().filter(|facet| !there(facet)).map(|facet| (*facet).clone()).collect();
        self.leaving = released.iter().filter(there).map(|facet| (*facet).clone()).collect();
        self.refuse_contradictions();
    }

    /// A slot of one value that is to hold two.
    fn refuse_contradictions(&mut self) {
        for (name, slot) in &self.definition.slots {
            let wanted: BTreeSet<Facet> =
                self.goal.hold.iter().filter(|facet| facet.slot == *name).cloned().collect();
            if matches!(slot.arity, Arity::One { .. }) && wanted.len() > 1 {
                let sentence = format!(
                    "The permissions ask for different values of {name} at once: request one of them."
                );
                self.plan.refused.push((wanted, Refusal::new(RefusalKind::Invalid, sentence)));
            }
        }
    }

    /// Whether the definition, or something else, refuses all of it.
    fn refused(&mut self) -> bool {
        if !self.plan.refused.is_empty() && !self.goal.hold.is_empty() {
            // A grant with any refusal stops before anything is sent.
            return true;
        }
        let scope =
            of_request(self.definition, self.constants, (self.who, self.asked), self.facts, &self.slots);
        let all: BTreeSet<Facet> = self.wanting.union(&self.leaving).cloned().collect();
        let mut any = false;
        for (number, refuse) in self.definition.refusals.iter().enumerate() {
            let refusal = match refuse.when.truth(&scope) {
                Ok(false) => continue,
                Ok(true) => refuse.message.fill(&scope).map(|message| {
                    Refusal::new(
                        refuse.kind,
                        format!("The person {message}: see to it in the application, then run it again."),
                    )
                }),
                Err(error) => Err(error),
            };
            let refusal = refusal.unwrap_or_else(|error| {
                let sentence = format!(
                    "Whether the definition refuses it (refuse {}) cannot be told: {error}.",
                    number + 1
                );
                Refusal::new(kind_of(&error), sentence)
            });
            self.plan.refused.push((all.clone(), refusal));
            any = true;
        }
        any
    }

    fn applies(&self, block: Block) -> bool {
        match block {
            Block::Provision => !self.wanting.is_empty(),
            Block::Deprovision => !self.leaving.is_empty(),
            Block::Update => !self.wanting.is_empty() || !self.leaving.is_empty(),
            Block::Remove => self.goal.remove_account,
        }
    }

    /// Plans a step: once, or for each item.
    fn step(&mut self, step: &Step) -> Result<(), Refusal> {
        let operation = Operation::change(&step.id, &step.request);
        let bare = self.change(step, Value::Null);
        let (gives, takes) = self.about(step, &Value::Null);
        let scope = self.scope(&bare, &gives, &takes);
        let written = |error: EvalError| operation.cannot_be_written(&error);
        if let Some(when) = &step.when
            && step.for_each.is_none()
            && !when.truth(&scope).map_err(written)?
        {
            return Ok(());
        }
        let Some(for_each) = &step.for_each else {
            return self.act(step, &operation, Value::Null);
        };
        let items = match for_each.evaluate(&scope).map_err(written)? {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            single => vec![single],
        };
        if items.len() > MOST_ITEMS {
            let sentence =
                format!("The step “{}” would run for more than {MOST_ITEMS} items: do it by hand.", step.id);
            return Err(Refusal::new(RefusalKind::Invalid, sentence));
        }
        for item in items {
            let (gives, takes) = self.about(step, &item);
            let scope = self.scope(&self.change(step, item.clone()), &gives, &takes);
            let runs = step.when.as_ref().map_or(Ok(true), |when| when.truth(&scope)).map_err(written)?;
            if runs {
                self.act(step, &operation, item)?;
            }
        }
        Ok(())
    }

    /// Plans one request, if it can be written.
    fn act(&mut self, step: &Step, operation: &Operation, item: Value) -> Result<(), Refusal> {
        if item.to_string().len() > LONGEST_ITEM {
            let sentence = format!(
                "The step “{}” would run for an item of more than {LONGEST_ITEM} bytes: name a part of it in for_each, such as its id.",
                step.id
            );
            return Err(Refusal::new(RefusalKind::Invalid, sentence));
        }
        let (gives, takes) = self.about(step, &item);
        let change = self.change(step, item);
        let scope = self.scope(&change, &gives, &takes);
        sinks::request(&step.request, &scope).map_err(|error| operation.cannot_be_written(&error))?;
        let action = change.action(step, &self.definition.state, operation, gives, takes);
        self.plan.actions.push(action);
        Ok(())
    }

    fn change(&self, step: &Step, item: Value) -> Change {
        Change { step: step.id.clone(), item, slots: self.slots.clone() }
    }

    fn scope(&self, change: &Change, gives: &BTreeSet<Facet>, takes: &BTreeSet<Facet>) -> Scope {
        change.scope(self.definition, self.constants, (self.who, self.asked), self.facts, (gives, takes))
    }

    /// What a step gives and takes: in the slots that it mentions, and for an item only that, else all that its block is there for.
    fn about(&self, step: &Step, item: &Value) -> (BTreeSet<Facet>, BTreeSet<Facet>) {
        let gives = if step.block == Block::Deprovision { BTreeSet::new() } else { self.wanting.clone() };
        let takes = if step.block == Block::Provision { BTreeSet::new() } else { self.leaving.clone() };
        let all = (self.with_restored(gives, &takes), self.with_displaced(takes, step.block));
        if step.block == Block::Remove {
            return (BTreeSet::new(), self.goal.release.clone());
        }
        let mentioned = self.mentioned(step);
        let in_slots = |facets: &BTreeSet<Facet>| -> BTreeSet<Facet> {
            facets.iter().filter(|facet| mentioned.contains(&facet.slot)).cloned().collect()
        };
        let narrowed = (in_slots(&all.0), in_slots(&all.1));
        let all = if narrowed.0.is_empty() && narrowed.1.is_empty() { all } else { narrowed };
        let of_item = |facets: &BTreeSet<Facet>| -> BTreeSet<Facet> {
            facets.iter().filter(|facet| self.is_item(facet, item)).cloned().collect()
        };
        let of_item = (of_item(&all.0), of_item(&all.1));
        if of_item.0.is_empty() && of_item.1.is_empty() { all } else { of_item }
    }

    fn is_item(&self, facet: &Facet, item: &Value) -> bool {
        let integers = self.definition.slots.get(&facet.slot).is_some_and(|slot| slot.integers);
        show(&facet.value, integers) == *item
    }

    /// What goes back into slots of one value whose value is taken is given.
    fn with_restored(&self, mut gives: BTreeSet<Facet>, takes: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        let restored = self.slots.iter().filter(|(name, changes)| {
            !changes.remove.is_empty() && takes.iter().any(|facet| facet.slot == **name)
        });
        gives.extend(
            restored.flat_map(|(name, changes)| changes.add.iter().map(move |value| Facet::new(name, value))),
        );
        gives
    }

    /// What stands in slots of one value that get another one is taken.
    fn with_displaced(&self, mut takes: BTreeSet<Facet>, block: Block) -> BTreeSet<Facet> {
        if block == Block::Deprovision {
            return takes;
        }
        let displaced = self.slots.iter().filter(|(name, changes)| {
            let one =
                self.definition.slots.get(*name).is_some_and(|slot| matches!(slot.arity, Arity::One { .. }));
            one && !changes.add.is_empty()
        });
        takes.extend(
            displaced
                .flat_map(|(name, changes)| changes.has.iter().map(move |value| Facet::new(name, value))),
        );
        takes
    }

    fn mentioned(&self, step: &Step) -> BTreeSet<String> {
        let expressions = of_step(step);
        let paths = expressions.iter().flat_map(|expression| expression.paths());
        let slots = paths.filter(|path| path.first().is_some_and(|root| root == "slot"));
        slots.filter_map(|path| path.get(1).cloned()).collect()
    }
}

fn kind_of(error: &EvalError) -> RefusalKind {
    match error.kind {
        crate::expression::EvalErrorKind::Ambiguous { .. } => RefusalKind::Ambiguous,
        _ => RefusalKind::Invalid,
    }
}

fn refuse_all(goal: &Goal, kind: RefusalKind, sentence: impl Into<String>) -> Plan {
    let facets: BTreeSet<Facet> = goal.hold.union(&goal.release).cloned().collect();
    if facets.is_empty() && !goal.remove_account {
        return Plan::default();
    }
    Plan { actions: Vec::new(), refused: vec![(facets, Refusal::new(kind, sentence))] }
}

fn only(facet: &Facet) -> BTreeSet<Facet> {
    BTreeSet::from([facet.clone()])
}
