//! The types and traits that every room of Usher shares. No I/O.
//!
//! A connector is two halves: a pure [`Planner`] (what would have to be called) and a [`Provisioner`] (what calls).
//! The engine runs every request the same way, *observe, plan, apply, observe*, and knows no vendor.

mod config_error;
mod facet;
mod fault;
mod http;
mod plan;
mod ports;
mod provisioner;
mod secret;
mod snapshot;
mod subject;
mod way;

pub use config_error::ConfigError;
pub use facet::{Arity, Facet, Slots};
pub use fault::{Fault, Refusal, RefusalKind, Remedy, Sent};
pub use http::{HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, Transport};
pub use plan::{Action, Goal, Plan, Receipt, Repeat, Watch, WatchState};
pub use ports::{Clock, LimitState, Limiter, Permit, Ports, Secrets, SystemClock};
pub use provisioner::{
    Call, Capabilities, Connector, Finding, Health, Known, Planner, Priority, Provisioner,
};
pub use secret::SecretRef;
pub use snapshot::{Account, Awaits, Evidence, Handles, Hold, Snapshot};
pub use subject::{App, Asked, Direction, Subject, SubjectKey};
pub use way::{Kept, Part, Way};
