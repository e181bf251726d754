//! No statement of a request's way walks through a whole table: what takes a millisecond today would take seconds at 10^6 requests.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use usher_core::{Direction, SubjectKey};

use crate::{Execution, Filter, HoldingsFilter, SqliteOptions, Telling};

use super::{items, open, place, pruning, read, rows, working};

/// Tables, by the names that the statements give them.
const TABLES: [&str; 10] = ["requests", "r", "history", "h", "ledgers", "l", "bodies", "b", "pauses", "meta"];

/// The steps of a statement's plan that walk through a table.
async fn walks(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let plan = explained.fetch_all(connection).await.unwrap();
    assert!(!plan.is_empty(), "{sql}");
    let steps = plan.iter().map(|row| row.get::<String, _>(3));
    let walks = |step: &String| {
        step.strip_prefix("SCAN ")
            .is_some_and(|rest| rest.split(' ').next().is_some_and(|name| TABLES.contains(&name)))
    };
    steps.filter(walks).collect()
}

async fn fresh(folder: &tempfile::TempDir) -> SqliteConnection {
    let path = folder.path().join("usher.db");
    place::prepare(&path).unwrap();
    let mut connection = open::connect(&path, &SqliteOptions::default()).await.unwrap();
    open::migrator().run(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn writing_and_finding_walk_through_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fresh(&folder).await;
    let statements = [
        working::BEGIN,
        rows::INSERT,
        rows::UPDATE,
        rows::REROUTE,
        read::FIND,
        pruning::DELETE,
        pruning::FORGET,
    ];
    let single = statements.iter().flat_map(|text| text.split(';')).map(str::trim);
    let planned = single.filter(|sql| {
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|word| sql.starts_with(word))
    });
    let mut count = 0;
    for sql in planned {
        // `VALUES` needs no plan.
        if !sql.contains("VALUES") {
            assert_eq!(walks(&mut connection, sql).await, Vec::<String>::new(), "{sql}");
            count += 1;
        }
    }
    assert_eq!(count, 18);
}

#[tokio::test]
async fn pruning_walks_through_what_is_settled_and_old_enough_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fresh(&folder).await;
    for (sql, index) in [
        (pruning::SETTLED, "requests_settled"),
        (pruning::SETTLED_WITH_PAYLOAD, "requests_settled_with_payload"),
    ] {
        assert_eq!(walks(&mut connection, sql).await, Vec::<String>::new());
        let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let plan = explained.fetch_all(&mut connection).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get(3)).collect();
        assert!(steps.iter().any(|step| step.contains(&format!("INDEX {index} "))), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }
}

#[tokio::test]
async fn claiming_walks_through_what_is_open_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fresh(&folder).await;
    assert_eq!(walks(&mut connection, items::OPEN).await, ["SCAN r USING INDEX requests_open"]);
}

#[tokio::test]
async fn listing_walks_through_what_a_filter_lets_through() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fresh(&folder).await;
    let since = Some(jiff::Timestamp::UNIX_EPOCH);
    let filters = [
        Filter { execution: Some(Execution::NeedsHuman), ..Filter::default() },
        Filter { app: Some("desk".to_owned()), ..Filter::default() },
        Filter { connection: Some("zendesk".to_owned()), ..Filter::default() },
        Filter { subject: Some(SubjectKey::of("ada@example.com")), ..Filter::default() },
        Filter { since, ..Filter::default() },
        Filter { since, direction: Some(Direction::Deprovision), ..Filter::default() },
        Filter { before: Some(9), ..Filter::default() },
    ];
    // The few that are due: through an index of them alone.
    let due = read::select(&Filter { telling: Some(Telling::Due), ..Filter::default() }).into_sql();
    let plan = walks(&mut connection, due.as_str()).await;
    assert_eq!(plan, ["SCAN requests USING INDEX requests_due"]);
    for filter in filters {
        let sql = read::select(&filter).into_sql();
        assert_eq!(walks(&mut connection, sql.as_str()).await, Vec::<String>::new(), "{sql:?}");
    }
}

#[tokio::test]
async fn listing_holdings_walks_through_what_holds_something_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = fresh(&folder).await;
    let ada = SubjectKey::of("ada@example.com");
    let after = Some(("github".to_owned(), ada.clone()));
    let filters = [
        HoldingsFilter { connection: Some("github".to_owned()), ..HoldingsFilter::default() },
        HoldingsFilter { subject: Some(ada), ..HoldingsFilter::default() },
        HoldingsFilter { after, ..HoldingsFilter::default() },
    ];
    for filter in filters {
        let sql = read::select_holdings(&filter).into_sql();
        assert_eq!(walks(&mut connection, sql.as_str()).await, Vec::<String>::new(), "{sql:?}");
    }
    let all = read::select_holdings(&HoldingsFilter::default()).into_sql();
    let plan = walks(&mut connection, all.as_str()).await;
    assert_eq!(plan, ["SCAN ledgers USING INDEX ledgers_holding"]);
}
