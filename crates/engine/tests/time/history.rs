//! One history: its steps, taken one after another, in one process after another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use usher_core::Facet;
use usher_engine::{
    Act, AfterDeadline, AppPolicy, BreakerSettings, Connection, Engine, Limits, LogAlerts, Parts,
};
use usher_journal::Journal;

use crate::clock::pass;
use crate::connector::Connector;
use crate::journal::Disk;
use crate::properties;
use crate::shelf::Shelf;
use crate::steps::{APPS, PEOPLE, Setup, Step, finale};
use crate::totals::Totals;
use crate::webhooks::permissions;
use crate::world::World;

/// What a history came to.
pub(crate) struct Outcome {
    pub(crate) wrong: Vec<String>,
    pub(crate) totals: Totals,
    /// What happened, where the setup asks for it.
    pub(crate) tale: Vec<String>,
}

/// Runs a history from its beginning to its end.
pub(crate) fn run(setup: &Setup, steps: &[Step], shelf: &Shelf) -> Outcome {
    let world = Arc::new(World::new(setup.clone()));
    let mut all: Vec<Step> = steps.to_vec();
    all.extend(finale());
    let mut story = Story { world: world.clone(), steps: all, next: 0, boots: 0, checked: None };
    while story.next < story.steps.len() && !story.is_wrong() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(8)
            .build()
            .unwrap();
        let gone = runtime.block_on(story.process(shelf));
        // kill -9: every task ends at the await where it is.
        drop(runtime);
        world.time.skip(gone);
    }
    let mut state = world.vendor.at(world.time.now());
    state.totals.count("histories");
    let days = world.time.now().as_secs() / (24 * 3600);
    state.totals.add("days", days);
    Outcome {
        wrong: state.wrong.clone(),
        totals: state.totals.clone(),
        tale: state.tale.take().unwrap_or_default(),
    }
}

pub(crate) struct Story {
    pub(crate) world: Arc<World>,
    steps: Vec<Step>,
    next: usize,
    boots: u64,
    /// How far the vendor and the journal were when they were last looked at.
    pub(crate) checked: Option<(u64, u64)>,
}

impl Story {
    fn is_wrong(&self) -> bool {
        !self.world.vendor.at(self.world.time.now()).wrong.is_empty()
    }

    fn parts(&self, journal: Arc<dyn Journal>) -> Parts {
        let setup = &self.world.setup;
        let policy = |app: usize| AppPolicy {
            after_deadline: if setup.stops[app] { AfterDeadline::Stop } else { AfterDeadline::Continue },
            counts_invited: setup.counts[app],
            remove_account: false,
            permissions: permissions(),
        };
        let connection = Connection {
            provisioner: Arc::new(Connector::new(self.world.clone())),
            apps: APPS.iter().enumerate().map(|(n, app)| ((*app).to_owned(), policy(n))).collect(),
            breaker: setup.breaks.then(BreakerSettings::default),
        };
        Parts {
            journal,
            clock: self.world.time.clone(),
            boot: self.boots,
            connections: BTreeMap::from([("acme".to_owned(), connection)]),
            limits: Limits::default(),
            alerts: Arc::new(LogAlerts),
            lumos: None,
        }
    }

    /// One process, until it is killed or the history is over. Returns for how long there is none afterwards.
    async fn process(&mut self, shelf: &Shelf) -> Duration {
        let world = self.world.clone();
        world.time.process_starts();
        let inner = shelf.open().await;
        let gone = self.lives(&inner, shelf.is_real()).await;
        let now = world.time.now();
        for told in world.told.lock().unwrap().iter_mut().filter(|told| told.reply.is_none()) {
            told.lost = true;
        }
        world.vendor.at(now).orphan(now);
        world.fuse.light(0);
        world.time.process_ends();
        gone
    }

    async fn lives(&mut self, inner: &Arc<dyn Journal>, is_real: bool) -> Duration {
        self.boots += 1;
        let world = self.world.clone();
        let disk = Arc::new(Disk::new(inner.clone(), world.clone(), is_real));
        let engine = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => return Duration::ZERO,
            engine = Engine::start(self.parts(disk)) => engine,
        };
        let Ok(engine) = engine else {
            // Whoever keeps it running starts it again.
            return Duration::from_secs(1);
        };
        while let Some(step) = self.steps.get(self.next).copied() {
            self.next += 1;
            let (kills, gone) = match step {
                Step::Kill { gone } => (true, gone),
                Step::KillAt { gone, .. } => (false, gone),
                _ => (false, Duration::from_secs(1)),
            };
            if kills {
                world.count("processes that were killed");
                return gone;
            }
            tokio::select! {
                biased;
                () = world.fuse.blown.notified() => {
                    world.count("processes that were killed at a chosen await");
                    return gone;
                }
                _ = engine.lost() => {
                    world.count("processes that ended with their journal");
                    return gone;
                }
                () = self.take(step, &engine, inner) => {}
            }
            properties::check(self, inner).await;
            if self.is_wrong() {
                if world.setup.tells {
                    properties::tell(&world, inner).await;
                }
                break;
            }
        }
        Duration::ZERO
    }

    async fn take(&self, step: Step, engine: &Engine, inner: &Arc<dyn Journal>) {
        let world = &self.world;
        let now = world.time.now();
        world.vendor.at(now).tell(now, || format!("{step:?}"));
        match step {
            Step::Grant { who, app, names, hours } => {
                self.deliver(engine, inner, self.grant(who, app, names, hours));
            }
            Step::Order { who, app, names } => self.deliver(engine, inner, self.order(who, app, names)),
            Step::OrderAll { who, app } => self.deliver(engine, inner, self.order(who, app, &[])),
            Step::Again(back) => {
                let Some(request) = self.again(back) else { return };
                world.count("repeated deliveries");
                self.deliver(engine, inner, request);
            }
            Step::Replay(back) => self.operate(engine, back, Act::Replay).await,
            Step::Close(back) => self.operate(engine, back, Act::Close).await,
            Step::Pause => self.pause(engine).await,
            Step::Resume => drop(engine.pause("acme", None).await),
            Step::Pass(time) => pass(time).await,
            Step::Calls { who, as_ } => world.vendor.at(now).person(PEOPLE[who]).calls.push_back(as_),
            Step::Shows { who, as_ } => world.vendor.at(now).person(PEOPLE[who]).sights.push_back(as_),
            Step::Down { as_, time } => {
                world.vendor.at(now).outage = Some((as_, now + time));
                world.count("outages");
            }
            Step::Hand { who, gives, facet } => {
                world.vendor.at(now).hand(PEOPLE[who], gives, &Facet::new(facet.0, facet.1), now);
                world.count("changes by hand");
            }
            Step::Accepts(who) => world.vendor.at(now).accept(PEOPLE[who], now),
            Step::AllAccept => {
                for who in PEOPLE {
                    world.vendor.at(now).accept(who, now);
                }
            }
            Step::Kill { .. } => {}
            Step::KillAt { awaits, .. } => world.fuse.light(awaits),
            Step::JournalAway(_) | Step::JournalFails { .. } | Step::SlowJournal(_) => {
                self.trouble_journal(step, now);
            }
            Step::Clock(seconds) => {
                world.time.step(SignedDuration::from_secs(seconds));
                world.count(if seconds < 0 { "clock steps backwards" } else { "clock steps forwards" });
            }
            Step::Heal => self.heal(engine).await,
            Step::ReplayAll => self.see_to_all(engine, inner, true).await,
            Step::CloseAll => self.see_to_all(engine, inner, false).await,
            Step::End => properties::at_the_end(self, engine, inner).await,
        }
    }

    fn trouble_journal(&self, step: Step, now: Duration) {
        let trouble = &self.world.trouble;
        match step {
            Step::JournalAway(time) => {
                *trouble.away_until.lock().unwrap() = now + time;
                self.world.count("times that the journal was out of reach");
            }
            Step::JournalFails { written } => *trouble.fails.lock().unwrap() = Some(written),
            Step::SlowJournal(time) => *trouble.slow.lock().unwrap() = time,
            _ => {}
        }
    }
}
