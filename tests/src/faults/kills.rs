//! Kills at random, under load.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use usher_sandbox::Effect;

use super::three::{self, Holders, Person, happened_too_often};
use super::{Bound, Found};
use crate::support::{Answer, Numbers, Payload, Row, Sandbox, Usher};

const PEOPLE_A_ROUND: usize = 3;

/// `kill -9` under load: what was accepted has ended, nothing happened twice, and what was answered yes is so.
pub async fn run(bound: Bound, seed: u64) -> Found {
    let kills = bound.of(20, 200);
    let mut numbers = Numbers::of(seed);
    let mut found = Found::default();
    let (sandbox, mut usher) = three::world().await;
    let people: Vec<Person> = (0..kills * PEOPLE_A_ROUND).map(Person::new).collect();
    three::seed(&sandbox, &people).await;
    let mut heard: Vec<(Payload, Answer)> = Vec::new();
    for round in 0..kills {
        let load = load(&people, round, &mut numbers);
        heard.extend(killed_under(&load, &sandbox, &mut usher, &mut numbers).await);
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
    let (holders, changes) = (Holders::all(&sandbox).await, three::changes(&sandbox).await);
    for person in &people {
        let mut own: Vec<&Row> = rows.iter().filter(|row| row.subject() == person.email).collect();
        own.reverse();
        let effects = changes.get(&person.email).map_or(&[][..], Vec::as_slice);
        for trouble in troubles(person, &own, effects, holders.has(person)) {
            let histories = join_all(own.iter().map(|row| usher.history(row.id()))).await;
            found.trouble(format!("{trouble}: {person:?}: {effects:#?} {histories:#?}"));
        }
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

/// New people, one of them twice at once, and one of an earlier round who leaves: what was named, or everything.
fn load(people: &[Person], round: usize, numbers: &mut Numbers) -> Vec<Payload> {
    let of_round = |round: usize| &people[round * PEOPLE_A_ROUND..(round + 1) * PEOPLE_A_ROUND];
    let mut load: Vec<Payload> = of_round(round).iter().map(Person::grant).collect();
    load.push(load[numbers.below(load.len())].clone());
    if round > 0 {
        let leaver = numbers.one(of_round(round - 1));
        let of_everything = numbers.below(3) == 0;
        load.push(if of_everything { leaver.removal_of_everything() } else { leaver.removal() });
    }
    load
}

/// Sends all of it at once, ends the process at the arrival of some call at a vendor, whichever that is, and starts it again.
async fn killed_under(
    load: &[Payload],
    sandbox: &Sandbox,
    usher: &mut Usher,
    numbers: &mut Numbers,
) -> Vec<(Payload, Answer)> {
    let before = sandbox.calls_after(0).await.last().map_or(0, |call| call.n);
    let answers: Vec<_> = load.iter().map(|payload| tokio::spawn(usher.try_send(payload))).collect();
    let count = 1 + numbers.below(90);
    let _fewer_came = sandbox.wait(&format!("after={before}&count={count}"), Duration::from_secs(1)).await;
    usher.kill_9();
    let answers = join_all(answers).await.into_iter().map(Result::unwrap);
    let heard = load.iter().cloned().zip(answers).filter_map(|(payload, answer)| Some((payload, answer?)));
    let heard = heard.collect();
    usher.restart().await;
    heard
}

/// `own`: this person's requests in the order of acceptance.
fn troubles(person: &Person, own: &[&Row], effects: &[Effect], has_it: bool) -> Vec<String> {
    let mut troubles: Vec<String> = happened_too_often(effects, 1, 1).into_iter().collect();
    let last = own.last().map(|row| (row.direction(), row.word()));
    let is_so = match last {
        Some(("provision", "granted")) => has_it,
        // What a later removal has overtaken before it was begun, is seen in that.
        Some(("deprovision", "removed")) | None => !has_it,
        // Whether an invitation went out nobody can tell, and nobody gets a second one (rules 23 and 24).
        Some((_, "needs-you")) => person.kind.is_invited(),
        _ => false,
    };
    if !is_so {
        troubles.push(format!("{last:?}, and the vendor does not show that"));
    }
    troubles
}
