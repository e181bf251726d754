use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The smallest thing one can hold at a vendor: `("team", "engineering")`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Facet {
    /// The slot in which the value stands, such as `role`.
    pub slot: String,
    /// The value, such as `agent`.
    pub value: String,
}

impl Facet {
    /// A facet of a slot.
    pub fn new(slot: impl Into<String>, value: impl Into<String>) -> Self {
        Self { slot: slot.into(), value: value.into() }
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.slot, self.value)
    }
}

/// How many values a slot holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Arity {
    /// Values exclude each other. `baseline` is what it goes back to where nothing stood there before; `None`: to nothing.
    One {
        /// The value of somebody who was given nothing.
        baseline: Option<String>,
    },
    /// Any number of values.
    Many,
}

/// The slots of a connection, by name.
pub type Slots = BTreeMap<String, Arity>;
