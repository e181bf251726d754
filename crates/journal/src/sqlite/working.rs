use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Row, SqliteConnection};
use usher_core::SubjectKey;

use crate::{JournalError, Ledger, Request, RequestId};

use super::fault::fault;
use super::rows;
use super::writer::Work;

/// Begins the transaction and reads all that its items name, in one hop. The joins are ordered by hand: each starts from the few
/// that are asked for.
pub(super) const BEGIN: &str = "
BEGIN IMMEDIATE;
WITH wanted (row) AS MATERIALIZED (
    SELECT r.row FROM json_each($1) AS id CROSS JOIN requests AS r ON r.id = id.value
    UNION
    SELECT r.row FROM json_each($2) AS key CROSS JOIN requests AS r ON r.delivery_key = key.value
)
SELECT 1, r.id, r.delivery_key, r.document, coalesce((SELECT max(h.n) FROM history AS h WHERE h.request = r.row), 0)
FROM wanted CROSS JOIN requests AS r ON r.row = wanted.row
UNION ALL
SELECT 2, l.connection, l.subject_key, l.document, 0
FROM (
    SELECT r.connection AS connection, r.subject_key AS subject_key
    FROM wanted CROSS JOIN requests AS r ON r.row = wanted.row
    UNION
    SELECT who.value ->> 0, who.value ->> 1 FROM json_each($3) AS who
) AS who
CROSS JOIN ledgers AS l ON l.connection = who.connection AND l.subject_key = who.subject_key";

/// A request's row, and how many entries its history has.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) request: Request,
    pub(super) entries: u64,
}

/// The rows and ledgers that one transaction works on, as its items so far have left them. What is not here does not exist.
#[derive(Debug, Default)]
pub(super) struct Working {
    requests: BTreeMap<RequestId, Result<Known, JournalError>>,
    keys: BTreeMap<String, RequestId>,
    ledgers: BTreeMap<(String, SubjectKey), Result<Ledger, JournalError>>,
}

impl Working {
    /// Begins the transaction.
    pub(super) async fn begin<'a>(
        connection: &mut SqliteConnection,
        work: impl Iterator<Item = &'a Work>,
    ) -> Result<Self, JournalError> {
        let mut ids: BTreeSet<&RequestId> = BTreeSet::new();
        let mut keys: BTreeSet<String> = BTreeSet::new();
        let mut subjects: BTreeSet<(&str, &SubjectKey)> = BTreeSet::new();
        for item in work {
            match item {
                Work::Accept { arrival, .. } => {
                    let request = &arrival.request;
                    // Its own id too: that it is free has to be known.
                    ids.insert(&request.id);
                    keys.extend(request.delivery_key());
                    subjects.insert((&request.connection, &request.subject_key));
                }
                Work::Commit { id, .. } | Work::Answered { id, .. } => {
                    ids.insert(id);
                }
                Work::Replay { id, today, .. } => {
                    ids.insert(id);
                    if let Some(today) = today {
                        keys.extend(today.delivery_key());
                        subjects.insert((&today.connection, &today.subject_key));
                    }
                }
                Work::Claim { .. }
                | Work::Pause { .. }
                | Work::Prune { .. }
                | Work::Ready { .. }
                | Work::Close { .. } => {}
            }
        }
        let query = sqlx::query(BEGIN)
            .bind(rows::encode(&ids)?)
            .bind(rows::encode(&keys)?)
            .bind(rows::encode(&subjects)?);
        let found = query.fetch_all(connection).await.map_err(|error| fault(&error, "beginning"))?;
        let mut working = Self::default();
        for row in found {
            working.take(&row).map_err(|error| fault(&error, "reading a request"))?;
        }
        Ok(working)
    }

    fn take(&mut self, row: &sqlx::sqlite::SqliteRow) -> Result<(), sqlx::Error> {
        let document: &str = row.try_get(3)?;
        if row.try_get::<i64, _>(0)? == 1 {
            let id: &str = row.try_get(1)?;
            let entries = rows::count(row.try_get(4)?);
            if let Some(key) = row.try_get::<Option<String>, _>(2)? {
                self.keys.insert(key, RequestId(id.to_owned()));
            }
            let known = rows::request(id, document).map(|request| Known { request, entries });
            self.requests.insert(RequestId(id.to_owned()), known);
        } else {
            let connection: &str = row.try_get(1)?;
            let subject =
                rows::subject(row.try_get(2)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
            self.ledgers.insert((connection.to_owned(), subject), rows::ledger(connection, document));
        }
        Ok(())
    }

    pub(super) fn request(&self, id: &RequestId) -> Result<Known, JournalError> {
        self.requests.get(id).cloned().unwrap_or_else(|| Err(JournalError::NoSuchRequest(id.clone())))
    }

    pub(super) fn has(&self, id: &RequestId) -> bool {
        self.requests.contains_key(id)
    }

    pub(super) fn with_key(&self, key: Option<&String>) -> Result<Option<Known>, JournalError> {
        key.and_then(|key| self.keys.get(key)).map(|id| self.request(id)).transpose()
    }

    pub(super) fn ledger_of(&self, request: &Request) -> Result<Ledger, JournalError> {
        let key = (request.connection.clone(), request.subject_key.clone());
        self.ledgers.get(&key).cloned().unwrap_or_else(|| Ok(Ledger::default()))
    }

    /// What an item has written, for the items after it.
    pub(super) fn keep(&mut self, request: &Request, entries: u64, ledger: Option<&Ledger>) {
        if let Some(ledger) = ledger {
            let key = (request.connection.clone(), request.subject_key.clone());
            self.ledgers.insert(key, Ok(ledger.clone()));
        }
        if let Some(key) = request.delivery_key() {
            // Whoever has it keeps it: a replayed row may come to a key that another delivery has by now.
            self.keys.entry(key).or_insert_with(|| request.id.clone());
        }
        self.requests.insert(request.id.clone(), Ok(Known { request: request.clone(), entries }));
    }
}
