//! What the operators do, where minijinja's own would guess: compare a text with a number, take what is not there for
//! different, or make a text of null.
//!
//! They are filters under names that nobody can write; [`super::strict`] puts them into the parse tree.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, State, Value};

use super::EvalError;
use super::filters::refuse;
use super::value::{is_omit, kind, text};

/// A member by its name: `owner.name`.
pub(super) const MEMBER: &str = "(member)";
/// The same, where what is not there is allowed: below `default`, `is defined` and `is undefined`.
pub(super) const MEMBER_IF_ANY: &str = "(member-if-any)";
/// What has to be there.
pub(super) const PRESENT: &str = "(present)";
/// An operand of `~`.
pub(super) const TEXT: &str = "(text)";
/// What a slice is taken from.
pub(super) const SLICED: &str = "(sliced)";
/// `==`.
pub(super) const EQUAL: &str = "(equal)";
/// `<`, `<=`, `>`, `>=`.
pub(super) const ORDER: &str = "(order)";
/// `in`.
pub(super) const IN: &str = "(in)";

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter(MEMBER, member);
    environment.add_filter(MEMBER_IF_ANY, member_if_any);
    environment.add_filter(PRESENT, present);
    environment.add_filter(TEXT, operand_text);
    environment.add_filter(SLICED, sliced);
    environment.add_filter(EQUAL, |left: &Value, right: &Value| equal(left, right).map_err(refuse));
    environment.add_filter(ORDER, order);
    environment.add_filter(IN, contained);
}

fn member(owner: &Value, name: &str, path: &str) -> Result<Value, Error> {
    let found = owner.get_attr(name).ok().filter(|found| !found.is_undefined());
    match (found, owner.kind()) {
        (Some(found), ValueKind::Map) => Ok(found),
        (None, ValueKind::Map) => Err(refuse(EvalError::undefined(format!("`{path}` is not there")))),
        _ => Err(refuse(EvalError::undefined(format!(
            "`{path}` is not there: what `{name}` is taken from is {}",
            kind(owner)
        )))),
    }
}

fn member_if_any(owner: &Value, name: &str) -> Value {
    match owner.kind() {
        ValueKind::Map => owner.get_attr(name).unwrap_or(Value::UNDEFINED),
        _ => Value::UNDEFINED,
    }
}

fn present(value: Value, what: &str) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(refuse(EvalError::undefined(format!("{what} is not there"))));
    }
    Ok(value)
}

fn operand_text(value: &Value) -> Result<String, Error> {
    text(value).map_err(refuse)
}

fn sliced(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Seq | ValueKind::Iterable => Ok(value),
        _ => Err(refuse(super::filters::wrong("[…:…]", "a text or a list", &value))),
    }
}

/// Whether two values are the same. Null is like nothing but null; other kinds are not compared with each other.
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, EvalError> {
    if left.is_none() || right.is_none() {
        return Ok(left.is_none() && right.is_none());
    }
    if !comparable(left, right) {
        return Err(EvalError::wrong_type(format!(
            "{} is compared with {}, and nothing is guessed: make them alike, with `| string` or `| int`",
            kind(left),
            kind(right)
        )));
    }
    Ok(left == right)
}

fn comparable(left: &Value, right: &Value) -> bool {
    let family = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(0),
        ValueKind::Number => Some(1),
        ValueKind::String => Some(2),
        ValueKind::Seq | ValueKind::Iterable => Some(3),
        ValueKind::Map => Some(4),
        _ => None,
    };
    family(left).is_some() && family(left) == family(right)
}

fn order(left: &Value, right: &Value, operator: &str) -> Result<bool, Error> {
    let ordered = match (left.kind(), right.kind()) {
        (ValueKind::Number, ValueKind::Number) => left.partial_cmp(right),
        (ValueKind::String, ValueKind::String) => left.as_str().partial_cmp(&right.as_str()),
        _ => {
            return Err(refuse(EvalError::wrong_type(format!(
                "`{operator}` takes two numbers or two texts, and here are {} and {}",
                kind(left),
                kind(right)
            ))));
        }
    };
    Ok(ordered.is_some_and(|ordered| match operator {
        "<" => ordered.is_lt(),
        "<=" => ordered.is_le(),
        ">" => ordered.is_gt(),
        _ => ordered.is_ge(),
    }))
}

/// Whether a list has a value. A number that is looked for among texts would never be found: that is an error, not a no.
fn among(value: &Value, entries: impl Iterator<Item = Value>) -> Result<bool, EvalError> {
    let mut alike = Ok(false);
    for entry in entries {
        match equal(&entry, value) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => alike = alike.and(Err(error)),
        }
    }
    alike
}

fn contained(state: &State<'_, '_>, value: &Value, container: &Value) -> Result<bool, Error> {
    let wrong = |why: String| Err(refuse(EvalError::wrong_type(why)));
    match container.kind() {
        _ if is_omit(value) => wrong("`omit` is in nothing".into()),
        ValueKind::Seq | ValueKind::Iterable => {
            state.consume_fuel(super::filters::fuel_for(container.len().unwrap_or(0)))?;
            among(value, container.try_iter()?).map_err(refuse)
        }
        ValueKind::String | ValueKind::Map if value.kind() != ValueKind::String => {
            wrong(format!("only text can be in {}, and this is {}", kind(container), kind(value)))
        }
        ValueKind::String => Ok(container
            .as_str()
            .zip(value.as_str())
            .is_some_and(|(container, value)| container.contains(value))),
        ValueKind::Map => Ok(container.get_item(value).is_ok_and(|found| !found.is_undefined())),
        _ => wrong(format!("`in` looks into a list, a text or a table, and this is {}", kind(container))),
    }
}
