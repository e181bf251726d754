//! What an operator may do with a run that is under way.

use usher_journal::{Execution, Outcome, Record};

use super::{End, Phase, Turn};
use crate::{Act, Answer};

impl Turn<'_> {
    pub(super) fn operated(&mut self, act: Act, by: &str, reason: &str) {
        if act != Act::Close {
            return;
        }
        self.note(Record::Operated { act: "close".to_owned(), by: by.to_owned(), reason: reason.to_owned() });
        let why = format!("closed by {by}: {reason}");
        let end = End { execution: Execution::Closed, reason: why.clone() };
        match self.run.phase {
            Phase::Resting | Phase::Parked => self.end(end.execution, end.reason),
            // Proven, or at another end: too late to close.
            Phase::Confirming { .. } | Phase::Ending | Phase::Over => {}
            _ => {
                self.run.end = Some(end);
                self.answer(Answer::negative(why));
            }
        }
    }

    /// Whoever closes a request has looked at what the vendor never finished: it holds nobody up any more.
    pub(super) fn forget_overdue(&mut self) {
        for intent in self.overdue() {
            self.outcome(intent, Outcome::WatchEnded(None));
        }
    }
}
