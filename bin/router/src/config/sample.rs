//! Something that a connector's schema allows: what is missing in a file is stood in for by it, so that the rest can be checked.

use serde_json::{Map, Value};

use super::secrets::{is_stand_in, stand_in_reference};

/// In every text that stands in for one.
const STAND_IN: &str = "usher-stand-in";

/// Whether a text was made from something that was stood in for.
pub(super) fn is_made_up(text: &str) -> bool {
    text.to_lowercase().contains(STAND_IN)
        || text.split_whitespace().any(|word| is_stand_in(word.trim_matches([',', '(', ')'])))
}

/// A value as a schema describes it; `None` where the schema does not say enough.
pub(super) fn sample(schema: &Value) -> Option<Value> {
    let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|values| values.first());
    if let Some(value) = schema
        .get("const")
        .or_else(|| schema.get("default"))
        .or_else(|| first("enum"))
        .or_else(|| first("examples"))
    {
        return Some(value.clone());
    }
    if is_secret(schema) {
        return Some(stand_in_reference());
    }
    if let Some(choices) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
        && schema.get("type").is_none()
    {
        return if choices.iter().any(is_secret) {
            Some(stand_in_reference())
        } else {
            choices.iter().find_map(sample)
        };
    }
    let kind = match schema.get("type")? {
        Value::Array(kinds) => kinds.first()?.as_str()?,
        kind => kind.as_str()?,
    };
    match kind {
        "string" => Some(Value::from(match schema.get("format").and_then(Value::as_str) {
            Some("email") => format!("{STAND_IN}@example.com"),
            Some("uri") => format!("https://{STAND_IN}.example"),
            _ => STAND_IN.to_owned(),
        })),
        "integer" | "number" => Some(schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1))),
        "boolean" => Some(Value::Bool(false)),
        "array" => {
            let is_full = schema.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 0);
            let entry = if is_full { Some(sample(schema.get("items")?)?) } else { None };
            Some(entry.into_iter().collect())
        }
        "object" => object(schema),
        _ => None,
    }
}

/// What must be there, and no more.
fn object(schema: &Value) -> Option<Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let members = required.into_iter().flatten().filter_map(Value::as_str).map(|key| {
        let described = schema.get("properties").and_then(|properties| properties.get(key))?;
        Some((key.to_owned(), sample(described)?))
    });
    members.collect::<Option<Map<String, Value>>>().map(Value::Object)
}

/// Whether a schema describes where a secret stands.
fn is_secret(schema: &Value) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get("env").is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_made_from_a_stand_in_is_known_for_it() {
        assert!(is_made_up("Usher-Stand-In.zendesk.com"));
        assert!(is_made_up("https://wiki.example (secret.key in USHER_SECRET_WRITTEN_OUT)"));
        assert!(!is_made_up("acme.zendesk.com"));
    }

    #[test]
    fn what_is_missing_is_stood_in_for_by_what_the_schema_allows() {
        let secret = json!({ "oneOf": [
            { "type": "object", "properties": { "env": { "type": "string" } } },
            { "type": "object", "properties": { "file": { "type": "string" } } },
        ] });
        for (schema, expected) in [
            (json!({ "type": "string" }), Some(json!("usher-stand-in"))),
            (json!({ "type": "string", "format": "email" }), Some(json!("usher-stand-in@example.com"))),
            (json!({ "type": "string", "default": "5m" }), Some(json!("5m"))),
            (json!({ "enum": ["never", "on-grant"] }), Some(json!("never"))),
            (json!({ "type": "integer", "minimum": 7 }), Some(json!(7))),
            (json!({ "type": ["integer", "string"] }), Some(json!(1))),
            (json!({ "type": "boolean" }), Some(json!(false))),
            (json!({ "type": "array", "items": { "type": "string" } }), Some(json!([]))),
            (
                json!({ "type": "array", "minItems": 1, "items": { "type": "string" } }),
                Some(json!(["usher-stand-in"])),
            ),
            (secret.clone(), Some(stand_in_reference())),
            (
                json!({ "type": "object", "required": ["id", "secret"], "properties": { "id": { "type": "string" }, "secret": secret, "more": { "type": "string" } } }),
                Some(json!({ "id": "usher-stand-in", "secret": stand_in_reference() })),
            ),
            (json!({ "oneOf": [{}, { "type": "string" }] }), Some(json!("usher-stand-in"))),
            (json!({}), None),
            (json!({ "type": "object", "required": ["unknown"] }), None),
        ] {
            assert_eq!(sample(&schema), expected, "{schema}");
        }
    }
}
