//! Applications that are described in a file: look-ups, slots and steps over HTTP.
//!
//! [`GenericRest`] is the factory that the router registers. A connection runs one [`definition::Definition`]: it says how
//! to read what a person holds and how to write each kind of change; which values are missing, which are too many, and what the
//! whole would be after the change comes from the ledger. Expressions stand in [`expression`]; what carries their values
//! out, each with its own encoder, in [`sinks`].

mod auth;
mod config;
pub mod definition;
pub mod expression;
mod provisioner;
mod runtime;
pub mod sinks;

pub use config::Settings;
pub use provisioner::GenericRest;
pub use runtime::GenericRestConnection;
