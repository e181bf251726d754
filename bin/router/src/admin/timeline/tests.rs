use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use usher_core::{Action, Evidence, Receipt, RefusalKind, Remedy, Repeat, Sent, Watch};
use usher_journal::Telling;

use super::*;

fn said_of(record: Record, direction: Direction) -> String {
    let history = History { at: Timestamp::UNIX_EPOCH, attempt: 1, record };
    let entry = entry(&history, direction);
    let details = entry.details.iter().map(|detail| format!("\n  {detail}"));
    format!("{}{}", entry.sentence, details.collect::<String>())
}

fn said_in_order(records: impl IntoIterator<Item = Record>) -> String {
    let said: Vec<String> = records.into_iter().map(|record| said_of(record, Direction::Provision)).collect();
    said.join("\n")
}

fn role(value: &str) -> Facet {
    Facet::new("role", value)
}

fn fault() -> Fault {
    Fault::new("update user", Sent::Maybe, Remedy::ReadBack).with("path", "/api/v2/users/{id}")
}

fn refusal() -> Refusal {
    Refusal::new(RefusalKind::NoSeat, "no seat is left: buy one")
}

#[test]
fn a_grant_that_went_through_reads_as_a_story() {
    let action = Action {
        name: "promote".to_owned(),
        summary: "make the user an agent".to_owned(),
        gives: BTreeSet::from([role("agent")]),
        takes: BTreeSet::new(),
        repeat: Repeat::Natural,
        timeout: Duration::from_secs(3),
        settle: Duration::from_secs(15),
        notifies_person: false,
        args: json!({}),
    };
    let evidence =
        vec![Evidence { call: "GET /api/v2/users/{id}".to_owned(), shows: "role end-user".to_owned() }];
    insta::assert_snapshot!(said_in_order([
        Record::Accepted { route: "/webhooks/provision".to_owned() },
        Record::Seen {
            account: Account::Found { id: Some("7".to_owned()) },
            holds: vec![(role("agent"), Hold::Absent), (Facet::new("group", "Tier 1"), Hold::Unreadable)],
            lag: Duration::ZERO,
            took: Duration::from_millis(230),
            evidence,
        },
        Record::Former { slot: "role".to_owned(), value: Some("end-user".to_owned()) },
        Record::Intent { intent: 1, action },
        Record::Outcome {
            intent: 1,
            outcome: Outcome::Answered(Receipt::default()),
            ended: usher_journal::Stamp { boot: 1, ticks: Duration::ZERO },
        },
        Record::Confirmed {
            held: vec!["support_agent".to_owned()],
            released: BTreeSet::new(),
            handles: BTreeMap::new(),
            account: None,
            reason: None,
            telling: Telling::None,
        },
        Record::Answered(AnswerState::Positive),
    ]), @r"
    Arrived by /webhooks/provision.
    The vendor was read in 230 ms: an account; role agent is not there, group Tier 1 cannot be read.
      GET /api/v2/users/{id}: role end-user
    Before the first grant, role was end-user: it goes back to that, unless a removal names it.
    Change 1 goes out: make the user an agent.
    Change 1 was answered by the vendor.
    Granted, and read back: support_agent.
    Lumos was told: done.
    ");
}

#[test]
fn what_goes_wrong_says_why_and_what_comes_next() {
    let outcome = |outcome| Record::Outcome {
        intent: 2,
        outcome,
        ended: usher_journal::Stamp { boot: 1, ticks: Duration::ZERO },
    };
    let watch = Watch {
        facets: BTreeSet::new(),
        args: json!({}),
        every: Duration::from_secs(1),
        within: Duration::from_secs(9),
    };
    insta::assert_snapshot!(said_in_order([
        Record::Delivered { as_what: "it is still running".to_owned() },
        Record::Recovered,
        Record::ReadingFailed(fault()),
        Record::Planned { would: Vec::new(), refused: vec![(BTreeSet::from([role("agent")]), refusal())] },
        Record::Planned { would: vec!["make the user an agent".to_owned()], refused: Vec::new() },
        Record::Planned { would: Vec::new(), refused: Vec::new() },
        outcome(Outcome::Answered(Receipt { handles: BTreeMap::new(), watch: Some(watch) })),
        outcome(Outcome::NotSent(fault())),
        outcome(Outcome::Refused(Fault::new("update user", Sent::Yes, Remedy::Refused(refusal())))),
        outcome(Outcome::Unknown(fault())),
        outcome(Outcome::WatchEnded(None)),
        outcome(Outcome::WatchEnded(Some(refusal()))),
        Record::Parked {
            execution: Execution::BackingOff,
            reason: "the vendor could not be reached".to_owned(),
            next_at: Some(Timestamp::UNIX_EPOCH),
        },
        Record::Parked { execution: Execution::NeedsHuman, reason: "two accounts fit".to_owned(), next_at: None },
        Record::Ended { execution: Execution::Expired, reason: "the approved time is over".to_owned() },
        Record::Replayed { by: "dana".to_owned(), reason: "mended".to_owned() },
        Record::Operated { act: "close".to_owned(), by: "dana".to_owned(), reason: "done by hand.".to_owned() },
        Record::Answered(AnswerState::Negative { reason: "not done in time".to_owned() }),
        Record::Answered(AnswerState::Lost),
        Record::Telling(Telling::Due),
        Record::PayloadPruned,
        Record::Alerted { kind: "no-seat".to_owned(), sentence: "no paid seat is left".to_owned() },
        Record::HoldersSeen(vec![("zendesk".to_owned(), "agent".to_owned(), 7)]),
    ]), @r"
    Delivered again: it is still running.
    Taken up again after a restart.
    The vendor could not be read: update user: no answer from the vendor, path /api/v2/users/{id}.
    It cannot be done: no seat is left: buy one.
      role agent: no seat is left: buy one
    This would be sent: make the user an agent.
    Nothing is left to do.
    Change 2 was taken by the vendor, and is not finished yet.
    Change 2 was not sent: update user: no answer from the vendor, path /api/v2/users/{id}.
    Change 2 was refused: update user: no seat is left: buy one.
    What came of change 2 is not known: update user: no answer from the vendor, path /api/v2/users/{id}. Usher looks before it sends anything again.
    The vendor has finished change 2.
    The vendor gave up change 2: no seat is left: buy one.
    Waiting for another attempt: the vendor could not be reached. Usher looks again at 1970-01-01T00:00:00Z.
    Needs you: two accounts fit.
    Expired: the approved time is over.
    Run again by dana: mended.
    Closed by dana: done by hand.
    Lumos was told: not done, since: not done in time.
    The process ended before Lumos was answered.
    Lumos still has to be told that it is done.
    The body, comment, custom fields, names and what was sent to the vendor were removed: they were older than [journal] keep_payload.
    An alert was raised: no paid seat is left.
    The reading shows what earlier approvals gave: zendesk agent.
    ");
}

#[test]
fn a_removal_says_what_is_gone() {
    let confirmed = |released| Record::Confirmed {
        held: Vec::new(),
        released,
        handles: BTreeMap::new(),
        account: None,
        reason: None,
        telling: Telling::None,
    };
    let gone = said_of(confirmed(BTreeSet::from([role("agent")])), Direction::Deprovision);
    assert_eq!(gone, "Removed, and read back: role agent.");
    let nothing = said_of(confirmed(BTreeSet::new()), Direction::Deprovision);
    assert_eq!(nothing, "Removed, and read back: nothing was left.");
}
