use sqlx::{Row, SqliteConnection};

use crate::{
    Accepted, AnswerState, Arrival, Committed, JournalError, Ledger, Moment, Pause, Record, Request,
    RequestId, apply, arrive, replay, runs_again,
};

use super::fault::fault;
use super::rows::{self, Write};
use super::working::Known;
use super::writer::Transaction;

const UNDO_ITEM: &str = "ROLLBACK TO item; RELEASE item";
const UNDO_CLAIM: &str = "ROLLBACK TO claim; RELEASE claim";

pub(super) const OPEN: &str = "
SELECT r.id, r.document, coalesce((SELECT max(h.n) FROM history AS h WHERE h.request = r.row), 0)
FROM requests AS r WHERE r.open = 1 ORDER BY r.seq";

/// The items. Each loads from what is known, calls the pure function, and stores what came of it.
impl Transaction<'_> {
    pub(super) async fn accept(&mut self, arrival: Arrival, at: Moment) -> Result<Accepted, JournalError> {
        let Arrival { request, body } = arrival;
        let existing = self.working.with_key(request.delivery_key().as_ref())?;
        let entries = existing.as_ref().map_or(0, |known| known.entries);
        let is_new = existing.is_none();
        if is_new && self.working.has(&request.id) {
            return Err(JournalError::taken(&request.id));
        }
        let mut ledger = self.working.ledger_of(&request)?;
        let version_before = ledger.version;
        let seq = self.seq.saturating_add(1);
        let existing = existing.map(|known| known.request);
        let (arrived, request, records) = arrive(existing, &mut ledger, request, seq, &at);
        let body = is_new.then_some(body.as_slice());
        self.store(&Write {
            request: &request,
            ledger: Some(&ledger),
            body,
            records: &records,
            entries,
            at,
            is_rerouted: false,
        })
        .await?;
        self.seq = seq;
        Ok(Accepted { arrived, request, ledger, version_before })
    }

    pub(super) async fn append(
        &mut self,
        id: &RequestId,
        records: Vec<Record>,
        at: Moment,
    ) -> Result<Committed, JournalError> {
        let (Known { mut request, entries }, mut ledger) = self.load(id)?;
        for record in &records {
            apply(&mut request, &mut ledger, record, &at);
        }
        ledger.version = ledger.version.saturating_add(1);
        self.store(&Write {
            request: &request,
            ledger: Some(&ledger),
            body: None,
            records: &records,
            entries,
            at,
            is_rerouted: false,
        })
        .await?;
        Ok(Committed { request, ledger })
    }

    pub(super) async fn answered(
        &mut self,
        id: &RequestId,
        attempt: u64,
        answer: AnswerState,
        at: Moment,
    ) -> Result<(), JournalError> {
        let (Known { mut request, entries }, before) = self.load(id)?;
        if request.attempt != attempt {
            return Ok(());
        }
        let mut ledger = before.clone();
        let records = [Record::Answered(answer)];
        for record in &records {
            apply(&mut request, &mut ledger, record, &at);
        }
        let ledger = (ledger != before).then_some(&ledger);
        self.store(&Write {
            request: &request,
            ledger,
            body: None,
            records: &records,
            entries,
            at,
            is_rerouted: false,
        })
        .await
    }

    pub(super) async fn replay(
        &mut self,
        id: &RequestId,
        today: Option<Request>,
        (by, reason): (&str, &str),
        at: Moment,
    ) -> Result<Committed, JournalError> {
        let Known { request, entries } = self.working.request(id)?;
        let is_rerouted = today.is_some() && request.is_uncompiled();
        let request = runs_again(request, today);
        let mut ledger = self.working.ledger_of(&request)?;
        let seq = self.seq.saturating_add(1);
        let (request, record) = replay(&mut ledger, request, seq, by, reason, &at);
        let records = [record];
        let write = Write {
            request: &request,
            ledger: Some(&ledger),
            body: None,
            records: &records,
            entries,
            at,
            is_rerouted,
        };
        self.store(&write).await?;
        self.seq = seq;
        Ok(Committed { request, ledger })
    }

    pub(super) async fn claim(&mut self, at: Moment) -> Result<Vec<Request>, JournalError> {
        let found = sqlx::query(OPEN).fetch_all(&mut *self.connection).await;
        let found = found.map_err(|error| fault(&error, "claiming"))?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let begun = sqlx::raw_sql("SAVEPOINT claim").execute(&mut *self.connection).await;
        begun.map_err(|error| fault(&error, "claiming"))?;
        self.undo = Some(UNDO_CLAIM);
        let mut claimed = Vec::with_capacity(found.len());
        for row in found {
            let (id, document, entries) = open_row(&row).map_err(|error| fault(&error, "claiming"))?;
            let known = Known { request: rows::request(id, document)?, entries };
            claimed.push(recover(&mut *self.connection, known, at).await?);
        }
        let ended = sqlx::raw_sql("RELEASE claim").execute(&mut *self.connection).await;
        ended.map_err(|error| fault(&error, "claiming"))?;
        self.undo = None;
        self.written = true;
        for Known { request, entries } in &claimed {
            self.working.keep(request, *entries, None);
        }
        let requests = claimed.into_iter().map(|known| known.request);
        Ok(requests.filter(Request::is_driven).collect())
    }

    pub(super) async fn pause(&mut self, name: &str, pause: Option<&Pause>) -> Result<(), JournalError> {
        self.undo = Some(UNDO_ITEM);
        rows::write_pause(&mut *self.connection, name, pause).await?;
        self.undo = None;
        self.written = true;
        Ok(())
    }

    fn load(&self, id: &RequestId) -> Result<(Known, Ledger), JournalError> {
        let known = self.working.request(id)?;
        let ledger = self.working.ledger_of(&known.request)?;
        Ok((known, ledger))
    }

    async fn store(&mut self, write: &Write<'_>) -> Result<(), JournalError> {
        self.undo = Some(UNDO_ITEM);
        write.run(&mut *self.connection).await?;
        self.undo = None;
        self.written = true;
        let entries = write.entries.saturating_add(write.records.len() as u64);
        self.working.keep(write.request, entries, write.ledger);
        Ok(())
    }
}

fn open_row(row: &sqlx::sqlite::SqliteRow) -> Result<(&str, &str, u64), sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, rows::count(row.try_get(2)?)))
}

/// Notes that the process had ended before this request did. It leaves the ledger alone.
async fn recover(connection: &mut SqliteConnection, known: Known, at: Moment) -> Result<Known, JournalError> {
    let Known { mut request, entries } = known;
    let records = [Record::Recovered];
    for record in &records {
        apply(&mut request, &mut Ledger::default(), record, &at);
    }
    Write { request: &request, ledger: None, body: None, records: &records, entries, at, is_rerouted: false }
        .run(connection)
        .await?;
    Ok(Known { request, entries: entries.saturating_add(1) })
}
