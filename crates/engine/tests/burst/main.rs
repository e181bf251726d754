//! More requests at once than the vendor's limit can serve in time: those that can be are served whole, the others are told at once,
//! and everything is done in the end. The engine and the real limiter, in time that passes only when everybody waits.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod at_once;
mod support;
mod vendor;
