//! Tells Lumos of late successes (rule 25): looks for the manual task, comments on it, and completes it where that is safe.
//!
//! The row's `telling = due` is what there is to do, and the history is what was done: a process that ends at any point leaves both
//! to the next one. Nothing of this holds up a request.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use usher_core::Sent;
use usher_journal::{
    Execution, Filter, JournalError, Ledger, LumosStep, Record, Request, RequestId, Stored, Telling,
};

use super::{AGAIN, Inner, lost_for, until};
use crate::AlertKind;
use crate::goal::goal;
use crate::lumos::{Comment, LONGEST_CALL, Lumos, LumosFault, Progress, Task, comment};

/// Lumos may not have opened its task yet: it is looked for again for this long.
const LOOKED_FOR: Duration = Duration::from_secs(600);
/// How often.
const LOOKS_EVERY: Duration = Duration::from_secs(30);
/// No pause is longer while Lumos is out of reach.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What one look has brought.
enum Next {
    /// It is told, moot, failed, or has become something else.
    Over,
    /// To be looked at again.
    Again(Duration),
}

/// Why a look ended before its end.
enum Stop {
    /// The journal did not take or give something, or the process is ending.
    Later,
    Lumos(LumosFault),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        tracing::warn!(error = %error, "the journal keeps Lumos from being told");
        Self::Later
    }
}

impl From<LumosFault> for Stop {
    fn from(fault: LumosFault) -> Self {
        Self::Lumos(fault)
    }
}

/// Sees to one request.
struct Teller {
    inner: Arc<Inner>,
    lumos: Arc<dyn Lumos>,
    id: RequestId,
    began: Instant,
    /// How often in a row Lumos was out of reach.
    faults: u32,
}

/// The request as it stands at one look.
struct Due {
    stored: Stored,
    ledger: Ledger,
    comment: Comment,
}

impl Inner {
    /// Everything that an earlier process left to be told.
    pub(super) async fn tell_what_is_due(self: &Arc<Self>) -> Result<(), JournalError> {
        if self.lumos.is_none() {
            return Ok(());
        }
        let mut filter = Filter { telling: Some(Telling::Due), limit: 1_000, ..Filter::default() };
        loop {
            let page = self.heard(self.journal.list(&filter).await)?;
            page.requests.iter().for_each(|request| self.tell(&request.id));
            filter.before = page.next;
            if filter.before.is_none() {
                return Ok(());
            }
        }
    }

    /// Sees to it that Lumos hears of a request, if that is due and Lumos's API is configured.
    pub(super) fn tell(self: &Arc<Self>, id: &RequestId) {
        let Some(lumos) = self.lumos.clone() else { return };
        if !self.lock_telling().insert(id.clone()) {
            return;
        }
        let teller =
            Teller { inner: self.clone(), lumos, id: id.clone(), began: self.clock.instant(), faults: 0 };
        self.tracker.spawn(async move {
            let (inner, id) = (teller.inner.clone(), teller.id.clone());
            let mut lost = inner.lost.subscribe();
            tokio::select! {
                biased;
                _ = lost_for(&mut lost) => {}
                () = teller.until_told() => {}
            }
            inner.lock_telling().remove(&id);
        });
    }

    fn lock_telling(&self) -> MutexGuard<'_, BTreeSet<RequestId>> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a confirmed grant still stands whole: no later order has ended, and no later approval displaced, any of it.
    fn stands_whole(&self, request: &Request, ledger: &Ledger) -> bool {
        let Some(connection) = self.connections.get(&request.connection) else { return false };
        let planner = connection.provisioner.as_ref();
        let targets = goal(request, ledger, &connection.apps, planner, None, self.clock.now());
        let is_held = |name: &String| {
            ledger
                .holders
                .iter()
                .any(|holder| holder.request == request.id && holder.permission == *name && holder.confirmed)
        };
        request.execution == Execution::Confirmed
            && targets.lost.is_empty()
            && targets.held.len() == request.permissions.len()
            && targets.held.iter().all(is_held)
    }
}

impl Teller {
    async fn until_told(mut self) {
        loop {
            let next = {
                let few = self.inner.tellers.clone();
                let Ok(_one_of_few) = few.acquire_owned().await else { return };
                if self.inner.leaving.is_cancelled() {
                    return;
                }
                self.look().await
            };
            let Next::Again(pause) = next else { return };
            let wake = self.inner.instant(self.inner.moment().ticks().saturating_add(pause));
            tokio::select! {
                () = self.inner.leaving.cancelled() => return,
                () = until(wake) => {}
            }
        }
    }

    async fn look(&mut self) -> Next {
        let fault = match self.step().await {
            Ok(next) => {
                self.faults = 0;
                return next;
            }
            Err(Stop::Later) => return Next::Again(AGAIN),
            Err(Stop::Lumos(fault)) => fault,
        };
        match self.stopped_by(fault).await {
            Ok(next) => next,
            Err(_) => Next::Again(AGAIN),
        }
    }

    async fn step(&self) -> Result<Next, Stop> {
        let Some(due) = self.due().await? else { return Ok(Next::Over) };
        let request = &due.stored.request;
        if !self.inner.stands_whole(request, &due.ledger) {
            let why = "a later request has taken over: Lumos need not be told any more";
            return self.end(Telling::Moot, LumosStep::Looked, why, None).await;
        }
        if request.lumos_request.is_none() {
            let why = "the webhook named no access request of Lumos's: close its manual task by hand";
            return self.end(Telling::Failed, LumosStep::Looked, why, Some(request)).await;
        }
        if let Some(next) = self.by_access_request(&due).await? {
            return Ok(next);
        }
        let Some(task) = self.ask(self.lumos.task(request)).await?? else { return self.no_task(&due).await };
        self.tell_at(&task, due).await
    }

    /// A call that changes nothing: it does not hold up the end of the process.
    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, LumosFault>> + Send,
    ) -> Result<Result<T, LumosFault>, Stop> {
        tokio::select! {
            biased;
            () = self.inner.leaving.cancelled() => Err(Stop::Later),
            asked = bounded(call) => Ok(asked),
        }
    }

    /// The request, if it is still to be told of.
    async fn due(&self) -> Result<Option<Due>, Stop> {
        let inner = &self.inner;
        let Some(stored) = inner.heard(inner.journal.find(&self.id).await)? else { return Ok(None) };
        let request = &stored.request;
        let is_due = request.telling == Telling::Due && request.execution == Execution::Confirmed;
        if !is_due || !inner.connections.contains_key(&request.connection) {
            // One whose connection is not configured waits for a start that has it.
            return Ok(None);
        }
        let ledger = inner.heard(inner.journal.ledger(&request.connection, &request.subject_key).await)?;
        let comment = comment(&stored.history);
        Ok(Some(Due { stored, ledger, comment }))
    }

    /// What the access request itself says. `None`: the task is to be looked for.
    async fn by_access_request(&self, due: &Due) -> Result<Option<Next>, Stop> {
        let request = &due.stored.request;
        let seen = match self.ask(self.lumos.access_request(request)).await? {
            Ok(seen) => seen,
            // The tasks are found by the same id, and say for themselves whether there are any.
            Err(LumosFault::NotThere(_)) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        let status = &seen.status;
        Ok(Some(match seen.progress {
            Progress::Open => return Ok(None),
            Progress::Provisioned => {
                let why = format!("the access request is {status} in Lumos already");
                self.end(due.done(), LumosStep::Looked, &why, None).await?
            }
            Progress::Ended => {
                let why = format!(
                    "the access request is {status} in Lumos, and the access is there: see whether it has to be taken away"
                );
                self.end(Telling::Failed, LumosStep::Looked, &why, Some(request)).await?
            }
            Progress::Another => {
                let why = "the access request of this id is for another person in Lumos: close the manual task by hand";
                self.end(Telling::Failed, LumosStep::Looked, why, Some(request)).await?
            }
        }))
    }

    async fn no_task(&self, due: &Due) -> Result<Next, Stop> {
        if due.comment == Comment::There {
            let why = "the task that was commented on does not wait any more";
            return self.end(Telling::Told, LumosStep::Looked, why, None).await;
        }
        if self.waited() < LOOKED_FOR {
            return Ok(Next::Again(LOOKS_EVERY));
        }
        let why = "no provisioning task waits for it in Lumos: there is nothing to tell";
        self.end(Telling::Moot, LumosStep::Looked, why, None).await
    }

    async fn tell_at(&self, task: &Task, mut due: Due) -> Result<Next, Stop> {
        let completes =
            self.lumos.completes() && !task.manual_steps && self.is_proven(&due.stored, &due.ledger).await?;
        match due.comment {
            Comment::There => {}
            Comment::None => self.comment(task, &due.stored.request, completes).await?,
            Comment::Unknown if completes => {}
            Comment::Unknown => {
                let why = "nobody can say whether the comment has reached Lumos's task, and no second one is sent: see to the task by hand";
                return self.end(Telling::Failed, LumosStep::Looked, why, Some(&due.stored.request)).await;
            }
        }
        if !completes {
            return self.end_as(Telling::Told).await;
        }
        // The comment took its time, and an order may have come meanwhile.
        match self.due().await? {
            Some(now) if self.inner.stands_whole(&now.stored.request, &now.ledger) => due = now,
            _ => {
                let why = "a later request has taken over: the task is left to a person";
                return self.end(due.done(), LumosStep::NotCompleted, why, Some(&due.stored.request)).await;
            }
        }
        match bounded(self.lumos.complete(&task.id)).await {
            Ok(()) => {
                self.end(Telling::Told, LumosStep::Completed, "the task in Lumos is completed", None).await
            }
            Err(fault @ LumosFault::OutOfReach { .. }) => Err(fault.into()),
            Err(fault) => {
                let why = format!("{}; complete the task by hand", fault.why());
                self.end(Telling::Told, LumosStep::NotCompleted, &why, Some(&due.stored.request)).await
            }
        }
    }

    /// Comments, once: that it is about to be sent is on disk before it is.
    async fn comment(&self, task: &Task, request: &Request, completes: bool) -> Result<(), Stop> {
        let about_to = step(LumosStep::Commenting, "a comment goes to the manual task in Lumos");
        let at = self.inner.moment();
        self.inner.heard(self.inner.journal.commit(&self.id, vec![about_to], at).await)?;
        let text = text(request, task, completes);
        let fault = match bounded(self.lumos.comment(&task.id, &text)).await {
            Ok(()) => return self.keep(vec![step(LumosStep::Commented, "the comment is there")]).await,
            Err(fault) => fault,
        };
        if matches!(&fault, LumosFault::OutOfReach { sent, .. } if *sent != Sent::No) {
            // It stays as it is on disk: gone out, and nobody knows whether it arrived.
            let why = format!("no answer to the comment: {}", fault.why());
            self.keep(vec![step(LumosStep::Looked, &why)]).await?;
        } else {
            let why = format!("the comment was not taken: {}", fault.why());
            self.keep(vec![step(LumosStep::NotCommented, &why)]).await?;
        }
        Err(fault.into())
    }

    /// Whether every permission that the payload lists is proven, by this request and its siblings of other hooks.
    async fn is_proven(&self, stored: &Stored, ledger: &Ledger) -> Result<bool, Stop> {
        let own = &stored.request;
        let Some(listed) = self.lumos.listed(stored) else { return Ok(false) };
        for name in listed.iter().filter(|name| own.permissions.iter().all(|own| own.name != **name)) {
            let mut proven = false;
            let holders = ledger
                .holders
                .iter()
                .filter(|holder| holder.confirmed && holder.app == own.app_key && holder.permission == *name);
            for holder in holders {
                let found = self.inner.heard(self.inner.journal.find(&holder.request).await)?;
                proven |= found.is_some_and(|sibling| {
                    sibling.request.lumos_request == own.lumos_request
                        && self.inner.stands_whole(&sibling.request, ledger)
                });
            }
            if !proven {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lumos gave no answer, or no good one.
    async fn stopped_by(&mut self, fault: LumosFault) -> Result<Next, Stop> {
        let Some(due) = self.due().await? else { return Ok(Next::Over) };
        let request = &due.stored.request;
        let LumosFault::OutOfReach { after, why, .. } = fault else {
            let why = format!("{}; see to the manual task by hand", fault.why());
            return self.end(due.failed(), LumosStep::Looked, &why, Some(request)).await;
        };
        if self.waited() >= self.inner.limits.give_up_after {
            let why = format!("{why}; given up: see to the manual task by hand");
            return self.end(due.failed(), LumosStep::Looked, &why, Some(request)).await;
        }
        if self.faults == 0 {
            // Once in a row: the history is for people.
            self.keep(vec![step(LumosStep::Looked, &format!("{why}; tried again"))]).await?;
        }
        let pause = AGAIN.saturating_mul(1_u32.checked_shl(self.faults.min(16)).unwrap_or(u32::MAX));
        self.faults = self.faults.saturating_add(1);
        Ok(Next::Again(pause.max(after.unwrap_or_default()).min(LONGEST_PAUSE)))
    }

    fn waited(&self) -> Duration {
        self.inner.clock.instant().saturating_duration_since(self.began)
    }

    /// Comes to its end, with an alert about `alerting`.
    async fn end(
        &self,
        telling: Telling,
        last: LumosStep,
        why: &str,
        alerting: Option<&Request>,
    ) -> Result<Next, Stop> {
        let mut records = vec![step(last, why)];
        if let Some(request) = alerting {
            let kind = AlertKind::Late;
            records.push(kind.noted(why));
            self.inner.alert(request, kind, why.to_owned());
        }
        records.push(Record::Telling(telling));
        self.keep(records).await?;
        Ok(Next::Over)
    }

    async fn end_as(&self, telling: Telling) -> Result<Next, Stop> {
        self.keep(vec![Record::Telling(telling)]).await?;
        Ok(Next::Over)
    }

    /// To disk, however long that takes: it is true already.
    async fn keep(&self, records: Vec<Record>) -> Result<(), Stop> {
        loop {
            let at = self.inner.moment();
            let committed = self.inner.journal.commit(&self.id, records.clone(), at).await;
            let Err(error) = self.inner.heard(committed) else { return Ok(()) };
            let again = self.inner.instant(at.ticks().saturating_add(AGAIN));
            tokio::select! {
                () = self.inner.leaving.cancelled() => return Err(error.into()),
                () = until(again) => {}
            }
        }
    }
}

impl Due {
    /// Lumos knows, or somebody has seen to it.
    fn done(&self) -> Telling {
        if self.comment == Comment::There { Telling::Told } else { Telling::Moot }
    }

    /// It cannot be told any further.
    fn failed(&self) -> Telling {
        if self.comment == Comment::There { Telling::Told } else { Telling::Failed }
    }
}

fn step(step: LumosStep, sentence: &str) -> Record {
    Record::Lumos { step, sentence: sentence.to_owned() }
}

/// What people read at the task. Names of the configuration alone: Lumos shows whom it is about.
fn text(request: &Request, task: &Task, completes: bool) -> String {
    let names: Vec<&str> = request.permissions.iter().map(|permission| permission.name.as_str()).collect();
    let rest = if completes {
        "Usher completes this task."
    } else if task.manual_steps {
        "The further steps of this task are left to a person."
    } else {
        "If nothing else of this request is left to do, complete this task."
    };
    format!(
        "Granted by Usher, and read back at the vendor, after the webhook's time was over: {} ({}). {rest} Usher's request: {}.",
        names.join(", "),
        request.app_key,
        request.id
    )
}

/// A call that does not come back has no answer.
async fn bounded<T>(call: impl Future<Output = Result<T, LumosFault>> + Send) -> Result<T, LumosFault> {
    timeout(LONGEST_CALL, call).await.unwrap_or_else(|_| {
        Err(LumosFault::OutOfReach {
            sent: Sent::Maybe,
            after: None,
            why: "Lumos has not answered in time".to_owned(),
        })
    })
}
