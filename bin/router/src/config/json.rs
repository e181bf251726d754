//! Settings as a connector takes them: JSON.

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::secrets::{is_stand_in, stand_in};
use usher_toml_reader::Item;
use usher_toml_reader::Notes;

/// A value as JSON. Secrets written out are refused on the way; what JSON cannot say is too.
pub(crate) fn json(item: &Item<'_>, notes: &mut Notes) -> Value {
    if let Some(value) = stand_in(item, notes) {
        return value;
    }
    match item.value {
        DeValue::String(text) if is_stand_in(text) => {
            item.wrong(notes, "is a name that Usher keeps for itself", "name another environment variable");
            Value::String(text.clone().into_owned())
        }
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number.into()),
            Err(_) => {
                item.wrong(notes, "is too large a number", "write a number of at most 18 digits, or a text");
                Value::Null
            }
        },
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => {
                item.wrong(notes, "is not a number that can be counted with", "write an ordinary number");
                Value::Null
            }
        },
        DeValue::Array(array) => {
            Value::Array(item.items(array).iter().map(|item| json(item, notes)).collect())
        }
        DeValue::Table(_) => Value::Object(members(item, notes)),
    }
}

/// The members of a table; of anything else none.
pub(crate) fn members(item: &Item<'_>, notes: &mut Notes) -> Map<String, Value> {
    let Some(section) = item.section(notes) else { return Map::new() };
    section.rest().iter().map(|item| (item.name().to_owned(), json(item, notes))).collect()
}

/// The value at a path, if all of the path is there.
pub(crate) fn at<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, segment| match value {
        Value::Object(members) => members.get_mut(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
        _ => None,
    })
}

/// Takes the value at a path out, and says how much of the path led to what went; `None` where nothing stood there. A list goes
/// as a whole: its other entries would move up.
pub(crate) fn take_out(value: &mut Value, path: &[String]) -> Option<usize> {
    let (last, above) = path.split_last()?;
    match at(value, above) {
        Some(Value::Object(members)) => members.remove(last).map(|_| path.len()),
        Some(Value::Array(_)) => take_out(value, above),
        _ => None,
    }
}
