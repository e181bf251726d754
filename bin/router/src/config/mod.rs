//! The configuration file: read, checked as a whole, and turned into what the rest of the router runs on.
//!
//! [`load`] tells every mistake at once, each with its place in the file; see [`Report`]. The file is read key by key over
//! toml's spanned tables, not through serde, which stops at the first mistake and quotes what it finds.

mod alerts;
mod apps;
mod broken;
mod complaints;
mod connections;
mod hooks;
mod json;
mod listeners;
mod load;
mod lumos;
mod model;
mod report;
mod sample;
mod secrets;

pub use load::{Loaded, Surroundings, load, load_with};
pub use model::{
    Admin, AlertWebhook, Alerts, AppSummary, Config, ConnectionSummary, Counts, Journal, Lumos,
    OnLateSuccess, Operator, Role, Server, Summary,
};
pub use report::{Mistake, Place, Report};
