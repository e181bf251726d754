use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use usher_core::{Direction, Facet, Handles};

use crate::{Change, ChangeState, RequestId};

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

/// How long after something that sent the person mail the same step is not taken again (rule 24).
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An invitation that may be open: known from its intent, until a reading settles it (rule 23).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Invitation {
    /// The intent that sent it.
    pub intent: u64,
    /// Who sent it.
    pub request: RequestId,
    /// What it is to give.
    pub facets: BTreeSet<Facet>,
    /// When it was intended, by the wall clock.
    pub at: Timestamp,
    /// A reading has shown that it waits for the invitee.
    #[serde(default)]
    pub seen: bool,
}

/// Something that went out, or may have, and sent the person mail (rule 24). Kept for a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mail {
    /// The step: the action's name.
    pub action: String,
    /// Its intent.
    pub intent: u64,
    /// When it was intended, by the wall clock.
    pub at: Timestamp,
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
    /// Values that may stand in one-value slots and that nobody holds: what a grant sent before it ended unconfirmed, and what an order
    /// has left to whoever gave it. The former value of such a slot is kept: what was granted stays until an order takes it (rules 14, 18).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<String, String>,
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
    /// Invitations that may be open.
    #[serde(default)]
    pub invitations: Vec<Invitation>,
    /// What sent the person mail within the last day.
    #[serde(default)]
    pub mails: Vec<Mail>,
}

impl Mail {
    pub(crate) fn is_within_a_day_of(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).abs() < DAY
    }
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

    /// Whether somebody holds something by it, or something is open: an approval, an invitation, a request that is not final, or a
    /// change that the vendor has not answered.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        let answered = |change: &Change| matches!(change.state, ChangeState::Answered { .. });
        !self.holders.is_empty()
            || !self.invitations.is_empty()
            || !self.unfinished.is_empty()
            || !self.changes.iter().all(answered)
    }

    /// When the latest invitation that may be open was intended (rule 23).
    #[must_use]
    pub fn invited(&self) -> Option<Timestamp> {
        self.invitations.iter().map(|invitation| invitation.at).max()
    }

    /// Invitations that `request` sent and that may be open.
    pub fn invitations_of<'a>(&'a self, request: &'a RequestId) -> impl Iterator<Item = &'a Invitation> {
        self.invitations.iter().filter(move |invitation| &invitation.request == request)
    }

    /// When a step last sent the person mail, or may have, within a day of `now` (rule 24). The wall clock may have been set back
    /// since: what seems to lie in the future counts as well, for a day.
    #[must_use]
    pub fn mailed(&self, action: &str, now: Timestamp) -> Option<Timestamp> {
        let lately = |mail: &&Mail| mail.action == action && mail.is_within_a_day_of(now);
        self.mails.iter().filter(lately).map(|mail| mail.at).max()
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
