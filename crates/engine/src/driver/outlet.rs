//! Where an answer goes.

use tokio::sync::oneshot;
use usher_journal::{AnswerState, RequestId};

use crate::{Answer, Reply};

/// Where the answer goes. At most one is sent.
pub(super) struct Outlet {
    request: RequestId,
    sender: Option<oneshot::Sender<Reply>>,
    sent: Option<Answer>,
    hung_up: bool,
}

impl Outlet {
    pub(super) fn new(request: RequestId, sender: oneshot::Sender<Reply>) -> Self {
        Self { request, sender: Some(sender), sent: None, hung_up: false }
    }

    /// For a run that nobody waits for.
    pub(super) fn nobody(request: RequestId) -> Self {
        Self { request, sender: None, sent: None, hung_up: false }
    }

    pub(super) fn about(&mut self, request: RequestId) {
        self.request = request;
    }

    pub(super) fn sent(&self) -> Option<Answer> {
        self.sent.clone()
    }

    /// What the row says of it, once there is something to say. Whoever hung up first has not been answered (rule 15).
    pub(super) fn state(&self) -> Option<AnswerState> {
        let answer = self.sent.as_ref()?;
        Some(match answer {
            _ if self.hung_up => AnswerState::Lost,
            Answer::Positive => AnswerState::Positive,
            Answer::Negative { reason } => AnswerState::Negative { reason: reason.clone() },
        })
    }

    /// Whether whoever asked has left before the answer.
    pub(super) fn hung_up(&self) -> bool {
        self.hung_up
    }

    pub(super) fn send(&mut self, answer: Answer) {
        if let Some(sender) = self.sender.take() {
            self.sent = Some(answer.clone());
            if sender.send(Reply { request: self.request.clone(), answer }).is_err() {
                self.hung_up = true;
                tracing::info!(request.id = %self.request, "the sender hung up before it was answered");
            }
        }
    }
}
