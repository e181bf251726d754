mod definitions;
mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use usher_core::{Call, Clock, Facet, Fault, Health, Priority, Remedy, Sent, SystemClock};
use usher_engine::Connection;
use usher_lumos::{ApiError, READS};

use self::definitions::Definitions;
use super::Failure;
use crate::cli::CheckArgs;
use crate::config::{self, Loaded, OnLateSuccess, Summary};
use crate::output::{Output, Progress, Style, Table, safe};

/// How long a vendor may take to be asked everything.
const WITHIN: Duration = Duration::from_secs(30);

/// `usher check`
pub(crate) async fn run(args: &CheckArgs, output: &mut Output) -> Result<(), Failure> {
    let loaded = config::load(&args.config.config)?;
    let live = if args.live { Some(ask_all(&loaded, output).await) } else { None };
    let mut summary = loaded.summary;
    summary.notes.extend(journal::note(&loaded.config.journal.sqlite));
    let tested = Definitions::of(&loaded.definitions);
    summary.notes.extend(tested.notes());
    report(&summary, &tested, live.as_ref(), output)
}

type Checked = BTreeMap<String, Result<Health, Fault>>;

async fn ask_all(loaded: &Loaded, output: &Output) -> Checked {
    let progress = Progress::counter(output, "vendors asked");
    let asked = loaded.connections.iter().map(async |(name, connection)| {
        let health = ask(connection).await;
        progress.add(1);
        (name.clone(), health)
    });
    let (mut checked, lumos): (Checked, _) =
        tokio::join!(async { join_all(asked).await.into_iter().collect() }, ask_lumos(loaded));
    checked.extend(lumos.map(|health| ("[lumos]".to_owned(), health)));
    checked
}

/// Whether the token is good for Lumos's tasks, by a read that changes nothing.
async fn ask_lumos(loaded: &Loaded) -> Option<Result<Health, Fault>> {
    let lumos = loaded.config.lumos.as_ref()?;
    let asked = lumos.api.check(&call()).await;
    Some(match asked {
        Ok(()) => Ok(Health::default()),
        Err(error @ ApiError::OutOfReach { sent, after, .. }) => {
            Err(Fault::new(READS, sent, Remedy::Retry { after }).because(error))
        }
        Err(error) => Err(Fault::new(READS, Sent::Yes, Remedy::Person).because(error)),
    })
}

fn call() -> Call {
    Call {
        deadline: SystemClock.instant() + WITHIN,
        priority: Priority::Report,
        idempotency_key: None,
        part: None,
    }
}

async fn ask(connection: &Connection) -> Result<Health, Fault> {
    let policies = connection.apps.values();
    let named: BTreeSet<Facet> =
        policies.flat_map(|policy| policy.permissions.values()).flatten().cloned().collect();
    connection.provisioner.check(&call(), &named).await
}

fn report(
    summary: &Summary,
    tested: &Definitions,
    live: Option<&Checked>,
    output: &mut Output,
) -> Result<(), Failure> {
    let is_well = live.is_none_or(|live| live.values().all(is_well)) && tested.are_well();
    if output.is_json() {
        let live = live.map(|live| live.iter().map(health_json).collect::<Vec<_>>());
        let definitions = tested.to_json();
        output.value(
            &json!({ "ok": is_well, "configuration": summary, "definitions": definitions, "live": live }),
        )?;
    } else {
        print_summary(summary, output)?;
        tested.print(output)?;
        if let Some(live) = live {
            print_live(live, output)?;
        }
    }
    if is_well { Ok(()) } else { Err(Failure::Said) }
}

fn is_well(health: &Result<Health, Fault>) -> bool {
    health.as_ref().is_ok_and(|health| !health.findings.iter().any(|finding| finding.fatal))
}

fn health_json((name, health): (&String, &Result<Health, Fault>)) -> Value {
    match health {
        Err(fault) => {
            json!({ "connection": name, "ok": false, "error": fault.to_string(), "remedy": remedy(fault) })
        }
        Ok(found) => {
            let findings: Vec<Value> = found
                .findings
                .iter()
                .map(|finding| json!({ "fatal": finding.fatal, "what": finding.what, "remedy": finding.remedy }))
                .collect();
            json!({
                "connection": name,
                "ok": is_well(health),
                "seats_left": found.seats_left,
                "findings": findings,
            })
        }
    }
}

fn print_summary(summary: &Summary, output: &mut Output) -> Result<(), Failure> {
    let file = summary.file.display().to_string();
    output.line(format!(
        "{} {}",
        output.paint(Style::Bold, &file),
        output.paint(Style::Good, "is in order.")
    ))?;
    let plain = |text: &str| (text.to_owned(), Style::Plain);
    let mut table = Table::new(&["app", "connection", "permission", "gives", "for", "after the deadline"]);
    for app in &summary.apps {
        let mode = if app.dry_run { " (dry run)" } else { "" };
        let domains = app.email_domains.join(", ");
        let after = super::admin_client::name(&app.after_deadline).unwrap_or_default();
        for (index, (permission, gives)) in app.permissions.iter().enumerate() {
            let first = |text: String| (if index == 0 { text } else { String::new() }, Style::Plain);
            table.row([
                first(format!("{}{mode}", app.key)),
                first(app.connection.clone()),
                plain(permission),
                plain(&gives.join(", ")),
                first(domains.clone()),
                first(after.clone()),
            ]);
        }
        for permission in &app.ignored {
            table.row([plain(""), plain(""), plain(permission), ("ignored".to_owned(), Style::Faint)]);
        }
    }
    if !table.is_empty() {
        output.line("")?;
        output.table(&table)?;
    }
    output.line("")?;
    for webhook in &summary.webhooks {
        output.line(format!("takes webhooks at {}/provision and …/deprovision", safe(webhook)))?;
    }
    if let Some(how) = summary.on_late_success {
        let also = if how == OnLateSuccess::Complete { ", and completes it where that is safe" } else { "" };
        output.line(format!("tells Lumos of late grants by a comment on its task{also}"))?;
    }
    for note in &summary.notes {
        output.line(format!("{} {}", output.paint(Style::Pending, "note:"), safe(note)))?;
    }
    Ok(())
}

/// What to do about a vendor that could not be asked.
fn remedy(fault: &Fault) -> &'static str {
    match (&fault.remedy, fault.sent) {
        (Remedy::Refused(_) | Remedy::Person, _) => "see that the credential may read what is asked here",
        (Remedy::Throttled { .. }, _) => "ask again in a minute",
        (_, Sent::No) => "see that the address in its settings is right, and that this machine can reach it",
        (_, Sent::Maybe | Sent::Yes) => "ask again; if it stays so, look at the vendor's status page",
    }
}

fn print_live(live: &Checked, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["connection", "state", "seats left", "what to do"]);
    for (name, health) in live {
        let connection = (name.clone(), Style::Plain);
        match health {
            Err(fault) => table.row([
                connection,
                ("fails".to_owned(), Style::Bad),
                (String::new(), Style::Plain),
                (format!("{fault}: {}", remedy(fault)), Style::Bad),
            ]),
            Ok(found) => {
                let state = match (is_well(health), found.findings.is_empty()) {
                    (true, true) => ("well", Style::Good),
                    (true, false) => ("look", Style::Pending),
                    (false, _) => ("fails", Style::Bad),
                };
                let seats = found.seats_left.map(|seats| seats.to_string()).unwrap_or_default();
                let mut findings = found.findings.iter().map(|finding| {
                    let style = if finding.fatal { Style::Bad } else { Style::Pending };
                    (format!("{}: {}", finding.what, finding.remedy), style)
                });
                let nothing = || (String::new(), Style::Plain);
                let first = findings.next().unwrap_or_else(nothing);
                table.row([connection, (state.0.to_owned(), state.1), (seats, Style::Plain), first]);
                for finding in findings {
                    table.row([nothing(), nothing(), nothing(), finding]);
                }
            }
        }
    }
    output.line("")?;
    Ok(output.table(&table)?)
}
