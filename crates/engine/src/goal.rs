use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use usher_core::{Arity, Direction, Facet, Goal, Planner, Slots, Snapshot};
use usher_journal::{Holder, Ledger, Request};

use crate::AppPolicy;

/// Why a permission of a grant is not to be held any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// A later order names it (rule 9).
    Superseded,
    /// A later approval has another value in its one-value slot (rule 14).
    Displaced,
}

/// What a request is after, computed anew from the ledger for each reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Targets {
    /// For the planner.
    pub goal: Goal,
    /// Permissions of a grant that are to be held.
    pub held: Vec<String>,
    /// Permissions of a grant that are not to be held any more.
    pub lost: Vec<(String, Lost)>,
    /// Permissions of an order that are not mapped and of which the ledger knows nothing (rule 28).
    pub unknown: Vec<String>,
    /// What the permissions of an order give for themselves, and not only for the sake of something else.
    pub named: BTreeSet<Facet>,
    /// A one-value slot of which the permissions of a grant want different values (rule 14).
    pub contradicts: Option<String>,
    /// An order of everything that finds nothing mapped and nothing in the ledger: it proves nothing (rule 13).
    pub baseless: bool,
}

/// What `request` is after (rules 9, 12, 13, 14, 29). `seen` is the reading whose one-value slots decide what has to go back.
#[must_use]
pub fn goal(
    request: &Request,
    ledger: &Ledger,
    apps: &BTreeMap<String, AppPolicy>,
    planner: &dyn Planner,
    seen: Option<&Snapshot>,
    now: Timestamp,
) -> Targets {
    let view = View { request, ledger, apps, planner, slots: planner.slots(), seen, now };
    match request.direction {
        Direction::Provision => view.grant(),
        Direction::Deprovision => view.order(),
    }
}

struct View<'a> {
    request: &'a Request,
    ledger: &'a Ledger,
    apps: &'a BTreeMap<String, AppPolicy>,
    planner: &'a dyn Planner,
    slots: &'a Slots,
    seen: Option<&'a Snapshot>,
    now: Timestamp,
}

impl View<'_> {
    fn grant(&self) -> Targets {
        let mut targets = Targets::default();
        for permission in &self.request.permissions {
            let facets = permission.facets.clone().unwrap_or_default();
            let name = &permission.name;
            let (app, seq) = (&self.request.app_key, self.request.seq);
            if self.ledger.named_after(Direction::Deprovision, app, name, seq) {
                targets.lost.push((name.clone(), Lost::Superseded));
            } else if self.is_displaced(&facets) {
                targets.lost.push((name.clone(), Lost::Displaced));
            } else if !self.request.is_over(self.now) {
                targets.held.push(name.clone());
                targets.goal.hold.extend(facets);
            }
        }
        targets.contradicts = self.contradiction(&targets.goal.hold);
        if self.request.is_over(self.now) {
            // What turns out to have been applied after its time is over is released (rule 5).
            let own = &self.request.id;
            let given = self.ledger.changes_of(own).flat_map(|change| change.action.gives.clone());
            let invited = self.ledger.invitations_of(own).flat_map(|invitation| invitation.facets.clone());
            self.release(&mut targets.goal, given.chain(invited).collect());
        }
        targets
    }

    fn order(&self) -> Targets {
        let mut targets = Targets::default();
        let mut candidates = BTreeSet::new();
        for permission in &self.request.permissions {
            let held = self.earlier_holders().filter(|holder| holder.permission == permission.name);
            let mut held = held.map(|holder| &holder.facets).peekable();
            // Mapped since it was accepted: it is known now what to take.
            let mapped = permission.facets.as_ref().or_else(|| self.mapped_today(&permission.name));
            if mapped.is_none() && held.peek().is_none() {
                targets.unknown.push(permission.name.clone());
            }
            for facets in mapped.into_iter().chain(held) {
                let implied = self.planner.implied(facets);
                targets.named.extend(facets.difference(&implied).cloned());
                candidates.extend(implied.into_iter().filter(|facet| !self.was_there_before(facet)));
            }
        }
        candidates.extend(targets.named.iter().cloned());
        if self.request.all {
            candidates.extend(self.earlier_holders().flat_map(|holder| holder.facets.clone()));
            targets.baseless = candidates.is_empty();
        }
        self.release(&mut targets.goal, candidates);
        let removes = self.apps.get(&self.request.app_key).is_some_and(|policy| policy.remove_account);
        targets.goal.remove_account = self.request.all && removes && self.blocking().next().is_none();
        targets
    }

    /// Releases `candidates`, less what a blocking holder has; one-value slots go back (rule 14).
    fn release(&self, goal: &mut Goal, candidates: BTreeSet<Facet>) {
        goal.release = candidates.into_iter().filter(|facet| !self.is_blocked(facet)).collect();
        for (slot, arity) in self.slots {
            let Arity::One { baseline } = arity else { continue };
            let Some(current) = self.seen.and_then(|seen| seen.current.get(slot)) else { continue };
            let going = |value: &str| goal.release.contains(&Facet::new(slot, value));
            // What somebody else set meanwhile stays.
            if !going(current) {
                continue;
            }
            let holders = self.value_of_newest_blocking(slot);
            let former =
                if self.request.all { None } else { self.ledger.former.get(slot).cloned().flatten() };
            let back = holders.or(former.filter(|value| !going(value))).or_else(|| baseline.clone());
            match back {
                Some(value) if !going(&value) => {
                    goal.restore.insert(slot.clone(), value);
                }
                // Whoever has the baseline was given nothing: there is nothing to go back to.
                Some(value) if value == *current => {
                    goal.release.remove(&Facet::new(slot, current));
                }
                _ => {}
            }
        }
    }

    /// Whether somebody else had given what the permissions of an order only imply, before Usher gave anything: it is not taken along
    /// (promise 5). An order of everything takes it, whoever gave it (rule 13).
    fn was_there_before(&self, implied: &Facet) -> bool {
        let former = self.ledger.former.get(&implied.slot).and_then(Option::as_ref);
        !self.request.all && former == Some(&implied.value)
    }

    /// Whether a blocking holder keeps it. In a one-value slot that is the newest alone: the value of an older one has been displaced,
    /// and stands there by somebody else's approval.
    fn is_blocked(&self, facet: &Facet) -> bool {
        match self.slots.get(&facet.slot) {
            Some(Arity::One { .. }) => {
                self.value_of_newest_blocking(&facet.slot).as_ref() == Some(&facet.value)
            }
            _ => self.blocking().any(|holder| holder.facets.contains(facet)),
        }
    }

    fn value_of_newest_blocking(&self, slot: &str) -> Option<String> {
        self.blocking()
            .filter_map(|holder| {
                let facet = holder.facets.iter().find(|facet| facet.slot == slot)?;
                Some((holder.seq, facet.value.clone()))
            })
            .max()
            .map(|(_, value)| value)
    }

    /// Holders that keep their facets from this request.
    fn blocking(&self) -> impl Iterator<Item = &Holder> {
        self.ledger.holders.iter().filter(|holder| {
            self.ledger.blocks(holder, self.now)
                && self.is_configured(holder)
                && holder.request != self.request.id
                && !self.ends(holder)
        })
    }

    /// Whether this request is an order that names the holder. The ledger says so too, but for a dry run and a preview.
    fn ends(&self, holder: &Holder) -> bool {
        self.request.direction == Direction::Deprovision
            && holder.app == self.request.app_key
            && holder.seq < self.request.seq
            && (self.request.all || self.request.permissions.iter().any(|p| p.name == holder.permission))
    }

    fn mapped_today(&self, permission: &str) -> Option<&BTreeSet<Facet>> {
        self.apps.get(&self.request.app_key)?.permissions.get(permission)
    }

    /// A slot of one value of which `hold` has two.
    fn contradiction(&self, hold: &BTreeSet<Facet>) -> Option<String> {
        let holds_one = |slot: &&String| matches!(self.slots.get(*slot), Some(Arity::One { .. }));
        let many = |slot: &&String| hold.iter().filter(|facet| facet.slot == **slot).count() > 1;
        hold.iter().map(|facet| &facet.slot).filter(holds_one).find(many).cloned()
    }

    /// Holders that this order ends: of its app, and earlier.
    fn earlier_holders(&self) -> impl Iterator<Item = &Holder> {
        self.ledger
            .holders
            .iter()
            .filter(|holder| holder.app == self.request.app_key && holder.seq < self.request.seq)
    }

    /// Holders of permissions that are no longer configured block nobody (rule 29).
    fn is_configured(&self, holder: &Holder) -> bool {
        self.apps.get(&holder.app).is_some_and(|policy| policy.permissions.contains_key(&holder.permission))
    }

    /// Whether a later approval that stands has another value in a one-value slot of `facets`.
    fn is_displaced(&self, facets: &BTreeSet<Facet>) -> bool {
        let one = |facet: &&Facet| matches!(self.slots.get(&facet.slot), Some(Arity::One { .. }));
        let later: Vec<&Holder> = self
            .ledger
            .holders
            .iter()
            .filter(|holder| {
                holder.seq > self.request.seq
                    && self.ledger.is_live(holder, self.now)
                    && self.is_configured(holder)
            })
            .collect();
        facets.iter().filter(one).any(|facet| {
            let other = |held: &Facet| held.slot == facet.slot && held.value != facet.value;
            later.iter().any(|holder| holder.facets.iter().any(other))
        })
    }
}
