//! What the ledger says that people hold, against what the vendor shows.

use std::collections::{BTreeMap, BTreeSet};

use usher_core::{Account, Arity, Facet, Fault, Hold, Priority, Remedy, Sent, Slots, Snapshot};
use usher_journal::{Filter, Holder, Holding, JournalError, Request};

use super::Engine;
use super::perform::{Reading, Terms};
use crate::{CheckedHolder, HoldingCheck, Standing};

impl Engine {
    /// Reads the vendor for one subject and says how each of its live holders stands. Changes nothing, and comes after everybody
    /// else where the vendor's limit is short.
    pub async fn check_holdings(&self, holding: Holding) -> HoldingCheck {
        let now = self.inner.clock.now();
        let live = |holder: &&Holder| holding.ledger.is_live(holder, now);
        let holders: Vec<Holder> = holding.ledger.holders.iter().filter(live).cloned().collect();
        if holders.is_empty() {
            return HoldingCheck { holding, holders: Vec::new(), fault: None };
        }
        let (holders, fault) = match self.reading_of(&holding, &holders).await {
            Ok((seen, is_open)) => {
                let slots = self.inner.connections.get(&holding.connection);
                let slots = slots.map(|one| one.provisioner.slots().clone()).unwrap_or_default();
                let outranked = |one: &Holder| outranked(one, &holders, &slots);
                let found = holders.iter().map(|one| checked(one.clone(), outranked(one), &seen, is_open));
                (found.collect(), None)
            }
            Err(fault) => (holders.into_iter().map(unreadable).collect(), Some(fault)),
        };
        HoldingCheck { holding, holders, fault }
    }

    /// A reading, and whether a change is open for it (rule 5).
    async fn reading_of(&self, holding: &Holding, holders: &[Holder]) -> Result<(Snapshot, bool), Fault> {
        let cannot = |error: JournalError| {
            let remedy = Remedy::Retry { after: None };
            Fault::new("read the journal", Sent::No, remedy).because(error)
        };
        let latest = self.latest_of(holding).await.map_err(cannot)?.ok_or_else(|| {
            Fault::new("read the journal", Sent::No, Remedy::Person)
                .because("no request of this person is left")
        })?;
        let of: BTreeSet<Facet> = holders.iter().flat_map(|holder| holder.facets.clone()).collect();
        let terms = Terms { deadline: None, priority: Priority::Report, part: None };
        let Reading { begun, result, foreign, .. } =
            self.inner.observe_at(&latest, &holding.ledger, of, terms).await;
        let seen = result?;
        let why = match &seen.account {
            Account::Ambiguous { hits } => format!("{hits} accounts at the vendor bear this address"),
            Account::Found { .. } if foreign => {
                "the account is known under another person's address".to_owned()
            }
            _ => {
                let changes = &holding.ledger.changes;
                let boot = self.inner.boot;
                let is_open = changes.iter().any(|change| change.is_open_for(boot, begun, seen.lag));
                return Ok((seen, is_open));
            }
        };
        Err(Fault::new("observe", Sent::Yes, Remedy::Person).because(why))
    }

    /// The subject as its latest request names it.
    async fn latest_of(&self, holding: &Holding) -> Result<Option<Request>, JournalError> {
        let filter = Filter {
            connection: Some(holding.connection.clone()),
            subject: Some(holding.subject.clone()),
            limit: 1,
            ..Filter::default()
        };
        let page = self.inner.heard(self.inner.journal.list(&filter).await)?;
        Ok(page.requests.into_iter().next())
    }
}

/// The facets of a holder that a newer confirmed one displaces: in a one-value slot the newest wins (rule 14).
fn outranked(holder: &Holder, live: &[Holder], slots: &Slots) -> BTreeSet<Facet> {
    let has_one = |facet: &&Facet| matches!(slots.get(&facet.slot), Some(Arity::One { .. }));
    let displaces = |facet: &Facet, other: &Holder| {
        let takes = |one: &Facet| one.slot == facet.slot && one.value != facet.value;
        other.confirmed && other.seq > holder.seq && other.facets.iter().any(takes)
    };
    let displaced = |facet: &&Facet| live.iter().any(|other| displaces(facet, other));
    holder.facets.iter().filter(has_one).filter(displaced).cloned().collect()
}

fn checked(holder: Holder, outranked: BTreeSet<Facet>, seen: &Snapshot, is_open: bool) -> CheckedHolder {
    let own = holder.facets.difference(&outranked);
    let facets: BTreeMap<Facet, Hold> = own.map(|facet| (facet.clone(), seen.hold(facet).clone())).collect();
    let standing = match standing(facets.values(), is_open) {
        Standing::There if !outranked.is_empty() => Standing::Outranked,
        standing => standing,
    };
    CheckedHolder { holder, standing, facets, outranked }
}

/// The worst of what is seen. A reading for which a change is open proves neither that something is missing nor that it is unreadable.
fn standing<'a>(holds: impl Iterator<Item = &'a Hold>, is_open: bool) -> Standing {
    let stands = holds.map(|hold| match hold {
        Hold::Present => Standing::There,
        Hold::Pending { .. } => Standing::Pending,
        Hold::Absent if is_open => Standing::Unreadable,
        Hold::Absent => Standing::Missing,
        Hold::Unreadable => Standing::Unreadable,
    });
    let all: BTreeSet<Standing> = stands.collect();
    let worst_first = [Standing::Missing, Standing::Unreadable, Standing::Pending];
    worst_first.into_iter().find(|stand| all.contains(stand)).unwrap_or(Standing::There)
}

fn unreadable(holder: Holder) -> CheckedHolder {
    CheckedHolder {
        holder,
        standing: Standing::Unreadable,
        facets: BTreeMap::new(),
        outranked: BTreeSet::new(),
    }
}
