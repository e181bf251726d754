//! Numbers that look random, of a seed that is printed and can be run again.

use std::hash::{BuildHasher, Hasher, RandomState};

#[derive(Clone, Debug)]
pub struct Numbers(fastrand::Rng);

impl Numbers {
    pub fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    /// Others, which do not depend on how many of these are taken.
    pub fn apart(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// One of these.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// `USHER_TEST_SEED`, so that what a failure has shown can be run again; else one that nobody foresees.
pub fn seed() -> u64 {
    let given = std::env::var("USHER_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    // The keys of a hasher are random, which is all that is wanted.
    given.unwrap_or_else(|| RandomState::new().build_hasher().finish())
}
