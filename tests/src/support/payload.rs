//! What Lumos sends.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

static LAST: AtomicU64 = AtomicU64::new(70_000);

/// A payload about one person. Each has a Lumos request id of its own; a clone of it is the same delivery again.
#[derive(Clone, Debug)]
pub struct Payload {
    direction: &'static str,
    app: String,
    email: String,
    permissions: Vec<Value>,
    request: u64,
    access_length: Option<u64>,
}

impl Payload {
    pub fn grant(email: &str, permissions: &[&str]) -> Self {
        Self::new("provision", email, permissions)
    }

    pub fn removal(email: &str, permissions: &[&str]) -> Self {
        Self::new("deprovision", email, permissions)
    }

    fn new(direction: &'static str, email: &str, permissions: &[&str]) -> Self {
        let permission = |value: &&str| json!({ "label": format!("Label of {value}"), "value": value, "type": "PERMISSION", "source": "MANUAL" });
        Self {
            direction,
            app: "zendesk".to_owned(),
            email: email.to_owned(),
            permissions: permissions.iter().map(permission).collect(),
            request: LAST.fetch_add(1, Ordering::Relaxed),
            access_length: None,
        }
    }

    pub fn app(mut self, app_id: &str) -> Self {
        app_id.clone_into(&mut self.app);
        self
    }

    /// Approved for so long, in seconds.
    pub fn access_length(mut self, seconds: u64) -> Self {
        self.access_length = Some(seconds);
        self
    }

    /// Lumos's id of the access request.
    pub fn access_request(&self) -> String {
        self.request.to_string()
    }

    pub fn email(&self) -> &str {
        &self.email
    }

    /// provision or deprovision.
    pub fn direction(&self) -> &'static str {
        self.direction
    }

    /// The app-level webhook of its direction.
    pub fn path(&self) -> String {
        format!("/webhooks/{}", self.direction)
    }

    pub fn json(&self) -> Value {
        let user = if self.direction == "provision" { "target_user" } else { "user" };
        json!({
            "application": { "app_id": self.app, "instance_id": "0oazd1", "user_friendly_label": "Zendesk" },
            "permissions": self.permissions,
            user: { "email": self.email, "given_name": "Given", "family_name": "Family" },
            "access_length": self.access_length,
            "request_comment": "for the end-to-end tests",
            "request_task_url": format!("https://app.lumosidentity.com/tasks?requestId={}", self.request),
            "custom_fields": null,
        })
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.json().to_string().into_bytes()
    }
}
