//! A vendor that does as it is told: people hold values in slots; faults are scripted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;
use usher_core::{
    Account, Action, Arity, Asked, Call, ConfigError, Evidence, Facet, Fault, Goal, Health, Hold, Known,
    Plan, Planner, Provisioner, Receipt, Refusal, Remedy, Repeat, Sent, Slots, Snapshot, Subject, Watch,
    WatchState,
};

/// What a changing call comes to. Without a script it is done and answered.
#[derive(Clone, Debug)]
pub(crate) enum Applying {
    /// No connection could be made.
    NotSent,
    /// 429.
    Throttled(Option<Duration>),
    /// No answer; the change lands after a time, or never.
    Lost { lands: Option<Duration> },
    /// A definite no.
    Refused(Refusal),
    /// 401.
    Credential,
    /// 202: done after a time, or given up.
    Accepted { after: Duration, fails: Option<Refusal>, within: Duration },
    /// Answered only when released ([`Vendor::release`]).
    Held,
    /// A defect in the connector.
    Panics,
}

/// What a reading comes to. Without a script it shows what is so.
#[derive(Clone, Debug)]
pub(crate) enum Observing {
    Fails(Fault),
    Takes(Duration),
    Panics,
}

#[derive(Debug, Default)]
struct State {
    people: BTreeMap<String, BTreeSet<Facet>>,
    accounts: BTreeMap<String, String>,
    applying: VecDeque<Applying>,
    observing: VecDeque<Observing>,
    /// Every changing call that reached the vendor.
    calls: Vec<String>,
    /// Every change that took place.
    effects: Vec<String>,
    readings: usize,
    refusing: BTreeMap<Facet, Refusal>,
    unreadable: BTreeSet<Facet>,
    repeat: Option<Repeat>,
    lag: Duration,
    watches: BTreeMap<String, (tokio::time::Instant, Option<Refusal>)>,
    account: Option<Account>,
    keys: Vec<Option<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    state: Arc<Mutex<State>>,
    slots: Slots,
    release: Arc<Notify>,
    arrived: Arc<Notify>,
}

impl Vendor {
    /// `role` holds one value (baseline `end-user`), `team` many.
    pub(crate) fn new() -> Self {
        let mut slots = Slots::new();
        slots.insert("role".to_owned(), Arity::One { baseline: Some("end-user".to_owned()) });
        slots.insert("team".to_owned(), Arity::Many);
        Self { state: Arc::default(), slots, release: Arc::default(), arrived: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn gives(&self, email: &str, slot: &str, value: &str) -> &Self {
        put(&mut self.lock(), email, &Facet::new(slot, value), &self.slots);
        self
    }

    pub(crate) fn takes(&self, email: &str, slot: &str, value: &str) -> &Self {
        self.lock().people.entry(email.to_owned()).or_default().remove(&Facet::new(slot, value));
        self
    }

    /// The next changing calls come to these.
    pub(crate) fn will(&self, script: impl IntoIterator<Item = Applying>) -> &Self {
        self.lock().applying.extend(script);
        self
    }

    /// The next readings come to these.
    pub(crate) fn will_show(&self, script: impl IntoIterator<Item = Observing>) -> &Self {
        self.lock().observing.extend(script);
        self
    }

    pub(crate) fn refuses(&self, slot: &str, value: &str, refusal: Refusal) -> &Self {
        self.lock().refusing.insert(Facet::new(slot, value), refusal);
        self
    }

    pub(crate) fn hides(&self, slot: &str, value: &str) -> &Self {
        self.lock().unreadable.insert(Facet::new(slot, value));
        self
    }

    pub(crate) fn repeats(&self, repeat: Repeat) -> &Self {
        self.lock().repeat = Some(repeat);
        self
    }

    pub(crate) fn lags(&self, lag: Duration) -> &Self {
        self.lock().lag = lag;
        self
    }

    /// Whatever is read shows this account.
    pub(crate) fn shows_account(&self, account: Account) -> &Self {
        self.lock().account = Some(account);
        self
    }

    /// Lets a held call be answered.
    pub(crate) fn release(&self) {
        self.release.notify_one();
    }

    /// Returns once `count` changing calls have arrived.
    pub(crate) async fn arrival(&self, count: usize) {
        loop {
            let arrived = self.arrived.notified();
            if self.calls().len() >= count {
                return;
            }
            arrived.await;
        }
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    pub(crate) fn effects(&self) -> Vec<String> {
        self.lock().effects.clone()
    }

    pub(crate) fn keys(&self) -> Vec<Option<String>> {
        self.lock().keys.clone()
    }

    pub(crate) fn readings(&self) -> usize {
        self.lock().readings
    }

    /// What a person holds: `role agent, team a`.
    pub(crate) fn held(&self, email: &str) -> String {
        let state = self.lock();
        let held = state.people.get(email).into_iter().flatten().map(ToString::to_string);
        held.collect::<Vec<_>>().join(", ")
    }

    fn land(&self, email: &str, action: &Action) {
        let mut state = self.lock();
        let before = state.people.get(email).cloned();
        for facet in &action.takes {
            state.people.entry(email.to_owned()).or_default().remove(facet);
        }
        for facet in &action.gives {
            put(&mut state, email, facet, &self.slots);
        }
        if action.name == "remove account" {
            state.people.remove(email);
        }
        if state.people.get(email).cloned() != before {
            state.effects.push(action.summary.clone());
        }
    }
}

fn put(state: &mut State, email: &str, facet: &Facet, slots: &Slots) {
    let held = state.people.entry(email.to_owned()).or_default();
    if matches!(slots.get(&facet.slot), Some(Arity::One { .. })) {
        held.retain(|other| other.slot != facet.slot);
    }
    held.insert(facet.clone());
    let next = format!("id-{}", state.accounts.len() + 1);
    state.accounts.entry(email.to_owned()).or_insert(next);
}

impl Planner for Vendor {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn tenant(&self) -> String {
        "acme".to_owned()
    }

    fn compile(&self, _: &str, _: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        Ok(BTreeSet::new())
    }

    fn plan(&self, _: &Subject, _: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        let state = self.lock();
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
            plan.actions.push(action(
                format!("give {facet}"),
                BTreeSet::from([facet.clone()]),
                old.into_iter().collect(),
            ));
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
            facets.entry(facet.clone()).or_insert(Hold::Absent);
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
        _: &Asked,
        _: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        let script = {
            let mut state = self.lock();
            let script = state.applying.pop_front();
            if !matches!(script, Some(Applying::NotSent)) {
                state.calls.push(action.summary.clone());
                state.keys.push(call.idempotency_key.clone());
            }
            script
        };
        self.arrived.notify_waiters();
        let fault = |sent, remedy| Err(Fault::new("change", sent, remedy));
        match script {
            None => self.land(&who.email, action),
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
                        vendor.land(&email, &action);
                    });
                }
                // A moment for what lands at once.
                tokio::task::yield_now().await;
                return fault(Sent::Maybe, Remedy::ReadBack);
            }
            Some(Applying::Held) => {
                self.release.notified().await;
                self.land(&who.email, action);
            }
            Some(Applying::Accepted { after, fails, within }) => {
                return Ok(self.accept(who, action, after, fails, within));
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
        who: &Subject,
        action: &Action,
        after: Duration,
        fails: Option<Refusal>,
        within: Duration,
    ) -> Receipt {
        let key = action.summary.clone();
        let done = self.now() + after;
        self.lock().watches.insert(key.clone(), (done, fails.clone()));
        if fails.is_none() {
            let (vendor, email, action) = (self.clone(), who.email.clone(), action.clone());
            tokio::spawn(async move {
                pass(after).await;
                vendor.land(&email, &action);
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
