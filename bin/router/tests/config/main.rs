//! The configuration, read from files as an administrator writes them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod desk;
#[cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
mod documents;
#[cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
mod everything;
#[cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
mod example;
mod markdown;
mod mistakes;
mod odd;
#[cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
mod pairs;
#[cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
mod stand_in;
mod support;
mod syntax;
mod valid;
