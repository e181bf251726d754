//! The connector against a small GitHub that remembers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

#[path = "behaviour/cases.rs"]
mod cases;
#[path = "behaviour/checking.rs"]
mod checking;
#[path = "behaviour/faults.rs"]
mod faults;
#[path = "behaviour/identifying.rs"]
mod identifying;
#[path = "behaviour/invitations.rs"]
mod invitations;
#[path = "behaviour/removal.rs"]
mod removal;
