//! Real processes: the sandbox, Usher with its journal in a file, and its commands.

mod command;
mod config;
pub(crate) mod fault_table;
mod http;
mod leaks;
mod payload;
mod process;
mod receiver;
mod sandbox;
mod usher;

pub(crate) use command::{Ended, run};
pub(crate) use config::{AUDIT, CLIENT_SECRET, Config, DANA, HOOK_KEY, KEY, environment};
pub(crate) use http::{Answer, Raw, client};
pub(crate) use leaks::{BEARER, addresses_in, secrets_in};
pub(crate) use payload::Payload;
pub(crate) use receiver::{Posted, Receiver};
pub(crate) use sandbox::{Sandbox, about};
pub(crate) use usher::{Row, Usher, folder};

use std::time::Duration;

/// What a test waits for comes within this time, or the test fails: longer than a change may stay open (its own time-out
/// of 5 s, then 15 s in which it may still arrive).
pub(crate) const PATIENCE: Duration = Duration::from_secs(75);

/// From a request's first byte to its answer, at the most: `answer_within` and what a loaded machine adds.
pub(crate) const ANSWERED_WITHIN: Duration = Duration::from_secs(13);

/// A world with nothing in it but the owner and the group `Tier 1`, and a service with the usual configuration.
pub(crate) async fn world() -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    let usher = Usher::start(&Config::new(&sandbox)).await;
    (sandbox, usher)
}
