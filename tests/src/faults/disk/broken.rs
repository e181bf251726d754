//! A disk that fails, once or from some moment on, and one that is full.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use rustix::process::Signal;

use super::power::spoil;
use super::writes::{Point, points};
use super::{at_once, check, spread};
use crate::faults::{Bound, Found};
use crate::support::{
    ANSWERED_WITHIN, Answer, Around, Config, Numbers, PATIENCE, Payload, Sandbox, SmallDisk, Tracer, Usher,
};

/// What is sent at once.
const AT_ONCE: usize = 4;
const ROUNDS_WITH_ERRORS: usize = 4;
const ROUNDS_UNTIL_FULL: usize = 400;

/// Whoever has lost the journal answers, and ends.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// A change is not begun for want of time before that.
const TOO_LATE: Duration = Duration::from_secs(3);

/// Whether a sentence says what to do about a disk that is no good.
fn says_what_to_do(sentence: &str) -> bool {
    let remedies = ["mend the disk and start Usher again", "make room on its disk and start Usher again"];
    sentence.contains("journal") && remedies.iter().any(|remedy| sentence.contains(remedy))
}

/// A call of the disk that fails: no false answer, nothing sent that is not on disk, an end that says why, and a restart that goes on.
pub async fn errors(bound: Bound, seed: u64) -> Found {
    let mut numbers = Numbers::of(seed);
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    let all = points(&sandbox, &mut Found::default()).await;
    let of = |name: &str| all.iter().filter(|(call, _)| call == name).cloned().collect::<Vec<_>>();
    let wanted = [("fsync", 4, usize::MAX), ("pwrite64", 4, 120), ("ftruncate", 1, usize::MAX)];
    let mut chosen: Vec<Point> = Vec::new();
    for (call, short, long) in wanted {
        chosen.extend(spread(&of(call), bound.of(short, long), &mut numbers));
    }
    let cases = chosen.iter().flat_map(|(call, count)| {
        let once = format!("{call}:error=EIO:when={count}");
        let for_ever = format!("{once}+");
        if bound.is_long() || count % 2 == 0 { vec![once, for_ever] } else { vec![for_ever] }
    });
    let mut runs: Vec<BoxFuture<'_, Run>> = Vec::new();
    for (n, inject) in cases.enumerate() {
        runs.push(Box::pin(failing(&sandbox, n + 1, inject, numbers.apart())));
    }
    let runs = at_once(bound.of(6, 8), runs).await;
    summary(&mut found, runs);
    found
}

/// A file system that is full, at a start or later.
pub async fn full(bound: Bound, seed: u64) -> Found {
    let mut numbers = Numbers::of(seed);
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    let sizes: Vec<u64> = if bound.is_long() {
        (0..30).map(|n| 40_960 + n * 65_536 + 4096 * numbers.below(16) as u64).collect()
    } else {
        vec![65_536, 204_800, 409_600 + 4096 * numbers.below(100) as u64, 1_048_576]
    };
    let mut runs: Vec<BoxFuture<'_, Run>> = Vec::new();
    for (n, size) in sizes.into_iter().enumerate() {
        runs.push(Box::pin(filled(&sandbox, n, size)));
    }
    let runs = at_once(bound.of(4, 6), runs).await;
    summary(&mut found, runs);
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It said why it does not start.
    NoStart,
    /// It stopped taking, answered, and said why.
    Ended,
    /// Nobody heard of the error: what failed was done again later, or did not matter.
    WentOn,
}

struct Run {
    end: End,
    asked: Asked,
    troubles: Vec<String>,
}

/// Who was asked for, and what was answered.
#[derive(Default)]
struct Asked {
    people: Vec<String>,
    heard: Vec<(Payload, Answer)>,
    /// Whoever came while it stopped taking: the connection was closed, which its sender knows.
    turned_away: Vec<String>,
}

fn summary(found: &mut Found, runs: Vec<Run>) {
    found.figure("runs", runs.len());
    for (name, end) in
        [("did not start", End::NoStart), ("ended by itself", End::Ended), ("went on", End::WentOn)]
    {
        found.figure(name, runs.iter().filter(|run| run.end == end).count());
    }
    let answers = || runs.iter().flat_map(|run| &run.asked.heard);
    let yes = answers().filter(|(_, answer)| answer.is_positive()).count();
    found.figure("answered yes", yes);
    found.figure("answered no", answers().count() - yes);
    found.figure("turned away", runs.iter().map(|run| run.asked.turned_away.len()).sum::<usize>());
    let slowest = answers().map(|(_, answer)| answer.took).max().unwrap_or_default();
    found.figure("slowest answer, ms", slowest.as_millis());
    if !runs.iter().any(|run| run.end != End::WentOn) {
        found.trouble("the disk never failed");
    }
    runs.into_iter().flat_map(|run| run.troubles).for_each(|trouble| found.trouble(trouble));
}

/// Starts it, asks until something is not answered yes, and waits for its end.
async fn until_it_breaks(sandbox: &Sandbox, usher: &mut Usher, run: usize, rounds: usize) -> Run {
    let mut asked = Asked::default();
    let mut troubles = Vec::new();
    if let Err((code, _, said)) = usher.try_restart().await {
        if code != Some(1) || !says_what_to_do(&said) {
            troubles.push(format!("it did not start, with {code:?}: {said}"));
        }
        return Run { end: End::NoStart, asked, troubles };
    }
    for round in 0..rounds {
        let people: Vec<String> = (0..AT_ONCE).map(|n| format!("p{run}-{round}-{n}@example.com")).collect();
        sandbox.end_users(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let sent: Vec<Payload> = people.iter().map(|email| Payload::grant(email, &["agent"])).collect();
        let answers = join_all(sent.iter().map(|payload| usher.try_send(payload))).await;
        let is_broken = !answers.iter().all(|answer| answer.as_ref().is_some_and(Answer::is_positive));
        for ((email, payload), answer) in people.into_iter().zip(sent).zip(answers) {
            match answer {
                Some(answer) => asked.heard.push((payload, answer)),
                None => asked.turned_away.push(email.clone()),
            }
            asked.people.push(email);
        }
        if is_broken {
            break;
        }
    }
    for (payload, answer) in &asked.heard {
        if answer.took > ANSWERED_WITHIN || !(answer.is_positive() || answer.is_no()) {
            troubles.push(format!("{payload:?}: {answer:?}"));
        }
    }
    let is_doubtful =
        !asked.turned_away.is_empty() || asked.heard.iter().any(|(_, answer)| !answer.is_positive());
    if !(is_doubtful && usher.ends_within(ENDS_WITHIN).await) {
        usher.signal(Signal::TERM);
    }
    let (code, _, said) = tokio::time::timeout(PATIENCE, usher.end()).await.expect("it ends");
    let end = if code == Some(0) { End::WentOn } else { End::Ended };
    if end == End::Ended && (code != Some(1) || !says_what_to_do(&said)) {
        let last = said.lines().last().unwrap_or_default();
        troubles.push(format!("it ended with {code:?}: {last}"));
    }
    // A machine that is busy may be too late for a change as well, but not so soon.
    let is_no = |answer: &Answer| answer.took < TOO_LATE && !answer.is_positive();
    if asked.heard.iter().any(|(_, answer)| is_no(answer)) && end == End::WentOn {
        troubles.push("something was not granted, and it went on".to_owned());
    }
    Run { end, asked, troubles }
}

/// Starts it with a disk that is no longer broken, and looks at what is left.
async fn after(sandbox: &Sandbox, usher: &mut Usher, run: &mut Run) {
    if let Err(ended) = usher.try_restart().await {
        return run.troubles.push(format!("it does not start again: {ended:?}"));
    }
    let people: Vec<&str> = run.asked.people.iter().map(String::as_str).collect();
    run.troubles.extend(check::troubles(sandbox, usher, &people, &run.asked.heard).await);
    for email in &run.asked.turned_away {
        if usher.rows().await.iter().any(|row| row.subject() == email) {
            run.troubles.push(format!("{email} was taken and not answered"));
        }
    }
}

async fn failing(sandbox: &Sandbox, n: usize, inject: String, mut numbers: Numbers) -> Run {
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let tracer = Tracer::new(usher.folder());
    usher.within(tracer.around(std::slice::from_ref(&inject)));
    let mut run = until_it_breaks(sandbox, &mut usher, n, ROUNDS_WITH_ERRORS).await;
    // What was not synced is not there after a while: a disk that fails may forget it.
    if run.end != End::WentOn {
        spoil(usher.folder(), &tracer.noted(), &mut numbers);
    }
    usher.within(Around::default());
    after(sandbox, &mut usher, &mut run).await;
    run.troubles.iter_mut().for_each(|trouble| *trouble = format!("{inject}: {trouble}"));
    run
}

async fn filled(sandbox: &Sandbox, n: usize, bytes: u64) -> Run {
    let mut usher = Usher::prepare(&Config::new(sandbox).journal("disk/usher.db"));
    let disk = SmallDisk::new(usher.folder(), bytes);
    usher.within(disk.around());
    let mut run = until_it_breaks(sandbox, &mut usher, n, ROUNDS_UNTIL_FULL).await;
    if run.end == End::WentOn {
        run.troubles.push("the disk was never full".to_owned());
    }
    // On the disk as it is it may start, since its log is worked off then, or it says why not.
    match usher.try_restart().await {
        Ok(()) => usher.kill_9(),
        Err((code, _, said)) => {
            if code != Some(1) || !says_what_to_do(&said) {
                run.troubles.push(format!("on the full disk it ended with {code:?}: {said}"));
            }
        }
    }
    disk.mend();
    after(sandbox, &mut usher, &mut run).await;
    // Its processes end before the disk does.
    usher.kill_9();
    run.troubles.iter_mut().for_each(|trouble| *trouble = format!("{bytes} bytes: {trouble}"));
    run
}
