//! The engine against a vendor that does as it is told, a journal in memory, and time that passes only when everybody waits.
//! Names of tests bear the number of the rule that they show (see ARCHITECTURE.md).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod grants;
mod support;
