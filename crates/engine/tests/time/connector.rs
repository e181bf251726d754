//! The vendor as the engine sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use usher_core::{
    Account, Action, Arity, Asked, Call, Capabilities, ConfigError, Facet, Fault, Goal, Health, Hold, Known,
    Plan, Planner, Provisioner, Receipt, Refusal, RefusalKind, Remedy, Repeat, Sent, Slots, Snapshot,
    Subject, Watch, WatchState,
};

use crate::clock::pass;
use crate::steps::{Called, Job, Outage, Sight};
use crate::vendor::{Due, JobState, Landing, Reading, shown};
use crate::world::World;

/// Of a changing call.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) world: Arc<World>,
    slots: Slots,
}

impl Connector {
    /// `role` holds one value (baseline `end-user`), `team` many.
    pub(crate) fn new(world: Arc<World>) -> Self {
        let role = Arity::One { baseline: Some("end-user".to_owned()) };
        let slots = Slots::from([("role".to_owned(), role), ("team".to_owned(), Arity::Many)]);
        Self { world, slots }
    }

    fn action(&self, summary: String, gives: Option<Facet>, takes: Option<Facet>) -> Action {
        Action {
            name: summary.clone(),
            summary,
            gives: gives.into_iter().collect(),
            takes: takes.into_iter().collect(),
            repeat: Repeat::AfterReadBack,
            timeout: TIMEOUT,
            settle: self.world.setup.settle(),
            notifies_person: false,
            args: Value::Null,
        }
    }
}

impl Planner for Connector {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn tenant(&self) -> String {
        "acme".to_owned()
    }

    fn compile(&self, _: &str, _: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        Ok(BTreeSet::new())
    }

    fn plan(&self, _: &Subject, _: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        let mut plan = Plan::default();
        let wanting = |facet: &&Facet| !matches!(seen.hold(facet), Hold::Present | Hold::Pending { .. });
        for facet in goal.hold.iter().filter(wanting) {
            let old = seen.current.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
            let invites = self.world.setup.invites && facet.slot == "team";
            let verb = if invites { "invite to" } else { "give" };
            let give = self.action(format!("{verb} {facet}"), Some(facet.clone()), old);
            plan.actions.push(Action { notifies_person: invites, ..give });
        }
        for facet in goal.release.iter().filter(|facet| *seen.hold(facet) != Hold::Absent) {
            let back = goal.restore.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
            plan.actions.push(self.action(format!("take {facet}"), back, Some(facet.clone())));
        }
        plan
    }
}

/// What stands in a reading's way.
fn failed(sight: Sight) -> Option<Fault> {
    let fault = |sent, remedy| Some(Fault::new("observe", sent, remedy));
    match sight {
        Sight::Fails => fault(Sent::Yes, Remedy::Retry { after: None }),
        Sight::Throttled(after) => fault(Sent::Yes, Remedy::Throttled { after }),
        Sight::Credential => fault(Sent::Yes, Remedy::Person),
        Sight::Takes(_) | Sight::Hangs | Sight::Unreadable => None,
    }
}

/// What is said where nothing was changed.
fn answered(called: Option<Called>) -> Remedy {
    let refused = |kind, why| Remedy::Refused(Refusal::new(kind, why));
    match called {
        Some(Called::Throttled(after)) => Remedy::Throttled { after },
        Some(Called::Refused) => refused(RefusalKind::Forbidden, "the vendor forbids it"),
        Some(Called::NoSeat) => refused(RefusalKind::NoSeat, "no seat is left"),
        _ => Remedy::Person,
    }
}

#[async_trait]
impl Provisioner for Connector {
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        let world = &self.world;
        let begun = world.time.now();
        world.fuse.burn().await;
        let (sight, takes, outage) = {
            let mut state = world.vendor.at(begun);
            let sight = state.person(&who.email).sights.pop_front();
            if sight.is_some() {
                state.totals.count("readings that went wrong");
            }
            (sight, Duration::from_millis(state.person(&who.email).rng.u64(2..300)), state.outage_at(begun))
        };
        pass(takes).await;
        match outage {
            Some(Outage::Refuses) => {
                return Err(Fault::new("observe", Sent::No, Remedy::Retry { after: None }));
            }
            Some(Outage::Fails) => {
                return Err(Fault::new("observe", Sent::Yes, Remedy::Retry { after: None }));
            }
            Some(Outage::Swallows) => return Err(swallowed(call, "observe", Sent::Yes).await),
            None => {}
        }
        match sight {
            Some(Sight::Takes(time)) => pass(time).await,
            Some(Sight::Hangs) => return Err(swallowed(call, "observe", Sent::Yes).await),
            Some(sight) => {
                if let Some(fault) = failed(sight) {
                    return Err(fault);
                }
            }
            None => {}
        }
        let seen = self.snapshot(begun, who, known, of, sight == Some(Sight::Unreadable));
        world.fuse.burn().await;
        Ok(seen)
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        asked: &Asked,
        seen: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        let world = &self.world;
        world.fuse.burn().await;
        let began = world.time.now();
        let rests_on = Duration::from_nanos(seen.facts.as_u64().unwrap());
        let landing = Landing {
            who: who.email.clone(),
            action: action.clone(),
            request: asked.request.clone(),
            rests_on,
            wall: asked.now,
            late: false,
        };
        let (called, outage, there, back) = {
            let mut state = world.vendor.at(began);
            state.totals.count("changing calls");
            let called = state.person(&who.email).calls.pop_front();
            let there = Duration::from_millis(state.person(&who.email).rng.u64(1..200));
            let back = Duration::from_millis(state.person(&who.email).rng.u64(1..200));
            (called, state.outage_at(began), there, back)
        };
        let called = match outage {
            Some(Outage::Refuses) => Some(Called::NotSent),
            Some(Outage::Swallows) => Some(Called::Lost(None)),
            Some(Outage::Fails) => Some(Called::Reset { applied: false }),
            None => called,
        };
        world.call_begins(&landing, called);
        self.call(call, landing, called, there, back).await
    }

    async fn check(&self, _: &Call, _: &BTreeSet<Facet>) -> Result<Health, Fault> {
        Ok(Health::default())
    }
}

impl Connector {
    async fn call(
        &self,
        call: &Call,
        mut landing: Landing,
        called: Option<Called>,
        there: Duration,
        back: Duration,
    ) -> Result<Receipt, Fault> {
        let world = &self.world;
        let fault = |sent, remedy| Err(Fault::new("change", sent, remedy));
        let arrives = world.time.now() + there;
        let lands = |landing: Landing, at| {
            world.vendor.at(world.time.now()).plan(at, Due::Lands(Box::new(landing)));
        };
        match called {
            None => {
                lands(landing, arrives);
                self.there_and_back(there, back).await;
                Ok(Receipt::default())
            }
            Some(Called::NotSent) => fault(Sent::No, Remedy::Retry { after: None }),
            Some(Called::Accepted(job)) => {
                self.there_and_back(there, Duration::ZERO).await;
                let watch = self.begin_job(landing, job);
                pass(back).await;
                Ok(Receipt { watch: Some(watch), ..Receipt::default() })
            }
            Some(Called::Lost(late) | Called::Hangs(late)) => {
                let overrun = matches!(called, Some(Called::Hangs(_)));
                let own = call.deadline + if overrun { Duration::from_millis(500) } else { Duration::ZERO };
                let left = own.saturating_duration_since(usher_core::Clock::instant(world.time.as_ref()));
                if let Some(late) = late {
                    landing.late = true;
                    lands(landing, world.time.now() + left + late);
                }
                pass(left).await;
                if overrun {
                    std::future::pending::<()>().await;
                }
                fault(Sent::Maybe, Remedy::ReadBack)
            }
            Some(Called::Reset { applied }) => {
                if applied {
                    lands(landing, arrives);
                }
                self.there_and_back(there, back).await;
                fault(Sent::Maybe, Remedy::ReadBack)
            }
            Some(Called::FailsApplied) => {
                lands(landing, arrives);
                self.there_and_back(there, back).await;
                fault(Sent::Yes, Remedy::ReadBack)
            }
            Some(Called::Throttled(_) | Called::Refused | Called::NoSeat | Called::Credential) => {
                self.there_and_back(there, back).await;
                fault(Sent::Yes, answered(called))
            }
        }
    }

    async fn there_and_back(&self, there: Duration, back: Duration) {
        self.world.fuse.burn().await;
        pass(there).await;
        self.world.fuse.burn().await;
        pass(back).await;
        self.world.fuse.burn().await;
    }

    /// The vendor accepts a change, and is at it.
    fn begin_job(&self, landing: Landing, job: Job) -> Watch {
        let now = self.world.time.now();
        let mut state = self.world.vendor.at(now);
        let number = state.number();
        let watch = Watch {
            facets: landing.action.gives.clone(),
            args: json!(number),
            every: Duration::from_secs(5),
            within: Duration::from_secs(600),
        };
        let (fails, end) = match job {
            Job::Done(time) => (false, Some(time)),
            Job::Fails(time) => (true, Some(time)),
            Job::Never => (true, None),
        };
        state.totals.count(match job {
            Job::Done(_) => "202s that were done",
            Job::Fails(_) => "202s that failed",
            Job::Never => "202s that never ended",
        });
        let running = JobState::Running { landing: Box::new(landing), fails, ends: end.is_some() };
        state.jobs.insert(number, running);
        if let Some(time) = end {
            state.plan(now + time, Due::JobEnds(number));
        }
        drop(state);
        watch
    }

    fn snapshot(
        &self,
        begun: Duration,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
        unreadable: bool,
    ) -> Snapshot {
        let (setup, ended) = (&self.world.setup, self.world.time.now());
        let since = begun.saturating_sub(setup.lag);
        let mut state = self.world.vendor.at(ended);
        let all: Vec<_> = state.moments_since(&who.email, since).cloned().collect();
        let held = all[state.person(&who.email).rng.usize(..all.len())].clone();
        if held != *all.last().unwrap() {
            state.totals.count("stale readings");
        }
        let reading = Reading { since, ended };
        state.tell(ended, || {
            format!("a reading since {begun:?} of {}: {:?}, {unreadable}", who.email, held.facets)
        });
        state.person(&who.email).readings.push(reading);
        let mut facets: BTreeMap<Facet, Hold> =
            held.facets.iter().map(|facet| (facet.clone(), Hold::Present)).collect();
        for facet in of {
            let hold = if unreadable { Hold::Unreadable } else { shown(setup, &held, facet, known.invited) };
            facets.insert(facet.clone(), hold);
        }
        let one = |facet: &&Facet| matches!(self.slots.get(&facet.slot), Some(Arity::One { .. }));
        let watches = known.watches.iter().map(|watch| match state.jobs.get(&watch.args.as_u64().unwrap()) {
            Some(JobState::Running { .. }) => WatchState::Running,
            Some(JobState::Failed) => {
                WatchState::Failed(Refusal::new(RefusalKind::Other, "the vendor gave it up"))
            }
            Some(JobState::Done) | None => WatchState::Done,
        });
        let account = match held.account {
            true => Account::Found { id: Some(format!("of {}", who.email)) },
            false => Account::Absent,
        };
        Snapshot {
            account,
            current: held.facets.iter().filter(one).map(|f| (f.slot.clone(), f.value.clone())).collect(),
            facets,
            handles: known.handles.clone(),
            watches: watches.collect(),
            facts: json!(u64::try_from(since.as_nanos()).unwrap()),
            lag: setup.lag,
            evidence: Vec::new(),
        }
    }
}

async fn swallowed(call: &Call, operation: &str, sent: Sent) -> Fault {
    tokio::time::sleep_until(call.deadline).await;
    Fault::new(operation, sent, Remedy::Retry { after: None })
}
