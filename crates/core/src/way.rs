//! A request's way to a vendor: what a limiter has to know of the calls that belong together.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The number of the next way. Ways are told apart within the process only.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One request's way to a vendor, over all its calls and attempts. A clone is the same way.
///
/// A limiter that serves calls one by one, in the order in which they come, begins all requests of a burst and finishes none in
/// time: it has to know which calls belong together. What it keeps of a way goes with the way's last clone.
#[derive(Clone)]
pub struct Way(Arc<Shared>);

struct Shared {
    number: u64,
    /// Nanoseconds.
    waited: AtomicU64,
    kept: Mutex<Vec<Box<dyn Kept>>>,
}

/// What a limiter keeps of a way; it is dropped with it.
pub trait Kept: fmt::Debug + Send + Sync {
    /// The way's attempt is over, or sleeps without its turn: what was reserved for it is free.
    fn rest(&self);
}

impl Way {
    /// A new way, younger than all others.
    #[must_use]
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Shared { number, waited: AtomicU64::new(0), kept: Mutex::default() }))
    }

    /// Its number: the lower, the older.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Binds to the way what a limiter keeps of it.
    pub fn keep(&self, kept: Box<dyn Kept>) {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }

    /// The attempt is over, or sleeps without its turn: nothing is reserved for it any more.
    pub fn rest(&self) {
        for kept in self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            kept.rest();
        }
    }

    /// Adds to the time that its calls have waited for leave.
    pub fn add_wait(&self, wait: Duration) {
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.0.waited.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How long its calls have waited for leave, in sum: no time of the vendor's.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.0.waited.load(Ordering::Relaxed))
    }
}

impl Default for Way {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Way").field(&self.0.number).finish()
    }
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        self.0.number == other.0.number
    }
}

impl Eq for Way {}

/// What a call is in its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The request's way.
    pub way: Way,
    /// By when the request has to be answered; `None`: nobody waits.
    pub answer_by: Option<Instant>,
    /// What has to be left of that time for a change to begin (rule 16).
    pub reserve: Duration,
    /// Whether a change may be still to come, or is this call; `false`: it only reads back.
    pub changes_ahead: bool,
}
