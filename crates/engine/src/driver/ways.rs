//! What a limiter is told of a request, so that requests are served whole (see `usher_core::Part`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use usher_core::{Direction, Part, Way};

use crate::Limits;

/// What calls to each connection took of late.
#[derive(Debug, Default)]
pub(crate) struct Habits(Mutex<BTreeMap<String, Habit>>);

#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    /// A change's time-out.
    timeout: Duration,
    reading: Duration,
}

impl Habits {
    /// What has to be left for a change, as rule 16 will reckon it once the change is known. At most half of the time for an answer: one
    /// slow reading must not turn away everybody else.
    fn reserve(&self, connection: &str, limits: &Limits) -> Duration {
        let habits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reckoned = habits
            .get(connection)
            .map(|habit| habit.timeout.saturating_add(habit.reading).saturating_add(Duration::from_secs(1)));
        let most = (limits.answer_within / 2).max(limits.min_change_budget);
        reckoned.unwrap_or_default().max(limits.min_change_budget).min(most)
    }

    pub(super) fn reading_took(&self, connection: &str, took: Duration) {
        self.note(connection, |habit| habit.reading = took);
    }

    pub(super) fn change_may_take(&self, connection: &str, timeout: Duration) {
        self.note(connection, |habit| habit.timeout = timeout);
    }

    fn note(&self, connection: &str, note: impl FnOnce(&mut Habit)) {
        let mut habits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(habit) = habits.get_mut(connection) {
            return note(habit);
        }
        note(habits.entry(connection.to_owned()).or_default());
    }
}

/// Places for work that nobody waits for. Removals have places of their own: no grant is in front of them.
#[derive(Debug)]
pub(crate) struct Places {
    grants: Arc<Semaphore>,
    removals: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(number: usize) -> Self {
        let places = || Arc::new(Semaphore::new(number.max(1)));
        Self { grants: places(), removals: places() }
    }

    pub(super) fn of(&self, direction: Direction) -> Arc<Semaphore> {
        match direction {
            Direction::Provision => self.grants.clone(),
            Direction::Deprovision => self.removals.clone(),
        }
    }
}

impl super::Inner {
    /// A call's part in its request.
    pub(super) fn part(
        &self,
        way: &Way,
        connection: &str,
        answer_by: Option<Instant>,
        changes_ahead: bool,
    ) -> Part {
        let reserve = self.habits.reserve(connection, &self.limits);
        Part { way: way.clone(), answer_by, reserve, changes_ahead }
    }
}
