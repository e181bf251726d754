//! Membership, invitations and teams of a GitHub organisation.
//!
//! [`GithubOrg`] is the factory that the router registers. A connection finds the person's account by its SAML identity, by a
//! login that the administrator lets requesters type, or not at all: then the address is invited, and only the invitee can
//! accept. One invitation gives role and teams; nobody is invited twice; the last owner is never removed or made less.

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
mod platform;
mod provisioner;
mod role;

pub use config::{Credentials, IdentifyBy, Settings};
pub use entitlement::Entitlement;
pub use provisioner::{GithubConnection, GithubOrg};
pub use role::Role;
