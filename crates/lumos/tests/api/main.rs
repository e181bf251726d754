//! The client of Lumos's API against the sandbox's tasks, over sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod support;
