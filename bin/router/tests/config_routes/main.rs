//! Which webhook is whose: from a path and a payload to what is accepted.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod apps;
mod paste;
mod paths;
mod people;
mod permissions;
mod support;
