//! All that the sandbox knows, and the few ways in which it changes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::directory::Directory;
use crate::exchange::{Reply, VendorRequest};
use crate::fault::{Facts, Fault};
use crate::github::Organisation;
use crate::history::Reading;
use crate::lumos::Desk;
use crate::operation::Vendor;
use crate::records::{Arrival, CallEnd, CallId, Records};
use crate::sandbox::Seed;
use crate::stand_in::{Doing, StandIn};
use crate::switch::{Meeting, Switch};
use crate::zendesk::Account;

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) records: Records,
    pub(crate) switch: Switch,
    pub(crate) zendesk: Account,
    pub(crate) lumos: Desk,
    pub(crate) github: Organisation,
    pub(crate) directory: Directory,
}

impl World {
    fn new(records: Records, wall: Timestamp) -> Self {
        Self {
            records,
            switch: Switch::default(),
            zendesk: Account::new(wall),
            lumos: Desk::default(),
            github: Organisation::new(wall),
            directory: Directory::default(),
        }
    }

    /// The vendor's stand-in, with the records and the switch beside it.
    fn parts(&mut self, vendor: Vendor) -> (&mut dyn StandIn, &mut Records, &mut Switch) {
        let stand_in: &mut dyn StandIn = match vendor {
            Vendor::Zendesk => &mut self.zendesk,
            Vendor::Lumos => &mut self.lumos,
            Vendor::Github => &mut self.github,
            Vendor::Directory => &mut self.directory,
        };
        (stand_in, &mut self.records, &mut self.switch)
    }
}

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) clock: Clock,
    /// The longest that anything waits.
    pub(crate) patience: Duration,
    /// Where the sandbox listens, as in `http://127.0.0.1:8090`.
    pub(crate) url: String,
    pub(crate) stop: CancellationToken,
    /// Effects that come late outlive their connections.
    pub(crate) late: TaskTracker,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, patience: Duration, url: String) -> Self {
        let world = World::new(Records::default(), clock.wall());
        Self {
            world: Mutex::new(world),
            clock,
            patience,
            url,
            stop: CancellationToken::new(),
            late: TaskTracker::new(),
            changed: watch::Sender::new(0),
        }
    }

    /// The state. A panic elsewhere leaves it whole enough: each change is one assignment.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told whenever a call arrives or ends, or an effect happens.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Writes a call down and says what meets it.
    pub(crate) fn arrive(&self, request: &VendorRequest) -> (CallId, Option<Meeting>) {
        let now = self.clock.now();
        let mut world = self.world();
        let (stand_in, records, switch) = world.parts(request.vendor);
        let subject = stand_in.subject(request);
        let facts = Facts {
            vendor: request.vendor,
            operation: request.operation(),
            method: request.method.as_str(),
            path: &request.path,
            subject: subject.as_deref(),
        };
        let meeting = switch.meet(request, &facts, now);
        if let Some(Meeting { fault: Fault::Unauthorized { revoke_tokens: true }, .. }) = &meeting {
            stand_in.revoke_tokens();
        }
        let arrival = Arrival {
            vendor: request.vendor,
            operation: request.operation(),
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.iter().map(|(name, _)| name.clone()).collect(),
            fault: meeting.as_ref().map(|meeting| meeting.fault.name().to_owned()),
            subject,
        };
        let call = records.arrive(now, arrival);
        drop(world);
        self.tell();
        (call, meeting)
    }

    /// Does what the request asks; `stale` for a reading of an earlier state.
    pub(crate) fn apply(&self, request: &VendorRequest, call: CallId, stale: Option<&Fault>) -> Reply {
        let now = self.clock.now();
        let wall = self.clock.wall();
        let mut world = self.world();
        let (stand_in, records, _) = world.parts(request.vendor);
        if !records.is_of_now(call) {
            return Reply::forgotten();
        }
        if records.is_full() && !request.reads() {
            return Reply::full();
        }
        let reading = match stale {
            Some(Fault::Stale { behind_ms: Some(behind) }) => {
                stand_in.timeline().at(now.saturating_sub(Duration::from_millis(*behind)))
            }
            Some(Fault::Stale { behind_ms: None }) => stand_in.timeline().before_last(),
            _ => Reading::Now,
        };
        let reply = stand_in.handle(&mut Doing { request, call, now, wall, reading, records });
        drop(world);
        self.tell();
        reply
    }

    pub(crate) fn end(&self, call: CallId, end: CallEnd, status: Option<u16>) {
        self.world().records.end(call, end, status);
        self.tell();
    }

    /// Everything as at the start: state, records, fault rules. The clock keeps its time.
    pub(crate) fn reset(&self) {
        let wall = self.clock.wall();
        let mut world = self.world();
        let records = world.records.after_reset();
        *world = World::new(records, wall);
        drop(world);
        self.tell();
    }

    /// Puts in what the seed says; the ids of the seeded Zendesk users in its order.
    pub(crate) fn seed(&self, seed: &Seed) -> Result<Vec<u64>, String> {
        let wall = self.clock.wall();
        let mut world = self.world();
        let ids = world.zendesk.seed(&seed.zendesk, wall)?;
        world.lumos.seed(&seed.lumos)?;
        world.github.seed(&seed.github, wall)?;
        world.directory.seed(&seed.directory)?;
        Ok(ids)
    }
}
