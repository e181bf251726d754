//! A vendor that does one of everything that vendors do: which of it, the explorer chooses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use usher_core::{
    Account, Action, Arity, Asked, Awaits, Capabilities, ConfigError, Facet, Goal, Handles, Hold, Known,
    Plan, Planner, Refusal, RefusalKind, Repeat, Slots, Snapshot, Subject, Watch, WatchState,
};

/// Of a changing call; after half a second more nobody waits for it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);
/// How long after an unanswered call it may still arrive.
pub(crate) const SETTLE: Duration = Duration::from_secs(15);

/// The wall clock, which goes with the monotonic one here.
pub(crate) fn wall(now: Duration) -> Timestamp {
    let epoch = Timestamp::from_second(1_795_000_000).unwrap();
    epoch + SignedDuration::try_from(now).unwrap()
}

/// What the person has at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) facets: BTreeSet<Facet>,
    /// Open invitations, and when each was made.
    pub(crate) invited: BTreeMap<Facet, Timestamp>,
    /// Invitations that the vendor lists as lapsed, and when each was made.
    pub(crate) lapsed: BTreeMap<Facet, Timestamp>,
}

/// A moment that is over, and that a stale reading may still show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Past {
    pub(crate) number: u32,
    pub(crate) held: Arc<Held>,
    /// When it was over.
    pub(crate) until: Duration,
}

/// A change whose call ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Late {
    pub(crate) action: Action,
    /// It arrives before this.
    pub(crate) before: Duration,
    /// Whether it arrives at all: nobody but the explorer knows.
    pub(crate) arrives: bool,
}

/// A change that was answered with a 202.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) action: Action,
    pub(crate) state: WatchState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Vendor {
    pub(crate) held: Arc<Held>,
    /// Counts the moments.
    pub(crate) number: u32,
    pub(crate) past: Vec<Past>,
    pub(crate) late: Vec<Late>,
    pub(crate) jobs: Vec<Job>,
    /// When each step last sent the person mail.
    pub(crate) mailed: BTreeMap<String, Duration>,
}

impl Vendor {
    pub(crate) fn new(facets: BTreeSet<Facet>) -> Self {
        let held = Arc::new(Held { facets, ..Held::default() });
        Self {
            held,
            number: 0,
            past: Vec::new(),
            late: Vec::new(),
            jobs: Vec::new(),
            mailed: BTreeMap::new(),
        }
    }

    /// A new moment begins.
    pub(crate) fn becomes(&mut self, held: Held, now: Duration) {
        let before = std::mem::replace(&mut self.held, Arc::new(held));
        self.past.push(Past { number: self.number, held: before, until: now });
        self.number += 1;
    }

    /// A change takes place. False: it changed nothing, so that it was made once too often.
    pub(crate) fn land(&mut self, action: &Action, now: Duration) -> bool {
        let mut held = (*self.held).clone();
        for facet in &action.takes {
            held.facets.remove(facet);
            held.invited.remove(facet);
        }
        for facet in &action.gives {
            if action.notifies_person {
                held.lapsed.remove(facet);
                held.invited.entry(facet.clone()).or_insert(wall(now));
                continue;
            }
            if facet.slot == "role" {
                held.facets.retain(|other| other.slot != facet.slot);
            }
            held.facets.insert(facet.clone());
        }
        // What lapsed meanwhile was there when its cancelling was planned.
        let is_moot = action.takes.iter().any(|facet| held.lapsed.contains_key(facet));
        let changed = held != *self.held;
        if changed {
            self.becomes(held, now);
        }
        changed || is_moot
    }

    /// The person gets mail. False: a second time within a day by the same step (rule 24).
    pub(crate) fn mails(&mut self, action: &Action, now: Duration) -> bool {
        let before = self.mailed.insert(action.name.clone(), now);
        // A day from the intent, which its arrival may follow by this much.
        let late = SETTLE + TIMEOUT + Duration::from_secs(1);
        before.is_none_or(|before| now.saturating_sub(before) + late >= Duration::from_secs(24 * 3600))
    }

    /// What may still arrive.
    pub(crate) fn is_at_work(&self, now: Duration) -> bool {
        self.late.iter().any(|late| now < late.before)
            || self.jobs.iter().any(|job| job.state == WatchState::Running)
    }

    /// The invitee accepts all that is open, or all of it lapses.
    pub(crate) fn invitee(&mut self, accepts: bool, now: Duration) {
        let mut held = (*self.held).clone();
        let open = std::mem::take(&mut held.invited);
        if accepts {
            held.facets.extend(open.into_keys());
        } else {
            held.lapsed.extend(open);
        }
        self.becomes(held, now);
    }
}

/// The connector's two halves, without the time that they take.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    slots: Slots,
    /// Teams are entered by invitation.
    pub(crate) invites: bool,
    /// It can tell with authority that somebody has neither an invitation nor access.
    pub(crate) vouches: bool,
    /// It never shows an open invitation.
    pub(crate) hides: bool,
    /// A team needs the role that its permission gives with it.
    pub(crate) implies: bool,
    /// How stale a reading may be.
    pub(crate) lag: Duration,
    /// What one more attempt does where nobody knows what came of the first.
    pub(crate) repeat: Repeat,
}

impl Connector {
    /// `role` holds one value (baseline `end-user`), `team` many.
    pub(crate) fn new() -> Self {
        let role = Arity::One { baseline: Some("end-user".to_owned()) };
        let slots = Slots::from([("role".to_owned(), role), ("team".to_owned(), Arity::Many)]);
        Self {
            slots,
            invites: false,
            vouches: false,
            hides: false,
            implies: false,
            lag: Duration::ZERO,
            repeat: Repeat::Natural,
        }
    }

    /// A reading of one moment, with the watches as they are now.
    pub(crate) fn observe(
        &self,
        held: &Held,
        vendor: &Vendor,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Snapshot {
        let mut facets: BTreeMap<Facet, Hold> =
            held.facets.iter().map(|facet| (facet.clone(), Hold::Present)).collect();
        for facet in of {
            facets.entry(facet.clone()).or_insert_with(|| self.shown(held, facet, known));
        }
        let watches = known.watches.iter().map(|watch| {
            let job = vendor.jobs.iter().find(|job| Some(job.number) == watch.args.as_u64());
            job.map_or(WatchState::Done, |job| job.state.clone())
        });
        let one = held.facets.iter().filter(|facet| facet.slot == "role");
        let is_there = !held.facets.is_empty();
        Snapshot {
            account: if is_there { Account::Found { id: None } } else { Account::Absent },
            current: one.map(|facet| (facet.slot.clone(), facet.value.clone())).collect(),
            facets,
            handles: Handles::new(),
            watches: watches.collect(),
            facts: Value::Null,
            lag: self.lag,
            evidence: Vec::new(),
        }
    }

    /// What is shown of a facet that the person does not have (rule 23).
    fn shown(&self, held: &Held, facet: &Facet, known: &Known) -> Hold {
        if held.invited.contains_key(facet) && !self.hides {
            return Hold::Pending { awaits: Awaits::Invitee, until: None };
        }
        let Some(known) = known.invited.filter(|_| self.invites && facet.slot == "team") else {
            return Hold::Absent;
        };
        let lapsed = held.lapsed.get(facet).is_some_and(|made| *made >= known);
        if self.vouches || lapsed { Hold::Absent } else { Hold::Unreadable }
    }

    fn action(&self, summary: String, gives: Option<Facet>, takes: Option<Facet>) -> Action {
        Action {
            name: summary.clone(),
            summary,
            gives: gives.into_iter().collect(),
            takes: takes.into_iter().collect(),
            repeat: self.repeat,
            timeout: TIMEOUT,
            settle: SETTLE,
            notifies_person: false,
            args: json!(null),
        }
    }
}

/// How to ask for the end of a 202.
pub(crate) fn watch(number: u64, action: &Action) -> Watch {
    Watch {
        facets: action.gives.clone(),
        args: json!(number),
        every: Duration::from_secs(5),
        within: Duration::from_secs(600),
    }
}

pub(crate) fn refusal() -> Refusal {
    Refusal::new(RefusalKind::Forbidden, "the vendor forbids it")
}

impl Planner for Connector {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn implied(&self, facets: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        let is_implied = self.implies && facets.iter().any(|facet| facet.slot == "team");
        facets.iter().filter(|facet| is_implied && facet.slot == "role").cloned().collect()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn tenant(&self) -> String {
        "acme".to_owned()
    }

    fn compile(&self, _: &str, _: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        Ok(BTreeSet::new())
    }

    fn plan(&self, _: &Subject, _: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        let mut plan = Plan::default();
        let wanting = |facet: &&Facet| !matches!(seen.hold(facet), Hold::Present | Hold::Pending { .. });
        for facet in goal.hold.iter().filter(wanting) {
            let old = seen.current.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
            let invites = self.invites && facet.slot == "team";
            let verb = if invites { "invite to" } else { "give" };
            let give = self.action(format!("{verb} {facet}"), Some(facet.clone()), old);
            plan.actions.push(Action { notifies_person: invites, ..give });
        }
        for facet in goal.release.iter().filter(|facet| *seen.hold(facet) != Hold::Absent) {
            let back = goal.restore.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
            plan.actions.push(self.action(format!("take {facet}"), back, Some(facet.clone())));
        }
        plan
    }
}
