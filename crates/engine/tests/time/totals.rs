//! What happened in all histories together.

use std::collections::BTreeMap;

/// How often something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals(BTreeMap<&'static str, u64>);

impl Totals {
    pub(crate) fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: &'static str, number: u64) {
        *self.0.entry(what).or_default() += number;
    }

    pub(crate) fn include(&mut self, other: &Self) {
        for (what, number) in &other.0 {
            self.add(what, *number);
        }
    }

    pub(crate) fn print(&self) {
        for (what, number) in &self.0 {
            println!("{number:>9} {what}");
        }
    }

    /// What did not happen at all.
    pub(crate) fn missing<'a>(&self, expected: &[&'a str]) -> Vec<&'a str> {
        expected.iter().filter(|what| self.0.get(**what).is_none_or(|number| *number == 0)).copied().collect()
    }
}
