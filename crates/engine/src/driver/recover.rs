//! Work that nobody waits for: what an earlier process left, and replays.

use std::sync::Arc;
use std::time::Duration;

use usher_journal::{AnswerState, Execution, Filter, JournalError, Ledger, Record, Request, Telling};

use super::Inner;
use super::outlet::Outlet;
use super::run::Driver;
use crate::decide::{End, Mode, Run};
use crate::{AlertKind, Answer};

/// No pause between two attempts is longer: that of a vendor's `Retry-After`, of which an hour is believed.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Nor between two looks at an invitation.
const LONGEST_TRACKED: Duration = Duration::from_secs(6 * 3600);

/// Late successes are looked for among requests of the last ten days: none is driven for longer.
const LATE_SINCE: Duration = Duration::from_secs(10 * 24 * 3600);
const UNHEARD: &str =
    "granted, and it is not known that Lumos was told: see whether it opened a manual task, and close it";

impl Inner {
    /// Takes up what an earlier process left.
    pub(super) fn recover(self: Arc<Self>, request: Request) {
        let tracks = request.tracks_invitation();
        if (request.execution.is_final() && !tracks) || request.execution == Execution::NeedsHuman {
            return;
        }
        if tracks && !self.connections.contains_key(&request.connection) {
            // It waits for a start that has its connection.
            return;
        }
        if !self.connections.contains_key(&request.connection) {
            self.clone().tracker.spawn(async move { self.park_unconnected(request).await });
            return;
        }
        let wall = self.clock.now();
        let longest = if tracks { LONGEST_TRACKED } else { LONGEST_PAUSE };
        // The wall clock may have been set back since: nothing is ever parked for longer than this.
        let pause = request
            .next_at
            .map(|at| Duration::try_from(at.duration_since(wall)).unwrap_or_default().min(longest));
        // The time that an invitee takes is theirs.
        let waits = request.execution == Execution::Waiting;
        let began = if waits { wall } else { request.received };
        // An attempt that was answered before it began is an operator's (rule 11).
        let replayed = request.attempt > 1 && request.answer != AnswerState::Lost;
        let mode = if tracks { Mode::Track } else { Mode::Drive };
        let mut run = Run::new(request, mode, None, began);
        // Whoever waited has given up.
        run.answer = Some(Answer::negative("the answer was lost with the process"));
        run.check_mapping = true;
        run.replayed = replayed;
        self.background(run, pause);
    }

    async fn park_unconnected(self: Arc<Self>, request: Request) {
        let reason = format!(
            "the connection {} is not configured any more: put it back, or close the request",
            request.connection
        );
        self.alert(&request, AlertKind::NeedsHuman, reason.clone());
        let alerted = AlertKind::NeedsHuman.noted(&reason);
        let parked = Record::Parked { execution: Execution::NeedsHuman, reason, next_at: None };
        let at = self.moment();
        if let Err(error) = self.heard(self.journal.commit(&request.id, vec![alerted, parked], at).await) {
            // It stays as it is, and the next start takes it up.
            tracing::error!(request.id = %request.id, error = %error, "a request could not be parked");
        }
    }

    /// The same in the background, at a start.
    pub(super) fn alert_of_what_was_late(self: Arc<Self>) {
        self.clone().tracker.spawn(async move {
            let alerted = tokio::select! {
                biased;
                () = self.leaving.cancelled() => return,
                alerted = self.alert_of_late() => alerted,
            };
            if let Err(error) = self.heard(alerted) {
                tracing::warn!(error = %error, "late successes were not looked for to the end: the next start does");
            }
        });
    }

    /// Alerts of late successes of which nobody was alerted: an earlier process ended between *confirmed* and the answer.
    pub(super) async fn alert_of_late(&self) -> Result<(), JournalError> {
        let since = self.clock.now().checked_sub(LATE_SINCE).ok();
        let mut filter = Filter { telling: Some(Telling::Due), since, limit: 1_000, ..Filter::default() };
        loop {
            let page = self.journal.list(&filter).await?;
            self.alert_of(page.requests).await?;
            filter.before = page.next;
            if filter.before.is_none() {
                return Ok(());
            }
        }
    }

    async fn alert_of(&self, requests: Vec<Request>) -> Result<(), JournalError> {
        for request in requests {
            let Some(stored) = self.journal.find(&request.id).await? else { continue };
            let is_late = |record: &Record| matches!(record, Record::Alerted { kind, .. } if kind == AlertKind::Late.as_str());
            if stored.history.iter().any(|entry| is_late(&entry.record)) {
                continue;
            }
            self.alert(&stored.request, AlertKind::Late, UNHEARD.to_owned());
            self.journal.commit(&request.id, vec![AlertKind::Late.noted(UNHEARD)], self.moment()).await?;
        }
        Ok(())
    }

    /// A new attempt that an operator asked for.
    pub(super) fn run_again(self: Arc<Self>, request: Request, began: jiff::Timestamp) {
        let mut run = Run::new(request, Mode::Drive, None, began);
        run.check_mapping = true;
        run.replayed = true;
        self.background(run, None);
    }

    /// Sees to it that a request which a person has closed ends once its own changes are over.
    pub(super) fn see_to_end(self: Arc<Self>, request: Request, end: End) {
        let began = self.clock.now();
        let mut run = Run::new(request, Mode::Drive, None, began);
        run.end = Some(end);
        self.background(run, None);
    }

    /// Drives a run that nobody waits for.
    fn background(self: Arc<Self>, run: Run, pause: Option<Duration>) {
        let pause = pause.filter(|pause| !pause.is_zero());
        let registered = self.register(&run.request.id, pause.is_some());
        let place = (run.request.connection.clone(), run.request.subject_key.clone());
        // Now, not once the task runs: nothing that arrives later goes first (rule 8).
        let ticket = pause.is_none().then(|| self.lanes.enter(&place, run.request.seq));
        let outlet = Outlet::nobody(run.request.id.clone());
        let driver = Driver::new(self.clone(), run, Ledger::default(), outlet, Some(registered));
        self.tracker.spawn(async move {
            match ticket {
                Some(ticket) => driver.drive(ticket, None).await,
                None => driver.drive_after(pause.unwrap_or_default()).await,
            }
        });
    }
}
