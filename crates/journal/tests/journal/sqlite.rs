//! What only the journal in a SQLite file has: its place, its owner, its writer, and its end.

mod backup;
mod file;
mod loss;
mod opening;
mod pruned;
mod writer;

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::task::JoinSet;
use usher_journal::{Accepted, Arrival, Journal, JournalError, Request, SqliteJournal, SqliteOptions};

use crate::samples::{at, grant};

async fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
    SqliteJournal::open(path, SqliteOptions::default()).await
}

/// Another program's hand on the file.
async fn other(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn run_other(path: &Path, sql: &'static str) {
    let mut connection = other(path).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A request of its own, with a body of `size` bytes.
fn arrival(name: &str, size: usize) -> Arrival {
    Arrival { request: Request { lumos_request: None, ..grant(name) }, body: vec![b'x'; size] }
}

/// Hands all in at the same time, and waits for all of their answers, in the order of the arrivals.
async fn accept_at_once(
    journal: &Arc<SqliteJournal>,
    arrivals: Vec<Arrival>,
) -> Vec<Result<Accepted, JournalError>> {
    let mut tasks = JoinSet::new();
    for (n, arrival) in arrivals.into_iter().enumerate() {
        let journal = Arc::clone(journal);
        tasks.spawn(async move { (n, journal.accept(arrival, at(1)).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The sentence of a refusal to open.
fn refusal(opened: Result<SqliteJournal, JournalError>) -> String {
    match opened {
        Err(JournalError::Unusable(sentence)) => sentence,
        other => panic!("it should have been refused: {other:?}"),
    }
}
