//! What was asked: the requests in the order of acceptance, and what of it stands.

use std::sync::Arc;

use usher_core::{Direction, Facet};
use usher_journal::{Execution, Filter, Journal, Request};

use crate::journal::still;

/// The rows of the journal, in the order of acceptance.
pub(crate) struct Books {
    pub(crate) rows: Vec<Request>,
}

impl Books {
    pub(crate) async fn read(journal: &Arc<dyn Journal>) -> Self {
        let page = still(journal.list(&Filter { limit: 1000, ..Filter::default() }), true).await.unwrap();
        let mut rows = page.requests;
        rows.reverse();
        Self { rows }
    }

    pub(crate) fn of<'a>(&'a self, who: &'a str) -> impl Iterator<Item = &'a Request> {
        self.rows.iter().filter(move |row| row.subject.email == who)
    }

    /// What grants give this person: (the request, the permission's name, the facet).
    pub(crate) fn grants<'a>(
        &'a self,
        who: &'a str,
    ) -> impl Iterator<Item = (&'a Request, &'a str, &'a Facet)> {
        self.of(who).filter(|row| !is_order(row)).flat_map(|row| {
            row.permissions.iter().flat_map(move |one| {
                one.facets.iter().flatten().map(move |facet| (row, one.name.as_str(), facet))
            })
        })
    }

    /// The orders that take what `row` gave by `name`.
    pub(crate) fn takers<'a>(&'a self, row: &'a Request, name: &'a str) -> impl Iterator<Item = &'a Request> {
        self.of(&row.subject.email).filter(move |order| order.seq > row.seq && takes(order, row, name))
    }

    pub(crate) fn is_taken(&self, row: &Request, name: &str) -> bool {
        self.takers(row, name).next().is_some()
    }

    /// Whether an approval that no later order names gives it.
    pub(crate) fn is_entitled(&self, who: &str, facet: &Facet) -> bool {
        self.grants(who).any(|(row, name, given)| given == facet && !self.is_taken(row, name))
    }

    /// Whether a later approval of the same permission has taken its place, and speaks for it from then on.
    pub(crate) fn is_renewed(&self, grant: &Request, name: &str) -> bool {
        self.of(&grant.subject.email).any(|row| {
            row.seq > grant.seq
                && !is_order(row)
                && row.app_key == grant.app_key
                && row.permissions.iter().any(|one| one.name == name)
                && !matches!(row.execution, Execution::Refused | Execution::Superseded)
        })
    }

    /// Whether an approval gives it that no order has ended for certain: what an order is still at is that order's to take.
    pub(crate) fn may_have(&self, who: &str, facet: &Facet) -> bool {
        self.grants(who).any(|(row, name, given)| given == facet && !self.takers(row, name).any(is_proven))
    }

    /// Whether a later approval has another value in the one-value slot, and was not taken back for certain.
    pub(crate) fn is_displaced(&self, grant: &Request, facet: &Facet) -> bool {
        self.grants(&grant.subject.email).any(|(row, name, given)| {
            let gone = self.takers(row, name).any(is_proven);
            row.seq > grant.seq
                && facet.slot == "role"
                && given.slot == facet.slot
                && given.value != facet.value
                && !gone
        })
    }
}

pub(crate) fn is_order(row: &Request) -> bool {
    row.direction == Direction::Deprovision
}

/// Proven, all of it, and on disk.
pub(crate) fn is_proven(row: &Request) -> bool {
    row.execution == Execution::Confirmed && row.reason.is_none()
}

pub(crate) fn takes(order: &Request, row: &Request, name: &str) -> bool {
    is_order(order)
        && order.app_key == row.app_key
        && (order.all || order.permissions.iter().any(|one| one.name == name))
}

pub(crate) fn named(order: &Request) -> impl Iterator<Item = &Facet> {
    order.permissions.iter().flat_map(|one| one.facets.iter().flatten())
}
