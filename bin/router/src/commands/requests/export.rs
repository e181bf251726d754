//! `usher requests export`: every page of a list, for other tools.

use std::io::{self, IsTerminal};

use usher_core::{Clock, SystemClock};
use usher_journal::AnswerState;

use super::filter;
use crate::admin::{PageView, RequestView};
use crate::cli::{ExportArgs, ExportFormat};
use crate::commands::Failure;
use crate::commands::admin_client::{AdminClient, name};
use crate::output::{Output, Progress};

/// Rows that are asked for at once.
const PAGE: &str = "1000";

const COLUMNS: [&str; 21] = [
    "id",
    "received",
    "updated",
    "state",
    "execution",
    "direction",
    "app",
    "app_id",
    "instance_id",
    "app_label",
    "connection",
    "permissions",
    "all",
    "subject",
    "until",
    "next_at",
    "attempt",
    "dry_run",
    "answer",
    "reason",
    "taken",
];

pub(super) async fn run(args: &ExportArgs, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() && args.format == ExportFormat::Csv {
        return Err(Failure::usage("--json writes JSON lines: leave it out, or --format csv"));
    }
    let mut query = filter::query(&args.filter, SystemClock.now())?;
    query.push(("limit", PAGE.to_owned()));
    let client = AdminClient::from_environment(&args.admin.admin)?;
    // On a terminal the rows themselves show that it goes on.
    let progress = (!io::stdout().is_terminal()).then(|| Progress::counter(output, "requests written"));
    let mut before: Option<u64> = None;
    let mut is_first = true;
    loop {
        let mut asked = query.clone();
        asked.extend(before.map(|before| ("before", before.to_string())));
        let page: PageView = client.get(&["requests"], &asked).await?;
        match args.format {
            ExportFormat::Jsonl => page.requests.iter().try_for_each(|request| output.value(request))?,
            ExportFormat::Csv => output.raw(&csv(&page.requests, is_first)?)?,
        }
        if let Some(progress) = &progress {
            progress.add(page.requests.len());
        }
        is_first = false;
        before = page.next;
        if before.is_none() {
            return Ok(());
        }
    }
}

fn csv(requests: &[RequestView], with_head: bool) -> io::Result<Vec<u8>> {
    // Quoted all, since in many places of the world a semicolon separates the cells of a spreadsheet.
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    if with_head {
        writer.write_record(COLUMNS)?;
    }
    for request in requests {
        writer.write_record(cells(request).map(harmless))?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn cells(request: &RequestView) -> [String; COLUMNS.len()] {
    let at = |moment: Option<jiff::Timestamp>| moment.map(|moment| moment.to_string()).unwrap_or_default();
    [
        request.id.clone(),
        request.received.to_string(),
        request.updated.to_string(),
        request.word.to_string(),
        name(&request.execution).unwrap_or_default(),
        name(&request.direction).unwrap_or_default(),
        request.app.clone(),
        request.app_id.clone(),
        request.instance_id.clone().unwrap_or_default(),
        request.app_label.clone().unwrap_or_default(),
        request.connection.clone(),
        request.permissions.join("; "),
        request.all.to_string(),
        request.subject.clone(),
        at(request.until),
        at(request.next_at),
        request.attempt.to_string(),
        request.dry_run.to_string(),
        answer(&request.answer).to_owned(),
        request.reason.clone().unwrap_or_default(),
        request.taken.as_ref().and_then(name).unwrap_or_default(),
    ]
}

fn answer(answer: &AnswerState) -> &'static str {
    match answer {
        AnswerState::None => "none",
        AnswerState::Positive => "positive",
        AnswerState::Negative { .. } => "negative",
        AnswerState::Lost => "lost",
    }
}

/// A cell that a spreadsheet shows and does not compute: <https://owasp.org/www-community/attacks/CSV_Injection>.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_begins_with_an_apostrophe() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"] {
            assert_eq!(harmless(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["", "ann@example.com", "a=b", "2026-11-24T08:00:00Z", "'=1"] {
            assert_eq!(harmless(cell.to_owned()), cell);
        }
    }
}
