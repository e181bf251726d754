//! The sandbox as a library: starting, seeding, looking, waiting, stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::directory::DirectorySeed;
use crate::fault::{Matcher, Rule};
use crate::github::GithubSeed;
use crate::history::Reading;
use crate::lumos::{LumosSeed, LumosSettings, Task};
use crate::records::{Call, CallEnd, Effect};
use crate::switch::RuleState;
use crate::world::Shared;
use crate::zendesk::{UserSeed, UserState, ZendeskSeed, ZendeskSettings};
use crate::{control, server};

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// Whether it may listen where other machines can reach it. Its control needs no credential.
    pub allow_non_loopback: bool,
    /// The clock, real time by default.
    pub clock: Clock,
    /// The longest that any fault waits, on the clock. Two minutes by default.
    pub patience: Duration,
}

impl Default for Options {
    /// Any free port of 127.0.0.1.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            allow_non_loopback: false,
            clock: Clock::real(),
            patience: Duration::from_secs(120),
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is reachable for other machines, and that was not allowed.
    #[error(
        "the sandbox listens on loopback addresses only, and {0} is none: allow other addresses to use it"
    )]
    NotLoopback(SocketAddr),
    /// The address is taken, or not this machine's.
    #[error("the sandbox cannot listen on {listen}, choose another address: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// A seed or a rule that makes no sense; says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// What was waited for did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{seen} of {wanted} came within {within:?}")]
pub struct NotInTime {
    /// How many came.
    pub seen: usize,
    /// How many were waited for.
    pub wanted: usize,
    /// How long it was waited.
    pub within: Duration,
}

/// What is put into the stand-ins. Seeding makes no effects: it is what was there before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// Into Zendesk.
    pub zendesk: ZendeskSeed,
    /// Into Lumos's tasks.
    pub lumos: LumosSeed,
    /// Into GitHub.
    pub github: GithubSeed,
    /// Into the directory.
    pub directory: DirectorySeed,
}

/// A running sandbox. It stops when it is dropped; [`Sandbox::shutdown`] also waits for that.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Listens, and serves in the background from then on. Needs a running tokio runtime.
    ///
    /// # Errors
    /// An address that is not allowed or that cannot be listened on.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { listen, allow_non_loopback, clock, patience } = options;
        if !allow_non_loopback && !listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(listen));
        }
        let failed = |source| StartError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::new(clock, patience, server::url(address)));
        let control = control::routes(Arc::clone(&shared));
        let server = tokio::spawn(server::run(Arc::clone(&shared), listener, control));
        Ok(Self { shared, address, server })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Ends every connection at once, drops what was to come late, and returns when all is over.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        // Fails only where the server panicked, and then it has ended as well.
        let _ended = (&mut self.server).await;
        self.shared.late.close();
        self.shared.late.wait().await;
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS`.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url.clone()
    }

    /// The base URL of the Zendesk stand-in; `/api/v2/...` and `/oauth/tokens` follow it.
    #[must_use]
    pub fn zendesk_url(&self) -> String {
        format!("{}/zendesk", self.shared.url)
    }

    /// The base URL of Lumos's API; `/tasks` and `/appstore/...` follow it.
    #[must_use]
    pub fn lumos_url(&self) -> String {
        format!("{}/lumos", self.shared.url)
    }

    /// The base URL of the control API.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("{}/control", self.shared.url)
    }

    /// The clock that all of it runs on.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Everything as at the start: state, records and fault rules. The clock keeps its time.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Puts in what the seed says, up to its first mistake; says the ids of its Zendesk users in their order.
    ///
    /// # Errors
    /// An address that is taken, a role or group that is not there, settings that are not valid.
    pub fn seed(&self, seed: &Seed) -> Result<Vec<u64>, Refused> {
        self.shared.seed(seed).map_err(Refused)
    }

    /// Puts one Zendesk user in and says the id.
    ///
    /// # Errors
    /// As [`Sandbox::seed`].
    pub fn seed_user(&self, user: UserSeed) -> Result<u64, Refused> {
        let seed =
            Seed { zendesk: ZendeskSeed { users: vec![user], ..Default::default() }, ..Default::default() };
        let ids = self.seed(&seed)?;
        ids.first().copied().ok_or_else(|| Refused("no user was seeded".to_owned()))
    }

    /// Changes how the Zendesk stand-in behaves.
    pub fn configure_zendesk(&self, change: impl FnOnce(&mut ZendeskSettings)) {
        change(&mut self.shared.world().zendesk.settings);
    }

    /// Changes how Lumos's stand-in behaves.
    pub fn configure_lumos(&self, change: impl FnOnce(&mut LumosSettings)) {
        change(&mut self.shared.world().lumos.settings);
    }

    /// The present truth about all Zendesk users who bear this address, deleted ones among them.
    #[must_use]
    pub fn users(&self, email: &str) -> Vec<UserState> {
        let world = self.shared.world();
        let found = world.zendesk.users(Reading::Now).filter(|user| user.bears(email));
        found.map(|user| world.zendesk.state(&user)).collect()
    }

    /// The present truth about the one active Zendesk user who bears this address.
    #[must_use]
    pub fn user(&self, email: &str) -> Option<UserState> {
        self.users(email).into_iter().find(|user| user.active)
    }

    /// How many paid seats are taken at Zendesk.
    #[must_use]
    pub fn seats_taken(&self) -> u64 {
        self.shared.world().zendesk.seats_taken()
    }

    /// Lumos's tasks as they stand.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        self.shared.world().lumos.tasks(Reading::Now).map(|task| Task::clone(&task)).collect()
    }

    /// Every change that really happened, in its order.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.shared.pass_time();
        self.shared.world().records.effects().to_vec()
    }

    /// The changes that happened to one person, at every vendor (by primary address; at GitHub by login where the account has
    /// no address), or to one task (`task ID`).
    #[must_use]
    pub fn effects_on(&self, key: &str) -> Vec<Effect> {
        self.shared.pass_time();
        let key = key.to_lowercase();
        let world = self.shared.world();
        world.records.effects().iter().filter(|effect| effect.key.to_lowercase() == key).cloned().collect()
    }

    /// Every request that arrived at a vendor, in the order of arrival; the newest 100,000.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().records.calls().cloned().collect()
    }

    /// The requests among them that fit.
    #[must_use]
    pub fn calls_to(&self, matcher: &Matcher) -> Vec<Call> {
        self.shared.calls_to(matcher, None)
    }

    /// Sets a fault rule behind those that stand, and says its number.
    ///
    /// # Errors
    /// A rule that makes no sense, or a thousand rules that stand already.
    pub fn fault(&self, rule: Rule) -> Result<u64, Refused> {
        let now = self.shared.clock.now();
        self.shared.world().switch.set(rule, now).map_err(Refused)
    }

    /// The fault rules and what they met.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleState> {
        let now = self.shared.clock.now();
        self.shared.world().switch.rules(now)
    }

    /// Takes every fault rule away; what they hold goes on.
    pub fn clear_faults(&self) {
        self.shared.world().switch.clear(None);
    }

    /// Lets go what this rule, or every rule, holds at this moment; says how many requests that is.
    pub fn release(&self, rule: Option<u64>) -> usize {
        self.shared.world().switch.release(rule)
    }

    /// Returns once so many requests that fit have *arrived* since the start or the last reset.
    ///
    /// # Errors
    /// They did not come in time (real time).
    pub async fn wait_for_calls(
        &self,
        matcher: &Matcher,
        count: usize,
        within: Duration,
    ) -> Result<Vec<Call>, NotInTime> {
        self.shared.wait(count, within, |shared| shared.calls_to(matcher, None)).await
    }

    /// Returns once so many requests that fit have *ended* in this way.
    ///
    /// # Errors
    /// They did not come in time (real time).
    pub async fn wait_for_ends(
        &self,
        matcher: &Matcher,
        end: CallEnd,
        count: usize,
        within: Duration,
    ) -> Result<Vec<Call>, NotInTime> {
        self.shared.wait(count, within, |shared| shared.calls_to(matcher, Some(end))).await
    }

    /// Returns once so many changes have happened to this user or task since the start or the last reset.
    ///
    /// # Errors
    /// They did not come in time (real time).
    pub async fn wait_for_effects(
        &self,
        key: &str,
        count: usize,
        within: Duration,
    ) -> Result<Vec<Effect>, NotInTime> {
        self.shared.wait(count, within, |_| self.effects_on(key)).await
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
