//! The engine, the real limiter, and a vendor in time that passes only when everybody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;
use usher_core::{App, Clock, Direction, Facet, Limiter, Subject};
use usher_engine::{
    AfterDeadline, Alert, Alerts, Answer, AppPolicy, Connection, Delivery, Engine, Limits, Parts,
};
use usher_journal::{
    AnswerState, Arrival, AskedPermission, Execution, Journal, MemoryJournal, Request, RequestId, Telling,
};
use usher_vendor_client::LimitSettings;

use crate::vendor::Vendor;

/// Monotonic time is tokio's; wall time goes with it.
#[derive(Debug)]
pub(crate) struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let base: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        base + SignedDuration::try_from(self.instant() - self.0).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

#[derive(Debug)]
struct Silent;

impl Alerts for Silent {
    fn alert(&self, _: Alert) {}
}

/// How a limit, its vendor and its calls are.
pub(crate) struct Terms {
    pub(crate) per_minute: Option<u32>,
    pub(crate) burst: u32,
    pub(crate) concurrency: usize,
    /// How long a call takes.
    pub(crate) takes: Duration,
    pub(crate) calls_of_a_reading: usize,
}

pub(crate) struct Burst {
    pub(crate) engine: Engine,
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) limits: Arc<usher_vendor_client::Limits>,
    pub(crate) clock: Arc<TestClock>,
    journal: Arc<MemoryJournal>,
}

/// What the sender of a request was told, and how long that took.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) request: RequestId,
    pub(crate) direction: Direction,
    pub(crate) answer: Answer,
    pub(crate) took: Duration,
}

impl Told {
    pub(crate) fn is_positive(&self) -> bool {
        self.answer == Answer::Positive
    }
}

impl Burst {
    pub(crate) async fn new(terms: &Terms) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
        let clock = Arc::new(TestClock(Instant::now()));
        let settings = LimitSettings {
            per_minute: terms.per_minute.and_then(NonZeroU32::new),
            burst: NonZeroU32::new(terms.burst).unwrap(),
            concurrency: NonZeroUsize::new(terms.concurrency).unwrap(),
            waiting: 1024,
        };
        let limits = Arc::new(usher_vendor_client::Limits::new(settings, clock.clone()));
        let limiter: Arc<dyn Limiter> = limits.clone();
        let vendor = Arc::new(Vendor::new(limiter, clock.clone(), terms.takes, terms.calls_of_a_reading));
        let journal = Arc::new(MemoryJournal::new());
        let policy = AppPolicy {
            after_deadline: AfterDeadline::Continue,
            counts_invited: false,
            remove_account: false,
            permissions: BTreeMap::from([("a".to_owned(), BTreeSet::from([Facet::new("team", "a")]))]),
        };
        let connection = Connection {
            provisioner: vendor.clone(),
            apps: BTreeMap::from([("app".to_owned(), policy)]),
            breaker: None,
        };
        let parts = Parts {
            journal: journal.clone(),
            clock: clock.clone(),
            boot: 1,
            connections: BTreeMap::from([("acme".to_owned(), connection)]),
            limits: Limits::default(),
            alerts: Arc::new(Silent),
            lumos: None,
        };
        let engine = Engine::start(parts).await.unwrap();
        Self { engine, vendor, limits, clock, journal }
    }

    /// Sends them all at once, in this order, and waits for every answer.
    pub(crate) async fn send(&self, requests: impl IntoIterator<Item = Request>) -> Vec<Told> {
        let mut sent = JoinSet::new();
        for request in requests {
            let (engine, clock) = (self.engine.clone(), self.clock.clone());
            sent.spawn(async move {
                let (began, direction) = (clock.instant(), request.direction);
                let arrival = Arrival { request, body: b"{}".to_vec() };
                let reply = engine.deliver(Delivery { arrival, began }).await;
                Told {
                    request: reply.request,
                    direction,
                    answer: reply.answer,
                    took: clock.instant() - began,
                }
            });
        }
        sent.join_all().await
    }

    pub(crate) fn grant(&self, number: usize) -> Request {
        self.request(number, Direction::Provision)
    }

    /// An order for somebody who has it.
    pub(crate) fn order(&self, number: usize) -> Request {
        let request = self.request(number, Direction::Deprovision);
        let email = request.subject.email.clone();
        self.vendor.lock().teams.insert(email, BTreeSet::from([Facet::new("team", "a")]));
        request
    }

    fn request(&self, number: usize, direction: Direction) -> Request {
        let kind = direction.as_str();
        let subject = Subject {
            email: format!("{kind}-{number}@example.com"),
            given_name: None,
            family_name: None,
            custom_fields: BTreeMap::new(),
        };
        let permission =
            AskedPermission { name: "a".to_owned(), facets: Some(BTreeSet::from([Facet::new("team", "a")])) };
        Request {
            id: RequestId(format!("{kind}-{number}")),
            seq: 0,
            attempt: 1,
            received: self.clock.now(),
            updated: self.clock.now(),
            direction,
            route: format!("/webhooks/{kind}"),
            connection: "acme".to_owned(),
            app_key: "app".to_owned(),
            app: App { id: "app".to_owned(), instance: None, label: None },
            permissions: vec![permission],
            all: false,
            subject_key: subject.key(),
            subject,
            lumos_request: Some(format!("lumos-{kind}-{number}")),
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

    pub(crate) async fn row(&self, id: &RequestId) -> Request {
        self.journal.find(id).await.unwrap().expect("the request is in the journal").request
    }

    /// Since the clock began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.instant() - self.clock.0
    }

    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at - self.clock.0
    }

    pub(crate) fn clock_at(&self, time: Duration) -> Instant {
        self.clock.0 + time
    }

    #[expect(clippy::disallowed_methods, reason = "paused time: it advances when everybody waits")]
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

pub(crate) fn reason(told: &Told) -> &str {
    match &told.answer {
        Answer::Positive => "positive",
        Answer::Negative { reason } => reason,
    }
}

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
