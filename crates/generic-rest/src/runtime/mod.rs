//! What runs a definition: it knows nothing of TOML.
//!
//! `observe` asks polls that are open and the look-ups, `plan` says what would have to be called, `apply` makes one call.

mod answer;
mod apply;
mod calls;
mod change;
mod check;
mod connection;
pub(crate) mod entitlement;
mod error;
mod facts;
mod lookups;
mod observe;
mod plan;
mod references;
mod scope;
mod slots;
mod values;
mod watches;

pub use connection::GenericRestConnection;
