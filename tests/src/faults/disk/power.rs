//! Power cuts: what was written and not synced is there, or partly, or not at all, or is something else.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use futures_util::future::BoxFuture;

use super::script::{Cast, play};
use super::writes::{Point, points};
use super::{at_once, check, spread};
use crate::faults::{Bound, Found};
use crate::support::{Around, Config, Noted, Numbers, Sandbox, Tracer, Usher};

const SHORT: usize = 8;

/// Ends it at a call and spoils its log behind what was synced: what was acknowledged is there, and it starts by itself.
pub async fn run(bound: Bound, seed: u64) -> Found {
    let mut numbers = Numbers::of(seed);
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    let mut all = points(&sandbox, &mut Found::default()).await;
    // Before a sync most is at stake. In between, some of it is.
    let writes: Vec<Point> = all.extract_if(.., |(call, _)| call != "fsync").collect();
    let (syncs, between) = bound.of((SHORT, SHORT), (usize::MAX, 200));
    let mut chosen = spread(&all, syncs, &mut numbers);
    chosen.extend(spread(&writes, between, &mut numbers));
    let mut runs: Vec<BoxFuture<'_, Run>> = Vec::new();
    for (n, point) in chosen.into_iter().enumerate() {
        runs.push(Box::pin(cut_at(&sandbox, n + 1, point, numbers.apart())));
    }
    let runs = at_once(bound.of(6, 8), runs).await;
    found.figure("power cuts", runs.len());
    found.figure("with a log", runs.iter().filter(|run| run.spoilt.is_some()).count());
    let lost = runs.iter().filter_map(|run| run.spoilt).filter(|bytes| *bytes > 0);
    found.figure("with bytes that were not synced", lost.clone().count());
    found.figure("bytes spoilt", lost.clone().sum::<u64>());
    if lost.count() == 0 {
        found.trouble("there was never anything to lose");
    }
    found.figure("positive answers heard", runs.iter().map(|run| run.positive).sum::<usize>());
    runs.into_iter().flat_map(|run| run.troubles).for_each(|trouble| found.trouble(trouble));
    found
}

struct Run {
    /// How many bytes of the log were spoilt, where there was one.
    spoilt: Option<u64>,
    positive: usize,
    troubles: Vec<String>,
}

async fn cut_at(sandbox: &Sandbox, run: usize, (call, count): Point, mut numbers: Numbers) -> Run {
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let cast = Cast::new(sandbox, run).await;
    let tracer = Tracer::new(usher.folder());
    usher.within(tracer.around(&[format!("{call}:signal=KILL:when={count}")]));
    let heard = match usher.try_restart().await {
        Ok(()) => play(&mut usher, &cast).await.heard,
        Err(_) => Vec::new(),
    };
    let spoilt = spoil(usher.folder(), &tracer.noted(), &mut numbers);
    usher.within(Around::default());
    let troubles = match usher.try_restart().await {
        Ok(()) => check::troubles(sandbox, &usher, &cast.everybody(), &heard).await,
        Err(ended) => vec![format!("it does not start again: {ended:?}")],
    };
    let at = format!("power cut at {call} {count}, {spoilt:?} bytes spoilt");
    let positive = heard.iter().filter(|(_, answer)| answer.is_positive()).count();
    Run {
        spoilt,
        positive,
        troubles: troubles.into_iter().map(|trouble| format!("{at}: {trouble}")).collect(),
    }
}

/// Spoils the log behind what was synced, as a power cut may: how many bytes, if there is a log.
pub(super) fn spoil(folder: &Path, noted: &[Noted], numbers: &mut Numbers) -> Option<u64> {
    let log = folder.join("usher.db-wal");
    let length = std::fs::metadata(&log).ok()?.len();
    let synced = synced(noted).min(length);
    let open = usize::try_from(length - synced).unwrap();
    let from = synced + u64::try_from(numbers.below(open + 1)).unwrap();
    let mut file = OpenOptions::new().write(true).open(&log).unwrap();
    if numbers.below(2) == 0 {
        file.set_len(from).unwrap();
    } else {
        file.seek(SeekFrom::Start(from)).unwrap();
        let noise: Vec<u8> = (from..length).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect();
        file.write_all(&noise).unwrap();
    }
    // The index of the log is a cache; nothing of it need be there.
    if numbers.below(2) == 0 {
        std::fs::remove_file(folder.join("usher.db-shm")).ok();
    }
    Some(length - from)
}

/// How much of the log was on disk for certain.
fn synced(noted: &[Noted]) -> u64 {
    let (mut written, mut synced) = (0, 0);
    for call in noted.iter().filter(|call| call.file == "usher.db-wal" && call.is_done) {
        let numbers: Vec<u64> = call.numbers();
        match (call.call.as_str(), &*numbers) {
            ("pwrite64", [.., length, offset]) => written = written.max(offset + length),
            ("fsync" | "fdatasync", _) => synced = written,
            ("ftruncate", [.., length]) => (written, synced) = (written.min(*length), synced.min(*length)),
            ("unlink" | "unlinkat", _) => (written, synced) = (0, 0),
            other => panic!("what does {other:?} do to a log?"),
        }
    }
    synced
}
