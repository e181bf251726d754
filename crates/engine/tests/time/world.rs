//! All that outlives a process: time, the vendor, what goes wrong with the journal, and what was asked and told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use usher_core::Facet;
use usher_engine::Reply;
use usher_journal::{Request, RequestId};

use crate::clock::Time;
use crate::journal::Trouble;
use crate::steps::{Called, Outage, PEOPLE, Setup};
use crate::vendor::{Due, JobState, Landing, State, Vendor};

/// A day, within which nobody is sent the same mail twice (rule 24); less a minute, since it counts from the intent, and a slow journal
/// stands between that and the call.
const DAY: Duration = Duration::from_secs(24 * 3600 - 60);

/// Kills the process at an await that was chosen beforehand.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    left: AtomicU32,
    pub(crate) blown: Notify,
}

impl Fuse {
    pub(crate) fn light(&self, awaits: u32) {
        self.left.store(awaits, Ordering::SeqCst);
    }

    /// One of the awaits at which a process may be killed.
    pub(crate) async fn burn(&self) {
        match self.left.load(Ordering::SeqCst) {
            0 => {}
            1 => {
                self.left.store(0, Ordering::SeqCst);
                self.blown.notify_one();
                std::future::pending::<()>().await;
            }
            left => self.left.store(left - 1, Ordering::SeqCst),
        }
    }
}

/// A delivery, and what it was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) request: Request,
    pub(crate) began: Duration,
    pub(crate) reply: Option<Reply>,
    /// Its process has ended before it was answered.
    pub(crate) lost: bool,
}

/// What the webhooks of one request said of its end: for ever, or the latest.
#[derive(Clone, Debug)]
pub(crate) struct Approved {
    facets: Vec<Facet>,
    until: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) time: Arc<Time>,
    pub(crate) vendor: Vendor,
    pub(crate) trouble: Trouble,
    pub(crate) fuse: Fuse,
    pub(crate) told: Mutex<Vec<Told>>,
    pub(crate) approved: Mutex<BTreeMap<RequestId, Approved>>,
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let vendor = Vendor::new(&setup, &PEOPLE);
        Self {
            setup,
            time: Arc::default(),
            vendor,
            trouble: Trouble::default(),
            fuse: Fuse::default(),
            told: Mutex::default(),
            approved: Mutex::default(),
        }
    }

    pub(crate) fn count(&self, what: &'static str) {
        self.vendor.at(self.time.now()).totals.count(what);
    }

    pub(crate) fn wrong(&self, what: &str) {
        let now = self.time.now();
        self.vendor.at(now).wrong.push(format!("{what} (after {now:?})"));
    }

    /// Something is approved, by one of the webhooks of this request.
    pub(crate) fn approve(&self, id: &RequestId, request: &Request) {
        let facets = request.permissions.iter().flat_map(|one| one.facets.iter().flatten()).cloned();
        let new = Approved { facets: facets.collect(), until: request.until };
        let mut approved = self.approved.lock().unwrap();
        let known = approved.entry(id.clone()).or_insert_with(|| new.clone());
        known.until = known.until.zip(new.until).map(|(old, new)| old.max(new));
    }

    /// A change is sent.
    pub(crate) fn call_begins(&self, landing: &Landing, called: Option<Called>) {
        let now = self.time.now();
        let mut state = self.vendor.at(now);
        let (request, summary) = (&landing.request, &landing.action.summary);
        state.tell(now, || format!("{request} sends “{summary}”, which comes to {called:?}"));
        state.count_call(called);
        if called == Some(Called::NotSent) {
            return;
        }
        let Landing { who, action, request, wall, .. } = landing;
        if state.may_still_change(who) {
            state.wrong.push(format!(
                "no second effect: “{}” for {request} was sent while an earlier change may still arrive, after {now:?}",
                action.summary
            ));
        }
        let approved = self.approved.lock().unwrap().get(&RequestId(request.clone())).cloned();
        if let Some(Approved { facets, until: Some(until) }) = approved
            && until <= *wall
            && facets.iter().any(|facet| action.gives.contains(facet))
        {
            state.wrong.push(format!(
                "expiry: “{}” for {request} was sent at {wall}, and its time was over at {until}",
                action.summary
            ));
        }
        let surely_not = matches!(
            called,
            Some(Called::Throttled(_) | Called::Refused | Called::NoSeat | Called::Credential)
        );
        if action.notifies_person && !surely_not {
            let jumped = self.time.jumped();
            let mails = &mut state.person(who).mails;
            let last = mails.iter().rfind(|(step, _, _)| *step == action.name);
            let again = last.is_some_and(|(_, at, before)| (now - *at) + (jumped - *before) < DAY);
            mails.push((action.name.clone(), now, jumped));
            if again {
                state
                    .wrong
                    .push(format!("no second mail: “{}” for {request}, after {now:?}", action.summary));
            }
        }
    }
}

impl State {
    /// For whoever has to understand a failure.
    pub(crate) fn tell(&mut self, at: Duration, what: impl FnOnce() -> String) {
        if let Some(tale) = &mut self.tale {
            tale.push(format!("{at:>16.3?}  {}", what()));
        }
    }

    pub(crate) fn outage_at(&self, now: Duration) -> Option<Outage> {
        self.outage.filter(|(_, until)| now < *until).map(|(outage, _)| outage)
    }

    /// Whether a change of this person that nobody has answered may still arrive, or one that was accepted is under way.
    fn may_still_change(&self, who: &str) -> bool {
        let lands = |due: &Due| matches!(due, Due::Lands(landing) if landing.who == who);
        let at_work = |job: &JobState| matches!(job, JobState::Running { landing, ends: true, .. } if landing.who == who);
        self.due.values().any(lands) || self.jobs.values().any(at_work)
    }

    fn count_call(&mut self, called: Option<Called>) {
        let what = match called {
            None => return,
            Some(Called::NotSent) => "calls that were not sent",
            Some(Called::Throttled(None)) => "429s without Retry-After",
            Some(Called::Throttled(Some(_))) => "429s with Retry-After",
            Some(Called::Lost(_)) => "calls that timed out",
            Some(Called::Hangs(_)) => "calls that hung",
            Some(Called::Reset { applied: true }) => "resets after applying",
            Some(Called::Reset { applied: false }) => "resets before applying",
            Some(Called::FailsApplied) => "5xx after applying",
            Some(Called::Refused) => "refusals",
            Some(Called::NoSeat) => "refusals for want of a seat",
            Some(Called::Credential) => "401s",
            Some(Called::Accepted(_)) => "202s",
        };
        self.totals.count(what);
    }
}
