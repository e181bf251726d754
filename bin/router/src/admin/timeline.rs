//! A request's history in sentences for people.

use std::collections::BTreeSet;
use std::time::Duration;

use usher_core::{Account, Awaits, Direction, Facet, Fault, Hold, Refusal};
use usher_journal::{AnswerState, Execution, History, InvitationEnd, Outcome, Record, Telling};

use super::view::EntryView;

/// One entry, said.
pub(crate) fn entry(history: &History, direction: Direction) -> EntryView {
    EntryView {
        at: history.at,
        attempt: history.attempt,
        kind: history.record.kind().to_owned(),
        sentence: sentence(&history.record, direction),
        details: details(&history.record),
    }
}

fn sentence(record: &Record, direction: Direction) -> String {
    match record {
        Record::Accepted { route } => format!("Arrived by {route}."),
        Record::Delivered { as_what } => format!("Delivered again: {}", ended(as_what)),
        Record::Replayed { by, reason } => format!("Run again by {by}: {}", ended(reason)),
        Record::Recovered => "Taken up again after a restart.".to_owned(),
        Record::Seen { account, holds, took, .. } => seen(account, holds, *took),
        Record::ReadingFailed(fault) => {
            format!("The vendor could not be read: {}", ended(&fault.to_string()))
        }
        Record::Planned { would, refused } => planned(would, refused),
        Record::Intent { intent, action } => format!("Change {intent} goes out: {}", ended(&action.summary)),
        Record::Outcome { intent, outcome, .. } => came_of(*intent, outcome),
        Record::HoldersSeen(holders) => format!(
            "The reading shows what earlier approvals gave: {}.",
            list(holders.iter().map(|(app, permission, _)| format!("{app} {permission}")))
        ),
        Record::Former { slot, value: Some(value) } => {
            format!("Before the first grant, {slot} was {value}: it goes back to that, unless a removal names it.")
        }
        Record::Former { slot, value: None } => format!("Before the first grant, {slot} was not set."),
        Record::Confirmed { held, released, reason, .. } => {
            confirmed(held, released, reason.as_deref(), direction)
        }
        Record::Parked { execution, reason, next_at } => {
            let until = next_at.map(|at| format!(" Usher looks again at {at:.0}.")).unwrap_or_default();
            format!("{}: {}{until}", capital(parked(*execution)), ended(reason))
        }
        Record::Invited { until: Some(until), .. } => {
            format!("The invitation waits for the invitee, who has time until {until:.0}.")
        }
        Record::Invited { until: None, .. } => "The invitation waits for the invitee.".to_owned(),
        Record::InvitationOver { how, .. } => invitation_over(*how).to_owned(),
        Record::Tracked { next_at: Some(at), reason } => {
            format!("{} Usher looks again at {at:.0}.", capital(&ended(reason)))
        }
        Record::Tracked { next_at: None, reason } => capital(&ended(reason)),
        Record::Ended { execution, reason } => format!("{}: {}", capital(execution.as_str()), ended(reason)),
        Record::Operated { act, by, reason } => format!("{} by {by}: {}", capital(acted(act)), ended(reason)),
        Record::Answered(answer) => answered(answer),
        Record::Telling(telling) => told(*telling).to_owned(),
        Record::PayloadPruned => "The body, comment, custom fields, names and what was sent to the vendor were removed: they were older than [journal] keep_payload.".to_owned(),
        Record::Lumos { sentence, .. } => capital(&ended(sentence)),
        Record::Alerted { sentence, .. } => format!("An alert was raised: {}", ended(sentence)),
        Record::AlertSent { to, .. } => format!("The alert was sent: {to} took it."),
    }
}

fn details(record: &Record) -> Vec<String> {
    match record {
        Record::Seen { evidence, .. } => {
            evidence.iter().map(|evidence| format!("{}: {}", evidence.call, evidence.shows)).collect()
        }
        Record::Planned { refused, .. } => {
            refused.iter().map(|(facets, why)| format!("{}: {}", facets_of(facets), why.sentence)).collect()
        }
        _ => Vec::new(),
    }
}

fn seen(account: &Account, holds: &[(Facet, Hold)], took: Duration) -> String {
    let account = match account {
        Account::Absent => "no account".to_owned(),
        Account::Found { .. } => "an account".to_owned(),
        Account::Invited => "an invitation".to_owned(),
        Account::Ambiguous { hits } => format!("{hits} accounts with the same address"),
        Account::Protected { why } => format!("a protected account ({why})"),
    };
    let holds = list(holds.iter().map(|(facet, hold)| format!("{facet} {}", held(hold))));
    let holds = if holds.is_empty() { holds } else { format!("; {holds}") };
    format!("The vendor was read in {}: {account}{holds}.", spoken(took))
}

fn held(hold: &Hold) -> &'static str {
    match hold {
        Hold::Present => "is there",
        Hold::Pending { awaits: Awaits::Invitee, .. } => "waits for the invitee",
        Hold::Pending { awaits: Awaits::Vendor, .. } => "is on its way",
        Hold::Absent => "is not there",
        Hold::Unreadable => "cannot be read",
    }
}

fn planned(would: &[String], refused: &[(BTreeSet<Facet>, Refusal)]) -> String {
    match (would.len(), refused.len()) {
        (0, 0) => "Nothing is left to do.".to_owned(),
        (0, _) => format!("It cannot be done: {}", reasons(refused)),
        (_, 0) => format!("This would be sent: {}.", list(would.iter().cloned())),
        (_, _) => format!(
            "This would be sent: {}. It is refused: {}",
            list(would.iter().cloned()),
            reasons(refused)
        ),
    }
}

fn reasons(refused: &[(BTreeSet<Facet>, Refusal)]) -> String {
    let mut sentences: Vec<String> = refused.iter().map(|(_, refusal)| ended(&refusal.sentence)).collect();
    sentences.dedup();
    sentences.join(" ")
}

fn came_of(intent: u64, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(receipt) if receipt.watch.is_some() => {
            format!("Change {intent} was taken by the vendor, and is not finished yet.")
        }
        Outcome::Answered(_) => format!("Change {intent} was answered by the vendor."),
        Outcome::NotSent(fault) => format!("Change {intent} was not sent: {}", said(fault)),
        Outcome::Refused(fault) => format!("Change {intent} was refused: {}", said(fault)),
        Outcome::Unknown(fault) => format!(
            "What came of change {intent} is not known: {} Usher looks before it sends anything again.",
            said(fault)
        ),
        Outcome::WatchEnded(None) => format!("The vendor has finished change {intent}."),
        Outcome::WatchEnded(Some(refusal)) => {
            format!("The vendor gave up change {intent}: {}", ended(&refusal.sentence))
        }
    }
}

fn confirmed(
    held: &[String],
    released: &BTreeSet<Facet>,
    reason: Option<&str>,
    direction: Direction,
) -> String {
    let what = match direction {
        Direction::Provision => format!("Granted, and read back: {}", list(held.iter().cloned())),
        Direction::Deprovision if released.is_empty() => {
            "Removed, and read back: nothing was left".to_owned()
        }
        Direction::Deprovision => format!("Removed, and read back: {}", facets_of(released)),
    };
    match reason {
        Some(reason) => format!("{what}. {}", ended(reason)),
        None => format!("{what}."),
    }
}

fn parked(execution: Execution) -> &'static str {
    match execution {
        Execution::Waiting => "waiting for the invitee",
        Execution::BackingOff => "waiting for another attempt",
        Execution::NeedsHuman => "needs you",
        other => other.as_str(),
    }
}

fn acted(act: &str) -> &str {
    if act == "close" { "closed" } else { act }
}

fn answered(answer: &AnswerState) -> String {
    match answer {
        AnswerState::None => "Not answered yet.".to_owned(),
        AnswerState::Positive => "Lumos was told: done.".to_owned(),
        AnswerState::Negative { reason } => format!("Lumos was told: not done, since: {}", ended(reason)),
        AnswerState::Lost => "The process ended before Lumos was answered.".to_owned(),
    }
}

fn invitation_over(how: InvitationEnd) -> &'static str {
    match how {
        InvitationEnd::Accepted => "The invitation was accepted.",
        InvitationEnd::Lapsed => "The invitation is not open any more, and nobody has accepted it.",
        InvitationEnd::Cancelled => "The invitation was cancelled.",
    }
}

fn told(telling: Telling) -> &'static str {
    match telling {
        Telling::None => "There is nothing to tell Lumos.",
        Telling::Due => "Lumos still has to be told that it is done.",
        Telling::Told => "Lumos was told that it is done.",
        Telling::Moot => "Lumos need not be told any more.",
        Telling::Failed => "Lumos could not be told that it is done: see to its task by hand.",
    }
}

fn said(fault: &Fault) -> String {
    ended(&fault.to_string())
}

fn facets_of(facets: &BTreeSet<Facet>) -> String {
    list(facets.iter().map(ToString::to_string))
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// `250 ms`, `1.4 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// With a full stop.
pub(crate) fn ended(text: &str) -> String {
    let text = text.trim_end();
    let is_ended = text.ends_with(['.', '!', '?']);
    if is_ended || text.is_empty() { text.to_owned() } else { format!("{text}.") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
