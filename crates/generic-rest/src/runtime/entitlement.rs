//! A permission's entry: what it may say, and the facets that it asks for.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use usher_core::{ConfigError, Facet};

use super::{scope, values};
use crate::definition::Definition;

/// The slot and the value of a definition without slots: the account itself.
pub(crate) const ACCOUNT: &str = "account";

/// The facets of a permission's entry.
///
/// # Errors
/// Every mistake in it, with paths below it.
pub(crate) fn compile(
    definition: &Definition,
    constants: &Map<String, Value>,
    permission: &str,
    entry: &Value,
) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
    let entry = definition.entry(entry)?;
    if definition.slots.is_empty() {
        return Ok(BTreeSet::from([Facet::new(ACCOUNT, ACCOUNT)]));
    }
    let scope = scope::of_entry(constants, permission, entry);
    let mut facets = BTreeSet::new();
    let mut mistakes = Vec::new();
    for (name, slot) in &definition.slots {
        let wanted = slot.wants.evaluate(&scope).map_err(|error| error.to_string());
        let wanted = wanted.and_then(|value| {
            values::read(&value, slot).map_err(|why| format!("`{}` {why}", slot.wants.source()))
        });
        match wanted {
            Ok(wanted) => facets.extend(wanted.into_iter().map(|value| Facet::new(name, value))),
            Err(why) => mistakes.push(
                whole(format!("what it asks for in the slot {name} cannot be told: {why}"))
                    .hint("correct the entry, or the slot's wants in the definition"),
            ),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    if facets.is_empty() {
        let names: Vec<&str> = definition.slots.keys().map(String::as_str).collect();
        let hint = format!("say what it gives: the definition has the slots {}", names.join(", "));
        return Err(vec![whole("it asks for nothing").hint(hint)]);
    }
    Ok(facets)
}

fn whole(message: impl Into<String>) -> ConfigError {
    ConfigError::at(Vec::<String>::new(), message)
}

/// JSON Schema of any definition's entries: each of them says more, in `[entitlement]`.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "generic-rest entitlement",
        "description": "The keys that [entitlement] of the connection's definition names.",
        "type": "object",
        "additionalProperties": {
            "oneOf": [
                {"type": ["string", "integer", "boolean"]},
                {"type": "array", "items": {"type": ["string", "integer"]}}
            ]
        }
    })
}
