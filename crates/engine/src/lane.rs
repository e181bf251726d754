//! One request of a subject at a time, in the order of acceptance (rule 8).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, oneshot};
use usher_core::SubjectKey;

/// A person at a connection.
pub(crate) type Place = (String, SubjectKey);

/// The lanes of all subjects that are busy now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    lanes: Arc<Mutex<HashMap<Place, Lane>>>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Held while a request is accepted, so that it enters its lane in the order of acceptance.
    gate: Arc<AsyncMutex<()>>,
    busy: bool,
    /// By sequence; the second number tells apart what has none of its own.
    waiting: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    entered: u64,
    /// Gates handed out and places taken: at zero the lane is forgotten.
    users: usize,
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Lane>> {
        // Nothing below panics between two changes of a lane.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gate of a subject. Whoever holds its lock accepts, and enters the lane before giving it back.
    pub(crate) fn gate(&self, place: &Place) -> Gate {
        let mut lanes = self.lock();
        let lane = lanes.entry(place.clone()).or_default();
        lane.users = lane.users.saturating_add(1);
        Gate { lock: lane.gate.clone(), lanes: self.clone(), place: place.clone() }
    }

    /// Whether nobody is at the subject, nor waits.
    pub(crate) fn is_idle(&self, place: &Place) -> bool {
        self.lock().get(place).is_none_or(|lane| !lane.busy && lane.waiting.is_empty())
    }

    /// Whether nobody is at any subject.
    pub(crate) fn are_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Enters the lane. The lowest sequence goes first.
    pub(crate) fn enter(&self, place: &Place, seq: u64) -> Ticket {
        let mut lanes = self.lock();
        let lane = lanes.entry(place.clone()).or_default();
        lane.users = lane.users.saturating_add(1);
        lane.entered = lane.entered.wrapping_add(1);
        let key = (seq, lane.entered);
        let (sender, called) = oneshot::channel();
        if lane.busy {
            lane.waiting.insert(key, sender);
            Ticket { key, called: Some(called), lanes: self.clone(), place: place.clone(), has_turn: false }
        } else {
            lane.busy = true;
            Ticket { key, called: None, lanes: self.clone(), place: place.clone(), has_turn: true }
        }
    }

    fn leave(&self, place: &Place) {
        let mut lanes = self.lock();
        if let Some(lane) = lanes.get_mut(place) {
            lane.users = lane.users.saturating_sub(1);
            if lane.users == 0 {
                lanes.remove(place);
            }
        }
    }

    fn pass_on(&self, place: &Place) {
        let mut lanes = self.lock();
        let Some(lane) = lanes.get_mut(place) else { return };
        lane.busy = false;
        while let Some((_, next)) = lane.waiting.pop_first() {
            // Whoever has given up meanwhile is passed over.
            if next.send(()).is_ok() {
                lane.busy = true;
                break;
            }
        }
    }
}

/// The right to ask for a subject's gate.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) lock: Arc<AsyncMutex<()>>,
    lanes: Lanes,
    place: Place,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.lanes.leave(&self.place);
    }
}

/// A place in a lane; the turn itself once [`Ticket::turn`] has returned. Dropping it passes the turn on.
#[derive(Debug)]
pub(crate) struct Ticket {
    key: (u64, u64),
    called: Option<oneshot::Receiver<()>>,
    lanes: Lanes,
    place: Place,
    has_turn: bool,
}

impl Ticket {
    /// Waits for the turn. May be dropped and called again.
    pub(crate) async fn turn(&mut self) {
        if self.has_turn {
            return;
        }
        if let Some(called) = &mut self.called {
            // The sender is dropped only with the lane, which this ticket keeps alive.
            let _sender_is_kept = called.await;
        }
        self.called = None;
        self.has_turn = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let called = self.called.as_mut().is_some_and(|called| called.try_recv().is_ok());
        if self.has_turn || called {
            self.lanes.pass_on(&self.place);
        } else if let Some(lane) = self.lanes.lock().get_mut(&self.place) {
            lane.waiting.remove(&self.key);
        }
        self.lanes.leave(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn place() -> Place {
        ("zendesk".to_owned(), SubjectKey::of("ada@example.com"))
    }

    #[tokio::test]
    async fn rule_08_requests_of_one_subject_run_one_at_a_time_in_the_order_of_acceptance() {
        let lanes = Lanes::default();
        let mut first = lanes.enter(&place(), 1);
        let mut third = lanes.enter(&place(), 3);
        let mut second = lanes.enter(&place(), 2);
        first.turn().await;
        assert!(second.turn().now_or_never().is_none(), "the first one is at it");
        drop(first);
        assert!(third.turn().now_or_never().is_none(), "the second one comes before the third");
        second.turn().await;
        drop(second);
        third.turn().await;
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_does_not_keep_the_turn_from_others() {
        let lanes = Lanes::default();
        let first = lanes.enter(&place(), 1);
        let second = lanes.enter(&place(), 2);
        let mut third = lanes.enter(&place(), 3);
        drop(first);
        drop(second);
        third.turn().await;
        drop(third);
        assert!(lanes.lock().is_empty(), "a lane that nobody uses is forgotten");
    }
}
