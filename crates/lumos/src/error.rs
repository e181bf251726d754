use std::fmt;

use crate::address::AddressProblem;

/// Why a body is not a payload that can be acted on.
///
/// The message names the field by its path and what is wrong with it. Neither it nor `Debug` quotes anything that
/// was sent, not even the names of custom fields: both may be logged and sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadError {
    field: Option<String>,
    problem: Problem,
}

impl PayloadError {
    pub(crate) fn at(field: impl Into<String>, problem: Problem) -> Self {
        Self { field: Some(field.into()).filter(|path| !path.is_empty()), problem }
    }

    pub(crate) fn body(problem: Problem) -> Self {
        Self { field: None, problem }
    }

    /// The path of the field in error, such as `permissions[1].value`; `None` where it is the body as a whole.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field.as_deref().unwrap_or("the body"), self.problem)
    }
}

impl std::error::Error for PayloadError {}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("expected JSON in UTF-8, found other bytes")]
    NotUtf8,
    #[error("expected JSON, which it stops being at line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("is missing")]
    Missing,
    #[error("is blank")]
    Blank,
    #[error("is blank, and no label is there to match instead")]
    NeitherValueNorLabel,
    #[error("expected {expected}, found {found}")]
    WrongType { expected: &'static str, found: &'static str },
    #[error("is given twice, and which one is meant cannot be known")]
    Twice,
    #[error("has a field that is given twice, and which one is meant cannot be known")]
    MemberTwice,
    #[error("is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("has a name or a text that is longer than its limit ({limit} bytes)")]
    MemberTooLong { limit: usize },
    #[error("has more than {limit} entries")]
    TooMany { limit: usize },
    #[error("is nested more than {limit} levels deep")]
    TooDeep { limit: usize },
    #[error("expected a whole number of at least zero, found a negative one")]
    Negative,
    #[error("expected a whole number, found a fraction")]
    Fraction,
    #[error("is longer than {years} years")]
    TooFarAway { years: u64 },
    #[error("{0}")]
    Address(AddressProblem),
    #[error("names another person than {other} does")]
    TwoPeople { other: &'static str },
}
