//! The fault suite: what Usher promises, while processes are killed, disks fail, clocks jump, and vendors and networks do their worst.
//!
//! Each part is run twice: with a short bound by `./test` (`tests/faults`), and with a long one by
//! `cargo run -p usher-tests --release --bin faults -- --long`.

pub mod clocks;
pub mod disk;
pub mod hung_up;
pub mod kills;
pub mod mixture;
mod run;
pub mod silence;
pub mod stopped;
pub mod three;

use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use run::{Chosen, run};

use crate::support::ANSWERED_WITHIN;

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A part takes seconds.
    Short,
    /// What is promised in figures; a part takes minutes.
    Long,
}

impl Bound {
    pub fn is_long(self) -> bool {
        self == Self::Long
    }

    /// The one or the other.
    pub fn of<T>(self, short: T, long: T) -> T {
        if self.is_long() { long } else { short }
    }

    /// The latest that an answer may come. The short run shares its machine with all other tests, and holds to what senders bear: they
    /// give up at 15 s.
    pub fn answered_within(self) -> Duration {
        self.of(Duration::from_millis(14_500), ANSWERED_WITHIN)
    }
}

/// What a part has found. A part that could not be run at all panics.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// In the order in which they are shown.
    pub figures: Vec<(String, String)>,
    /// What is not as it is promised, one by one.
    pub troubles: Vec<String>,
}

impl Found {
    pub fn figure(&mut self, what: impl Into<String>, value: impl std::fmt::Display) {
        self.figures.push((what.into(), value.to_string()));
    }

    pub fn trouble(&mut self, what: impl Into<String>) {
        self.troubles.push(what.into());
    }

    /// For the tests: shows the figures, and fails where anything was found.
    pub fn must_be_clean(self) {
        for (what, value) in &self.figures {
            println!("{what}: {value}");
        }
        assert!(self.troubles.is_empty(), "{}", self.troubles.join("\n"));
    }
}

type Running = Pin<Box<dyn Future<Output = Found> + Send>>;

/// A part of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub name: &'static str,
    /// What is done to it, and what has to hold.
    pub about: &'static str,
    pub run: fn(Bound, u64) -> Running,
}

/// All of them, in the order in which they run.
pub const PARTS: &[Part] = &[
    Part {
        name: "kills",
        about: "kill -9 at random moments under load",
        run: |bound, seed| Box::pin(kills::run(bound, seed)),
    },
    Part {
        name: "mixture",
        about: "a seeded mixture of all faults at all three connectors, with a few kills",
        run: |bound, seed| Box::pin(mixture::run(bound, seed)),
    },
    Part {
        name: "silence",
        about: "a vendor behind a network that swallows what is sent, and comes back",
        run: |bound, seed| Box::pin(silence::run(bound, seed)),
    },
    Part {
        name: "stopped",
        about: "SIGSTOP of Usher and of the vendor in the middle, and SIGCONT later",
        run: |bound, seed| Box::pin(stopped::run(bound, seed)),
    },
    Part {
        name: "hung_up",
        about: "senders that hang up before they are answered",
        run: |bound, seed| Box::pin(hung_up::run(bound, seed)),
    },
    Part {
        name: "every_write",
        about: "kill -9 at every call that writes or syncs the journal's files",
        run: |bound, seed| Box::pin(disk::writes::run(bound, seed)),
    },
    Part {
        name: "power_cuts",
        about: "what was not synced is lost, torn or spoilt",
        run: |bound, seed| Box::pin(disk::power::run(bound, seed)),
    },
    Part {
        name: "broken_disk",
        about: "EIO at a write or sync, once and for ever",
        run: |bound, seed| Box::pin(disk::broken::errors(bound, seed)),
    },
    Part {
        name: "full_disk",
        about: "ENOSPC on a small file system",
        run: |bound, seed| Box::pin(disk::broken::full(bound, seed)),
    },
    Part {
        name: "slow_disk",
        about: "syncs of 5 ms and of 2 s",
        run: |bound, seed| Box::pin(disk::slow::run(bound, seed)),
    },
    Part {
        name: "start_up",
        about: "a second process on the journal, and the check after an unclean stop",
        run: |bound, seed| Box::pin(disk::start::run(bound, seed)),
    },
    Part {
        name: "clocks",
        about: "the wall clock jumps, before, while and after a request runs, and over a restart",
        run: |bound, seed| Box::pin(clocks::run(bound, seed)),
    },
];
