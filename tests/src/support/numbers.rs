//! Numbers that look random, of a seed that is printed and can be run again.

use std::hash::{BuildHasher, Hasher, RandomState};

/// SplitMix64 of Steele, Lea and Flood.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
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
