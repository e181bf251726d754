//! The filters for lists.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, State, Value};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

use super::EvalError;
use super::filters::{ambiguous, bounded, expect_text, fuel_for, no_more, one_argument, refuse, wrong};
use super::operators::equal;
use super::value::text;

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("where", where_);
    environment.add_filter("one", |state: &State<'_, '_>, list: &Value| match one_of(state, "one", list)? {
        Some(entry) => Ok(entry),
        None => Err(refuse(EvalError::other("nothing was found where there must be one"))),
    });
    environment.add_filter("one_or_none", |state: &State<'_, '_>, list: &Value| {
        Ok::<_, Error>(one_of(state, "one_or_none", list)?.unwrap_or_else(|| Value::from(())))
    });
    environment.add_filter("first", |state: &State<'_, '_>, list: &Value| {
        Ok::<_, Error>(entries(state, "first", list)?.first().cloned().unwrap_or(Value::UNDEFINED))
    });
    environment.add_filter("last", |state: &State<'_, '_>, list: &Value| {
        Ok::<_, Error>(entries(state, "last", list)?.last().cloned().unwrap_or(Value::UNDEFINED))
    });
    environment
        .add_filter("select", |state: &State<'_, '_>, list: &Value| select(state, "select", list, true));
    environment
        .add_filter("reject", |state: &State<'_, '_>, list: &Value| select(state, "reject", list, false));
    environment.add_filter("selectattr", |state: &State<'_, '_>, list: &Value, key: &Value| {
        select_by(state, "selectattr", list, key, true)
    });
    environment.add_filter("rejectattr", |state: &State<'_, '_>, list: &Value, key: &Value| {
        select_by(state, "rejectattr", list, key, false)
    });
    environment.add_filter("map", map);
    environment.add_filter("join", join);
    environment.add_filter("sort", sort);
    environment.add_filter("unique", unique);
}

/// The entries of a list; anything else is an error that names the filter.
fn entries(state: &State<'_, '_>, filter: &str, list: &Value) -> Result<Vec<Value>, Error> {
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(refuse(wrong(filter, "a list", list)));
    }
    state.consume_fuel(fuel_for(list.len().unwrap_or(0)))?;
    Ok(list.try_iter()?.collect())
}

/// What an entry has under a key: the key as it stands, else as a path with dots. `None`: it is not there.
fn member(filter: &str, entry: &Value, key: &str) -> Result<Option<Value>, EvalError> {
    if entry.kind() != ValueKind::Map {
        return Err(wrong(filter, "a list of tables", entry));
    }
    let under = |owner: &Value, key: &str| owner.get_attr(key).ok().filter(|found| !found.is_undefined());
    if let Some(found) = under(entry, key) {
        return Ok(Some(found));
    }
    let mut found = entry.clone();
    for name in key.split('.') {
        match under(&found, name) {
            Some(next) => found = next,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn where_(state: &State<'_, '_>, list: &Value, key: &Value, value: &Value) -> Result<Value, Error> {
    let entries = entries(state, "where", list)?;
    let key = expect_text("where", key).map_err(refuse)?;
    // An unset field of the person must not find the accounts that have none either.
    if value.is_none() {
        return Err(refuse(EvalError::wrong_type(
            "`where` looks for null, which would find whatever has no value",
        )));
    }
    let mut known = entries.is_empty();
    let mut hits = Vec::new();
    for entry in entries {
        let Some(found) = member("where", &entry, key).map_err(refuse)? else {
            continue;
        };
        known = true;
        if same(&found, value).map_err(refuse)? {
            hits.push(entry);
        }
    }
    // With a key that no entry has, nobody would ever be found, and everybody be created twice.
    if !known {
        return Err(refuse(EvalError::undefined("`where`: no entry of the list has that key")));
    }
    Ok(hits.into_iter().collect())
}

/// Texts without regard to case and to how Unicode composes them; all else as `==` does.
fn same(found: &Value, value: &Value) -> Result<bool, EvalError> {
    match (found.as_str(), value.as_str()) {
        (Some(found), Some(value)) => Ok(found == value || folded(found) == folded(value)),
        _ => equal(found, value),
    }
}

fn folded(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase().nfc().collect()
}

fn one_of(state: &State<'_, '_>, filter: &str, list: &Value) -> Result<Option<Value>, Error> {
    let entries = entries(state, filter, list)?;
    match entries.len() {
        0 | 1 => Ok(entries.into_iter().next()),
        hits => Err(refuse(ambiguous(hits))),
    }
}

fn select(state: &State<'_, '_>, filter: &str, list: &Value, wanted: bool) -> Result<Value, Error> {
    Ok(entries(state, filter, list)?.into_iter().filter(|entry| entry.is_true() == wanted).collect())
}

fn select_by(
    state: &State<'_, '_>,
    filter: &str,
    list: &Value,
    key: &Value,
    wanted: bool,
) -> Result<Value, Error> {
    let key = expect_text(filter, key).map_err(refuse)?;
    let mut selected = Vec::new();
    for entry in entries(state, filter, list)? {
        if present(filter, &entry, key, None)?.is_true() == wanted {
            selected.push(entry);
        }
    }
    Ok(selected.into_iter().collect())
}

fn present(filter: &str, entry: &Value, key: &str, default: Option<&Value>) -> Result<Value, Error> {
    let found =
        member(filter, entry, key).map_err(refuse)?.filter(|found| default.is_none() || !found.is_none());
    found.or_else(|| default.cloned()).ok_or_else(|| {
        refuse(EvalError::undefined(format!("`{filter}`: an entry of the list lacks that key")))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands keywords over")]
fn map(
    state: &State<'_, '_>,
    list: &Value,
    filter: Option<&Value>,
    keywords: Kwargs,
) -> Result<Value, Error> {
    let entries = entries(state, "map", list)?;
    let attribute: Option<Value> = keywords.get("attribute")?;
    let default: Option<Value> = keywords.get("default")?;
    no_more(&keywords)?;
    let mapped: Result<Vec<Value>, Error> = match (filter, attribute) {
        (None, Some(key)) => {
            let key = expect_text("map", &key).map_err(refuse)?;
            entries.iter().map(|entry| present("map", entry, key, default.as_ref())).collect()
        }
        (Some(filter), None) => {
            let filter = expect_text("map", filter).map_err(refuse)?;
            entries.iter().map(|entry| one_argument(filter, entry)).collect()
        }
        _ => Err(refuse(EvalError::wrong_type("`map` takes `attribute=` or the name of a filter"))),
    };
    Ok(mapped?.into_iter().collect())
}

fn join(state: &State<'_, '_>, list: &Value, separator: Option<&Value>) -> Result<Value, Error> {
    let separator = match separator {
        Some(separator) => expect_text("join", separator).map_err(refuse)?,
        None => "",
    };
    let mut joined = String::new();
    for (index, entry) in entries(state, "join", list)?.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text(entry).map_err(refuse)?);
        if joined.len() > super::filters::MAX_TEXT {
            break;
        }
    }
    bounded(joined)
}

fn sort(state: &State<'_, '_>, list: &Value) -> Result<Value, Error> {
    let mut entries = entries(state, "sort", list)?;
    state.consume_fuel(fuel_for(entries.len().saturating_mul(16)))?;
    let all = |kind: ValueKind| entries.iter().all(|entry| entry.kind() == kind);
    if !all(ValueKind::String) && !all(ValueKind::Number) {
        return Err(refuse(EvalError::wrong_type("`sort` takes a list of texts, or one of numbers")));
    }
    entries.sort();
    Ok(entries.into_iter().collect())
}

fn unique(state: &State<'_, '_>, list: &Value) -> Result<Value, Error> {
    let entries = entries(state, "unique", list)?;
    state.consume_fuel(fuel_for(entries.len().saturating_mul(16)))?;
    let mut seen = BTreeSet::new();
    Ok(entries.into_iter().filter(|entry| seen.insert(entry.clone())).collect())
}
