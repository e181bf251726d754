//! The admin listener: what operators see and do, over JSON.
//!
//! Not the public one: it listens on loopback unless it is told otherwise, and every call but the two probes wants an
//! operator's token.

mod backup;
mod connections;
mod error;
mod holdings;
mod mapping;
mod names;
mod operators;
mod plan;
mod ports;
mod requests;
mod service;
mod taken;
mod timeline;
mod view;

pub use backup::Backups;
pub(crate) use backup::CONTENTS as BACKUP_CONTENTS;
pub use error::ApiError;
pub use holdings::{ApprovalView, HoldingView, HoldingsView};
pub use mapping::Mapping;
pub use operators::{Operator, Operators};
pub use plan::{Held, HeldView, PlanView, PlannedPermission, PlannedRequest, RefusedView, Verdict};
pub use ports::Operate;
pub use service::{Admin, AdminParts};
pub use view::{
    ConnectionInfo, ConnectionView, ConnectionsView, EntryView, ErrorView, LimitView, PageView, PauseView,
    ReasonBody, RequestView, StoredView, Taken, WORDS,
};
