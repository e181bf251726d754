//! What the end-to-end tests and the fault suite stand on: real processes over real sockets and real files, beside a vendor that is
//! `usher-sandbox`, whose own ledger of effects says what really happened.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, clippy::print_stdout, reason = "a test fails by panicking, and says why")]
#![expect(missing_docs, async_fn_in_trait, reason = "published nowhere: what needs a word has one")]

pub mod faults;
pub mod support;
