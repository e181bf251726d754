use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::{Call, ConfigError, SecretRef, Transport};

/// Time, passed in. Wall time is for expiry and for people, the monotonic one for deadlines.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Monotonic time.
    fn instant(&self) -> Instant;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// Reads secrets.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The secret behind a reference.
    ///
    /// # Errors
    /// It is not there, is empty, or cannot be read: said with the place, never the value.
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError>;
}

/// Leave to make one call, given back when it is dropped.
pub trait Permit: Send {
    /// The vendor's own limit has turned the call away: nobody else needs to try before `after`, where the vendor tells.
    fn throttled(&mut self, _after: Option<Duration>) {}
}

/// How a limit stands, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitState {
    /// Calls that wait for leave.
    pub waiting: usize,
    /// Calls under way.
    pub under_way: usize,
    /// Requests that could not be served in time, and come again later.
    pub put_off: usize,
    /// For how long still the vendor's own limit lets nothing through; zero where it does not stand in the way.
    pub closed_for: Duration,
}

/// Rate and concurrency limits of a connection.
#[async_trait]
pub trait Limiter: fmt::Debug + Send + Sync {
    /// Waits for leave to make a call with the credential `key`, by `call.priority`.
    ///
    /// # Errors
    /// How long it would take, where that outlasts `call.deadline`: told at once, not after waiting.
    async fn permit(&self, key: &str, call: &Call) -> Result<Box<dyn Permit>, Duration>;

    /// How it stands, over all its credentials; `None`: it does not tell.
    fn state(&self) -> Option<LimitState> {
        None
    }
}

/// All that a connector reaches the world through.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The connection's name in the configuration.
    pub connection: String,
    /// The configuration's folder, for files that settings name.
    pub folder: PathBuf,
    /// Instead of the vendor's own address.
    pub base_url: Option<String>,
    /// Whether the vendor may stand on a private or loopback address.
    pub allow_private: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Limits.
    pub limiter: Arc<dyn Limiter>,
    /// HTTP.
    pub transport: Arc<dyn Transport>,
}
