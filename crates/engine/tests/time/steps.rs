//! What happens in a history: plain steps, made from a seed.

use std::time::Duration;

use fastrand::Rng;

pub(crate) const PEOPLE: [&str; 4] =
    ["ada@example.com", "bob@example.com", "cy@example.com", "dee@example.com"];
pub(crate) const APPS: [&str; 2] = ["app", "other"];

/// How long after a call that was not answered it may still arrive, and where a 202 is possible.
const SETTLE: Duration = Duration::from_secs(15);
const SETTLE_AFTER_202: Duration = Duration::from_secs(600);

/// What is so during a whole history.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    /// Teams are entered by invitation.
    pub(crate) invites: bool,
    /// The connector can tell with authority that somebody has neither an invitation nor access.
    pub(crate) vouches: bool,
    /// No reading shows an open invitation.
    pub(crate) hides: bool,
    /// What is wanted may be answered with a 202.
    pub(crate) accepts: bool,
    /// How stale a reading may be.
    pub(crate) lag: Duration,
    /// `after_deadline = "stop"`, by app.
    pub(crate) stops: [bool; 2],
    /// `counts_as_provisioned = "invited"`, by app.
    pub(crate) counts: [bool; 2],
    /// Calls are refused for a while where the vendor fails.
    pub(crate) breaks: bool,
    /// Whether all that happens is told.
    pub(crate) tells: bool,
    /// What each has before: a role, and teams.
    pub(crate) has: [&'static [(&'static str, &'static str)]; 4],
}

impl Setup {
    pub(crate) fn settle(&self) -> Duration {
        if self.accepts { SETTLE_AFTER_202 } else { SETTLE }
    }

    fn random(seed: u64, rng: &mut Rng) -> Self {
        let invites = rng.u8(..3) == 0;
        let before: [&[(&str, &str)]; 5] = [
            &[("role", "end-user")],
            &[("role", "end-user")],
            &[],
            &[("role", "light"), ("team", "b")],
            &[("role", "agent"), ("team", "a")],
        ];
        Self {
            seed,
            invites,
            vouches: rng.bool(),
            hides: rng.u8(..8) == 0,
            accepts: rng.u8(..3) == 0,
            lag: Duration::from_secs(if rng.u8(..3) == 0 { rng.u64(1..30) } else { 0 }),
            stops: [rng.u8(..4) == 0, rng.u8(..4) == 0],
            counts: [rng.bool(), rng.bool()],
            breaks: rng.bool(),
            tells: false,
            has: std::array::from_fn(|_| before[rng.usize(..before.len())]),
        }
    }
}

/// What a changing call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    NotSent,
    /// 429.
    Throttled(Option<Duration>),
    /// A time-out; it lands so long after, or never.
    Lost(Option<Duration>),
    /// The connector itself does not keep its time; it lands so long after, or never.
    Hangs(Option<Duration>),
    /// The connection is reset, before or after it was applied.
    Reset {
        applied: bool,
    },
    /// 5xx, and it was applied.
    FailsApplied,
    Refused,
    NoSeat,
    /// 401.
    Credential,
    /// 202: its end.
    Accepted(Job),
}

/// How a 202 ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Done(Duration),
    Fails(Duration),
    Never,
}

/// What a reading comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Fails,
    Throttled(Option<Duration>),
    Credential,
    Takes(Duration),
    Hangs,
    /// It shows nothing of it.
    Unreadable,
}

/// What every call to the vendor comes to for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// No connection.
    Refuses,
    /// No answer.
    Swallows,
    /// 503 to readings and changes; nothing is applied.
    Fails,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Grant {
        who: usize,
        app: usize,
        names: &'static [&'static str],
        hours: Option<u64>,
    },
    Order {
        who: usize,
        app: usize,
        names: &'static [&'static str],
    },
    OrderAll {
        who: usize,
        app: usize,
    },
    /// The delivery so many before the last, once more.
    Again(usize),
    /// An operator runs the one so many before the last again, or closes it.
    Replay(usize),
    Close(usize),
    Pause,
    Resume,
    Pass(Duration),
    Calls {
        who: usize,
        as_: Called,
    },
    Shows {
        who: usize,
        as_: Sight,
    },
    Down {
        as_: Outage,
        time: Duration,
    },
    /// Somebody else gives or takes it by hand.
    Hand {
        who: usize,
        gives: bool,
        facet: (&'static str, &'static str),
    },
    /// The invitee accepts all that is open.
    Accepts(usize),
    /// The process is killed, and there is none for a while.
    Kill {
        gone: Duration,
    },
    /// The same at the so manieth await from here.
    KillAt {
        awaits: u32,
        gone: Duration,
    },
    JournalAway(Duration),
    /// An I/O error at the next write, which is on disk or is not.
    JournalFails {
        written: bool,
    },
    SlowJournal(Duration),
    /// The wall clock is set by so many seconds.
    Clock(i64),
    /// All faults are over.
    Heal,
    /// An operator runs again what is with a person; what cannot be is closed.
    ReplayAll,
    /// An operator closes what no replay can end.
    CloseAll,
    /// Everybody accepts.
    AllAccept,
    /// Nothing is left to be waited for.
    End,
}

const NAMES: [&[&str]; 9] = [
    &["agent"],
    &["light"],
    &["a"],
    &["a"],
    &["b"],
    &["both"],
    &["a", "b"],
    &["agent", "b"],
    &["light", "a"],
];

/// A history of some days.
pub(crate) fn random(seed: u64, days: std::ops::Range<u64>) -> (Setup, Vec<Step>) {
    let mut rng = Rng::with_seed(seed);
    let setup = Setup::random(seed, &mut rng);
    let end = Duration::from_secs(rng.u64(days) * DAY);
    let (mut steps, mut time) = (Vec::new(), Duration::ZERO);
    while time < end {
        for _ in 0..rng.usize(2..9) {
            steps.extend(one(&mut rng, &setup));
            let gap = short(&mut rng);
            time += gap;
            steps.push(Step::Pass(gap));
        }
        let gap = long(&mut rng);
        time += gap;
        steps.push(Step::Pass(gap));
    }
    (setup, steps)
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn short(rng: &mut Rng) -> Duration {
    Duration::from_millis(match rng.u8(..8) {
        0 => rng.u64(..30),
        1..4 => rng.u64(..1_500),
        4..6 => rng.u64(..15_000),
        6 => rng.u64(..60_000),
        _ => rng.u64(..900_000),
    })
}

fn long(rng: &mut Rng) -> Duration {
    Duration::from_secs(match rng.u8(..4) {
        0 => rng.u64(60..HOUR),
        1 | 2 => rng.u64(HOUR..DAY),
        _ => rng.u64(DAY..4 * DAY),
    })
}

/// What happens next.
fn one(rng: &mut Rng, setup: &Setup) -> Vec<Step> {
    let (who, app) = (rng.usize(..PEOPLE.len()), rng.usize(..APPS.len()));
    let names = NAMES[rng.usize(..NAMES.len())];
    let step = match rng.u8(..64) {
        0..14 => {
            let hours = (rng.u8(..3) == 0).then(|| rng.u64(1..80));
            Step::Grant { who, app, names, hours }
        }
        14..23 => Step::Order { who, app, names },
        23..26 => Step::OrderAll { who, app },
        26..29 => Step::Again(rng.usize(..6)),
        29 | 30 => Step::Replay(rng.usize(..6)),
        31 => Step::Close(rng.usize(..6)),
        32 => {
            let time = Duration::from_secs(rng.u64(..2 * HOUR));
            return vec![Step::Pause, Step::Pass(time), Step::Resume];
        }
        33..44 => Step::Calls { who, as_: called(rng, setup) },
        44..48 => Step::Shows { who, as_: sight(rng) },
        48 => {
            let as_ = [Outage::Refuses, Outage::Swallows, Outage::Fails][rng.usize(..3)];
            Step::Down { as_, time: Duration::from_secs(rng.u64(10..10 * HOUR)) }
        }
        49 | 50 => {
            let facet =
                [("role", "agent"), ("role", "light"), ("role", "end-user"), ("team", "a"), ("team", "b")];
            Step::Hand { who, gives: rng.bool(), facet: facet[rng.usize(..facet.len())] }
        }
        51..54 if setup.invites => Step::Accepts(who),
        51..54 => Step::Grant { who, app, names, hours: None },
        54 | 55 => Step::Kill { gone: gone(rng) },
        56..59 => Step::KillAt { awaits: rng.u32(1..25), gone: gone(rng) },
        59 => Step::JournalAway(Duration::from_millis(rng.u64(..20_000))),
        60 => Step::JournalFails { written: rng.bool() },
        61 => Step::SlowJournal(Duration::from_millis([0, 0, 50, 800, 2_500, 6_000][rng.usize(..6)])),
        62 => {
            let most = i64::try_from(if rng.bool() { 6 * HOUR } else { 120 }).unwrap();
            Step::Clock(rng.i64(-most..=most))
        }
        _ => return hurry(rng, who, app, names),
    };
    vec![step]
}

/// Several webhooks of one person at once, as Lumos sends them for one approval, the last of them twice.
fn hurry(rng: &mut Rng, who: usize, app: usize, names: &'static [&'static str]) -> Vec<Step> {
    let hours = None;
    vec![
        Step::Grant { who, app, names, hours },
        Step::Grant { who, app: 1 - app, names: NAMES[rng.usize(..NAMES.len())], hours },
        Step::Order { who, app, names },
        Step::Again(rng.usize(..3)),
        Step::Again(0),
    ]
}

fn gone(rng: &mut Rng) -> Duration {
    Duration::from_millis(match rng.u8(..4) {
        0 => 0,
        1 | 2 => rng.u64(..5_000),
        _ => rng.u64(..3 * HOUR * 1000),
    })
}

fn called(rng: &mut Rng, setup: &Setup) -> Called {
    let settle = u64::try_from(setup.settle().as_millis()).unwrap();
    // Half of them soon, since that is when something else happens.
    let late = match rng.u8(..4) {
        0 => None,
        1 | 2 => Some(Duration::from_millis(rng.u64(..12_000))),
        _ => Some(Duration::from_millis(rng.u64(..settle - 200))),
    };
    let after = (rng.bool()).then(|| Duration::from_millis(rng.u64(..20_000)));
    match rng.u8(..14) {
        0 => Called::NotSent,
        1 | 2 => Called::Throttled(after),
        3..6 => Called::Lost(late),
        6 => Called::Hangs(late),
        7 | 8 => Called::Reset { applied: rng.bool() },
        9 => Called::FailsApplied,
        10 => Called::Refused,
        11 => [Called::NoSeat, Called::Credential][rng.usize(..2)],
        _ if setup.accepts => Called::Accepted(match rng.u8(..6) {
            0 => Job::Never,
            1 => Job::Fails(Duration::from_millis(rng.u64(..60_000))),
            2 => Job::Done(Duration::from_millis(rng.u64(..590_000))),
            _ => Job::Done(Duration::from_millis(rng.u64(..20_000))),
        }),
        _ => Called::Lost(late),
    }
}

fn sight(rng: &mut Rng) -> Sight {
    match rng.u8(..9) {
        0 | 1 => Sight::Fails,
        2 => Sight::Throttled(rng.bool().then(|| Duration::from_millis(rng.u64(..30_000)))),
        3 => Sight::Credential,
        4..7 => Sight::Takes(Duration::from_millis(rng.u64(..20_000))),
        7 => Sight::Hangs,
        _ => Sight::Unreadable,
    }
}

/// How a history ends: all faults stop, and there is enough time.
pub(crate) fn finale() -> Vec<Step> {
    let seconds = |n| Step::Pass(Duration::from_secs(n));
    let mut steps = vec![Step::Heal];
    steps.extend(std::iter::repeat_n(seconds(5), 24));
    steps.extend(std::iter::repeat_n(seconds(600), 12));
    // What may not be sent twice within a day, what is given up after one, and what lapses after three.
    steps.extend(std::iter::repeat_n(seconds(6 * HOUR), 20));
    // A second time, since an order that is run again may take what a grant waits for.
    for _ in 0..2 {
        steps.push(Step::ReplayAll);
        steps.extend(std::iter::repeat_n(seconds(600), 12));
        steps.push(Step::AllAccept);
        steps.extend(std::iter::repeat_n(seconds(6 * HOUR), 5));
        steps.push(Step::AllAccept);
    }
    steps.extend(std::iter::repeat_n(seconds(6 * HOUR), 2));
    steps.push(Step::CloseAll);
    steps.extend([seconds(1200), seconds(6 * HOUR)]);
    steps.push(Step::End);
    steps
}
