//! Reading the members of an object, with the path in every error.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{PayloadError, Problem};
use crate::json::Node;
use crate::payload::limits;

/// An object and the path to it.
pub(crate) struct Fields {
    path: String,
    members: Vec<(String, Node)>,
}

impl Fields {
    /// The whole body: its path is empty.
    pub(crate) fn of_body(node: Node) -> Result<Self, PayloadError> {
        Self::of(node, String::new())
    }

    pub(crate) fn of(node: Node, path: String) -> Result<Self, PayloadError> {
        match node {
            Node::Object(members) => Ok(Self { path, members }),
            other => Err(PayloadError::at(path, wrong_type("an object", &other))),
        }
    }

    pub(crate) fn path_to(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn error(&self, name: &str, problem: Problem) -> PayloadError {
        PayloadError::at(self.path_to(name), problem)
    }

    /// The member as it is, `null` included; an error where it is there twice.
    fn take_raw(&mut self, name: &str) -> Result<Option<Node>, PayloadError> {
        let Some(first) = self.members.iter().position(|(known, _)| known == name) else { return Ok(None) };
        let (_, node) = self.members.swap_remove(first);
        if self.members.iter().any(|(known, _)| known == name) {
            return Err(self.error(name, Problem::Twice));
        }
        Ok(Some(node))
    }

    /// The member, `None` where it is absent or null.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Node>, PayloadError> {
        Ok(self.take_raw(name)?.filter(|node| !matches!(node, Node::Null)))
    }

    /// An object that may be absent or null.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Self>, PayloadError> {
        let path = self.path_to(name);
        self.take(name)?.map(|node| Self::of(node, path)).transpose()
    }

    /// A text that may be absent, null or blank, which all mean that there is none.
    pub(crate) fn text(&mut self, name: &str, limit: usize) -> Result<Option<String>, PayloadError> {
        let Some(node) = self.take(name)? else { return Ok(None) };
        Ok(Some(self.string(name, node, limit)?).filter(|text| !text.trim().is_empty()))
    }

    /// A string that must be there; it may be blank.
    pub(crate) fn required(&mut self, name: &str, limit: usize) -> Result<String, PayloadError> {
        let node = self.take_raw(name)?.ok_or_else(|| self.error(name, Problem::Missing))?;
        self.string(name, node, limit)
    }

    fn string(&self, name: &str, node: Node, limit: usize) -> Result<String, PayloadError> {
        match node {
            Node::Text(text) if text.len() > limit => Err(self.error(name, Problem::TooLong { limit })),
            Node::Text(text) => Ok(text),
            other => Err(self.error(name, wrong_type("a string", &other))),
        }
    }
}

pub(crate) fn wrong_type(expected: &'static str, found: &Node) -> Problem {
    Problem::WrongType { expected, found: found.kind() }
}

/// An app's intake fields. Errors name the object alone: even the names inside it were typed by somebody.
pub(crate) fn custom_fields(node: Node) -> Result<BTreeMap<String, Value>, Problem> {
    match node {
        Node::Object(members) if members.len() > limits::CUSTOM_FIELDS => {
            Err(Problem::TooMany { limit: limits::CUSTOM_FIELDS })
        }
        Node::Object(members) => Ok(object(members, 1)?.into_iter().collect()),
        other => Err(wrong_type("an object", &other)),
    }
}

fn object(members: Vec<(String, Node)>, depth: usize) -> Result<Map<String, Value>, Problem> {
    let mut map = Map::new();
    for (name, node) in members {
        if name.len() > limits::NAME {
            return Err(Problem::MemberTooLong { limit: limits::NAME });
        }
        if map.insert(name, value(node, depth)?).is_some() {
            return Err(Problem::MemberTwice);
        }
    }
    Ok(map)
}

/// `depth` is how many objects and lists are around the node.
fn value(node: Node, depth: usize) -> Result<Value, Problem> {
    let too_deep = depth >= limits::CUSTOM_FIELDS_DEPTH;
    Ok(match node {
        Node::Null => Value::Null,
        Node::Bool(yes) => Value::Bool(yes),
        Node::Number(number) => Value::Number(number),
        Node::Text(text) if text.len() > limits::COMMENT => {
            return Err(Problem::MemberTooLong { limit: limits::COMMENT });
        }
        Node::Text(text) => Value::String(text),
        Node::List(_) | Node::Object(_) if too_deep => {
            return Err(Problem::TooDeep { limit: limits::CUSTOM_FIELDS_DEPTH });
        }
        Node::List(items) => {
            Value::Array(items.into_iter().map(|item| value(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Node::Object(members) => Value::Object(object(members, depth + 1)?),
    })
}
