//! A configuration to begin with: commented, in `mode = "dry-run"`, and without a single secret in it.

mod compose;
mod recipes;
mod vendor;

use std::path::PathBuf;

pub use recipes::{RECIPES, Recipe};
pub use vendor::{Entitlement, Kind, Vendor};

/// What the configuration is to be for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The vendor's account.
    pub vendor: Vendor,
    /// Lumos's `application.app_id`: the app's key as well.
    pub app_id: String,
    /// Lumos's value of the first permission.
    pub permission: String,
    /// Mail domains of the people, or `*`.
    pub domains: Vec<String>,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Below the configuration's folder.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// An environment variable that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What belongs in it.
    pub what: String,
}

/// What there is to write, and what there is to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The text of the configuration.
    pub configuration: String,
    /// Files beside it.
    pub beside: Vec<Written>,
    /// Variables that it names.
    pub variables: Vec<Variable>,
}

/// The payload that is written beside a configuration, for the first `usher send`.
pub const PAYLOAD: &str = "example-payload.json";

impl Wanted {
    /// What to write.
    #[must_use]
    pub fn start(&self) -> Start {
        compose::start(self)
    }
}
