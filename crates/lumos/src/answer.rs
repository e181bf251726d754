use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use usher_core::Direction;

/// Access was given (Lumos, "Provisioning Webhooks").
pub const PROVISIONED_USER: &str = "PROVISIONED_USER";
/// Nothing was done, or not all (Lumos, "Provisioning Webhooks").
pub const NO_PROVISIONING_ACTION: &str = "NO_PROVISIONING_ACTION";
/// Access was taken. Unpublished: seen in one public handler.
pub const DEPROVISIONED_USER: &str = "DEPROVISIONED_USER";

/// How success is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuccessStyle {
    /// 200 with a body.
    Json,
    /// 204 without one.
    NoContent,
}

/// How an app says success, in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Style {
    /// `success`: of a provisioning, JSON by default.
    pub provision: SuccessStyle,
    /// `deprovision_success`: 204 by default, the only success that Lumos has published for this direction.
    pub deprovision: SuccessStyle,
}

impl Default for Style {
    fn default() -> Self {
        Self { provision: SuccessStyle::Json, deprovision: SuccessStyle::NoContent }
    }
}

/// What became of a webhook that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Everything that was asked for is so.
    Positive,
    /// It is not so, or not yet, or it is not known.
    Negative {
        /// Why, for people. Sent where the status is no success, so it must hold nothing personal.
        message: String,
    },
    /// The "Test Webhook" button: nothing was done, and that is in order in both directions.
    Test,
}

impl Answer {
    /// What is sent: a 2xx body is exactly the published contract, any other bears the message too.
    ///
    /// A failed removal is 502: what Lumos makes of a 200 there is unpublished, and it must not pass for a done one.
    #[must_use]
    pub fn reply(&self, direction: Direction, style: Style) -> Reply {
        let (style, done) = match direction {
            Direction::Provision => (style.provision, PROVISIONED_USER),
            Direction::Deprovision => (style.deprovision, DEPROVISIONED_USER),
        };
        match (self, direction, style) {
            (Self::Positive, _, SuccessStyle::NoContent) => Reply::new(204, None),
            (Self::Positive, _, SuccessStyle::Json) => Reply::new(200, Some(json!({ "response": done }))),
            (Self::Negative { message }, Direction::Deprovision, _) => Reply::failure(502, message),
            (Self::Negative { .. }, Direction::Provision, _) | (Self::Test, ..) => {
                Reply::new(200, Some(json!({ "response": NO_PROVISIONING_ACTION })))
            }
        }
    }
}

/// Why a call was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorAnswer {
    /// 400: no JSON, a field of the wrong type, no usable subject.
    BadRequest {
        /// Which field and why: a [`crate::PayloadError`] as text. Nothing personal.
        message: String,
    },
    /// 401: no credential, or a wrong one. Does not say which.
    Unauthorized,
    /// 408: the request did not arrive in time.
    TooSlow,
    /// 413: the body is larger than allowed.
    TooLarge {
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// 503: too much is going on.
    Overloaded {
        /// Seconds to wait, for the `Retry-After` header.
        retry_after: u32,
    },
}

impl ErrorAnswer {
    /// What is sent, the same in both directions.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::BadRequest { message } => Reply::failure(400, message),
            // No word of the contract: whoever this is has not shown to be Lumos.
            Self::Unauthorized => {
                Reply::new(401, Some(json!({ "message": "send the shared secret in the configured header" })))
            }
            Self::TooSlow => Reply::failure(408, "the request did not arrive in time: send it again"),
            Self::TooLarge { limit } => {
                Reply::failure(413, &format!("the body is larger than the {limit} bytes that are taken"))
            }
            Self::Overloaded { retry_after } => Reply {
                retry_after: Some(*retry_after),
                ..Reply::failure(503, &format!("too many requests are running: wait {retry_after} seconds"))
            },
        }
    }
}

/// An HTTP answer as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; `None` for 204.
    pub body: Option<Value>,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u32>,
}

impl Reply {
    fn new(status: u16, body: Option<Value>) -> Self {
        Self { status, body, retry_after: None }
    }

    fn failure(status: u16, message: &str) -> Self {
        Self::new(status, Some(json!({ "response": NO_PROVISIONING_ACTION, "message": message })))
    }
}
