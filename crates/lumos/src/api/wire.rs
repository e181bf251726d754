//! The answers, as far as they are read. Whatever else stands in them is skipped.

use serde::Deserialize;

use super::Progress;

/// A page of tasks.
#[derive(Debug, Deserialize)]
pub(super) struct Tasks {
    pub(super) items: Vec<Task>,
    #[serde(default)]
    pub(super) total: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Task {
    pub(super) id: String,
    #[serde(default)]
    pub(super) access_request_id: Option<String>,
    #[serde(default)]
    pub(super) task_category: Option<String>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) manual_steps_needed: Option<bool>,
}

impl Task {
    /// The query asks for these alone. It is looked at again, since completing a task of another category may *approve*
    /// something: a task that does not say what it is, is none of ours.
    pub(super) fn is_pending_provisioning_of(&self, access_request: &str) -> bool {
        self.task_category.as_deref() == Some("PROVISIONING")
            && self.status.as_deref().is_none_or(|status| status == "PENDING")
            && self.access_request_id.as_deref().is_none_or(|id| id == access_request)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) status: String,
    #[serde(default)]
    pub(super) target_user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    #[serde(default)]
    pub(super) email: Option<String>,
}

/// The statuses are those of Lumos's published description and of a public client of its API; one that is not among them
/// says nothing either way.
pub(super) fn progress(status: &str) -> Progress {
    match status {
        "PROVISIONED" | "COMPLETED" => Progress::Provisioned,
        "CANCELLED"
        | "DENIED"
        | "MANAGER_DENIED"
        | "DENIED_PROVISIONING"
        | "EXPIRED"
        | "TIME_BASED_EXPIRED"
        | "PENDING_MANUAL_DEPROVISIONING"
        | "DEPROVISIONED"
        | "REVERTING"
        | "REVERTED" => Progress::Ended,
        _ => Progress::Open,
    }
}
