//! A circuit breaker for each connection: while a vendor is out of reach or broken, calls to it are refused at once instead of each
//! waiting for its own time-out, and one reading at a time finds out whether it is back.
//!
//! [`circuit`] is the state machine (pure), [`verdict`] says what a call's end tells of the vendor, [`guarded`] stands between the
//! engine and a connector. What is refused is [`Sent::No`]: no change is in doubt for it, and it is tried again like any other.
//!
//! Nothing of it is on disk: after a restart every circuit is closed.

mod circuit;
mod guarded;
mod verdict;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use usher_core::{Clock, Fault, Remedy, Sent, SubjectKey};

use self::circuit::{Circuit, Kind, Pass, Refused, Turned};
pub(crate) use self::guarded::guard;
use self::verdict::Verdict;

/// When a connection's circuit opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 5 by default, 2 at the least.
    pub failures: u32,
    /// The longest time between two probes; a minute by default. The first comes after [`BreakerSettings::FIRST_PAUSE`], or after
    /// this where it is less, and each later one after twice the time before.
    pub longest: Duration,
}

impl BreakerSettings {
    /// From the opening to the first probe.
    pub const FIRST_PAUSE: Duration = Duration::from_secs(5);

    fn first_pause(self) -> Duration {
        Self::FIRST_PAUSE.min(self.longest)
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, longest: Duration::from_secs(60) }
    }
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// Calls are refused until the next probe.
    Open,
    /// A probe is under way, and everything else is refused until it is back.
    HalfOpen,
}

/// A connection's circuit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerView {
    /// How it stands.
    pub state: BreakerState,
    /// The first failure since the vendor's last good answer.
    pub since: Option<Timestamp>,
    /// Failures since then, as far as they count (one person's for at most half of those that open it).
    pub failures: u32,
    /// From when on the next reading goes through, where it is open. May have passed: then nobody has had anything to read since.
    pub next_probe_at: Option<Timestamp>,
    /// What the latest failure was; for people, without personal data. Kept until the process ends.
    pub last_fault: Option<String>,
}

/// A circuit with its clock and its connection's name.
#[derive(Debug)]
pub(crate) struct Breaker {
    connection: String,
    clock: Arc<dyn Clock>,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    fn new(connection: String, clock: Arc<dyn Clock>, settings: BreakerSettings) -> Self {
        Self { connection, clock, circuit: Mutex::new(Circuit::new(settings)) }
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call through that has to be over by `deadline`, or says why not.
    fn admit(&self, kind: Kind, who: &SubjectKey, deadline: Instant) -> Result<Pass, Box<Fault>> {
        let now = self.clock.instant();
        let admitted = self.lock().admit(now, kind, who, deadline);
        admitted.map_err(|refused| Box::new(self.refusal(&refused, now)))
    }

    fn refusal(&self, refused: &Refused, now: Instant) -> Fault {
        let since = self.wall(refused.since, now).strftime("%Y-%m-%d %H:%M UTC");
        let next = match refused.probe_in {
            // The moment, since it stays in the request's history.
            Some(left) => {
                let at = self.wall(now.checked_add(left).unwrap_or(now), now);
                format!("and Usher tries it again from {} on", at.strftime("%H:%M:%S UTC"))
            }
            None => "and Usher is trying it at this moment".to_owned(),
        };
        let remedy = Remedy::Retry { after: Some(refused.after) };
        Fault::new(format!("reach {}", self.connection), Sent::No, remedy)
            .because(format!("it has failed since {since}, {next}"))
    }

    /// A call that was let through has ended. `fault`: what it failed with, if it did.
    fn end(&self, pass: Pass, verdict: Verdict, fault: Option<&Fault>) {
        let now = self.clock.instant();
        let why = || fault.map_or_else(|| "no answer from the vendor in time".to_owned(), Fault::to_string);
        let (turned, failures, next) = {
            let mut circuit = self.lock();
            let turned = circuit.end(now, pass, verdict, why);
            (turned, circuit.failures(), circuit.next_probe())
        };
        match turned {
            None => {}
            Some(Turned::Opened) => {
                let wait = next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
                tracing::warn!(
                    connection = %self.connection,
                    breaker.failures = failures,
                    breaker.fault = %why(),
                    breaker.probe_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    "the circuit is open: the vendor fails, and calls to it are refused until it answers again"
                );
            }
            Some(Turned::Closed { after }) => tracing::info!(
                connection = %self.connection,
                breaker.open_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                "the circuit is closed: the vendor answers again"
            ),
        }
    }

    /// How it stands now.
    pub(crate) fn view(&self) -> BreakerView {
        let now = self.clock.instant();
        let circuit = self.lock();
        BreakerView {
            state: circuit.state(now),
            since: circuit.failing_since().map(|since| self.wall(since, now)),
            failures: circuit.failures(),
            next_probe_at: circuit.next_probe().map(|next| self.wall(next, now)),
            last_fault: circuit.last_fault().map(str::to_owned),
        }
    }

    /// Wall time of a moment of the monotonic clock, by today's wall clock.
    fn wall(&self, moment: Instant, now: Instant) -> Timestamp {
        let wall = self.clock.now();
        let signed = |time: Duration| SignedDuration::try_from(time).unwrap_or_default();
        let ago = signed(now.saturating_duration_since(moment));
        let ahead = signed(moment.saturating_duration_since(now));
        wall.checked_sub(ago).and_then(|wall| wall.checked_add(ahead)).unwrap_or(wall)
    }
}
