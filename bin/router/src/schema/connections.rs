//! The connectors' own schemas, made part of the whole: with the router's keys in them, and told apart by `connector`.

use serde_json::{Map, Value, json};
use usher_core::Connector;

/// The schema of a connection, and what it leads to by name.
pub(super) fn connections(connectors: &[Box<dyn Connector>]) -> (Value, Map<String, Value>) {
    let mut own = Map::new();
    let mut either = Vec::new();
    for connector in connectors {
        let name = format!("connection.{}", connector.kind());
        let mut schema = within(connector.schema(), &name);
        add(&mut schema, &router_keys(connector.kind()));
        require_connector(&mut schema);
        either.push(json!({ "$ref": format!("#/$defs/{name}") }));
        own.insert(name, schema);
    }
    let schema = json!({
        "description": "A vendor account. `connector` says which connector serves it; it must be compiled in.",
        "type": "object",
        "required": ["connector"],
        "oneOf": either
    });
    (schema, own)
}

/// What a permission may give, by connector.
pub(super) fn entitlements(connectors: &[Box<dyn Connector>]) -> Vec<Value> {
    let label = json!({ "label": {
        "description": "Matched by this label, and not by its key.",
        "type": "string",
        "pattern": "\\S"
    } });
    let schemas = connectors.iter().enumerate().map(|(index, connector)| {
        // The one that stands at `index` of `anyOf` is `"ignore"`.
        let mut schema = within(connector.entitlement_schema(), &format!("permission/anyOf/{}", index + 1));
        add(&mut schema, &label);
        if let Some(schema) = schema.as_object_mut() {
            schema.entry("title").or_insert_with(|| json!(connector.kind()));
        }
        schema
    });
    schemas.collect()
}

fn router_keys(kind: &str) -> Value {
    json!({
        "connector": { "description": "The connector: see `usher connectors`.", "const": kind },
        "limits": {
            "description": "A share of the account's limit: others use it too.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "per_minute": { "description": "Calls a minute.", "type": "integer", "minimum": 1, "maximum": 1_000_000 },
                "concurrent": { "description": "Calls at once.", "type": "integer", "minimum": 1, "maximum": 1024, "default": 8 }
            }
        },
        "breaker": {
            "description": "When calls are refused for a while because the vendor fails; false: never.",
            "type": ["boolean", "object"],
            "additionalProperties": false,
            "properties": {
                "failures": { "description": "Failures in a row, of more than one person, that open the circuit.", "type": "integer", "minimum": 2, "maximum": 100, "default": 5 },
                "longest": { "$ref": "#/$defs/duration", "description": "The longest time between two looks whether the vendor is back: 1 s to 1 h.", "default": "1m" }
            },
            "default": true
        },
        "base_url": { "description": "A test system instead of the vendor's own address.", "type": "string", "minLength": 1 },
        "allow_private": { "description": "Whether the vendor may stand on a private or loopback address.", "type": "boolean", "default": false }
    })
}

/// Adds keys to a schema, and to each of its alternatives that would refuse them.
fn add(schema: &mut Value, keys: &Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let is_closed =
        schema.contains_key("additionalProperties") || schema.contains_key("unevaluatedProperties");
    if is_closed || schema.contains_key("properties") {
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        if let (Some(properties), Some(keys)) = (properties.as_object_mut(), keys.as_object()) {
            for (key, value) in keys {
                properties.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        let alternatives = schema.get_mut(word).and_then(Value::as_array_mut).into_iter().flatten();
        alternatives.filter(|one| one.get("additionalProperties").is_some()).for_each(|one| add(one, keys));
    }
}

fn require_connector(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let required = schema.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        required.push(json!("connector"));
    }
}

/// A schema that stood alone, at `$defs/place`: what it refers to in itself is there now.
fn within(mut schema: Value, place: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
        schema.remove("$id");
    }
    move_references(&mut schema, &format!("#/$defs/{place}"));
    schema
}

fn move_references(schema: &mut Value, to: &str) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(pointer) = target.strip_prefix('#') {
                            *target = format!("{to}{pointer}");
                        }
                    }
                    other => move_references(other, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, to)),
        _ => {}
    }
}
