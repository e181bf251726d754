//! Values on their way out: over real sockets, the vendor receives exactly what was meant, or nothing at all.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod hostile;
mod requests;
mod structure;
mod support;
