use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Facet, WatchState};

/// The person's account at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Account {
    /// There is none.
    Absent,
    /// There is one; `id` where the vendor shows it.
    Found {
        /// The vendor's id of the account.
        id: Option<String>,
    },
    /// Nobody but the invitee can go on.
    Invited,
    /// Several accounts bear the address: a person has to say which.
    Ambiguous {
        /// How many.
        hits: u32,
    },
    /// An account that no request may touch, such as the owner's.
    Protected {
        /// A sentence for people.
        why: String,
    },
}

/// Whom something that is on its way waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Awaits {
    /// The invited person. This alone may count as provisioned.
    Invitee,
    /// Unfinished work of the vendor.
    Vendor,
}

/// Whether a facet is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hold {
    /// It is there.
    Present,
    /// It is on its way.
    Pending {
        /// Who has to go on.
        awaits: Awaits,
        /// When it lapses, where that is known.
        until: Option<Timestamp>,
    },
    /// It is not there.
    Absent,
    /// This vendor, or this credential, cannot tell.
    Unreadable,
}

/// Vendor ids that are kept for each (connection, subject).
pub type Handles = BTreeMap<String, String>;

/// One thing that a reading rests on, for the request's page. Never a body, never personal data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// Method and path template: `GET /api/v2/users/{id}`.
    pub call: String,
    /// What it showed, in words: `role agent`.
    pub shows: String,
}

/// What one `observe` saw of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The account.
    pub account: Account,
    /// Every facet that was asked for, and every other value seen in its slots.
    pub facets: BTreeMap<Facet, Hold>,
    /// The present value of each one-value slot.
    pub current: BTreeMap<String, String>,
    /// Ids to remember, and those of before that still hold good. A handle that is left out is forgotten when the request is confirmed.
    pub handles: Handles,
    /// What became of each of `Known::watches`, in their order.
    pub watches: Vec<WatchState>,
    /// The connector's own reading, for its plan and apply. Never a secret.
    pub facts: Value,
    /// How stale this reading may be; zero: it is authoritative.
    pub lag: Duration,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

impl Snapshot {
    /// Whether `facet` is held; what was not read is unreadable.
    #[must_use]
    pub fn hold(&self, facet: &Facet) -> &Hold {
        self.facets.get(facet).unwrap_or(&Hold::Unreadable)
    }
}
