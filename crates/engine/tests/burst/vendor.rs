//! A vendor with a rate limit, whose connector asks the real limiter for leave, call by call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;
use usher_core::{
    Account, Action, Arity, Asked, Call, Capabilities, Clock, ConfigError, Facet, Fault, Goal, Health, Hold,
    Known, Limiter, Permit, Plan, Planner, Priority, Provisioner, Receipt, Remedy, Repeat, Sent, Slots,
    Snapshot, Subject,
};

use crate::support::TestClock;

/// A call that reached the vendor.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) at: Instant,
    pub(crate) priority: Priority,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) teams: BTreeMap<String, BTreeSet<Facet>>,
    pub(crate) calls: Vec<Called>,
    pub(crate) effects: Vec<String>,
    /// Until then the vendor turns every call away.
    pub(crate) throttles: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) limits: Arc<dyn Limiter>,
    pub(crate) clock: Arc<TestClock>,
    /// How long a call takes.
    pub(crate) takes: Duration,
    /// Calls of one reading.
    pub(crate) calls_of_a_reading: usize,
    pub(crate) slots: Slots,
    pub(crate) state: Mutex<State>,
}

impl Vendor {
    pub(crate) fn new(
        limits: Arc<dyn Limiter>,
        clock: Arc<TestClock>,
        takes: Duration,
        reading: usize,
    ) -> Self {
        let slots = BTreeMap::from([("team".to_owned(), Arity::Many)]);
        Self { limits, clock, takes, calls_of_a_reading: reading, slots, state: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call, once there is leave for it.
    #[expect(clippy::disallowed_methods, reason = "the vendor's own time, paused with the test's")]
    async fn call(&self, call: &Call) -> Result<(), Fault> {
        let mut permit: Box<dyn Permit> = self.limits.permit("key", call).await.map_err(|after| {
            Fault::new("call", Sent::No, Remedy::Throttled { after: Some(after) }).because("our own limit")
        })?;
        let at = self.clock.instant();
        self.lock().calls.push(Called { at, priority: call.priority });
        tokio::time::sleep(self.takes).await;
        let until = self.lock().throttles.filter(|until| *until > at);
        if let Some(until) = until {
            let after = Some(until - self.clock.instant());
            permit.throttled(after);
            return Err(Fault::new("call", Sent::Yes, Remedy::Throttled { after }).because("429"));
        }
        Ok(())
    }
}

impl Planner for Vendor {
    fn slots(&self) -> &Slots {
        &self.slots
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
        let action = |summary: String, gives: BTreeSet<Facet>, takes: BTreeSet<Facet>| Action {
            name: summary.clone(),
            summary,
            gives,
            takes,
            repeat: Repeat::Natural,
            timeout: Duration::from_secs(3),
            settle: Duration::from_secs(15),
            notifies_person: false,
            args: json!({}),
        };
        let one = |facet: &Facet| BTreeSet::from([facet.clone()]);
        let wanting = goal.hold.iter().filter(|facet| *seen.hold(facet) != Hold::Present);
        let gives = wanting.map(|facet| action(format!("give {facet}"), one(facet), BTreeSet::new()));
        let there = goal.release.iter().filter(|facet| *seen.hold(facet) != Hold::Absent);
        let takes = there.map(|facet| action(format!("take {facet}"), BTreeSet::new(), one(facet)));
        Plan { actions: gives.chain(takes).collect(), ..Plan::default() }
    }
}

#[async_trait]
impl Provisioner for Vendor {
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        for _ in 0..self.calls_of_a_reading {
            self.call(call).await?;
        }
        let held = self.lock().teams.get(&who.email).cloned().unwrap_or_default();
        let shown = |facet: &Facet| if held.contains(facet) { Hold::Present } else { Hold::Absent };
        Ok(Snapshot {
            account: Account::Found { id: None },
            current: BTreeMap::new(),
            facets: of.iter().map(|facet| (facet.clone(), shown(facet))).collect(),
            handles: known.handles.clone(),
            watches: Vec::new(),
            facts: Value::Null,
            lag: Duration::ZERO,
            evidence: Vec::new(),
        })
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        _: &Asked,
        _: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        self.call(call).await?;
        let mut state = self.lock();
        let teams = state.teams.entry(who.email.clone()).or_default();
        teams.extend(action.gives.iter().cloned());
        teams.retain(|facet| !action.takes.contains(facet));
        state.effects.push(format!("{}: {}", who.email, action.summary));
        Ok(Receipt { handles: BTreeMap::new(), watch: None })
    }

    async fn check(&self, _: &Call, _: &BTreeSet<Facet>) -> Result<Health, Fault> {
        Ok(Health::default())
    }
}
