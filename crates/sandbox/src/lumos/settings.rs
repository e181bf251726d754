//! What is set about the stand-in, and how it is seeded.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The API token that the stand-in takes unless told otherwise. It opens a stand-in and nothing else.
pub const API_TOKEN: &str = "lsk_sandbox";

/// How the stand-in behaves. In JSON any of the fields may be sent alone; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LumosSettings {
    /// The bearer token of the API.
    pub token: String,
    /// Whether the token is a domain admin's, who may complete anybody's task.
    pub domain_admin: bool,
    /// Whether the domain has the Tasks API; without it every task is 404.
    pub tasks_enabled: bool,
}

impl Default for LumosSettings {
    fn default() -> Self {
        Self { token: API_TOKEN.to_owned(), domain_admin: false, tasks_enabled: true }
    }
}

/// What kind of work a task asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are those of Lumos's published description, which says no more")]
pub enum TaskCategory {
    ManagerApproval,
    /// Completing one of these *approves* it.
    Approval,
    #[default]
    Provisioning,
    Deprovisioning,
    Error,
    Generic,
}

/// Whether a task is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// To be done.
    #[default]
    Pending,
    /// Done.
    Completed,
}

/// One task, as it is seeded and as it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// The access request it belongs to.
    pub access_request_id: String,
    /// What kind of work it asks for.
    pub task_category: TaskCategory,
    /// Whether it is still to be done.
    pub status: TaskStatus,
    /// Whether an administrator has to confirm further steps.
    pub manual_steps_needed: bool,
    /// The permission it is about.
    pub requestable_permission_id: Option<String>,
    /// Whether it is somebody else's: only a domain admin may then complete it.
    pub of_another: bool,
    /// What was said on it.
    pub comments: Vec<String>,
}

/// One access request. It is seeded and read, and changes through seeding alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessRequest {
    /// Its id.
    pub id: String,
    /// `PROVISIONED`, `CANCELLED`, `TIME_BASED_EXPIRED` and others: Lumos's list is longer than what is published.
    pub status: String,
    /// Any further fields (requester, permissions, `expires_at`), returned as they were seeded.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is put into the stand-in. A task or request with the id of one that is there takes its place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LumosSeed {
    /// Fields of [`LumosSettings`] to change.
    pub settings: Map<String, Value>,
    /// Tasks to add.
    pub tasks: Vec<Task>,
    /// Access requests to add.
    pub access_requests: Vec<AccessRequest>,
}
