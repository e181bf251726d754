//! The admin listener: what operators see and do, over JSON.
//!
//! Not the public one: it listens on loopback unless it is told otherwise, and every call but the two probes wants an
//! operator's token.

mod connections;
mod error;
mod operators;
mod ports;
mod requests;
mod service;
mod timeline;
mod view;

pub use error::ApiError;
pub use operators::{Operator, Operators};
pub use ports::Operate;
pub use service::{Admin, AdminParts, Paste};
pub use view::{
    ConnectionInfo, ConnectionView, ConnectionsView, EntryView, ErrorView, PageView, PauseView, ReasonBody,
    RequestView, StoredView, WORDS,
};
