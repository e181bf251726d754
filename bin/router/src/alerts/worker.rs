//! Sends what waits for one receiver, one after the other, until it is taken or given up.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use usher_core::{Clock, Transport};
use usher_journal::{Journal, Moment, Record, Stamp};

use super::message::Message;
use super::queue::{Next, Queue, Waiting};
use super::receiver::{NotTaken, Receiver};

/// After this long an alert is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) receiver: Receiver,
    pub(super) queue: Arc<Queue>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) boot: u64,
    pub(super) started: Instant,
    /// From then on only what is fresh is sent, and nothing is tried again.
    pub(super) stop: CancellationToken,
}

impl Worker {
    pub(super) async fn run(self) {
        loop {
            let now = self.clock.instant();
            if self.stop.is_cancelled() {
                self.leave(now);
            }
            match self.queue.next(now) {
                Next::Send(waiting) => self.send(*waiting).await,
                Next::Nothing if self.stop.is_cancelled() => return,
                Next::Nothing => self.until_something_happens(None).await,
                Next::At(moment) => self.until_something_happens(Some(moment)).await,
            }
        }
    }

    async fn until_something_happens(&self, moment: Option<Instant>) {
        let due = async {
            match moment {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = self.queue.added() => {}
            () = self.stop.cancelled() => {}
        }
    }

    fn leave(&self, now: Instant) {
        let left = self.queue.keep_fresh(now);
        if left > 0 {
            tracing::warn!(
                receiver = self.receiver.name(),
                alerts.left = left,
                "alerts are left to the next start"
            );
        }
    }

    async fn send(&self, waiting: Waiting) {
        let sent = self.receiver.send(&waiting.message, &*self.transport, &*self.clock).await;
        let now = self.clock.instant();
        let name = self.receiver.name();
        let Err(not_taken) = sent else {
            self.note(&waiting.message).await;
            self.queue.over(true);
            return;
        };
        let why = not_taken.why().to_owned();
        if now.saturating_duration_since(waiting.since) >= GIVE_UP_AFTER {
            tracing::error!(
                receiver = name,
                origin = self.receiver.origin(),
                alert.id = waiting.message.id,
                why,
                "an alert could not be sent for a day and is given up: look at [alerts]"
            );
            self.queue.over(false);
            return;
        }
        let id = waiting.message.id.clone();
        match not_taken {
            NotTaken::Down { after, .. } => {
                let pause = self.queue.down(waiting, after, now);
                tracing::warn!(
                    receiver = name,
                    origin = self.receiver.origin(),
                    alert.id = id,
                    why,
                    "an alert cannot be sent now: the next attempt is in {} s",
                    pause.as_secs()
                );
            }
            NotTaken::Refused { .. } => {
                self.queue.refused(waiting, now);
                tracing::warn!(
                    receiver = name,
                    origin = self.receiver.origin(),
                    alert.id = id,
                    why,
                    "an alert was not taken: look at [alerts]; it is tried again"
                );
            }
        }
    }

    /// Notes in the requests' histories that it arrived, so that no later start sends it again.
    async fn note(&self, message: &Message) {
        tracing::info!(receiver = self.receiver.name(), alert.id = message.id, "an alert was sent");
        for (request, alert) in message.carried() {
            let record = Record::AlertSent { alert: alert.to_owned(), to: self.receiver.name().to_owned() };
            let ticks = self.clock.instant().saturating_duration_since(self.started);
            let at = Moment { wall: self.clock.now(), stamp: Stamp { boot: self.boot, ticks } };
            if let Err(error) = self.journal.commit(request, vec![record], at).await {
                tracing::warn!(
                    request.id = %request, alert.id = alert, error = %error,
                    "that an alert was sent is not noted: the next start may send it again, with the same id"
                );
            }
        }
    }
}
