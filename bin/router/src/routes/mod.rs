//! Which webhook is whose: from an authenticated path and a payload to what to accept. Pure.

mod decide;
mod domains;
mod paste;
mod path;
mod table;

use jiff::Timestamp;
use usher_journal::AskedPermission;
use usher_lumos::Style;

pub(crate) use paste::toml_key;

pub use domains::EmailDomains;
pub use path::{Hook, Target};
pub use table::{AppRoute, Credentials, DEFAULT, Entry, Given, HookRoute, PermissionsAt, RouteTable, Routes};

/// What is to become of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed {
    /// To be accepted and run.
    Accept(Accept),
    /// To be accepted and ended at once as refused: nothing reaches a vendor.
    Refuse(Refuse),
    /// Lumos's test button: to be accepted and closed at once.
    Test,
}

/// A webhook that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// Who serves it.
    pub connection: String,
    /// The app's key in the configuration.
    pub app_key: String,
    /// What it runs. In an order, an unmapped one has no facets (rule 28).
    pub permissions: Vec<AskedPermission>,
    /// An order that names no permission (rule 13).
    pub all: bool,
    /// `mode = "dry-run"`.
    pub dry_run: bool,
    /// When the approved access ends; `None` in an order.
    pub until: Option<Timestamp>,
    /// How success is said.
    pub style: Style,
}

/// A webhook that does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refuse {
    /// Who would serve it; empty where no app claims the payload.
    pub connection: String,
    /// The app's key in the configuration; empty where none claims the payload.
    pub app_key: String,
    /// What it asked for, by name alone: so that a delivery after the mend is known as the same one, and a replay grants nothing.
    pub permissions: Vec<AskedPermission>,
    /// An order that names no permission.
    pub all: bool,
    /// Why, for people, and what to do about it. One sentence, nothing personal.
    pub reason: String,
    /// The lines of TOML that would mend it, where an app or a permission is not mapped.
    pub paste: Option<String>,
}
