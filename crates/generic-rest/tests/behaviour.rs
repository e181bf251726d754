//! Definitions against an application that answers from a script.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "a test writes down a value and hands it over")]

mod support;

#[path = "behaviour/applying.rs"]
mod applying;
#[path = "behaviour/checking.rs"]
mod checking;
#[path = "behaviour/following.rs"]
mod following;
#[path = "behaviour/paging.rs"]
mod paging;
#[path = "behaviour/planning.rs"]
mod planning;
#[path = "behaviour/reading.rs"]
mod reading;
#[path = "behaviour/slots.rs"]
mod slots;
