use std::collections::{BTreeSet, HashMap};
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use usher_core::{Call, Clock, Limiter, Permit, Priority};

/// Told to whoever waited in vain for another call's end, which nobody can foresee.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

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

/// Rate and concurrency limits by credential, kept in memory. Who waits goes by priority, then by arrival.
///
/// The rate is a GCRA: one moment that moves on with every permit. It is reckoned here, in the injected clock's time,
/// since what has to be told is how long the *n*th in a queue by priority would wait.
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
        let gate = Arc::new(Gate::new(self.settings));
        gates.insert(key.to_owned(), Arc::clone(&gate));
        gate
    }
}

#[async_trait]
impl Limiter for Limits {
    async fn permit(&self, key: &str, call: &Call) -> Result<Box<dyn Permit>, Duration> {
        let gate = self.gate(key);
        let ticket = Ticket::draw(&gate, call.priority).ok_or(UNKNOWN_WAIT)?;
        loop {
            let mut changed = pin!(gate.changed.notified());
            // From here on no change is missed, though the state is read first.
            changed.as_mut().enable();
            let wake = match gate.look(&ticket, self.clock.instant(), call.deadline) {
                Turn::Now => return Ok(Box::new(Leave { gate: Arc::clone(&gate) })),
                Turn::TooLate(wait) => return Err(wait),
                Turn::Wait(wake) => wake,
            };
            tokio::select! {
                () = changed => {}
                () = sleep_until(wake) => {}
            }
        }
    }
}

/// The limits of one key.
#[derive(Debug)]
struct Gate {
    settings: LimitSettings,
    /// Between two permits.
    interval: Duration,
    /// How far ahead of time permits may run, for the burst.
    tolerance: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the next permit would be due if they came evenly.
    due: Option<Instant>,
    running: usize,
    queue: BTreeSet<(Priority, u64)>,
    drawn: u64,
}

enum Turn {
    Now,
    TooLate(Duration),
    /// Until then, or until something changes.
    Wait(Instant),
}

impl Gate {
    fn new(settings: LimitSettings) -> Self {
        let interval = settings.per_minute.map_or(Duration::ZERO, |n| Duration::from_mins(1) / n.get());
        let tolerance = interval.saturating_mul(settings.burst.get() - 1);
        Self { settings, interval, tolerance, state: Mutex::default(), changed: Notify::new() }
    }

    /// Whose turn it is. Takes the permit if it is the ticket's.
    fn look(&self, ticket: &Ticket<'_>, now: Instant, deadline: Instant) -> Turn {
        let mut state = lock(&self.state);
        let before = state.queue.range(..ticket.place).count();
        let due = state.due.map_or(now, |due| due.max(now));
        let first = due.checked_sub(self.tolerance).map_or(now, |first| first.max(now));
        let behind = self.interval.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX));
        let mine = first.checked_add(behind);
        match mine {
            Some(mine) if mine <= deadline => {
                if before == 0 && mine <= now && state.running < self.settings.concurrency.get() {
                    state.running += 1;
                    state.due = due.checked_add(self.interval);
                    return Turn::Now;
                }
                if now >= deadline {
                    return Turn::TooLate(UNKNOWN_WAIT);
                }
                // Whoever is not first, or waits for a call to end, is woken by a change.
                Turn::Wait(if mine > now { mine } else { deadline })
            }
            Some(mine) => Turn::TooLate(mine.saturating_duration_since(now)),
            None => Turn::TooLate(Duration::MAX),
        }
    }
}

/// A place in the queue, given up when it is dropped, taken or not.
struct Ticket<'a> {
    gate: &'a Gate,
    place: (Priority, u64),
}

impl<'a> Ticket<'a> {
    /// A place behind all of the same priority; none if too many wait.
    fn draw(gate: &'a Gate, priority: Priority) -> Option<Self> {
        let mut state = lock(&gate.state);
        if state.queue.len() >= gate.settings.waiting.max(1) {
            return None;
        }
        state.drawn += 1;
        let place = (priority, state.drawn);
        state.queue.insert(place);
        let others_behind = state.queue.last() != Some(&place);
        drop(state);
        if others_behind {
            // Their turn has moved: it may be too late for some.
            gate.changed.notify_waiters();
        }
        Some(Self { gate, place })
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        lock(&self.gate.state).queue.remove(&self.place);
        self.gate.changed.notify_waiters();
    }
}

/// Leave for one call.
struct Leave {
    gate: Arc<Gate>,
}

impl Permit for Leave {}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut state = lock(&self.gate.state);
        state.running = state.running.saturating_sub(1);
        drop(state);
        self.gate.changed.notify_waiters();
    }
}

/// Nothing here can leave a state half changed, so that a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
