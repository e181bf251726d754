//! `usher requests list --follow`: what arrives and changes, line by line.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use usher_core::{Clock, SystemClock};
use usher_journal::AnswerState;

use super::filter::Query;
use super::{app, moment, permissions, style, verb};
use crate::admin::{PageView, RequestView};
use crate::commands::Failure;
use crate::commands::admin_client::AdminClient;
use crate::output::{Output, Style, safe};

/// The newest rows, which are watched.
const WATCHED: usize = 200;
/// Rows that are looked at after a while without an answer, in pages, at the most.
const MOST_PAGES: usize = 25;
/// Between two looks…
const EVERY: Duration = Duration::from_secs(1);
/// …and at the most, while there is no answer.
const LONGEST: Duration = Duration::from_secs(30);

/// What is shown of a row: where it differs, the row is shown again.
type Shown = (u64, String, Option<String>, AnswerState);

/// Until Ctrl-C. Where the service does not answer, it is asked again.
pub(super) async fn run(
    client: &AdminClient,
    query: Query,
    first: usize,
    output: &mut Output,
) -> Result<(), Failure> {
    let following = async {
        let mut follow = Follow { client, query, shown: None, pause: EVERY };
        loop {
            for request in follow.next(first).await? {
                print(&request, output)?;
            }
            sleep_until(later(follow.pause)).await;
        }
    };
    tokio::select! {
        ended = following => ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|error| Failure::failed(format!("Ctrl-C cannot be heard: {error}")))
        }
    }
}

fn later(pause: Duration) -> Instant {
    let now = SystemClock.instant();
    now.checked_add(pause).unwrap_or(now)
}

struct Follow<'c> {
    client: &'c AdminClient,
    query: Query,
    /// What was shown of the rows that are watched; `None` before the first look.
    shown: Option<HashMap<String, Shown>>,
    pause: Duration,
}

impl Follow<'_> {
    /// What is new since the last look, oldest first; of the first one `first` rows.
    async fn next(&mut self, first: usize) -> Result<Vec<RequestView>, Failure> {
        let rows = match self.look().await? {
            Ok(rows) => rows,
            // A wrong address is not mended by waiting.
            Err(why) if self.shown.is_none() => return Err(Failure::Failed(why)),
            Err(why) => {
                if self.pause == EVERY {
                    say(&why);
                }
                self.pause = self.pause.saturating_mul(2).min(LONGEST);
                return Ok(Vec::new());
            }
        };
        self.pause = EVERY;
        let now: HashMap<String, Shown> = rows.iter().map(|row| (row.id.clone(), shown(row))).collect();
        let before = self.shown.replace(now);
        let mut news: Vec<RequestView> = match &before {
            None => rows.into_iter().take(first).collect(),
            Some(before) => rows.into_iter().filter(|row| before.get(&row.id) != Some(&shown(row))).collect(),
        };
        news.reverse();
        Ok(news)
    }

    /// The newest rows, newest first: as many as are watched, and more where more have arrived since.
    async fn look(&self) -> Result<Result<Vec<RequestView>, String>, Failure> {
        let mut rows: Vec<RequestView> = Vec::new();
        let mut before: Option<u64> = None;
        for _ in 0..MOST_PAGES {
            let mut query = self.query.clone();
            query.push(("limit", WATCHED.to_string()));
            query.extend(before.map(|before| ("before", before.to_string())));
            let page: PageView = match self.client.look(&["requests"], &query).await? {
                Ok(page) => page,
                Err(why) => return Ok(Err(why)),
            };
            let is_known =
                |row: &RequestView| self.shown.as_ref().is_none_or(|shown| shown.contains_key(&row.id));
            let reaches = page.requests.iter().any(is_known);
            rows.extend(page.requests);
            before = page.next;
            if reaches || before.is_none() {
                break;
            }
        }
        Ok(Ok(rows))
    }
}

fn shown(row: &RequestView) -> Shown {
    (row.attempt, row.state(), row.reason.clone(), row.answer.clone())
}

/// Beside the rows, on standard error. Whoever cannot read it there sees no less of the rows.
fn say(why: &str) {
    let _told = writeln!(std::io::stderr().lock(), "usher: {}; it is asked again until it does", safe(why));
}

fn print(request: &RequestView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(request)?);
    }
    let at = output.paint(Style::Faint, &moment(request.updated));
    let state = output.paint(style(request), &request.state());
    let what = format!("{} {} ({})", verb(request), app(request), permissions(request));
    let (what, who) = (safe(&what).into_owned(), safe(&request.subject).into_owned());
    let id = output.paint(Style::Faint, &request.id);
    Ok(output.line(format!("{at}  {state}  {what} for {who}  {id}"))?)
}
