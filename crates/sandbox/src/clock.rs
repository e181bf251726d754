//! The one clock of the sandbox: real time by default, and movable, so that a test need not wait for a minute's window.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Says how much time has passed since the sandbox began, and what the calendar shows.
///
/// Everything in the sandbox that has to do with time (rate windows, search lag, token lifetimes, delays, late
/// effects) is measured on it. [`Clock::advance`] moves it forward at once and wakes whatever waits on it.
#[derive(Clone)]
pub struct Clock {
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
    began: Timestamp,
    ahead: Arc<watch::Sender<Duration>>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).field("began", &self.began).finish()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

impl Clock {
    /// Real time, counted from this call.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is the outer world, whose time is real; all of it is read here"
    )]
    pub fn real() -> Self {
        let began = std::time::Instant::now();
        Self::from_fn(move || began.elapsed(), Timestamp::now())
    }

    /// A clock that a test drives: `elapsed` says how much time has passed since `began`, and never goes back.
    pub fn from_fn(elapsed: impl Fn() -> Duration + Send + Sync + 'static, began: Timestamp) -> Self {
        Self { elapsed: Arc::new(elapsed), began, ahead: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }

    /// Time since the clock began, with all that it was moved forward.
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.elapsed)().saturating_add(*self.ahead.borrow())
    }

    /// The calendar's time; stays at its last representable moment when moved beyond that.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        SignedDuration::try_from(self.now())
            .ok()
            .and_then(|passed| self.began.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward, and wakes whatever waits on it.
    pub fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(by));
    }

    /// Returns once the clock shows `until`.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is the outer world: its delays are real time")]
    pub(crate) async fn sleep_until(&self, until: Duration) {
        let mut moved = self.ahead.subscribe();
        loop {
            let left = until.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // The sender lives in `self`, so this ends with a move only.
                _ = moved.changed() => {}
            }
        }
    }

    /// Returns once `length` has passed on this clock.
    pub(crate) async fn sleep(&self, length: Duration) {
        self.sleep_until(self.now().saturating_add(length)).await;
    }
}
