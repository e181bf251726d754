mod assemble;
mod pruning;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use usher_core::{Clock, SystemClock};
use usher_engine::Engine;
use usher_journal::JournalError;

use self::assemble::{
    admin_service, engine_parts, limits_of_admin, limits_of_webhooks, outages, pruning, seats,
    webhooks_service,
};
use super::Failure;
use crate::admin::Backups;
use crate::alerts::Senders;
use crate::cli::ConfigArgs;
use crate::config::{self, Loaded};
use crate::edge::{Listener, Service};
use crate::output::Output;

/// Beyond `answer_within`: for answers to be written, and the journal to be closed.
const WRITE_OUT: Duration = Duration::from_secs(2);

/// What to do when the journal is lost.
const MEND: &str = "mend the disk and start Usher again";

const UNCLOSED: &str =
    "the journal does not close: look at its disk; what was unfinished goes on at the next start";

/// `usher serve`
pub(crate) async fn run(args: &ConfigArgs, output: &mut Output) -> Result<(), Failure> {
    crate::logging::start();
    let loaded = config::load(&args.config)?;
    let signals = Signals::listen()?;
    let started = Started::start(loaded, Arc::new(SystemClock)).await?;
    started.addresses.say(output)?;
    let left = started.until_the_end(signals).await?;
    say_left(left, output)
}

#[derive(Clone, Copy, Debug)]
struct Addresses {
    webhooks: SocketAddr,
    admin: SocketAddr,
}

impl Addresses {
    fn say(self, output: &mut Output) -> Result<(), Failure> {
        let (webhooks, admin) = (format!("http://{}", self.webhooks), format!("http://{}", self.admin));
        tracing::info!(webhooks = %webhooks, admin = %admin, version = env!("CARGO_PKG_VERSION"), "listening");
        if output.is_json() {
            return Ok(output.value(&json!({ "event": "listening", "webhooks": webhooks, "admin": admin }))?);
        }
        output.line(format!("Usher takes webhooks at {webhooks}/webhooks/provision and …/deprovision"))?;
        Ok(output.line(format!("and operators at {admin}"))?)
    }
}

fn say_left(left: usize, output: &mut Output) -> Result<(), Failure> {
    tracing::info!(requests.left = left, "stopped");
    if output.is_json() {
        return Ok(output.value(&json!({ "event": "stopped", "left": left }))?);
    }
    Ok(output.line(match left {
        0 => "Stopped: nothing is left to do.".to_owned(),
        1 => "Stopped: 1 request is left to the journal and goes on at the next start.".to_owned(),
        left => format!("Stopped: {left} requests are left to the journal and go on at the next start."),
    })?)
}

async fn bind(
    section: &str,
    listen: SocketAddr,
    limits: crate::edge::Limits,
    clock: &Arc<dyn Clock>,
) -> Result<Listener, Failure> {
    Listener::bind(listen, limits, Arc::clone(clock)).await.map_err(|error| {
        Failure::failed(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("{section} {listen} is taken: stop what listens there, or set another `listen`")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("{section} {listen} is no address of this machine: set another `listen`")
            }
            io::ErrorKind::PermissionDenied => {
                format!("{section} {listen} is not allowed to this user: set a port above 1023 in `listen`")
            }
            _ => format!("{section} {listen} cannot be listened at ({error}): set another `listen`"),
        })
    })
}

fn address(listener: &Listener) -> Result<SocketAddr, Failure> {
    listener.address().map_err(|error| Failure::failed(format!("a listener has no address: {error}")))
}

fn spawn(listener: Listener, service: impl Service, stop: &CancellationToken) -> JoinHandle<()> {
    tokio::spawn(listener.serve(service, stop.clone()))
}

/// What ends a process from outside.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let heard =
            |kind| signal(kind).map_err(|error| Failure::failed(format!("signals cannot be heard: {error}")));
        Ok(Self { interrupt: heard(SignalKind::interrupt())?, terminate: heard(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Resolves when the process is asked to end.
#[cfg(feature = "demo")]
pub(crate) async fn interrupted() -> Result<(), Failure> {
    Signals::listen()?.next().await;
    Ok(())
}

/// A service that has been started.
#[derive(Debug)]
pub(crate) struct Started {
    addresses: Addresses,
    answer_within: Duration,
    stop_webhooks: CancellationToken,
    stop_admin: CancellationToken,
    engine: Engine,
    alerts: Senders,
    webhooks: JoinHandle<()>,
    admin: JoinHandle<()>,
}

impl Started {
    /// Binds both listeners, opens the journal, and takes up what an earlier process left.
    pub(crate) async fn start(loaded: Loaded, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        // The sockets first: a port that is taken is told before the journal is touched.
        let server = &loaded.config.server;
        let webhooks = bind("[server]", server.listen, limits_of_webhooks(server), &clock).await?;
        let admin = bind("[admin]", loaded.config.admin.listen, limits_of_admin(server), &clock).await?;
        let addresses = Addresses { webhooks: address(&webhooks)?, admin: address(&admin)? };
        let told = |error: JournalError| match error {
            // Only after it was opened: what is wrong at its opening says what to do itself.
            JournalError::Lost(_) => Failure::failed(format!("{error}: {MEND}")),
            error => Failure::failed(error.to_string()),
        };
        let (parts, mut alerts) = engine_parts(&loaded, &clock).await.map_err(told)?;
        let engine = Engine::start(parts).await.map_err(told)?;
        alerts.send_what_was_left();
        // The journal is ours alone by now.
        if let Err(error) = Backups::beside(&loaded.config.journal.sqlite).clear() {
            tracing::warn!(%error, "what an earlier process left of a backup could not be deleted");
        }
        let (stop_webhooks, stop_admin) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(pruning(&loaded, &engine, &clock).run(stop_webhooks.clone()));
        tokio::spawn(outages(&loaded, &engine, &alerts, &clock).run(stop_webhooks.clone()));
        for seats in seats(&loaded, &engine, &alerts, &clock) {
            tokio::spawn(seats.run(stop_webhooks.clone()));
        }
        let answer_within = server.answer_within;
        Ok(Self {
            addresses,
            answer_within,
            webhooks: spawn(webhooks, webhooks_service(&loaded, &engine, &clock), &stop_webhooks),
            admin: spawn(admin, admin_service(loaded, &engine, &clock), &stop_admin),
            stop_webhooks,
            stop_admin,
            engine,
            alerts,
        })
    }

    /// Waits for a signal or the loss of the journal, and stops. Returns how many requests are left.
    async fn until_the_end(self, mut signals: Signals) -> Result<usize, Failure> {
        let lost = tokio::select! {
            () = signals.next() => None,
            error = self.engine.lost() => Some(error),
        };
        match &lost {
            None => tracing::info!("stopping: what somebody waits for is finished first"),
            Some(error) => tracing::error!(error = %error, "the journal is lost: all who wait are answered"),
        }
        // Twice what it takes: only a disk that hangs needs more, and nobody waits for that.
        let enough = (self.answer_within + WRITE_OUT) * 2;
        let left = tokio::select! {
            left = timeout(enough, self.stop()) => left,
            () = signals.next() => {
                return Err(Failure::failed("ended at once: what was unfinished goes on at the next start"));
            }
        };
        match lost {
            None => left.map_err(|_| Failure::failed(UNCLOSED)),
            Some(error) => Err(Failure::failed(format!("{error}: {MEND}"))),
        }
    }

    /// Takes nothing new, finishes what somebody waits for, and leaves the rest to the journal. Returns how many requests that is.
    pub(crate) async fn stop(self) -> usize {
        let answers = self.answer_within;
        self.stop_within(answers).await
    }

    /// The same, where what somebody waits for is finished only if it takes no longer than `answers`.
    pub(crate) async fn stop_within(self, answers: Duration) -> usize {
        self.stop_webhooks.cancel();
        let within = answers + WRITE_OUT;
        let (left, ()) = tokio::join!(self.engine.shutdown(answers), ended(self.webhooks, within));
        self.stop_admin.cancel();
        // The engine raises no more alerts now. What is sent from here on cannot be noted, and may come again after the next start.
        tokio::join!(ended(self.admin, WRITE_OUT), self.alerts.stop(WRITE_OUT));
        left
    }
}

#[cfg(feature = "demo")]
impl Started {
    pub(crate) fn webhooks(&self) -> SocketAddr {
        self.addresses.webhooks
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.addresses.admin
    }

    pub(crate) fn journal(&self) -> &Arc<dyn usher_journal::Journal> {
        self.engine.journal()
    }
}

async fn ended(listener: JoinHandle<()>, within: Duration) {
    match timeout(within, listener).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(error = %error, "a listener broke off"),
        Err(_) => tracing::warn!("connections are closed that would not end"),
    }
}

#[cfg(test)]
mod tests;
