//! Trees of JSON with holes.

use serde_json::{Map, Value};

use super::{EvalError, Expression, Names, Problem, Scope, Template};

/// Bytes of text and values of a tree that was filled in at the most, added up.
const MAX_FILLED: usize = 4 * 1024 * 1024;

/// A tree of JSON whose leaves may be, or have, holes.
///
/// It is a tree before any value is put in, so that a value can never change its structure.
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

impl Tree {
    /// Reads one text leaf: a constant, one hole, or a text with holes.
    ///
    /// It is one hole if nothing stands around it, not even a blank.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let template = Template::parse(text)?;
        Ok(match (template.constant(), template.one_hole()) {
            (Some(constant), _) => Self::Constant(Value::String(constant)),
            (None, Some(hole)) => Self::Hole(hole.clone()),
            (None, None) => Self::Text(template),
        })
    }

    /// Reads a tree of JSON, such as a pasted body, in whose texts holes may stand. Keys have none.
    ///
    /// # Errors
    /// All mistakes in it; a range is one within its leaf's (or key's) text.
    pub fn from_json(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let tree = from_json(value, &mut problems);
        if problems.is_empty() { Ok(tree) } else { Err(problems) }
    }

    /// The names that its holes use and that are not there, all of them. A range is one within its leaf's text.
    ///
    /// `omit` may stand in a leaf that is one hole.
    pub fn check(&self, names: &Names) -> Vec<Problem> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Hole(hole) => hole.check_with(names, true),
            Self::Text(text) => text.check(names),
            Self::List(list) => list.iter().flat_map(|tree| tree.check(names)).collect(),
            Self::Table(table) => table.iter().flat_map(|(_, tree)| tree.check(names)).collect(),
        }
    }

    /// The tree with its holes filled in; `None`: it is `omit`, and left out. What is `omit` in a list or a table is left out
    /// there.
    ///
    /// # Errors
    /// A hole cannot be evaluated or its value cannot stand in a text, or the tree gets too large.
    pub fn fill(&self, scope: &Scope) -> Result<Option<Value>, EvalError> {
        let mut room = MAX_FILLED;
        self.fill_within(scope, &mut room)
    }

    fn fill_within(&self, scope: &Scope, room: &mut usize) -> Result<Option<Value>, EvalError> {
        let filled = match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Hole(hole) => hole.evaluate_or_omit(scope)?,
            Self::Text(text) => Some(Value::String(text.fill(scope)?)),
            Self::List(list) => {
                let entries = list.iter().filter_map(|tree| tree.fill_within(scope, room).transpose());
                return entries.collect::<Result<_, _>>().map(|entries| Some(Value::Array(entries)));
            }
            Self::Table(table) => {
                let mut filled = Map::new();
                for (key, tree) in table {
                    if let Some(value) = tree.fill_within(scope, room)? {
                        filled.insert(key.clone(), value);
                    }
                }
                return Ok(Some(Value::Object(filled)));
            }
        };
        let size = filled.as_ref().map_or(0, size);
        *room = room.checked_sub(size).ok_or_else(|| {
            EvalError::other(format!("the values together are larger than {MAX_FILLED} bytes"))
        })?;
        Ok(filled)
    }
}

fn from_json(value: &Value, problems: &mut Vec<Problem>) -> Tree {
    match value {
        Value::String(text) => Tree::parse(text).unwrap_or_else(|problem| {
            problems.push(problem);
            Tree::Constant(Value::Null)
        }),
        Value::Array(list) => Tree::List(list.iter().map(|value| from_json(value, problems)).collect()),
        Value::Object(table) => {
            for key in table.keys().filter(|key| ["{{", "{%", "{#"].iter().any(|mark| key.contains(mark))) {
                problems.push(Problem::new("a key of a JSON body cannot have holes", 0..key.len()));
            }
            Tree::Table(table.iter().map(|(key, value)| (key.clone(), from_json(value, problems))).collect())
        }
        constant => Tree::Constant(constant.clone()),
    }
}

/// Roughly the bytes that a value takes.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(list) => 2 + list.iter().map(size).sum::<usize>(),
        Value::Object(table) => {
            2 + table.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>()
        }
    }
}
