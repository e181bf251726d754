//! Values between JSON and minijinja, with nothing lost or guessed on the way.

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, ValueKind};
use serde_json::{Map, Number, Value as Json};

use super::EvalError;
use std::sync::Arc;

/// Lists and tables within each other at the most; `serde_json` reads no more.
const MAX_DEPTH: usize = 128;

/// Values and bytes of text of one result at the most, added up.
const MAX_RESULT: usize = 32 * 1024 * 1024;

/// From here on a fraction is a whole number that JSON's reader could not keep: beyond 64 bits.
const BEYOND_64_BITS: f64 = 9_223_372_036_854_775_808.0;

/// The value of `omit`.
#[derive(Debug)]
pub(super) struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Whether a value is `omit`.
pub(super) fn is_omit(value: &Value) -> bool {
    value.downcast_object_ref::<Omit>().is_some()
}

/// JSON as minijinja sees it.
pub(super) fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Value::from(whole),
            (None, Some(whole), _) => Value::from(whole),
            (None, None, fraction) => Value::from(fraction.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => list.iter().map(to_value).collect(),
        Json::Object(table) => {
            Value::from_pairs(table.iter().map(|(key, value)| (key.as_str(), to_value(value))))
        }
    }
}

/// What minijinja came to, as JSON.
///
/// # Errors
/// It is or holds something undefined, `omit`, a number that JSON or 64 bits cannot hold, or too much.
pub(super) fn to_json(value: &Value) -> Result<Json, EvalError> {
    let mut room = MAX_RESULT;
    convert(value, 0, &mut room)
}

fn convert(value: &Value, depth: usize, room: &mut usize) -> Result<Json, EvalError> {
    if depth > MAX_DEPTH {
        return Err(EvalError::other(format!("the value is nested deeper than {MAX_DEPTH}")));
    }
    take(room, 1)?;
    match value.kind() {
        ValueKind::Undefined if depth == 0 => Err(EvalError::undefined("the value is not there")),
        ValueKind::Undefined => Err(EvalError::undefined("something in the value is not there")),
        ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::Number => number(value),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            take(room, text.len())?;
            Ok(Json::String(text.to_owned()))
        }
        ValueKind::Seq | ValueKind::Iterable => items(value)?
            .map(|entry| convert(&entry, depth + 1, room))
            .collect::<Result<Vec<_>, _>>()
            .map(Json::Array),
        ValueKind::Map => table(value, depth, room),
        _ if is_omit(value) => Err(EvalError::wrong_type("`omit` cannot stand inside a list or a table")),
        _ => Err(EvalError::wrong_type("the value is neither text nor number, list nor table")),
    }
}

fn table(value: &Value, depth: usize, room: &mut usize) -> Result<Json, EvalError> {
    let mut table = Map::new();
    for key in items(value)? {
        let Some(name) = key.as_str() else {
            return Err(EvalError::wrong_type("a table's key is not text"));
        };
        take(room, name.len())?;
        let entry =
            value.get_item(&key).map_err(|_| EvalError::undefined("something in the value is not there"))?;
        table.insert(name.to_owned(), convert(&entry, depth + 1, room)?);
    }
    Ok(Json::Object(table))
}

fn items(value: &Value) -> Result<impl Iterator<Item = Value> + use<>, EvalError> {
    value.try_iter().map_err(|_| EvalError::wrong_type("the value is no list"))
}

fn number(value: &Value) -> Result<Json, EvalError> {
    if value.is_integer() {
        return whole_number(value).map(Json::Number);
    }
    let fraction = f64::try_from(value.clone()).ok().filter(|f| f.abs() < BEYOND_64_BITS);
    fraction.and_then(Number::from_f64).map(Json::Number).ok_or_else(beyond)
}

/// A whole number of at most 64 bits, exactly.
pub(super) fn whole_number(value: &Value) -> Result<Number, EvalError> {
    match (i64::try_from(value.clone()), u64::try_from(value.clone())) {
        (Ok(whole), _) => Ok(whole.into()),
        (_, Ok(whole)) => Ok(whole.into()),
        _ => Err(beyond()),
    }
}

fn beyond() -> EvalError {
    EvalError::other("the number is beyond 64 bits")
}

fn take(room: &mut usize, size: usize) -> Result<(), EvalError> {
    *room = room
        .checked_sub(size)
        .ok_or_else(|| EvalError::other(format!("the value is larger than {MAX_RESULT} bytes")))?;
    Ok(())
}

/// What a value is, for messages: never the value itself.
pub(super) fn kind(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "nothing",
        ValueKind::None => "null",
        ValueKind::Bool => "true or false",
        ValueKind::Number if value.is_integer() => "a whole number",
        ValueKind::Number => "a fraction",
        ValueKind::String => "text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a table",
        _ if is_omit(value) => "`omit`",
        _ => "something else",
    }
}

/// A value inside a text: texts, whole numbers and booleans.
pub(super) fn text(value: &Value) -> Result<String, EvalError> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number if value.is_integer() => whole_number(value).map(|whole| whole.to_string()),
        _ => Err(not_in_a_text(kind(value))),
    }
}

/// The same for JSON.
pub(crate) fn json_text(value: &Json) -> Result<String, EvalError> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Bool(truth) => Ok(truth.to_string()),
        Json::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        Json::Number(_) => Err(not_in_a_text("a fraction")),
        Json::Null => Err(not_in_a_text("null")),
        Json::Array(_) => Err(not_in_a_text("a list")),
        Json::Object(_) => Err(not_in_a_text("a table")),
    }
}

fn not_in_a_text(kind: &str) -> EvalError {
    EvalError::wrong_type(format!("the value is {kind}; a text takes texts, whole numbers and booleans"))
}
