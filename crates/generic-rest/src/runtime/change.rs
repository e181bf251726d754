//! What an action stands for: written by `plan`, read by `apply`. The request is filled in again from it, and never stands in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use usher_core::{Action, Asked, Facet, Repeat, Subject};

use super::error::Operation;
use super::facts::Facts;
use super::scope;
use super::slots::Changes;
use crate::definition::{Definition, RepeatRule, State, Step};
use crate::expression::Scope;

/// One call's own time-out.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a 202 may take where the definition does not say (semantics, rule 7).
const ACCEPTED: Duration = Duration::from_mins(10);

/// One changing call: the values of slots and of `for_each` are the application's words, never a person's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) step: String,
    /// The current one of `for_each`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) item: Value,
    /// By slot.
    pub(crate) slots: BTreeMap<String, Changes>,
}

impl Change {
    /// The scope in which the step's request is written and its answer read.
    pub(crate) fn scope(
        &self,
        definition: &Definition,
        constants: &Map<String, Value>,
        (who, asked): (&Subject, &Asked),
        facts: &Facts,
        facets: (&BTreeSet<Facet>, &BTreeSet<Facet>),
    ) -> Scope {
        let mut scope = of_request(definition, constants, (who, asked), facts, &self.slots);
        let (gives, takes) = facets;
        let uuid = scope::uuid(asked, &self.step, &self.item, gives.iter().chain(takes));
        scope.0.insert("uuid".to_owned(), Value::from(uuid));
        if !self.item.is_null() {
            scope.0.insert("item".to_owned(), self.item.clone());
        }
        scope
    }

    /// The action that makes this change.
    pub(crate) fn action(
        self,
        step: &Step,
        state: &State,
        operation: &Operation,
        gives: BTreeSet<Facet>,
        takes: BTreeSet<Facet>,
    ) -> Action {
        let about: Vec<String> = gives
            .iter()
            .chain(&takes)
            .filter(|facet| facet.slot != facet.value)
            .map(Facet::to_string)
            .collect();
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        Action {
            name: step.id.clone(),
            summary: format!("{}: {}{about}", step.id, operation.call),
            gives,
            takes,
            repeat: repeat(step),
            timeout: TIMEOUT,
            settle: settle(step, state),
            notifies_person: step.notifies,
            // Texts, lists and JSON always are JSON; were they not, `apply` would refuse the null.
            args: serde_json::to_value(self).unwrap_or(Value::Null),
        }
    }
}

/// What `[[refuse]]` and every step know.
pub(crate) fn of_request(
    definition: &Definition,
    constants: &Map<String, Value>,
    (who, asked): (&Subject, &Asked),
    facts: &Facts,
    slots: &BTreeMap<String, Changes>,
) -> Scope {
    let mut scope = scope::of_reading(constants, who, &facts.known);
    scope.0.extend(facts.captures.clone());
    scope::ask(&mut scope, asked);
    let uuid = scope::uuid(asked, "", &Value::Null, std::iter::empty());
    scope.0.insert("uuid".to_owned(), Value::from(uuid));
    let slots = slots
        .iter()
        .filter_map(|(name, changes)| Some((name.clone(), changes.to_value(definition.slots.get(name)?))));
    scope.0.insert("slot".to_owned(), Value::Object(slots.collect()));
    scope
}

fn repeat(step: &Step) -> Repeat {
    match step.repeat {
        RepeatRule::Never => Repeat::Never,
        RepeatRule::ByMethod if step.request.idempotency_key.is_some() => Repeat::Keyed,
        RepeatRule::ByMethod if step.request.method == http::Method::POST => Repeat::AfterReadBack,
        RepeatRule::ByMethod => Repeat::Natural,
    }
}

/// Where the vendor may finish later, as long as that may take: an answer that was lost may have been a 202 (rule 7).
fn settle(step: &Step, state: &State) -> Duration {
    let accepted = step.answer.statuses.contains(&202).then_some(ACCEPTED);
    let accepted = step.poll.as_ref().map(|poll| poll.within).or(accepted);
    state.settle.max(accepted.unwrap_or_default())
}
