//! Usher: turns approved access requests into access.
//!
//! The binary `usher` is a thin shell around this library, so that tests can reach every room of it.

pub mod admin;
pub mod alerts;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connectors;
#[cfg(feature = "demo")]
pub mod demo;
pub mod edge;
pub mod init;
mod late;
pub mod logging;
pub mod output;
pub mod routes;
pub mod schema;
