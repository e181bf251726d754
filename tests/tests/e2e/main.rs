//! Usher end to end: real processes, real sockets, a real file. The vendor is `usher-sandbox`, whose own ledger of effects says
//! what really happened.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking, and says why")]

mod admin;
mod alerts;
mod backup;
mod bad_input;
mod breaker;
mod commands;
mod config;
mod crash;
mod directory;
mod directory_faults;
mod faults;
mod full_disk;
mod github;
mod github_faults;
mod late;
mod leaks;
mod lumos;
mod shutdown;
mod webhooks;

pub(crate) use usher_tests::support;
