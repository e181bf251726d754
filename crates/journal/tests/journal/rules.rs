//! The pure functions that say what an arrival, a record and a replay mean.

mod applying;
mod arriving;
mod inviting;
mod replaying;
mod slots;

use usher_journal::{Arrived, Ledger, Record, Request, apply, arrive};

use crate::samples::at;

/// A subject's ledger, and the place in the order of acceptance.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) seq: u64,
}

impl World {
    /// Takes a first delivery in.
    pub(crate) fn take(&mut self, request: Request) -> Request {
        self.deliver(None, request).1
    }

    pub(crate) fn deliver(
        &mut self,
        existing: Option<&Request>,
        new: Request,
    ) -> (Arrived, Request, Vec<Record>) {
        self.seq += 1;
        arrive(existing.cloned(), &mut self.ledger, new, self.seq, &at(1))
    }

    pub(crate) fn apply(&mut self, request: &mut Request, record: &Record) {
        apply(request, &mut self.ledger, record, &at(2));
    }
}
