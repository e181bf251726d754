//! Performs what `decide` asks for, and feeds back what came of it.

mod admit;
mod books;
mod duplicate;
mod effects;
mod holdings;
mod operate;
mod outlet;
mod perform;
mod preview;
mod recover;
mod run;
mod tell;
mod ways;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use usher_core::Clock;
use usher_journal::{Journal, JournalError, Moment, Pause, Request, RequestId, Stamp};

use self::books::Active;
use self::ways::{Habits, Places};
use crate::breaker::{Breaker, BreakerView, guard};
use crate::lane::Lanes;
use crate::lumos::Lumos;
use crate::{About, Alert, AlertKind, Alerts, Answer, Connection, Delivery, Limits, Parts, Reply};

/// No moment that is waited for lies later than this after the start: 30 years.
const LATEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
/// How long to wait before the journal is asked again for what it did not do.
const AGAIN: Duration = Duration::from_secs(1);
/// Late successes that Lumos is told of at once.
const TELLERS: usize = 4;

/// Runs requests. A clone is another handle to the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) boot: u64,
    pub(crate) started: Instant,
    pub(crate) connections: BTreeMap<String, Connection>,
    /// Of the connections that have one.
    pub(crate) breakers: BTreeMap<String, Arc<Breaker>>,
    pub(crate) limits: Limits,
    pub(crate) alerts: Arc<dyn Alerts>,
    pub(crate) lumos: Option<Arc<dyn Lumos>>,
    /// Late successes that somebody tells Lumos of.
    pub(crate) telling: Mutex<BTreeSet<RequestId>>,
    pub(crate) tellers: Arc<Semaphore>,
    pub(crate) lanes: Lanes,
    pub(crate) active: Mutex<HashMap<RequestId, Active>>,
    pub(crate) pauses: Mutex<BTreeMap<String, Pause>>,
    /// Told whenever a connection is let go on.
    pub(crate) resumes: watch::Sender<()>,
    /// How many grants were confirmed at each connection since the start.
    pub(crate) grants: BTreeMap<String, watch::Sender<u64>>,
    /// Places for work that nobody waits for, taken before the turn.
    pub(crate) background: Places,
    /// Places for what an earlier process left or a replay began, taken with the turn.
    pub(crate) recovering: Places,
    /// For whoever has to know how long a change takes before it is known which.
    pub(crate) habits: Habits,
    pub(crate) tracker: TaskTracker,
    /// Set at shutdown: parked and background work is left to the journal.
    pub(crate) leaving: CancellationToken,
    /// Runs that were left to the journal.
    pub(crate) left: AtomicUsize,
    pub(crate) reachable: AtomicBool,
    pub(crate) probing: AtomicBool,
    pub(crate) lost: watch::Sender<Option<JournalError>>,
}

impl Engine {
    /// Starts the engine, and in the background everything that an earlier process left unfinished.
    ///
    /// # Errors
    /// The journal could not be read.
    pub async fn start(parts: Parts) -> Result<Self, JournalError> {
        let pauses = parts.journal.pauses().await?;
        let grants = parts.connections.keys().map(|name| (name.clone(), watch::Sender::new(0))).collect();
        let started = parts.clock.instant();
        let (connections, breakers) = guarded(parts.connections, &parts.clock);
        let engine = Self {
            inner: Arc::new(Inner {
                journal: parts.journal,
                clock: parts.clock,
                boot: parts.boot,
                started,
                connections,
                breakers,
                background: Places::new(parts.limits.background),
                recovering: Places::new(parts.limits.background),
                habits: Habits::default(),
                limits: parts.limits,
                alerts: parts.alerts,
                lumos: parts.lumos,
                telling: Mutex::default(),
                tellers: Arc::new(Semaphore::new(TELLERS)),
                lanes: Lanes::default(),
                active: Mutex::default(),
                pauses: Mutex::new(pauses),
                resumes: watch::Sender::new(()),
                grants,
                tracker: TaskTracker::new(),
                leaving: CancellationToken::new(),
                left: AtomicUsize::new(0),
                reachable: AtomicBool::new(true),
                probing: AtomicBool::new(false),
                lost: watch::Sender::new(None),
            }),
        };
        let unfinished = engine.inner.journal.claim(engine.inner.moment()).await?;
        for request in unfinished {
            engine.inner.clone().recover(request);
        }
        engine.inner.tell_what_is_due().await?;
        engine.inner.clone().alert_of_what_was_late();
        Ok(engine)
    }

    /// Takes a webhook in, and brings the answer: within `answer_within` of its first byte, whatever happens.
    pub async fn deliver(&self, delivery: Delivery) -> Reply {
        let id = delivery.arrival.request.id.clone();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        if let Some(error) = self.inner.lost.borrow().as_ref() {
            return Reply { request: id, answer: Answer::negative(format!("{error}: nothing was accepted")) };
        }
        if self.inner.leaving.is_cancelled() {
            return Reply {
                request: id,
                answer: Answer::negative("Usher is shutting down: nothing was accepted"),
            };
        }
        let inner = self.inner.clone();
        self.inner.tracker.spawn(Box::pin(inner.admit(delivery, sender)));
        receiver.await.unwrap_or_else(|_| {
            // The task ended without an answer: only a defect of ours does that.
            tracing::error!(request.id = %id, "a request ended without an answer");
            Reply { request: id, answer: Answer::negative("an internal error: see the log") }
        })
    }

    /// Whether the journal takes what is to be written.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.inner.reachable.load(Ordering::Relaxed)
    }

    /// How many grants were confirmed at a connection since the start, for whoever looks at it afterwards; `None` where it is not
    /// there.
    #[must_use]
    pub fn grants(&self, connection: &str) -> Option<watch::Receiver<u64>> {
        self.inner.grants.get(connection).map(watch::Sender::subscribe)
    }

    /// Resolves when the journal must not be trusted before a restart (rule 21).
    pub async fn lost(&self) -> JournalError {
        let mut lost = self.inner.lost.subscribe();
        match lost.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or(JournalError::Lost("unknown".to_owned())),
            // The engine is gone, and nothing is lost with it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes nothing new, lets what somebody waits for finish for at most `within`, and leaves the rest to the journal.
    /// Returns how many requests are left to it.
    pub async fn shutdown(&self, within: Duration) -> usize {
        self.inner.leaving.cancel();
        self.inner.tracker.close();
        let finished = tokio::time::timeout(within, self.inner.tracker.wait()).await;
        let left = self.inner.left.load(Ordering::SeqCst).saturating_add(self.inner.lock_active().len());
        if finished.is_err() {
            tracing::warn!(requests = left, "not everything was finished in time: it is left to the journal");
        }
        self.inner.journal.close().await;
        left
    }

    /// Whether nothing is under way: no run, parked or not, and nobody in a lane.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.inner.lock_active().is_empty() && self.inner.lanes.are_empty()
    }

    /// The circuit breakers of the connections that have one.
    #[must_use]
    pub fn breakers(&self) -> BTreeMap<String, BreakerView> {
        self.inner.breakers.iter().map(|(name, breaker)| (name.clone(), breaker.view())).collect()
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.inner.journal
    }
}

impl Inner {
    pub(crate) fn moment(&self) -> Moment {
        let ticks = self.ticks(self.clock.instant());
        Moment { wall: self.clock.now(), stamp: Stamp { boot: self.boot, ticks } }
    }

    /// Since the engine's start.
    pub(crate) fn ticks(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.started)
    }

    pub(crate) fn instant(&self, ticks: Duration) -> Instant {
        self.started.checked_add(ticks.min(LATEST)).unwrap_or(self.started)
    }

    pub(crate) fn lock_active(&self) -> MutexGuard<'_, HashMap<RequestId, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when this connection is let go on, if it is paused now; else never.
    pub(crate) fn resumed(self: &Arc<Self>, connection: &str) -> impl Future<Output = ()> + Send + use<> {
        let mut resumes = self.resumes.subscribe();
        let (inner, connection) = (self.clone(), connection.to_owned());
        async move {
            if !inner.lock_pauses().contains_key(&connection) {
                return std::future::pending().await;
            }
            // The sender lives as long as `inner`.
            while resumes.changed().await.is_ok() {
                if !inner.lock_pauses().contains_key(&connection) {
                    return;
                }
            }
        }
    }

    pub(crate) fn lock_pauses(&self) -> MutexGuard<'_, BTreeMap<String, Pause>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn alert(&self, about: &Request, kind: AlertKind, sentence: String) {
        self.alerts.alert(Alert {
            about: About::Request {
                request: about.id.clone(),
                attempt: about.attempt,
                app: about.app_key.clone(),
                subject: about.subject.clone(),
            },
            connection: about.connection.clone(),
            kind,
            sentence,
        });
    }

    /// Keeps account of whether the journal can be reached.
    pub(crate) fn heard<T>(self: &Arc<Self>, result: Result<T, JournalError>) -> Result<T, JournalError> {
        match &result {
            // Once it is lost, only a restart may trust it again.
            Ok(_) => self.reachable.store(self.lost.borrow().is_none(), Ordering::Relaxed),
            Err(error @ (JournalError::Lost(_) | JournalError::Corrupt(_) | JournalError::Unusable(_))) => {
                self.reachable.store(false, Ordering::Relaxed);
                self.lost.send_if_modified(|lost| {
                    let first = lost.is_none();
                    lost.get_or_insert_with(|| error.clone());
                    first
                });
            }
            Err(JournalError::OutOfReach(_)) => {
                self.reachable.store(false, Ordering::Relaxed);
                self.probe();
            }
            Err(JournalError::NoSuchRequest(_)) => {}
        }
        result
    }

    /// Asks the journal until it can be reached: while it cannot, nothing arrives that would find out (rule 21).
    fn probe(self: &Arc<Self>) {
        if self.probing.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = self.clone();
        self.tracker.spawn(async move {
            while !inner.reachable.load(Ordering::Relaxed) && inner.lost.borrow().is_none() {
                tokio::select! {
                    () = inner.leaving.cancelled() => break,
                    () = until(inner.instant(inner.moment().ticks().saturating_add(AGAIN))) => {}
                }
                if inner.journal.ready().await.is_ok() {
                    inner.reachable.store(inner.lost.borrow().is_none(), Ordering::Relaxed);
                }
            }
            inner.probing.store(false, Ordering::SeqCst);
        });
    }
}

/// Puts each connection behind its circuit breaker.
fn guarded(
    connections: BTreeMap<String, Connection>,
    clock: &Arc<dyn Clock>,
) -> (BTreeMap<String, Connection>, BTreeMap<String, Arc<Breaker>>) {
    let mut breakers = BTreeMap::new();
    let connections = connections.into_iter().map(|(name, mut connection)| {
        if let Some(settings) = connection.breaker {
            let (provisioner, breaker) =
                guard(name.clone(), connection.provisioner, Arc::clone(clock), settings);
            connection.provisioner = provisioner;
            breakers.insert(name.clone(), breaker);
        }
        (name, connection)
    });
    (connections.collect(), breakers)
}

/// Waits until a planned moment of the monotonic clock.
async fn until(instant: Instant) {
    tokio::time::sleep_until(instant).await;
}

/// Waits until the answer is due, if one is.
async fn until_due(due: Option<Instant>) {
    match due {
        Some(due) => until(due).await,
        None => std::future::pending().await,
    }
}

/// Resolves when the journal must not be trusted any more, with the reason.
async fn lost_for(lost: &mut watch::Receiver<Option<JournalError>>) -> String {
    let why = lost.wait_for(Option::is_some).await.ok();
    let why = why.and_then(|error| error.as_ref().map(ToString::to_string));
    match why {
        Some(why) => why,
        // The engine is gone, and nothing is lost with it.
        None => std::future::pending().await,
    }
}
