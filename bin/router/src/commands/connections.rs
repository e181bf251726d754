use jiff::Timestamp;
use usher_core::{Clock, SystemClock};
use usher_engine::{BreakerState, BreakerView};

use super::Failure;
use super::admin_client::AdminClient;
use super::requests::moment;
use crate::admin::{ConnectionView, ConnectionsView, LimitView};
use crate::cli::ConnectionsArgs;
use crate::output::{Output, Style, Table, safe};

/// `usher connections`
pub(crate) async fn run(args: &ConnectionsArgs, output: &mut Output) -> Result<(), Failure> {
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let view: ConnectionsView = client.get(&["connections"], &[]).await?;
    if output.is_json() {
        return Ok(output.value(&view)?);
    }
    if view.connections.is_empty() {
        return Ok(output.line("The configuration has no connection.")?);
    }
    let now = SystemClock.now();
    let mut table = Table::new(&["connection", "connector", "apps", "changes", "vendor", "next try"]);
    for connection in &view.connections {
        table.row(row(connection, now));
    }
    output.table(&table)?;
    for connection in &view.connections {
        notes(connection, output)?;
    }
    Ok(())
}

fn row(connection: &ConnectionView, now: Timestamp) -> [(String, Style); 6] {
    let changes = match &connection.paused {
        Some(pause) => (format!("paused by {}", pause.by), Style::Urgent),
        None => ("sent".to_owned(), Style::Plain),
    };
    let apps = if connection.apps.is_empty() { "-".to_owned() } else { connection.apps.join(", ") };
    [
        (connection.name.clone(), Style::Plain),
        (connection.connector.clone(), Style::Plain),
        (apps, Style::Plain),
        changes,
        vendor(connection.breaker.as_ref()),
        (next_try(connection.breaker.as_ref(), now), Style::Plain),
    ]
}

/// Whether the vendor fails, in words.
fn vendor(breaker: Option<&BreakerView>) -> (String, Style) {
    let Some(breaker) = breaker else { return ("not watched (breaker = false)".to_owned(), Style::Faint) };
    let since = breaker.since.map(|since| format!(" since {}", moment(since))).unwrap_or_default();
    match (breaker.state, breaker.failures) {
        (BreakerState::Closed, 0) => ("no failures".to_owned(), Style::Good),
        (BreakerState::Closed, 1) => (format!("1 failure{since}"), Style::Pending),
        (BreakerState::Closed, failures) => (format!("{failures} failures{since}"), Style::Pending),
        (BreakerState::Open | BreakerState::HalfOpen, _) => (format!("fails{since}"), Style::Bad),
    }
}

fn next_try(breaker: Option<&BreakerView>, now: Timestamp) -> String {
    let Some(breaker) = breaker else { return String::new() };
    match (breaker.state, breaker.next_probe_at) {
        (BreakerState::HalfOpen, _) => "under way".to_owned(),
        (BreakerState::Open, Some(at)) if at > now => moment(at),
        // It is due, and nobody has anything to read.
        (BreakerState::Open, _) => "with the next request".to_owned(),
        (BreakerState::Closed, _) => String::new(),
    }
}

/// How a limit holds requests up, in words.
fn limited(limit: &LimitView) -> String {
    let count = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {many}")),
    };
    let closed = (limit.closed_for_s > 0)
        .then(|| format!("the vendor's own limit lets nothing through for {} s", limit.closed_for_s));
    let parts = [
        closed,
        count(limit.waiting, "call waits for its limits", "calls wait for its limits"),
        count(limit.put_off, "request comes again later", "requests come again later"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What is too long for a column.
fn notes(connection: &ConnectionView, output: &mut Output) -> Result<(), Failure> {
    let name = safe(&connection.name);
    if let Some(pause) = &connection.paused {
        let note = output.paint(Style::Pending, "note:");
        let (reason, since) = (safe(&pause.reason), moment(pause.since));
        output.line(format!("{note} {name}: paused since {since}: {reason}"))?;
    }
    if let Some(limit) = connection.limit.as_ref().filter(|limit| limit.is_in_the_way()) {
        output.line(format!("{} {name}: {}", output.paint(Style::Pending, "note:"), limited(limit)))?;
    }
    let failing = connection.breaker.as_ref().filter(|breaker| breaker.failures > 0);
    if let Some(fault) = failing.and_then(|breaker| breaker.last_fault.as_ref()) {
        output.line(format!("{} {name}: {}", output.paint(Style::Bad, "note:"), safe(fault)))?;
    }
    Ok(())
}
