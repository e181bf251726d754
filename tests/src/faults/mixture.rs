//! Thousands of requests at all three connectors under a seeded mixture of everything that the sandbox can do wrong, of senders that
//! hang up, of repeated deliveries, and of a few kills.
//!
//! Each person has a few requests, one after the other, so that it can be said at any moment what has to be true of them. What each
//! asks for and what goes wrong with it follows from the seed; in which order the vendor sees all of them does not.

mod script;
mod stage;
mod weather;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use usher_sandbox::Effect;

use self::stage::{Played, Stage};
use super::three::{self, Holders, happened_too_often};
use super::{Bound, Found};
use crate::support::{Answer, Numbers, Row};

/// How much of it.
#[derive(Clone, Copy, Debug)]
struct Size {
    requests: usize,
    /// Senders who wait at the same time: how soon an answer comes is to be Usher's doing and not the machine's.
    senders: usize,
    kills: usize,
    /// After the last answer: the longest pauses between attempts, and a change that may still arrive.
    end_within: Duration,
}

pub async fn run(bound: Bound, seed: u64) -> Found {
    let short = Size { requests: 300, senders: 16, kills: 2, end_within: Duration::from_secs(120) };
    let long = Size { requests: 10_000, senders: 64, kills: 10, end_within: Duration::from_secs(600) };
    let size = bound.of(short, long);
    let stage = Arc::new(Stage::start(size).await);
    let helper = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { stage.attend().await }
    });
    let senders = (0..size.senders).map(|_| {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { sender(&stage, seed).await })
    });
    let played: Vec<Played> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();
    let rows = stage.all_ended(size.end_within).await;
    helper.abort();
    let mut found = Found::default();
    stage.count_faults().await;
    figures(&stage, &played, &rows, &mut found);
    if bound.is_long() {
        for kind in weather::KINDS.iter().filter(|kind| stage.faults_of(kind) == 0) {
            found.trouble(format!("{kind} met nothing"));
        }
    }
    answers(&played, &rows, bound.answered_within(), &mut found);
    ends(&stage, &played, &rows, &mut found).await;
    found
}

/// Plays one person after the other until enough has been sent.
async fn sender(stage: &Stage, seed: u64) -> Vec<Played> {
    let mut played = Vec::new();
    while let Some(number) = stage.next_person() {
        let mut numbers =
            Numbers::of(seed ^ u64::try_from(number).unwrap().wrapping_mul(0x9E37_79B9_7F4A_7C15));
        played.push(script::play(stage, number, &mut numbers).await);
    }
    played
}

fn figures(stage: &Stage, played: &[Played], rows: &[Row], found: &mut Found) {
    let heard: Vec<&Answer> = played.iter().flat_map(|one| &one.heard).map(|(_, answer)| answer).collect();
    let yes = heard.iter().filter(|answer| answer.is_positive()).count();
    found.figure("requests sent", stage.sent());
    found.figure("in the journal", rows.len());
    found.figure("people", played.len());
    found.figure("answered yes", yes);
    found.figure("answered no", heard.len() - yes);
    let sum = |count: fn(&Played) -> usize| played.iter().map(count).sum::<usize>();
    found.figure("senders that hung up", sum(|one| one.hung_up));
    found.figure("cut off by a kill", sum(|one| one.cut_off));
    found.figure("kills", stage.kills());
    found.figure("invitations accepted", sum(|one| one.accepted));
    let mut took: Vec<Duration> = heard.iter().map(|answer| answer.took).collect();
    took.sort();
    let share = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
    for (name, percent) in [("answered after, p50", 50), ("p99", 99), ("the latest", 100)] {
        found.figure(name, format!("{} ms", share(percent).map_or(0, Duration::as_millis)));
    }
    for kind in weather::KINDS {
        found.figure(format!("fault {kind}"), stage.faults_of(kind));
    }
    let mut words = BTreeMap::new();
    for row in rows {
        *words.entry(format!("{} {}", row.direction(), row.word())).or_insert(0_u32) += 1;
    }
    for (word, times) in words {
        found.figure(word, times);
    }
}

/// Each in time, each true when it came, and each of something that is in the journal.
fn answers(played: &[Played], rows: &[Row], within: Duration, found: &mut Found) {
    let by_id: HashMap<&str, &Row> = rows.iter().map(|row| (row.id(), row)).collect();
    let (mut late, mut lost, mut silent, mut lies) = (0, 0, 0, 0);
    for one in played {
        silent += one.unanswered;
        lies += one.false_positives.len();
        for lie in &one.false_positives {
            found.trouble(format!("a false yes: {:?}: {lie}", one.person));
        }
        for (direction, answer) in &one.heard {
            if answer.took > within {
                late += 1;
                found.trouble(format!("answered after {:?}: {:?} {answer:?}", answer.took, one.person));
            }
            let done = if *direction == "provision" { "granted" } else { "removed" };
            let row = by_id.get(answer.id.as_str());
            if row.is_none_or(|row| answer.is_positive() && row.word() != done) {
                lost += 1;
                found.trouble(format!("{answer:?} of {:?}, and the journal has {row:?}", one.person));
            }
        }
    }
    if silent > 0 {
        found.trouble(format!("{silent} requests were not answered, though nothing was killed"));
    }
    for (name, number) in
        [("answered late", late), ("not answered", silent), ("false yes", lies), ("lost", lost)]
    {
        found.figure(name, number);
    }
}

/// What each person has in the end is what their last request says, and nothing happened twice.
async fn ends(stage: &Stage, played: &[Played], rows: &[Row], found: &mut Found) {
    let (holders, changes) = (Holders::all(&stage.sandbox).await, three::changes(&stage.sandbox).await);
    let mut own: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows.iter().rev() {
        own.entry(row.subject()).or_default().push(row);
    }
    let (mut twice, mut not_so) = (0, 0);
    for one in played {
        let person = &one.person;
        let rows = own.get(person.email.as_str()).map_or(&[][..], Vec::as_slice);
        let effects: &[Effect] = changes.get(&person.email).map_or(&[], Vec::as_slice);
        let mut troubles = Vec::new();
        if let Some(too_often) = happened_too_often(effects, one.grants, one.removals) {
            twice += 1;
            troubles.push(too_often);
        }
        let last = rows.last().map(|row| (row.direction(), row.word()));
        let is_so = match last {
            Some(("provision", "granted")) => holders.has(person),
            Some(("deprovision", "removed")) | None => !holders.has(person),
            // Somebody was told that it cannot be told, or cannot be done.
            Some((_, "needs-you")) | Some(("provision", "refused")) => true,
            _ => false,
        };
        if !is_so {
            not_so += 1;
            troubles.push(format!("{last:?}, and the vendor does not show that"));
        }
        for trouble in troubles {
            let histories = stage.histories(rows).await;
            found.trouble(format!("{trouble}: {one:?}: {effects:#?} {histories:#?}"));
        }
    }
    found.figure("happened twice", twice);
    found.figure("not so in the end", not_so);
}
