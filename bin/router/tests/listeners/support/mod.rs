//! A scripted engine, a scripted table of webhooks, a clock that is moved by hand, and HTTP by hand.

mod clock;
mod engine;
mod http;
mod process;
mod requests;
mod servers;
mod table;

pub(crate) use clock::HandClock;
pub(crate) use engine::{Behaviour, Foreseen, ScriptedEngine};
pub(crate) use http::{Answered, Wire, post};
pub(crate) use process::{Ended, usher};
pub(crate) use requests::request;
pub(crate) use servers::{AdminServer, ServerOptions, WebhookServer};
pub(crate) use table::{HOOK_SECRET, SHARED_SECRET, ScriptedTable};

/// A payload as Lumos sends it.
pub(crate) fn payload() -> String {
    serde_json::json!({
        "application": { "app_id": "zendesk", "instance_id": "", "user_friendly_label": "Zendesk" },
        "permissions": [{ "label": "Agent", "value": "agent", "type": "PERMISSION", "source": "MANUAL" }],
        "target_user": { "email": "ada@example.com", "given_name": "Ada", "family_name": "Lovelace" },
        "access_length": 43189,
        "request_comment": "please, for the sprint",
        "request_task_url": "https://app.lumosidentity.com/tasks?requestId=4711",
        "custom_fields": null
    })
    .to_string()
}
