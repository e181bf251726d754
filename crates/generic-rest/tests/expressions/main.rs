//! The language of definitions: what expressions give, what they refuse, and that nothing in them can surprise.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod filters;
mod limits;
mod names;
mod strictness;
mod templates;

use serde_json::{Value, json};
use usher_generic_rest::expression::{EvalError, EvalErrorKind, Expression, Scope};

/// A scope of these names.
fn scope(names: Value) -> Scope {
    match names {
        Value::Object(names) => Scope(names),
        _ => panic!("a scope is a table"),
    }
}

/// What a person's look-ups have shown: enough for most tests.
fn person() -> Scope {
    scope(json!({
        "user": { "email": "Ada@Acme.example", "given_name": null },
        "person": { "hit": { "id": 7, "roles": ["viewer", "editor"], "login": "ada", "uri": "https://x.example/u/U%2F1/?a=b" } },
        "nobody": { "hit": null },
        "items": [
            { "id": 1, "email": "ada@acme.example", "active": true, "profile": { "nick": "a" } },
            { "id": 2, "email": "eve@acme.example", "active": false, "profile": { "nick": "b" } },
            { "id": 3, "email": "ADA@ACME.EXAMPLE", "active": true, "profile": { "nick": "c" } },
        ],
        "n": 7, "half": 0.5, "yes": true, "no": false, "nothing": null, "text": "478", "empty": "",
        "big": u64::MAX, "small": i64::MIN,
        "tables": { "region": { "eu": "europe", "us": "america" } },
        "list": [3, 1, 2], "texts": ["b", "a", "B"], "none_yet": [],
    }))
}

/// The value of an expression.
fn value(source: &str) -> Value {
    evaluate(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn evaluate(source: &str) -> Result<Value, EvalError> {
    Expression::parse(source).unwrap_or_else(|problem| panic!("{source}: {problem}")).evaluate(&person())
}

/// The kind of error that an expression ends in.
fn error(source: &str) -> EvalErrorKind {
    match evaluate(source) {
        Ok(value) => panic!("{source} gave {value}"),
        Err(error) => {
            assert!(error.message.starts_with('`'), "names the expression: {error}");
            error.kind
        }
    }
}

/// The first mistake in an expression's text.
fn mistake(source: &str) -> String {
    match Expression::parse(source) {
        Ok(_) => panic!("{source} was read"),
        Err(problem) => match problem.hint {
            Some(hint) => format!("{} ({hint})", problem.message),
            None => problem.message,
        },
    }
}
