//! A vendor that does as it is told: people hold values in slots; faults are scripted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::invitations::{Invitation, invite};
use tokio::sync::Notify;
use usher_core::{Account, Action, Arity, Awaits, Facet, Fault, Priority, Refusal, Repeat, Slots};

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
pub(super) struct State {
    pub(super) people: BTreeMap<String, BTreeSet<Facet>>,
    pub(super) accounts: BTreeMap<String, String>,
    pub(super) applying: VecDeque<Applying>,
    pub(super) observing: VecDeque<Observing>,
    /// Every changing call that reached the vendor.
    pub(super) calls: Vec<String>,
    /// Every change that took place.
    pub(super) effects: Vec<String>,
    pub(super) readings: usize,
    pub(super) refusing: BTreeMap<Facet, Refusal>,
    pub(super) unreadable: BTreeSet<Facet>,
    pub(super) pending: BTreeMap<Facet, Awaits>,
    pub(super) plan_panics: bool,
    pub(super) forgets: bool,
    pub(super) implies: bool,
    pub(super) repeat: Option<Repeat>,
    pub(super) lag: Duration,
    pub(super) watches: BTreeMap<String, (tokio::time::Instant, Option<Refusal>)>,
    pub(super) account: Option<Account>,
    pub(super) invites: bool,
    pub(super) vouches: bool,
    pub(super) invitations: Vec<Invitation>,
    pub(super) made: Vec<(String, String, jiff::Timestamp)>,
    pub(super) keys: Vec<Option<String>>,
    pub(super) priorities: Vec<Priority>,
}

#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    state: Arc<Mutex<State>>,
    pub(super) slots: Slots,
    pub(super) release: Arc<Notify>,
    pub(super) arrived: Arc<Notify>,
}

impl Vendor {
    /// `role` holds one value (baseline `end-user`), `team` many.
    pub(crate) fn new() -> Self {
        let mut slots = Slots::new();
        slots.insert("role".to_owned(), Arity::One { baseline: Some("end-user".to_owned()) });
        slots.insert("team".to_owned(), Arity::Many);
        Self { state: Arc::default(), slots, release: Arc::default(), arrived: Arc::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
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

    /// A team needs the role that its permission gives with it.
    pub(crate) fn implies(&self) -> &Self {
        self.lock().implies = true;
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

    /// What is held of this is shown as on its way only.
    pub(crate) fn shows_pending(&self, slot: &str, value: &str, awaits: Awaits) -> &Self {
        self.lock().pending.insert(Facet::new(slot, value), awaits);
        self
    }

    pub(crate) fn shows_again(&self) -> &Self {
        let mut state = self.lock();
        state.unreadable.clear();
        state.pending.clear();
        state.account = None;
        drop(state);
        self
    }

    /// The connector's pure half has a defect.
    pub(crate) fn breaks_planning(&self, breaks: bool) -> &Self {
        self.lock().plan_panics = breaks;
        self
    }

    /// Changes are answered well, and nothing comes of them.
    pub(crate) fn forgets(&self, forgets: bool) -> &Self {
        self.lock().forgets = forgets;
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

    /// What is scripted and has not come yet does not come any more.
    pub(crate) fn heals(&self) {
        let mut state = self.lock();
        state.applying.clear();
        state.observing.clear();
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

    /// Of the changing calls.
    pub(crate) fn priorities(&self) -> Vec<Priority> {
        self.lock().priorities.clone()
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

    pub(super) fn land(&self, email: &str, action: &Action, sent: jiff::Timestamp) {
        let mut state = self.lock();
        if state.forgets {
            return;
        }
        let before = state.people.get(email).cloned();
        for facet in &action.takes {
            state.people.entry(email.to_owned()).or_default().remove(facet);
            if state.cancel(email, facet) {
                state.effects.push(action.summary.clone());
            }
        }
        if action.notifies_person {
            for facet in &action.gives {
                if invite(&mut state, email, facet, sent) {
                    state.effects.push(action.summary.clone());
                }
            }
            return;
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
