//! The tests of the definitions that a configuration names.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::commands::Failure;
#[cfg(feature = "generic-rest")]
use crate::commands::definitions::{Tested, print};
use crate::output::Output;

/// What came of them. A build without generic-rest loads no configuration that names any.
#[derive(Debug)]
pub(super) struct Definitions {
    #[cfg(feature = "generic-rest")]
    tested: Vec<Tested>,
}

#[cfg(feature = "generic-rest")]
impl Definitions {
    pub(super) fn of(definitions: &BTreeSet<PathBuf>) -> Self {
        Self { tested: definitions.iter().map(|file| Tested::run(file)).collect() }
    }

    pub(super) fn are_well(&self) -> bool {
        self.tested.iter().all(Tested::is_well)
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.tested.iter().filter_map(Tested::note).collect()
    }

    pub(super) fn to_json(&self) -> Vec<Value> {
        self.tested.iter().map(Tested::to_json).collect()
    }

    pub(super) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        if self.tested.is_empty() {
            return Ok(());
        }
        output.line("")?;
        print(&self.tested, output)
    }
}

#[cfg(not(feature = "generic-rest"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the connector")]
impl Definitions {
    pub(super) fn of(_: &BTreeSet<PathBuf>) -> Self {
        Self {}
    }

    pub(super) fn are_well(&self) -> bool {
        true
    }

    pub(super) fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    pub(super) fn to_json(&self) -> Vec<Value> {
        Vec::new()
    }

    pub(super) fn print(&self, _: &mut Output) -> Result<(), Failure> {
        Ok(())
    }
}
