//! The engine in a house of its own: a vendor that does as it is told, a journal in memory, and time that stands still until it is
//! waited for (`start_paused`).

mod calls;
mod disk;
mod invitations;
pub(crate) mod lumos;
pub(crate) mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use usher_core::{App, Clock, Direction, Facet, Subject, SubjectKey};
use usher_engine::{
    AfterDeadline, Alert, Alerts, Answer, AppPolicy, BreakerSettings, Connection, Delivery, Engine, Limits,
    Parts, Reply,
};
use usher_journal::{
    AnswerState, Arrival, AskedPermission, Execution, Journal, Ledger, MemoryJournal, Request, RequestId,
    Stored, Telling,
};

use disk::{Disk, disk};

pub(crate) use disk::Kill;
pub(crate) use vendor::{Applying, Observing, Vendor};

/// Monotonic time is tokio's; wall time goes with it, and can be moved.
#[derive(Debug)]
pub(crate) struct TestClock {
    start: Instant,
    offset: Mutex<SignedDuration>,
}

impl TestClock {
    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    fn new() -> Self {
        Self { start: Instant::now(), offset: Mutex::default() }
    }

    pub(crate) fn jump(&self, by: SignedDuration) {
        *self.offset.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let base: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        let elapsed = SignedDuration::try_from(self.instant() - self.start).unwrap();
        base + elapsed + *self.offset.lock().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<Alert>>);

impl Alerts for Heard {
    fn alert(&self, alert: Alert) {
        self.0.lock().unwrap().push(alert);
    }
}

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) vendor: Vendor,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) heard: Arc<Heard>,
    /// Lumos's own API, once a test has set it.
    pub(crate) desk: Option<lumos::Desk>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) policy: AppPolicy,
    pub(crate) limits: Limits,
    /// From the next start on the app (or the whole connection) is not configured any more.
    pub(crate) without_app: bool,
    pub(crate) without_connection: bool,
    boots: u64,
    ids: AtomicU64,
}

/// `agent`, `light`: values of the one-value slot `role`. `a`, `b`: teams. `both`: an agent in team a.
pub(crate) fn policy() -> AppPolicy {
    let one = |slot: &str, value: &str| BTreeSet::from([Facet::new(slot, value)]);
    let mut permissions = BTreeMap::new();
    permissions.insert("agent".to_owned(), one("role", "agent"));
    permissions.insert("light".to_owned(), one("role", "light"));
    permissions.insert("a".to_owned(), one("team", "a"));
    permissions.insert("b".to_owned(), one("team", "b"));
    permissions
        .insert("both".to_owned(), BTreeSet::from([Facet::new("role", "agent"), Facet::new("team", "a")]));
    AppPolicy {
        after_deadline: AfterDeadline::Continue,
        counts_invited: false,
        remove_account: false,
        permissions,
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(policy()).await
    }

    pub(crate) async fn with(policy: AppPolicy) -> Self {
        let vendor = Vendor::new();
        let clock = Arc::new(TestClock::new());
        let heard = Arc::new(Heard::default());
        let limits = Limits::default();
        let disk = disk(Arc::new(MemoryJournal::new()));
        let parts = parts(&vendor, &clock, &heard, &disk, &policy, limits, 1);
        let engine = Engine::start(parts).await.unwrap();
        Self {
            engine,
            vendor,
            clock,
            heard,
            desk: None,
            disk,
            policy,
            limits,
            without_app: false,
            without_connection: false,
            boots: 1,
            ids: AtomicU64::new(0),
        }
    }

    /// An app whose grants stop once they are late.
    pub(crate) async fn that_stops() -> Self {
        Self::with(AppPolicy { after_deadline: AfterDeadline::Stop, ..policy() }).await
    }

    /// From here on there is Lumos's API.
    pub(crate) async fn with_desk(mut self) -> (Self, lumos::Desk) {
        let desk = lumos::Desk::default();
        self.desk = Some(desk.clone());
        self.crash().await;
        (self, desk)
    }

    /// kill -9, and a new process on the same journal.
    pub(crate) async fn crash(&mut self) {
        self.kill();
        self.boot().await;
    }

    pub(crate) fn kill(&mut self) {
        self.disk.dead.store(true, Ordering::SeqCst);
    }

    pub(crate) async fn boot(&mut self) {
        self.boots += 1;
        self.disk = disk(self.disk.memory.clone());
        let mut parts =
            parts(&self.vendor, &self.clock, &self.heard, &self.disk, &self.policy, self.limits, self.boots);
        parts.lumos = self.desk.clone().map(|desk| Arc::new(desk) as Arc<dyn usher_engine::Lumos>);
        if self.without_app {
            parts.connections.get_mut("acme").unwrap().apps.remove("app");
        }
        if self.without_connection {
            parts.connections.clear();
        }
        self.engine = Engine::start(parts).await.unwrap();
    }

    /// The process is killed at one of the next writes.
    pub(crate) fn kill_at(&self, kill: Kill) {
        *self.disk.left.lock().unwrap() = Some(kill);
    }

    /// A grant of the other app of this connection, which maps the same.
    pub(crate) fn of_other_app(&self, mut request: Request) -> Request {
        request.app_key = "other".to_owned();
        request.app.id = "other".to_owned();
        request
    }

    /// The same webhook, delivered again: a row of its own, unless the journal knows it.
    pub(crate) fn again(&self, request: &Request) -> Request {
        let n = self.ids.fetch_add(1, Ordering::SeqCst) + 1;
        Request { id: RequestId(format!("r{n}")), ..request.clone() }
    }

    pub(crate) fn ending_in(&self, mut request: Request, time: Duration) -> Request {
        request.until = Some(self.clock.now() + SignedDuration::try_from(time).unwrap());
        request
    }

    /// Everything has ended or waits for a person, and nothing is left of it in memory.
    pub(crate) async fn is_at_rest(&self) {
        self.pass(seconds(1)).await;
        assert!(self.engine.is_idle(), "a run, a lane or a gate is left over");
    }

    /// Every write is on disk at once, and is known to be so after this long.
    pub(crate) fn slow_acks(&self, by: Duration) {
        *self.disk.slow_acks.lock().unwrap() = by;
    }

    /// Every reading of a ledger takes this long from here on.
    pub(crate) fn slow_reads(&self, by: Duration) {
        *self.disk.slow_reads.lock().unwrap() = by;
    }

    /// Every write takes this long from here on.
    pub(crate) fn slow_disk(&self, by: Duration) {
        *self.disk.slow.lock().unwrap() = by;
    }

    pub(crate) fn grant(&self, email: &str, permissions: &[&str]) -> Request {
        self.request(Direction::Provision, email, permissions)
    }

    pub(crate) fn order(&self, email: &str, permissions: &[&str]) -> Request {
        self.request(Direction::Deprovision, email, permissions)
    }

    /// A deprovisioning that names no permission.
    pub(crate) fn order_of_all(&self, email: &str) -> Request {
        let names: Vec<&str> = self.policy.permissions.keys().map(String::as_str).collect();
        let mut request = self.request(Direction::Deprovision, email, &names);
        request.all = true;
        request
    }

    fn request(&self, direction: Direction, email: &str, permissions: &[&str]) -> Request {
        let n = self.ids.fetch_add(1, Ordering::SeqCst) + 1;
        let subject = Subject {
            email: email.to_owned(),
            given_name: None,
            family_name: None,
            custom_fields: BTreeMap::new(),
        };
        let permissions = permissions.iter().map(|name| AskedPermission {
            name: (*name).to_owned(),
            facets: self.policy.permissions.get(*name).cloned(),
        });
        Request {
            id: RequestId(format!("r{n}")),
            seq: 0,
            attempt: 1,
            received: self.clock.now(),
            updated: self.clock.now(),
            direction,
            route: format!("/webhooks/{}", direction.as_str()),
            connection: "acme".to_owned(),
            app_key: "app".to_owned(),
            app: App { id: "app".to_owned(), instance: None, label: None },
            permissions: permissions.collect(),
            all: false,
            subject_key: subject.key(),
            subject,
            lumos_request: Some(format!("lumos-{n}")),
            task_url: None,
            comment: None,
            until: None,
            config: "hash".to_owned(),
            dry_run: false,
            execution: Execution::Accepted,
            reason: None,
            answer: AnswerState::None,
            telling: Telling::None,
            next_at: None,
        }
    }

    /// Delivers it now, and waits for the answer.
    pub(crate) async fn send(&self, request: &Request) -> Reply {
        self.engine.deliver(self.delivery(request)).await
    }

    /// Delivers it now, and does not wait.
    pub(crate) fn post(&self, request: &Request) -> tokio::task::JoinHandle<Reply> {
        let (engine, delivery) = (self.engine.clone(), self.delivery(request));
        tokio::spawn(async move { engine.deliver(delivery).await })
    }

    /// Delivers what began to arrive earlier.
    pub(crate) async fn send_begun(&self, request: &Request, began: Instant) -> Reply {
        self.engine.deliver(Delivery { began, ..self.delivery(request) }).await
    }

    fn delivery(&self, request: &Request) -> Delivery {
        let arrival = Arrival { request: request.clone(), body: b"{}".to_vec() };
        Delivery { arrival, began: self.clock.instant() }
    }

    pub(crate) async fn row(&self, request: &Request) -> Request {
        self.stored(request).await.request
    }

    pub(crate) async fn stored(&self, request: &Request) -> Stored {
        self.disk.memory.find(&request.id).await.unwrap().expect("the request is in the journal")
    }

    pub(crate) async fn ledger(&self, email: &str) -> Ledger {
        self.disk.memory.ledger("acme", &SubjectKey::of(email)).await.unwrap()
    }

    /// Kinds of the history's records, in order.
    pub(crate) async fn history(&self, request: &Request) -> Vec<&'static str> {
        self.stored(request).await.history.iter().map(|entry| entry.record.kind()).collect()
    }

    pub(crate) fn alerts(&self) -> Vec<String> {
        self.heard
            .0
            .lock()
            .unwrap()
            .iter()
            .map(|alert| format!("{}: {}", alert.kind.as_str(), alert.sentence))
            .collect()
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.instant()
    }

    /// Lets time pass, with all that happens in it.
    pub(crate) async fn pass(&self, time: Duration) {
        wait(time).await;
    }
}

fn parts(
    vendor: &Vendor,
    clock: &Arc<TestClock>,
    heard: &Arc<Heard>,
    disk: &Arc<Disk>,
    policy: &AppPolicy,
    limits: Limits,
    boot: u64,
) -> Parts {
    let connection = Connection {
        provisioner: Arc::new(vendor.clone()),
        apps: BTreeMap::from([("app".to_owned(), policy.clone()), ("other".to_owned(), policy.clone())]),
        breaker: Some(BreakerSettings::default()),
    };
    Parts {
        journal: disk.clone(),
        clock: clock.clone(),
        boot,
        connections: BTreeMap::from([("acme".to_owned(), connection)]),
        limits,
        alerts: heard.clone(),
        lumos: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "paused time: it advances when everybody waits")]
async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

pub(crate) fn reason(answer: &Answer) -> &str {
    match answer {
        Answer::Positive => "positive",
        Answer::Negative { reason } => reason,
    }
}

pub(crate) const ADA: &str = "ada@example.com";

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
