//! The listeners and the commands over real sockets, with a scripted engine.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod admin;
mod commands;
mod connections;
mod exporting;
mod following;
mod holdings;
mod limits;
mod local;
mod logs;
mod plan;
mod replay;
#[cfg(feature = "zendesk-license")]
mod serve;
mod support;
mod terminal;
mod timing;
mod webhooks;
