//! Queries and headers: values by name.

use serde_json::Value;

use crate::expression::{EvalError, Scope, Tree, json_text};

/// Pairs that one list gives at the most.
const MAX_PAIRS: usize = 1000;

/// Bytes of a header's value at the most.
const MAX_HEADER: usize = 8 * 1024;

/// The values of a query parameter: none, one, or one for each entry of a list.
pub(super) fn query(tree: &Tree, scope: &Scope) -> Result<Vec<String>, EvalError> {
    let named = |error: EvalError| error.of(&source(tree));
    match tree.fill(scope)? {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > MAX_PAIRS => {
            Err(named(EvalError::other(format!("a list gives more than {MAX_PAIRS} pairs"))))
        }
        Some(Value::Array(list)) => list.iter().map(json_text).collect::<Result<_, _>>().map_err(named),
        Some(value) => Ok(vec![json_text(&value).map_err(named)?]),
    }
}

/// The value of a header, or none.
pub(super) fn header(tree: &Tree, scope: &Scope) -> Result<Option<String>, EvalError> {
    let named = |error: EvalError| error.of(&source(tree));
    let Some(value) = tree.fill(scope)? else {
        return Ok(None);
    };
    let text = json_text(&value).map_err(named)?;
    let refused =
        |why: &str| Err(named(EvalError::other(format!("the value {why}, which no header can carry"))));
    if text.len() > MAX_HEADER {
        return refused("is longer than 8192 bytes");
    }
    if text.chars().any(char::is_control) {
        return refused("has line breaks or other control characters");
    }
    if !text.is_ascii() {
        return refused("has characters beyond ASCII");
    }
    // Whoever receives it takes them off, and would read another value.
    if text.starts_with(' ') || text.ends_with(' ') {
        return refused("begins or ends with a blank");
    }
    Ok(Some(text))
}

/// What a message names.
fn source(tree: &Tree) -> String {
    match tree {
        Tree::Hole(hole) => hole.source().to_owned(),
        Tree::Text(text) => text.to_string(),
        Tree::Constant(_) => "the constant".into(),
        Tree::List(_) | Tree::Table(_) => "the tree".into(),
    }
}
