//! A stand-in of Lumos's own API, as far as late successes need it: tasks and access requests.
//!
//! The calls, their parameters and their status codes are those of Lumos's published REST description; the fields of a
//! task beyond id, category, status, `manual_steps_needed` and the requestable permission's id are not used by anybody
//! here and are left out. A failed call's body is in the manner of that description (`detail`).

mod settings;
mod tasks;

pub(crate) use tasks::Desk;

pub use settings::{API_TOKEN, AccessRequest, LumosSeed, LumosSettings, Task, TaskCategory, TaskStatus};
