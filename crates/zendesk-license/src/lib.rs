//! Zendesk licences: agents, light agents, contributors, custom roles, and groups.
//!
//! A licence at Zendesk is the user's role. [`ZendeskLicense`] is the factory that the router registers; a connection finds
//! the person's account exactly, never by a partial hit of the search, creates or promotes it, puts it into groups once it
//! is an agent, and gives the former role back. Administrators and the owner are never changed for less than they are.

mod api;
mod apply;
mod change;
mod check;
mod config;
mod entitlement;
mod error;
mod facts;
mod observe;
mod plan;
mod provisioner;
mod roles;

pub use config::{Credentials, Settings, Unsuspend};
pub use entitlement::Entitlement;
pub use provisioner::{ZendeskConnection, ZendeskLicense};
