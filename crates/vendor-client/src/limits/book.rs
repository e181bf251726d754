//! What requests have been promised, and what they will still need.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use usher_core::{Part, Priority};

use super::meter::Meter;

/// Demand is kept by tenths of a second.
const GRAIN: u128 = 100;
/// What a request's books and its last commit take beside the vendor.
const SPARE: Duration = Duration::from_millis(250);
/// A permit, in the thousandths that means are kept in.
const ONE: u32 = 1_000;
/// No request is believed to need more of a kind.
const MOST: u32 = 50;

/// Who goes before whom: those that are served strictly before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Revoke,
    Answering,
    Rest,
}

impl Class {
    pub(super) fn of(priority: Priority) -> Self {
        match priority {
            Priority::Revoke => Self::Revoke,
            Priority::Answering => Self::Answering,
            Priority::Background | Priority::Report => Self::Rest,
        }
    }
}

/// What a way asks for: by when it has to have what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) class: Class,
    change_by: u64,
    answer_by: u64,
    pub(super) changes_ahead: bool,
}

/// Permits, in two kinds: those up to the change, and those that read back.
#[derive(Clone, Copy, Debug, Default)]
struct Permits {
    before: u32,
    after: u32,
}

#[derive(Debug, Default)]
struct Journey {
    line: Option<Line>,
    begun: bool,
    left: Permits,
    used: Permits,
    /// When it was told to come again, and as what.
    promised: Option<(bool, Instant)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// Ways that have not begun: each needs what a request takes on the mean.
    fresh_before: u32,
    fresh_after: u32,
    /// Permits that ways which have begun still need.
    begun: u32,
}

/// Promises to come again, of one kind.
#[derive(Debug, Default)]
struct Promises {
    number: usize,
    /// When the next one has its place.
    next: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Book {
    started: Instant,
    journeys: HashMap<u64, Journey>,
    demand: BTreeMap<(Class, u64), Load>,
    /// Ways that ask for something.
    enlisted: usize,
    /// Of ways that have begun: permits up to their change.
    begun_before: BTreeMap<Class, u32>,
    /// What a request takes, in thousandths of permits; at least what the smallest change takes.
    mean: Permits,
    revokes: Promises,
    grants: Promises,
}

impl Book {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            journeys: HashMap::new(),
            demand: BTreeMap::new(),
            enlisted: 0,
            begun_before: BTreeMap::new(),
            mean: Permits { before: 2 * ONE, after: ONE },
            revokes: Promises::default(),
            grants: Promises::default(),
        }
    }

    /// Whether the way is new here.
    pub(super) fn meet(&mut self, way: u64) -> bool {
        let new = !self.journeys.contains_key(&way);
        self.journeys.entry(way).or_default();
        new
    }

    pub(super) fn has_begun(&self, way: u64) -> bool {
        self.journeys.get(&way).is_some_and(|journey| journey.begun)
    }

    /// When it was told to come again.
    pub(super) fn promised(&self, way: u64) -> Option<Instant> {
        self.journeys.get(&way).and_then(|journey| journey.promised).map(|(_, at)| at)
    }

    pub(super) fn put_off(&self) -> usize {
        self.revokes.number.saturating_add(self.grants.number)
    }

    /// Ways that ask for something now.
    pub(super) fn enlisted(&self) -> usize {
        self.enlisted
    }

    pub(super) fn line(&self, part: &Part, class: Class, deadline: Instant) -> Line {
        let answer_by = part.answer_by.unwrap_or(deadline);
        let change_by = part.answer_by.and_then(|by| by.checked_sub(part.reserve)).unwrap_or(answer_by);
        Line {
            class,
            change_by: self.bucket(change_by),
            answer_by: self.bucket(answer_by),
            changes_ahead: part.changes_ahead,
        }
    }

    pub(super) fn bucket(&self, at: Instant) -> u64 {
        let millis = at.saturating_duration_since(self.started).as_millis();
        u64::try_from(millis / GRAIN).unwrap_or(u64::MAX)
    }

    fn moment(&self, bucket: u64) -> Option<Instant> {
        let millis = u64::try_from(GRAIN).unwrap_or(u64::MAX).saturating_mul(bucket);
        self.started.checked_add(Duration::from_millis(millis))
    }

    /// A way asks for what `line` says, from here on.
    pub(super) fn enlist(&mut self, way: u64, line: Line) {
        self.change(way, |journey| {
            journey.line = Some(line);
            if !line.changes_ahead {
                journey.left.before = 0;
            }
        });
    }

    /// A way asks for nothing any more, for now.
    pub(super) fn delist(&mut self, way: u64) {
        self.change(way, |journey| journey.line = None);
    }

    /// A way has been given a permit.
    pub(super) fn given(&mut self, way: u64) {
        let left = Permits { before: rounded(self.mean.before), after: rounded(self.mean.after) };
        self.keep_promise(way);
        let mut learned = None;
        self.change(way, |journey| {
            let before = journey.line.is_some_and(|line| line.changes_ahead);
            if !journey.begun {
                journey.begun = true;
                journey.left = Permits { before: if before { left.before } else { 0 }, ..left };
            }
            if before {
                journey.left.before = journey.left.before.saturating_sub(1);
                journey.used.before = journey.used.before.saturating_add(1);
            } else {
                if journey.used.after == 0 && journey.used.before > 0 {
                    learned = Some(journey.used.before);
                }
                journey.left.after = journey.left.after.saturating_sub(1);
                journey.used.after = journey.used.after.saturating_add(1);
            }
        });
        if let Some(used) = learned {
            self.mean.before = newer(self.mean.before, used).max(2 * ONE);
        }
    }

    /// The way's attempt is over.
    pub(super) fn rest(&mut self, way: u64) {
        let mut used = 0;
        self.change(way, |journey| {
            used = journey.used.after;
            let promised = journey.promised;
            *journey = Journey { promised, ..Journey::default() };
        });
        if used > 0 {
            self.mean.after = newer(self.mean.after, used).max(ONE);
        }
    }

    pub(super) fn forget(&mut self, way: u64) {
        self.rest(way);
        self.keep_promise(way);
        self.journeys.remove(&way);
    }

    fn keep_promise(&mut self, way: u64) {
        let Some((revokes, _)) = self.journeys.get_mut(&way).and_then(|journey| journey.promised.take())
        else {
            return;
        };
        let promises = if revokes { &mut self.revokes } else { &mut self.grants };
        promises.number = promises.number.saturating_sub(1);
        if promises.number == 0 {
            promises.next = None;
        }
    }

    /// Turns a way away, and says how long it takes until its place has come: behind all that have begun, wait, or have been turned
    /// away before, and not while somebody still waits for its answer, whose time is taken.
    pub(super) fn turn_away(
        &mut self,
        way: u64,
        class: Class,
        answer_by: Option<Instant>,
        meter: &Meter,
        now: Instant,
    ) -> Duration {
        self.delist(way);
        let after_the_answer = answer_by.unwrap_or(now);
        if let Some(promised) = self.promised(way).filter(|promised| *promised > now) {
            return promised.max(after_the_answer).saturating_duration_since(now);
        }
        self.keep_promise(way);
        let ahead =
            self.demand.range(..=(class, u64::MAX)).map(|(_, load)| self.thousandths(*load)).sum::<u64>();
        let ahead = ahead as f64 / f64::from(ONE);
        let need = f64::from(self.mean.before.saturating_add(self.mean.after)) / f64::from(ONE);
        let pace = meter.pace().as_secs_f64() * need;
        let revokes = class == Class::Revoke;
        let promises = if revokes { &mut self.revokes } else { &mut self.grants };
        let free = meter.given_at(ahead, now).max(after_the_answer);
        let place = promises.next.map_or(free, |next| next.max(free));
        promises.next = place.checked_add(Duration::try_from_secs_f64(pace).unwrap_or_default());
        promises.number = promises.number.saturating_add(1);
        if let Some(journey) = self.journeys.get_mut(&way) {
            journey.promised = Some((revokes, place));
        }
        place.saturating_duration_since(now)
    }

    /// What is asked for by when, where it is more than can be had: by class and time, the first first.
    pub(super) fn overdrawn(&self, meter: &Meter, now: Instant) -> impl Iterator<Item = (Class, u64)> {
        let spare = meter.hold().saturating_add(SPARE);
        let mut asked = 0_u64;
        self.demand.iter().filter_map(move |(&(class, by), load)| {
            asked = asked.saturating_add(self.thousandths(*load));
            let until = self.moment(by)?.checked_sub(spare)?;
            (asked as f64 / f64::from(ONE) > meter.capacity(until, now)).then_some((class, by))
        })
    }

    /// Permits up to their change that ways which have begun still need, of this class or one before it.
    pub(super) fn begun_before(&self, class: Class) -> usize {
        let sum = self.begun_before.range(..=class).map(|(_, number)| *number).sum::<u32>();
        usize::try_from(sum).unwrap_or(usize::MAX)
    }

    /// What a request takes up to its change and with it.
    pub(super) fn need_before(&self) -> usize {
        usize::try_from(rounded(self.mean.before)).unwrap_or(usize::MAX)
    }

    /// Permits that those before a class still need.
    pub(super) fn owed_before(&self, class: Class) -> usize {
        let sum = self.demand.range(..(class, 0)).map(|(_, load)| self.thousandths(*load)).sum::<u64>();
        usize::try_from(sum / u64::from(ONE)).unwrap_or(usize::MAX)
    }

    /// What a load comes to, in thousandths of permits.
    fn thousandths(&self, load: Load) -> u64 {
        let times = |number: u32, each: u32| u64::from(number).saturating_mul(u64::from(each));
        times(load.begun, ONE)
            .saturating_add(times(load.fresh_before, self.mean.before))
            .saturating_add(times(load.fresh_after, self.mean.after))
    }

    /// Changes a journey, and the demand with it.
    fn change(&mut self, way: u64, change: impl FnOnce(&mut Journey)) {
        let Some(mut journey) = self.journeys.remove(&way) else { return };
        self.count(&journey, u32::saturating_sub);
        self.enlisted = self.enlisted.saturating_sub(usize::from(journey.line.is_some()));
        change(&mut journey);
        self.count(&journey, u32::saturating_add);
        self.enlisted = self.enlisted.saturating_add(usize::from(journey.line.is_some()));
        self.journeys.insert(way, journey);
    }

    fn count(&mut self, journey: &Journey, count: fn(u32, u32) -> u32) {
        let Some(line) = journey.line else { return };
        let mut load = |by: u64, change: &dyn Fn(&mut Load)| {
            let load = self.demand.entry((line.class, by)).or_default();
            change(load);
            if load.begun == 0 && load.fresh_before == 0 && load.fresh_after == 0 {
                self.demand.remove(&(line.class, by));
            }
        };
        if journey.begun {
            load(line.change_by, &|load| load.begun = count(load.begun, journey.left.before));
            load(line.answer_by, &|load| load.begun = count(load.begun, journey.left.after));
            let sum = self.begun_before.entry(line.class).or_default();
            *sum = count(*sum, journey.left.before);
        } else {
            if line.changes_ahead {
                load(line.change_by, &|load| load.fresh_before = count(load.fresh_before, 1));
            }
            load(line.answer_by, &|load| load.fresh_after = count(load.fresh_after, 1));
        }
    }
}

/// A mean in thousandths, after one more value.
fn newer(mean: u32, value: u32) -> u32 {
    mean.saturating_mul(7).saturating_add(value.min(MOST).saturating_mul(ONE)) / 8
}

fn rounded(mean: u32) -> u32 {
    mean.saturating_add(ONE / 2) / ONE
}
