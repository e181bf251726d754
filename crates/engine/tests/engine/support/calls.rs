//! The vendor as a connector sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use usher_core::{
    Account, Action, Arity, Asked, Call, Capabilities, ConfigError, Evidence, Facet, Fault, Goal, Health,
    Hold, Known, Plan, Planner, Provisioner, Receipt, Refusal, Remedy, Repeat, Sent, Slots, Snapshot,
    Subject, Watch, WatchState,
};

use super::vendor::{Applying, Observing, Vendor};

impl Planner for Vendor {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn implied(&self, facets: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        let is_implied = self.lock().implies && facets.iter().any(|facet| facet.slot == "team");
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
        let state = self.lock();
        assert!(!state.plan_panics, "a defect in the planner");
        let mut plan = Plan::default();
        let action = |summary: String, gives: BTreeSet<Facet>, takes: BTreeSet<Facet>| Action {
            name: summary.clone(),
            summary,
            gives,
            takes,
            repeat: state.repeat.unwrap_or(Repeat::Natural),
            timeout: Duration::from_secs(3),
            settle: Duration::from_secs(15),
            notifies_person: false,
            args: json!({}),
        };
        for facet in
            goal.hold.iter().filter(|facet| !matches!(seen.hold(facet), Hold::Present | Hold::Pending { .. }))
        {
            if let Some(refusal) = state.refusing.get(facet) {
                plan.refused.push((BTreeSet::from([facet.clone()]), refusal.clone()));
                continue;
            }
            let old = seen.current.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
            let invites = state.invites && facet.slot == "team";
            let verb = if invites { "invite to" } else { "give" };
            let gives = BTreeSet::from([facet.clone()]);
            let give = action(format!("{verb} {facet}"), gives, old.into_iter().collect());
            plan.actions.push(Action { notifies_person: invites, ..give });
        }
        for facet in goal.release.iter().filter(|facet| *seen.hold(facet) != Hold::Absent) {
            if let Some(refusal) = state.refusing.get(facet) {
                plan.refused.push((BTreeSet::from([facet.clone()]), refusal.clone()));
                continue;
            }
            let back = goal.restore.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
            let summary = match &back {
                Some(back) => format!("take {facet}, back to {back}"),
                None => format!("take {facet}"),
            };
            plan.actions.push(action(summary, back.into_iter().collect(), BTreeSet::from([facet.clone()])));
        }
        if goal.remove_account && matches!(seen.account, Account::Found { .. }) {
            let mut last = action("remove account".to_owned(), BTreeSet::new(), BTreeSet::new());
            last.name = "remove account".to_owned();
            plan.actions.push(last);
        }
        plan
    }
}

#[async_trait]
impl Provisioner for Vendor {
    async fn observe(
        &self,
        _: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        let script = {
            let mut state = self.lock();
            state.readings += 1;
            state.observing.pop_front()
        };
        match script {
            Some(Observing::Fails(fault)) => return Err(fault),
            Some(Observing::Takes(time)) => pass(time).await,
            Some(Observing::Panics) => panic!("a defect in the connector"),
            None => {}
        }
        let now = self.now();
        let state = self.lock();
        let held = state.people.get(&who.email).cloned().unwrap_or_default();
        let mut facets: BTreeMap<Facet, Hold> =
            held.iter().map(|facet| (facet.clone(), Hold::Present)).collect();
        for facet in of {
            let shown = || state.shown(&who.email, facet, known.invited);
            facets.entry(facet.clone()).or_insert_with(shown);
        }
        for (facet, awaits) in &state.pending {
            if held.contains(facet) {
                facets.insert(facet.clone(), Hold::Pending { awaits: *awaits, until: None });
            }
        }
        for facet in &state.unreadable {
            facets.insert(facet.clone(), Hold::Unreadable);
        }
        let one = |facet: &&Facet| matches!(self.slots.get(&facet.slot), Some(Arity::One { .. }));
        let watches = known.watches.iter().map(|watch| {
            let key = watch.args.get("watch").and_then(Value::as_str).unwrap_or_default();
            match state.watches.get(key) {
                Some((done, _)) if *done > now => WatchState::Running,
                Some((_, Some(refusal))) => WatchState::Failed(refusal.clone()),
                _ => WatchState::Done,
            }
        });
        let id = state.accounts.get(&who.email).filter(|_| state.people.contains_key(&who.email)).cloned();
        let account = match (&state.account, id) {
            (Some(account), _) => account.clone(),
            (None, Some(id)) => Account::Found { id: Some(id) },
            (None, None) => Account::Absent,
        };
        Ok(Snapshot {
            account,
            current: held.iter().filter(one).map(|facet| (facet.slot.clone(), facet.value.clone())).collect(),
            facets,
            handles: known.handles.clone(),
            watches: watches.collect(),
            facts: Value::Null,
            lag: state.lag,
            evidence: vec![Evidence {
                call: "GET /people/{email}".to_owned(),
                shows: "the person".to_owned(),
            }],
        })
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        asked: &Asked,
        _: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        let sent = asked.now;
        let script = {
            let mut state = self.lock();
            let script = state.applying.pop_front();
            if !matches!(script, Some(Applying::NotSent)) {
                state.calls.push(action.summary.clone());
                state.keys.push(call.idempotency_key.clone());
                state.priorities.push(call.priority);
            }
            script
        };
        self.arrived.notify_waiters();
        let fault = |sent, remedy| Err(Fault::new("change", sent, remedy));
        match script {
            None => self.land(&who.email, action, sent),
            Some(Applying::NotSent) => return fault(Sent::No, Remedy::Retry { after: None }),
            Some(Applying::Throttled(after)) => return fault(Sent::Yes, Remedy::Throttled { after }),
            Some(Applying::Refused(refusal)) => return fault(Sent::Yes, Remedy::Refused(refusal)),
            Some(Applying::Credential) => return fault(Sent::Yes, Remedy::Person),
            Some(Applying::Panics) => panic!("a defect in the connector"),
            Some(Applying::Lost { lands }) => {
                if let Some(after) = lands {
                    let (vendor, email, action) = (self.clone(), who.email.clone(), action.clone());
                    tokio::spawn(async move {
                        pass(after).await;
                        vendor.land(&email, &action, sent);
                    });
                }
                // A moment for what lands at once.
                tokio::task::yield_now().await;
                return fault(Sent::Maybe, Remedy::ReadBack);
            }
            Some(Applying::Held) => {
                self.release.notified().await;
                self.land(&who.email, action, sent);
            }
            Some(Applying::Accepted { after, fails, within }) => {
                return Ok(self.accept((who, sent), action, after, fails.as_ref(), within));
            }
        }
        let handles = BTreeMap::from([("id".to_owned(), format!("of {}", who.email.len()))]);
        Ok(Receipt { handles, watch: None })
    }

    async fn check(&self, _: &Call, _: &BTreeSet<Facet>) -> Result<Health, Fault> {
        Ok(Health::default())
    }
}

impl Vendor {
    fn accept(
        &self,
        (who, sent): (&Subject, jiff::Timestamp),
        action: &Action,
        after: Duration,
        fails: Option<&Refusal>,
        within: Duration,
    ) -> Receipt {
        let key = action.summary.clone();
        let done = self.now() + after;
        self.lock().watches.insert(key.clone(), (done, fails.cloned()));
        if fails.is_none() {
            let (vendor, email, action) = (self.clone(), who.email.clone(), action.clone());
            tokio::spawn(async move {
                pass(after).await;
                vendor.land(&email, &action, sent);
            });
        }
        let watch = Watch {
            facets: action.gives.clone(),
            args: json!({ "watch": key }),
            every: Duration::from_secs(1),
            within,
        };
        Receipt { handles: BTreeMap::new(), watch: Some(watch) }
    }

    #[expect(clippy::disallowed_methods, reason = "the vendor's own time, paused with the test's")]
    fn now(&self) -> tokio::time::Instant {
        tokio::time::Instant::now()
    }
}

#[expect(clippy::disallowed_methods, reason = "the vendor's own time, paused with the test's")]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
