//! The stand-ins over real sockets: each behaviour of the vendor that a toy misses, and each fault.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod binary;
mod control;
mod desk;
mod directory_auth;
mod directory_people;
mod faults_answered;
mod faults_cut;
mod faults_vendors;
mod faults_waiting;
mod github_app;
mod github_graphql;
mod github_invitations;
mod github_members;
mod github_teams;
mod lumos_tasks;
mod zendesk_auth;
mod zendesk_groups;
mod zendesk_roles;
mod zendesk_search;
mod zendesk_users;
