//! The stand-ins over real sockets: each behaviour of the vendor that a toy misses, and each fault.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod binary;
mod control;
mod desk;
mod faults_answered;
mod faults_cut;
mod faults_waiting;
mod lumos_tasks;
mod zendesk_auth;
mod zendesk_groups;
mod zendesk_roles;
mod zendesk_search;
mod zendesk_users;
