//! JSON Schema (2020-12) of `usher.toml` and of generic-rest definitions, for editors. What is accepted is decided by the readers
//! alone: these are to say the same, as far as a schema can.

mod configuration;
mod connections;

use serde_json::{Map, Value};

pub use configuration::configuration;

/// The schema of a generic-rest definition.
#[cfg(feature = "generic-rest")]
#[must_use]
pub fn definition() -> Value {
    sorted(usher_generic_rest::definition::definition_schema())
}

/// A schema as it is kept and printed: indented, with a line end.
#[must_use]
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// With the members of objects in the order of their names, whatever kept them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
