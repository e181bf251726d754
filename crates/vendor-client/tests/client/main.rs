//! The vendor client against raw sockets and scripts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod faults;
mod hostile;
mod limits;
mod oauth;
mod redirects;
mod repeats;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod transport;
