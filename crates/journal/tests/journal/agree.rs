//! All journals agree: whatever is asked of them, in whatever order, the one in a file and the one in memory say the same.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};
use usher_core::{Direction, Facet, Receipt, Sent, SubjectKey};
use usher_journal::{
    AnswerState, Arrival, AskedPermission, Committed, Execution, Filter, HoldingsFilter, InvitationEnd,
    Journal, JournalError, Ledger, LumosStep, Moment, Outcome, Pause, Prunable, Prune, Record, Request,
    RequestId, Stored, Telling,
};

use crate::harness::{Harness, Memory, Sqlite};
use crate::samples::{
    at, at_boot, confirmed, ended, facet, fault, grant, id, intent, invite, of, order, parked, permission,
    released, tracked, watched,
};

const PEOPLE: [&str; 3] = ["ada@example.com", "bea@example.com", "cy@example.com"];
const PLACES: [(&str, &str); 3] = [("zendesk", "desk"), ("zendesk", "desk-eu"), ("github", "code")];
const STATES: [Execution; 9] = [
    Execution::Accepted,
    Execution::Waiting,
    Execution::BackingOff,
    Execution::Confirmed,
    Execution::Refused,
    Execution::NeedsHuman,
    Execution::Superseded,
    Execution::Expired,
    Execution::Closed,
];

/// One thing that is asked of a journal. Which request it is about is told by its place among those accepted so far.
#[derive(Clone, Debug)]
enum Verb {
    Accept(Box<Request>),
    Commit(Index, Vec<Record>),
    Seen(Index, Index),
    Answered(Index, u64, AnswerState),
    Replay(Index),
    /// As it would be routed today.
    Reroute(Index, Box<Request>),
    Claim,
    Pause(&'static str, bool),
    /// What is to go, of what is older than so many steps.
    Prune(Prunable, u64, usize),
    Reopen,
}

fn requests() -> impl Strategy<Value = Request> {
    let permissions = proptest::sample::subsequence(vec!["agent", "light-agent", "admin"], 1..=2);
    let which = (0..PEOPLE.len(), 0..PLACES.len(), proptest::option::weighted(0.8, 0..3_u8), permissions);
    let kind = (any::<bool>(), proptest::bool::weighted(0.2), proptest::bool::weighted(0.1), 0..10_u8);
    (which, kind).prop_map(|((person, place, lumos, names), (gives, all, dry_run, state))| {
        let request = if gives { grant("") } else { order("") };
        let (connection, app_key) = PLACES[place];
        let unmapped = AskedPermission { name: "gone".to_owned(), facets: None };
        let permissions = names.into_iter().map(permission).chain((state == 9).then_some(unmapped)).collect();
        let at_once = (state == 8).then(|| "it is not mapped".to_owned());
        let request = Request {
            connection: connection.to_owned(),
            app_key: app_key.to_owned(),
            permissions,
            all: all && !gives,
            dry_run,
            lumos_request: lumos.map(|n| format!("lumos-{n}")),
            until: (state == 7).then(|| at(3600).wall),
            execution: if at_once.is_some() { Execution::Refused } else { Execution::Accepted },
            reason: at_once,
            ..request
        };
        of(PEOPLE[person], request)
    })
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Answered(Receipt::default())),
        Just(Outcome::Answered(watched())),
        Just(Outcome::NotSent(fault(Sent::No))),
        Just(Outcome::Refused(fault(Sent::Yes))),
        Just(Outcome::Unknown(fault(Sent::Maybe))),
        Just(Outcome::WatchEnded(None)),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    let facets = || -> Vec<Facet> { vec![facet("role", "agent"), facet("role", "light-agent")] };
    let finals = [Execution::Refused, Execution::Superseded, Execution::Expired, Execution::Closed];
    let parks = [Execution::Waiting, Execution::BackingOff, Execution::NeedsHuman];
    let tellings = [Telling::None, Telling::Due, Telling::Told, Telling::Moot, Telling::Failed];
    prop_oneof![
        3 => (0..5_u64).prop_map(intent),
        2 => (0..5_u64).prop_map(invite),
        1 => (0..5_u64).prop_map(|intent| Record::Invited { intent, until: None }),
        1 => (0..5_u64).prop_map(|intent| Record::InvitationOver { intent, how: InvitationEnd::Lapsed }),
        1 => any::<bool>().prop_map(|on| tracked(on.then(|| at(600).wall))),
        3 => (0..5_u64, outcomes(), 0..90_u64).prop_map(|(intent, outcome, second)| {
            Record::Outcome { intent, outcome, ended: at(second).stamp }
        }),
        1 => proptest::option::of("[a-z]{1,6}")
            .prop_map(|value| Record::Former { slot: "role".to_owned(), value }),
        2 => proptest::sample::subsequence(vec!["agent", "light-agent"], 0..=2).prop_map(|held| confirmed(&held)),
        2 => Just(released(&facets())),
        1 => proptest::sample::select(finals.to_vec()).prop_map(ended),
        1 => proptest::sample::select(parks.to_vec()).prop_map(parked),
        1 => proptest::sample::select(tellings.to_vec()).prop_map(Record::Telling),
        1 => any::<String>().prop_map(|sentence| Record::Alerted { kind: "late".to_owned(), sentence }),
        1 => any::<String>().prop_map(|sentence| Record::Lumos { step: LumosStep::Commenting, sentence }),
        1 => Just(Record::Planned { would: vec!["promote".to_owned()], refused: vec![(BTreeSet::new(), refused())] }),
        1 => Just(Record::ReadingFailed(fault(Sent::Maybe))),
    ]
}

fn refused() -> usher_core::Refusal {
    usher_core::Refusal::new(usher_core::RefusalKind::NoSeat, "every seat is taken: buy one, or free one")
}

fn verbs() -> impl Strategy<Value = Verb> {
    let answers = prop_oneof![
        Just(AnswerState::Positive),
        any::<String>().prop_map(|reason| AnswerState::Negative { reason })
    ];
    prop_oneof![
        6 => requests().prop_map(|request| Verb::Accept(Box::new(request))),
        8 => (any::<Index>(), vec(records(), 0..4)).prop_map(|(which, records)| Verb::Commit(which, records)),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(which, holder)| Verb::Seen(which, holder)),
        2 => (any::<Index>(), 1..3_u64, answers).prop_map(|(which, n, answer)| Verb::Answered(which, n, answer)),
        1 => any::<Index>().prop_map(Verb::Replay),
        1 => (any::<Index>(), requests()).prop_map(|(which, today)| Verb::Reroute(which, Box::new(today))),
        1 => Just(Verb::Claim),
        1 => (proptest::sample::select(vec!["zendesk", "github"]), any::<bool>())
            .prop_map(|(name, begins)| Verb::Pause(name, begins)),
        2 => (proptest::sample::select(vec![Prunable::Payloads, Prunable::Requests]), 0..6_u64, 1..5_usize)
            .prop_map(|(what, age, limit)| Verb::Prune(what, age, limit)),
        1 => Just(Verb::Reopen),
    ]
}

fn committed(outcome: Result<Committed, JournalError>) -> Value {
    match outcome {
        Ok(Committed { request, ledger }) => json!([request, ledger]),
        Err(error) => json!(error.to_string()),
    }
}

/// Asks it, and says what came of it.
async fn ask(journal: &dyn Journal, verb: &Verb, step: usize, rows: &[RequestId], now: Moment) -> Value {
    // One place more than there are rows: a request that is not there is asked about too.
    let of = |which: &Index| rows.get(which.index(rows.len() + 1)).cloned().unwrap_or_else(|| id("nobody"));
    match verb {
        Verb::Accept(request) => {
            let (id, received) = (id(&format!("{step:03}")), now.wall);
            let request = Request { id, received, ..(**request).clone() };
            let body = format!("body {step}").into_bytes();
            match journal.accept(Arrival { request, body }, now).await {
                Ok(accepted) => json!([
                    format!("{:?}", accepted.arrived),
                    accepted.request,
                    accepted.ledger,
                    accepted.version_before
                ]),
                Err(error) => json!(error.to_string()),
            }
        }
        Verb::Commit(which, records) => committed(journal.commit(&of(which), records.clone(), now).await),
        Verb::Seen(which, holder) => {
            let Ok(Some(stored)) = journal.find(&of(which)).await else { return Value::Null };
            let (connection, key) = (&stored.request.connection, &stored.request.subject_key);
            let holders = journal.ledger(connection, key).await.unwrap().holders;
            if holders.is_empty() {
                return Value::Null;
            }
            let seen = holder.get(&holders);
            let seen = vec![(seen.app.clone(), seen.permission.clone(), seen.seq)];
            committed(journal.commit(&of(which), vec![Record::HoldersSeen(seen)], now).await)
        }
        Verb::Answered(which, attempt, answer) => {
            let noted = journal.answered(&of(which), *attempt, answer.clone(), now).await;
            json!(noted.map_err(|error| error.to_string()))
        }
        Verb::Replay(which) => committed(journal.replay(&of(which), None, "dana", "again", now).await),
        Verb::Reroute(which, today) => {
            // The person is the body's: the same whatever the configuration says.
            let Ok(Some(Stored { request: old, .. })) = journal.find(&of(which)).await else {
                return Value::Null;
            };
            let today = Request {
                subject: old.subject.clone(),
                subject_key: old.subject_key.clone(),
                ..(**today).clone()
            };
            committed(journal.replay(&of(which), Some(today), "dana", "mapped", now).await)
        }
        Verb::Claim => json!(journal.claim(now).await.map_err(|error| error.to_string())),
        Verb::Pause(name, begins) => {
            let pause = Pause { by: "dana".to_owned(), reason: "an audit".to_owned(), since: now.wall };
            json!(journal.pause(name, begins.then_some(pause)).await.map_err(|error| error.to_string()))
        }
        Verb::Prune(what, age, limit) => {
            let before = now.wall - Duration::from_secs(age * 5);
            let prune = Prune { what: *what, before, after: None, limit: *limit };
            let ledgers = ledgers(journal).await;
            let batch = journal.prune(&prune, now.wall).await.map_err(|error| error.to_string());
            assert_eq!(ledgers, self::ledgers(journal).await, "ledgers are never pruned");
            json!(batch.map(|batch| format!("{batch:?}")))
        }
        Verb::Reopen => Value::Null,
    }
}

async fn ledgers(journal: &dyn Journal) -> Vec<Ledger> {
    let mut ledgers = Vec::new();
    for (connection, _) in PLACES {
        for person in PEOPLE {
            ledgers.push(journal.ledger(connection, &SubjectKey::of(person)).await.unwrap());
        }
    }
    // The approvals behind it are there.
    for holder in ledgers.iter().flat_map(|ledger| &ledger.holders) {
        assert!(journal.find(&holder.request).await.unwrap().is_some(), "{holder:?}");
    }
    ledgers
}

/// All that can be read of a journal.
async fn all(journal: &dyn Journal, rows: &[RequestId]) -> Value {
    let mut requests = Vec::new();
    for row in rows {
        // It may have been pruned.
        let found = journal.find(row).await.unwrap();
        requests.push(found.map(|Stored { request, body, history }| json!([request, body, history])));
    }
    let ledgers = ledgers(journal).await;
    let mut lists = Vec::new();
    for execution in STATES.map(Some).into_iter().chain([None]) {
        let filter = Filter { execution, limit: 3, ..Filter::default() };
        lists.push(journal.list(&filter).await.unwrap());
    }
    let orders = Filter {
        direction: Some(Direction::Deprovision),
        subject: Some(SubjectKey::of(PEOPLE[1])),
        ..Filter::default()
    };
    lists.push(journal.list(&orders).await.unwrap());
    for (boot, second) in [(1, 40), (2, 60), (3, 80)] {
        let since = Some(at_boot(boot, second).wall);
        lists.push(journal.list(&Filter { since, before: Some(9), ..Filter::default() }).await.unwrap());
    }
    for telling in [Telling::None, Telling::Due, Telling::Told] {
        lists.push(
            journal.list(&Filter { telling: Some(telling), limit: 3, ..Filter::default() }).await.unwrap(),
        );
    }
    let mut holdings = Vec::new();
    let mut filter = HoldingsFilter { limit: 2, ..HoldingsFilter::default() };
    loop {
        let page = journal.holdings(&filter).await.unwrap();
        holdings.extend(page.holdings.iter().map(|one| json!([one.connection, one.subject, one.ledger])));
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    let of_one = HoldingsFilter { subject: Some(SubjectKey::of(PEOPLE[1])), ..HoldingsFilter::default() };
    let of_one = journal.holdings(&of_one).await.unwrap().holdings.len();
    let lists: Vec<_> = lists.into_iter().map(|page| json!([page.requests, page.next])).collect();
    let pauses = journal.pauses().await.unwrap();
    let owner = journal.account_owner("zendesk", "7").await.unwrap();
    json!({"requests": requests, "ledgers": ledgers, "lists": lists, "pauses": pauses, "owner": owner, "holdings": holdings, "of one": of_one})
}

async fn compare(verbs: &[Verb]) -> Result<(), TestCaseError> {
    let mut memory = Memory::fresh().await;
    let mut sqlite = Sqlite::fresh().await;
    let mut boot = 1;
    let mut rows = Vec::new();
    for (step, verb) in verbs.iter().enumerate() {
        if matches!(verb, Verb::Reopen) {
            boot += 1;
            memory.reopen().await;
            sqlite.reopen().await;
        }
        let now = at_boot(boot, step as u64 * 5);
        let expected = ask(memory.journal(), verb, step, &rows, now).await;
        let said = ask(sqlite.journal(), verb, step, &rows, now).await;
        proptest::prop_assert_eq!(expected, said, "step {}", step);
        let new = id(&format!("{step:03}"));
        if memory.journal().find(&new).await.unwrap().is_some() {
            rows.push(new);
        }
        let expected = all(memory.journal(), &rows).await;
        let holds = all(sqlite.journal(), &rows).await;
        proptest::prop_assert_eq!(expected, holds, "after step {}", step);
    }
    Ok(())
}

#[test]
fn memory_and_sqlite_agree_at_every_step() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    runner.run(&vec(verbs(), 1..40), |verbs| runtime.block_on(compare(&verbs))).unwrap();
}
