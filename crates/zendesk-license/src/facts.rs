//! The connector's own reading of one person, which `plan` and `apply` get back. No address, no name of a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::Snapshot;

use crate::roles::{Catalogue, Held};

/// What one reading found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) user: Option<User>,
    pub(crate) catalogue: Catalogue,
    /// Of each group that was asked for.
    pub(crate) groups: BTreeMap<String, Group>,
    /// Memberships by the group's name.
    pub(crate) memberships: BTreeMap<String, u64>,
    /// Unsolved tickets of an agent, read only where `reassign_to` is set.
    pub(crate) tickets: Vec<u64>,
}

impl Facts {
    /// As a snapshot carries them.
    pub(crate) fn to_value(&self) -> Value {
        // Integers, texts, lists and maps with text keys always are JSON; were they not, `plan` would refuse the null.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Out of a snapshot.
    pub(crate) fn of(seen: &Snapshot) -> Result<Self, serde_json::Error> {
        Self::deserialize(&seen.facts)
    }
}

/// The account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) held: Held,
    pub(crate) suspended: bool,
}

/// What became of a group's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Group {
    Found(u64),
    Missing,
    /// Zendesk lets two groups bear one name.
    Several,
}
