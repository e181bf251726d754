//! What an operator may do.

use std::collections::BTreeMap;
use std::time::Duration;

use usher_core::Direction;
use usher_journal::{
    ChangeState, Execution, JournalError, Pause, Record, Request, RequestId, Stored, runs_again,
};

use super::Engine;
use super::books::Retired;
use crate::decide::{End, Event};
use crate::{Act, OperateError};

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
        let stored = found.ok_or_else(|| OperateError::NotFound(id.clone()))?;
        match act {
            Act::Replay => self.run_anew(stored, None, by, reason).await,
            Act::Close => self.close(stored.request, by, reason).await,
        }
    }

    /// Replays a request. `today`: what its stored body comes to with today's configuration, as for a delivery that arrived when the
    /// request did (its end counts from then). It runs where nothing was compiled when the request was accepted ([`Request::is_uncompiled`]); elsewhere the facets that were compiled then
    /// are the ones that run (rule 29), and it is not looked at.
    ///
    /// # Errors
    /// As [`Engine::operate`]; also where nothing of it can be run today either: with the reason.
    pub async fn replay(
        &self,
        id: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        let found = self.inner.heard(self.inner.journal.find(id).await)?;
        let stored = found.ok_or_else(|| OperateError::NotFound(id.clone()))?;
        self.run_anew(stored, today, by, reason).await
    }

    async fn run_anew(
        &self,
        stored: Stored,
        today: Option<Request>,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        // What is taken goes by the address and the ledger alone; what is given may need the rest.
        if stored.is_without_payload() && stored.request.direction == Direction::Provision {
            return Err(OperateError::Conflict(
                "what came with it was removed after [journal] keep_payload: it has to be asked for again"
                    .to_owned(),
            ));
        }
        let old = stored.request;
        let id = old.id.clone();
        let today = today.filter(|_| old.is_uncompiled());
        if let Some(why) = today.as_ref().filter(|today| today.execution != Execution::Accepted) {
            let reason =
                why.reason.clone().unwrap_or_else(|| "nothing of it is mapped today either".to_owned());
            return Err(OperateError::Conflict(reason));
        }
        let request = runs_again(old.clone(), today.clone());
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
        let inner = &self.inner;
        let gate = inner.lanes.gate(&(request.connection.clone(), request.subject_key.clone()));
        let _held = gate.lock.lock().await;
        if matches!(inner.retire(&id), Retired::Running) {
            return Err(OperateError::Conflict("it is running: wait for its end".to_owned()));
        }
        let at = inner.moment();
        match inner.heard(inner.journal.replay(&id, today, by, reason, at).await) {
            Ok(committed) => {
                inner.clone().run_again(committed.request.clone(), at.wall);
                Ok(committed.request)
            }
            Err(error) => {
                // It goes on as it did before.
                inner.clone().recover(old);
                Err(error.into())
            }
        }
    }

    async fn close(&self, request: Request, by: &str, reason: &str) -> Result<Request, OperateError> {
        if request.execution.is_final() {
            return Err(OperateError::Conflict(format!("it has ended already: {}", request.word())));
        }
        let inner = &self.inner;
        let gate = inner.lanes.gate(&(request.connection.clone(), request.subject_key.clone()));
        // Whoever has the gate may be about to drive it: it is on disk before that.
        let held = gate.lock.lock().await;
        let active = inner.lock_active().get(&request.id).cloned();
        if let Some(active) = active {
            drop(held);
            let event = Event::Operator { act: Act::Close, by: by.to_owned(), reason: reason.to_owned() };
            if active.events.send(event).await.is_err() {
                return Err(OperateError::Conflict("it has just ended: look again".to_owned()));
            }
            return Ok(request);
        }
        // Nobody drives it: it needs a person, and this is the person.
        let at = inner.moment();
        let why = format!("closed by {by}: {reason}");
        let operated =
            Record::Operated { act: "close".to_owned(), by: by.to_owned(), reason: reason.to_owned() };
        let ledger = inner.heard(inner.journal.ledger(&request.connection, &request.subject_key).await)?;
        let is_settled = ledger.changes.iter().all(|change| {
            let own = change.request == request.id || matches!(change.state, ChangeState::Watching { .. });
            !own || !change.is_open_for(inner.boot, at.ticks(), Duration::ZERO)
        });
        if is_settled || !inner.connections.contains_key(&request.connection) {
            let ended = Record::Ended { execution: Execution::Closed, reason: why };
            let committed =
                inner.heard(inner.journal.commit(&request.id, vec![operated, ended], at).await)?;
            return Ok(committed.request);
        }
        // It ends as soon as its own changes are over (rule 5).
        let committed = inner.heard(inner.journal.commit(&request.id, vec![operated], at).await)?;
        let end = End { execution: Execution::Closed, reason: why };
        inner.clone().see_to_end(committed.request.clone(), end);
        Ok(committed.request)
    }

    /// Pauses a connection (nothing is sent there), or (`None`) lets it go on. Kept over restarts.
    ///
    /// # Errors
    /// The journal did not take it: nothing has changed.
    pub async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.inner.heard(self.inner.journal.pause(connection, pause.clone()).await)?;
        let lets_go = pause.is_none();
        {
            let mut pauses = self.inner.lock_pauses();
            match pause {
                Some(pause) => pauses.insert(connection.to_owned(), pause),
                None => pauses.remove(connection),
            };
        }
        if lets_go {
            // What waited for it goes on at once.
            self.inner.resumes.send_replace(());
        }
        Ok(())
    }

    /// The connections that are paused.
    #[must_use]
    pub fn pauses(&self) -> BTreeMap<String, Pause> {
        self.inner.lock_pauses().clone()
    }
}
