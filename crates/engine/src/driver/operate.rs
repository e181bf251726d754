//! What an operator may do.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use usher_core::Asked;
use usher_journal::{Execution, JournalError, Pause, Record, Request, RequestId};

use super::Engine;
use crate::decide::{Event, Mode, Run};
use crate::goal::goal;
use crate::{Act, Answer, OperateError, Preview};

impl Engine {
    /// Replays or closes a request. Who did it and why stands in its history.
    ///
    /// # Errors
    /// There is no such request, its state does not allow it, or the journal did not take it.
    pub async fn operate(
        &self,
        id: &RequestId,
        act: Act,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        let found = self.inner.heard(self.inner.journal.find(id).await)?;
        let request = found.ok_or_else(|| OperateError::NotFound(id.clone()))?.request;
        match act {
            Act::Replay => self.replay(request, by, reason).await,
            Act::Close => self.close(request, by, reason).await,
        }
    }

    async fn replay(&self, request: Request, by: &str, reason: &str) -> Result<Request, OperateError> {
        let id = request.id.clone();
        if !self.inner.connections.contains_key(&request.connection) {
            return Err(OperateError::Conflict(
                "no app of the configuration claims it: mend the configuration, then have it asked for again"
                    .to_owned(),
            ));
        }
        if request.dry_run {
            return Err(OperateError::Conflict(
                "it was a dry run: have it asked for again in mode enforce".to_owned(),
            ));
        }
        if request.is_over(self.inner.clock.now()) {
            return Err(OperateError::Conflict(
                "the approved time is over: it has to be asked for again".to_owned(),
            ));
        }
        let active = self.inner.lock_active().get(&id).cloned();
        if let Some(active) = active {
            if !active.parked.load(Ordering::SeqCst) {
                return Err(OperateError::Conflict("it is running: wait for its end".to_owned()));
            }
            active.retire.cancel();
            self.inner.lock_active().remove(&id);
        }
        let at = self.inner.moment();
        let committed = self.inner.heard(self.inner.journal.replay(&id, by, reason, at).await)?;
        let mut run = Run::new(committed.request.clone(), Mode::Drive, None, at.wall);
        run.answer = Some(Answer::negative("replayed by an operator"));
        run.check_mapping = true;
        self.inner.clone().background(run, None);
        Ok(committed.request)
    }

    async fn close(&self, request: Request, by: &str, reason: &str) -> Result<Request, OperateError> {
        if request.execution.is_final() {
            return Err(OperateError::Conflict(format!("it has ended already: {}", request.word())));
        }
        let active = self.inner.lock_active().get(&request.id).cloned();
        let event = Event::Operator { act: Act::Close, by: by.to_owned(), reason: reason.to_owned() };
        if let Some(active) = active {
            if active.events.send(event).await.is_err() {
                return Err(OperateError::Conflict("it has just ended: look again".to_owned()));
            }
            return Ok(request);
        }
        // Nobody drives it: it needs a person, and this is the person.
        let at = self.inner.moment();
        let records = vec![
            Record::Operated { act: "close".to_owned(), by: by.to_owned(), reason: reason.to_owned() },
            Record::Ended { execution: Execution::Closed, reason: format!("closed by {by}: {reason}") },
        ];
        let committed = self.inner.heard(self.inner.journal.commit(&request.id, records, at).await)?;
        Ok(committed.request)
    }

    /// Pauses a connection (nothing is sent there), or (`None`) lets it go on. Kept over restarts.
    ///
    /// # Errors
    /// The journal did not take it: nothing has changed.
    pub async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.inner.heard(self.inner.journal.pause(connection, pause.clone()).await)?;
        let mut pauses = self.inner.lock_pauses();
        match pause {
            Some(pause) => pauses.insert(connection.to_owned(), pause),
            None => pauses.remove(connection),
        };
        Ok(())
    }

    /// The connections that are paused.
    #[must_use]
    pub fn pauses(&self) -> BTreeMap<String, Pause> {
        self.inner.lock_pauses().clone()
    }

    /// What a request would do: observe and plan, nothing else. `None` where its connection is not there.
    pub async fn preview(&self, request: Request) -> Option<Preview> {
        let connection = self.inner.connections.get(&request.connection)?;
        let ledger = self.inner.journal.ledger(&request.connection, &request.subject_key).await;
        let ledger = self.inner.heard(ledger).unwrap_or_default();
        let of =
            request.permissions.iter().flat_map(|permission| permission.facets.iter().flatten().cloned());
        let reading = self.inner.observe(&request, &ledger, of.collect(), None)?.await;
        let mut preview = Preview {
            request: request.clone(),
            holds: BTreeMap::new(),
            would: Vec::new(),
            refused: Vec::new(),
            fault: None,
        };
        let seen = match reading.result {
            Ok(seen) => seen,
            Err(fault) => {
                preview.fault = Some(fault);
                return Some(preview);
            }
        };
        let now = self.inner.clock.now();
        let planner = connection.provisioner.as_ref();
        let targets = goal(&request, &ledger, &connection.apps, planner.slots(), Some(&seen), now);
        let asked = Asked {
            direction: request.direction,
            request: request.id.0.clone(),
            comment: request.comment.clone(),
            app: request.app.clone(),
            now,
            attempt: 1,
        };
        let plan = planner.plan(&request.subject, &asked, &seen, &targets.goal);
        preview.would = plan.actions.into_iter().map(|action| action.summary).collect();
        preview.refused = plan.refused;
        preview.holds = seen.facets;
        Some(preview)
    }
}
