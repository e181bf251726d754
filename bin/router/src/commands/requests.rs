mod show;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::json;
use usher_core::{Clock, SystemClock};

pub(crate) use show::print_paste;

use super::Failure;
use super::admin_client::{AdminClient, name};
use crate::admin::{PageView, RequestView, StoredView, WORDS};
use crate::cli::{ActArgs, ListArgs, RequestsCommand, ShowArgs, State};
use crate::output::{Output, Style, Table};

/// `usher requests …`
pub(crate) async fn run(command: &RequestsCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        RequestsCommand::List(args) => list(args, output).await,
        RequestsCommand::Show(args) => show(args, output).await,
        RequestsCommand::Replay(args) => act(args, "replay", output).await,
        RequestsCommand::Close(args) => act(args, "close", output).await,
    }
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<(), Failure> {
    let query = query(args, SystemClock.now())?;
    let client = AdminClient::from_environment(&args.admin.admin)?;
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
                let word = output.paint(Style::of(view.word), &view.word.to_string());
                output.line(format!("{} {word}", output.paint(Style::Plain, id)))?;
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
    let mut table = Table::new(&["received", "state", "app", "permissions", "person", "id"]);
    for request in &page.requests {
        table.row([
            (moment(request.received), Style::Faint),
            (request.word.to_string(), Style::of(request.word)),
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

fn query(args: &ListArgs, now: Timestamp) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut query = vec![("limit", args.limit.to_string())];
    let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
    add("word", args.state.map(|state| word_name(state).to_owned()));
    add("direction", args.direction.map(Into::into).and_then(|way: usher_core::Direction| name(&way)));
    add("app", args.app.clone());
    add("connection", args.connection.clone());
    add("subject", args.subject.clone());
    let since = args.since.as_deref().map(|text| since(text, now)).transpose()?;
    add("since", since.map(|since| since.to_string()));
    add("before", args.before.map(|before| before.to_string()));
    Ok(query)
}

fn word_name(state: State) -> &'static str {
    let [granted, removed, refused, waiting, needs_you] = WORDS.map(|(name, _)| name);
    match state {
        State::Granted => granted,
        State::Removed => removed,
        State::Refused => refused,
        State::Waiting => waiting,
        State::NeedsYou => needs_you,
    }
}

/// A moment, or how long ago.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let ago = || -> Option<Timestamp> {
        let span: Span = text.parse().ok()?;
        let ago: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        now.checked_sub(ago.abs()).ok()
    };
    text.parse().ok().or_else(ago).ok_or_else(|| {
        Failure::usage(
            "--since: write a moment such as 2026-11-24T08:00:00Z, or a while such as 90m, 24h or \"7 days\"",
        )
    })
}
