//! `[entitlement]`: what a permission's entry may say, and whether one says it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use usher_core::ConfigError;
use usher_toml_reader::Item;

use super::json;
use super::limits;
use super::model::{Definition, EntitlementKey, EntitlementType};
use super::reader::Reader;

const TYPES: [(&str, EntitlementType); 4] = [
    ("string", EntitlementType::String),
    ("integer", EntitlementType::Integer),
    ("boolean", EntitlementType::Boolean),
    ("list", EntitlementType::List),
];

/// How far a mistyped key may be from the one that is meant.
const NEAR: usize = 2;

/// Reads `[entitlement]`.
pub(super) fn entitlement<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> BTreeMap<String, EntitlementKey> {
    let mut keys = BTreeMap::new();
    for entry in reader.entries(item, limits::NAMES).unwrap_or_default() {
        let good = reader.name(&entry, entry.name());
        if ["permission", "label"].contains(&entry.name()) {
            reader.wrong_key(&entry, "means something else in a permission's entry", "choose another name");
            continue;
        }
        if let Some(key) = key(reader, &entry)
            && good
        {
            keys.insert(entry.name().to_owned(), key);
        }
    }
    keys
}

fn key<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<EntitlementKey> {
    let mut section = item.section(&mut reader.notes)?;
    let kind = section.need("type", "write type = \"string\"", &mut reader.notes);
    let kind = kind.and_then(|item| item.one_of(&TYPES, &mut reader.notes));
    let values = section.take("values");
    let default = section.take("default");
    section.finish(&mut reader.notes);
    let kind = kind?;
    let values = match values {
        None => Some(Vec::new()),
        Some(item) => self::values(reader, &item, kind),
    };
    let mut key = EntitlementKey { kind, values: values?, default: None };
    if let Some(item) = default {
        let value = json::constant(&item, &mut reader.notes)?;
        if let Err((message, hint)) = check(&key, &value) {
            reader.wrong(&item, message, hint);
            return None;
        }
        key.default = Some(value);
    }
    Some(key)
}

fn values<'t>(reader: &mut Reader<'t>, item: &Item<'t>, kind: EntitlementType) -> Option<Vec<Value>> {
    let items = item.list("[\"viewer\", \"editor\"]", &mut reader.notes)?;
    if items.is_empty() || items.len() > limits::NAMES {
        reader.wrong(
            item,
            "has no entries, or too many",
            format!("write 1 to {}, or take it out", limits::NAMES),
        );
        return None;
    }
    let mut values = Vec::with_capacity(items.len());
    for one in items {
        let value = json::constant(&one, &mut reader.notes)?;
        let any = EntitlementKey { kind, values: Vec::new(), default: None };
        let (probe, hint) = match kind {
            EntitlementType::List => (Value::Array(vec![value.clone()]), "write texts and whole numbers"),
            _ => (value.clone(), "write values of the key's type"),
        };
        if check(&any, &probe).is_err() {
            reader.wrong(&one, "is not of the key's type", hint);
            return None;
        }
        values.push(value);
    }
    Some(values)
}

/// A permission's entry with its defaults: what `wants` sees.
pub(super) fn read(
    keys: &BTreeMap<String, EntitlementKey>,
    entry: &Value,
) -> Result<Map<String, Value>, Vec<ConfigError>> {
    let Value::Object(said) = entry else {
        return Err(vec![whole("this is no entry").hint(format!("write a table: {}", form(keys)))]);
    };
    let mut mistakes: Vec<ConfigError> = said
        .keys()
        .filter(|name| !keys.contains_key(*name))
        .map(|name| {
            ConfigError::at([name.as_str()], "the definition knows no such key").hint(near(name, keys))
        })
        .collect();
    let mut read = Map::new();
    for (name, key) in keys {
        match (said.get(name), &key.default) {
            (Some(value), _) => match check(key, value) {
                Ok(()) => {
                    read.insert(name.clone(), value.clone());
                }
                Err((what, hint)) => mistakes.push(ConfigError::at([name.as_str()], what).hint(hint)),
            },
            (None, Some(default)) => {
                read.insert(name.clone(), default.clone());
            }
            (None, None) => mistakes.push(
                ConfigError::at([name.as_str()], "this is missing")
                    .hint(format!("write {}", example(name, key))),
            ),
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

/// What is wrong with a value, and what to write instead.
fn check(key: &EntitlementKey, value: &Value) -> Result<(), (&'static str, String)> {
    let whole_number = |value: &Value| value.is_i64() || value.is_u64();
    let wrong = match key.kind {
        EntitlementType::String => (!value.is_string()).then_some("this is not a text"),
        EntitlementType::Integer => (!whole_number(value)).then_some("this is not a whole number"),
        EntitlementType::Boolean => (!value.is_boolean()).then_some("this is neither true nor false"),
        EntitlementType::List => {
            let plain = |entry: &Value| entry.is_string() || whole_number(entry);
            let list = value.as_array().is_some_and(|entries| entries.iter().all(plain));
            (!list).then_some("this is not a list of texts and whole numbers")
        }
    };
    if let Some(wrong) = wrong {
        return Err((wrong, format!("write {}", allowed(key))));
    }
    let entries = match value {
        Value::Array(entries) if key.kind == EntitlementType::List => entries.as_slice(),
        single => std::slice::from_ref(single),
    };
    if key.values.is_empty() || entries.iter().all(|entry| key.values.contains(entry)) {
        return Ok(());
    }
    Err(("the definition does not allow this value", format!("write {}", allowed(key))))
}

fn allowed(key: &EntitlementKey) -> String {
    if key.values.is_empty() {
        return match key.kind {
            EntitlementType::String => "a text, in quotation marks".to_owned(),
            EntitlementType::Integer => "a whole number".to_owned(),
            EntitlementType::Boolean => "true or false".to_owned(),
            EntitlementType::List => "a list, such as [\"one\", \"two\"]".to_owned(),
        };
    }
    let values: Vec<String> = key.values.iter().map(Value::to_string).collect();
    let one_of = values.join(", ");
    if key.kind == EntitlementType::List { format!("a list of {one_of}") } else { format!("one of {one_of}") }
}

fn example(name: &str, key: &EntitlementKey) -> String {
    let first = key.values.first().map(Value::to_string);
    let value = match key.kind {
        EntitlementType::String => first.unwrap_or_else(|| "\"…\"".to_owned()),
        EntitlementType::Integer => first.unwrap_or_else(|| "1".to_owned()),
        EntitlementType::Boolean => "true".to_owned(),
        EntitlementType::List => format!("[{}]", first.unwrap_or_else(|| "\"…\"".to_owned())),
    };
    format!("{name} = {value}")
}

fn form(keys: &BTreeMap<String, EntitlementKey>) -> String {
    let fields: Vec<String> = keys.iter().map(|(name, key)| example(name, key)).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

fn near(name: &str, keys: &BTreeMap<String, EntitlementKey>) -> String {
    let nearest = keys.keys().min_by_key(|key| strsim::damerau_levenshtein(key, name));
    match nearest {
        None => "take it out: the definition has no [entitlement]".to_owned(),
        Some(key) if strsim::damerau_levenshtein(key, name) <= NEAR => format!("do you mean {key}?"),
        Some(_) => {
            let names: Vec<&str> = keys.keys().map(String::as_str).collect();
            format!("the keys are {}", names.join(", "))
        }
    }
}

fn whole(message: impl Into<String>) -> ConfigError {
    ConfigError::at(Vec::<String>::new(), message)
}

impl Definition {
    /// A permission's entry in `usher.toml`, checked against `[entitlement]` and with the defaults filled in: what `wants` sees
    /// as `entitlement`, less `permission`.
    ///
    /// # Errors
    /// Every mistake in it, with paths below it.
    pub fn entry(&self, said: &Value) -> Result<Map<String, Value>, Vec<ConfigError>> {
        read(&self.entitlement, said)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(kind: EntitlementType, values: &Value, default: Option<Value>) -> EntitlementKey {
        EntitlementKey { kind, values: values.as_array().unwrap().clone(), default }
    }

    fn keys() -> BTreeMap<String, EntitlementKey> {
        let keys = [
            ("role", key(EntitlementType::String, &json!(["viewer", "editor"]), None)),
            ("teams", key(EntitlementType::List, &json!([]), Some(json!([])))),
            ("level", key(EntitlementType::Integer, &json!([1, 2]), Some(json!(1)))),
            ("paid", key(EntitlementType::Boolean, &json!([]), Some(json!(false)))),
        ];
        keys.into_iter().map(|(name, key)| (name.to_owned(), key)).collect()
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let read = read(&keys(), &json!({"role": "editor"})).unwrap();
        assert_eq!(Value::Object(read), json!({"role": "editor", "teams": [], "level": 1, "paid": false}));
    }

    #[test]
    fn every_mistake_of_an_entry_is_told_at_once_with_what_to_write() {
        let entry = json!({"rol": "editor", "teams": ["a", true], "level": 3, "paid": "yes"});
        let mut shown: Vec<String> =
            read(&keys(), &entry).unwrap_err().iter().map(ToString::to_string).collect();
        shown.sort();
        assert_eq!(
            shown,
            [
                "level: the definition does not allow this value (write one of 1, 2)",
                "paid: this is neither true nor false (write true or false)",
                "rol: the definition knows no such key (do you mean role?)",
                "role: this is missing (write role = \"viewer\")",
                "teams: this is not a list of texts and whole numbers (write a list, such as [\"one\", \"two\"])",
            ]
        );
    }

    #[test]
    fn numbers_and_texts_are_not_taken_for_each_other() {
        for entry in [
            json!({"role": 1}),
            json!({"role": "editor", "level": "1"}),
            json!({"role": "editor", "level": 1.0}),
            json!([]),
        ] {
            assert!(read(&keys(), &entry).is_err(), "{entry}");
        }
    }
}
