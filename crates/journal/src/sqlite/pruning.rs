use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::{JournalError, Ledger, Prunable, Prune, PrunePlace, Pruned, Record, Request, RequestId};

use super::fault::fault;
use super::rows;

/// Settled requests, oldest first, each with what it takes to tell whether it may go.
macro_rules! settled {
    ($more:literal) => {
        concat!(
            "SELECT r.row, r.id, r.updated, r.document, l.document,
                coalesce((SELECT max(h.n) FROM history AS h WHERE h.request = r.row), 0),
                (SELECT h.at FROM history AS h WHERE h.request = r.row AND h.kind <> 'payload-pruned'
                 ORDER BY h.n DESC LIMIT 1)
            FROM requests AS r
            LEFT JOIN ledgers AS l ON l.connection = r.connection AND l.subject_key = r.subject_key
            WHERE r.open = 0 ",
            $more,
            " AND r.updated < $1 AND (r.updated, r.id) > ($2, $3) ORDER BY r.updated, r.id LIMIT $4"
        )
    };
}

pub(super) const SETTLED: &str = settled!("");
pub(super) const SETTLED_WITH_PAYLOAD: &str = settled!("AND r.payload = 1");

/// `$1`: rows.
pub(super) const DELETE: &str = "
DELETE FROM history WHERE request IN (SELECT value FROM json_each($1));
DELETE FROM bodies WHERE request IN (SELECT value FROM json_each($1));
DELETE FROM requests WHERE row IN (SELECT value FROM json_each($1))";

/// `$1`: for each row its number, its document, the place of the next entry of its history, and its attempt. `$2`: that entry.
pub(super) const FORGET: &str = "
UPDATE requests SET document = new.value ->> 1, payload = 0
FROM json_each($1) AS new WHERE requests.row = new.value ->> 0;
DELETE FROM bodies WHERE request IN (SELECT value ->> 0 FROM json_each($1));
UPDATE history SET document = json_set(document, '$.of.action.args', NULL)
WHERE kind = 'intent' AND request IN (SELECT value ->> 0 FROM json_each($1));
INSERT INTO history (request, n, at, attempt, kind, document)
SELECT new.value ->> 0, new.value ->> 2, $3, new.value ->> 3, $2 ->> 'kind', $2 FROM json_each($1) AS new";

/// A settled request.
struct Found {
    row: i64,
    place: PrunePlace,
    request: Result<Request, JournalError>,
    ledger: Result<Ledger, JournalError>,
    entries: i64,
    last: Option<Timestamp>,
}

/// One batch, in a transaction of its own. Where it fails, that one may still be open.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    prune: &Prune,
    at: Timestamp,
) -> Result<Pruned, JournalError> {
    let failed = |error: sqlx::Error| fault(&error, "pruning");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(failed)?;
    let found = look(connection, prune).await?;
    let more = found.len() > prune.rows();
    let looked_at = found.into_iter().take(prune.rows());
    let (mut next, mut going) = (None, Vec::new());
    for one in looked_at {
        next = Some(one.place.clone());
        // What cannot be read stays for whoever mends it, and holds up nothing else.
        if let (Ok(request), Ok(ledger)) = (one.request, one.ledger)
            && prune.takes(&request, one.last.unwrap_or(one.place.updated), &ledger)
        {
            going.push((one.row, request, one.entries));
        }
    }
    let requests = going.len();
    if requests > 0 {
        match prune.what {
            Prunable::Requests => {
                let rows: Vec<i64> = going.iter().map(|(row, ..)| *row).collect();
                let query = sqlx::query(DELETE).bind(rows::encode(&rows)?);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Prunable::Payloads => forget(connection, going, at).await?,
        }
    }
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map_err(failed)?;
    Ok(Pruned { requests, next: next.filter(|_| more) })
}

async fn look(connection: &mut SqliteConnection, prune: &Prune) -> Result<Vec<Found>, JournalError> {
    let sql = match prune.what {
        Prunable::Requests => SETTLED,
        Prunable::Payloads => SETTLED_WITH_PAYLOAD,
    };
    let (updated, id) = match &prune.after {
        Some(place) => (rows::nanoseconds(place.updated), place.request.0.as_str()),
        None => (i64::MIN, ""),
    };
    // One more than is looked at tells whether there is a next batch.
    let limit = i64::try_from(prune.rows().saturating_add(1)).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(rows::nanoseconds(prune.before)).bind(updated).bind(id).bind(limit);
    let found = query.fetch_all(connection).await.map_err(|error| fault(&error, "pruning"))?;
    found.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Found, JournalError> {
    let failed = |error: sqlx::Error| fault(&error, "pruning");
    let id: &str = row.try_get(1).map_err(failed)?;
    let updated = rows::timestamp(row.try_get(2).map_err(failed)?)?;
    let document: &str = row.try_get(3).map_err(failed)?;
    let ledger: Option<&str> = row.try_get(4).map_err(failed)?;
    let last: Option<i64> = row.try_get(6).map_err(failed)?;
    Ok(Found {
        row: row.try_get(0).map_err(failed)?,
        place: PrunePlace { updated, request: RequestId(id.to_owned()) },
        request: rows::request(id, document),
        ledger: ledger
            .map_or_else(|| Ok(Ledger::default()), |document| rows::ledger("its connection", document)),
        entries: row.try_get(5).map_err(failed)?,
        last: last.map(rows::timestamp).transpose()?,
    })
}

async fn forget(
    connection: &mut SqliteConnection,
    going: Vec<(i64, Request, i64)>,
    at: Timestamp,
) -> Result<(), JournalError> {
    let mut changed = Vec::with_capacity(going.len());
    for (row, mut request, entries) in going {
        request.forget_payload();
        changed.push((row, rows::encode(&request)?, entries.saturating_add(1), request.attempt));
    }
    let query = sqlx::query(FORGET)
        .bind(rows::encode(&changed)?)
        .bind(rows::encode(&Record::PayloadPruned)?)
        .bind(rows::nanoseconds(at));
    query.execute(connection).await.map_err(|error| fault(&error, "pruning"))?;
    Ok(())
}
