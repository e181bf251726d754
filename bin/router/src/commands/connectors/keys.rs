//! A connector's JSON Schema as rows for people: one key, what it takes, and what it is.

use std::collections::BTreeSet;

use serde_json::Value;

/// How deep tables are followed.
const DEEPEST: usize = 6;

/// One key that a schema describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// With what it stands below: `oauth.client_id`.
    pub(super) path: String,
    /// What it takes.
    pub(super) takes: String,
    /// Whether it must be there.
    pub(super) need: Need,
    /// What it is.
    pub(super) what: String,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// It may be left out.
    No,
    /// It, or another one.
    OneOf,
    /// It must be there.
    Yes,
}

/// The keys of a schema, tables before what is in them.
pub(super) fn keys(schema: &Value) -> Vec<Key> {
    let mut found = Vec::new();
    below(schema, schema, "", 0, &mut found);
    found
}

fn below(root: &Value, schema: &Value, prefix: &str, depth: usize, found: &mut Vec<Key>) {
    if depth > DEEPEST {
        return;
    }
    let parts = parts(root, schema);
    let whole = resolved(root, schema);
    let always: Vec<&Value> = std::iter::once(whole).chain(alternatives(whole, &["allOf"])).collect();
    let either: Vec<&Value> = alternatives(whole, &["anyOf", "oneOf"]).collect();
    let need = |key: &str| match (requires(&always, key), requires(&either, key)) {
        (true, _) => Need::Yes,
        (false, true) => Need::OneOf,
        (false, false) => Need::No,
    };
    let mut seen = BTreeSet::new();
    let properties = parts.iter().filter_map(|part| part.get("properties")?.as_object());
    for (key, value) in properties.flatten() {
        if !seen.insert(key) {
            continue;
        }
        let value = resolved(root, value);
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        found.push(Key {
            takes: takes(root, value),
            need: need(key),
            what: text(value, "description"),
            path: path.clone(),
        });
        if !is_secret(root, value) {
            below(root, value, &path, depth + 1, found);
        }
    }
    let others =
        parts.iter().filter_map(|part| part.get("additionalProperties")).find(|other| other.is_object());
    if let Some(other) = others.map(|other| resolved(root, other)) {
        let path = if prefix.is_empty() { "NAME".to_owned() } else { format!("{prefix}.NAME") };
        found.push(Key {
            takes: takes(root, other),
            need: Need::No,
            what: text(other, "description"),
            path: path.clone(),
        });
        if !is_secret(root, other) {
            below(root, other, &path, depth + 1, found);
        }
    }
}

/// A schema, and the alternatives and additions in it.
fn parts<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let schema = resolved(root, schema);
    let more = alternatives(schema, &["allOf", "anyOf", "oneOf"]);
    std::iter::once(schema).chain(more.map(|part| resolved(root, part))).collect()
}

fn alternatives<'s>(schema: &'s Value, words: &'s [&str]) -> impl Iterator<Item = &'s Value> {
    words.iter().filter_map(|word| schema.get(word)?.as_array()).flatten()
}

fn requires(parts: &[&Value], key: &str) -> bool {
    let lists = parts.iter().filter_map(|part| part.get("required")?.as_array());
    lists.flatten().any(|name| name.as_str() == Some(key))
}

/// What a `$ref` within the schema leads to.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn is_secret(root: &Value, schema: &Value) -> bool {
    let has =
        |part: &Value, key: &str| part.pointer("/properties").is_some_and(|keys| keys.get(key).is_some());
    let parts = parts(root, schema);
    let names = |key| parts.iter().any(|part| has(part, key));
    names("env") && names("file")
}

fn takes(root: &Value, schema: &Value) -> String {
    if is_secret(root, schema) {
        return "{ env = … } or { file = … }".to_owned();
    }
    let told = match (schema.get("enum").and_then(Value::as_array), schema.get("const")) {
        (Some(values), _) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        (None, Some(value)) => value.to_string(),
        (None, None) => types(root, schema),
    };
    match schema.get("default") {
        Some(default) => format!("{told} (default {default})"),
        None => told,
    }
}

fn types(root: &Value, schema: &Value) -> String {
    let named = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut words: Vec<String> = named.iter().map(|name| spoken(name).to_owned()).collect();
    if named == ["array"]
        && let Some(items) = schema.get("items")
    {
        words = vec![format!("list of {}", takes(root, resolved(root, items)))];
    }
    if words.is_empty() {
        let told: BTreeSet<String> = parts(root, schema)
            .into_iter()
            .skip(1)
            .filter(|part| part.get("type").is_some() || part.get("enum").is_some())
            .map(|part| takes(root, part))
            .collect();
        words = told.into_iter().collect();
    }
    if named.contains(&"number") {
        words.retain(|word| word != spoken("integer"));
    }
    let lists = words.iter().filter(|word| word.starts_with("list of")).count();
    match words.len() {
        0 => "anything".to_owned(),
        // A list of the same scalars beside them says nothing more.
        3.. if lists == 1 => {
            words.retain(|word| !word.starts_with("list of"));
            format!("{}, or a list of such", words.join(", "))
        }
        2 if lists == 1 && words.iter().any(|word| word.contains(" or ") && !word.starts_with("list of")) => {
            words.retain(|word| !word.starts_with("list of"));
            format!("{}, or a list of such", words.concat())
        }
        _ => words.join(" or "),
    }
}

fn spoken(json_type: &str) -> &str {
    match json_type {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "array" => "list",
        "object" => "table",
        other => other,
    }
}

fn text(schema: &Value, key: &str) -> String {
    schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(schema: &Value) -> Vec<(String, String, Need)> {
        keys(schema).into_iter().map(|key| (key.path, key.takes, key.need)).collect()
    }

    fn row(path: &str, takes: &str, need: Need) -> (String, String, Need) {
        (path.to_owned(), takes.to_owned(), need)
    }

    #[test]
    fn every_key_is_told_with_what_it_takes_and_tables_with_what_is_in_them() {
        let secret = json!({ "oneOf": [
            { "type": "object", "properties": { "env": {} } },
            { "type": "object", "properties": { "file": {} } },
        ]});
        let schema = json!({
            "required": ["org"],
            "properties": {
                "org": { "type": "string" },
                "app": { "type": "object", "required": ["key"], "properties": { "key": secret } },
                "by": { "type": "array", "items": { "enum": ["saml", "invite"] } },
                "lag": { "type": ["string", "integer"], "default": "5m" },
            },
            "oneOf": [{ "required": ["app"] }, { "properties": { "token": { "$ref": "#/$defs/secret" } } }],
            "$defs": { "secret": { "anyOf": [{ "properties": { "env": {} } }, { "properties": { "file": {} } }] } },
        });
        let mut rows = told(&schema);
        rows.sort();
        assert_eq!(
            rows,
            [
                row("app", "table", Need::OneOf),
                row("app.key", "{ env = … } or { file = … }", Need::Yes),
                row("by", "list of \"saml\", \"invite\"", Need::No),
                row("lag", "text or whole number (default \"5m\")", Need::No),
                row("org", "text", Need::Yes),
                row("token", "{ env = … } or { file = … }", Need::No),
            ]
        );
    }

    #[test]
    fn keys_of_any_name_and_a_schema_that_leads_to_itself_are_told_and_end() {
        let schema = json!({
            "properties": { "secrets": { "type": "object", "additionalProperties": { "type": "string" } } },
        });
        assert_eq!(told(&schema), [row("secrets", "table", Need::No), row("secrets.NAME", "text", Need::No)]);
        let endless = json!({ "properties": { "more": { "$ref": "#" } } });
        assert_eq!(keys(&endless).len(), DEEPEST + 1);
    }
}
