//! A disk that takes no more: the journal's files may grow to a size, and the next write is an I/O error.

use futures_util::future::join_all;

use crate::support::{Answer, Config, PATIENCE, Payload, Sandbox, Usher};

/// Enough for a start and some requests.
const LARGEST_FILE: u64 = 2 * 1024 * 1024;
const AT_ONCE: usize = 8;
const MOST_ROUNDS: usize = 200;

#[tokio::test]
async fn rule_21_on_a_full_disk_nothing_false_is_said_all_who_wait_are_answered_and_a_restart_goes_on() {
    let sandbox = Sandbox::start().await;
    let mut usher = Usher::start_with_files_of_at_most(&Config::new(&sandbox), LARGEST_FILE).await;
    let mut asked: Vec<(String, Option<Answer>)> = Vec::new();
    for round in 0..MOST_ROUNDS {
        let people: Vec<String> = (0..AT_ONCE).map(|n| format!("p{round}-{n}@example.com")).collect();
        sandbox.end_users(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let sent = people.iter().map(|email| usher.try_send(&Payload::grant(email, &["agent"])));
        let answers = join_all(sent).await;
        let is_full = answers.iter().any(|answer| !answer.as_ref().is_some_and(Answer::is_positive));
        asked.extend(people.into_iter().zip(answers));
        if is_full {
            break;
        }
    }
    let (yes, rest): (Vec<_>, Vec<_>) =
        asked.iter().partition(|(_, answer)| answer.as_ref().is_some_and(Answer::is_positive));
    println!("{} were answered yes before the disk was full, {} otherwise", yes.len(), rest.len());
    assert!(!yes.is_empty() && !rest.is_empty());
    // Whoever comes while it stops taking, on a connection that it is closing, is not taken and hears nothing: the sender knows
    // that. All others are answered.
    let (answered, turned_away): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|(_, answer)| answer.is_some());
    assert!(!answered.is_empty());
    for (email, answer) in &answered {
        assert!(answer.as_ref().unwrap().is_no(), "{email}: {answer:?}");
    }
    let ended = tokio::time::timeout(PATIENCE, usher.end()).await.expect("it ends by itself");
    assert_eq!(ended.0, Some(1), "{ended:?}");
    assert!(ended.2.contains("mend the disk and start Usher again"), "{ended:?}");

    let before = sandbox.calls().await.len();
    usher.lift_the_limit();
    usher.restart().await;
    assert!(before > 0);
    let rows = usher.all_ended().await;
    for (email, answer) in &yes {
        let id = &answer.as_ref().unwrap().id;
        let row = rows.iter().find(|row| row.id() == id).unwrap_or_else(|| panic!("{email} is not on disk"));
        assert_eq!(row.word(), "granted", "{email}");
    }
    for (email, _) in &turned_away {
        assert!(!rows.iter().any(|row| row.subject() == email), "{email} was taken and not answered");
        assert_eq!(sandbox.effects_on(email).await.len(), 0, "{email}");
    }
    for (email, _) in &asked {
        let effects = sandbox.effects_on(email).await;
        let row = rows.iter().find(|row| row.subject() == email);
        assert!(effects.len() <= 1, "{email}: {effects:?}");
        assert!(effects.is_empty() || row.is_some(), "{email}: what is not on disk was sent: {effects:?}");
        assert!(row.is_none_or(|row| row.word() == "granted"), "{row:?}");
    }
}
