//! Every request on disk first: requests, their append-only history, and the ledger of who holds what.
//!
//! What a record *means* stands once, in pure functions ([`arrive`], [`apply`]) over two plain documents, a [`Request`] and the
//! [`Ledger`] of its subject. An implementation of [`Journal`] loads the two, calls the function, and stores what came of it in
//! one commit: so all implementations agree by construction, and the model checker can call the very same functions.

mod apply;
mod arrive;
mod change;
mod journal;
mod ledger;
mod memory;
mod prune;
mod record;
mod request;
mod sqlite;

pub use apply::apply;
pub use arrive::{Arrival, Arrived, arrive, replay, runs_again};
pub use change::{Change, ChangeState, Moment, Stamp};
pub use journal::{
    Accepted, Committed, Contents, Filter, Holding, HoldingsFilter, HoldingsPage, Journal, JournalError,
    Page, Pause, Stored,
};
pub use ledger::{DAY, Holder, Invitation, Ledger, Mail, Mark};
pub use memory::MemoryJournal;
pub use prune::{Prunable, Prune, PrunePlace, Pruned};
pub use record::{History, InvitationEnd, LumosStep, Outcome, Record};
pub use request::{AnswerState, AskedPermission, Execution, Request, RequestId, Telling, Word};
pub use sqlite::{SqliteJournal, SqliteOptions};
