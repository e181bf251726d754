use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Facet, Handles, Refusal};

/// What is to be true of a subject at one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Goal {
    /// To be held.
    pub hold: BTreeSet<Facet>,
    /// To be gone.
    pub release: BTreeSet<Facet>,
    /// For each one-value slot that still shows a value of `release`: the value to put in its place. A slot of `release` that is
    /// not named here goes to nothing.
    pub restore: BTreeMap<String, String>,
    /// The account itself is to go, after everything else.
    pub remove_account: bool,
}

/// Whether the same change may be sent again once it can no longer arrive by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Repeat {
    /// Twice is once: `PUT` of a state.
    Natural,
    /// The vendor honours an idempotency key.
    Keyed,
    /// Only after a reading that shows it is still wanting.
    AfterReadBack,
    /// A person has to look.
    Never,
}

/// One call that alters something at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Action {
    /// For code and logs: `promote`.
    pub name: String,
    /// For people: `make the user an agent`.
    pub summary: String,
    /// Facets that it is to give.
    pub gives: BTreeSet<Facet>,
    /// Facets that it is to take. What cancels an invitation names everything that is pending by the reading that it was planned
    /// from, or everything that the invitation was to give: the invitation counts as cancelled once that was answered (rule 23).
    pub takes: BTreeSet<Facet>,
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// The call's own time-out: no change starts with less than this left.
    pub timeout: Duration,
    /// How long after an unanswered call it may still arrive.
    pub settle: Duration,
    /// It sends the person mail, such as an invitation: from its intent on one may be open ([`crate::Known::invited`]), and a
    /// second one of the same `name` within a day is parked by the engine (rules 23 and 24).
    pub notifies_person: bool,
    /// What `apply` needs. Never a secret: it is journaled.
    pub args: Value,
}

/// What would have to be called, and what cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// In the order in which they are to be called. Empty: nothing is left to do.
    pub actions: Vec<Action>,
    /// What is refused, by facet.
    pub refused: Vec<(BTreeSet<Facet>, Refusal)>,
}

/// What an answered call brought. Proof of nothing: only `observe` confirms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receipt {
    /// Ids to remember.
    pub handles: Handles,
    /// Where the vendor has only accepted the change (202): how to learn its end.
    pub watch: Option<Watch>,
}

/// A change that the vendor accepted and has not finished (202), kept with its intent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watch {
    /// What it is about.
    pub facets: BTreeSet<Facet>,
    /// What `observe` needs to ask for it. Never a secret.
    pub args: Value,
    /// How often to ask.
    pub every: Duration,
    /// How long, at the most, before a person looks.
    pub within: Duration,
}

/// What became of a [`Watch`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WatchState {
    /// Not finished.
    Running,
    /// Finished.
    Done,
    /// The vendor gave it up.
    Failed(Refusal),
}
