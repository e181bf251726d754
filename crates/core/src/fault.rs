use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether a request may have reached the vendor: what decides if a change is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sent {
    /// Surely not: no connection was made (refused, DNS), or we never tried.
    No,
    /// It cannot be told: a time-out, a reset, a closed connection.
    Maybe,
    /// The vendor answered.
    Yes,
}

/// Why a vendor, or a connector, will not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// Every paid seat is taken.
    NoSeat,
    /// The vendor forbids it.
    Forbidden,
    /// An account that no request may touch.
    Protected,
    /// Several accounts would fit.
    Ambiguous,
    /// Somebody else (an identity provider, SCIM) manages it.
    ManagedElsewhere,
    /// The person cannot be found for certain.
    Unresolvable,
    /// The vendor calls the request wrong.
    Invalid,
    /// Anything else.
    Other,
}

/// A definite no.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of no.
    pub kind: RefusalKind,
    /// One sentence for people that says what to do. No secret, no personal data.
    pub sentence: String,
}

impl Refusal {
    /// A refusal of a kind.
    pub fn new(kind: RefusalKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }
}

/// What may be done after a fault.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Remedy {
    /// Try again. A change only where `sent` is [`Sent::No`]; else it is read back first.
    Retry {
        /// Not before.
        after: Option<Duration>,
    },
    /// The vendor's or our own rate limit: surely not applied.
    Throttled {
        /// Not before.
        after: Option<Duration>,
    },
    /// The outcome is unknown: wait until it can no longer arrive, and look.
    ReadBack,
    /// A person has to mend something, such as a credential.
    Person,
    /// A definite no.
    Refused(Refusal),
}

/// What went wrong with a call. Plain data, since it travels through events and the journal: no secret, no body, no address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fault {
    /// Whether the vendor may have got the request.
    pub sent: Sent,
    /// What may be done.
    pub remedy: Remedy,
    /// What was tried, such as `update user`.
    pub operation: String,
    /// What else helps whoever reads it: status, path template.
    pub context: Vec<(String, String)>,
    /// The cause, as text.
    pub source: Option<String>,
}

impl Fault {
    /// A fault of an operation.
    pub fn new(operation: impl Into<String>, sent: Sent, remedy: Remedy) -> Self {
        Self { sent, remedy, operation: operation.into(), context: Vec::new(), source: None }
    }

    /// Adds a pair to the context.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), value.into()));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl fmt::Display) -> Self {
        self.source = Some(source.to_string());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        match &self.remedy {
            Remedy::Refused(refusal) => write!(f, "{}", refusal.sentence)?,
            Remedy::Throttled { .. } => write!(f, "the vendor's rate limit")?,
            Remedy::Person => {
                write!(
                    f,
                    "mend the connection (usher check --live says what is wrong), then replay the request"
                )?;
            }
            Remedy::Retry { .. } | Remedy::ReadBack => match self.sent {
                Sent::No => write!(f, "the vendor could not be reached")?,
                Sent::Maybe => write!(f, "no answer from the vendor")?,
                Sent::Yes => write!(f, "the vendor failed")?,
            },
        }
        for (key, value) in &self.context {
            write!(f, ", {key} {value}")?;
        }
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
