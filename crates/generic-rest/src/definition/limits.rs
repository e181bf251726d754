//! How much a definition may hold: what is beyond is a slip, or an attack, and never a definition.

/// Bytes of a file.
pub(crate) const FILE: usize = 1 << 20;
/// Look-ups.
pub(super) const LOOKUPS: usize = 32;
/// Steps of all blocks.
pub(super) const STEPS: usize = 64;
/// Slots.
pub(super) const SLOTS: usize = 32;
/// `[[refuse]]` blocks, and entries of `classify`.
pub(super) const REFUSALS: usize = 64;
/// Tests.
pub(super) const TESTS: usize = 256;
/// Exchanges of a test, `times` counted.
pub(super) const EXCHANGES: u32 = 256;
/// `max_pages`.
pub(super) const PAGES: u32 = 1_000;
/// Levels of a JSON tree.
pub(super) const DEPTH: usize = 32;
/// Names in one table: variables, captures, pairs of a query.
pub(super) const NAMES: usize = 256;
/// Entries of one of `tables`, which may map each team of a company.
pub(super) const TABLE: usize = 4_096;
/// Bytes of a name, of which expressions are made.
pub(super) const NAME: usize = 64;
/// Bytes of a name for people, and of a message.
pub(super) const WORDS: usize = 512;
/// Bytes of an expression, or of a text with holes.
pub(super) const EXPRESSION: usize = 8 << 10;
