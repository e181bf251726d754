//! What of the journal goes after a while: never the ledger, never what somebody or something still stands on.

use jiff::Timestamp;

use crate::{ChangeState, History, Ledger, Record, Request, RequestId, Stored, Telling};

/// What is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prunable {
    /// Of settled requests, what is known of the person beyond the key: the body as received, the comment, custom fields and
    /// names, and what was sent to the vendor. That it is gone stands in the history ([`Record::PayloadPruned`]).
    Payloads,
    /// Settled requests with their history, but for those by which somebody holds something.
    Requests,
}

/// One batch of pruning: a commit of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prune {
    /// What is to go.
    pub what: Prunable,
    /// Of requests in whose history nothing has been written since.
    pub before: Timestamp,
    /// Where the batch before has ended: its [`Pruned::next`].
    pub after: Option<PrunePlace>,
    /// How many requests are looked at, at the most: 1 to 1,000; 0 is taken as 64. The writer waits for as many.
    pub limit: usize,
}

/// A place among the settled requests, by their last change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrunePlace {
    /// When the row last changed.
    pub updated: Timestamp,
    /// Which row.
    pub request: RequestId,
}

/// What a batch brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Of so many requests something went, or all.
    pub requests: usize,
    /// Where the next batch begins, where there is more to look at.
    pub next: Option<PrunePlace>,
}

impl Prune {
    /// How many requests a batch looks at, at the most.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self.limit {
            0 => 64,
            limit => limit.min(1000),
        }
    }

    /// Whether a request that is looked at may go, or its payload. `last`: when its history was last written,
    /// pruning aside.
    pub(crate) fn takes(&self, request: &Request, last: Timestamp, ledger: &Ledger) -> bool {
        let id = &request.id;
        let is_open = request.is_open()
            || request.telling == Telling::Due
            || ledger.unfinished.contains_key(id)
            || ledger.invitations.iter().any(|invitation| invitation.request == *id)
            || ledger.changes_of(id).any(|change| !matches!(change.state, ChangeState::Answered { .. }));
        // Also one that has run out or is revoked: as long as it stands in the ledger, the vendor may still show what it gave.
        let is_held = || ledger.holders.iter().any(|holder| holder.request == *id);
        let stays = is_open || (self.what == Prunable::Requests && is_held());
        last < self.before && !stays
    }
}

impl Request {
    /// Whether the row itself says something of the person beyond the key.
    pub(crate) fn has_payload(&self) -> bool {
        let subject = &self.subject;
        self.comment.is_some()
            || subject.given_name.is_some()
            || subject.family_name.is_some()
            || !subject.custom_fields.is_empty()
    }

    /// Takes that away. The address stays: it is the key, and who reads at a vendor goes by it.
    pub(crate) fn forget_payload(&mut self) {
        self.comment = None;
        self.subject.given_name = None;
        self.subject.family_name = None;
        self.subject.custom_fields.clear();
    }
}

impl Stored {
    /// Whether its payload was pruned ([`Prunable::Payloads`]): what was sent to Usher cannot be read again, so that a grant cannot
    /// be run again as it was asked for.
    #[must_use]
    pub fn is_without_payload(&self) -> bool {
        self.body.is_empty() && self.history.iter().any(History::is_pruning)
    }
}

impl History {
    pub(crate) fn is_pruning(&self) -> bool {
        self.record == Record::PayloadPruned
    }
}
