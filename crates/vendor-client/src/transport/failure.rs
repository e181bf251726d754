//! Was it sent? reqwest's errors, read closely.

use std::error::Error;

use usher_core::{HttpFailure, HttpFailureKind, Sent};

use super::resolve::PrivateOnly;

pub(super) const PRIVATE: &str =
    "the vendor's host has a private address: correct base_url, or set allow_private = true if it is meant";

/// What a failure before the answer's head means.
///
/// `is_connect` is hyper-util's word for: the request never got a connection (refused, unreachable, TLS handshake,
/// connect time-out). Everything else counts as perhaps sent, also what h2 could tell apart.
pub(super) fn classify(error: &reqwest::Error) -> HttpFailure {
    if !error.is_connect() {
        // A URL or header that reqwest does not take never left; ours are checked before.
        let sent = if error.is_builder() { Sent::No } else { Sent::Maybe };
        return HttpFailure { sent, ..broken(error) };
    }
    let (kind, message) = if any_cause(error, |cause| cause.is::<PrivateOnly>()) {
        (HttpFailureKind::PrivateAddress, PRIVATE.to_owned())
    } else if error.is_dns() {
        (HttpFailureKind::Dns, format!("the host name cannot be resolved: {}", root_cause(error)))
    } else {
        (HttpFailureKind::Connect, format!("no connection could be made: {}", root_cause(error)))
    };
    HttpFailure { sent: Sent::No, kind, message }
}

/// A failure after a connection was there.
pub(super) fn broken(error: &reqwest::Error) -> HttpFailure {
    let kind = if error.is_timeout() { HttpFailureKind::TimedOut } else { HttpFailureKind::Broken };
    HttpFailure { sent: Sent::Maybe, kind, message: format!("the connection broke: {}", root_cause(error)) }
}

/// The innermost error's text: those further out name the URL.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.is::<reqwest::Error>() {
        // Only this one could name the URL, and alone it has nothing to add.
        true => "unknown cause".into(),
        false => innermost.to_string(),
    }
}

fn any_cause(error: &(dyn Error + 'static), test: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if test(error) {
            return true;
        }
        next = error.source();
    }
    false
}
