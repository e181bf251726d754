//! Expressions, texts with holes, and trees of them.
//!
//! Parsed once, at load; filled in as often as needed. A value can never change the structure that it is put into.

use serde_json::{Map, Value};

/// The names that an expression may use, with their values: the roots of the table *Names in scope*.
#[derive(Clone, Debug, Default)]
pub struct Scope(pub Map<String, Value>);

/// A compiled expression, such as `items | one_or_none`. `Debug` shows its source.
#[derive(Clone, Debug)]
pub struct Expression {
    /// As written, without the braces of a hole.
    source: String,
}

/// A text with holes: `/api/users/{{ person.hit.id }}/roles`.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Hole(Expression),
}

/// A tree of JSON whose leaves may be, or have, holes.
#[derive(Clone, Debug)]
pub enum Tree {
    /// Nothing to fill in.
    Constant(Value),
    /// A leaf that is one hole: keeps the value's type; `omit` leaves it out.
    Hole(Expression),
    /// A text with holes in it.
    Text(Template),
    /// A list.
    List(Vec<Tree>),
    /// A table, in the file's order.
    Table(Vec<(String, Tree)>),
}
