//! The queue of one credential.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use usher_core::{Call, Clock, LimitState, Part, Priority};

use super::book::{Book, Class};
use super::meter::Meter;
use super::ticket::{Keeper, Ticket};
use super::{LimitSettings, lock};

/// Told to whoever waited in vain for another call's end, which nobody can foresee; and the least that anybody is told.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);
/// How long a change may have to wait for its permit because others have begun meanwhile.
const WAIT_OF_A_CHANGE: Duration = Duration::from_secs(1);

/// A permit that comes later than this before the call's deadline is of no use.
const LAST_MOMENT: Duration = Duration::from_millis(20);

/// The limits of one key.
#[derive(Debug)]
pub(super) struct Gate {
    waiting: usize,
    clock: Arc<dyn Clock>,
    state: std::sync::Mutex<State>,
}

/// Where a call stands in the queue: the lower, the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    priority: Priority,
    /// When it is of use at the latest; for what belongs to no request, when it came.
    by: Instant,
    /// Its way's number.
    age: u64,
    number: u64,
}

#[derive(Debug)]
struct Waiter {
    seat: Arc<Seat>,
    deadline: Instant,
    /// Its way's number, not the way: the last clone of that must not go under the lock.
    way: Option<u64>,
    answer_by: Option<Instant>,
}

/// Where a waiter is told what came of it.
#[derive(Debug, Default)]
pub(super) struct Seat {
    outcome: OnceLock<Result<(), Duration>>,
    told: Notify,
}

#[derive(Debug)]
struct State {
    meter: Meter,
    book: Book,
    /// Calls of requests that have begun, and those that belong to none.
    begun: BTreeMap<Place, Waiter>,
    /// First calls.
    fresh: BTreeMap<Place, Waiter>,
    drawn: u64,
    /// Who is to wake for the next permit, and when.
    armed: Option<(Place, Instant)>,
}

pub(super) enum Look {
    Over(Result<(), Duration>),
    /// Until then, or until it is told something.
    Wait(Instant),
}

impl Gate {
    pub(super) fn new(settings: LimitSettings, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            meter: Meter::new(settings),
            book: Book::new(clock.instant()),
            begun: BTreeMap::new(),
            fresh: BTreeMap::new(),
            drawn: 0,
            armed: None,
        };
        Self { waiting: settings.waiting.max(1), clock, state: std::sync::Mutex::new(state) }
    }

    /// A place in the queue. An error says how long it would take, where that is too long.
    pub(super) fn enter(self: &Arc<Self>, call: &Call, now: Instant) -> Result<Ticket, Duration> {
        let mut state = lock(&self.state);
        state.drawn = state.drawn.saturating_add(1);
        let number = state.drawn;
        let seat = Arc::new(Seat::default());
        // Whoever bounds the call is to hear from here that there was no permit, not to take it for the vendor's silence.
        let last = call.part.as_ref().map_or(Duration::ZERO, |_| LAST_MOMENT);
        let waiter = Waiter {
            seat: seat.clone(),
            deadline: call.deadline.checked_sub(last).unwrap_or(call.deadline),
            way: call.part.as_ref().map(|part| part.way.number()),
            answer_by: call.part.as_ref().and_then(|part| part.answer_by),
        };
        let Some(part) = &call.part else {
            let place = Place { priority: call.priority, by: now, age: 0, number };
            state.has_seats(self.waiting)?;
            state.line_up(place, waiter, now)?;
            state.settle(now);
            drop(state);
            return Ok(Ticket { gate: self.clone(), place, seat, open: true });
        };
        let way = part.way.number();
        let is_new = state.book.meet(way);
        let by = match part.answer_by {
            Some(by) if part.changes_ahead => by.checked_sub(part.reserve).unwrap_or(by),
            Some(by) => by,
            None => call.deadline,
        };
        let place = Place { priority: call.priority, by: by.min(call.deadline), age: way, number };
        let entered = state.enter_part(place, waiter, part, self.waiting, now);
        drop(state);
        if is_new {
            // Not under the lock: what is kept of a way may be dropped at any time.
            part.way.keep(Box::new(Keeper { gate: self.clone(), way }));
        }
        entered?;
        Ok(Ticket { gate: self.clone(), place, seat, open: true })
    }

    /// What has become of a ticket.
    pub(super) fn look(&self, ticket: &Ticket, now: Instant) -> Look {
        let mut state = lock(&self.state);
        if ticket.seat.outcome.get().is_none() {
            state.settle(now);
        }
        if let Some(outcome) = ticket.seat.outcome.get() {
            return Look::Over(*outcome);
        }
        let deadline = state.waiter(&ticket.place).map_or(now, |waiter| waiter.deadline);
        if now >= deadline {
            let before = state.begun.range(..ticket.place).count();
            let wait = state.meter.permit_at(before, now).map(|at| at.saturating_duration_since(now));
            state.give_up(&ticket.place);
            state.settle(now);
            return Look::Over(Err(wait.unwrap_or(Duration::MAX).max(UNKNOWN_WAIT)));
        }
        let armed = state.armed.filter(|(place, _)| *place == ticket.place);
        Look::Wait(armed.map_or(deadline, |(_, at)| at.min(deadline)))
    }

    pub(super) fn state(&self) -> LimitState {
        let (state, now) = (lock(&self.state), self.clock.instant());
        LimitState {
            waiting: state.begun.len().saturating_add(state.fresh.len()),
            under_way: state.meter.running(),
            put_off: state.book.put_off(),
            closed_for: state.meter.closed_for(now),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.instant()
    }

    /// A call is given up, with its permit if it has one.
    pub(super) fn leave(&self, place: &Place, seat: &Seat) {
        self.with(|state, _| {
            let was_given = matches!(seat.outcome.get(), Some(Ok(())));
            if was_given {
                state.meter.give_back();
            }
            state.give_up(place);
        });
    }

    /// The vendor has turned a call away, for so long where it says so.
    pub(super) fn throttled(&self, after: Option<Duration>) {
        self.with(|state, now| {
            state.meter.close(after, now);
            state.tell_the_late(now);
        });
    }

    /// A call has ended.
    pub(super) fn done(&self, given: Instant, throttled: bool) {
        self.with(|state, now| state.meter.done(given, throttled, now));
    }

    /// A request's attempt is over, or sleeps: nothing is reserved for it any more.
    pub(super) fn rest(&self, way: u64) {
        self.with(|state, _| state.book.rest(way));
    }

    /// A request is over.
    pub(super) fn forget(&self, way: u64) {
        self.with(|state, _| state.book.forget(way));
    }

    /// Does something with the state, and what follows from it.
    fn with(&self, change: impl FnOnce(&mut State, Instant)) {
        let now = self.clock.instant();
        let mut state = lock(&self.state);
        change(&mut state, now);
        state.settle(now);
    }
}

impl State {
    fn has_seats(&self, waiting: usize) -> Result<(), Duration> {
        if self.begun.len().saturating_add(self.fresh.len()) < waiting { Ok(()) } else { Err(UNKNOWN_WAIT) }
    }

    fn enter_part(
        &mut self,
        place: Place,
        waiter: Waiter,
        part: &Part,
        waiting: usize,
        now: Instant,
    ) -> Result<(), Duration> {
        let (way, class) = (part.way.number(), Class::of(place.priority));
        let line = self.book.line(part, class, waiter.deadline);
        if self.book.has_begun(way) {
            self.has_seats(waiting)?;
            self.book.enlist(way, line);
            self.line_up(place, waiter, now)?;
        } else {
            let is_idle = self.book.enlisted() == 0 && self.begun.is_empty();
            let promised = self.book.promised(way).filter(|at| *at > waiter.deadline && !is_idle);
            let surely_late = self.meter.permit_at(0, now).is_none_or(|at| at > waiter.deadline);
            if promised.is_some() || surely_late || self.has_seats(waiting).is_err() {
                let wait = self.book.turn_away(way, class, part.answer_by, &self.meter, now);
                return Err(wait.max(UNKNOWN_WAIT));
            }
            self.book.enlist(way, line);
            self.fresh.insert(place, waiter);
        }
        self.settle(now);
        if class == Class::Revoke {
            // It has moved the turn of all others.
            self.tell_the_late(now);
        }
        Ok(())
    }

    /// Puts a call that has begun, or belongs to no request, into the queue.
    fn line_up(&mut self, place: Place, waiter: Waiter, now: Instant) -> Result<(), Duration> {
        let moves_others = self.begun.last_key_value().is_some_and(|(last, _)| *last > place);
        // Without a rate nobody can say how long those in front take, and the queue may be long.
        let ahead = if self.meter.has_rate() {
            self.begun.range(..place).count().max(self.book.owed_before(Class::of(place.priority)))
        } else {
            0
        };
        match self.meter.permit_at(ahead, now) {
            Some(at) if at <= waiter.deadline => {}
            at => return Err(at.map_or(Duration::MAX, |at| at.saturating_duration_since(now))),
        }
        self.begun.insert(place, waiter);
        if moves_others && self.meter.has_rate() {
            self.tell_the_late(now);
        }
        Ok(())
    }

    /// Tells those whose turn has moved past their deadline.
    fn tell_the_late(&mut self, now: Instant) {
        let first = self.meter.permit_at(0, now);
        let surely_late = |waiter: &Waiter| first.is_none_or(|first| first > waiter.deadline);
        let fresh = self.fresh.iter().filter(|(_, waiter)| surely_late(waiter));
        for place in fresh.map(|(place, _)| *place).collect::<Vec<_>>() {
            if let Some(waiter) = self.fresh.remove(&place) {
                self.turn_away(&place, &waiter, now);
            }
        }
        let mut before = 0;
        let (meter, book) = (&self.meter, &self.book);
        self.begun.retain(|place, waiter| {
            // Removals come first, also with the calls that they have not asked for yet.
            let ahead = book.owed_before(Class::of(place.priority)).max(before);
            let at = meter.permit_at(ahead, now);
            if at.is_some_and(|at| at <= waiter.deadline) {
                before += 1;
                return true;
            }
            let wait = at.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
            waiter.seat.tell(Err(wait));
            false
        });
    }

    /// All that follows from a change: who gives way, who is served, and who wakes next.
    fn settle(&mut self, now: Instant) {
        self.shed(now);
        while self.meter.has_room() {
            let Some((place, at)) = self.next(now) else { break };
            if at > now {
                break;
            }
            let Some(waiter) = self.remove(&place) else { break };
            self.meter.take(now);
            if let Some(way) = waiter.way {
                self.book.given(way);
            }
            waiter.seat.tell(Ok(()));
        }
        self.arm(now);
    }

    /// The youngest that have not begun give way until the rest can be served in time.
    fn shed(&mut self, now: Instant) {
        let mut giving_way = Vec::new();
        while !self.fresh.is_empty() && self.book.enlisted() > 1 {
            let victim = self.book.overdrawn(&self.meter, now).find_map(|(class, by)| {
                let gives_way =
                    |place: &&Place| Class::of(place.priority) == class && self.book.bucket(place.by) <= by;
                self.fresh.keys().rev().find(gives_way).copied()
            });
            let Some(place) = victim else { break };
            self.book.delist(place.age);
            giving_way.extend(self.fresh.remove(&place).map(|waiter| (place, waiter)));
        }
        // The oldest gets the first place among those that come again.
        for (place, waiter) in giving_way.into_iter().rev() {
            self.turn_away(&place, &waiter, now);
        }
    }

    /// Tells one that has not begun to come again.
    fn turn_away(&mut self, place: &Place, waiter: &Waiter, now: Instant) {
        let class = Class::of(place.priority);
        let wait = self.book.turn_away(place.age, class, waiter.answer_by, &self.meter, now);
        waiter.seat.tell(Err(wait.max(UNKNOWN_WAIT)));
    }

    /// Whose turn is next, and when the rate allows it.
    fn next(&self, now: Instant) -> Option<(Place, Instant)> {
        let at = self.meter.permit_at(0, now)?;
        let begun = self.begun.first_key_value().map(|(place, _)| *place);
        let fresh = self.fresh.first_key_value().map(|(place, _)| *place);
        let Some(fresh) = fresh else { return begun.map(|begun| (begun, at)) };
        let begins = self.begins_at(Class::of(fresh.priority), now).map(|begins| begins.max(at));
        match (begun, begins) {
            (Some(begun), Some(begins)) if begun > fresh && begins == at => Some((fresh, begins)),
            (Some(begun), _) => Some((begun, at)),
            (None, begins) => begins.map(|begins| (fresh, begins)),
        }
    }

    /// When another request may begin: not before the changes of those that have begun, and its own, can follow soon. `None`: no time
    /// brings that about, only what those do.
    fn begins_at(&self, class: Class, now: Instant) -> Option<Instant> {
        let before = self.book.begun_before(class);
        if before == 0 {
            return Some(now);
        }
        let behind = before.saturating_add(self.book.need_before()).saturating_sub(1);
        let begins = self.meter.permit_at(behind, now)?.checked_sub(WAIT_OF_A_CHANGE).unwrap_or(now);
        if begins <= now {
            return Some(now);
        }
        (!self.meter.has_saved_all(now)).then_some(begins)
    }

    /// Wakes whoever is next at its time.
    fn arm(&mut self, now: Instant) {
        let next = if self.meter.has_room() { self.next(now) } else { None };
        if next == self.armed {
            return;
        }
        self.armed = next;
        if let Some(waiter) = next.and_then(|(place, _)| self.waiter(&place)) {
            waiter.seat.told.notify_one();
        }
    }

    /// A call leaves the queue, and its way asks for nothing if that would have been its beginning.
    fn give_up(&mut self, place: &Place) {
        let way = self.remove(place).and_then(|waiter| waiter.way);
        if let Some(way) = way.filter(|way| !self.book.has_begun(*way)) {
            self.book.delist(way);
        }
    }

    fn waiter(&self, place: &Place) -> Option<&Waiter> {
        self.begun.get(place).or_else(|| self.fresh.get(place))
    }

    fn remove(&mut self, place: &Place) -> Option<Waiter> {
        self.begun.remove(place).or_else(|| self.fresh.remove(place))
    }
}

impl Seat {
    /// What came of it, once something has.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    fn tell(&self, outcome: Result<(), Duration>) {
        if self.outcome.set(outcome).is_ok() {
            self.told.notify_one();
        }
    }
}
