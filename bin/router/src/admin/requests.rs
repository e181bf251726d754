use std::cmp::Reverse;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use usher_core::{Direction, SubjectKey};
use usher_engine::Act;
use usher_journal::{Execution, Filter, Page, RequestId, Word};
use usher_lumos::task_link;

use super::service::{Answer, Parted, json, parameter, query};
use super::view::{PageView, ReasonBody, RequestView, StoredView, WORDS};
use super::{ApiError, Operate, Operator, names, taken, timeline};

/// Characters of a reason.
const MAX_REASON: usize = 1000;
/// Rows of a page, at the most and where nobody says.
const MAX_ROWS: usize = 1000;
const ROWS: usize = 100;

/// Filters of a list; each narrows it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    word: Option<String>,
    execution: Option<Execution>,
    direction: Option<Direction>,
    app: Option<String>,
    connection: Option<String>,
    subject: Option<String>,
    since: Option<Timestamp>,
    before: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn list(
    State(parts): Parted,
    _: Operator,
    asked: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<PageView> {
    let asked = query(asked)?;
    let rows = asked.limit.unwrap_or(ROWS);
    if !(1..=MAX_ROWS).contains(&rows) {
        return Err(ApiError::invalid(format!("limit: ask for 1 to {MAX_ROWS} rows")));
    }
    let (app, connection) = (asked.app.clone(), asked.connection.clone());
    let filters = filters(asked, rows)?;
    let page = merged(&*parts.engine, &filters, rows).await?;
    if page.requests.is_empty() {
        names::check(&parts, app.as_deref(), connection.as_deref()).await?;
    }
    Ok(Json(PageView { requests: taken::views(&*parts.engine, &page.requests).await?, next: page.next }))
}

pub(crate) async fn show(
    State(parts): Parted,
    operator: Operator,
    id: Result<Path<String>, PathRejection>,
) -> Answer<StoredView> {
    let id = RequestId(parameter(id)?);
    let stored = parts.engine.find(&id).await?.ok_or_else(|| ApiError::no_request(&id))?;
    tracing::info!(request.id = %id, operator = %operator.name, "an operator read a request");
    let request = &stored.request;
    let paste =
        (request.word() == Word::Refused).then(|| parts.mapping.paste(&stored, parts.clock.now())).flatten();
    Ok(Json(StoredView {
        request: taken::view(&*parts.engine, request).await?,
        route: request.route.clone(),
        lumos_request: request.lumos_request.clone(),
        task_link: request.task_url.as_deref().and_then(|url| task_link(url, &parts.task_url_hosts)),
        comment: request.comment.clone(),
        config: request.config.clone(),
        paste,
        history: stored.history.iter().map(|entry| timeline::entry(entry, request.direction)).collect(),
    }))
}

pub(crate) async fn replay(
    State(parts): Parted,
    operator: Operator,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<RequestView> {
    operator.may_change()?;
    let id = RequestId(parameter(id)?);
    let reason = reason(body)?;
    let stored = parts.engine.find(&id).await?.ok_or_else(|| ApiError::no_request(&id))?;
    let today = if stored.request.is_uncompiled() {
        let today = parts.mapping.today(&stored);
        Some(today.map_err(|why| ApiError::new(StatusCode::CONFLICT, why))?)
    } else {
        None
    };
    let request = parts.engine.replay(&id, today, &operator.name, &reason).await?;
    tracing::info!(request.id = %id, operator = %operator.name, act = ?Act::Replay, "an operator acted");
    Ok(Json((&request).into()))
}

pub(crate) async fn close(
    State(parts): Parted,
    operator: Operator,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<RequestView> {
    operator.may_change()?;
    let id = RequestId(parameter(id)?);
    let reason = reason(body)?;
    let request = parts.engine.operate(&id, Act::Close, &operator.name, &reason).await?;
    tracing::info!(request.id = %id, operator = %operator.name, act = ?Act::Close, "an operator acted");
    Ok(Json((&request).into()))
}

/// The reason that a change must have.
pub(crate) fn reason(body: Result<Bytes, BytesRejection>) -> Result<String, ApiError> {
    let ReasonBody { reason } = json(body)?;
    let reason = reason.trim();
    match reason.chars().count() {
        0 => Err(ApiError::invalid("reason: say why, for the history")),
        1..=MAX_REASON => Ok(reason.to_owned()),
        _ => Err(ApiError::invalid(format!("reason: say it in at most {MAX_REASON} characters"))),
    }
}

/// One filter for each state that is asked for: a word stands for several.
fn filters(asked: ListQuery, rows: usize) -> Result<Vec<Filter>, ApiError> {
    let word = asked.word.as_deref().map(word).transpose()?;
    let (executions, of_word) = word.map_or((&[][..], None), states);
    let direction = match (asked.direction, of_word) {
        (Some(one), Some(other)) if one != other => return Ok(Vec::new()),
        (one, other) => one.or(other),
    };
    let executions: Vec<Option<Execution>> = match (asked.execution, executions) {
        (execution, []) => vec![execution],
        (None, executions) => executions.iter().copied().map(Some).collect(),
        (Some(one), executions) => {
            executions.iter().filter(|other| **other == one).copied().map(Some).collect()
        }
    };
    let base = Filter {
        execution: None,
        direction,
        app: asked.app,
        connection: asked.connection,
        subject: asked.subject.as_deref().map(SubjectKey::of),
        telling: None,
        since: asked.since,
        before: asked.before,
        limit: rows,
    };
    Ok(executions.into_iter().map(|execution| Filter { execution, ..base.clone() }).collect())
}

fn word(name: &str) -> Result<Word, ApiError> {
    WORDS.iter().find(|(known, _)| *known == name).map(|(_, word)| *word).ok_or_else(|| {
        let known: Vec<&str> = WORDS.iter().map(|(name, _)| *name).collect();
        ApiError::invalid(format!("word: ask for one of {}", known.join(", ")))
    })
}

/// The states behind a word: the other way round than [`usher_journal::Request::word`].
fn states(word: Word) -> (&'static [Execution], Option<Direction>) {
    match word {
        Word::Granted => (&[Execution::Confirmed], Some(Direction::Provision)),
        Word::Removed => (&[Execution::Confirmed], Some(Direction::Deprovision)),
        Word::Refused => {
            (&[Execution::Refused, Execution::Superseded, Execution::Expired, Execution::Closed], None)
        }
        Word::Waiting => (&[Execution::Accepted, Execution::Waiting, Execution::BackingOff], None),
        Word::NeedsYou => (&[Execution::NeedsHuman], None),
    }
}

/// One page of several lists. Each gives its newest rows, so that the newest of all are among them.
async fn merged(engine: &dyn Operate, filters: &[Filter], rows: usize) -> Result<Page, ApiError> {
    let mut page = Page::default();
    let mut more = false;
    for filter in filters {
        let part = engine.list(filter).await?;
        more |= part.next.is_some();
        page.requests.extend(part.requests);
    }
    page.requests.sort_by_key(|request| Reverse(request.seq));
    more |= page.requests.len() > rows;
    page.requests.truncate(rows);
    page.next = if more { page.requests.last().map(|request| request.seq) } else { None };
    Ok(page)
}
