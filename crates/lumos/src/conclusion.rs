use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use usher_core::Direction;

use crate::answer::{DEPROVISIONED_USER, NO_PROVISIONING_ACTION, PROVISIONED_USER};

/// How long Lumos waits for an answer (Lumos, "Webhook FAQs"). It does not ask again.
pub const LUMOS_WAITS: Duration = Duration::from_secs(15);

/// What Lumos makes of an answer, as far as anybody outside knows. `Display` is a sentence for `usher send`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The user has the access.
    Provisioned,
    /// The user has it not: Lumos opens a manual task.
    NotProvisioned,
    /// The access is gone.
    Deprovisioned,
    /// A status that is no success. What Lumos does with it is unpublished: presumably the webhook failed.
    Failed {
        /// The HTTP status.
        status: u16,
    },
    /// No answer within [`LUMOS_WAITS`]. [`conclude`] never returns it, since there is nothing to read.
    TimedOut,
    /// A success that says nothing which is published for the direction.
    Unknown {
        /// What is wrong with it.
        why: Unreadable,
    },
}

/// Why nobody can say what Lumos makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Neither 200 nor 204.
    #[error("of the successes, 200 and 204 alone are published")]
    Status,
    /// 200 with another body than a JSON object that bears a response.
    #[error("a 200 wants a JSON object with a `response`")]
    Body,
    /// A response that is not one of the direction's.
    #[error("its `response` is none that is known for this direction")]
    Response,
    /// `NO_PROVISIONING_ACTION` with 200 to a deprovisioning.
    #[error("what a 200 with NO_PROVISIONING_ACTION means to a removal is unpublished")]
    RemovalWithoutAction,
}

impl Conclusion {
    /// Whether Lumos takes the request for done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Provisioned | Self::Deprovisioned)
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provisioned => f.write_str("Lumos takes the access for given."),
            Self::NotProvisioned => {
                f.write_str("Lumos takes the access for not given and opens a manual task.")
            }
            Self::Deprovisioned => f.write_str("Lumos takes the access for removed."),
            Self::Failed { status } => {
                write!(f, "Lumos presumably takes the webhook for failed (status {status}).")
            }
            Self::TimedOut => write!(
                f,
                "Lumos gives up after {} seconds, assigns the groups of the request and opens a manual task.",
                LUMOS_WAITS.as_secs()
            ),
            Self::Unknown { why } => write!(f, "Nobody can say what Lumos makes of this answer: {why}."),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    output: Option<Value>,
    response: Option<Value>,
}

/// Reads an answer as Lumos does.
///
/// 204 is success, whatever is in the body. With 200, `{"response":"…"}` counts, and `{"output":{"response":"…"}}`
/// before it where `output` is there and not null. Anything that is not published is no success.
#[must_use]
pub fn conclude(status: u16, body: &[u8], direction: Direction) -> Conclusion {
    match status {
        204 => done(direction),
        200 => match response(body) {
            Some(response) => judge(&response, direction),
            None => Conclusion::Unknown { why: Unreadable::Body },
        },
        201..=299 => Conclusion::Unknown { why: Unreadable::Status },
        _ => Conclusion::Failed { status },
    }
}

fn done(direction: Direction) -> Conclusion {
    match direction {
        Direction::Provision => Conclusion::Provisioned,
        Direction::Deprovision => Conclusion::Deprovisioned,
    }
}

fn response(body: &[u8]) -> Option<String> {
    // Through `Value` first: a struct would be read out of an array as well.
    let body: Value = serde_json::from_slice(body).ok().filter(Value::is_object)?;
    let Body { output, response } = Body::deserialize(body).ok()?;
    match output {
        Some(output) => output.get("response")?.as_str().map(str::to_owned),
        None => response?.as_str().map(str::to_owned),
    }
}

fn judge(response: &str, direction: Direction) -> Conclusion {
    match (response, direction) {
        (PROVISIONED_USER, Direction::Provision) | (DEPROVISIONED_USER, Direction::Deprovision) => {
            done(direction)
        }
        (NO_PROVISIONING_ACTION, Direction::Provision) => Conclusion::NotProvisioned,
        (NO_PROVISIONING_ACTION, Direction::Deprovision) => {
            Conclusion::Unknown { why: Unreadable::RemovalWithoutAction }
        }
        _ => Conclusion::Unknown { why: Unreadable::Response },
    }
}
