//! `usher requests export`, and what a list says beyond the five words.

use std::collections::BTreeSet;

use serde_json::Value;
use usher_core::{Direction, Facet};
use usher_journal::{AskedPermission, Execution, Journal, Moment, Record, Request, RequestId, Stamp};

use crate::support::{AdminServer, Ended, payload, request, usher};

async fn as_dana(server: &AdminServer, arguments: &[&str]) -> Ended {
    let url = server.url();
    let environment = [("USHER_OPERATOR_TOKEN", "dana-token"), ("USHER_ADMIN", url.as_str())];
    usher(arguments, &environment, "").await
}

fn named(names: &[&str]) -> Vec<AskedPermission> {
    let facets = |name: &str| Some(BTreeSet::from([Facet::new("role", name)]));
    names.iter().map(|name| AskedPermission { name: (*name).to_owned(), facets: facets(name) }).collect()
}

fn grant(id: &str, second: i64, names: &[&str]) -> Request {
    let mut grant = request(id, second, Execution::Accepted);
    grant.permissions = named(names);
    grant
}

/// An order of whom `of` was about.
fn order(id: &str, second: i64, of: &Request, names: &[&str]) -> Request {
    let mut order = grant(id, second, names);
    order.direction = Direction::Deprovision;
    (order.subject, order.subject_key) = (of.subject.clone(), of.subject_key.clone());
    order
}

async fn keeps_confirmed(server: &AdminServer, request: &Request) {
    server.engine.keeps(request.clone(), payload().as_bytes()).await;
    server.engine.confirms(request).await;
}

async fn state_of(server: &AdminServer, id: &str) -> String {
    let list = as_dana(server, &["requests", "list"]).await;
    let line = list.stdout.lines().find(|line| line.ends_with(&format!("  {id}"))).unwrap().to_owned();
    let state = line.split("  ").nth(1).unwrap().to_owned();
    let shown = as_dana(server, &["requests", "show", id]).await;
    assert!(shown.stdout.starts_with(&format!("{state}  ")), "{} is not {state}", shown.stdout);
    state
}

#[tokio::test]
async fn a_grant_that_a_later_order_took_is_told_from_one_that_stands() {
    let server = AdminServer::start().await;
    let ada = grant("ada", 0, &["agent", "light"]);
    keeps_confirmed(&server, &ada).await;
    keeps_confirmed(&server, &grant("grace", 1, &["agent"])).await;
    assert_eq!(state_of(&server, "ada").await, "granted");

    let taking = order("o1", 2, &ada, &["light"]);
    server.engine.keeps(taking.clone(), payload().as_bytes()).await;
    assert_eq!(state_of(&server, "ada").await, "granted, being taken");
    server.engine.confirms(&taking).await;
    assert_eq!(state_of(&server, "ada").await, "granted, partly taken since");
    assert_eq!(state_of(&server, "o1").await, "removed");
    keeps_confirmed(&server, &order("o2", 3, &ada, &["agent"])).await;
    assert_eq!(state_of(&server, "ada").await, "granted, taken since");
    assert_eq!(state_of(&server, "grace").await, "granted");
    let shown = as_dana(&server, &["requests", "show", "ada", "--json"]).await;
    assert_eq!(shown.json()["request"]["taken"], "all");
}

#[tokio::test]
async fn what_a_person_closed_says_by_whom_and_why() {
    let server = AdminServer::start().await;
    let ada = grant("ada", 0, &["agent"]);
    server.engine.keeps(order("taking", 1, &ada, &["agent"]), payload().as_bytes()).await;
    let ended = as_dana(&server, &["requests", "close", "taking", "--reason", "done by hand"]).await;
    assert_eq!(ended.stdout, "taking is closed as soon as nothing of it is under way any more\n");
    let closed =
        Record::Ended { execution: Execution::Closed, reason: "closed by dana: done by hand".to_owned() };
    let at = Moment { wall: ada.received, stamp: Stamp { boot: 1, ticks: std::time::Duration::ZERO } };
    server.engine.journal.commit(&RequestId("taking".to_owned()), vec![closed], at).await.unwrap();
    let ended = as_dana(&server, &["requests", "close", "taking", "--reason", "done by hand"]).await;
    assert_eq!(ended.stdout, "taking closed by dana: done by hand\n");
    assert_eq!(state_of(&server, "taking").await, "refused, closed");
}

#[tokio::test]
async fn a_filter_by_a_name_that_nobody_knows_is_wrong_use() {
    let server = AdminServer::start().await;
    let mut former = grant("ada", 0, &["agent"]);
    former.connection = "former".to_owned();
    former.app_key = "former-app".to_owned();
    server.engine.keeps(former, payload().as_bytes()).await;
    for (filter, name, why) in [
        ("--connection", "zendeks", "there is no connection zendeks: did you mean zendesk?"),
        ("--app", "zendeks", "there is no app zendeks: did you mean zendesk?"),
        ("--app", "wiki", "there is no app wiki: known here: zendesk"),
    ] {
        for verb in ["list", "export"] {
            let ended = as_dana(&server, &["requests", verb, filter, name]).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{verb} {filter} {name}");
            assert_eq!(ended.stderr, format!("usher: {why}\n"));
        }
    }
    let ended = as_dana(&server, &["requests", "list", "--state", "grantde"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("'granted'"), "{}", ended.stderr);
    // What was configured once is known, and finds nothing where there is nothing.
    for filter in [["--connection", "former"], ["--app", "former-app"]] {
        let mut arguments = vec!["requests", "list", "--state", "removed"];
        arguments.extend(filter);
        let ended = as_dana(&server, &arguments).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "No requests.\n"), "{filter:?}");
    }
}

/// More than a page, of which one is odd.
async fn many(server: &AdminServer) -> usize {
    let count = 1_234;
    for number in 0..count {
        let mut one = grant(&format!("r{number:04}"), i64::from(number), &["agent", "light"]);
        if number == 7 {
            one.app.label = Some("=HYPERLINK(\"http://evil.example\")".to_owned());
            one.reason = Some("line one\nline \"two\", and more".to_owned());
            one.permissions = named(&["@SUM(A1)", "-1", "+1"]);
        }
        server.engine.keeps(one, payload().as_bytes()).await;
    }
    usize::try_from(count).unwrap()
}

#[tokio::test]
async fn an_export_has_every_row_once_newest_first_as_json_lines() {
    let server = AdminServer::start().await;
    let count = many(&server).await;
    let ended = as_dana(&server, &["requests", "export"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let ids: Vec<String> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    let all: Vec<String> = (0..count).rev().map(|number| format!("r{number:04}")).collect();
    assert_eq!(ids, all);
    let some = as_dana(&server, &["requests", "export", "--subject", "r0007@example.com"]).await;
    assert_eq!(some.stdout.lines().count(), 1);
}

#[tokio::test]
async fn an_export_as_csv_is_read_back_cell_by_cell_and_nothing_of_it_is_a_formula() {
    let server = AdminServer::start().await;
    let count = many(&server).await;
    let ended = as_dana(&server, &["requests", "export", "--format", "csv"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let mut reader = csv::Reader::from_reader(ended.stdout.as_bytes());
    let head = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), count);
    for cell in rows.iter().flat_map(csv::StringRecord::iter) {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
    let odd = rows.iter().find(|row| &row[0] == "r0007").unwrap();
    let cell = |name: &str| &odd[head.iter().position(|column| column == name).unwrap()];
    assert_eq!(cell("app_label"), "'=HYPERLINK(\"http://evil.example\")");
    assert_eq!(cell("permissions"), "'@SUM(A1); -1; +1");
    assert_eq!(cell("reason"), "line one\nline \"two\", and more");
    assert_eq!(cell("received"), "2026-11-19T08:00:07Z");
    assert_eq!(
        (cell("state"), cell("direction"), cell("subject")),
        ("waiting", "provision", "r0007@example.com")
    );
    let ended = as_dana(&server, &["requests", "export", "--format", "csv", "--json"]).await;
    assert_eq!(ended.code, 2, "{ended:?}");
}
