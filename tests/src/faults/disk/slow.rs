//! A disk whose syncs take long: 5 ms, as on a busy network volume, and two seconds.

use std::time::Duration;

use futures_util::future::join_all;

use super::check;
use crate::faults::{Bound, Found};
use crate::support::{ANSWERED_WITHIN, Answer, Around, Config, Payload, Sandbox, Tracer, Usher};

/// All that a grant waits for is on disk in time.
const LONG: Duration = Duration::from_millis(500);
/// It is not.
const VERY_LONG: Duration = Duration::from_secs(2);

/// An answer that does not wait for such a disk is there long before.
const AT_ONCE: Duration = Duration::from_millis(1_900);

/// How many are sent at once.
const WAVE: usize = 32;

/// The deadline is kept, negative answers do not wait for the disk, positive ones do, and many share one sync.
pub async fn run(bound: Bound, _: u64) -> Found {
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    five_milliseconds(&sandbox, bound, &mut found).await;
    for sync in [LONG, VERY_LONG] {
        long_syncs(&sandbox, sync, bound.of(4, 64), &mut found).await;
    }
    found
}

async fn grants(sandbox: &Sandbox, name: &str, many: usize) -> Vec<Payload> {
    let people: Vec<String> = (0..many).map(|n| format!("{name}{n}@example.com")).collect();
    sandbox.end_users(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    people.iter().map(|email| Payload::grant(email, &["agent"])).collect()
}

fn syncs(tracer: &Tracer) -> usize {
    let noted = tracer.noted();
    noted.iter().filter(|call| matches!(call.call.as_str(), "fsync" | "fdatasync")).count()
}

async fn five_milliseconds(sandbox: &Sandbox, bound: Bound, found: &mut Found) {
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let tracer = Tracer::new(usher.folder());
    usher.within(tracer.around(&["fsync,fdatasync:delay_enter=5000".to_owned()]));
    usher.restart().await;

    let before = syncs(&tracer);
    let alone = grants(sandbox, "alone", 5).await;
    for payload in &alone {
        usher.send(payload).await;
    }
    let of_one = per_request(syncs(&tracer) - before, alone.len());

    let before = syncs(&tracer);
    let crowd = grants(sandbox, "crowd", WAVE * bound.of(3, 40)).await;
    let mut answers: Vec<Answer> = Vec::new();
    for wave in crowd.chunks(WAVE) {
        answers.extend(join_all(wave.iter().map(|payload| usher.send(payload))).await);
    }
    let of_many = per_request(syncs(&tracer) - before, crowd.len());

    let mut took: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    took.sort();
    found.figure("5 ms: requests at once", WAVE);
    found.figure("5 ms: syncs a request, alone", format!("{of_one:.2}"));
    found.figure("5 ms: syncs a request, in a crowd", format!("{of_many:.2}"));
    found.figure("5 ms: half are answered within, ms", took[took.len() / 2].as_millis());
    found.figure("5 ms: slowest answer, ms", took[took.len() - 1].as_millis());
    let positive = answers.iter().filter(|answer| answer.is_positive()).count();
    found.figure("5 ms: answered yes", format!("{positive} of {}", answers.len()));
    if positive == 0 || took[took.len() - 1] > ANSWERED_WITHIN {
        found.trouble(format!("with syncs of 5 ms: {answers:?}"));
    }
    if of_many * 2.0 > of_one {
        found.trouble(format!("requests do not share syncs: {of_many} each at once, {of_one} alone"));
    }
    usher.kill_9();
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn per_request(syncs: usize, requests: usize) -> f64 {
    syncs as f64 / requests as f64
}

/// A disk whose syncs take so long, once it has started: the start takes some of them, one after another, and is not what this is
/// about.
async fn started(sandbox: &Sandbox, sync: Duration) -> Usher {
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let tracer = Tracer::new(usher.folder());
    usher.within(tracer.around(&[]));
    usher.restart().await;
    usher.kill_9();
    usher.restart().await;
    let of_a_start = syncs(&tracer);
    usher.kill_9();
    let inject = format!("fsync,fdatasync:delay_enter={}:when={}+", sync.as_micros(), of_a_start + 1);
    usher.within(tracer.around(&[inject]));
    usher.restart().await;
    usher
}

async fn long_syncs(sandbox: &Sandbox, sync: Duration, many: usize, found: &mut Found) {
    let mut usher = started(sandbox, sync).await;
    let name = format!("{} ms", sync.as_millis());
    let yes = grants(sandbox, &format!("of{}-", sync.as_millis()), many).await;
    let no: Vec<Payload> =
        (0..many).map(|n| Payload::grant(&format!("no{n}@example.com"), &["nothing"])).collect();
    let (granted, refused) = tokio::join!(
        join_all(yes.iter().map(|payload| usher.send(payload))),
        join_all(no.iter().map(|payload| usher.send(payload))),
    );
    for answer in &granted {
        // The acceptance, the intent and the proof are on disk before a positive answer.
        if answer.took > ANSWERED_WITHIN || (answer.is_positive() && answer.took < sync * 3) {
            found.trouble(format!("with syncs of {name}: {answer:?}"));
        }
    }
    // Half of them, since a machine may be as slow as a disk at times; had they waited for it, none would be there so soon.
    let soon = refused.iter().filter(|answer| !answer.is_positive() && answer.took < AT_ONCE).count();
    if soon * 2 < many {
        found.trouble(format!("with syncs of {name} they waited for the disk: {refused:?}"));
    }
    let slowest = |answers: &[Answer]| answers.iter().map(|answer| answer.took).max().unwrap_or_default();
    let positive = granted.iter().filter(|answer| answer.is_positive()).count();
    found.figure(format!("{name}: answered yes"), format!("{positive} of {many}"));
    found.figure(format!("{name}: slowest answer, ms"), slowest(&granted).as_millis());
    found.figure(format!("{name}: slowest refusal, ms"), slowest(&refused).as_millis());
    // What was too late goes on afterwards; what was being written is lost with the process, or is not.
    usher.kill_9();
    usher.within(Around::default());
    usher.restart().await;
    let people: Vec<&str> = yes.iter().map(Payload::email).collect();
    let heard: Vec<(Payload, Answer)> = yes.iter().cloned().zip(granted).collect();
    let troubles = check::troubles(sandbox, &usher, &people, &heard).await;
    troubles.into_iter().for_each(|trouble| found.trouble(trouble));
}
