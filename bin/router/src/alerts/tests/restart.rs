//! At least once, also over a restart.

use super::*;

fn alerted(kind: &str, sentence: &str) -> Record {
    Record::Alerted { kind: kind.to_owned(), sentence: sentence.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn what_was_alerted_and_not_sent_is_sent_by_the_next_start_with_the_same_id() {
    let journal = journal().await;
    let down = Script::new(std::iter::repeat_n(Does::Break, 3));
    let first = senders(vec![webhook()], down.clone(), &journal);
    first.inbox().alert(alert(SENTENCE));
    // As the engine notes it.
    commit(&journal, "r1", alerted("no-seat", SENTENCE)).await;
    let before = down.requests(2).await;
    drop(first);

    let script = Script::new([]);
    let mut second = senders(vec![webhook()], script.clone(), &journal);
    second.send_what_was_left();
    let after = script.requests(1).await;
    assert_eq!(after[0].headers["webhook-id"], before[0].headers["webhook-id"]);
    settle().await;
    assert_eq!(sent_to(&journal, "r1").await, ["webhook"]);
    second.stop(Duration::from_secs(1)).await;

    let mut third = senders(vec![webhook()], script.clone(), &journal);
    third.send_what_was_left();
    settle().await;
    assert_eq!(script.count(), 1, "what was sent stays sent");
}

#[tokio::test(start_paused = true)]
async fn each_receiver_is_sent_what_it_does_not_have() {
    let journal = journal().await;
    commit(&journal, "r1", alerted("no-seat", SENTENCE)).await;
    let id = Message::of(alert(SENTENCE), SystemClock.now(), false).id;
    commit(&journal, "r1", Record::AlertSent { alert: id, to: "slack".to_owned() }).await;
    let script = Script::new([]);
    let mut senders = senders(vec![slack(), webhook()], script.clone(), &journal);
    senders.send_what_was_left();
    settle().await;
    let came = script.requests(1).await;
    assert_eq!((came.len(), came[0].url.host_str()), (1, Some("alerts.example")));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_comes_first_and_nobody_is_named() {
    let journal = Arc::new(MemoryJournal::new());
    for (id, kind) in [("r2", "failed-removal"), ("r1", "needs-human"), ("r3", "late")] {
        accept(&journal, id, Execution::Accepted).await;
        commit(&journal, id, alerted(kind, &format!("ann@example.com: {kind}"))).await;
    }
    let script = Script::new([]);
    let mut senders = senders(vec![webhook()], script.clone(), &journal);
    senders.send_what_was_left();
    let came = script.requests(3).await;
    let types: Vec<Value> = came.iter().map(|request| json(request)["type"].clone()).collect();
    assert_eq!(types, ["alert.failed-removal", "alert.needs-human", "alert.late"]);
    for request in &came {
        assert!(!String::from_utf8_lossy(&request.body).contains("ann@"));
    }
}

/// A journal with so many requests that need a person, and none of whose alerts was sent.
async fn old_journal(requests: usize) -> Arc<MemoryJournal> {
    let journal = Arc::new(MemoryJournal::new());
    for number in 0..requests {
        let id = format!("r{number}");
        accept(&journal, &id, Execution::Accepted).await;
        commit(&journal, &id, alerted("needs-human", "look")).await;
    }
    journal
}

#[tokio::test(start_paused = true)]
async fn ten_alerts_of_before_are_sent_one_by_one_and_more_as_one() {
    for (requests, sent) in [(10, 10), (11, 1), (300, 1)] {
        let (journal, script) = (old_journal(requests).await, Script::new([]));
        let mut senders = senders(vec![webhook()], script.clone(), &journal);
        senders.send_what_was_left();
        settle().await;
        assert_eq!(script.count(), sent, "{requests} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_alert_for_many_says_how_many_and_is_noted_with_each() {
    let (journal, script) = (old_journal(12).await, Script::new([Does::Break]));
    commit(&journal, "r3", alerted("failed-removal", "still there")).await;
    let mut first = senders(vec![slack(), webhook()], script.clone(), &journal);
    first.send_what_was_left();
    // One of the two receivers is tried again.
    let came = script.requests(3).await;
    let summary = came.iter().map(json).find(|body| body["type"] == "alert.summary").unwrap();
    assert_eq!(
        summary["data"]["sentence"],
        "13 alerts from before this start were not sent here (1 failed-removal, 12 needs-human): they are not sent one by one"
    );
    assert_eq!(summary["data"]["look"], "usher requests list --state needs-you");
    assert!(summary["data"].get("request").is_none(), "{summary}");
    let text = came.iter().map(json).find_map(|body| body["text"].as_str().map(str::to_owned)).unwrap();
    assert!(text.starts_with("Usher: alerts of earlier\n13 alerts"), "{text}");
    settle().await;
    assert_eq!(sent_to(&journal, "r3").await.len(), 4, "two alerts, two receivers");
    first.stop(Duration::from_secs(1)).await;

    // What comes later is sent as ever, and what was told is not told again.
    commit(&journal, "r5", alerted("late", "it is late")).await;
    let script = Script::new([]);
    let mut second = senders(vec![slack(), webhook()], script.clone(), &journal);
    second.send_what_was_left();
    settle().await;
    let came = script.requests(2).await;
    assert_eq!(came.len(), 2);
    assert!(came.iter().map(json).any(|body| body["data"]["request"] == "r5"));
}

async fn journal_of_long_ago(execution: Execution) -> MemoryJournal {
    let journal = MemoryJournal::new();
    let long_ago = SystemClock.now() - jiff::SignedDuration::from_hours(24 * 30);
    let mut old = request("r1", Execution::Accepted);
    old.received = long_ago;
    let at = Moment { wall: long_ago, ..moment() };
    journal.accept(Arrival { request: old, body: Vec::new() }, at).await.unwrap();
    let parked = Record::Parked { execution, reason: "look".to_owned(), next_at: None };
    journal
        .commit(&RequestId("r1".to_owned()), vec![alerted("needs-human", "look"), parked], at)
        .await
        .unwrap();
    journal
}

#[tokio::test(start_paused = true)]
async fn an_old_alert_is_sent_only_while_a_person_still_has_to_act() {
    for (execution, count) in [(Execution::NeedsHuman, 1), (Execution::BackingOff, 0)] {
        let journal = Arc::new(journal_of_long_ago(execution).await);
        let script = Script::new([]);
        let mut senders = senders(vec![slack()], script.clone(), &journal);
        senders.send_what_was_left();
        settle().await;
        assert_eq!(script.count(), count, "{execution:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_read_stops_no_new_alert() {
    let journal = journal().await;
    journal.break_with(Some(usher_journal::JournalError::OutOfReach("busy".to_owned())));
    let script = Script::new([]);
    let mut senders = senders(vec![slack()], script.clone(), &journal);
    senders.send_what_was_left();
    settle().await;
    senders.inbox().alert(alert(SENTENCE));
    assert_eq!(script.requests(1).await.len(), 1);
}
