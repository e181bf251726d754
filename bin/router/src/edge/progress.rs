use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use usher_core::Clock;

/// How far a connection is, and when something is due on it.
///
/// hyper tells when a request's head is complete, not when its first byte came; so the socket is read through
/// [`Timed`], which notes it here. How exact that is: to the read that brought the byte. Where several requests are
/// pipelined and one read brings the end of one and the beginning of the next, the next one's clock starts with that
/// read if it was whole by then, else with the read that came after: late by what the sender took in between.
#[derive(Debug)]
pub(crate) struct Progress {
    limits: ReceiveLimits,
    state: Mutex<State>,
}

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveLimits {
    /// From a request's first byte to its last; and for a new connection to its first byte.
    pub(crate) receive: Duration,
    /// Between two requests, once one has been let in.
    pub(crate) idle: Duration,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    last_read: Instant,
    /// The first read after the body of the request in hand.
    next: Option<Instant>,
    /// Somebody who knows a secret is at the other end.
    proven: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request is there.
    Idle,
    /// A part of its head.
    Receiving,
    /// Its head is there, and perhaps a part of its body.
    Serving,
    /// All of it is there.
    Answering,
}

impl Progress {
    pub(crate) fn new(limits: ReceiveLimits, now: Instant) -> Self {
        let state = State { phase: Phase::Idle, since: now, last_read: now, next: None, proven: false };
        Self { limits, state: Mutex::new(state) }
    }

    fn read(&self, now: Instant) {
        let mut state = self.lock();
        state.last_read = now;
        match state.phase {
            Phase::Idle => (state.phase, state.since) = (Phase::Receiving, now),
            Phase::Answering if state.next.is_none() => state.next = Some(now),
            Phase::Receiving | Phase::Serving | Phase::Answering => {}
        }
    }

    /// A head is complete. Returns when the request's first byte came.
    pub(crate) fn head(&self, now: Instant) -> Instant {
        let mut state = self.lock();
        let began = match state.phase {
            Phase::Receiving => state.since,
            Phase::Idle | Phase::Serving | Phase::Answering => state.last_read,
        };
        (state.phase, state.since, state.next) = (Phase::Serving, now, None);
        began
    }

    /// The body is complete: what is read from here on belongs to the next request.
    pub(crate) fn whole(&self) {
        self.lock().phase = Phase::Answering;
    }

    /// Whoever is at the other end may keep the connection open between requests.
    pub(crate) fn prove(&self) {
        self.lock().proven = true;
    }

    /// The answer is decided. Returns whether another request may follow on this connection: only from somebody who
    /// has shown a secret, and only where nothing of this one is still to come.
    ///
    /// A stranger's connection is not kept: a proxy that shares its connections among callers would send a webhook
    /// into one that is being closed.
    pub(crate) fn answered(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let keep = state.proven && state.phase == Phase::Answering;
        (state.phase, state.since) = match state.next.take() {
            Some(first) => (Phase::Receiving, first),
            None => (Phase::Idle, now),
        };
        keep
    }

    /// When this connection has taken too long. `None` while a request is in hand: that has limits of its own.
    pub(crate) fn due(&self) -> Option<Instant> {
        let state = self.lock();
        match state.phase {
            Phase::Idle if state.proven => Some(state.since + self.limits.idle),
            Phase::Idle | Phase::Receiving => Some(state.since + self.limits.receive),
            Phase::Serving | Phase::Answering => None,
        }
    }

    /// Whether a part of a request's head is there, and no more.
    pub(crate) fn is_receiving(&self) -> bool {
        self.lock().phase == Phase::Receiving
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of state is whole when the lock is given back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that notes when something is read.
#[derive(Debug)]
pub(crate) struct Timed<T> {
    pub(crate) io: T,
    pub(crate) progress: Arc<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Timed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.progress.read(self.clock.instant());
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Timed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A request's place on its connection.
#[derive(Clone, Debug)]
pub struct Received {
    /// When its first byte came: the answer's time runs from here (rule 16).
    pub began: Instant,
    /// When all of it must be there.
    pub whole_by: Instant,
    pub(crate) progress: Arc<Progress>,
}

impl Received {
    /// The body is complete.
    pub fn whole(&self) {
        self.progress.whole();
    }

    /// The sender has shown a secret.
    pub fn prove(&self) {
        self.progress.prove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ReceiveLimits =
        ReceiveLimits { receive: Duration::from_secs(5), idle: Duration::from_secs(75) };

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn progress() -> (Progress, Instant) {
        let start = usher_core::SystemClock.instant();
        (Progress::new(LIMITS, start), start)
    }

    #[test]
    fn rule_16_the_clock_starts_with_the_first_byte_and_not_with_the_last_of_the_head() {
        let (progress, start) = progress();
        progress.read(at(start, 1));
        progress.read(at(start, 3));
        assert!(progress.is_receiving());
        assert_eq!(progress.due(), Some(at(start, 6)));
        assert_eq!(progress.head(at(start, 3)), at(start, 1));
        assert_eq!(progress.due(), None);
    }

    #[test]
    fn rule_16_on_a_kept_connection_each_request_has_a_first_byte_of_its_own() {
        let (progress, start) = progress();
        progress.read(at(start, 1));
        progress.head(at(start, 1));
        progress.read(at(start, 2));
        progress.prove();
        progress.whole();
        assert!(progress.answered(at(start, 4)));
        progress.read(at(start, 60));
        assert_eq!(progress.head(at(start, 61)), at(start, 60));
    }

    #[test]
    fn rule_16_a_pipelined_request_counts_from_the_read_that_brought_it() {
        let (progress, start) = progress();
        // One read with two requests in it.
        progress.read(at(start, 1));
        progress.head(at(start, 1));
        progress.whole();
        progress.answered(at(start, 4));
        assert_eq!(progress.head(at(start, 4)), at(start, 1));
        // The third comes while the second is answered.
        progress.whole();
        progress.read(at(start, 6));
        progress.answered(at(start, 9));
        assert_eq!(progress.head(at(start, 9)), at(start, 6));
    }

    #[test]
    fn only_who_has_shown_a_secret_may_idle_for_long() {
        let (progress, start) = progress();
        assert_eq!(progress.due(), Some(at(start, 5)));
        progress.read(at(start, 1));
        progress.head(at(start, 1));
        progress.prove();
        progress.whole();
        progress.answered(at(start, 2));
        assert_eq!(progress.due(), Some(at(start, 77)));
    }

    #[test]
    fn a_connection_is_kept_for_who_has_shown_a_secret_and_sent_all_of_it() {
        let (progress, start) = progress();
        let keeps = |prove: bool, whole: bool| {
            progress.read(at(start, 1));
            progress.head(at(start, 1));
            if prove {
                progress.prove();
            }
            if whole {
                progress.whole();
            }
            progress.answered(at(start, 2))
        };
        assert!(!keeps(false, true));
        assert!(!keeps(true, false));
        assert!(keeps(true, true));
    }
}
