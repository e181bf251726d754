//! The journal out of reach, lost, slow; and the process killed at every write: rule 21 and promise 3.

use usher_engine::Answer;
use usher_journal::{Execution, Journal, JournalError, Request};

use crate::support::{ADA, Applying, House, Kill, reason, seconds};

fn out_of_reach() -> Option<JournalError> {
    Some(JournalError::OutOfReach("the database restarts".to_owned()))
}

fn lost() -> Option<JournalError> {
    Some(JournalError::Lost("I/O error".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn rule_21_out_of_reach_at_the_door_is_negative_at_once_and_nothing_is_sent() {
    let house = House::new().await;
    house.disk.memory.break_with(out_of_reach());
    let began = house.now();
    let reply = house.send(&house.grant(ADA, &["a"])).await;
    assert!(reason(&reply.answer).contains("out of reach"), "{}", reason(&reply.answer));
    assert_eq!(house.now(), began);
    assert!(!house.engine.is_ready());
    house.disk.memory.break_with(None);
    house.pass(seconds(3)).await;
    assert!(house.engine.is_ready(), "it asks by itself: nothing arrives while it is not ready");
    assert!(house.vendor.calls().is_empty());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_21_out_of_reach_in_the_middle_is_negative_at_once_and_goes_on_later() {
    for at in [1, 2] {
        let house = House::new().await;
        house.vendor.will([Applying::Held]);
        let request = house.grant(ADA, &["a", "b"]);
        let answer = house.post(&request);
        house.vendor.arrival(1).await;
        house.disk.memory.break_with(out_of_reach());
        if at == 2 {
            house.vendor.release();
        } else {
            house.pass(seconds(1)).await;
            house.vendor.release();
        }
        let began = house.now();
        assert!(reason(&answer.await.unwrap().answer).contains("out of reach"));
        assert_eq!(house.now(), began);
        house.pass(seconds(30)).await;
        assert_eq!(house.vendor.calls().len(), 1, "nothing is sent meanwhile");
        house.disk.memory.break_with(None);
        house.pass(seconds(60)).await;
        assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
        assert_eq!(house.vendor.calls().len(), 2, "and nothing twice");
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_21_what_waits_for_its_turn_meanwhile_is_not_forgotten() {
    let house = House::new().await;
    house.vendor.will([Applying::Held]);
    house.post(&house.grant(ADA, &["a"]));
    house.vendor.arrival(1).await;
    let second = house.grant(ADA, &["b"]);
    let answer = house.post(&second);
    house.pass(seconds(1)).await;
    house.disk.memory.break_with(out_of_reach());
    house.vendor.release();
    answer.await.unwrap();
    house.pass(seconds(60)).await;
    house.disk.memory.break_with(None);
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&second).await.execution, Execution::Confirmed);
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_21_a_lost_journal_answers_everybody_takes_nothing_and_says_so() {
    let house = House::new().await;
    house.vendor.will([Applying::Held, Applying::Held]);
    let running = house.grant(ADA, &["a", "b"]);
    let first = house.post(&running);
    house.vendor.arrival(1).await;
    let duplicate = house.post(&house.again(&running));
    let queued = house.post(&house.grant(ADA, &["agent"]));
    let other = house.post(&house.grant("bob@example.com", &["a"]));
    house.vendor.arrival(2).await;
    house.pass(seconds(1)).await;
    house.disk.memory.break_with(lost());
    let began = house.now();
    // One of them finds out; all are told.
    house.vendor.release();
    for answer in [first, duplicate, queued, other] {
        let answer = answer.await.unwrap().answer;
        assert!(reason(&answer).contains("I/O error"), "{}", reason(&answer));
    }
    assert_eq!(house.now(), began);
    assert!(matches!(house.engine.lost().await, JournalError::Lost(_)));
    assert!(!house.engine.is_ready());
    house.disk.memory.break_with(None);
    let reply = house.send(&house.grant(ADA, &["a"])).await;
    assert!(reason(&reply.answer).contains("nothing was accepted"), "{}", reason(&reply.answer));
    assert!(!house.engine.is_ready(), "only a restart may trust it again");
    assert_eq!(house.vendor.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rule_21_after_a_restart_all_that_was_accepted_is_finished() {
    let mut house = House::new().await;
    house.vendor.will([Applying::Held]);
    let request = house.grant(ADA, &["a", "b"]);
    house.post(&request);
    house.vendor.arrival(1).await;
    house.disk.memory.break_with(lost());
    house.vendor.release();
    house.pass(seconds(1)).await;
    house.disk.memory.break_with(None);
    house.crash().await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&request).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.calls().len(), 2);
}

/// One story, told to its end with a kill at the `n`th write. False: there are not that many writes.
async fn killed_at(kill: Kill, story: &dyn Fn(&House) -> Vec<Request>, script: &[Applying]) -> bool {
    let mut house = House::new().await;
    house.vendor.gives(ADA, "role", "end-user").will(script.iter().cloned());
    house.kill_at(kill);
    let requests = story(&house);
    let mut answers = Vec::new();
    for request in &requests {
        answers.push(house.post(request));
        house.pass(seconds(2)).await;
    }
    house.pass(seconds(30)).await;
    let died = house.disk.is_dead();
    house.crash().await;
    house.pass(seconds(1200)).await;
    for (request, answer) in requests.iter().zip(answers) {
        let positive = answer.is_finished() && answer.await.unwrap().answer == Answer::Positive;
        let Some(stored) = house.disk.memory.find(&request.id).await.unwrap() else {
            assert!(!positive, "positive, and not on disk: {kill:?}");
            continue;
        };
        let execution = stored.request.execution;
        assert!(execution.is_final(), "{kill:?}: {execution:?} {:?}", stored.request.reason);
        assert!(!positive || execution == Execution::Confirmed, "{kill:?}");
    }
    for effect in house.vendor.effects() {
        let times = house.vendor.effects().iter().filter(|other| **other == effect).count();
        assert_eq!(times, 1, "{kill:?}: {effect} took place {times} times");
    }
    let orders = requests.last().is_some_and(|last| last.direction == usher_core::Direction::Deprovision);
    let accepted_last = house.disk.memory.find(&requests[requests.len() - 1].id).await.unwrap().is_some();
    if orders && accepted_last {
        assert_eq!(house.vendor.held(ADA), "role end-user", "{kill:?}");
    }
    house.is_at_rest().await;
    died
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_write_everything_ends_with_one_effect_at_the_most() {
    type Story = Box<dyn Fn(&House) -> Vec<Request>>;
    let grant: Story = Box::new(|house| vec![house.grant(ADA, &["agent", "a"])]);
    let both: Story = Box::new(|house| vec![house.grant(ADA, &["both"]), house.order(ADA, &["both"])]);
    let scripts: [&[Applying]; 4] = [
        &[],
        &[Applying::Lost { lands: Some(seconds(1)) }],
        &[Applying::Lost { lands: Some(seconds(14)) }, Applying::Throttled(Some(seconds(2)))],
        &[Applying::Accepted { after: seconds(20), fails: None, within: seconds(600) }],
    ];
    let mut kills = 0;
    for story in [grant, both] {
        for script in scripts {
            for written in [false, true] {
                for after in 1.. {
                    assert!(after < 100, "it comes to an end");
                    if !killed_at(Kill { after, written }, &story, script).await {
                        break;
                    }
                    kills += 1;
                }
            }
        }
    }
    assert!(kills > 60, "{kills} kills");
}
