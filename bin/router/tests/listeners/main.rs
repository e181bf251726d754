//! The listeners and the commands over real sockets, with a scripted engine.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod admin;
mod commands;
mod limits;
mod logs;
#[cfg(feature = "zendesk-license")]
mod serve;
mod support;
mod timing;
mod webhooks;
