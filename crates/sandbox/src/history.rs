//! Rows with their earlier versions, so that a stale reading shows a state that really was.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Earlier versions kept of one row. A reading further back than these shows the row as not yet there.
const VERSIONS_KEPT: usize = 64;
/// Writes of which the time is kept.
const WRITES_KEPT: usize = 100_000;

/// Which state a reading shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The present one.
    Now,
    /// The one after the write of this number, and before the next.
    AsOf(u64),
}

/// Numbers the writes of one vendor and knows when each was.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    last: u64,
    writes: VecDeque<(u64, Duration)>,
}

impl Timeline {
    /// Counts one write at `now`, and says its number. What was seeded has number 0.
    pub(crate) fn write(&mut self, now: Duration) -> u64 {
        self.last += 1;
        self.writes.push_back((self.last, now));
        if self.writes.len() > WRITES_KEPT {
            self.writes.pop_front();
        }
        self.last
    }

    /// The state before the last write.
    pub(crate) fn before_last(&self) -> Reading {
        Reading::AsOf(self.last.saturating_sub(1))
    }

    /// The state as it stood at `moment`.
    pub(crate) fn at(&self, moment: Duration) -> Reading {
        let later = self.writes.iter().rev().take_while(|(_, at)| *at > moment).last();
        later.map_or(Reading::Now, |(number, _)| Reading::AsOf(number.saturating_sub(1)))
    }
}

/// Rows by key, each with its versions in the order of their writes. Rows are never removed: a vendor marks them.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, VecDeque<Version<V>>>,
}

#[derive(Debug)]
struct Version<V> {
    write: u64,
    row: Arc<V>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<K: Ord, V> Table<K, V> {
    pub(crate) fn put(&mut self, key: K, write: u64, row: V) {
        let versions = self.rows.entry(key).or_default();
        versions.push_back(Version { write, row: Arc::new(row) });
        if versions.len() > VERSIONS_KEPT {
            versions.pop_front();
        }
    }

    pub(crate) fn get(&self, key: &K, reading: Reading) -> Option<Arc<V>> {
        self.rows.get(key).and_then(|versions| pick(versions, reading))
    }

    /// All rows in the order of their keys.
    pub(crate) fn rows(&self, reading: Reading) -> impl Iterator<Item = Arc<V>> {
        self.rows.values().filter_map(move |versions| pick(versions, reading))
    }
}

fn pick<V>(versions: &VecDeque<Version<V>>, reading: Reading) -> Option<Arc<V>> {
    let found = match reading {
        Reading::Now => versions.back(),
        Reading::AsOf(write) => versions.iter().rev().find(|version| version.write <= write),
    };
    found.map(|version| Arc::clone(&version.row))
}
