//! Repeated deliveries (rule 10).

use std::sync::Arc;

use tokio::time::Instant;
use usher_core::Direction;
use usher_journal::{Arrived, Ledger, Request, RequestId};

use super::books::result;
use super::outlet::Outlet;
use super::run::Driver;
use super::{Inner, lost_for, until};
use crate::Answer;
use crate::decide::{Mode, Run};

impl Inner {
    /// A repeated delivery (rule 10).
    pub(super) async fn duplicate(
        self: Arc<Self>,
        arrived: Arrived,
        request: Request,
        mut outlet: Outlet,
        deadline: Instant,
    ) {
        match arrived {
            Arrived::Running => {
                let answer = self.result_of(&request.id, deadline).await;
                outlet.send(answer);
            }
            Arrived::Recheck => {
                let place = (request.connection.clone(), request.subject_key.clone());
                let ticket = self.lanes.enter(&place, u64::MAX);
                let began = self.clock.now();
                let ticks = self.ticks(deadline);
                let mut run = Run::new(request, Mode::Recheck, Some(ticks), began);
                run.answer = outlet.sent();
                Driver::new(self, run, Ledger::default(), outlet, None).drive(ticket, None).await;
            }
            Arrived::Followed => {
                let opposite = match request.direction {
                    Direction::Provision => "a deprovisioning",
                    Direction::Deprovision => "an approval",
                };
                outlet.send(Answer::negative(format!(
                    "{opposite} has followed it: only an operator's replay runs it again"
                )));
            }
            Arrived::Settled | Arrived::Fresh | Arrived::Again => {
                let reason = request.reason.clone().unwrap_or_default();
                outlet.send(Answer::negative(format!("{}: {reason}", request.word())));
            }
        }
    }

    /// The result of a running request, by the duplicate's own deadline.
    async fn result_of(self: &Arc<Self>, id: &RequestId, deadline: Instant) -> Answer {
        let running = self.lock_active().get(id).map(|active| active.result.clone());
        let mut lost = self.lost.subscribe();
        let answer = async {
            if let Some(mut running) = running
                && let Ok(result) = running.wait_for(Option::is_some).await
                && let Some(answer) = result.clone()
            {
                return answer;
            }
            // It ended in between: its row says how.
            match self.heard(self.journal.find(id).await) {
                Ok(Some(stored)) => result(&stored.request),
                Ok(None) => Answer::negative("the first delivery is not there"),
                Err(error) => Answer::negative(error.to_string()),
            }
        };
        tokio::select! {
            biased;
            why = lost_for(&mut lost) => Answer::negative(format!("{why}: nothing more was sent")),
            () = until(deadline) => Answer::negative("not done in time: the first delivery is still at it"),
            answer = answer => answer,
        }
    }
}
