//! The engine in a house of its own: a vendor that does as it is told, a journal in memory, and time that stands still until it is
//! waited for (`start_paused`).

pub(crate) mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use usher_core::{App, Clock, Direction, Facet, Subject, SubjectKey};
use usher_engine::{
    AfterDeadline, Alert, Alerts, Answer, AppPolicy, Connection, Delivery, Engine, Limits, Parts, Reply,
};
use usher_journal::{
    Accepted, AnswerState, Arrival, AskedPermission, Committed, Execution, Filter, Journal, JournalError,
    Ledger, MemoryJournal, Moment, Page, Pause, Record, Request, RequestId, Stored, Telling,
};

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

/// The journal of one process. Killed, it never answers that process again; what is written stays.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) memory: Arc<MemoryJournal>,
    dead: AtomicBool,
    slow: Mutex<Duration>,
}

impl Disk {
    async fn alive(&self) {
        let slow = *self.slow.lock().unwrap();
        if !slow.is_zero() {
            wait(slow).await;
        }
        if self.dead.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl Journal for Disk {
    async fn accept(&self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError> {
        self.alive().await;
        self.memory.accept(arrival, at).await
    }
    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        if self.dead.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        self.memory.ledger(connection, subject).await
    }
    async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError> {
        self.memory.account_owner(connection, account).await
    }
    async fn commit(
        &self,
        request: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.alive().await;
        self.memory.commit(request, records, at).await
    }
    async fn answered(
        &self,
        id: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError> {
        self.alive().await;
        self.memory.answered(id, attempt, answer, at).await
    }
    async fn replay(
        &self,
        id: &RequestId,
        by: &str,
        reason: &str,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        self.alive().await;
        self.memory.replay(id, by, reason, at).await
    }
    async fn claim(&self, at: Moment) -> Result<Vec<Request>, JournalError> {
        self.memory.claim(at).await
    }
    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.memory.find(request).await
    }
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.memory.list(filter).await
    }
    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.memory.pause(connection, pause).await
    }
    async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError> {
        self.memory.pauses().await
    }
    async fn ready(&self) -> Result<(), JournalError> {
        self.memory.ready().await
    }
    async fn close(&self) {}
}

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) vendor: Vendor,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) policy: AppPolicy,
    pub(crate) limits: Limits,
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
        let engine = start(&vendor, &clock, &heard, &disk, &policy, limits, 1).await;
        Self { engine, vendor, clock, heard, disk, policy, limits, boots: 1, ids: AtomicU64::new(0) }
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
        self.engine =
            start(&self.vendor, &self.clock, &self.heard, &self.disk, &self.policy, self.limits, self.boots)
                .await;
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

    /// Lets time pass, with all that happens in it.
    pub(crate) async fn pass(&self, time: Duration) {
        wait(time).await;
    }
}

fn disk(memory: Arc<MemoryJournal>) -> Arc<Disk> {
    Arc::new(Disk { memory, dead: AtomicBool::new(false), slow: Mutex::default() })
}

async fn start(
    vendor: &Vendor,
    clock: &Arc<TestClock>,
    heard: &Arc<Heard>,
    disk: &Arc<Disk>,
    policy: &AppPolicy,
    limits: Limits,
    boot: u64,
) -> Engine {
    let connection = Connection {
        provisioner: Arc::new(vendor.clone()),
        apps: BTreeMap::from([("app".to_owned(), policy.clone()), ("other".to_owned(), policy.clone())]),
    };
    Engine::start(Parts {
        journal: disk.clone(),
        clock: clock.clone(),
        boot,
        connections: BTreeMap::from([("acme".to_owned(), connection)]),
        limits,
        alerts: heard.clone(),
    })
    .await
    .unwrap()
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

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
