//! JSON that remembers duplicate keys, and keeps only the fields that are read.
//!
//! `serde_json::Value` lets the last of two equal keys win in silence, while others take the first: a payload about
//! two people must not be guessed. What nobody reads is skipped without being stored or judged.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::error::{PayloadError, Problem};

/// Which members of objects are kept. Lists hand it on to their elements.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    All,
    Only(&'static [(&'static str, Keep)]),
}

/// For fields that are no objects: an object there is noticed as one, and its members are skipped.
pub(crate) const LEAF: Keep = Keep::Only(&[]);

impl Keep {
    fn member(self, name: &str) -> Option<Self> {
        match self {
            Self::All => Some(Self::All),
            Self::Only(members) => members.iter().find(|(known, _)| *known == name).map(|(_, keep)| *keep),
        }
    }
}

pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn read(body: &[u8], keep: Keep) -> Result<Self, PayloadError> {
        let text = std::str::from_utf8(body).map_err(|_| PayloadError::body(Problem::NotUtf8))?;
        let mut json = serde_json::Deserializer::from_str(text);
        // serde_json's own words are left out: place alone can quote nothing.
        keep.deserialize(&mut json).and_then(|node| json.end().map(|()| node)).map_err(|error| {
            PayloadError::body(Problem::NotJson { line: error.line(), column: error.column() })
        })
    }

    /// What it is, with its article, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> DeserializeSeed<'de> for Keep {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keep {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            if let Some(keep) = self.member(&name) {
                members.push((name, access.next_value_seed(keep)?));
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Node::Object(members))
    }
}
