//! The suite itself: a right connector passes it, and for each case a wrong one fails it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod connector;
mod planning;
mod vendor;
mod waiting;
mod wrong;

/// Every case, with a connector that does it right.
mod right {
    usher_contract::suite!(crate::vendor::ToyVendor::new);
}

/// The same where an invitation is not enough.
mod right_where_invitations_do_not_count {
    usher_contract::suite!(crate::vendor::ToyVendor::that_waits);
}

mod mistakes;
