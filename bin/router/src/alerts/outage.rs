//! Tells a person of a connection that has been out of reach for a while: its circuit is open and does not close.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use usher_core::Clock;
use usher_engine::{About, Alert, AlertKind, Alerts, BreakerState, BreakerView};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(60);
/// What takes longer is no hiccup.
const A_WHILE: SignedDuration = SignedDuration::from_mins(15);
/// So long after its next look was due nobody has looked, and the vendor may be well.
const LATELY: SignedDuration = SignedDuration::from_mins(2);
/// Until the same is told again.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What looks at the circuits of all connections.
pub(crate) struct Outages {
    /// How they stand.
    pub(crate) breakers: Box<dyn Fn() -> BTreeMap<String, BreakerView> + Send + Sync>,
    /// The connections' connectors, for people.
    pub(crate) connectors: BTreeMap<String, String>,
    pub(crate) alerts: Arc<dyn Alerts>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Outages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outages").field("connectors", &self.connectors).finish_non_exhaustive()
    }
}

impl Outages {
    /// Until it is stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut minutes = interval(EVERY);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let work = async {
            let mut told: BTreeMap<String, Instant> = BTreeMap::new();
            loop {
                minutes.tick().await;
                self.look(&mut told);
            }
        };
        stop.run_until_cancelled(work).await;
    }

    fn look(&self, told: &mut BTreeMap<String, Instant>) {
        let (wall, now) = (self.clock.now(), self.clock.instant());
        for (connection, breaker) in (self.breakers)() {
            if breaker.state == BreakerState::Closed {
                told.remove(&connection);
                continue;
            }
            let lately = |at: &Instant| now.saturating_duration_since(*at) < DAY;
            if !lasts(&breaker, wall) || told.get(&connection).is_some_and(lately) {
                continue;
            }
            self.alerts.alert(self.alert(&connection, &breaker));
            told.insert(connection, now);
        }
    }

    fn alert(&self, connection: &str, breaker: &BreakerView) -> Alert {
        let connector = self.connectors.get(connection).map(String::as_str).unwrap_or_default();
        // Its beginning tells this outage from another one of the same day: they are two alerts.
        let since = breaker.since.map(|since| since.strftime(" since %Y-%m-%d %H:%M UTC").to_string());
        let since = since.unwrap_or_default();
        let sentence = format!(
            "{connection} ({connector}) has been out of reach{since}: see whether the vendor is down; Usher goes on by itself once it answers"
        );
        Alert {
            about: About::Connection,
            connection: connection.to_owned(),
            kind: AlertKind::OutOfReach,
            sentence,
        }
    }
}

/// It is open, and has been for a while; and somebody has tried lately, or nobody knows.
fn lasts(breaker: &BreakerView, now: Timestamp) -> bool {
    let is_tried = breaker.next_probe_at.is_none_or(|due| now.duration_since(due) <= LATELY);
    is_tried && breaker.since.is_some_and(|since| now.duration_since(since) >= A_WHILE)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use usher_core::SystemClock;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<Alert>>);

    impl Alerts for Heard {
        fn alert(&self, alert: Alert) {
            self.0.lock().unwrap().push(alert);
        }
    }

    /// Wall time that goes with tokio's.
    #[derive(Debug)]
    struct TestClock(Instant);

    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            let passed = SignedDuration::try_from(SystemClock.instant() - self.0).unwrap();
            Timestamp::from_second(1_795_000_000).unwrap() + passed
        }

        fn instant(&self) -> Instant {
            SystemClock.instant()
        }
    }

    struct World {
        heard: Arc<Heard>,
        clock: Arc<TestClock>,
        state: Arc<Mutex<BreakerView>>,
    }

    impl World {
        fn start() -> Self {
            let closed = BreakerView {
                state: BreakerState::Closed,
                since: None,
                failures: 0,
                next_probe_at: None,
                last_fault: None,
            };
            let state = Arc::new(Mutex::new(closed));
            let (heard, clock) = (Arc::new(Heard::default()), Arc::new(TestClock(SystemClock.instant())));
            let shown = state.clone();
            let breakers = move || BTreeMap::from([("desk".to_owned(), shown.lock().unwrap().clone())]);
            let outages = Outages {
                breakers: Box::new(breakers),
                connectors: BTreeMap::from([("desk".to_owned(), "zendesk-license".to_owned())]),
                alerts: heard.clone(),
                clock: clock.clone(),
            };
            tokio::spawn(outages.run(CancellationToken::new()));
            Self { heard, clock, state }
        }

        async fn stands(&self, state: BreakerState, for_: Duration) {
            {
                let mut view = self.state.lock().unwrap();
                view.since = match state {
                    BreakerState::Closed => None,
                    _ => view.since.or_else(|| Some(self.clock.now())),
                };
                view.state = state;
            }
            tokio::time::sleep_until(self.clock.instant() + for_).await;
        }

        fn told(&self) -> usize {
            self.heard.0.lock().unwrap().len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_circuit_that_stays_open_for_a_quarter_of_an_hour_is_told_once() {
        let world = World::start();
        world.stands(BreakerState::Open, MINUTE * 14).await;
        assert_eq!(world.told(), 0);
        world.stands(BreakerState::HalfOpen, MINUTE * 3).await;
        world.stands(BreakerState::Open, MINUTE * 600).await;
        assert_eq!(world.told(), 1);
        let alert = world.heard.0.lock().unwrap()[0].clone();
        assert_eq!(
            (alert.kind, alert.about, alert.connection.as_str()),
            (AlertKind::OutOfReach, About::Connection, "desk")
        );
        assert_eq!(
            alert.sentence,
            "desk (zendesk-license) has been out of reach since 2026-11-18 11:06 UTC: see whether the vendor is down; Usher goes on by itself once it answers"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_has_looked_since_nothing_is_told_until_somebody_does() {
        let world = World::start();
        world.state.lock().unwrap().next_probe_at = Some(world.clock.now());
        world.stands(BreakerState::Open, MINUTE * 600).await;
        assert_eq!(world.told(), 0);
        world.state.lock().unwrap().next_probe_at = Some(world.clock.now());
        world.stands(BreakerState::Open, MINUTE * 2).await;
        assert_eq!(world.told(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_again_after_it_was_closed_and_else_once_a_day() {
        let world = World::start();
        world.stands(BreakerState::Open, MINUTE * 20).await;
        world.stands(BreakerState::Closed, MINUTE * 2).await;
        world.stands(BreakerState::Open, MINUTE * 10).await;
        assert_eq!(world.told(), 1, "10 minutes are a hiccup");
        world.stands(BreakerState::Open, MINUTE * 10).await;
        assert_eq!(world.told(), 2);
        world.stands(BreakerState::Open, MINUTE * 60 * 24).await;
        assert_eq!(world.told(), 3);
    }
}
