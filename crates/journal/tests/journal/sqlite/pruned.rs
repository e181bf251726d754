use std::fs;

use usher_core::Subject;
use usher_journal::{AnswerState, Execution, Journal, Prunable, Prune, Record, Request};

use crate::harness::{Harness, Sqlite};
use crate::samples::{accept, at, commit, ended, grant, intent};

const WORDS: [&str; 4] = ["xyzzy-comment", "xyzzy-given", "body of", "user\\\":7"];

#[tokio::test]
async fn what_was_pruned_is_gone_from_the_file_and_not_only_out_of_sight() {
    let mut harness = Sqlite::fresh().await;
    for n in 0..20 {
        let name = format!("a{n}");
        let request = grant(&name);
        let subject = Subject { given_name: Some("xyzzy-given".to_owned()), ..request.subject.clone() };
        let comment = Some("xyzzy-comment".repeat(200));
        accept(harness.journal(), Request { subject, comment, lumos_request: None, ..request }).await;
        let answered = Record::Answered(AnswerState::Negative { reason: "no".to_owned() });
        commit(harness.journal(), &name, vec![intent(n), ended(Execution::Refused), answered]).await;
    }
    harness.reopen().await;
    let holds = |word: &str| {
        let file = fs::read(harness.path()).unwrap();
        file.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert!(WORDS[..3].iter().all(|word| holds(word)));
    // A change that nobody knows the end of is open: its request stays as it is. Then the next one sees it over.
    let mut prune = Prune { what: Prunable::Payloads, before: at(7200).wall, after: None, limit: 0 };
    assert_eq!(harness.journal().prune(&prune, at(9000).wall).await.unwrap().requests, 0);
    for n in 0..20 {
        let none = usher_journal::Outcome::Answered(usher_core::Receipt::default());
        commit(harness.journal(), &format!("a{n}"), vec![crate::samples::outcome(n, none)]).await;
    }
    assert_eq!(harness.journal().prune(&prune, at(9000).wall).await.unwrap().requests, 20);
    harness.reopen().await;
    let holds = |word: &str| {
        let file = fs::read(harness.path()).unwrap();
        file.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert!(WORDS[..3].iter().all(|word| !holds(word)));
    prune.what = Prunable::Requests;
    assert_eq!(harness.journal().prune(&prune, at(9500).wall).await.unwrap().requests, 20);
    harness.reopen().await;
    let file = fs::read(harness.path()).unwrap();
    assert!(!file.windows(20).any(|window| window == b"that is how it is\"}}"));
}

#[tokio::test]
async fn a_batch_is_a_commit_of_its_own_and_one_that_finds_nothing_writes_nothing() {
    let harness = Sqlite::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let answered = Record::Answered(AnswerState::Negative { reason: "no".to_owned() });
    commit(harness.journal(), "a", vec![ended(Execution::Refused), answered]).await;
    let before = harness.journal.commits();
    let prune = Prune { what: Prunable::Requests, before: at(7200).wall, after: None, limit: 0 };
    let (pruned, accepted) = tokio::join!(
        harness.journal.prune(&prune, at(9000).wall),
        harness.journal.accept(super::arrival("b", 1), at(9000))
    );
    assert_eq!(pruned.unwrap().requests, 1);
    accepted.unwrap();
    assert_eq!(harness.journal.commits(), before + 2);
    assert_eq!(harness.journal.prune(&prune, at(9000).wall).await.unwrap().requests, 0);
    assert_eq!(harness.journal.commits(), before + 2);
}
