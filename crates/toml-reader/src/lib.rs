//! Reads TOML key by key and tells every mistake at once, each with its own place in the text.
//!
//! serde stops at the first mistake and quotes what it finds, which may be a secret. Here a [`Section`]'s keys are taken one by
//! one, what is wrong is noted in [`Notes`], and what nobody asked for is refused by name. The configuration and the definitions
//! of generic-rest are read this way.

mod notes;
mod read;
mod units;

pub use notes::{Found, Notes};
pub use read::{Item, Section, did_you_mean, kind, nearest};
pub use units::{duration, show, size};
