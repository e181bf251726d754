//! What callers of a gate hold: a place in its queue, leave for one call, and what it keeps of a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use usher_core::{Kept, Permit};

use super::gate::{Gate, Look, Place, Seat};

/// A place in the queue, given up when it is dropped.
pub(super) struct Ticket {
    pub(super) gate: Arc<Gate>,
    pub(super) place: Place,
    pub(super) seat: Arc<Seat>,
    /// Nothing has come of it yet.
    pub(super) open: bool,
}

impl Ticket {
    pub(super) async fn wait(mut self) -> Result<Leave, Duration> {
        loop {
            let now = self.gate.now();
            let wake = match self.gate.look(&self, now) {
                Look::Over(outcome) => {
                    self.open = false;
                    return outcome.map(|()| Leave { gate: self.gate.clone(), given: now, throttled: false });
                }
                Look::Wait(wake) => wake,
            };
            tokio::select! {
                () = self.seat.told() => {}
                () = sleep_until(wake) => {}
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        self.gate.leave(&self.place, &self.seat);
    }
}

/// Leave for one call.
#[derive(Debug)]
pub(super) struct Leave {
    gate: Arc<Gate>,
    given: Instant,
    throttled: bool,
}

impl Permit for Leave {
    fn throttled(&mut self, after: Option<Duration>) {
        self.throttled = true;
        self.gate.throttled(after);
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.gate.done(self.given, self.throttled);
    }
}

/// What the gate keeps of a way.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) gate: Arc<Gate>,
    pub(super) way: u64,
}

impl Kept for Keeper {
    fn rest(&self) {
        self.gate.rest(self.way);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.gate.forget(self.way);
    }
}
