use jiff::Timestamp;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use usher_core::SubjectKey;

use crate::{JournalError, Ledger, Moment, Pause, Record, Request, RequestId};

use super::fault::fault;

/// One hop to SQLite's thread for a whole item: several statements in one string, with numbered parameters over all of them.
///
/// The parameters are `$N`, never `?N`: of those SQLite numbers the gaps too, and sqlx then counts the gaps as arguments.
pub(super) const INSERT: &str = "
SAVEPOINT item;
INSERT INTO requests (id, seq, execution, open, received, updated, document,
                      delivery_key, connection, subject_key, app_key, direction, telling)
VALUES ($1, $2, $3, $4, $5, $6, $7, $16, $12, $13, $17, $18, $22);
INSERT INTO bodies (request, body) SELECT row, $19 FROM requests WHERE id = $1;
INSERT INTO history (request, n, at, attempt, kind, document)
SELECT (SELECT row FROM requests WHERE id = $1), $8 + new.key, $9, $10, new.value ->> 'kind', new.value
FROM json_each($11) AS new;
INSERT INTO ledgers (connection, subject_key, version, document, account, holding)
SELECT $12, $13, $14, $15, $20, $21 WHERE $15 IS NOT NULL
ON CONFLICT (connection, subject_key)
DO UPDATE SET version = excluded.version, account = excluded.account, holding = excluded.holding, document = excluded.document;
RELEASE item";

pub(super) const UPDATE: &str = "
SAVEPOINT item;
UPDATE requests SET seq = $2, execution = $3, open = $4, received = $5, updated = $6, document = $7, telling = $18,
    payload = $19 OR EXISTS (SELECT 1 FROM bodies AS b WHERE b.request = requests.row)
WHERE id = $1;
INSERT INTO history (request, n, at, attempt, kind, document)
SELECT (SELECT row FROM requests WHERE id = $1), $8 + new.key, $9, $10, new.value ->> 'kind', new.value
FROM json_each($11) AS new;
INSERT INTO ledgers (connection, subject_key, version, document, account, holding)
SELECT $12, $13, $14, $15, $16, $17 WHERE $15 IS NOT NULL
ON CONFLICT (connection, subject_key)
DO UPDATE SET version = excluded.version, account = excluded.account, holding = excluded.holding, document = excluded.document;
RELEASE item";

/// A row that is replayed as it is routed today: what it is looked up by changes too. Another delivery may have the key by now.
pub(super) const REROUTE: &str = "
SAVEPOINT item;
UPDATE requests SET seq = $2, execution = $3, open = $4, received = $5, updated = $6, document = $7,
    payload = $22 OR EXISTS (SELECT 1 FROM bodies AS b WHERE b.request = requests.row),
    telling = $21, connection = $12, subject_key = $13, app_key = $17, direction = $18,
    delivery_key = CASE WHEN EXISTS (SELECT 1 FROM requests AS r WHERE r.delivery_key = $16 AND r.id <> $1)
                   THEN delivery_key ELSE $16 END
WHERE id = $1;
INSERT INTO history (request, n, at, attempt, kind, document)
SELECT (SELECT row FROM requests WHERE id = $1), $8 + new.key, $9, $10, new.value ->> 'kind', new.value
FROM json_each($11) AS new;
INSERT INTO ledgers (connection, subject_key, version, document, account, holding)
SELECT $12, $13, $14, $15, $19, $20 WHERE $15 IS NOT NULL
ON CONFLICT (connection, subject_key)
DO UPDATE SET version = excluded.version, account = excluded.account, holding = excluded.holding, document = excluded.document;
RELEASE item";

const PAUSE: &str = "
SAVEPOINT item;
DELETE FROM pauses WHERE connection = $1;
INSERT INTO pauses (connection, document) SELECT $1, $2 WHERE $2 IS NOT NULL;
RELEASE item";

/// All that one item writes of a request.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) request: &'a Request,
    /// `None`: it is as it was.
    pub(super) ledger: Option<&'a Ledger>,
    /// Only with a new row.
    pub(super) body: Option<&'a [u8]>,
    pub(super) records: &'a [Record],
    /// How many entries its history has before these.
    pub(super) entries: u64,
    pub(super) at: Moment,
    /// It is looked up by something else from here on.
    pub(super) is_rerouted: bool,
}

impl Write<'_> {
    /// Writes it within a savepoint named `item`, which is left open where this fails.
    pub(super) async fn run(&self, connection: &mut SqliteConnection) -> Result<(), JournalError> {
        let request = self.request;
        let ledger = self.ledger.map(encode).transpose()?;
        let account = self.ledger.and_then(|ledger| ledger.account.as_deref());
        let holding = self.ledger.is_some_and(Ledger::is_holding);
        let sql = match (self.body, self.is_rerouted) {
            (Some(_), _) => INSERT,
            (None, true) => REROUTE,
            (None, false) => UPDATE,
        };
        let query = sqlx::query(sql)
            .bind(&request.id.0)
            .bind(integer(request.seq))
            .bind(request.execution.as_str())
            .bind(request.is_open())
            .bind(nanoseconds(request.received))
            .bind(nanoseconds(request.updated))
            .bind(encode(request)?)
            .bind(integer(self.entries.saturating_add(1)))
            .bind(nanoseconds(self.at.wall))
            .bind(integer(request.attempt))
            .bind(encode(&self.records)?)
            .bind(&request.connection)
            .bind(request.subject_key.as_str())
            .bind(integer(self.ledger.map_or(0, |ledger| ledger.version)))
            .bind(ledger);
        let query = if self.body.is_some() || self.is_rerouted {
            query.bind(request.delivery_key()).bind(&request.app_key).bind(request.direction.as_str())
        } else {
            query
        };
        let query = match self.body {
            Some(body) => query.bind(body),
            None => query,
        };
        let query = query.bind(account).bind(holding).bind(request.telling.as_str());
        let query = if self.body.is_none() { query.bind(request.has_payload()) } else { query };
        query.execute(connection).await.map_err(|error| fault(&error, "writing a request"))?;
        Ok(())
    }
}

/// Sets or ends a pause, as [`Write::run`] writes.
pub(super) async fn write_pause(
    connection: &mut SqliteConnection,
    name: &str,
    pause: Option<&Pause>,
) -> Result<(), JournalError> {
    let document = pause.map(encode).transpose()?;
    let query = sqlx::query(PAUSE).bind(name).bind(document);
    query.execute(connection).await.map_err(|error| fault(&error, "writing a pause"))?;
    Ok(())
}

/// As SQLite's integers are. What Usher counts stays far below their end.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Since 1970. What lies beyond the years 1677 to 2262 is taken as their end.
pub(super) fn nanoseconds(at: Timestamp) -> i64 {
    let all = at.as_nanosecond();
    i64::try_from(all).unwrap_or(if all < 0 { i64::MIN } else { i64::MAX })
}

/// The other way.
pub(super) fn timestamp(nanoseconds: i64) -> Result<Timestamp, JournalError> {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .map_err(|_| JournalError::Corrupt("a time that is none".to_owned()))
}

pub(super) fn encode<T: Serialize>(what: &T) -> Result<String, JournalError> {
    serde_json::to_string(what)
        .map_err(|error| JournalError::OutOfReach(format!("it cannot be written as JSON: {error}")))
}

fn decode<T: DeserializeOwned>(document: &str, of: impl FnOnce() -> String) -> Result<T, JournalError> {
    serde_json::from_str(document).map_err(|error| {
        // Only where: the error's own text may quote what stands there.
        JournalError::Corrupt(format!("{}, near its character {}", of(), error.column()))
    })
}

pub(super) fn request(id: &str, document: &str) -> Result<Request, JournalError> {
    decode(document, || format!("the row of request {id}"))
}

pub(super) fn ledger(connection: &str, document: &str) -> Result<Ledger, JournalError> {
    decode(document, || format!("the ledger of somebody at {connection}"))
}

pub(super) fn record(id: &RequestId, document: &str) -> Result<Record, JournalError> {
    decode(document, || format!("the history of request {id}"))
}

pub(super) fn pause(connection: &str, document: &str) -> Result<Pause, JournalError> {
    decode(document, || format!("the pause of {connection}"))
}

/// The key just as it was written: it is in its normal form already.
pub(super) fn subject(key: &str) -> Result<SubjectKey, JournalError> {
    let key: StrDeserializer<'_, serde::de::value::Error> = key.into_deserializer();
    SubjectKey::deserialize(key).map_err(|error| JournalError::Corrupt(error.to_string()))
}
