//! The vendor client against raw sockets and scripts.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod addresses;
mod faults;
mod hostile;
mod jwt;
mod limits;
mod oauth;
mod query_key;
mod redirects;
mod repeats;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod whole_requests;
