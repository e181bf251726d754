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
    waits: Mutex<Waits>,
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
        Self(Arc::new(Shared { number, waits: Mutex::default(), kept: Mutex::default() }))
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

    /// One of its calls waits for leave from now on, until [`Self::end_wait`].
    pub fn begin_wait(&self, now: Instant) {
        let mut waits = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if waits.waiting == 0 {
            waits.since = Some(now);
        }
        waits.waiting = waits.waiting.saturating_add(1);
    }

    /// One of its calls waits no longer.
    pub fn end_wait(&self, now: Instant) {
        let mut waits = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.waiting = waits.waiting.saturating_sub(1);
        if waits.waiting == 0 {
            waits.over = waits.so_far(now);
            waits.since = None;
        }
    }

    /// For how long some of its calls have waited for leave: no time of the vendor's. What waits at the same time counts once.
    #[must_use]
    pub fn waited(&self, now: Instant) -> Duration {
        self.0.waits.lock().unwrap_or_else(PoisonError::into_inner).so_far(now)
    }
}

/// When calls waited for leave.
#[derive(Default)]
struct Waits {
    waiting: u32,
    /// The first of those that wait now began.
    since: Option<Instant>,
    over: Duration,
}

impl Waits {
    fn so_far(&self, now: Instant) -> Duration {
        let open = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.over.saturating_add(open)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, SystemClock};

    #[test]
    fn what_waits_at_the_same_time_counts_once_and_what_still_waits_counts_too() {
        let (way, start) = (Way::new(), SystemClock.instant());
        let at = |seconds| start + Duration::from_secs(seconds);
        way.begin_wait(at(0));
        way.begin_wait(at(1));
        assert_eq!(way.waited(at(2)), Duration::from_secs(2));
        way.end_wait(at(2));
        way.end_wait(at(3));
        assert_eq!(way.waited(at(9)), Duration::from_secs(3));
        way.begin_wait(at(9));
        assert_eq!(way.waited(at(10)), Duration::from_secs(4));
    }
}
