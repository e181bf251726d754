use usher_journal::{AnswerState, Execution, Pause, Record, Request, Telling};

use crate::harness::Harness;
use crate::samples::{accept, at, at_boot, commit, confirmed, ended, grant, id, of, order, parked};

async fn answer_of<H: Harness>(harness: &H, name: &str) -> AnswerState {
    harness.journal().find(&id(name)).await.unwrap().unwrap().request.answer
}

pub(crate) async fn rule_15_what_was_not_answered_is_lost_after_a_restart<H: Harness>() {
    let mut harness = H::fresh().await;
    let no = AnswerState::Negative { reason: "too late".to_owned() };
    accept(harness.journal(), grant("running")).await;
    accept(harness.journal(), of("bea@example.com", grant("late"))).await;
    harness.journal().answered(&id("late"), 1, no.clone(), at(3)).await.unwrap();
    accept(harness.journal(), of("cy@example.com", grant("refused"))).await;
    commit(harness.journal(), "refused", vec![ended(Execution::Refused)]).await;
    accept(harness.journal(), of("di@example.com", grant("told"))).await;
    commit(harness.journal(), "told", vec![confirmed(&["agent"])]).await;
    harness.journal().answered(&id("told"), 1, AnswerState::Positive, at(3)).await.unwrap();
    harness.reopen().await;
    let claimed = harness.journal().claim(at_boot(2, 0)).await.unwrap();
    let claimed: Vec<_> = claimed.iter().map(|request| (request.id.0.as_str(), &request.answer)).collect();
    assert_eq!(claimed, [("running", &AnswerState::Lost), ("late", &no)]);
    harness.reopen().await;
    assert_eq!(answer_of(&harness, "running").await, AnswerState::Lost);
    assert_eq!(answer_of(&harness, "late").await, no);
    assert_eq!(answer_of(&harness, "refused").await, AnswerState::Lost);
    assert_eq!(answer_of(&harness, "told").await, AnswerState::Positive);
    let told = harness.journal().find(&id("told")).await.unwrap().unwrap();
    assert!(told.history.iter().all(|entry| entry.record != Record::Recovered), "nothing was left of it");
}

pub(crate) async fn rule_15_a_grant_confirmed_and_not_answered_is_due_to_be_told<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    accept(harness.journal(), order("b")).await;
    commit(harness.journal(), "b", vec![confirmed(&[])]).await;
    harness.reopen().await;
    assert!(harness.journal().claim(at_boot(2, 0)).await.unwrap().is_empty(), "both are final");
    for (name, telling) in [("a", Telling::Due), ("b", Telling::None)] {
        let request = harness.journal().find(&id(name)).await.unwrap().unwrap().request;
        assert_eq!((request.answer, request.telling), (AnswerState::Lost, telling), "{name}");
    }
}

pub(crate) async fn rule_15_an_answer_of_an_earlier_attempt_is_not_noted<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    harness.journal().replay(&id("a"), None, "dana", "again", at(3)).await.unwrap();
    harness.journal().answered(&id("a"), 1, AnswerState::Positive, at(4)).await.unwrap();
    assert_eq!(answer_of(&harness, "a").await, AnswerState::None);
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(stored.history.len(), 2, "nor does it stand in the history");
    harness.journal().answered(&id("a"), 2, AnswerState::Positive, at(5)).await.unwrap();
    assert_eq!(answer_of(&harness, "a").await, AnswerState::Positive);
}

pub(crate) async fn rule_08_claiming_gives_the_unfinished_in_the_order_of_acceptance<H: Harness>() {
    let mut harness = H::fresh().await;
    for (name, email) in
        [("z", "z@x.org"), ("y", "y@x.org"), ("x", "x@x.org"), ("w", "w@x.org"), ("v", "v@x.org")]
    {
        accept(harness.journal(), of(email, grant(name))).await;
    }
    commit(harness.journal(), "y", vec![parked(Execution::BackingOff)]).await;
    commit(harness.journal(), "x", vec![ended(Execution::Closed)]).await;
    commit(harness.journal(), "w", vec![parked(Execution::NeedsHuman)]).await;
    harness.journal().replay(&id("z"), None, "dana", "to the end", at(3)).await.unwrap();
    harness.reopen().await;
    let claimed = harness.journal().claim(at_boot(2, 0)).await.unwrap();
    let claimed: Vec<_> = claimed.iter().map(|request| (request.id.0.as_str(), request.execution)).collect();
    let expected = [
        ("y", Execution::BackingOff),
        ("w", Execution::NeedsHuman),
        ("v", Execution::Accepted),
        ("z", Execution::Accepted),
    ];
    assert_eq!(claimed, expected);
    let again = harness.journal().claim(at_boot(2, 1)).await.unwrap();
    assert_eq!(again.len(), 4, "claiming finishes nothing");
}

pub(crate) async fn rule_19_a_pause_survives_a_restart_and_can_be_ended<H: Harness>() {
    let mut harness = H::fresh().await;
    let pause = |reason: &str| Pause { by: "dana".to_owned(), reason: reason.to_owned(), since: at(1).wall };
    harness.journal().pause("zendesk", Some(pause("an audit"))).await.unwrap();
    harness.journal().pause("github", Some(pause("first"))).await.unwrap();
    harness.journal().pause("github", Some(pause("second"))).await.unwrap();
    harness.reopen().await;
    let pauses = harness.journal().pauses().await.unwrap();
    assert_eq!(pauses.get("zendesk"), Some(&pause("an audit")));
    assert_eq!(pauses.get("github"), Some(&pause("second")));
    harness.journal().pause("zendesk", None).await.unwrap();
    harness.journal().pause("nothing", None).await.unwrap();
    harness.reopen().await;
    let pauses = harness.journal().pauses().await.unwrap();
    assert_eq!(pauses.keys().collect::<Vec<_>>(), ["github"]);
}

pub(crate) async fn a_journal_is_ready_before_and_after_a_restart<H: Harness>() {
    let mut harness = H::fresh().await;
    harness.journal().ready().await.unwrap();
    accept(harness.journal(), Request { lumos_request: None, ..grant("a") }).await;
    harness.reopen().await;
    harness.journal().ready().await.unwrap();
}
