//! The fault suite: what Usher promises, while processes are killed, disks fail, clocks jump, and vendors and networks do their worst.
//!
//! Each part is run twice: with a short bound by `./test` (`tests/faults`), and with a long one by
//! `cargo run -p usher-tests --release --bin faults -- --long`.

pub mod kills;
mod run;

use std::pin::Pin;

pub use run::{Chosen, run};

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
}

/// What a part has found. A part that could not be run at all panics.
#[derive(Clone, Debug, Default)]
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
pub const PARTS: &[Part] = &[Part {
    name: "kills",
    about: "kill -9 at random moments under load",
    run: |bound, seed| Box::pin(kills::run(bound, seed)),
}];
