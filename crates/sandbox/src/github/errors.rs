//! The bodies in which the stand-in refuses.
//!
//! Recorded: no seat (probot/invite#8), already a member (github/rest-api-description#4109, typing error and all), the 422
//! of somebody who blocked the organisation (github/entitlements-github-plugin#288) and that of a JWT. The texts of the
//! others are ours.

use serde_json::{Value, json};

use crate::exchange::Reply;

/// Where GitHub's error bodies point.
pub(crate) const DOCS: &str = "https://docs.github.com/rest";

pub(crate) fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, json!({"message": text, "documentation_url": DOCS, "status": status.to_string()}))
}

pub(crate) fn not_found() -> Reply {
    message(404, "Not Found")
}

pub(crate) fn bad_credentials() -> Reply {
    message(401, "Bad credentials")
}

/// The installation lacks a permission.
pub(crate) fn not_accessible() -> Reply {
    message(403, "Resource not accessible by integration")
}

pub(crate) fn unparsable() -> Reply {
    message(400, "Problems parsing JSON")
}

/// 422 with these errors.
pub(crate) fn invalid(text: &str, errors: &Value) -> Reply {
    Reply::json(422, json!({"message": text, "errors": errors, "documentation_url": DOCS, "status": "422"}))
}

/// 422 for one field of the body.
pub(crate) fn invalid_field(field: &str, text: &str) -> Reply {
    let error = json!([{"resource": "Organization", "field": field, "code": "invalid", "message": text}]);
    invalid("Validation Failed", &error)
}

/// 422 in which GitHub says in words alone why somebody cannot be invited.
pub(crate) fn not_invited(text: &str) -> Reply {
    let error = json!([{
        "resource": "OrganizationInvitation", "code": "unprocessable", "field": "data", "message": text,
    }]);
    invalid("Validation Failed", &error)
}

pub(crate) fn no_seat() -> Reply {
    let text = "You must purchase at least one more seat to add this user as a member.";
    invalid(text, &json!([{"code": "no_seat", "field": "user"}]))
}

pub(crate) fn already_member() -> Reply {
    not_invited("A user with this email addresss is already a part of this organization")
}

/// Somebody who has blocked the organisation: GitHub does not say that it is this.
pub(crate) fn opaque() -> Reply {
    Reply::json(422, json!({"message": "Validation Failed", "documentation_url": DOCS, "status": "422"}))
}

/// integrations/terraform-provider-github#2079: no rate limit, though it is 403.
pub(crate) fn idp_backed() -> Reply {
    message(403, "This team's members cannot be changed here: it is an external group backed team.")
}

pub(crate) fn last_owner() -> Reply {
    message(403, "You can't remove or demote the last owner of an organization.")
}
