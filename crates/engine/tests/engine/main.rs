//! The engine against a vendor that does as it is told, a journal in memory, and time that passes only when everybody waits.
//! Names of tests bear the number of the rule that they show (see README.md).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod acceptance;
mod answers;
mod approvals;
mod breaker;
mod decisions;
mod goals;
mod grants;
mod histories;
mod holdings;
mod identity;
mod implied;
mod inviting;
mod inviting_walks;
mod known_invitations;
mod late;
mod lost_journal;
mod operated;
mod orders;
mod partial;
mod readings;
mod replays;
mod stand;
mod support;
mod telling;
mod traces;
mod walks;
