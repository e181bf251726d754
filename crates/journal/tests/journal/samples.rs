//! Requests, records and moments to test with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use usher_core::{
    Action, App, Direction, Facet, Fault, Handles, Receipt, Remedy, Repeat, Sent, Subject, SubjectKey, Watch,
};
use usher_journal::{
    Accepted, AnswerState, Arrival, AskedPermission, Committed, Execution, Journal, Ledger, Moment, Outcome,
    Record, Request, RequestId, Stamp, Telling,
};

/// `seconds` after a process's start, which is the first one.
pub(crate) fn at(seconds: u64) -> Moment {
    at_boot(1, seconds)
}

/// `seconds` after the start of the process `boot`, each of which begins an hour after the one before.
pub(crate) fn at_boot(boot: u64, seconds: u64) -> Moment {
    let wall = 1_700_000_000 + boot * 3600 + seconds;
    Moment {
        wall: Timestamp::from_second(i64::try_from(wall).unwrap()).unwrap(),
        stamp: Stamp { boot, ticks: Duration::from_secs(seconds) },
    }
}

pub(crate) fn id(name: &str) -> RequestId {
    RequestId(name.to_owned())
}

pub(crate) fn facet(slot: &str, value: &str) -> Facet {
    Facet::new(slot, value)
}

/// A permission that gives the role of its name.
pub(crate) fn permission(name: &str) -> AskedPermission {
    AskedPermission { name: name.to_owned(), facets: Some(BTreeSet::from([facet("role", name)])) }
}

/// Ada's request for `agent` of the app `desk`, Lumos's request `lumos-1`.
pub(crate) fn grant(name: &str) -> Request {
    let subject = Subject {
        email: "Ada@example.com".to_owned(),
        given_name: Some("Ada".to_owned()),
        family_name: None,
        custom_fields: BTreeMap::from([("team".to_owned(), json!(["a", 1, null]))]),
    };
    Request {
        id: id(name),
        seq: 0,
        attempt: 0,
        received: at(0).wall,
        updated: at(0).wall,
        direction: Direction::Provision,
        route: "/webhooks/provision".to_owned(),
        connection: "zendesk".to_owned(),
        app_key: "desk".to_owned(),
        app: App { id: "zendesk".to_owned(), instance: None, label: Some("Zendesk".to_owned()) },
        permissions: vec![permission("agent")],
        all: false,
        subject_key: subject.key(),
        subject,
        lumos_request: Some("lumos-1".to_owned()),
        task_url: None,
        comment: None,
        until: None,
        config: "hash".to_owned(),
        dry_run: false,
        execution: Execution::Accepted,
        reason: None,
        answer: AnswerState::None,
        telling: Telling::None,
        next_at: None,
    }
}

/// The order that takes it away.
pub(crate) fn order(name: &str) -> Request {
    Request {
        direction: Direction::Deprovision,
        route: "/webhooks/deprovision".to_owned(),
        lumos_request: Some("lumos-2".to_owned()),
        ..grant(name)
    }
}

/// An order that names no permission.
pub(crate) fn order_of_all(name: &str) -> Request {
    Request { all: true, ..order(name) }
}

/// The same for somebody else.
pub(crate) fn of(email: &str, request: Request) -> Request {
    let subject = Subject { email: email.to_owned(), ..request.subject };
    Request { subject_key: subject.key(), subject, ..request }
}

pub(crate) fn ada() -> SubjectKey {
    SubjectKey::of("ada@example.com")
}

pub(crate) fn action() -> Action {
    Action {
        name: "promote".to_owned(),
        summary: "make the user an agent".to_owned(),
        gives: BTreeSet::from([facet("role", "agent")]),
        takes: BTreeSet::new(),
        repeat: Repeat::Natural,
        timeout: Duration::from_secs(3),
        settle: Duration::from_secs(15),
        notifies_person: false,
        args: json!({"user": 7, "role": "agent"}),
    }
}

/// What sends the person mail.
pub(crate) fn invite(intent: u64) -> Record {
    let name = "invite".to_owned();
    Record::Intent { intent, action: Action { name, notifies_person: true, ..action() } }
}

pub(crate) fn tracked(next_at: Option<Timestamp>) -> Record {
    Record::Tracked { next_at, reason: "the invitee has not accepted yet".to_owned() }
}

pub(crate) fn intent(intent: u64) -> Record {
    Record::Intent { intent, action: action() }
}

/// What came of a change whose call ended two seconds after the first process's start.
pub(crate) fn outcome(intent: u64, outcome: Outcome) -> Record {
    Record::Outcome { intent, outcome, ended: at(2).stamp }
}

pub(crate) fn fault(sent: Sent) -> Fault {
    Fault::new("update user", sent, Remedy::ReadBack).with("status", "502").because("a reset")
}

pub(crate) fn watched() -> Receipt {
    let watch = Watch {
        facets: BTreeSet::from([facet("role", "agent")]),
        args: json!({"job": "j-1"}),
        every: Duration::from_secs(2),
        within: Duration::from_secs(600),
    };
    Receipt { handles: Handles::from([("user".to_owned(), "7".to_owned())]), watch: Some(watch) }
}

/// Read back: the grant's permissions are held.
pub(crate) fn confirmed(held: &[&str]) -> Record {
    Record::Confirmed {
        held: held.iter().map(|&name| name.to_owned()).collect(),
        released: BTreeSet::new(),
        handles: Handles::from([("user".to_owned(), "7".to_owned())]),
        account: Some("7".to_owned()),
        reason: None,
        telling: Telling::None,
    }
}

/// Read back: the order's facets are gone.
pub(crate) fn released(facets: &[Facet]) -> Record {
    Record::Confirmed {
        held: Vec::new(),
        released: facets.iter().cloned().collect(),
        handles: Handles::new(),
        account: Some("7".to_owned()),
        reason: None,
        telling: Telling::None,
    }
}

pub(crate) fn ended(execution: Execution) -> Record {
    Record::Ended { execution, reason: "that is how it is".to_owned() }
}

pub(crate) fn parked(execution: Execution) -> Record {
    Record::Parked { execution, reason: "not yet".to_owned(), next_at: Some(at(600).wall) }
}

/// The verbs, with the arguments that most cases leave alone.
pub(crate) async fn accept(journal: &dyn Journal, request: Request) -> Accepted {
    let body = format!("body of {}", request.id).into_bytes();
    journal.accept(Arrival { request, body }, at(1)).await.unwrap()
}

pub(crate) async fn commit(journal: &dyn Journal, name: &str, records: Vec<Record>) -> Committed {
    journal.commit(&id(name), records, at(2)).await.unwrap()
}

pub(crate) async fn ledger(journal: &dyn Journal) -> Ledger {
    journal.ledger("zendesk", &ada()).await.unwrap()
}

/// The names of the holders, each with whether it is confirmed.
pub(crate) fn holders(ledger: &Ledger) -> Vec<(&str, bool)> {
    ledger.holders.iter().map(|holder| (holder.permission.as_str(), holder.confirmed)).collect()
}
