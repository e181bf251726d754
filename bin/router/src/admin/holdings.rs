//! `GET /api/v1/holdings`: who holds what and through which approval, and how that stands at the vendors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use usher_core::{Direction, Facet, Fault, Remedy, Sent, SubjectKey};
use usher_engine::{CheckedHolder, HoldingCheck, Standing};
use usher_journal::{Execution, Filter, Holder, Holding, HoldingsFilter, Ledger, Request, RequestId, Word};

use super::plan::HeldView;
use super::service::{Answer, Parted, query};
use super::{AdminParts, ApiError, Operator, names};

/// People of a page, at the most and where nobody says.
const MAX_ROWS: usize = 1000;
const ROWS: usize = 100;
/// The same where each of them is looked up at a vendor.
const MAX_CHECKED: usize = 25;
const CHECKED: usize = 10;
/// How long a vendor may take for one of them: less than the listener gives an answer.
const READ_WITHIN: Duration = Duration::from_secs(25);
/// Requests of one person that are looked through for the approvals.
const MAX_REQUESTS: usize = 1000;

/// Some people and what they hold, by connection and address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingsView {
    /// One for each person and connection.
    pub holdings: Vec<HoldingView>,
    /// `after` of the next page, where there is one.
    pub next: Option<String>,
}

/// What one person holds at one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingView {
    /// The connection.
    pub connection: String,
    /// The person's address, normalised.
    pub subject: String,
    /// Through which approvals, oldest first.
    pub approvals: Vec<ApprovalView>,
    /// Why the vendor could not be looked at, where it was to be.
    pub fault: Option<String>,
}

/// An approval by which somebody holds something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// The app's key in the configuration.
    pub app: String,
    /// The permission's key in the configuration.
    pub permission: String,
    /// What it stands for at the vendor.
    pub facets: Vec<Facet>,
    /// How it stands, by what Usher has done.
    pub word: Word,
    /// Whether a reading showed all of it.
    pub confirmed: bool,
    /// What else there is to say of it.
    pub note: Option<String>,
    /// Usher's id of the request.
    pub request: String,
    /// When that arrived; `None` where its row is gone.
    pub since: Option<Timestamp>,
    /// When the approval ends.
    pub until: Option<Timestamp>,
    /// How it stands at the vendor now; `None` where that was not asked, or is not to be there any more.
    pub standing: Option<Standing>,
    /// What the vendor shows of it now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<HeldView>,
}

impl ApprovalView {
    /// Whether the vendor shows less than what was granted and read back.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        self.confirmed && self.standing == Some(Standing::Missing)
    }

    /// Whether it cannot be told how it stands.
    #[must_use]
    pub fn cannot_be_read(&self) -> bool {
        self.standing == Some(Standing::Unreadable)
    }
}

/// Whose holdings, and whether to look at the vendor.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldingsQuery {
    subject: Option<String>,
    connection: Option<String>,
    #[serde(default)]
    check: bool,
    after: Option<String>,
    limit: Option<usize>,
}

pub(crate) async fn list(
    State(parts): Parted,
    operator: Operator,
    asked: Result<Query<HoldingsQuery>, QueryRejection>,
) -> Answer<HoldingsView> {
    let asked = query(asked)?;
    let (most, usual) = if asked.check { (MAX_CHECKED, CHECKED) } else { (MAX_ROWS, ROWS) };
    let limit = asked.limit.unwrap_or(usual);
    if !(1..=most).contains(&limit) {
        return Err(ApiError::invalid(format!("limit: ask for 1 to {most} people")));
    }
    let filter = HoldingsFilter {
        connection: asked.connection,
        subject: asked.subject.as_deref().map(SubjectKey::of),
        after: asked.after.as_deref().map(after).transpose()?,
        limit,
    };
    let page = parts.engine.holdings(&filter).await?;
    if page.holdings.is_empty() {
        names::check(&parts, None, filter.connection.as_deref()).await?;
    }
    tracing::info!(operator = %operator.name, people = page.holdings.len(), "an operator read holdings");
    let views = page.holdings.into_iter().map(|holding| view(&parts, holding, asked.check));
    let holdings = join_all(views).await.into_iter().collect::<Result<Vec<_>, ApiError>>()?;
    let next = page.next.map(|(connection, subject)| format!("{connection}/{}", subject.as_str()));
    Ok(Json(HoldingsView { holdings, next }))
}

/// A connection's name has no slash.
fn after(text: &str) -> Result<(String, SubjectKey), ApiError> {
    let (connection, subject) =
        text.split_once('/').ok_or_else(|| ApiError::invalid("after: give what `next` of a page said"))?;
    Ok((connection.to_owned(), SubjectKey::of(subject)))
}

async fn view(parts: &AdminParts, holding: Holding, check: bool) -> Result<HoldingView, ApiError> {
    let requests = requests(parts, &holding).await?;
    let checked = if check { Some(checked(parts, holding.clone()).await) } else { None };
    let now = parts.clock.now();
    let approvals = holding.ledger.holders.iter().map(|holder| {
        let mut view = approval(holder, &holding.ledger, &requests, now);
        let found = checked.as_ref().and_then(|checked| {
            checked.holders.iter().find(|one| {
                let one = &one.holder;
                (&one.request, &one.app, &one.permission)
                    == (&holder.request, &holder.app, &holder.permission)
            })
        });
        if let Some(CheckedHolder { standing, facets, .. }) = found {
            view.standing = Some(*standing);
            view.has = facets.iter().map(HeldView::from).collect();
        }
        view
    });
    let approvals = approvals.collect();
    let fault = checked.and_then(|checked| checked.fault).map(|fault| fault.to_string());
    let Holding { connection, subject, .. } = holding;
    Ok(HoldingView { connection, subject: subject.as_str().to_owned(), approvals, fault })
}

async fn checked(parts: &AdminParts, holding: Holding) -> HoldingCheck {
    let found = timeout(READ_WITHIN, parts.engine.check_holdings(holding.clone())).await;
    found.unwrap_or_else(|_| {
        let now = parts.clock.now();
        let live = holding.ledger.holders.iter().filter(|holder| holding.ledger.is_live(holder, now));
        let unreadable = |holder: &Holder| CheckedHolder {
            holder: holder.clone(),
            standing: Standing::Unreadable,
            facets: BTreeMap::new(),
            outranked: BTreeSet::new(),
        };
        HoldingCheck {
            holders: live.map(unreadable).collect(),
            fault: Some(Fault::new("observe", Sent::Maybe, Remedy::Retry { after: None })),
            holding,
        }
    })
}

/// The person's requests at the connection, by id.
async fn requests(parts: &AdminParts, holding: &Holding) -> Result<BTreeMap<RequestId, Request>, ApiError> {
    if holding.ledger.holders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let filter = Filter {
        connection: Some(holding.connection.clone()),
        subject: Some(holding.subject.clone()),
        limit: MAX_REQUESTS,
        ..Filter::default()
    };
    let page = parts.engine.list(&filter).await?;
    Ok(page.requests.into_iter().map(|request| (request.id.clone(), request)).collect())
}

/// The latest removal that names the approval.
fn taken_by<'r>(holder: &Holder, requests: &'r BTreeMap<RequestId, Request>) -> Option<&'r Request> {
    let names = |request: &&Request| {
        request.direction == Direction::Deprovision
            && request.app_key == holder.app
            && request.seq > holder.seq
            && (request.all || request.permissions.iter().any(|asked| asked.name == holder.permission))
    };
    requests.values().filter(names).max_by_key(|request| request.seq)
}

fn approval(
    holder: &Holder,
    ledger: &Ledger,
    requests: &BTreeMap<RequestId, Request>,
    now: Timestamp,
) -> ApprovalView {
    let request = requests.get(&holder.request);
    let (word, note) = if ledger.is_revoked(holder) {
        match taken_by(holder, requests).map(|order| (order.execution, order.word())) {
            Some((Execution::Closed, _)) => {
                (Word::Removed, Some("Usher could not take it, and a person has closed its removal"))
            }
            Some((_, Word::NeedsYou)) => (Word::NeedsYou, Some("its removal needs you")),
            _ => (Word::Waiting, Some("a later request takes it")),
        }
    } else if !ledger.is_live(holder, now) {
        (Word::Waiting, Some("its time is over, and nobody has taken it yet"))
    } else if holder.confirmed {
        (Word::Granted, None)
    } else {
        (request.map_or(Word::Waiting, Request::word), None)
    };
    ApprovalView {
        app: holder.app.clone(),
        permission: holder.permission.clone(),
        facets: holder.facets.iter().cloned().collect(),
        word,
        confirmed: holder.confirmed,
        note: note.map(str::to_owned),
        request: holder.request.0.clone(),
        since: request.map(|request| request.received),
        until: holder.until,
        standing: None,
        has: Vec::new(),
    }
}
