mod export;
mod filter;
mod follow;
mod show;

use jiff::Timestamp;
use serde_json::json;
use usher_core::{Clock, Direction, SystemClock};
use usher_journal::Execution;

pub(crate) use show::print_paste;

use super::Failure;
use super::admin_client::AdminClient;
use crate::admin::{PageView, RequestView, StoredView, Taken};
use crate::cli::{ActArgs, ListArgs, RequestsCommand, ShowArgs};
use crate::output::{Output, Style, Table};

/// `usher requests …`
pub(crate) async fn run(command: &RequestsCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        RequestsCommand::List(args) => list(args, output).await,
        RequestsCommand::Show(args) => show(args, output).await,
        RequestsCommand::Replay(args) => act(args, "replay", output).await,
        RequestsCommand::Close(args) => act(args, "close", output).await,
        RequestsCommand::Export(args) => export::run(args, output).await,
    }
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<(), Failure> {
    let mut query = filter::query(&args.filter, SystemClock.now())?;
    let client = AdminClient::from_environment(&args.admin.admin)?;
    if args.follow {
        return follow::run(&client, query, usize::from(args.limit), output).await;
    }
    query.push(("limit", args.limit.to_string()));
    query.extend(args.before.map(|before| ("before", before.to_string())));
    let page: PageView = client.get(&["requests"], &query).await?;
    print_page(&page, output)
}

async fn show(args: &ShowArgs, output: &mut Output) -> Result<(), Failure> {
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let stored: StoredView = client.get(&["requests", &args.id], &[]).await?;
    show::print(&stored, output)
}

async fn act(args: &ActArgs, act: &str, output: &mut Output) -> Result<(), Failure> {
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let mut failed = false;
    for id in &args.ids {
        match client.act::<RequestView>(&["requests", id, act], &args.reason).await {
            Ok(view) if output.is_json() => output.value(&view)?,
            Ok(view) => {
                let (sentence, style) = acted(&view, act);
                output.line(format!(
                    "{} {}",
                    output.paint(Style::Plain, id),
                    output.paint(style, &sentence)
                ))?;
            }
            Err(Failure::Failed(sentence)) => {
                failed = true;
                if output.is_json() {
                    output.value(&json!({ "id": id, "error": sentence }))?;
                } else {
                    let sentence = output.paint(Style::Bad, &sentence);
                    output.line(format!("{} {sentence}", output.paint(Style::Plain, id)))?;
                }
            }
            Err(other) => return Err(other),
        }
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

fn print_page(page: &PageView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(page)?);
    }
    if page.requests.is_empty() {
        return Ok(output.line("No requests.")?);
    }
    let mut table = Table::new(&["received", "state", "asked to", "app", "permissions", "person", "id"]);
    for request in &page.requests {
        table.row([
            (moment(request.received), Style::Faint),
            (request.state(), style(request)),
            (verb(request).to_owned(), Style::Plain),
            (app(request).to_owned(), Style::Plain),
            (permissions(request), Style::Plain),
            (request.subject.clone(), Style::Plain),
            (request.id.clone(), Style::Faint),
        ]);
    }
    output.table(&table)?;
    if let Some(next) = page.next {
        output.line(format!("There are more: add --before {next}"))?;
    }
    Ok(())
}

/// What an act has come to.
fn acted(view: &RequestView, act: &str) -> (String, Style) {
    match (act, view.execution) {
        // The reason says by whom it was closed, and why.
        ("close", Execution::Closed) => (view.reason.clone().unwrap_or_default(), Style::Good),
        ("close", _) => {
            ("is closed as soon as nothing of it is under way any more".to_owned(), Style::Pending)
        }
        _ => (view.word.to_string(), Style::of(view.word)),
    }
}

/// How a row's state is shown.
fn style(request: &RequestView) -> Style {
    match request.taken {
        Some(Taken::All) => Style::Faint,
        Some(Taken::Going | Taken::Partly) => Style::Pending,
        None => Style::of(request.word),
    }
}

fn verb(request: &RequestView) -> &'static str {
    match request.direction {
        Direction::Provision => "give",
        Direction::Deprovision => "take",
    }
}

fn app(request: &RequestView) -> &str {
    if request.app.is_empty() { &request.app_id } else { &request.app }
}

fn permissions(request: &RequestView) -> String {
    match (request.all, request.permissions.is_empty()) {
        (true, _) => "everything".to_owned(),
        (false, true) => "-".to_owned(),
        (false, false) => request.permissions.join(", "),
    }
}

/// To the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
