//! The vendor's own side: what people have, since when and by whom; what is still to arrive; its own ledger of changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use usher_core::{Action, Awaits, Facet, Hold};

use crate::steps::{Called, Outage, Setup, Sight};
use crate::totals::Totals;

/// How long an invitation is open.
const OPEN: Duration = Duration::from_secs(3 * 24 * 3600);

/// What a person has at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) account: bool,
    pub(crate) facets: BTreeSet<Facet>,
    /// Open invitations, and when each was made by the wall clock of whoever made it.
    pub(crate) invited: BTreeMap<Facet, Timestamp>,
    /// What the vendor lists as lapsed.
    pub(crate) lapsed: BTreeMap<Facet, Timestamp>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It was so before.
    Before,
    Hand,
    Lapse,
    /// Usher, for this request.
    Usher(String),
}

#[derive(Clone, Debug)]
pub(crate) struct By {
    pub(crate) cause: Cause,
    pub(crate) at: Duration,
}

/// A reading that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// The earliest moment that it may show.
    pub(crate) since: Duration,
    pub(crate) ended: Duration,
}

/// A changing call, from its beginning until it takes place or surely does not.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    pub(crate) who: String,
    pub(crate) action: Action,
    pub(crate) request: String,
    /// The earliest moment that the reading it rests on may show.
    pub(crate) rests_on: Duration,
    /// The sender's wall clock.
    pub(crate) wall: Timestamp,
    /// Nobody waits for its answer any more.
    pub(crate) late: bool,
}

#[derive(Debug)]
pub(crate) struct Person {
    /// Of each their own: whose task runs first at one moment, Tokio does not promise.
    pub(crate) rng: Rng,
    /// What was so since when.
    pub(crate) moments: Vec<(Duration, Arc<Held>)>,
    pub(crate) gave: BTreeMap<Facet, By>,
    pub(crate) took: BTreeMap<Facet, By>,
    /// When something changed that Usher did not do.
    pub(crate) others: Vec<Duration>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) calls: VecDeque<Called>,
    pub(crate) sights: VecDeque<Sight>,
    /// Mail to this person: by which step, when, and by how much the wall clock had been set until then.
    pub(crate) mails: Vec<(String, Duration, Duration)>,
}

impl Person {
    fn new(rng: Rng) -> Self {
        Self {
            rng,
            moments: Vec::new(),
            gave: BTreeMap::new(),
            took: BTreeMap::new(),
            others: Vec::new(),
            readings: Vec::new(),
            calls: VecDeque::new(),
            sights: VecDeque::new(),
            mails: Vec::new(),
        }
    }
}

/// A 202.
#[derive(Clone, Debug)]
pub(crate) enum JobState {
    Running { landing: Box<Landing>, fails: bool, ends: bool },
    Done,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) enum Due {
    Lands(Box<Landing>),
    JobEnds(u64),
    Lapses { who: String, facet: Facet, made: Timestamp },
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) due: BTreeMap<(Duration, u64), Due>,
    pub(crate) jobs: BTreeMap<u64, JobState>,
    pub(crate) outage: Option<(Outage, Duration)>,
    pub(crate) numbers: u64,
    /// Grows with everything that changes.
    pub(crate) version: u64,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
    pub(crate) totals: Totals,
    /// What happened, where somebody wants to know.
    pub(crate) tale: Option<Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct Vendor {
    state: Mutex<State>,
}

impl Vendor {
    pub(crate) fn new(setup: &Setup, people: &[&str]) -> Self {
        let mut state = State {
            people: BTreeMap::new(),
            due: BTreeMap::new(),
            jobs: BTreeMap::new(),
            outage: None,
            numbers: 0,
            version: 0,
            wrong: Vec::new(),
            totals: Totals::default(),
            tale: setup.tells.then(Vec::new),
        };
        for (number, (email, has)) in (0_u64..).zip(people.iter().zip(&setup.has)) {
            let facets: BTreeSet<Facet> = has.iter().map(|(slot, value)| Facet::new(*slot, *value)).collect();
            let mut person = Person::new(Rng::with_seed(setup.seed ^ (number << 60)));
            for facet in &facets {
                person.gave.insert(facet.clone(), By { cause: Cause::Before, at: Duration::ZERO });
            }
            let held = Held { account: !facets.is_empty(), facets, ..Held::default() };
            person.moments.push((Duration::ZERO, Arc::new(held)));
            state.people.insert((*email).to_owned(), person);
        }
        Self { state: Mutex::new(state) }
    }

    /// The vendor as it is now: all that was due by then has happened.
    pub(crate) fn at(&self, now: Duration) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        while let Some(entry) = state.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), due) = entry.remove_entry();
            state.happens(due, at);
        }
        state
    }
}

impl State {
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn plan(&mut self, at: Duration, due: Due) {
        let number = self.number();
        self.due.insert((at, number), due);
    }

    fn happens(&mut self, due: Due, at: Duration) {
        match due {
            Due::Lands(landing) => {
                if landing.late {
                    self.totals.count("changes that landed late");
                }
                self.land(&landing, at);
            }
            Due::JobEnds(number) => self.end_job(number, at),
            Due::Lapses { who, facet, made } => {
                let mut held = (*self.held(&who)).clone();
                if held.invited.get(&facet) == Some(&made) {
                    held.invited.remove(&facet);
                    held.lapsed.insert(facet, made);
                    self.totals.count("invitations that lapsed");
                    self.becomes(&who, held, &Cause::Lapse, at);
                }
            }
        }
    }

    pub(crate) fn end_job(&mut self, number: u64, at: Duration) {
        let Some(JobState::Running { landing, fails, .. }) = self.jobs.get(&number).cloned() else { return };
        self.version += 1;
        if fails {
            self.jobs.insert(number, JobState::Failed);
            return;
        }
        self.jobs.insert(number, JobState::Done);
        self.land(&landing, at);
    }

    pub(crate) fn person(&mut self, who: &str) -> &mut Person {
        self.people.get_mut(who).unwrap()
    }

    pub(crate) fn held(&self, who: &str) -> Arc<Held> {
        self.people[who].moments.last().unwrap().1.clone()
    }

    /// All that was so at some time since `since`, oldest first.
    pub(crate) fn moments_since(&self, who: &str, since: Duration) -> impl Iterator<Item = &Arc<Held>> {
        let moments = &self.people[who].moments;
        let later = moments.iter().position(|(from, _)| *from > since).unwrap_or(moments.len());
        moments[later.saturating_sub(1)..].iter().map(|(_, held)| held)
    }

    pub(crate) fn becomes(&mut self, who: &str, held: Held, cause: &Cause, at: Duration) {
        let before = self.held(who);
        if *before == held {
            return;
        }
        self.version += 1;
        self.tell(at, || {
            let (has, invited) = (&held.facets, &held.invited);
            format!("{who} has {has:?}, is invited to {invited:?}: {cause:?}")
        });
        let person = self.person(who);
        let by = By { cause: cause.clone(), at };
        let has = |held: &Held| -> BTreeSet<Facet> {
            held.facets.iter().chain(held.invited.keys()).cloned().collect()
        };
        let (old, new) = (has(&before), has(&held));
        for facet in new.difference(&old) {
            person.gave.insert(facet.clone(), by.clone());
        }
        for facet in old.difference(&new) {
            person.took.insert(facet.clone(), by.clone());
        }
        person.moments.push((at, Arc::new(held)));
        if !matches!(cause, Cause::Usher(_)) {
            person.others.push(at);
        }
    }

    /// A change takes place.
    fn land(&mut self, landing: &Landing, at: Duration) {
        let Landing { who, action, request, .. } = landing;
        let before = self.held(who);
        let mut held = (*before).clone();
        for facet in &action.takes {
            held.facets.remove(facet);
            if held.invited.remove(facet).is_some() {
                self.totals.count("invitations that were cancelled");
            }
        }
        for facet in &action.gives {
            held.account = true;
            if action.notifies_person {
                if !held.facets.contains(facet) && !held.invited.contains_key(facet) {
                    held.lapsed.remove(facet);
                    held.invited.insert(facet.clone(), landing.wall);
                    let lapses = Due::Lapses { who: who.clone(), facet: facet.clone(), made: landing.wall };
                    self.plan(at + OPEN, lapses);
                }
                continue;
            }
            if facet.slot == "role" {
                held.facets.retain(|other| other.slot != facet.slot);
            }
            held.facets.insert(facet.clone());
        }
        // Its effect was there already, and whatever the reading that it rests on may have shown, showed that; unless somebody else
        // did something in between.
        let others = self.people[who].others.iter().any(|touched| *touched >= landing.rests_on);
        if held == *before && !others {
            self.wrong.push(format!(
                "no second effect: “{}” for {request} took place a second time, at {at:?}",
                action.summary
            ));
        }
        self.becomes(who, held, &Cause::Usher(request.clone()), at);
    }

    /// Somebody else gives or takes something.
    pub(crate) fn hand(&mut self, who: &str, gives: bool, facet: &Facet, at: Duration) {
        let mut held = (*self.held(who)).clone();
        if gives {
            held.account = true;
            if facet.slot == "role" {
                held.facets.retain(|other| other.slot != facet.slot);
            }
            held.invited.remove(facet);
            held.facets.insert(facet.clone());
        } else {
            held.facets.remove(facet);
            held.invited.remove(facet);
        }
        if gives {
            // From now on it is theirs, also where it was there before.
            self.person(who).gave.insert(facet.clone(), By { cause: Cause::Hand, at });
        }
        self.becomes(who, held, &Cause::Hand, at);
    }

    /// The invitee accepts all that is open.
    pub(crate) fn accept(&mut self, who: &str, at: Duration) {
        let mut held = (*self.held(who)).clone();
        for facet in std::mem::take(&mut held.invited).into_keys() {
            self.totals.count("invitations that were accepted");
            held.facets.insert(facet);
        }
        let before = self.held(who);
        if held != *before {
            // Given by whoever invited them.
            self.version += 1;
            let person = self.person(who);
            person.moments.push((at, Arc::new(held)));
            person.others.push(at);
        }
    }

    /// The process that made calls is gone: what was under way arrives as it would have, later, or never.
    pub(crate) fn orphan(&mut self, now: Duration) {
        let keys: Vec<_> =
            self.due.iter().filter(|(_, due)| is_on_its_way(due)).map(|(key, _)| *key).collect();
        for key in keys {
            let Some(Due::Lands(mut landing)) = self.due.remove(&key) else { continue };
            landing.late = true;
            let settle = u64::try_from(landing.action.settle.as_millis()).unwrap();
            let rng = &mut self.person(&landing.who).rng;
            match rng.u8(..3) {
                0 => {}
                1 => self.plan(key.0, Due::Lands(landing)),
                _ => {
                    let later = Duration::from_millis(rng.u64(..settle - 100));
                    self.plan(now + later, Due::Lands(landing));
                }
            }
        }
    }
}

/// Whether somebody still waits for its answer.
fn is_on_its_way(due: &Due) -> bool {
    matches!(due, Due::Lands(landing) if !landing.late)
}

/// What a reading of `held` shows of a facet. `known`: since when an invitation may be open.
pub(crate) fn shown(setup: &Setup, held: &Held, facet: &Facet, known: Option<Timestamp>) -> Hold {
    if held.facets.contains(facet) {
        return Hold::Present;
    }
    if held.invited.contains_key(facet) && !setup.hides {
        return Hold::Pending { awaits: Awaits::Invitee, until: None };
    }
    let Some(known) = known.filter(|_| setup.invites && facet.slot == "team") else { return Hold::Absent };
    let lapsed = held.lapsed.get(facet).is_some_and(|made| *made >= known);
    let vouched = setup.vouches && !held.invited.contains_key(facet);
    if lapsed || vouched { Hold::Absent } else { Hold::Unreadable }
}
