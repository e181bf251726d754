//! How much a vendor takes from one credential, and who gets it.
//!
//! **The rate** is a GCRA: one moment that moves on with every permit. It is reckoned here, in the injected clock's time, since what
//! has to be told is how long somebody would wait. **Calls under way** are counted.
//!
//! **Whole requests, not calls.** A request makes several calls: it reads, changes, and reads back. Where 5,000 come at once and calls
//! are served as they come, all of them read, and none gets its change through in time. So a call says to which request it belongs
//! ([`usher_core::Part`]), and a request begins only if the limit can serve *all* that it will probably need before its answer is due,
//! counting what those before it still need. Otherwise it is told at once when to come again, and the engine answers no at once and
//! goes on in the background. What a request needs is learned: the mean of what others took, up to the change and after it; at first,
//! and at the least, a reading, a change and a reading back.
//!
//! **Order.** Removals first, then what somebody waits for, then the rest. Within that, by when a call is of use at the latest: a
//! reading before a change must leave the time that a change needs (rule 16), a reading back only has to be in time for the answer; and
//! equals by the age of their request. That is why, with 12 s for an answer and 4 s for a change, readings back make room for the
//! changes of others up to the eighth second and then have the limit for themselves: beginning and finishing one request after another
//! would leave them with nothing to do in the last four seconds. Requests begin only as fast as their changes can follow, so that a
//! change waits about a second for its permit at the most. Where the plan does not hold (removals came in between, calls take longer,
//! the vendor throttles), the youngest that have not begun give way, at once.
//!
//! **Turned away** is not *come again at some time*: each has a place in a row of its own, one mean request after the other, behind all
//! that is under way and after the time of those who still wait for their answer; so they come back spread out, and a removal's row
//! does not wait for the grants'. Who is alone is never turned away for what a request probably needs, only where its next permit
//! surely comes too late.
//!
//! **The vendor's own limit.** Its word (a 429 with `Retry-After`) closes the gate for everybody with that credential until then, for
//! five minutes at the most; without a time there is a short pause, which grows. Afterwards permits come evenly, without a burst.
//!
//! **Nothing is left over.** A call that is given up leaves the queue; what is kept of a request goes with its last
//! [`usher_core::Way`]; reservations end with its attempt.

mod book;
mod gate;
mod meter;
mod ticket;

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use usher_core::{Call, Clock, LimitState, Limiter, Permit, Way};

use gate::Gate;

/// How much a vendor takes from one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Requests a minute, evenly spread; no such limit by default.
    pub per_minute: Option<NonZeroU32>,
    /// Requests that may go at once after a pause; 10 by default. A minute after a pause can have `burst - 1` more
    /// requests than `per_minute`.
    pub burst: NonZeroU32,
    /// Requests under way at the same time; 16 by default.
    pub concurrency: NonZeroUsize,
    /// Calls that may wait for leave; 1,000 by default. A further one is told to come later.
    pub waiting: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            per_minute: None,
            burst: NonZeroU32::MIN.saturating_add(9),
            concurrency: NonZeroUsize::MIN.saturating_add(15),
            waiting: 1_000,
        }
    }
}

/// Rate and concurrency limits by credential, kept in memory. Requests that could not be served in time are turned away at once, those
/// that can are served whole: removals first, then those that are awaited, then the rest.
#[derive(Debug)]
pub struct Limits {
    settings: LimitSettings,
    clock: Arc<dyn Clock>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

impl Limits {
    /// Limits that are the same for each key. Keys are kept for good: they come from the configuration.
    pub fn new(settings: LimitSettings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, gates: Mutex::default() }
    }

    fn gate(&self, key: &str) -> Arc<Gate> {
        let mut gates = lock(&self.gates);
        if let Some(gate) = gates.get(key) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate::new(self.settings, Arc::clone(&self.clock)));
        gates.insert(key.to_owned(), Arc::clone(&gate));
        gate
    }
}

#[async_trait]
impl Limiter for Limits {
    async fn permit(&self, key: &str, call: &Call) -> Result<Box<dyn Permit>, Duration> {
        let gate = self.gate(key);
        let asked = self.clock.instant();
        // Also where the call is given up while it waits.
        let _waiting = call.part.as_ref().map(|part| Waiting::from(&part.way, &*self.clock, asked));
        let ticket = gate.enter(call, asked)?;
        Ok(Box::new(ticket.wait().await?))
    }

    fn state(&self) -> Option<LimitState> {
        let gates: Vec<Arc<Gate>> = lock(&self.gates).values().cloned().collect();
        let sum = gates.iter().map(|gate| gate.state()).fold(LimitState::default(), |sum, one| LimitState {
            waiting: sum.waiting.saturating_add(one.waiting),
            under_way: sum.under_way.saturating_add(one.under_way),
            put_off: sum.put_off.saturating_add(one.put_off),
            closed_for: sum.closed_for.max(one.closed_for),
        });
        Some(sum)
    }
}

/// A call of a way that waits for leave, until it is dropped.
struct Waiting<'a> {
    way: &'a Way,
    clock: &'a dyn Clock,
}

impl<'a> Waiting<'a> {
    fn from(way: &'a Way, clock: &'a dyn Clock, now: Instant) -> Self {
        way.begin_wait(now);
        Self { way, clock }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.way.end_wait(self.clock.instant());
    }
}

/// Nothing here can leave a state half changed, so that a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
