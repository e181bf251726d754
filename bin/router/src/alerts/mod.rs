//! Alerts to people: Slack, and a signed webhook of one's own.
//!
//! An alert is raised by the engine, which never waits for it: it goes to the log and into a bounded queue for each receiver.
//! There it is sent until the receiver takes it, or for a day. It is sent **at least once**: the engine notes in the request's
//! history that it alerted, we note there that the alert was taken, and a start sends what has the one and not the other. So an
//! alert may come twice, always with the same id. Where many are left over, one alert stands for them all.
//!
//! An alert about a connection as a whole is in no history: what it tells is looked at again by the next start (see `seats` and `outage`).

mod address;
mod message;
mod outage;
mod queue;
mod receiver;
mod seats;
mod slack;
mod unsent;
mod webhook;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use usher_core::{Clock, Transport};
use usher_engine::{Alert, Alerts, LogAlerts};
use usher_journal::Journal;

use self::queue::Queue;
use self::worker::Worker;

pub use self::address::Address;
pub(crate) use self::message::Message;
pub(crate) use self::outage::Outages;
pub(crate) use self::receiver::{NotTaken, Receiver};
pub(crate) use self::seats::Seats;
pub use self::webhook::SigningSecret;

/// What is left from before a start is sent one by one up to this many, else as one alert: a receiver that is new to an old
/// journal, or was down for long, is not flooded.
const ONE_BY_ONE: usize = 10;

/// The receivers that a configuration names.
pub(crate) fn receivers(configured: &crate::config::Alerts) -> Vec<Receiver> {
    let slack = configured.slack.clone().map(Receiver::Slack);
    let webhook = configured.webhook.clone();
    let webhook = webhook.map(|webhook| Receiver::Webhook(webhook.address, webhook.secret));
    slack.into_iter().chain(webhook).collect()
}

/// What alerts are sent with.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) receivers: Vec<Receiver>,
    /// Whether alerts name the person.
    pub(crate) subjects: bool,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Arc<dyn Journal>,
    /// As in the engine's parts.
    pub(crate) boot: u64,
}

/// Takes alerts from the engine and hands them to the senders.
#[derive(Debug)]
pub(crate) struct Inbox {
    queues: Vec<(&'static str, Arc<Queue>)>,
    subjects: bool,
    clock: Arc<dyn Clock>,
}

impl Alerts for Inbox {
    fn alert(&self, alert: Alert) {
        LogAlerts.alert(alert.clone());
        if self.queues.is_empty() {
            return;
        }
        let message = Message::of(alert, self.clock.now(), self.subjects);
        for (name, queue) in &self.queues {
            push(name, queue, message.clone(), self.clock.instant());
        }
    }
}

fn push(name: &'static str, queue: &Queue, message: Message, now: Instant) {
    if let Err(message) = queue.push(message, now) {
        tracing::error!(
            receiver = name,
            alert.id = message.id,
            "too many alerts wait to be sent: this one is left to the next start"
        );
    }
}

/// The senders that run.
#[derive(Debug)]
pub(crate) struct Senders {
    inbox: Arc<Inbox>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    looking: Sending,
}

impl Senders {
    /// Starts one sender for each receiver.
    pub(crate) fn start(sending: Sending) -> Self {
        let (mut queues, mut tasks, stop) = (Vec::new(), JoinSet::new(), CancellationToken::new());
        for receiver in &sending.receivers {
            let queue = Arc::new(Queue::default());
            queues.push((receiver.name(), queue.clone()));
            let worker = Worker {
                receiver: receiver.clone(),
                queue,
                transport: sending.transport.clone(),
                clock: sending.clock.clone(),
                journal: sending.journal.clone(),
                boot: sending.boot,
                started: sending.clock.instant(),
                stop: stop.clone(),
            };
            tasks.spawn(worker.run());
        }
        let inbox = Inbox { queues, subjects: sending.subjects, clock: sending.clock.clone() };
        Self { inbox: Arc::new(inbox), tasks, stop, looking: sending }
    }

    /// For the engine.
    pub(crate) fn inbox(&self) -> Arc<dyn Alerts> {
        self.inbox.clone()
    }

    /// Looks in the background for what an earlier process alerted and did not send.
    pub(crate) fn send_what_was_left(&mut self) {
        if self.inbox.queues.is_empty() {
            return;
        }
        let (inbox, sending, stop) = (self.inbox.clone(), self.looking.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let looking = look(&inbox, &sending);
            tokio::select! {
                () = looking => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Sends for at most `grace` what was not tried yet; the rest is left to the next start.
    pub(crate) async fn stop(mut self, grace: Duration) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(grace, ended).await.is_err() {
            let left: usize = self.inbox.queues.iter().map(|(_, queue)| queue.len()).sum();
            tracing::warn!(
                alerts.left = left,
                "not every alert was sent in time: they are left to the next start"
            );
        }
        self.tasks.shutdown().await;
    }
}

async fn look(inbox: &Inbox, sending: &Sending) {
    let names: Vec<&str> = inbox.queues.iter().map(|(name, _)| *name).collect();
    let found = unsent::unsent(&*sending.journal, &names, sending.clock.now(), sending.subjects).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(error = %error, "unsent alerts could not be looked for: the next start does");
            return;
        }
    };
    for (name, queue) in &inbox.queues {
        let unsent = found.iter().filter(|unsent| !unsent.sent_to.contains(*name));
        let mut messages: Vec<Message> = unsent.map(|unsent| unsent.message.clone()).collect();
        if messages.len() > ONE_BY_ONE {
            messages = vec![Message::summary(&messages, sending.clock.now())];
        }
        for message in messages {
            push(name, queue, message, sending.clock.instant());
        }
    }
}

#[cfg(test)]
mod tests;
