//! Time of a history: one monotonic clock over all its processes, and a wall clock that can be set.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use usher_core::Clock;

#[derive(Debug, Default)]
struct State {
    /// When this process began, since the history did.
    base: Duration,
    started: Option<Instant>,
    offset: SignedDuration,
    /// By how much the wall clock was set altogether, in either direction.
    jumped: Duration,
    /// The latest that the wall clock ever showed.
    latest: Option<Timestamp>,
}

/// Each process has a runtime of its own, and tokio's paused time with it: this one goes on from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Time {
    state: Mutex<State>,
}

impl Time {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Called inside the runtime of a new process.
    pub(crate) fn process_starts(&self) {
        self.lock().started = Some(monotonic());
    }

    /// Called inside the runtime of the process that is about to end.
    pub(crate) fn process_ends(&self) {
        let now = self.now();
        let mut state = self.lock();
        state.base = now;
        state.started = None;
    }

    /// Nothing runs for a while.
    pub(crate) fn skip(&self, time: Duration) {
        self.lock().base += time;
    }

    /// Since the history began.
    pub(crate) fn now(&self) -> Duration {
        let state = self.lock();
        state.base + state.started.map_or(Duration::ZERO, |started| monotonic() - started)
    }

    /// The wall clock is set.
    pub(crate) fn step(&self, by: SignedDuration) {
        self.latest_wall();
        let mut state = self.lock();
        state.offset += by;
        state.jumped += by.unsigned_abs();
    }

    /// By how much the wall clock was set so far, in either direction.
    pub(crate) fn jumped(&self) -> Duration {
        self.lock().jumped
    }

    /// The latest that the wall clock has shown so far.
    pub(crate) fn latest_wall(&self) -> Timestamp {
        let wall = self.wall();
        let mut state = self.lock();
        let latest = state.latest.map_or(wall, |latest| latest.max(wall));
        state.latest = Some(latest);
        latest
    }

    pub(crate) fn wall(&self) -> Timestamp {
        let now = SignedDuration::try_from(self.now()).unwrap();
        let began: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        began + now + self.lock().offset
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.wall()
    }

    fn instant(&self) -> Instant {
        monotonic()
    }
}

#[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
fn monotonic() -> Instant {
    Instant::now()
}

/// Lets time pass, with all that happens in it.
#[expect(clippy::disallowed_methods, reason = "paused time: it advances when everybody waits")]
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
