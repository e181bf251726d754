//! Processes that are stopped for a while and go on as if nothing had been, as a machine that sleeps or a debugger does to them.
//!
//! What Usher decides before it is stopped it does after it wakes: between its last check and the write nobody can keep it from that
//! (`docs/reliability.md`). What has to hold all the same: nothing happens twice, no yes is false, and everything ends.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::Signal;

use super::three::{self, Holders, Kind, Person, happened_too_often};
use super::{Bound, Found};
use crate::support::{Answer, Numbers, Payload, Row, Sandbox, Usher, lasts, now};

const ENDS_WITHIN: Duration = Duration::from_secs(180);

/// Shorter than a change's time-out; longer than the budget; longer than a change stays open.
const SHORT: Duration = Duration::from_secs(2);
const LONGER_THAN_THE_BUDGET: Duration = Duration::from_secs(14);
const LONGER_THAN_SETTLE: Duration = Duration::from_secs(24);

/// When somebody is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The vendor is being read.
    Reading,
    /// Some moment after the reading was answered: the intent is being committed, or the change is about to be sent, or on its way.
    AroundTheSending,
    /// The change is on its way, and the vendor has not made it.
    BeforeItIsApplied,
    /// The vendor has made it, and not answered.
    AfterItIsApplied,
}

const MOMENTS: [Moment; 4] =
    [Moment::Reading, Moment::AroundTheSending, Moment::BeforeItIsApplied, Moment::AfterItIsApplied];

/// Who is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Usher,
    Vendor,
}

/// One person, whose request is met by it.
#[derive(Clone, Copy, Debug)]
struct Case {
    who: Who,
    moment: Moment,
    lasts: Duration,
    kind: Kind,
}

pub async fn run(bound: Bound, seed: u64) -> Found {
    let mut numbers = Numbers::of(seed);
    let lengths: &[Duration] =
        bound.of(&[SHORT, LONGER_THAN_SETTLE], &[SHORT, LONGER_THAN_THE_BUDGET, LONGER_THAN_SETTLE]);
    let rounds = bound.of(1, 7);
    let mut found = Found::default();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let (mut requests, mut latest) = (0, Duration::ZERO);
    for round in 0..rounds {
        let mut cases = Vec::new();
        for (n, lasts) in lengths.iter().enumerate() {
            for (m, moment) in MOMENTS.into_iter().enumerate() {
                // Every kind in turn, and each once with every moment in the long run.
                let kind = Kind::ALL[(round + m + 2 * n) % Kind::ALL.len()];
                cases.push(Case { who: Who::Usher, moment, lasts: *lasts, kind });
            }
            cases.push(Case {
                who: Who::Vendor,
                moment: Moment::Reading,
                lasts: *lasts,
                kind: Kind::ALL[round],
            });
        }
        let played = cases.into_iter().map(|case| {
            let late = Duration::from_micros(u64::try_from(numbers.below(12_000)).unwrap());
            async move { (case, play(case, late, bound.answered_within()).await) }
        });
        for (case, seen) in join_all(played).await {
            requests += seen.requests;
            if case.lasts == SHORT {
                latest = latest.max(seen.took);
            }
            *counted.entry(format!("{:?} stopped for {} s", case.who, case.lasts.as_secs())).or_default() +=
                1;
            for word in seen.words {
                *counted.entry(word).or_default() += 1;
            }
            found.troubles.extend(seen.troubles.into_iter().map(|trouble| format!("{case:?}: {trouble}")));
        }
    }
    found.figure("requests", requests);
    for (what, times) in counted {
        found.figure(what, times);
    }
    found.figure("the latest answer where it lasts 2 s", format!("{} ms", latest.as_millis()));
    found
}

#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    words: Vec<String>,
    took: Duration,
    troubles: Vec<String>,
}

/// Grants, and takes it again, each time with a stop in it.
async fn play(case: Case, late: Duration, within: Duration) -> Seen {
    let sandbox = three::sandbox().await;
    let usher = Usher::start(&three::config_at(&sandbox, &sandbox.url).await).await;
    let person = Person::of(case.kind, 1);
    three::seed(&sandbox, std::slice::from_ref(&person)).await;
    let mut seen = Seen::default();
    for payload in [person.grant(), person.removal()] {
        let wanted = payload.direction() == "provision";
        if !wanted && !person.has_it(&sandbox).await {
            // Nobody could tell what became of the grant: there is nothing to take.
            break;
        }
        let answer = stopped(case, late, &sandbox, &usher, &payload).await;
        seen.took = seen.took.max(answer.took);
        if answer.took > within + case.lasts {
            seen.troubles.push(format!("answered after {:?}", answer.took));
        }
        if answer.is_positive() && person.has_it(&sandbox).await != wanted {
            seen.troubles.push(format!("{answer:?}, and it is not so"));
        }
        usher.all_ended_within(ENDS_WITHIN).await;
    }
    let rows = usher.all_ended_within(ENDS_WITHIN).await;
    let holders = Holders::all(&sandbox).await;
    let changes = three::changes(&sandbox).await;
    let effects = changes.get(&person.email).map_or(&[][..], Vec::as_slice);
    seen.requests = rows.len();
    seen.words = rows.iter().map(|row| format!("{} {}", row.direction(), row.word())).collect();
    seen.troubles.extend(happened_too_often(effects, 1, 1));
    if !is_so(&person, &rows, holders.has(&person)) {
        seen.troubles.push("the vendor does not show how it ended".to_owned());
    }
    if !seen.troubles.is_empty() {
        let histories = join_all(rows.iter().map(|row| usher.history(row.id()))).await;
        seen.troubles.push(format!("{effects:#?} {histories:#?}"));
    }
    seen
}

fn is_so(person: &Person, rows: &[Row], has_it: bool) -> bool {
    match rows.first().map(|row| (row.direction(), row.word())) {
        Some(("provision", "granted")) => has_it,
        // Stopped before it was on disk: it is answered no, and nothing was accepted.
        Some(("deprovision", "removed")) | None => !has_it,
        // Whether an invitation went out nobody can tell, and nobody gets a second one (rules 23 and 24).
        Some((_, "needs-you")) => person.kind.is_invited(),
        _ => false,
    }
}

/// Sends it, stops somebody at this moment, and lets them go on.
async fn stopped(case: Case, late: Duration, sandbox: &Sandbox, usher: &Usher, payload: &Payload) -> Answer {
    let email = payload.email();
    let before = three::last_call(sandbox, email).await;
    let _held = match case.moment {
        Moment::Reading => three::hold_a_reading(sandbox, email).await,
        Moment::AroundTheSending => Vec::new(),
        Moment::BeforeItIsApplied => three::hold_changes(sandbox, email, false).await,
        Moment::AfterItIsApplied => three::hold_changes(sandbox, email, true).await,
    };
    let sending = tokio::spawn(usher.try_send(payload));
    match case.moment {
        Moment::Reading | Moment::AroundTheSending => {
            let end = if case.moment == Moment::Reading { "" } else { "&end=answered" };
            sandbox.wait_for(&format!("subject={email}&after={before}{end}")).await;
        }
        _ => three::a_change_arrives(sandbox, email, before).await,
    }
    if case.moment == Moment::AroundTheSending {
        lasts(late).await;
    }
    let began = now();
    let signal = |signal| match case.who {
        Who::Usher => usher.signal(signal),
        Who::Vendor => sandbox.signal(signal),
    };
    signal(Signal::STOP);
    // What is held is let go while nobody is awake to hear of it, unless it is the vendor that sleeps.
    if case.who == Who::Usher {
        sandbox.clear_all().await;
    }
    lasts(case.lasts.saturating_sub(now() - began)).await;
    signal(Signal::CONT);
    sandbox.clear_all().await;
    sending.await.unwrap().expect("it is answered")
}
