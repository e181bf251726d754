//! `kill -9` at every call by which the journal's files are written, synced, cut off or taken away.

use futures_util::future::BoxFuture;

use super::script::{Cast, play};
use super::{at_once, check, spread};
use crate::faults::{Bound, Found};
use crate::support::{Around, Config, Numbers, Sandbox, Tracer, Usher};

const SHORT: usize = 16;

/// A call, and which one of a thread.
pub(super) type Point = (String, usize);

/// Kills it there: what was acknowledged is there after the restart, every request ends, and everything happened once.
pub async fn run(bound: Bound, seed: u64) -> Found {
    let mut numbers = Numbers::of(seed);
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    let all = points(&sandbox, &mut found).await;
    let chosen = if bound.is_long() { all } else { spread(&all, SHORT, &mut numbers) };
    let mut runs: Vec<BoxFuture<'_, Run>> = Vec::new();
    for (n, point) in chosen.iter().enumerate() {
        runs.push(Box::pin(killed_at(&sandbox, n + 1, point)));
    }
    let runs = at_once(bound.of(6, 8), runs).await;
    found.figure("runs", runs.len());
    let how = |what: fn(&Run) -> bool| runs.iter().filter(|run| what(run)).count();
    found.figure("killed while it started", how(|run| run.end == End::Starting));
    found.figure("killed while it ran", how(|run| run.end == End::Running));
    found.figure("over before it came so far", how(|run| run.end == End::Over));
    found.figure("positive answers heard", runs.iter().map(|run| run.positive).sum::<usize>());
    if runs.iter().all(|run| run.positive == 0) {
        found.trouble("nothing was answered yes");
    }
    // Commits are grouped as it happens, so the last points may not be reached; most are.
    if how(|run| run.end != End::Over) * 10 < runs.len() * 7 {
        found.trouble("most processes were not killed at all");
    }
    runs.into_iter().flat_map(|run| run.troubles).for_each(|trouble| found.trouble(trouble));
    found
}

/// Every point of a run that nothing happens to.
pub(super) async fn points(sandbox: &Sandbox, found: &mut Found) -> Vec<Point> {
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let cast = Cast::new(sandbox, 0).await;
    let tracer = Tracer::new(usher.folder());
    usher.within(tracer.around(&[]));
    usher.restart().await;
    let played = play(&mut usher, &cast).await;
    if played.code != Some(0) || played.heard.len() != 5 {
        found.trouble(format!("without any fault it ended with {:?}: {:?}", played.code, played.heard));
    }
    let counts = tracer.counts();
    for (call, count) in &counts {
        found.figure(format!("calls of {call}"), count);
    }
    for call in ["pwrite64", "fsync", "ftruncate"] {
        assert!(counts.contains_key(call), "SQLite calls {call} no more: see what it calls instead");
    }
    counts.into_iter().flat_map(|(call, count)| (1..=count).map(move |k| (call.clone(), k))).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Starting,
    Running,
    Over,
}

struct Run {
    end: End,
    positive: usize,
    troubles: Vec<String>,
}

async fn killed_at(sandbox: &Sandbox, run: usize, (call, count): &Point) -> Run {
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let cast = Cast::new(sandbox, run).await;
    usher.within(Tracer::new(usher.folder()).around(&[format!("{call}:signal=KILL:when={count}")]));
    let (end, heard) = match usher.try_restart().await {
        Ok(()) => {
            let played = play(&mut usher, &cast).await;
            let end = if played.code.is_some() { End::Over } else { End::Running };
            (end, played.heard)
        }
        Err(_) => (End::Starting, Vec::new()),
    };
    usher.within(Around::default());
    let troubles = match usher.try_restart().await {
        Ok(()) => check::troubles(sandbox, &usher, &cast.everybody(), &heard).await,
        Err(ended) => vec![format!("it does not start again: {ended:?}")],
    };
    let positive = heard.iter().filter(|(_, answer)| answer.is_positive()).count();
    let at = format!("killed at {call} {count}");
    Run { end, positive, troubles: troubles.into_iter().map(|trouble| format!("{at}: {trouble}")).collect() }
}
