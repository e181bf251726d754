//! What a reading found out, for the plan that is made from it and for the calls of that plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use usher_core::Snapshot;

/// The connector's own part of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Whether there is an account, waiting for the invitee or not.
    pub(crate) account: bool,
    /// By look-up, what it captured.
    pub(crate) captures: Map<String, Value>,
    /// What is known, by name.
    pub(crate) known: Map<String, Value>,
    /// By slot.
    pub(crate) slots: BTreeMap<String, Shown>,
}

/// What the vendor shows of a slot, in the vendor's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// There.
    pub(crate) has: Vec<String>,
    /// On its way.
    pub(crate) pending: Vec<String>,
}

impl Shown {
    pub(crate) fn holds(&self, value: &str) -> bool {
        self.has.iter().chain(&self.pending).any(|held| held == value)
    }
}

impl Facts {
    /// Those of a snapshot.
    pub(crate) fn of(seen: &Snapshot) -> Result<Self, serde_json::Error> {
        Self::deserialize(&seen.facts)
    }

    pub(crate) fn to_value(&self) -> Value {
        // Texts, lists and tables always are JSON; were they not, the plan would refuse the null.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
