//! JSON in a definition: written as TOML, or pasted as it stands in a vendor's documentation.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use toml::de::DeValue;
use usher_toml_reader::{Item, Notes, Section};

use super::limits;

/// JSON in the order of its text, in which no key stands twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    /// Neither a list nor a table.
    Scalar(Value),
    /// A list.
    List(Vec<Json>),
    /// A table.
    Table(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let json: Self = serde_json::from_str(text).map_err(|error| {
            // Its line and column count within the text, which stands somewhere in the file.
            let error = error.to_string();
            let what = error.rsplit_once(" at line ").map_or(error.as_str(), |(what, _)| what);
            format!("is not JSON: {what}")
        })?;
        match json.depth() > limits::DEPTH {
            true => Err(format!("is nested deeper than {} levels", limits::DEPTH)),
            false => Ok(json),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::List(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
            Self::Table(table) => 1 + table.iter().map(|(_, one)| one.depth()).max().unwrap_or(0),
        }
    }

    /// As a value, in which the order is lost.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(list) => list.into_iter().map(Self::into_value).collect(),
            Self::Table(table) => Value::Object(
                table.into_iter().map(|(key, one)| (key, one.into_value())).collect::<Map<_, _>>(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(Value::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number is out of range"))?;
        Ok(Json::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Scalar(Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut out = Vec::new();
        while let Some(one) = list.next_element()? {
            out.push(one);
        }
        Ok(Json::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Json, A::Error> {
        let mut out: Vec<(String, Json)> = Vec::new();
        while let Some((key, one)) = table.next_entry::<String, Json>()? {
            if out.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("the key {key:?} stands there twice")));
            }
            out.push((key, one));
        }
        Ok(Json::Table(out))
    }
}

/// A table's entries in the order of the file, if it is one.
pub(super) fn in_order<'t>(item: &Item<'t>) -> Option<Vec<Item<'t>>> {
    let DeValue::Table(table) = item.value else { return None };
    let mut items = Section::of(item, table).rest();
    items.sort_by_key(|item| item.key_span.start);
    Some(items)
}

/// A value that has no holes, as JSON. `None` where it is none, which is noted.
pub(super) fn constant(item: &Item<'_>, notes: &mut Notes) -> Option<Value> {
    constant_below(item, 0, notes)
}

fn constant_below(item: &Item<'_>, depth: usize, notes: &mut Notes) -> Option<Value> {
    if let Some(scalar) = scalar(item, notes) {
        return scalar.map(Scalar::into_value);
    }
    if depth >= limits::DEPTH {
        too_deep(item, notes);
        return None;
    }
    match item.value {
        DeValue::Array(array) => {
            let list: Vec<Option<Value>> =
                item.items(array).iter().map(|one| constant_below(one, depth + 1, notes)).collect();
            list.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
        }
        _ => {
            let entries = in_order(item)?;
            let table: Vec<Option<(String, Value)>> = entries
                .iter()
                .map(|one| Some((one.name().to_owned(), constant_below(one, depth + 1, notes)?)))
                .collect();
            table.into_iter().collect::<Option<Map<String, Value>>>().map(Value::Object)
        }
    }
}

pub(super) fn too_deep(item: &Item<'_>, notes: &mut Notes) {
    item.wrong_inline(
        notes,
        format!("is nested deeper than {} levels", limits::DEPTH),
        "no vendor asks for that: take a level out",
    );
}

/// A leaf of TOML.
pub(super) enum Scalar<'t> {
    /// A text, in which holes may stand.
    Text(&'t str),
    /// Anything else.
    Other(Value),
}

impl Scalar<'_> {
    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Other(value) => value,
        }
    }
}

/// A leaf: `None` where it is a list or a table, `Some(None)` where it cannot be JSON, which is noted.
pub(super) fn scalar<'t>(item: &Item<'t>, notes: &mut Notes) -> Option<Option<Scalar<'t>>> {
    Some(match item.value {
        DeValue::Array(_) | DeValue::Table(_) => return None,
        DeValue::String(text) => Some(Scalar::Text(text.as_ref())),
        DeValue::Boolean(value) => Some(Scalar::Other(Value::Bool(*value))),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            if number.is_none() {
                item.wrong_inline(notes, "does not fit into 64 bits", "write it in quotes, as a text");
            }
            number.map(|number| Scalar::Other(Value::from(number)))
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            if number.is_none() {
                item.wrong_inline(notes, "is a number that JSON does not have", "write a finite number");
            }
            number.map(|number| Scalar::Other(Value::Number(number)))
        }
        DeValue::Datetime(_) => {
            item.wrong_inline(notes, "is a date, which JSON does not have", "write it in quotes, as a text");
            None
        }
    })
}
