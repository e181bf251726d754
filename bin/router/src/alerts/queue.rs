//! What waits to be sent to one receiver.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::message::Message;

/// Alerts that wait for one receiver at the most.
pub(super) const CAPACITY: usize = 1_000;
/// No pause before another attempt is longer where the receiver cannot be reached, or has trouble of its own…
const LONGEST_DOWN: Duration = Duration::from_secs(5 * 60);
/// …and where it does not take an alert, which is rarely better a minute later.
const LONGEST_REFUSED: Duration = Duration::from_secs(3600);

/// An alert that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) message: Message,
    /// When it was put in.
    pub(super) since: Instant,
    /// How often it was sent in vain.
    pub(super) tries: u32,
    not_before: Option<Instant>,
}

/// What to do now.
#[derive(Debug)]
pub(super) enum Next {
    Send(Box<Waiting>),
    /// Something is due then.
    At(Instant),
    Nothing,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// The one that is being sent.
    under_way: Option<String>,
    /// Nothing is sent before this: the receiver has trouble.
    not_before: Option<Instant>,
    /// How often in a row it had.
    troubles: u32,
}

/// Bounded, in the order of arrival; whoever puts something in never waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    added: Notify,
}

impl Queue {
    /// Puts an alert in, unless it waits already; gives it back where there is no room.
    pub(super) fn push(&self, message: Message, now: Instant) -> Result<(), Box<Message>> {
        let mut state = self.lock();
        let is_there = state.under_way.as_ref() == Some(&message.id)
            || state.waiting.iter().any(|waiting| waiting.message.id == message.id);
        if is_there {
            return Ok(());
        }
        if state.waiting.len() >= CAPACITY {
            return Err(Box::new(message));
        }
        state.waiting.push_back(Waiting { message, since: now, tries: 0, not_before: None });
        drop(state);
        self.added.notify_one();
        Ok(())
    }

    /// The first that is due, which counts as under way until [`Queue::over`] or [`Queue::again`].
    pub(super) fn next(&self, now: Instant) -> Next {
        let mut state = self.lock();
        if let Some(until) = state.not_before.filter(|until| *until > now && !state.waiting.is_empty()) {
            return Next::At(until);
        }
        let is_due = |waiting: &Waiting| waiting.not_before.is_none_or(|until| until <= now);
        if let Some(first) = state.waiting.iter().position(is_due)
            && let Some(waiting) = state.waiting.remove(first)
        {
            state.under_way = Some(waiting.message.id.clone());
            return Next::Send(Box::new(waiting));
        }
        let soonest = state.waiting.iter().filter_map(|waiting| waiting.not_before).min();
        soonest.map_or(Next::Nothing, Next::At)
    }

    /// The one under way is done with: it was taken, or is given up.
    pub(super) fn over(&self, taken: bool) {
        let mut state = self.lock();
        state.under_way = None;
        if taken {
            state.troubles = 0;
            state.not_before = None;
        }
    }

    /// The receiver does not take this one: others go first.
    pub(super) fn refused(&self, mut waiting: Waiting, now: Instant) {
        let mut state = self.lock();
        state.under_way = None;
        waiting.tries = waiting.tries.saturating_add(1);
        waiting.not_before = now.checked_add(pause(waiting.tries, LONGEST_REFUSED));
        state.waiting.push_back(waiting);
    }

    /// The receiver has trouble: nothing is sent for a while, which is its own word where it gives one. Returns how long.
    pub(super) fn down(&self, mut waiting: Waiting, after: Option<Duration>, now: Instant) -> Duration {
        let mut state = self.lock();
        state.under_way = None;
        state.troubles = state.troubles.saturating_add(1);
        let own = pause(state.troubles, LONGEST_DOWN);
        let pause = after.map_or(own, |after| after.max(own)).min(LONGEST_REFUSED);
        state.not_before = now.checked_add(pause);
        waiting.tries = waiting.tries.saturating_add(1);
        state.waiting.push_front(waiting);
        pause
    }

    /// Keeps only what may be sent at once and was not tried yet; how many were left out.
    pub(super) fn keep_fresh(&self, now: Instant) -> usize {
        let mut state = self.lock();
        let before = state.waiting.len();
        let is_down = state.not_before.is_some_and(|until| until > now);
        state.waiting.retain(|waiting| !is_down && waiting.tries == 0);
        before.saturating_sub(state.waiting.len())
    }

    /// Resolves once something was put in since the last time.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    pub(super) fn len(&self) -> usize {
        let state = self.lock();
        state.waiting.len().saturating_add(usize::from(state.under_way.is_some()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 1 s, 2 s, 4 s and so on. Without chance: there is one sender.
fn pause(tries: u32, longest: Duration) -> Duration {
    Duration::from_secs(1 << tries.saturating_sub(1).min(20)).min(longest)
}
