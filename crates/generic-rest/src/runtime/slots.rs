//! What is to change in a slot: `slot.NAME.has`, `.add`, `.remove` and `.after` of the steps.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use usher_core::{Arity, Facet, Goal};

use super::facts::Shown;
use super::values::show;
use crate::definition::Slot;

/// What is to change in one slot. A slot of one value has one at the most in each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// There now.
    pub(crate) has: Vec<String>,
    /// To be added.
    pub(crate) add: Vec<String>,
    /// To be taken.
    pub(crate) remove: Vec<String>,
    /// What there is to be.
    pub(crate) after: Vec<String>,
}

impl Changes {
    /// From what the vendor shows of the slot `name` and what is wanted there.
    pub(crate) fn of(name: &str, slot: &Slot, shown: &Shown, goal: &Goal) -> Self {
        let in_slot = |facet: &&Facet| facet.slot == name;
        let wanted = goal.hold.iter().filter(in_slot).map(|facet| &facet.value);
        let add: Vec<String> = wanted.filter(|value| !shown.holds(value)).cloned().collect();
        let going = |value: &String| goal.release.contains(&Facet::new(name, value));
        let held = || shown.has.iter().chain(&shown.pending);
        let mut remove: Vec<String> = held().filter(|value| going(value)).cloned().collect();
        remove.dedup();
        match &slot.arity {
            Arity::Many => {
                let mut after: Vec<String> = Vec::new();
                for value in held().chain(&add) {
                    if !going(value) && !after.contains(value) {
                        after.push(value.clone());
                    }
                }
                Self { has: shown.has.clone(), add, remove, after }
            }
            Arity::One { .. } => one(name, shown, goal, add, remove),
        }
    }

    /// As the steps see it.
    pub(crate) fn to_value(&self, slot: &Slot) -> Value {
        let single = matches!(slot.arity, Arity::One { .. });
        let shown = |values: &[String]| {
            let mut shown = values.iter().map(|value| show(value, slot.integers));
            if single { shown.next().unwrap_or(Value::Null) } else { shown.collect() }
        };
        let fields =
            [("has", &self.has), ("add", &self.add), ("remove", &self.remove), ("after", &self.after)];
        let fields: Map<String, Value> =
            fields.into_iter().map(|(name, values)| (name.to_owned(), shown(values))).collect();
        Value::Object(fields)
    }
}

fn one(name: &str, shown: &Shown, goal: &Goal, add: Vec<String>, remove: Vec<String>) -> Changes {
    let has = shown.has.clone();
    // On release, what it goes back to, if it still shows what goes.
    let goes = has.iter().any(|value| remove.contains(value));
    let back = goal.restore.get(name).filter(|value| goes && add.is_empty() && !has.contains(value));
    let add: Vec<String> = add.into_iter().chain(back.cloned()).collect();
    let after = if !add.is_empty() {
        add.clone()
    } else if goes || (has.is_empty() && !remove.is_empty()) {
        Vec::new()
    } else {
        let pending: Vec<String> =
            shown.pending.iter().filter(|value| !remove.contains(value)).cloned().collect();
        if pending.is_empty() { has.clone() } else { pending }
    };
    Changes { has, add, remove, after }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expression::Expression;

    fn slot(arity: Arity, integers: bool) -> Slot {
        let nothing = Expression::parse("none").unwrap();
        Slot { wants: nothing.clone(), has: nothing, pending: None, integers, arity }
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn goal(hold: &[&str], release: &[&str], restore: Option<&str>) -> Goal {
        let facets = |values: &[&str]| values.iter().map(|value| Facet::new("role", *value)).collect();
        Goal {
            hold: facets(hold),
            release: facets(release),
            restore: restore.map(|value| ("role".to_owned(), value.to_owned())).into_iter().collect(),
            remove_account: false,
        }
    }

    fn many(has: &[&str], pending: &[&str], goal: &Goal) -> Value {
        let slot = slot(Arity::Many, false);
        let shown = Shown { has: list(has), pending: list(pending) };
        Changes::of("role", &slot, &shown, goal).to_value(&slot)
    }

    fn single(has: &[&str], pending: &[&str], goal: &Goal) -> Value {
        let slot = slot(Arity::One { baseline: None }, false);
        let shown = Shown { has: list(has), pending: list(pending) };
        Changes::of("role", &slot, &shown, goal).to_value(&slot)
    }

    #[test]
    fn what_others_gave_is_in_what_there_is_to_be() {
        assert_eq!(
            many(&["auditor"], &[], &goal(&["editor"], &[], None)),
            json!({"has": ["auditor"], "add": ["editor"], "remove": [], "after": ["auditor", "editor"]})
        );
        assert_eq!(
            many(&["auditor", "editor"], &[], &goal(&[], &["editor"], None)),
            json!({"has": ["auditor", "editor"], "add": [], "remove": ["editor"], "after": ["auditor"]})
        );
    }

    #[test]
    fn what_is_on_its_way_is_not_added_again_stays_and_can_be_taken() {
        assert_eq!(
            many(&[], &["editor"], &goal(&["editor", "viewer"], &[], None)),
            json!({"has": [], "add": ["viewer"], "remove": [], "after": ["editor", "viewer"]})
        );
        assert_eq!(
            many(&["auditor"], &["editor"], &goal(&[], &["editor", "gone"], None)),
            json!({"has": ["auditor"], "add": [], "remove": ["editor"], "after": ["auditor"]})
        );
    }

    #[test]
    fn rule_14_a_slot_of_one_value_gets_the_wanted_one_in_the_place_of_another() {
        assert_eq!(
            single(&["viewer"], &[], &goal(&["editor"], &[], None)),
            json!({"has": "viewer", "add": "editor", "remove": null, "after": "editor"})
        );
        assert_eq!(
            single(&["editor"], &[], &goal(&["editor"], &[], None)),
            json!({"has": "editor", "add": null, "remove": null, "after": "editor"})
        );
    }

    #[test]
    fn rule_14_on_release_a_slot_of_one_value_goes_back_or_to_nothing() {
        assert_eq!(
            single(&["editor"], &[], &goal(&[], &["editor"], Some("viewer"))),
            json!({"has": "editor", "add": "viewer", "remove": "editor", "after": "viewer"})
        );
        assert_eq!(
            single(&["editor"], &[], &goal(&[], &["editor"], None)),
            json!({"has": "editor", "add": null, "remove": "editor", "after": null})
        );
        // Somebody else set it meanwhile: it stays.
        assert_eq!(
            single(&["auditor"], &[], &goal(&[], &["editor"], Some("viewer"))),
            json!({"has": "auditor", "add": null, "remove": null, "after": "auditor"})
        );
    }

    #[test]
    fn of_a_slot_of_one_value_what_is_on_its_way_comes_before_what_is_there() {
        assert_eq!(
            single(&["viewer"], &["editor"], &goal(&[], &[], None)),
            json!({"has": "viewer", "add": null, "remove": null, "after": "editor"})
        );
        assert_eq!(
            single(&[], &["editor"], &goal(&[], &["editor"], None)),
            json!({"has": null, "add": null, "remove": "editor", "after": null})
        );
        assert_eq!(
            single(&["viewer"], &["editor"], &goal(&[], &["editor"], None)),
            json!({"has": "viewer", "add": null, "remove": "editor", "after": "viewer"})
        );
    }

    #[test]
    fn whole_numbers_are_numbers_for_the_steps() {
        let slot = slot(Arity::Many, true);
        let shown = Shown { has: list(&["7"]), pending: Vec::new() };
        let changes = Changes::of("role", &slot, &shown, &goal(&["478"], &["7"], None));
        assert_eq!(changes.to_value(&slot), json!({"has": [7], "add": [478], "remove": [7], "after": [478]}));
    }
}
