//! Names in scope, with their values.

use http::HeaderMap;
use serde_json::{Map, Value, json};
use usher_core::{Asked, Facet, Handles, Subject};
use usher_vendor_client::VendorResponse;
use uuid::Uuid;

use crate::definition::Definition;
use crate::expression::Scope;

/// Before a kept name, so that it is no handle of anybody else's.
const KNOWN: &str = "known.";
/// Bytes of a kept value at the most.
const LONGEST_KEPT: usize = 1_024;
/// The name space of `uuid`: made for Usher, and never to change.
const ACTIONS: Uuid = Uuid::from_u128(0x6c1d_7a1e_52b0_4c1b_9f0e_2f6f_5a1d_c3b7);

/// The names of an answer.
pub(crate) const OF_ANSWER: [&str; 5] = ["status", "headers", "json", "text", "items"];

/// What `vars` and `tables` give, which no reading alters.
pub(crate) fn constants(definition: &Definition) -> Map<String, Value> {
    let vars: Map<String, Value> = definition.vars.clone().into_iter().collect();
    let tables: Map<String, Value> = definition
        .tables
        .iter()
        .map(|(name, table)| (name.clone(), Value::Object(table.clone().into_iter().collect())))
        .collect();
    Map::from_iter([("vars".to_owned(), Value::Object(vars)), ("tables".to_owned(), Value::Object(tables))])
}

/// What is in scope where an entry is compiled.
pub(crate) fn of_entry(constants: &Map<String, Value>, permission: &str, entry: Map<String, Value>) -> Scope {
    let mut scope = Scope(constants.clone());
    let mut entry = entry;
    entry.insert("permission".to_owned(), Value::from(permission));
    scope.0.insert("entitlement".to_owned(), Value::Object(entry));
    scope
}

/// What is in scope before the first look-up.
pub(crate) fn of_reading(constants: &Map<String, Value>, who: &Subject, known: &Map<String, Value>) -> Scope {
    let mut scope = Scope(constants.clone());
    let custom: Map<String, Value> = who.custom_fields.clone().into_iter().collect();
    let user = json!({
        "email": who.email,
        "given_name": who.given_name,
        "family_name": who.family_name,
        "custom_fields": custom,
    });
    scope.0.insert("user".to_owned(), user);
    scope.0.insert("known".to_owned(), Value::Object(known.clone()));
    scope
}

/// Adds what `[[refuse]]` and steps know besides.
pub(crate) fn ask(scope: &mut Scope, asked: &Asked) {
    let names = [
        ("request", json!({"id": asked.request, "comment": asked.comment})),
        ("app", json!({"id": asked.app.id, "instance": asked.app.instance, "label": asked.app.label})),
        ("direction", json!(asked.direction.as_str())),
        ("now", json!(asked.now.to_string())),
    ];
    scope.0.extend(names.map(|(name, value)| (name.to_owned(), value)));
}

/// `uuid`: the same for the same action of the same request, whenever it is planned or sent.
pub(crate) fn uuid<'a>(
    asked: &Asked,
    step: &str,
    item: &Value,
    facets: impl Iterator<Item = &'a Facet>,
) -> String {
    let facets: Vec<[&str; 2]> = facets.map(|facet| [facet.slot.as_str(), facet.value.as_str()]).collect();
    let name = json!([asked.request, step, item, facets]).to_string();
    Uuid::new_v5(&ACTIONS, name.as_bytes()).to_string()
}

/// Adds an answer, in the place of the one before. What is no JSON leaves `json` undefined; without a body it is null.
pub(crate) fn answer(scope: &mut Scope, response: &VendorResponse) {
    forget_answer(scope);
    scope.0.insert("status".to_owned(), json!(response.status.as_u16()));
    scope.0.insert("headers".to_owned(), Value::Object(headers(&response.headers)));
    if response.body.iter().all(u8::is_ascii_whitespace) {
        scope.0.insert("json".to_owned(), Value::Null);
    } else if let Ok(json) = response.json_value() {
        scope.0.insert("json".to_owned(), json);
    }
    if let Ok(text) = std::str::from_utf8(&response.body) {
        scope.0.insert("text".to_owned(), Value::from(text));
    }
}

/// Takes an answer out again.
pub(crate) fn forget_answer(scope: &mut Scope) {
    for name in OF_ANSWER {
        scope.0.remove(name);
    }
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut shown = Map::new();
    // A cookie is a credential.
    for name in headers.keys().filter(|name| **name != http::header::SET_COOKIE) {
        let values: Vec<&str> =
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if !values.is_empty() {
            shown.insert(name.as_str().replace('-', "_"), Value::from(values.join(", ")));
        }
    }
    shown
}

/// The names that a definition keeps, each with what is known of it, else null.
pub(crate) fn known(definition: &Definition, handles: &Handles) -> Map<String, Value> {
    let kept = definition.lookups.iter().map(|lookup| &lookup.answer);
    let kept = kept.chain(definition.steps.iter().map(|step| &step.answer));
    let names = kept.flat_map(|answer| answer.keep.iter().map(|(name, _)| name));
    // What cannot be read is of another version, and no more than a hint is lost.
    let value = |name: &str| {
        let handle = handles.get(&format!("{KNOWN}{name}"));
        handle.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
    };
    names.map(|name| (name.clone(), value(name))).collect()
}

/// A value to be kept as a handle: JSON, so that a number stays one. `None`: there is nothing to keep.
///
/// # Errors
/// What is wrong with it, without the value.
pub(crate) fn keep(name: &str, value: &Value) -> Result<Option<(String, String)>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Array(_) | Value::Object(_) => {
            Err("gives a list or a table, and only a single value is kept".to_owned())
        }
        _ => {
            let text = value.to_string();
            if text.len() > LONGEST_KEPT {
                return Err(format!("gives a value of more than {LONGEST_KEPT} bytes"));
            }
            Ok(Some((format!("{KNOWN}{name}"), text)))
        }
    }
}

/// Whether a handle is one of a definition's.
pub(crate) fn is_known(handle: &str) -> bool {
    handle.starts_with(KNOWN)
}

/// The handles of what is known.
pub(crate) fn handles(known: &Map<String, Value>) -> Handles {
    known.iter().filter_map(|(name, value)| keep(name, value).ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_as_it_was_and_cannot_be_taken_for_a_handle_of_the_engines() {
        for value in [json!("478"), json!(478), json!(true)] {
            let (name, text) = keep("id", &value).unwrap().unwrap();
            assert_eq!(name, "known.id");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
        assert_eq!(keep("id", &Value::Null), Ok(None));
        assert!(keep("id", &json!(["a"])).is_err() && keep("id", &json!("x".repeat(2_000))).is_err());
    }

    #[test]
    fn a_uuid_is_stable_for_one_action_and_differs_between_two() {
        let asked = |request: &str| Asked {
            direction: usher_core::Direction::Provision,
            request: request.to_owned(),
            comment: None,
            app: usher_core::App::default(),
            now: jiff::Timestamp::UNIX_EPOCH,
            attempt: 1,
        };
        let facet = Facet::new("role", "editor");
        let of =
            |request: &str, step: &str, item: Value| uuid(&asked(request), step, &item, [&facet].into_iter());
        let one = of("01", "provision 1", Value::Null);
        assert_eq!(one, of("01", "provision 1", Value::Null));
        let others = [
            of("02", "provision 1", Value::Null),
            of("01", "provision 2", Value::Null),
            of("01", "provision 1", json!("a")),
        ];
        assert!(others.iter().all(|other| *other != one), "{others:?}");
    }
}
