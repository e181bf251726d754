//! Kills at random, under load.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use usher_sandbox::UserSeed;

use super::{Bound, Found};
use crate::support::{Answer, Numbers, Payload, Row, Sandbox, Usher, world};

const PEOPLE_A_ROUND: usize = 3;

/// `kill -9` under load: what was accepted has ended, nothing happened twice, and what was answered yes is so.
pub async fn run(bound: Bound, seed: u64) -> Found {
    let kills = bound.of(20, 200);
    let mut numbers = Numbers::of(seed);
    let mut found = Found::default();
    let (sandbox, mut usher) = world().await;
    let people: Vec<String> = (0..kills * PEOPLE_A_ROUND).map(|n| format!("p{n}@example.com")).collect();
    sandbox.seed_users(&people.iter().map(|email| UserSeed::end_user(email)).collect::<Vec<_>>()).await;
    let mut heard: Vec<(Payload, Answer)> = Vec::new();
    for round in 0..kills {
        let new = &people[round * PEOPLE_A_ROUND..(round + 1) * PEOPLE_A_ROUND];
        let mut load: Vec<Payload> =
            new.iter().map(|email| Payload::grant(email, &["support_agent"])).collect();
        // One of them twice at once, and one person of an earlier round leaves.
        load.push(load[numbers.below(load.len())].clone());
        if round > 0 {
            let leaver = &people[(round - 1) * PEOPLE_A_ROUND + numbers.below(PEOPLE_A_ROUND)];
            load.push(Payload::removal(leaver, &["support_agent"]));
        }
        let answers: Vec<_> = load.iter().map(|payload| tokio::spawn(usher.try_send(payload))).collect();
        // It ends with the arrival of some call at the vendor, whichever that is.
        let calls = sandbox.calls().await.len();
        let count = 1 + numbers.below(90);
        let _fewer_came = sandbox.wait(&format!("after={calls}&count={count}"), Duration::from_secs(1)).await;
        usher.kill_9();
        for (payload, answer) in load.into_iter().zip(join_all(answers).await) {
            heard.extend(answer.unwrap().map(|answer| (payload, answer)));
        }
        usher.restart().await;
    }
    let rows = usher.all_ended().await;
    assert!(rows.len() > kills, "the load was accepted for the greater part");
    found.figure("kills", kills);
    found.figure("requests accepted", rows.len());
    found.figure("answers heard", heard.len());
    let mut words = BTreeMap::new();
    for row in &rows {
        *words.entry(format!("{} {}", row.direction(), row.word())).or_insert(0_u32) += 1;
    }
    for (word, times) in words {
        found.figure(word, times);
    }
    for email in &people {
        let mut own: Vec<&Row> = rows.iter().filter(|row| row.subject() == email).collect();
        own.reverse();
        one_person(&sandbox, &usher, email, &own, &mut found).await;
    }
    for (payload, answer) in heard.iter().filter(|(_, answer)| answer.is_positive()) {
        let done = if payload.direction() == "provision" { "granted" } else { "removed" };
        let row = rows.iter().find(|row| row.id() == answer.id);
        if row.is_none_or(|row| row.word() != done) {
            found.trouble(format!("{payload:?} was answered yes, and the journal has {row:?}"));
        }
    }
    found
}

/// `own`: this person's requests in the order of acceptance.
async fn one_person(sandbox: &Sandbox, usher: &Usher, email: &str, own: &[&Row], found: &mut Found) {
    let effects = sandbox.effects_on(email).await;
    let mut times = BTreeMap::new();
    for change in effects.iter().flat_map(|effect| &effect.changes) {
        *times.entry(change.as_str()).or_insert(0_u32) += 1;
    }
    let story = async || {
        let pages = own.iter().map(|row| usher.history(row.id()));
        format!("{email}: {effects:#?} {:#?}", join_all(pages).await)
    };
    if times.values().any(|times| *times > 1) {
        found.trouble(format!("something happened twice: {}", story().await));
    }
    let holds = sandbox
        .user(email)
        .await
        .is_some_and(|user| user.role_name == "agent" && user.groups.iter().any(|group| group == "Tier 1"));
    let last = own.last().map(|row| (row.direction(), row.word()));
    let is_so = match last {
        Some(("provision", "granted")) => holds,
        // What a later removal has overtaken before it was begun, is seen in that.
        Some(("deprovision", "removed")) | None => !holds,
        _ => false,
    };
    if !is_so {
        found.trouble(format!("{last:?}, and the vendor does not show that: {}", story().await));
    }
}
