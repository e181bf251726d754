//! The wire form of what Lumos sends and expects (pure), and a client of Lumos's own API for what comes late.
//!
//! [`parse`] reads a webhook's body, [`Answer`] and [`ErrorAnswer`] are what is answered to it, and [`conclude`]
//! reads such an answer as Lumos would. [`LumosApi`] finds, comments on and completes the manual task that Lumos opens
//! where a webhook did not provision, and reads how an access request stands: the one thing here that does I/O, through
//! the vendor client. What is known of Lumos's format, and from where, stands at each item.

mod address;
mod answer;
mod api;
mod conclusion;
mod error;
mod fields;
mod json;
mod payload;
mod task_url;

pub use answer::{
    Answer, DEPROVISIONED_USER, ErrorAnswer, NO_PROVISIONING_ACTION, PROVISIONED_USER, Reply, Style,
    SuccessStyle,
};
pub use api::{AccessRequest, ApiError, LumosApi, MAX_COMMENT, PendingTask, Progress, READS};
pub use conclusion::{Conclusion, LUMOS_WAITS, Unreadable, conclude};
pub use error::PayloadError;
pub use payload::{AccessLengthUnit, Options, Parsed, Payload, Permission, limits, parse};
pub use task_url::{HostPattern, HostPatternError, default_task_url_hosts, request_id, task_link};
