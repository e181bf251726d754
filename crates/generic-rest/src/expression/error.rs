//! What can be wrong with an expression: when it is read, and when it runs.

use std::fmt;
use std::ops::Range;

/// Characters of an expression that a message shows at the most.
const SHOWN: usize = 160;

/// A mistake in the text of an expression, a template or a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One sentence that says what is wrong.
    pub message: String,
    /// What to write instead, where that can be told.
    pub hint: Option<String>,
    /// Where it stands: bytes within the text that was given. For a tree: within the text of its leaf.
    pub range: Range<usize>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>, range: Range<usize>) -> Self {
        Self { message: message.into(), hint: None, range }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, for a text that this one is a part of and begins in at `offset`.
    pub(crate) fn shifted(mut self, offset: usize) -> Self {
        self.range = self.range.start + offset..self.range.end + offset;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalErrorKind {
    /// Several entries were found where there may be one.
    Ambiguous {
        /// How many.
        hits: usize,
    },
    /// Something that is not there.
    Undefined,
    /// A value of a type that cannot be used there.
    WrongType,
    /// Anything else: a limit, a value that a sink cannot carry, nothing found where `one` wants one.
    Other,
}

/// An expression could not be evaluated, or its value cannot go where it should.
///
/// The message names the expression and never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// What kind of error it is.
    pub kind: EvalErrorKind,
    /// One sentence.
    pub message: String,
}

impl EvalError {
    pub(crate) fn new(kind: EvalErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn undefined(message: impl Into<String>) -> Self {
        Self::new(EvalErrorKind::Undefined, message)
    }

    pub(crate) fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(EvalErrorKind::WrongType, message)
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(EvalErrorKind::Other, message)
    }

    /// The same, with the expression in front.
    pub(crate) fn of(mut self, source: &str) -> Self {
        self.message = format!("`{}`: {}", shown(source), self.message);
        self
    }

    /// The same, with where it stands in front, such as `query parameter "search"`.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

/// An expression as a message shows it: on one line, and not without end.
pub(crate) fn shown(source: &str) -> String {
    let one_line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", one_line.get(..end).unwrap_or_default()),
        None => one_line,
    }
}
