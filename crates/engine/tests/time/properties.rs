//! What must be true all the time, and at the end. It goes by what was delivered and by what the vendor has, not by the ledger; of the
//! journal it takes the rows: which requests there are, in which order they were accepted, and how far they are.

use std::sync::Arc;
use std::time::Duration;

use usher_core::{Facet, Hold};
use usher_engine::{Answer, Engine, Reply};
use usher_journal::{Execution, Holder, HoldingsFilter, Journal, Record, Request, RequestId};

use crate::books::{Books, is_order, is_proven, named, takes};
use crate::history::Story;
use crate::journal::still;
use crate::steps::PEOPLE;
use crate::vendor::{By, Cause, Held, State};
use crate::world::World;

/// `answer_within`.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// Timers go by milliseconds.
const A_TICK: Duration = Duration::from_millis(5);

fn has_or_is_invited(held: &Held, facet: &Facet) -> bool {
    held.facets.contains(facet) || held.invited.contains_key(facet)
}

/// An answer has come.
pub(crate) async fn heard(world: &Arc<World>, journal: &Arc<dyn Journal>, place: usize, reply: Reply) {
    let now = world.time.now();
    let told = {
        let mut told = world.told.lock().unwrap();
        told[place].reply = Some(reply.clone());
        told[place].clone()
    };
    if now > told.began + ANSWER_WITHIN + A_TICK {
        world.wrong(&format!("in time: {} took {:?}", told.request.id, now - told.began));
    }
    world.vendor.at(now).tell(now, || format!("{} is told {:?}", reply.request, reply.answer));
    if reply.answer != Answer::Positive {
        world.count("negative answers");
        return;
    }
    world.count("positive answers");
    let stored = still(journal.find(&reply.request), true).await.unwrap();
    let confirmed = stored.as_ref().is_some_and(|stored| {
        stored.history.iter().any(|entry| matches!(entry.record, Record::Confirmed { reason: None, .. }))
    });
    let Some(stored) = stored.filter(|_| confirmed) else {
        world.wrong(&format!("truth: {} is told yes, and that is not on disk", reply.request));
        return;
    };
    let books = Books::read(journal).await;
    if let Err(why) = is_true(world, &books, &stored.request, now) {
        world.wrong(&format!("truth: {} is told yes, and {why}", reply.request));
    }
}

/// Whether the vendor's own state, at one moment that the last reading may have shown or later, was what a positive answer says.
fn is_true(world: &World, books: &Books, row: &Request, now: Duration) -> Result<(), String> {
    let who = &row.subject.email;
    let state = world.vendor.at(now);
    let Some(last) = state.people[who].readings.last() else {
        return Err("nothing was ever read".to_owned());
    };
    let counts = world.counts_invited(&row.app_key);
    let lacks = |held: &Held| {
        named(row)
            .find(|facet| {
                if !is_order(row) {
                    return !(held.facets.contains(*facet) || (counts && held.invited.contains_key(*facet)));
                }
                // Others may have it: earlier approvals that this order does not name, and later ones.
                let others = books.grants(who).any(|(grant, name, given)| {
                    given == *facet && !(grant.seq < row.seq && takes(row, grant, name))
                });
                has_or_is_invited(held, facet) && !others
            })
            .cloned()
    };
    let mut lacking = None;
    for held in state.moments_since(who, last.since) {
        match lacks(held) {
            None => return Ok(()),
            Some(facet) => lacking = Some(facet),
        }
    }
    let facet = lacking.map(|facet| facet.to_string()).unwrap_or_default();
    let what = if is_order(row) { "is there" } else { "is not there" };
    Err(format!("{facet} {what}, at no moment since the last reading, which ended after {:?}", last.ended))
}

/// What is true in every state.
pub(crate) async fn check(story: &mut Story, journal: &Arc<dyn Journal>) {
    let world = story.world.clone();
    let now = world.time.now();
    let latest = world.time.latest_wall();
    for told in world.told.lock().unwrap().iter() {
        if told.reply.is_none() && !told.lost && now > told.began + ANSWER_WITHIN + A_TICK {
            let mut state = world.vendor.at(now);
            state.wrong.push(format!("in time: {} waits since {:?}", told.request.id, told.began));
        }
    }
    let version = (world.vendor.at(now).version, *world.trouble.version.lock().unwrap());
    if story.checked == Some(version) {
        return;
    }
    story.checked = Some(version);
    let books = Books::read(journal).await;
    let mut state = world.vendor.at(now);
    let mut wrong = Vec::new();
    for who in PEOPLE {
        wrong.extend(left_after_removal(&world, &state, &books, who));
        wrong.extend(taken_from_others(&world, &state, &books, who, latest));
    }
    state.wrong.extend(wrong.into_iter().map(|what| format!("{what} (seen after {now:?})")));
}

/// What a confirmed order has removed is not there, unless somebody else was granted it, it was approved again, or somebody gave it by
/// hand.
fn left_after_removal(world: &World, state: &State, books: &Books, who: &str) -> Option<String> {
    let held = state.held(who);
    for order in books.of(who).filter(|row| is_order(row) && is_proven(row)) {
        for facet in named(order) {
            let by = state.people[who].gave.get(facet);
            let by_hand = by.is_some_and(|by| {
                by.cause == Cause::Hand && by.at + world.setup.lag >= world.sent(&order.id)
            });
            if has_or_is_invited(&held, facet) && !books.may_have(who, facet) && !by_hand {
                return Some(format!("no access left: {facet} is there, and {} has removed it", order.id));
            }
        }
    }
    None
}

/// What a confirmed grant gave is there, until an order names it, its time is over, or a later approval takes its slot; or somebody
/// else took it.
fn taken_from_others(
    world: &World,
    state: &State,
    books: &Books,
    who: &str,
    latest: jiff::Timestamp,
) -> Option<String> {
    let held = state.held(who);
    for (grant, name, facet) in books.grants(who) {
        let over = grant.until.is_some_and(|until| until <= latest);
        let invited = world.counts_invited(&grant.app_key) && held.invited.contains_key(facet);
        if !is_proven(grant)
            || over
            || held.facets.contains(facet)
            || invited
            || books.is_taken(grant, name)
            || books.is_renewed(grant, name)
            || books.is_displaced(grant, facet)
        {
            continue;
        }
        if facet.slot == "role" && is_by_hand(state, who) {
            // What somebody else set meanwhile stays (rule 14).
            continue;
        }
        match state.people[who].took.get(facet) {
            Some(By { cause: Cause::Hand | Cause::Lapse | Cause::Before, .. }) => {}
            Some(By { cause: Cause::Usher(request), at }) => {
                return Some(format!(
                    "nothing taken: {facet} is not there, and {} has granted it: {request} took it after {at:?}",
                    grant.id
                ));
            }
            None => {
                return Some(format!(
                    "nothing taken: {facet} was never there, and {} has granted it",
                    grant.id
                ));
            }
        }
    }
    None
}

/// Whether the role that a person has, or that there is none, is by somebody's hand.
fn is_by_hand(state: &State, who: &str) -> bool {
    let person = &state.people[who];
    let of_role = person.gave.iter().chain(&person.took).filter(|(facet, _)| facet.slot == "role");
    of_role.map(|(_, by)| by).max_by_key(|by| by.at).is_some_and(|by| by.cause == Cause::Hand)
}

/// What is true when nothing more happens by itself.
pub(crate) async fn at_the_end(story: &Story, engine: &Engine, journal: &Arc<dyn Journal>) {
    let world = &story.world;
    let books = Books::read(journal).await;
    for row in &books.rows {
        let (id, execution) = (&row.id, row.execution);
        if !execution.is_final() {
            let why = row.reason.clone().unwrap_or_default();
            world.wrong(&format!("every request ends: {id} is {execution:?}: {why}"));
        }
        count(world, row);
        if execution == Execution::Expired {
            let stored = still(journal.find(id), true).await.unwrap().unwrap();
            let early = stored.history.iter().any(|entry| {
                matches!(entry.record, Record::Ended { execution: Execution::Expired, .. })
                    && row.until.is_none_or(|until| entry.at < until)
            });
            if early {
                world.wrong(&format!("expiry: {id} has expired early"));
            }
        }
    }
    let promised = world.trouble.promised.lock().unwrap().clone();
    for id in promised {
        if !books.rows.iter().any(|row| row.id == id) {
            world.wrong(&format!("every request ends: {id} was on disk, and is not there"));
        }
    }
    for who in PEOPLE {
        if let Some(what) = more_than_approved(world, &books, who) {
            world.wrong(&what);
        }
    }
    holdings_agree(world, engine, journal, &books).await;
    if !engine.is_idle() {
        world.wrong("every request ends: a run, a lane or a gate is left over");
    }
}

fn count(world: &World, row: &Request) {
    world.count("requests");
    world.count(match row.execution {
        Execution::Confirmed if is_order(row) => "requests that ended as removed",
        Execution::Confirmed => "requests that ended as granted",
        Execution::Refused => "requests that ended as refused",
        Execution::Superseded => "requests that ended as superseded",
        Execution::Expired => "requests that ended as expired",
        Execution::Closed => "requests that ended as closed",
        _ => "requests that did not end",
    });
}

/// What the vendor shows was approved, given by hand, or there before; what an order did not manage to take is with a person.
fn more_than_approved(world: &World, books: &Books, who: &str) -> Option<String> {
    let state = world.vendor.at(world.time.now());
    let held = state.held(who);
    let person = &state.people[who];
    let all = held.facets.iter().chain(held.invited.keys());
    for facet in all.filter(|facet| facet.value != "end-user") {
        let Some(By { cause: Cause::Usher(request), .. }) = person.gave.get(facet) else { continue };
        let given_back = person.moments.iter().any(|(_, held)| held.facets.contains(facet))
            && facet.slot == "role"
            && books.of(who).any(|row| is_order(row) && row.id.0 == *request);
        let unproven =
            books.of(who).any(|row| is_order(row) && !is_proven(row) && named(row).any(|one| one == facet));
        if !books.is_entitled(who, facet) && !given_back && !unproven {
            return Some(format!("nothing more than approved: {who} has {facet}, by {request}"));
        }
    }
    None
}

/// `holdings` agrees with the vendor where nobody meddled.
async fn holdings_agree(world: &World, engine: &Engine, journal: &Arc<dyn Journal>, books: &Books) {
    let filter = HoldingsFilter { limit: 1000, ..HoldingsFilter::default() };
    let page = still(journal.holdings(&filter), true).await.unwrap();
    for holding in page.holdings {
        let subject = holding.subject.clone();
        let checked = engine.check_holdings(holding).await;
        if let Some(fault) = checked.fault {
            world.wrong(&format!("holdings agree: {fault}"));
        }
        for one in checked.holders.iter().filter(|one| one.holder.confirmed) {
            world.count("holders that were compared");
            let missing =
                one.facets.iter().filter(|(_, hold)| matches!(hold, Hold::Absent | Hold::Unreadable));
            for (facet, hold) in missing {
                if !may_be_missing(world, books, subject.as_str(), &one.holder, facet) {
                    world.wrong(&format!(
                        "holdings agree: {facet}, which {} holds, is {hold:?}",
                        one.holder.request
                    ));
                }
            }
        }
    }
}

/// Somebody else took it, or a later approval has the slot: also one whose time is over, until an order takes its value away.
fn may_be_missing(world: &World, books: &Books, who: &str, holder: &Holder, facet: &Facet) -> bool {
    let state = world.vendor.at(world.time.now());
    let taken = state.people[who].took.get(facet).map(|by| &by.cause);
    let displaced = books.rows.iter().find(|row| row.id == holder.request);
    matches!(taken, Some(Cause::Hand | Cause::Lapse))
        || (facet.slot == "role" && is_by_hand(&state, who))
        || displaced.is_some_and(|row| books.is_displaced(row, facet))
}

impl World {
    fn counts_invited(&self, app: &str) -> bool {
        self.setup.counts[usize::from(app != "app")]
    }

    /// When a request was first delivered.
    fn sent(&self, id: &RequestId) -> Duration {
        let told = self.told.lock().unwrap();
        told.iter().find(|told| told.request.id == *id).map(|told| told.began).unwrap_or_default()
    }
}

/// The rows and their histories, for whoever has to understand a failure.
pub(crate) async fn tell(world: &World, journal: &Arc<dyn Journal>) {
    let now = world.time.now();
    for row in Books::read(journal).await.rows {
        let stored = still(journal.find(&row.id), true).await.unwrap().unwrap();
        let mut state = world.vendor.at(now);
        let names: Vec<&str> = row.permissions.iter().map(|one| one.name.as_str()).collect();
        let (id, seq, who, app) = (&row.id, row.seq, &row.subject.email, &row.app_key);
        let (direction, execution, reason) = (row.direction, row.execution, &row.reason);
        state.tell(now, || {
            format!(
                "{id} #{seq} {direction:?} {names:?} {who} {app}, until {:?}: {execution:?} {reason:?}",
                row.until
            )
        });
        for entry in stored.history {
            let text = format!("{:?}", entry.record);
            state.tell(now, || format!("    {} {text:.300}", entry.at));
        }
    }
}
