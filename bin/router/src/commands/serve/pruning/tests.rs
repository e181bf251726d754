use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use tokio::time::{Instant, advance};
use usher_core::{App, Direction, Subject};
use usher_journal::{
    AnswerState, Arrival, Execution, MemoryJournal, Moment, Request, RequestId, Stamp, Stored, Telling,
};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The wall's time is set by hand; the monotonic one is tokio's, which is paused.
#[derive(Debug)]
struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the paused time of these tests")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

fn day(n: u32) -> Timestamp {
    Timestamp::UNIX_EPOCH + DAY * (20_000 + n)
}

/// One that was refused on this day.
async fn refused(journal: &dyn Journal, name: &str, on: u32) {
    let subject = Subject {
        email: "ada@example.com".to_owned(),
        given_name: Some("Ada".to_owned()),
        family_name: None,
        custom_fields: BTreeMap::new(),
    };
    let request = Request {
        id: RequestId(name.to_owned()),
        seq: 0,
        attempt: 0,
        received: day(on),
        updated: day(on),
        direction: Direction::Provision,
        route: "/webhooks/provision".to_owned(),
        connection: "zendesk".to_owned(),
        app_key: "desk".to_owned(),
        app: App { id: "desk".to_owned(), instance: None, label: None },
        permissions: Vec::new(),
        all: false,
        subject_key: subject.key(),
        subject,
        lumos_request: None,
        task_url: None,
        comment: None,
        until: None,
        config: "hash".to_owned(),
        dry_run: false,
        execution: Execution::Refused,
        reason: Some("it is not mapped".to_owned()),
        answer: AnswerState::Negative { reason: "it is not mapped".to_owned() },
        telling: Telling::None,
        next_at: None,
    };
    let at = Moment { wall: day(on), stamp: Stamp { boot: 1, ticks: Duration::ZERO } };
    journal.accept(Arrival { request, body: b"{}".to_vec() }, at).await.unwrap();
}

async fn stored(journal: &dyn Journal, name: &str) -> Option<Stored> {
    journal.find(&RequestId(name.to_owned())).await.unwrap()
}

/// Lets the job work until it waits for the next hour.
async fn work() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
        advance(BETWEEN).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_hour_what_is_old_enough_goes_and_the_rest_stays() {
    let journal = Arc::new(MemoryJournal::new());
    for n in 0..200 {
        refused(&*journal, &format!("old {n}"), 0).await;
    }
    refused(&*journal, "middle", 350).await;
    refused(&*journal, "new", 399).await;
    let clock = Arc::new(Hands(Mutex::new(day(399))));
    let stop = CancellationToken::new();
    let keep = Keep { requests: DAY * 400, payloads: DAY * 90 };
    let pruning = Pruning { journal: journal.clone(), clock: clock.clone(), keep };
    let job = tokio::spawn(pruning.run(stop.clone()));
    work().await;
    let old = stored(&*journal, "old 199").await.unwrap();
    assert!(old.is_without_payload() && old.request.subject.given_name.is_none());
    assert!(!stored(&*journal, "middle").await.unwrap().is_without_payload());

    *clock.0.lock().unwrap() = day(401);
    work().await;
    assert!(stored(&*journal, "old 0").await.is_some(), "not before the hour");
    advance(EVERY).await;
    work().await;
    for n in 0..200 {
        assert!(stored(&*journal, &format!("old {n}")).await.is_none(), "{n}");
    }
    assert!(stored(&*journal, "new").await.is_some());
    stop.cancel();
    job.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_out_of_reach_is_pruned_an_hour_later() {
    let journal = Arc::new(MemoryJournal::new());
    refused(&*journal, "old", 0).await;
    journal.break_with(Some(JournalError::OutOfReach("busy".to_owned())));
    let clock = Arc::new(Hands(Mutex::new(day(500))));
    let keep = Keep { requests: DAY * 400, payloads: DAY * 90 };
    let stop = CancellationToken::new();
    tokio::spawn(Pruning { journal: journal.clone(), clock, keep }.run(stop.clone()));
    work().await;
    journal.break_with(None);
    assert!(stored(&*journal, "old").await.is_some());
    advance(EVERY).await;
    work().await;
    assert!(stored(&*journal, "old").await.is_none());
    stop.cancel();
}
