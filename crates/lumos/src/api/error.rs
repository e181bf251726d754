use std::time::Duration;

use http::StatusCode;
use usher_core::{Remedy, Sent};
use usher_vendor_client::{FailureKind, VendorFailure, VendorResponse};

/// Why a call of Lumos's API did not come through. No token, no body and nothing personal is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 401: the token is not accepted.
    #[error("Lumos does not accept the API token: put a new one where [lumos] api_token reads it")]
    Unauthorized,
    /// 403: the token is neither the assignee's nor a domain admin's.
    #[error(
        "Lumos does not let this API token {operation}: use a token of the task's assignee or of a domain admin"
    )]
    Forbidden {
        /// What was tried.
        operation: &'static str,
    },
    /// 404: it is not there, or the Tasks API is not enabled for the domain.
    #[error("Lumos cannot {operation}: it is not there, or the Tasks API is not enabled for the domain")]
    NotFound {
        /// What was tried.
        operation: &'static str,
    },
    /// More than one task waits, and nothing says which is meant.
    #[error("{0} provisioning tasks wait for this request in Lumos, and nothing says which is meant")]
    Several(usize),
    /// Any other definite no.
    #[error("Lumos answered {status} to the attempt to {operation}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The status.
        status: u16,
    },
    /// No answer, a passing one (429, 5xx), or one that cannot be read.
    #[error("Lumos could not {operation}: {why}")]
    OutOfReach {
        /// What was tried.
        operation: &'static str,
        /// Whether it may have arrived all the same.
        sent: Sent,
        /// Not before, where Lumos or our own limit says so.
        after: Option<Duration>,
        /// How it failed.
        why: String,
    },
}

impl ApiError {
    pub(super) fn failed(operation: &'static str, failure: &VendorFailure) -> Self {
        if failure.status == Some(StatusCode::UNAUTHORIZED) {
            return Self::Unauthorized;
        }
        // What is told to come later has done nothing.
        let throttled = matches!(failure.kind, FailureKind::Throttled | FailureKind::OwnLimit);
        let sent = if throttled { Sent::No } else { failure.sent };
        Self::OutOfReach { operation, sent, after: failure.after, why: failure.message.clone() }
    }

    /// What a status says that is no success.
    pub(super) fn answered(operation: &'static str, response: &VendorResponse) -> Self {
        match response.status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden { operation },
            StatusCode::NOT_FOUND => Self::NotFound { operation },
            status => match response.fault(operation, "").remedy {
                Remedy::Refused(_) | Remedy::Person => Self::Refused { operation, status: status.as_u16() },
                remedy => Self::OutOfReach {
                    operation,
                    // Whatever failed on Lumos's side may have been done before.
                    sent: Sent::Maybe,
                    after: match remedy {
                        Remedy::Throttled { after } | Remedy::Retry { after } => after,
                        _ => None,
                    },
                    why: format!("it answered {}", status.as_u16()),
                },
            },
        }
    }
}
