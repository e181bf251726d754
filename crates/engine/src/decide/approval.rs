//! What Lumos says of the access request while nobody waits for the answer any more: rule 26.

use usher_journal::{Execution, LumosStep, Record};

use super::{Approval, Turn};
use crate::lumos::{AccessRequest, Progress};
use crate::stands::Stand;

impl Turn<'_> {
    /// Takes note of how the access request stands. Where nobody can say, the attempt goes on: what was approved stands until
    /// somebody says otherwise.
    pub(super) fn approval(&mut self, seen: Result<AccessRequest, String>) {
        let sentence = match seen {
            Err(why) => format!("{why}: the attempt goes on, since the approval stands as far as anybody knows"),
            Ok(AccessRequest { status, progress }) => match progress {
                Progress::Open => {
                    self.run.approval = Approval::Stands;
                    return;
                }
                Progress::Ended => {
                    let sentence = format!("the access request is {status} in Lumos: nothing more is granted");
                    self.run.approval = Approval::Ended(status);
                    sentence
                }
                // An operator who has it run again knows better.
                Progress::Provisioned if self.run.replayed => return,
                Progress::Provisioned => {
                    let sentence = format!("the access request is {status} in Lumos: it is only looked at");
                    self.run.approval = Approval::ByHand(status);
                    sentence
                }
                Progress::Another => {
                    "the access request of this id is for another person in Lumos: it says nothing of this one".to_owned()
                }
            },
        };
        self.note(Record::Lumos { step: LumosStep::Looked, sentence });
    }

    /// Whether a reading ends it: nothing is granted any more, or it is not all there, and a person has seen to it.
    pub(super) fn is_out_of_approval(&self, stand: Stand) -> bool {
        let is_over = match &self.run.approval {
            Approval::Stands => false,
            Approval::Ended(_) => true,
            Approval::ByHand(_) => stand != Stand::Done,
        };
        // What was applied after its time is released all the same (rule 5).
        is_over && !self.takes_only()
    }

    /// Ends it: what was granted goes to a person; what a person has provisioned is closed.
    pub(super) fn approval_over(&mut self) {
        match self.run.approval.clone() {
            Approval::Ended(status) if self.has_own_changes() => {
                let targets = self.targets(self.run.seen.as_ref());
                let left = self.statement(&targets);
                self.needs_human(format!(
                    "the access request is {status} in Lumos, and something was sent before ({left}): take away what should not be there, then close this request"
                ));
            }
            Approval::Ended(status) => self.end(
                Execution::Refused,
                format!("the access request is {status} in Lumos: nothing was granted"),
            ),
            Approval::ByHand(status) => {
                let targets = self.targets(self.run.seen.as_ref());
                let left = self.statement(&targets);
                self.end(
                    Execution::Closed,
                    format!(
                        "the access request is {status} in Lumos, by a person: nothing more is sent ({left})"
                    ),
                );
            }
            Approval::Stands => {}
        }
    }
}
