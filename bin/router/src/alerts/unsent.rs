//! What an earlier process alerted and did not send: the history has both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use usher_journal::{Execution, Filter, Journal, JournalError, Record, Request, RequestId, Stored};

use super::message::Message;

/// Older alerts are sent late only where a person still has to act.
const LOOK_BACK: Duration = Duration::from_secs(3 * 24 * 3600);
/// A request can be alerted of long after it arrived: when its invitation lapses, for one.
const RECEIVED: Duration = Duration::from_secs(10 * 24 * 3600);
/// Rows that are listed, and histories that are read, at the most, of each kind.
const MAX_ROWS: usize = 20_000;
const MAX_HISTORIES: usize = 5_000;

/// An alert and the receivers that have it.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) message: Message,
    pub(super) sent_to: BTreeSet<String>,
}

/// Every alert whose sending to one of `receivers` is not noted, the oldest first: all that concern a request which needs a
/// person, and else those of the last three days.
pub(super) async fn unsent(
    journal: &dyn Journal,
    receivers: &[&str],
    now: Timestamp,
    subjects: bool,
) -> Result<Vec<Unsent>, JournalError> {
    let open = Filter { execution: Some(Execution::NeedsHuman), ..Filter::default() };
    let recent = Filter { since: now.checked_sub(RECEIVED).ok(), ..Filter::default() };
    let since = now.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
    let mut requests = rows(journal, open, |_| true).await?;
    requests.extend(rows(journal, recent, |request| request.updated >= since).await?);
    let mut found = Vec::new();
    for id in requests {
        // It may have been pruned since.
        let Some(stored) = journal.find(&id).await? else { continue };
        found.extend(in_history(&stored, since, subjects));
    }
    found.retain(|unsent| receivers.iter().any(|name| !unsent.sent_to.contains(*name)));
    found.sort_by_key(|unsent| unsent.message.at);
    Ok(found)
}

/// The newest requests that pass.
async fn rows(
    journal: &dyn Journal,
    mut filter: Filter,
    passes: impl Fn(&Request) -> bool,
) -> Result<BTreeSet<RequestId>, JournalError> {
    filter.limit = 1_000;
    let (mut ids, mut seen) = (BTreeSet::new(), 0_usize);
    loop {
        let page = journal.list(&filter).await?;
        seen = seen.saturating_add(page.requests.len());
        ids.extend(page.requests.into_iter().filter(|request| passes(request)).map(|request| request.id));
        filter.before = page.next;
        if page.next.is_none() {
            return Ok(ids);
        }
        if seen >= MAX_ROWS || ids.len() >= MAX_HISTORIES {
            tracing::warn!(
                "there are too many requests to look for unsent alerts in all of them: only the newest were looked at"
            );
            return Ok(ids);
        }
    }
}

fn in_history(stored: &Stored, since: Timestamp, subjects: bool) -> Vec<Unsent> {
    let request = &stored.request;
    let mut sent: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for entry in &stored.history {
        if let Record::AlertSent { alert, to } = &entry.record {
            sent.entry(alert).or_default().insert(to.clone());
        }
    }
    let still = |attempt| request.execution == Execution::NeedsHuman && attempt == request.attempt;
    let alerts = stored.history.iter().filter(|entry| entry.at >= since || still(entry.attempt));
    let alerts = alerts.filter_map(|entry| {
        let Record::Alerted { kind, sentence } = &entry.record else { return None };
        let message = Message::noted(request, entry.attempt, kind, sentence, entry.at, subjects);
        let sent_to = sent.get(message.id.as_str()).cloned().unwrap_or_default();
        Some(Unsent { message, sent_to })
    });
    alerts.collect()
}
