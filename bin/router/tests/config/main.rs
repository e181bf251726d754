//! The configuration, read from files as an administrator writes them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod desk;
#[cfg(feature = "zendesk-license")]
mod example;
mod mistakes;
mod odd;
mod support;
mod syntax;
mod valid;
