//! Runs the `[[test]]` blocks of a definition through the real engine, with a journal in memory, a clock that jumps, and a
//! script in the place of the vendor. Nothing reaches a network, and no secret is read.
//!
//! The script stands below authentication, limits and retries: what a test lists is what would go over the wire, a repeated
//! attempt included. Requests for tokens are no exchanges: they are answered by themselves.

mod report;
mod run;
mod script;
mod show;
mod stage;
mod time;

use std::path::Path;

use usher_core::ConfigError;
use usher_generic_rest::definition::Definition;

pub use report::{Failure, Report, TestResult};

/// Runs all tests of a definition, one after another. Blocks for as long as that takes, which is milliseconds a test; it may be
/// called on a thread of an asynchronous runtime as well.
#[must_use]
pub fn run(definition: &Definition) -> Report {
    let tests = definition.tests.iter().map(|test| run::result(definition, test)).collect();
    Report { file: definition.file.clone(), tests }
}

/// Reads a definition and runs all its tests.
///
/// # Errors
/// The file cannot be read, or every mistake in it.
pub fn run_file(path: &Path) -> Result<Report, Vec<ConfigError>> {
    Definition::read(path).map(|definition| run(&definition))
}
