use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use usher_core::SubjectKey;

use crate::{
    Accepted, AnswerState, Arrival, Committed, Filter, History, Holding, HoldingsFilter, HoldingsPage,
    Journal, JournalError, Ledger, Moment, Page, Pause, Prunable, Prune, PrunePlace, Pruned, Record, Request,
    RequestId, Stored, apply, arrive, replay, runs_again,
};

/// A journal in memory: for tests and for whoever has no disk. It is lost with the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seq: u64,
    requests: BTreeMap<RequestId, Stored>,
    keys: BTreeMap<String, RequestId>,
    ledgers: BTreeMap<(String, SubjectKey), Ledger>,
    pauses: BTreeMap<String, Pause>,
    broken: Option<JournalError>,
}

impl State {
    fn check(&self) -> Result<(), JournalError> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn ledger_of(&self, request: &Request) -> Ledger {
        self.ledgers.get(&ledger_key(request)).cloned().unwrap_or_default()
    }

    fn store(
        &mut self,
        request: &Request,
        ledger: Ledger,
        body: Option<Vec<u8>>,
        records: Vec<Record>,
        at: Moment,
    ) {
        self.ledgers.insert(ledger_key(request), ledger);
        let stored = self.requests.entry(request.id.clone()).or_insert_with(|| Stored {
            request: request.clone(),
            body: body.unwrap_or_default(),
            history: Vec::new(),
        });
        stored.request = request.clone();
        let attempt = request.attempt;
        stored.history.extend(records.into_iter().map(|record| History { at: at.wall, attempt, record }));
    }

    /// The next settled requests that are to be looked at, oldest first; and where more begin.
    fn prunable(&self, prune: &Prune) -> (Vec<PrunePlace>, Option<PrunePlace>) {
        let settled = self.requests.values().filter(|stored| {
            let has_payload =
                || stored.request.has_payload() || !stored.history.iter().any(History::is_pruning);
            !stored.request.is_open()
                && stored.request.updated < prune.before
                && (prune.what == Prunable::Requests || has_payload())
        });
        let mut places: Vec<PrunePlace> = settled
            .map(|stored| PrunePlace { updated: stored.request.updated, request: stored.request.id.clone() })
            .filter(|place| prune.after.as_ref().is_none_or(|after| place > after))
            .collect();
        places.sort();
        let more = places.len() > prune.rows();
        places.truncate(prune.rows());
        let next = places.last().filter(|_| more).cloned();
        (places, next)
    }

    fn forget_payload(&mut self, id: &RequestId, at: Timestamp) {
        let Some(stored) = self.requests.get_mut(id) else { return };
        stored.request.forget_payload();
        stored.body.clear();
        for entry in &mut stored.history {
            if let Record::Intent { action, .. } = &mut entry.record {
                action.args = serde_json::Value::Null;
            }
        }
        let attempt = stored.request.attempt;
        stored.history.push(History { at, attempt, record: Record::PayloadPruned });
    }

    fn next_seq(&mut self) -> u64 {
        self.seq = self.seq.saturating_add(1);
        self.seq
    }

    fn row(&self, id: &RequestId) -> Result<Request, JournalError> {
        self.requests
            .get(id)
            .map(|stored| stored.request.clone())
            .ok_or_else(|| JournalError::NoSuchRequest(id.clone()))
    }
}

fn ledger_key(request: &Request) -> (String, SubjectKey) {
    (request.connection.clone(), request.subject_key.clone())
}

impl MemoryJournal {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on every verb fails with `error` (`None`: works again). For tests.
    pub fn break_with(&self, error: Option<JournalError>) {
        self.lock().broken = error;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked held no half-made change: every verb stores at its end.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn accept(&self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError> {
        let mut state = self.lock();
        state.check()?;
        let key = arrival.request.delivery_key();
        let existing = match key.as_ref().and_then(|key| state.keys.get(key)) {
            Some(id) => Some(state.row(id)?),
            None => None,
        };
        if existing.is_none() && state.requests.contains_key(&arrival.request.id) {
            return Err(JournalError::taken(&arrival.request.id));
        }
        let mut ledger = state.ledger_of(&arrival.request);
        let version_before = ledger.version;
        let seq = state.next_seq();
        let (arrived, request, records) = arrive(existing, &mut ledger, arrival.request, seq, &at);
        state.store(&request, ledger.clone(), Some(arrival.body), records, at);
        if let Some(key) = key {
            state.keys.insert(key, request.id.clone());
        }
        Ok(Accepted { arrived, request, ledger, version_before })
    }

    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        let state = self.lock();
        state.check()?;
        Ok(state.ledgers.get(&(connection.to_owned(), subject.clone())).cloned().unwrap_or_default())
    }

    async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError> {
        let state = self.lock();
        state.check()?;
        let bears = |ledger: &Ledger| ledger.account.as_deref() == Some(account);
        let mut ledgers = state.ledgers.iter();
        Ok(ledgers
            .find(|((name, _), ledger)| name == connection && bears(ledger))
            .map(|((_, key), _)| key.clone()))
    }

    async fn commit(
        &self,
        id: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        let mut state = self.lock();
        state.check()?;
        let mut request = state.row(id)?;
        let mut ledger = state.ledger_of(&request);
        for record in &records {
            apply(&mut request, &mut ledger, record, &at);
        }
        ledger.version = ledger.version.saturating_add(1);
        state.store(&request, ledger.clone(), None, records, at);
        Ok(Committed { request, ledger })
    }

    async fn answered(
        &self,
        id: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError> {
        let mut state = self.lock();
        state.check()?;
        let mut request = state.row(id)?;
        if request.attempt != attempt {
            return Ok(());
        }
        let mut ledger = state.ledger_of(&request);
        let record = Record::Answered(answer);
        apply(&mut request, &mut ledger, &record, &at);
        state.store(&request, ledger, None, vec![record], at);
        Ok(())
    }

    async fn replay(
        &self,
        id: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        let mut state = self.lock();
        state.check()?;
        let request = runs_again(state.row(id)?, today);
        let mut ledger = state.ledger_of(&request);
        let seq = state.next_seq();
        let (request, record) = replay(&mut ledger, request, seq, by, reason, &at);
        state.store(&request, ledger.clone(), None, vec![record], at);
        if let Some(key) = request.delivery_key() {
            // A delivery that came in between under today's mapping keeps its key.
            state.keys.entry(key).or_insert_with(|| id.clone());
        }
        Ok(Committed { request, ledger })
    }

    async fn claim(&self, at: Moment) -> Result<Vec<Request>, JournalError> {
        let mut state = self.lock();
        state.check()?;
        let open = state.requests.values().map(|stored| &stored.request).filter(|request| request.is_open());
        let mut open: Vec<Request> = open.cloned().collect();
        open.sort_by_key(|request| request.seq);
        for request in &mut open {
            let mut ledger = state.ledger_of(request);
            apply(request, &mut ledger, &Record::Recovered, &at);
            state.store(request, ledger, None, vec![Record::Recovered], at);
        }
        open.retain(Request::is_driven);
        Ok(open)
    }

    async fn find(&self, id: &RequestId) -> Result<Option<Stored>, JournalError> {
        let state = self.lock();
        state.check()?;
        Ok(state.requests.get(id).cloned())
    }

    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        let state = self.lock();
        state.check()?;
        let mut rows: Vec<Request> = state
            .requests
            .values()
            .map(|stored| &stored.request)
            .filter(|request| filter.fits(request))
            .cloned()
            .collect();
        rows.sort_by_key(|request| std::cmp::Reverse(request.seq));
        Ok(filter.page(rows))
    }

    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        let state = self.lock();
        state.check()?;
        // Already in order.
        let rows = state.ledgers.iter().filter(|(place, ledger)| filter.fits(place) && ledger.is_holding());
        let rows = rows.take(filter.rows().saturating_add(1)).map(|((connection, subject), ledger)| {
            Holding { connection: connection.clone(), subject: subject.clone(), ledger: ledger.clone() }
        });
        Ok(filter.page(rows.collect()))
    }

    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        let mut state = self.lock();
        state.check()?;
        match pause {
            Some(pause) => state.pauses.insert(connection.to_owned(), pause),
            None => state.pauses.remove(connection),
        };
        Ok(())
    }

    async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError> {
        let state = self.lock();
        state.check()?;
        Ok(state.pauses.clone())
    }

    async fn prune(&self, prune: &Prune, at: Timestamp) -> Result<Pruned, JournalError> {
        let mut state = self.lock();
        state.check()?;
        let (places, next) = state.prunable(prune);
        let mut pruned = Pruned { requests: 0, next };
        for PrunePlace { request: id, .. } in places {
            let Some(stored) = state.requests.get(&id) else { continue };
            let ledger = state.ledger_of(&stored.request);
            let last = stored.history.iter().rev().find(|entry| !entry.is_pruning());
            let last = last.map_or(stored.request.updated, |entry| entry.at);
            if !prune.takes(&stored.request, last, &ledger) {
                continue;
            }
            pruned.requests = pruned.requests.saturating_add(1);
            match prune.what {
                Prunable::Payloads => state.forget_payload(&id, at),
                Prunable::Requests => {
                    state.requests.remove(&id);
                    state.keys.retain(|_, of| *of != id);
                }
            }
        }
        Ok(pruned)
    }

    async fn ready(&self) -> Result<(), JournalError> {
        self.lock().check()
    }

    async fn close(&self) {}
}

/// How many rows a page has at the most.
fn rows(limit: usize) -> usize {
    match limit {
        0 => 100,
        limit => limit.min(1000),
    }
}

impl HoldingsFilter {
    /// How many ledgers a page has at the most.
    #[must_use]
    pub fn rows(&self) -> usize {
        rows(self.limit)
    }

    /// Whether a ledger's place passes.
    #[must_use]
    pub fn fits(&self, place: &(String, SubjectKey)) -> bool {
        self.connection.as_ref().is_none_or(|connection| place.0 == *connection)
            && self.subject.as_ref().is_none_or(|subject| place.1 == *subject)
            && self.after.as_ref().is_none_or(|after| place > after)
    }

    /// The first page of ledgers that are in order.
    #[must_use]
    pub fn page(&self, mut holdings: Vec<Holding>) -> HoldingsPage {
        let more = holdings.len() > self.rows();
        holdings.truncate(self.rows());
        let last = holdings.last().filter(|_| more);
        let next = last.map(|holding| (holding.connection.clone(), holding.subject.clone()));
        HoldingsPage { holdings, next }
    }
}

impl Filter {
    /// How many rows a page has at the most.
    #[must_use]
    pub fn rows(&self) -> usize {
        rows(self.limit)
    }

    /// Whether a row passes.
    #[must_use]
    pub fn fits(&self, request: &Request) -> bool {
        self.execution.is_none_or(|execution| request.execution == execution)
            && self.direction.is_none_or(|direction| request.direction == direction)
            && self.app.as_ref().is_none_or(|app| request.app_key == *app)
            && self.connection.as_ref().is_none_or(|connection| request.connection == *connection)
            && self.subject.as_ref().is_none_or(|subject| request.subject_key == *subject)
            && self.telling.is_none_or(|telling| request.telling == telling)
            && self.since.is_none_or(|since| request.received >= since)
            && self.before.is_none_or(|before| request.seq < before)
    }

    /// The first page of rows that are in order.
    #[must_use]
    pub fn page(&self, mut rows: Vec<Request>) -> Page {
        let more = rows.len() > self.rows();
        rows.truncate(self.rows());
        let next = if more { rows.last().map(|request| request.seq) } else { None };
        Page { requests: rows, next }
    }
}
