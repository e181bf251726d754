//! Real processes: the sandbox, Usher with its journal in a file, and its commands.

mod around;
mod command;
mod config;
pub mod fault_table;
mod http;
mod leaks;
mod namespace;
mod numbers;
mod payload;
mod process;
mod receiver;
mod rows;
mod sandbox;
mod usher;

pub use around::{Around, Noted, SmallDisk, Tracer, WallClock};
pub use command::{Ended, run};
pub use config::{AUDIT, CLIENT_SECRET, Config, DANA, HOOK_KEY, KEY, environment};
pub use http::{Answer, Raw, client, lasts, now};
pub use leaks::{BEARER, addresses_in, secrets_in};
pub use namespace::{in_a_network_of_its_own, nft};
pub use numbers::{Numbers, seed};
pub use payload::Payload;
pub use receiver::{Posted, Receiver};
pub use rows::Row;
pub use sandbox::{Sandbox, about};
pub use usher::{Usher, folder};

use std::time::Duration;

/// What a test waits for comes within this time, or the test fails: longer than a change may stay open (its own time-out
/// of 5 s, then 15 s in which it may still arrive).
pub const PATIENCE: Duration = Duration::from_secs(75);

/// From a request's first byte to its answer, at the most: `answer_within` and what a loaded machine adds.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(13);

/// A world with nothing in it but the owner and the group `Tier 1`, and a service with the usual configuration.
pub async fn world() -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    let usher = Usher::start(&Config::new(&sandbox)).await;
    (sandbox, usher)
}
