//! The suite itself: a right connector passes it, and for each case a wrong one fails it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod connector;
mod vendor;
mod wrong;

/// Every case, with a connector that does it right.
mod right {
    usher_contract::suite!(crate::vendor::ToyVendor::new);
}

mod mistakes;
