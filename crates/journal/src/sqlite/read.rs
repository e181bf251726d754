use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool};
use usher_core::SubjectKey;

use crate::{
    Filter, History, Holding, HoldingsFilter, HoldingsPage, JournalError, Ledger, Page, Pause, RequestId,
    Stored, Telling,
};

use super::fault::{Trust, fault};
use super::rows;

/// One statement, so that the row and its history are of the same moment.
pub(super) const FIND: &str = "
SELECT 0, r.document, b.body, 0, 0
FROM requests AS r LEFT JOIN bodies AS b ON b.request = r.row WHERE r.id = $1
UNION ALL
SELECT h.n, h.document, NULL, h.at, h.attempt
FROM requests AS r JOIN history AS h ON h.request = r.row WHERE r.id = $1
ORDER BY 1";

/// Those who only read: connections of their own, which see what is committed.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    pub(super) pool: SqlitePool,
    pub(super) trust: Trust,
}

impl Readers {
    fn fault(&self, error: &sqlx::Error) -> JournalError {
        self.trust.note(fault(error, "reading"))
    }

    pub(super) async fn ledger(&self, connection: &str, key: &SubjectKey) -> Result<Ledger, JournalError> {
        self.trust.check()?;
        let sql = "SELECT document FROM ledgers WHERE connection = $1 AND subject_key = $2";
        let query = sqlx::query_scalar::<_, String>(sql).bind(connection).bind(key.as_str());
        let found = query.fetch_optional(&self.pool).await.map_err(|error| self.fault(&error))?;
        found.map_or_else(|| Ok(Ledger::default()), |document| rows::ledger(connection, &document))
    }

    pub(super) async fn account_owner(
        &self,
        connection: &str,
        account: &str,
    ) -> Result<Option<SubjectKey>, JournalError> {
        self.trust.check()?;
        let sql = "SELECT subject_key FROM ledgers WHERE connection = $1 AND account = $2 \
                   ORDER BY subject_key LIMIT 1";
        let query = sqlx::query_scalar::<_, String>(sql).bind(connection).bind(account);
        let found = query.fetch_optional(&self.pool).await.map_err(|error| self.fault(&error))?;
        found.map(|key| rows::subject(&key)).transpose()
    }

    pub(super) async fn find(&self, id: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.trust.check()?;
        let query = sqlx::query(FIND).bind(&id.0);
        let found = query.fetch_all(&self.pool).await.map_err(|error| self.fault(&error))?;
        let mut found = found.into_iter();
        let Some(first) = found.next() else { return Ok(None) };
        let (document, body) = first_row(&first).map_err(|error| self.fault(&error))?;
        let mut stored = Stored {
            request: rows::request(&id.0, document)?,
            body,
            history: Vec::with_capacity(found.len()),
        };
        for row in found {
            let (document, at, attempt) = entry(&row).map_err(|error| self.fault(&error))?;
            let (at, record) = (rows::timestamp(at)?, rows::record(id, document)?);
            stored.history.push(History { at, attempt, record });
        }
        Ok(Some(stored))
    }

    pub(super) async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.trust.check()?;
        let mut query = select(filter);
        let found = query.build().fetch_all(&self.pool).await.map_err(|error| self.fault(&error))?;
        let mut requests = Vec::with_capacity(found.len());
        for row in &found {
            let (id, document) = pair(row).map_err(|error| self.fault(&error))?;
            requests.push(rows::request(id, document)?);
        }
        Ok(filter.page(requests))
    }

    pub(super) async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        self.trust.check()?;
        let mut query = select_holdings(filter);
        let found = query.build().fetch_all(&self.pool).await.map_err(|error| self.fault(&error))?;
        let mut holdings = Vec::with_capacity(found.len());
        for row in &found {
            let (connection, key, document) = triple(row).map_err(|error| self.fault(&error))?;
            holdings.push(Holding {
                connection: connection.to_owned(),
                subject: rows::subject(key)?,
                ledger: rows::ledger(connection, document)?,
            });
        }
        Ok(filter.page(holdings))
    }

    pub(super) async fn pauses(&self) -> Result<BTreeMap<String, Pause>, JournalError> {
        self.trust.check()?;
        let query = sqlx::query("SELECT connection, document FROM pauses");
        let found = query.fetch_all(&self.pool).await.map_err(|error| self.fault(&error))?;
        let mut pauses = BTreeMap::new();
        for row in &found {
            let (name, document) = pair(row).map_err(|error| self.fault(&error))?;
            pauses.insert(name.to_owned(), rows::pause(name, document)?);
        }
        Ok(pauses)
    }
}

/// One row more than the page holds, which tells whether there is a next one.
pub(super) fn select(filter: &Filter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT id, document FROM requests WHERE true");
    if let Some(execution) = filter.execution {
        query.push(" AND execution = ").push_bind(execution.as_str());
    }
    if let Some(direction) = filter.direction {
        query.push(" AND direction = ").push_bind(direction.as_str());
    }
    if let Some(app) = &filter.app {
        query.push(" AND app_key = ").push_bind(app.clone());
    }
    if let Some(connection) = &filter.connection {
        query.push(" AND connection = ").push_bind(connection.clone());
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND subject_key = ").push_bind(subject.as_str().to_owned());
    }
    match filter.telling {
        // Literally as in its index.
        Some(Telling::Due) => {
            query.push(" AND telling = 'due'");
        }
        Some(telling) => {
            query.push(" AND telling = ").push_bind(telling.as_str());
        }
        None => {}
    }
    if let Some(since) = filter.since {
        // A place to stop at, since rows are walked by place: without it a page that does not fill up reads the whole table. The
        // signs keep SQLite from walking by time and sorting after, and from looking for the least place from the first one on.
        let since = rows::nanoseconds(since);
        query.push(" AND +received >= ").push_bind(since);
        query
            .push(" AND seq >= (SELECT min(+seq) FROM requests WHERE received >= ")
            .push_bind(since)
            .push(")");
    }
    if let Some(before) = filter.before {
        query.push(" AND seq < ").push_bind(rows::integer(before));
    }
    let rows = i64::try_from(filter.rows().saturating_add(1)).unwrap_or(i64::MAX);
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(rows);
    query
}

/// One row more than the page holds, too.
pub(super) fn select_holdings(filter: &HoldingsFilter) -> QueryBuilder<Sqlite> {
    let mut query =
        QueryBuilder::new("SELECT connection, subject_key, document FROM ledgers WHERE holding = 1");
    if let Some(connection) = &filter.connection {
        query.push(" AND connection = ").push_bind(connection.clone());
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND subject_key = ").push_bind(subject.as_str().to_owned());
    }
    if let Some((connection, subject)) = &filter.after {
        query.push(" AND (connection, subject_key) > (").push_bind(connection.clone());
        query.push(", ").push_bind(subject.as_str().to_owned()).push(")");
    }
    let rows = i64::try_from(filter.rows().saturating_add(1)).unwrap_or(i64::MAX);
    query.push(" ORDER BY connection, subject_key LIMIT ").push_bind(rows);
    query
}

fn first_row(row: &SqliteRow) -> Result<(&str, Vec<u8>), sqlx::Error> {
    Ok((row.try_get(1)?, row.try_get::<Option<Vec<u8>>, _>(2)?.unwrap_or_default()))
}

fn entry(row: &SqliteRow) -> Result<(&str, i64, u64), sqlx::Error> {
    Ok((row.try_get(1)?, row.try_get(3)?, rows::count(row.try_get(4)?)))
}

fn triple(row: &SqliteRow) -> Result<(&str, &str, &str), sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

fn pair(row: &SqliteRow) -> Result<(&str, &str), sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}
