//! The stand-in's people and operations: how they are seeded, and the places where they change.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::settings::{DirectorySeed, DirectorySettings, OperationState, PersonSeed, PersonState};
use crate::history::{Reading, Table, Timeline};
use crate::operation::{Operation, Vendor};
use crate::records::{Effect, Records, millis};
use crate::stand_in::{Doing, merge, same_text};

/// The first id.
const FIRST_ID: u64 = 1_000;
/// Operations kept; the oldest go first.
const WORK_KEPT: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) given_name: Option<String>,
    pub(crate) family_name: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) gone: bool,
}

/// Which request an effect is laid to.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    operation: Operation,
    method: String,
    path: String,
    call: u64,
}

impl Cause {
    pub(super) fn of(doing: &Doing<'_>) -> Self {
        Self {
            operation: doing.request.operation(),
            method: doing.request.method.to_string(),
            path: doing.request.path.clone(),
            call: doing.call.n,
        }
    }
}

/// An operation: somebody who is to be created.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) person: Person,
    pub(crate) state: OperationState,
    pub(crate) polls: u64,
    cause: Cause,
}

/// A removal that takes its time.
#[derive(Debug)]
struct Going {
    person: u64,
    at: Duration,
    cause: Cause,
}

#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) settings: DirectorySettings,
    people: Table<u64, Person>,
    timeline: Timeline,
    pub(super) work: BTreeMap<u64, Work>,
    going: Vec<Going>,
    last_id: u64,
    /// Bearer tokens and when each ends.
    pub(super) tokens: VecDeque<(String, Duration)>,
    pub(super) tokens_issued: u64,
}

impl Directory {
    /// Puts in what the seed says, up to its first mistake, and says what that is.
    pub(crate) fn seed(&mut self, seed: &DirectorySeed) -> Result<(), String> {
        if !seed.settings.is_empty() {
            self.settings = merge(&self.settings, &seed.settings)?;
        }
        for PersonSeed { email, given_name, family_name, roles } in seed.people.iter().cloned() {
            if !email.contains('@') {
                return Err(format!("a seeded person's address must have an @, and {email:?} has none"));
            }
            if let Some(role) = roles.iter().find(|role| !self.settings.roles.contains(role)) {
                return Err(format!("there is no role {role:?} to seed a person with"));
            }
            let id = self.bearer(&email).map_or_else(|| self.next_id(), |person| person.id);
            let person = Person { id, email, given_name, family_name, roles, gone: false };
            // Write number 0 is older than any reading: what is seeded was always there.
            self.people.put(id, 0, person);
        }
        Ok(())
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        FIRST_ID + self.last_id
    }

    pub(super) fn times(&self) -> &Timeline {
        &self.timeline
    }

    /// Who is there.
    pub(super) fn people(&self, reading: Reading) -> impl Iterator<Item = Arc<Person>> {
        self.people.rows(reading).filter(|person| !person.gone)
    }

    pub(super) fn person(&self, id: u64, reading: Reading) -> Option<Arc<Person>> {
        self.people.get(&id, reading).filter(|person| !person.gone)
    }

    pub(super) fn bearer(&self, email: &str) -> Option<Arc<Person>> {
        self.people(Reading::Now).find(|person| same_text(&person.email, email))
    }

    /// Makes a changed person the present one and writes the effect down; where nothing changed, neither.
    pub(super) fn commit(&mut self, now: Duration, records: &mut Records, cause: &Cause, after: Person) {
        let before = self.people.get(&after.id, Reading::Now).filter(|person| !person.gone);
        let mut changes = Vec::new();
        match &before {
            None if after.gone => {}
            None => changes.push(format!("person {} created", after.id)),
            Some(_) if after.gone => changes.push(format!("person {} removed", after.id)),
            Some(_) => {}
        }
        if !after.gone {
            let none = Vec::new();
            let held = before.as_ref().map_or(&none, |before| &before.roles);
            let taken = held.iter().filter(|role| !after.roles.contains(role));
            changes.extend(taken.map(|role| format!("role -{role}")));
            let given = after.roles.iter().filter(|role| !held.contains(role));
            changes.extend(given.map(|role| format!("role +{role}")));
        }
        if changes.is_empty() {
            return;
        }
        let key = after.email.to_lowercase();
        let write = self.timeline.write(now);
        self.people.put(after.id, write, after);
        records.effect(Effect {
            n: 0,
            at_ms: millis(now),
            vendor: Vendor::Directory,
            key,
            what: changes.join("; "),
            changes,
            operation: cause.operation,
            method: cause.method.clone(),
            path: cause.path.clone(),
            call: cause.call,
        });
    }

    /// Begins an operation that will create this person, and says its id.
    pub(super) fn begin(&mut self, doing: &mut Doing<'_>, person: Person) -> u64 {
        let id = self.next_id();
        let work = Work { person, state: OperationState::Running, polls: 0, cause: Cause::of(doing) };
        self.work.insert(id, work);
        if self.work.len() > WORK_KEPT {
            self.work.pop_first();
        }
        if self.settings.polls_until_done == Some(0) {
            self.end(id, !self.settings.operations_fail, doing.now, doing.records);
        }
        id
    }

    /// Counts that somebody asked for the operation, which may be its end.
    pub(super) fn poll(&mut self, id: u64, now: Duration, records: &mut Records) {
        let Some(work) = self.work.get_mut(&id) else { return };
        work.polls = work.polls.saturating_add(1);
        if self.settings.polls_until_done.is_some_and(|polls| work.polls >= polls) {
            self.end(id, !self.settings.operations_fail, now, records);
        }
    }

    /// Ends a running operation. One whose address somebody bears meanwhile fails whatever was wanted.
    fn end(&mut self, id: u64, well: bool, now: Duration, records: &mut Records) {
        let Some(work) = self.work.get(&id).filter(|work| work.state == OperationState::Running) else {
            return;
        };
        let (person, cause) = (work.person.clone(), work.cause.clone());
        let well = well && self.bearer(&person.email).is_none();
        if well {
            self.commit(now, records, &cause, person);
        }
        if let Some(work) = self.work.get_mut(&id) {
            work.state = if well { OperationState::Done } else { OperationState::Failed };
        }
    }

    /// Ends every running operation; says how many there were.
    pub(crate) fn end_all(&mut self, well: bool, now: Duration, records: &mut Records) -> usize {
        let running = self.work.iter().filter(|(_, work)| work.state == OperationState::Running);
        let running: Vec<u64> = running.map(|(id, _)| *id).collect();
        running.iter().for_each(|id| self.end(*id, well, now, records));
        running.len()
    }

    /// Begins a removal that is over at `at`.
    pub(super) fn let_go(&mut self, doing: &Doing<'_>, person: u64, at: Duration) {
        self.going.push(Going { person, at, cause: Cause::of(doing) });
    }

    /// Ends the removals that are over by now.
    pub(crate) fn pass_time(&mut self, now: Duration, records: &mut Records) {
        let (due, going) = std::mem::take(&mut self.going).into_iter().partition(|going| going.at <= now);
        self.going = going;
        let due: Vec<Going> = due;
        for Going { person, cause, .. } in due {
            if let Some(person) = self.person(person, Reading::Now) {
                let after = Person { gone: true, ..Person::clone(&person) };
                self.commit(now, records, &cause, after);
            }
        }
    }

    /// The present truth about everybody.
    pub(crate) fn states(&self) -> Vec<PersonState> {
        let state = |person: Arc<Person>| PersonState {
            id: person.id.to_string(),
            email: person.email.clone(),
            given_name: person.given_name.clone(),
            family_name: person.family_name.clone(),
            roles: person.roles.clone(),
        };
        self.people(Reading::Now).map(state).collect()
    }
}
