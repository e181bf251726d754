//! The bodies in which the stand-in refuses.
//!
//! The shapes of `RecordInvalid` with `DuplicateValue` (cloudbees-oss/zendesk-java-client#91) and of the 404 (node-zendesk's
//! fixtures) are recorded; those of a full account and of 429 were never published, save the text for one user's updates
//! (grouparoo/grouparoo#2425), so they are made in the manner of the others.

use std::time::Duration;

use serde_json::json;

use crate::exchange::Reply;

pub(crate) fn not_found() -> Reply {
    Reply::json(404, json!({"error": "RecordNotFound", "description": "Not found"}))
}

pub(crate) fn no_endpoint() -> Reply {
    Reply::json(404, json!({"error": "InvalidEndpoint", "description": "Not found"}))
}

/// 422 for one field.
pub(crate) fn invalid(field: &str, error: &str, description: &str) -> Reply {
    invalid_with(422, field, error, description)
}

fn invalid_with(status: u16, field: &str, error: &str, description: &str) -> Reply {
    Reply::json(
        status,
        json!({
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {field: [{"description": description, "error": error}]},
        }),
    )
}

pub(crate) fn duplicate_address(address: &str) -> Reply {
    let text = format!("Email: {address} is already being used by another user");
    invalid("email", "DuplicateValue", &text)
}

/// zendesk_api_client_rb#465 names `MaxAgentExceeded` and nothing else.
pub(crate) fn no_seat(status: u16) -> Reply {
    let text = "Your account has reached its maximum number of agents";
    invalid_with(status, "base", "MaxAgentExceeded", text)
}

pub(crate) fn malformed(what: &str) -> Reply {
    Reply::json(400, json!({"error": "InvalidJSON", "description": what}))
}

pub(crate) fn throttled(description: &str, after: Duration) -> Reply {
    // A caller that comes back after this many whole seconds finds the window open.
    let seconds = after.as_millis().div_ceil(1_000).max(1);
    Reply::json(429, json!({"error": "TooManyRequests", "description": description}))
        .with_header("retry-after", seconds.to_string())
}
