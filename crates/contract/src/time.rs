//! Time that passes only while nobody is at the vendor.
//!
//! A case runs on a runtime of its own with tokio's time paused: whenever nothing can go on, time jumps to the next timer. So
//! settling for 15 s, `Retry-After: 60` and a lag of five minutes cost nothing, and neither the connector nor its actions are
//! altered for it. The vendor, however, is a real server on a real socket, in a thread and in a time of its own: time must not
//! jump while its answer is under way. [`Outside`] stands for that: as long as one lives, paused time stands still. It is a
//! blocking task, which tokio documents to hold paused time (`tokio::time::pause`, "Auto-advance").

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use usher_core::Clock;

/// How long, by the machine's own time, the vendor may keep time standing still. Then it goes on, and the call times out.
const LONGEST: Duration = Duration::from_secs(20);

/// Holds paused time while something outside of the runtime is waited for.
#[derive(Debug)]
pub(crate) struct Outside {
    /// Dropped, it ends the blocking task.
    _ends: Sender<()>,
}

impl Outside {
    pub(crate) fn begin() -> Self {
        let (ends, ended) = channel::<()>();
        // Both an end and a time-out mean the same: time may go on.
        drop(tokio::task::spawn_blocking(move || ended.recv_timeout(LONGEST).is_ok()));
        Self { _ends: ends }
    }
}

/// Monotonic time is tokio's; wall time goes with it.
#[derive(Debug)]
pub(crate) struct PausedClock {
    start: Instant,
}

impl PausedClock {
    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.instant() - self.start).unwrap_or(SignedDuration::MAX);
        // 2026-11-24T09:00:00Z: what runs twice reads the same time.
        let base = Timestamp::constant(1_795_510_800, 0);
        base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "the injected clock itself")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// Lets paused time pass, with all that happens in it.
pub(crate) async fn pass(time: Duration, clock: &dyn Clock) {
    tokio::time::sleep_until(clock.instant() + time).await;
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_stands_still_while_somebody_outside_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let vendor = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"yes").unwrap());
        let clock = PausedClock::new();
        let before = clock.instant();
        let outside = Outside::begin();
        let answer = async {
            let mut answer = String::new();
            TcpStream::connect(address).await.unwrap().read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::time::timeout(Duration::from_millis(1), answer).await;
        assert_eq!(answer.unwrap(), "yes", "a millisecond is enough, since it does not pass");
        assert_eq!(clock.instant(), before);
        drop(outside);
        vendor.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_passes_at_once_when_nobody_outside_is_waited_for() {
        let clock = PausedClock::new();
        let (before, wall) = (clock.instant(), clock.now());
        drop(Outside::begin());
        pass(Duration::from_secs(3600), &clock).await;
        assert_eq!(clock.instant() - before, Duration::from_secs(3600));
        assert_eq!(clock.now().duration_since(wall), SignedDuration::from_hours(1));
    }
}
