use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use usher_core::{Clock, SystemClock};

/// A clock that stands until it is moved, and tells how often it was looked at.
#[derive(Debug)]
pub(crate) struct HandClock {
    start: Instant,
    passed: Mutex<Duration>,
    looks: watch::Sender<u64>,
}

impl HandClock {
    pub(crate) fn new() -> Self {
        Self { start: SystemClock.instant(), passed: Mutex::default(), looks: watch::Sender::new(0) }
    }

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    pub(crate) fn pass(&self, duration: Duration) {
        *self.passed.lock().unwrap() += duration;
    }

    /// How often the monotonic time was asked for.
    pub(crate) fn looks(&self) -> u64 {
        *self.looks.borrow()
    }

    /// Waits until it was asked for once more than `before`.
    pub(crate) async fn looked_at_since(&self, before: u64) {
        self.looks.subscribe().wait_for(|looks| *looks > before).await.unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    fn instant(&self) -> Instant {
        let now = self.start + *self.passed.lock().unwrap();
        self.looks.send_modify(|looks| *looks += 1);
        now
    }
}
