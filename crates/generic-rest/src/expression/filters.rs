//! The filters. All of them are our own, so that none guesses: a filter for texts takes texts and nothing else.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::value::{kind, text, whole_number};
use super::{EvalError, EvalErrorKind, lists};

/// Bytes that a filter gives at the most.
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// Our error in minijinja's clothes; [`super::Expression::evaluate`] takes them off.
pub(super) fn refuse(error: EvalError) -> Error {
    Error::new(ErrorKind::InvalidOperation, "refused").with_source(error)
}

/// What looking at so many entries costs.
pub(super) fn fuel_for(entries: usize) -> u64 {
    1 + u64::try_from(entries / 4).unwrap_or(u64::MAX)
}

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("lower", |value: &Value| on_text("lower", value, str::to_lowercase));
    environment.add_filter("upper", |value: &Value| on_text("upper", value, str::to_uppercase));
    environment.add_filter("trim", |value: &Value| on_text("trim", value, |text| text.trim().to_owned()));
    environment
        .add_filter("base64", |value: &Value| on_text("base64", value, |text| BASE64_STANDARD.encode(text)));
    environment.add_filter("sha256", |value: &Value| {
        on_text("sha256", value, |text| {
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
        })
    });
    environment.add_filter("slug", |value: &Value| one_argument("slug", value));
    environment.add_filter("last_segment", |value: &Value| one_argument("last_segment", value));
    environment.add_filter("string", |value: &Value| one_argument("string", value));
    environment.add_filter("int", |value: &Value| one_argument("int", value));
    environment.add_filter("replace", replace);
    environment.add_filter("split", split);
    environment.add_filter("length", length);
    environment.add_filter("default", default);
    environment.add_filter("json_pointer", json_pointer);
    lists::add(environment);
}

/// The filters that `map('…')` can apply to each entry: those that take nothing beside the value.
pub(super) const MAPPED: [&str; 7] = ["lower", "upper", "trim", "string", "int", "slug", "last_segment"];

/// One of [`MAPPED`].
pub(super) fn one_argument(filter: &str, value: &Value) -> Result<Value, Error> {
    match filter {
        "lower" => on_text(filter, value, str::to_lowercase),
        "upper" => on_text(filter, value, str::to_uppercase),
        "trim" => on_text(filter, value, |text| text.trim().to_owned()),
        "string" => text(value).map(Value::from).map_err(refuse),
        "int" => int(value).map_err(refuse),
        "slug" => expect_text(filter, value).and_then(slug).map(Value::from).map_err(refuse),
        "last_segment" => expect_text(filter, value).and_then(last_segment).map(Value::from).map_err(refuse),
        _ => Err(Error::from(ErrorKind::UnknownFilter)),
    }
}

/// The value's text, or an error that names the filter.
pub(super) fn expect_text<'v>(filter: &str, value: &'v Value) -> Result<&'v str, EvalError> {
    value.as_str().ok_or_else(|| wrong(filter, "text", value))
}

pub(super) fn wrong(filter: &str, wanted: &str, value: &Value) -> EvalError {
    EvalError::wrong_type(format!("`{filter}` takes {wanted}, and this is {}", kind(value)))
}

fn on_text(filter: &str, value: &Value, make: impl FnOnce(&str) -> String) -> Result<Value, Error> {
    bounded(make(expect_text(filter, value).map_err(refuse)?))
}

/// A text that is not too long.
pub(super) fn bounded(text: String) -> Result<Value, Error> {
    if text.len() > MAX_TEXT {
        return Err(refuse(EvalError::other(format!("the text is longer than {MAX_TEXT} bytes"))));
    }
    Ok(Value::from(text))
}

fn int(value: &Value) -> Result<Value, EvalError> {
    let no = || EvalError::wrong_type("the text is no whole number of at most 64 bits");
    match value.kind() {
        ValueKind::Number if value.is_integer() => whole_number(value).map(|_| value.clone()),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            let digits = text.strip_prefix('-').unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(no());
            }
            match (text.parse::<i64>(), text.parse::<u64>()) {
                (Ok(whole), _) => Ok(Value::from(whole)),
                (_, Ok(whole)) => Ok(Value::from(whole)),
                _ => Err(no()),
            }
        }
        _ => Err(wrong("int", "a whole number, or a text of digits", value)),
    }
}

/// Lower-case ASCII letters and digits, with one hyphen for whatever stands between; accents are left out.
fn slug(text: &str) -> Result<String, EvalError> {
    let mut slug = String::new();
    for letter in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        return Err(EvalError::other("`slug` finds no letter and no digit"));
    }
    Ok(slug.to_owned())
}

/// What stands after the last `/` of a URL or path, without its query, its fragment and a `/` at its end.
fn last_segment(text: &str) -> Result<String, EvalError> {
    let path = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    match path.rsplit('/').next() {
        Some(segment) if !segment.is_empty() => Ok(segment.to_owned()),
        _ => Err(EvalError::other("`last_segment` finds no segment")),
    }
}

fn replace(value: &Value, old: &Value, new: &Value) -> Result<Value, Error> {
    let text = |value| expect_text("replace", value).map_err(refuse);
    let (value, old, new) = (text(value)?, text(old)?, text(new)?);
    if old.is_empty() {
        return Err(refuse(EvalError::other("`replace` looks for an empty text")));
    }
    let growth = value.matches(old).count().saturating_mul(new.len());
    if growth > MAX_TEXT {
        return Err(refuse(EvalError::other(format!("the text is longer than {MAX_TEXT} bytes"))));
    }
    bounded(value.replace(old, new))
}

fn split(state: &State<'_, '_>, value: &Value, separator: Option<&Value>) -> Result<Value, Error> {
    let text = expect_text("split", value).map_err(refuse)?;
    let parts: Vec<&str> = match separator {
        None => text.split_whitespace().collect(),
        Some(separator) => match expect_text("split", separator).map_err(refuse)? {
            "" => return Err(refuse(EvalError::other("`split` is given an empty separator"))),
            separator => text.split(separator).collect(),
        },
    };
    state.consume_fuel(fuel_for(parts.len()))?;
    Ok(parts.into_iter().collect())
}

fn length(value: &Value) -> Result<Value, Error> {
    match (value.as_str(), value.kind()) {
        (Some(text), _) => Ok(Value::from(text.chars().count())),
        (None, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) => {
            Ok(Value::from(value.len().unwrap_or(0)))
        }
        _ => Err(refuse(wrong("length", "text, a list or a table", value))),
    }
}

fn default(value: Value, other: Value) -> Value {
    if value.is_undefined() || value.is_none() { other } else { value }
}

/// RFC 6901. What is not there is undefined, so that `default` can follow.
fn json_pointer(value: Value, pointer: &Value) -> Result<Value, Error> {
    let pointer = expect_text("json_pointer", pointer).map_err(refuse)?;
    let Some(tokens) = pointer.strip_prefix('/') else {
        return match pointer {
            "" => Ok(value),
            _ => Err(refuse(EvalError::other("a JSON pointer is empty or begins with `/`"))),
        };
    };
    let mut found = value;
    for token in tokens.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        let index = token.parse::<usize>().ok().filter(|_| token == "0" || !token.starts_with(['0', '+']));
        found = match (found.kind(), index) {
            (ValueKind::Map, _) => found.get_attr(&token).unwrap_or(Value::UNDEFINED),
            (ValueKind::Seq | ValueKind::Iterable, Some(index)) => {
                found.get_item_by_index(index).unwrap_or(Value::UNDEFINED)
            }
            _ => Value::UNDEFINED,
        };
    }
    Ok(found)
}

/// What several hits are where there may be one.
pub(super) fn ambiguous(hits: usize) -> EvalError {
    EvalError::new(
        EvalErrorKind::Ambiguous { hits },
        format!("{hits} entries were found where there may be one"),
    )
}

/// The one keyword argument that is left after those that a filter knows were taken.
pub(super) fn no_more(keywords: &Kwargs) -> Result<(), Error> {
    keywords.assert_all_used()
}
