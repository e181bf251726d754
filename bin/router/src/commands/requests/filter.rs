use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use usher_core::Direction;

use crate::admin::WORDS;
use crate::cli::{FilterArgs, State};
use crate::commands::Failure;
use crate::commands::admin_client::name;

/// A query of the admin API, and how many rows of it at once.
pub(super) type Query = Vec<(&'static str, String)>;

/// What the filters of a command ask for.
pub(super) fn query(args: &FilterArgs, now: Timestamp) -> Result<Query, Failure> {
    let mut query = Query::new();
    let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
    add("word", args.state.map(|state| word_name(state).to_owned()));
    add("direction", args.direction.map(Into::into).and_then(|way: Direction| name(&way)));
    add("app", args.app.clone());
    add("connection", args.connection.clone());
    add("subject", args.subject.clone());
    let since = args.since.as_deref().map(|text| since(text, now)).transpose()?;
    add("since", since.map(|since| since.to_string()));
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
