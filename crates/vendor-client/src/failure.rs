use std::time::Duration;

use http::StatusCode;
use usher_core::{Fault, HttpFailure, HttpFailureKind, Refusal, RefusalKind, Remedy, Sent};

/// How a request to a vendor failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request itself is wrong: a parameter, a header, a link to another origin. Nothing was sent.
    Request,
    /// The call's time was over before anything was sent.
    NoTime,
    /// The host name could not be resolved.
    Dns,
    /// The host resolves to a private address, and those are not allowed.
    PrivateAddress,
    /// No connection, or no TLS session, was made.
    Connect,
    /// Time ran out during the exchange.
    TimedOut,
    /// The connection broke.
    Broken,
    /// The answer is larger than allowed.
    BodyTooLarge,
    /// The vendor redirects to another origin, or in circles.
    Redirect,
    /// Our own limit has no permit within the call's deadline. Nothing was sent.
    OwnLimit,
    /// The vendor's rate limit.
    Throttled,
    /// The token endpoint, or the vendor, does not accept the credential.
    Credential,
    /// The token endpoint failed; the call itself was not sent.
    TokenUnavailable,
    /// The vendor answered, but not in the form that it documents.
    Unreadable,
}

impl FailureKind {
    /// A word for traces and faults, such as `timed-out`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::NoTime => "no-time",
            Self::Dns => "dns",
            Self::PrivateAddress => "private-address",
            Self::Connect => "connect",
            Self::TimedOut => "timed-out",
            Self::Broken => "broken",
            Self::BodyTooLarge => "body-too-large",
            Self::Redirect => "redirect",
            Self::OwnLimit => "own-limit",
            Self::Throttled => "throttled",
            Self::Credential => "credential",
            Self::TokenUnavailable => "token-unavailable",
            Self::Unreadable => "unreadable",
        }
    }
}

impl From<HttpFailureKind> for FailureKind {
    fn from(kind: HttpFailureKind) -> Self {
        match kind {
            HttpFailureKind::Dns => Self::Dns,
            HttpFailureKind::PrivateAddress => Self::PrivateAddress,
            HttpFailureKind::Connect => Self::Connect,
            HttpFailureKind::TimedOut => Self::TimedOut,
            HttpFailureKind::Broken => Self::Broken,
            HttpFailureKind::BodyTooLarge => Self::BodyTooLarge,
        }
    }
}

/// A request that brought no answer that a connector could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct VendorFailure {
    /// Whether the request may have reached the vendor.
    pub sent: Sent,
    /// How it failed.
    pub kind: FailureKind,
    /// Not before, where the vendor or our limit says so.
    pub after: Option<Duration>,
    /// The answer's status, if there was one.
    pub status: Option<StatusCode>,
    /// Whether the request alters something at the vendor.
    pub changes: bool,
    /// One sentence. No URL, header, body or secret.
    pub message: String,
}

impl VendorFailure {
    /// A failure before anything was sent.
    pub fn before_sending(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { sent: Sent::No, kind, after: None, status: None, changes: false, message: message.into() }
    }

    /// A failure on account of an answer.
    pub fn answered(kind: FailureKind, status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            sent: Sent::Yes,
            kind,
            after: None,
            status: Some(status),
            changes: false,
            message: message.into(),
        }
    }

    /// Sets the time before which it makes no sense to try again.
    #[must_use]
    pub fn after(mut self, after: Option<Duration>) -> Self {
        self.after = after;
        self
    }

    /// Says whether the request alters something.
    #[must_use]
    pub fn of_a_change(mut self, changes: bool) -> Self {
        self.changes = changes;
        self
    }

    /// The fault that the engine understands. `template` is the path template, never the path.
    ///
    /// A change that may have arrived is to be read back; a read is to be tried again; what a person has to mend says so.
    #[must_use]
    pub fn into_fault(self, operation: impl Into<String>, template: impl Into<String>) -> Fault {
        let remedy = self.remedy();
        let mut fault = Fault::new(operation, self.sent, remedy)
            .with("path", template)
            .with("failure", self.kind.as_str());
        if let Some(status) = self.status {
            fault = fault.with("status", status.as_str());
        }
        fault.because(self.message)
    }

    fn remedy(&self) -> Remedy {
        match self.kind {
            FailureKind::Request => Remedy::Refused(Refusal::new(RefusalKind::Invalid, self.message.clone())),
            FailureKind::Throttled | FailureKind::OwnLimit => Remedy::Throttled { after: self.after },
            FailureKind::PrivateAddress | FailureKind::Credential => Remedy::Person,
            // Whatever its answer was, the change may have been made.
            _ if self.changes && self.sent != Sent::No => Remedy::ReadBack,
            FailureKind::BodyTooLarge | FailureKind::Redirect => Remedy::Person,
            FailureKind::NoTime
            | FailureKind::Dns
            | FailureKind::Connect
            | FailureKind::TimedOut
            | FailureKind::Broken
            | FailureKind::TokenUnavailable
            | FailureKind::Unreadable => Remedy::Retry { after: self.after },
        }
    }
}

impl From<HttpFailure> for VendorFailure {
    fn from(failure: HttpFailure) -> Self {
        Self {
            sent: failure.sent,
            kind: failure.kind.into(),
            after: None,
            status: None,
            changes: false,
            message: failure.message,
        }
    }
}
