//! Time that passes at once.
//!
//! Each test runs on a runtime of its own with tokio's time paused: whenever nothing can go on, time jumps to the next timer. So
//! polling for ten minutes and waiting for a lag cost nothing.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use usher_core::Clock;

/// Monotonic time is tokio's; wall time goes with it.
#[derive(Debug)]
pub(crate) struct PausedClock {
    start: Instant,
}

impl PausedClock {
    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.instant() - self.start).unwrap_or(SignedDuration::MAX);
        // 2026-11-24T09:00:00Z: what runs twice reads the same time.
        let base = Timestamp::constant(1_795_510_800, 0);
        base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}
