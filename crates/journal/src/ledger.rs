use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_core::{Direction, Facet, Handles};

use crate::{Change, RequestId};

/// The approval by which a subject has its facets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The app's key in the configuration.
    pub app: String,
    /// The permission's name.
    pub permission: String,
    /// What it holds.
    pub facets: BTreeSet<Facet>,
    /// The request that was approved.
    pub request: RequestId,
    /// That request's place in the order of acceptance.
    pub seq: u64,
    /// When the approval ends.
    pub until: Option<Timestamp>,
    /// A reading showed all of it.
    pub confirmed: bool,
}

/// The latest request of a direction that named a permission, or all of an app. Superseding is derived from these.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// Give or take.
    pub direction: Direction,
    /// The app's key.
    pub app: String,
    /// The permission; `None`: all of the app's.
    pub permission: Option<String>,
    /// Its place in the order of acceptance.
    pub seq: u64,
}

/// All that is known of one (connection, subject). Never pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ledger {
    /// Grows with every commit that touches it.
    pub version: u64,
    /// Approvals, by sequence.
    #[serde(default)]
    pub holders: Vec<Holder>,
    /// The latest of each kind.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// What stood in a one-value slot before its first holder; `None`: nothing did.
    #[serde(default)]
    pub former: BTreeMap<String, Option<String>>,
    /// Vendor ids.
    #[serde(default)]
    pub handles: Handles,
    /// The vendor's id of the account.
    #[serde(default)]
    pub account: Option<String>,
    /// Changes that are open or lately were.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Requests that are not final, with their sequence.
    #[serde(default)]
    pub unfinished: BTreeMap<RequestId, u64>,
}

impl Ledger {
    /// Whether a request of `direction` that came after `seq` names this permission.
    #[must_use]
    pub fn named_after(&self, direction: Direction, app: &str, permission: &str, seq: u64) -> bool {
        self.marks.iter().any(|mark| {
            mark.direction == direction
                && mark.app == app
                && mark.seq > seq
                && mark.permission.as_deref().is_none_or(|name| name == permission)
        })
    }

    /// Whether a request of `direction` that came after `seq` names anything of this app.
    #[must_use]
    pub fn any_named_after(&self, direction: Direction, app: &str, seq: u64) -> bool {
        self.marks.iter().any(|mark| mark.direction == direction && mark.app == app && mark.seq > seq)
    }

    /// Whether a later order names it (rule 3): derived, never marked.
    #[must_use]
    pub fn is_revoked(&self, holder: &Holder) -> bool {
        self.named_after(Direction::Deprovision, &holder.app, &holder.permission, holder.seq)
    }

    /// Whether the approval stands: neither over nor revoked.
    #[must_use]
    pub fn is_live(&self, holder: &Holder, now: Timestamp) -> bool {
        holder.until.is_none_or(|until| until > now) && !self.is_revoked(holder)
    }

    /// Whether it keeps its facets from orders that do not name it (rule 3).
    #[must_use]
    pub fn blocks(&self, holder: &Holder, now: Timestamp) -> bool {
        holder.confirmed && self.is_live(holder, now)
    }

    /// Changes that `request` sent.
    pub fn changes_of<'a>(&'a self, request: &'a RequestId) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(move |change| &change.request == request)
    }

    /// The next free number of an intent.
    #[must_use]
    pub fn next_intent(&self, floor: u64) -> u64 {
        self.changes.iter().map(|change| change.intent).max().unwrap_or(0).max(floor).saturating_add(1)
    }

    /// Sets a mark, keeping the latest of each kind.
    pub(crate) fn mark(&mut self, mark: Mark) {
        let same = |other: &Mark| {
            other.direction == mark.direction && other.app == mark.app && other.permission == mark.permission
        };
        self.marks.retain(|other| !(same(other) && other.seq <= mark.seq));
        self.marks.push(mark);
    }
}
