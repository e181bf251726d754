//! When permits come: the rate, the calls under way, and the vendor's own word.

use std::time::Duration;

use tokio::time::Instant;

use super::LimitSettings;

/// No vendor's word closes a gate for longer: it is tried again then.
const LONGEST_CLOSED: Duration = Duration::from_mins(5);
/// The first pause where the vendor names none; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// What the newest call counts for in the mean time of a call.
const NEWEST: f64 = 0.125;

#[derive(Debug)]
pub(super) struct Meter {
    /// Between two permits.
    interval: Duration,
    /// How far ahead of time permits may run, for the burst.
    tolerance: Duration,
    concurrency: usize,
    /// When the next permit would be due if they came evenly.
    due: Option<Instant>,
    running: usize,
    /// How long a permit is held, in seconds; unknown at first.
    hold: Option<f64>,
    /// Nothing is let through before, by the vendor's word.
    closed: Option<Instant>,
    /// Pauses in a row that the vendor did not name.
    pauses: u32,
}

impl Meter {
    pub(super) fn new(settings: LimitSettings) -> Self {
        let interval = settings.per_minute.map_or(Duration::ZERO, |n| Duration::from_mins(1) / n.get());
        Self {
            interval,
            tolerance: interval.saturating_mul(settings.burst.get() - 1),
            concurrency: settings.concurrency.get(),
            due: None,
            running: 0,
            hold: None,
            closed: None,
            pauses: 0,
        }
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn closed_for(&self, now: Instant) -> Duration {
        self.opens(now).saturating_duration_since(now)
    }

    pub(super) fn has_rate(&self) -> bool {
        !self.interval.is_zero()
    }

    /// Whether another call may be under way.
    pub(super) fn has_room(&self) -> bool {
        self.running < self.concurrency
    }

    fn free(&self) -> usize {
        self.concurrency.saturating_sub(self.running)
    }

    fn opens(&self, now: Instant) -> Instant {
        self.closed.map_or(now, |closed| closed.max(now))
    }

    fn next_due(&self, now: Instant) -> Instant {
        let opens = self.opens(now);
        self.due.map_or(opens, |due| due.max(opens))
    }

    /// Whether waiting saves up no more permits.
    pub(super) fn has_saved_all(&self, now: Instant) -> bool {
        self.next_due(now) <= now
    }

    /// When the rate gives a permit to whoever has `before` in front. `None`: not in this age.
    pub(super) fn permit_at(&self, before: usize, now: Instant) -> Option<Instant> {
        let behind = self.interval.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX));
        let at = self.next_due(now).checked_add(behind)?;
        let opens = self.opens(now);
        Some(at.checked_sub(self.tolerance).map_or(opens, |at| at.max(opens)))
    }

    /// How many permits can be given from now to `until`.
    pub(super) fn capacity(&self, until: Instant, now: Instant) -> f64 {
        let opens = self.opens(now);
        let Some(open_for) = until.checked_duration_since(opens) else { return 0.0 };
        let by_rate = if self.interval.is_zero() {
            f64::INFINITY
        } else {
            let late = self.next_due(now).saturating_duration_since(opens);
            let room = open_for.as_secs_f64() + self.tolerance.as_secs_f64() - late.as_secs_f64();
            // What is one in the books must not be lost in the last bit.
            ((room / self.interval.as_secs_f64()) + 1e-6 + 1.0).floor().max(0.0)
        };
        by_rate.min(self.by_calls(open_for))
    }

    /// How many calls can begin within a time, by how long they take.
    fn by_calls(&self, time: Duration) -> f64 {
        match self.hold {
            Some(hold) if hold > 0.0 => {
                self.free() as f64 + (time.as_secs_f64() / hold * self.concurrency as f64 + 1e-6).floor()
            }
            _ => f64::INFINITY,
        }
    }

    /// When so many permits will have been given.
    pub(super) fn given_at(&self, permits: f64, now: Instant) -> Instant {
        let far = Duration::from_hours(24);
        let rate = times(self.interval, permits).min(far);
        let queue = (permits - self.free() as f64).max(0.0);
        let calls = times(self.pace_of_calls(), queue).min(far);
        let by_rate = self.next_due(now).checked_add(rate).and_then(|at| at.checked_sub(self.tolerance));
        let by_calls = self.opens(now).checked_add(calls);
        by_rate.max(by_calls).map_or(now, |at| at.max(now))
    }

    /// Between two permits where a queue stands.
    pub(super) fn pace(&self) -> Duration {
        self.interval.max(self.pace_of_calls())
    }

    fn pace_of_calls(&self) -> Duration {
        let hold = self.hold.unwrap_or_default() / self.concurrency.max(1) as f64;
        Duration::try_from_secs_f64(hold).unwrap_or_default()
    }

    /// How long a call takes, as far as is known.
    pub(super) fn hold(&self) -> Duration {
        Duration::try_from_secs_f64(self.hold.unwrap_or_default()).unwrap_or_default()
    }

    /// A permit is given.
    pub(super) fn take(&mut self, now: Instant) {
        self.running = self.running.saturating_add(1);
        self.due = self.next_due(now).checked_add(self.interval);
    }

    /// A permit comes back unused.
    pub(super) fn give_back(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// A permit comes back.
    pub(super) fn done(&mut self, given: Instant, throttled: bool, now: Instant) {
        self.running = self.running.saturating_sub(1);
        let held = now.saturating_duration_since(given).as_secs_f64();
        self.hold = Some(self.hold.map_or(held, |mean| mean + (held - mean) * NEWEST));
        if !throttled && self.closed.is_none_or(|closed| given >= closed) {
            self.pauses = 0;
        }
    }

    /// The vendor's own limit is reached: nobody needs to try before that is over.
    pub(super) fn close(&mut self, after: Option<Duration>, now: Instant) {
        let is_closed = self.closed.is_some_and(|closed| closed > now);
        if is_closed && after.is_none() {
            // It was under way when another one was told so.
            return;
        }
        let growing = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.pauses.min(16)).unwrap_or(u32::MAX));
        let pause = after.unwrap_or(growing.min(LONGEST_PAUSE)).min(LONGEST_CLOSED);
        let Some(until) = now.checked_add(pause) else { return };
        if after.is_none() {
            self.pauses = self.pauses.saturating_add(1);
        }
        let closed = self.closed.map_or(until, |closed| closed.max(until));
        self.closed = Some(closed);
        // Then evenly: what was saved up for a burst the vendor has not seen the same way.
        let evenly = closed.checked_add(self.tolerance);
        self.due = self.due.max(evenly);
    }
}

fn times(duration: Duration, number: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * number).unwrap_or(Duration::from_hours(24))
}
