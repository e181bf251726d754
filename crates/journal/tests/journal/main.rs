//! The journal as a black box: one suite that every implementation passes, the pure rules behind it, and what SQLite adds.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod agree;
mod harness;
mod rules;
mod samples;
mod sqlite;
mod suite;
