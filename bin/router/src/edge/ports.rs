use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::timeout;
use usher_engine::{Delivery, Engine, Reply};
use usher_lumos::Payload;

use crate::routes::{Credentials, Hook, Routed, Routes};

/// A probe gives up after a second or so, as a rule.
const READY_WITHIN: Duration = Duration::from_millis(900);

/// Where a webhook goes that passed the edge. The engine, or a scripted one in tests.
#[async_trait]
pub trait Deliver: fmt::Debug + Send + Sync + 'static {
    /// Runs it, and says what the sender is to be told.
    async fn deliver(&self, delivery: Delivery) -> Reply;

    /// Whether webhooks can be taken.
    async fn is_ready(&self) -> bool;
}

#[async_trait]
impl Deliver for Engine {
    async fn deliver(&self, delivery: Delivery) -> Reply {
        Self::deliver(self, delivery).await
    }

    async fn is_ready(&self) -> bool {
        // The journal itself is asked: what the engine last heard of it grows old when nobody sends anything.
        matches!(timeout(READY_WITHIN, self.journal().ready()).await, Ok(Ok(())))
    }
}

/// Which webhook is whose. The configuration's [`Routes`], or a scripted table in tests.
pub trait Table: fmt::Debug + Send + Sync + 'static {
    /// What a path leads to; `None`: nowhere.
    fn hook(&self, path: &str) -> Option<Hook>;

    /// What opens it.
    fn credentials(&self, hook: &Hook) -> &Credentials;

    /// What is to become of a payload that came by it.
    fn route(&self, hook: &Hook, payload: &Payload, now: Timestamp) -> Routed;
}

impl Table for Routes {
    fn hook(&self, path: &str) -> Option<Hook> {
        Self::hook(self, path)
    }

    fn credentials(&self, hook: &Hook) -> &Credentials {
        Self::credentials(self, hook)
    }

    fn route(&self, hook: &Hook, payload: &Payload, now: Timestamp) -> Routed {
        Self::route(self, hook, payload, now)
    }
}
