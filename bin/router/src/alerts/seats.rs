//! Looks at how many paid seats are left, after grants and once a day, and tells a person while they are few.
//!
//! What was told is not kept: a start looks again, and what it tells on the same day has the same id. So an alert that a process
//! did not come to send is sent by the next one, as long as it is true.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use usher_core::{Call, Clock, Priority, Provisioner};
use usher_engine::{About, Alert, AlertKind, Alerts, Engine};

/// The first look, and how much later that of each further connection is.
const FIRST: Duration = Duration::from_secs(30);
const APART: Duration = Duration::from_secs(5);
/// Between two looks at a connection, at the least.
const HOUR: Duration = Duration::from_secs(3600);
/// And at the most: seats are also taken by hand. As long it takes until the same is told again.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long one look may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Where seats are counted.
#[async_trait]
pub(super) trait Counts: Send + Sync {
    /// How many are left; `None` where the vendor does not tell.
    async fn seats_left(&self) -> Result<Option<u32>, String>;

    /// Whether an operator has paused the connection: then nothing is asked.
    fn is_paused(&self) -> bool;
}

/// What looks at one connection.
pub(crate) struct Seats {
    /// Its name in the configuration.
    pub(super) connection: String,
    /// Its connector.
    pub(super) connector: String,
    pub(super) counts: Arc<dyn Counts>,
    /// How many grants were confirmed there.
    pub(super) grants: watch::Receiver<u64>,
    pub(super) alerts: Arc<dyn Alerts>,
    pub(super) clock: Arc<dyn Clock>,
    /// So many are few.
    pub(super) few: u32,
    /// From the start to the first look, where no grant is confirmed before.
    pub(super) first: Duration,
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seats").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// What is known of the looks so far.
#[derive(Clone, Copy, Debug)]
struct Looks {
    /// The last one.
    last: Option<Instant>,
    /// When the next one is due, grants or not.
    due: Instant,
    /// When it was told that few are left; `None` once more were.
    told: Option<Instant>,
    /// Whether a look after a grant is worth it: not where the vendor does not tell.
    after_grants: bool,
}

impl Seats {
    /// At a connection of a running engine. `place`: how many others there are before it.
    pub(crate) fn of(
        engine: &Engine,
        (connection, connector): (&str, &str),
        provisioner: Arc<dyn Provisioner>,
        alerts: Arc<dyn Alerts>,
        clock: &Arc<dyn Clock>,
        (few, place): (u32, u32),
    ) -> Option<Self> {
        let counts = Asks {
            connection: connection.to_owned(),
            provisioner,
            engine: engine.clone(),
            clock: Arc::clone(clock),
        };
        Some(Self {
            connection: connection.to_owned(),
            connector: connector.to_owned(),
            counts: Arc::new(counts),
            grants: engine.grants(connection)?,
            alerts,
            clock: Arc::clone(clock),
            few,
            first: FIRST.saturating_add(APART.saturating_mul(place)),
        })
    }

    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let now = self.clock.instant();
        let mut looks = Looks { last: None, due: later(now, self.first), told: None, after_grants: true };
        let work = async {
            loop {
                self.wait(&looks).await;
                self.look(&mut looks).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Until a look is due, or a grant was confirmed and the last look is an hour old.
    async fn wait(&mut self, looks: &Looks) {
        let granted = async {
            // The engine, which tells of grants, outlives this.
            if !looks.after_grants || self.grants.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(last) = looks.last {
                sleep_until(later(last, HOUR)).await;
            }
        };
        tokio::select! {
            () = granted => {}
            () = sleep_until(looks.due) => {}
        }
    }

    async fn look(&mut self, looks: &mut Looks) {
        let now = self.clock.instant();
        looks.last = Some(now);
        // All of them were before this look.
        self.grants.borrow_and_update();
        if self.counts.is_paused() {
            looks.due = later(now, HOUR);
            return;
        }
        let counted = timeout(WITHIN, self.counts.seats_left()).await;
        match counted.unwrap_or_else(|_| Err("it took too long".to_owned())) {
            Ok(Some(left)) => {
                looks.after_grants = true;
                self.counted(left, now, looks);
                looks.due = later(looks.told.unwrap_or(now), DAY);
            }
            Ok(None) => {
                looks.after_grants = false;
                looks.due = later(now, DAY);
            }
            Err(why) => {
                tracing::info!(connection = %self.connection, why, "the seats left could not be looked at: they are in an hour");
                looks.due = later(now, HOUR);
            }
        }
    }

    fn counted(&self, left: u32, now: Instant, looks: &mut Looks) {
        if left > self.few {
            looks.told = None;
            return;
        }
        if looks.told.is_some_and(|at| now.saturating_duration_since(at) < DAY) {
            return;
        }
        looks.told = Some(now);
        self.alerts.alert(Alert {
            about: About::Connection,
            connection: self.connection.clone(),
            kind: AlertKind::FewSeats,
            sentence: sentence(&self.connection, &self.connector, left),
        });
    }
}

fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by).unwrap_or(at)
}

fn sentence(connection: &str, connector: &str, left: u32) -> String {
    let has = match left {
        0 => "no paid seat".to_owned(),
        1 => "1 paid seat".to_owned(),
        left => format!("{left} paid seats"),
    };
    format!(
        "{connection} ({connector}) has {has} left: buy more, or free some at the vendor, before grants are refused"
    )
}

/// Asks the vendor, after everybody else.
struct Asks {
    connection: String,
    provisioner: Arc<dyn Provisioner>,
    engine: Engine,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Counts for Asks {
    async fn seats_left(&self) -> Result<Option<u32>, String> {
        let deadline = later(self.clock.instant(), WITHIN);
        let call = Call { deadline, priority: Priority::Report, idempotency_key: None, part: None };
        // Seats alone are asked for: what the configuration names is `usher check --live`'s.
        let health = self.provisioner.check(&call, &BTreeSet::new()).await;
        health.map(|health| health.seats_left).map_err(|fault| fault.to_string())
    }

    fn is_paused(&self) -> bool {
        self.engine.pauses().contains_key(&self.connection)
    }
}
