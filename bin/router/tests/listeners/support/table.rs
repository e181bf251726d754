use std::sync::Mutex;

use http::HeaderName;
use jiff::Timestamp;
use usher_core::Direction;
use usher_journal::AskedPermission;
use usher_lumos::{Payload, Style};
use usher_router::edge::Table;
use usher_router::routes::{Accept, Credentials, Hook, Refuse, Routed, Target};

/// Opens every webhook but the one that has a secret of its own.
pub(crate) const SHARED_SECRET: &str = "shared-secret";
/// Opens `/webhooks/light/…` alone.
pub(crate) const HOOK_SECRET: &str = "light-secret";

/// `/webhooks/provision`, and `/webhooks/light/provision` with a secret of its own; anything below `/webhooks/` takes the shared one.
#[derive(Debug)]
pub(crate) struct ScriptedTable {
    shared: Credentials,
    light: Credentials,
    pub(crate) style: Mutex<Style>,
    pub(crate) refuses: Mutex<Option<Refuse>>,
    pub(crate) tests: Mutex<bool>,
    pub(crate) permissions: Mutex<Vec<AskedPermission>>,
    asked_at: Mutex<Option<Timestamp>>,
}

impl ScriptedTable {
    pub(crate) fn new() -> Self {
        let credentials = |secret: &str| Credentials {
            header: HeaderName::from_static("x-usher-key"),
            bearer: false,
            secrets: vec![secret.to_owned().into()],
        };
        Self {
            shared: credentials(SHARED_SECRET),
            light: credentials(HOOK_SECRET),
            style: Mutex::default(),
            refuses: Mutex::default(),
            tests: Mutex::default(),
            permissions: Mutex::default(),
            asked_at: Mutex::default(),
        }
    }

    /// From when the length of access was counted last.
    pub(crate) fn asked_at(&self) -> Option<Timestamp> {
        *self.asked_at.lock().unwrap()
    }
}

impl Table for ScriptedTable {
    fn hook(&self, path: &str) -> Option<Hook> {
        let below = path.strip_prefix("/webhooks/")?;
        let (name, direction) = match below.rsplit_once('/').unwrap_or(("", below)) {
            (name, "provision") => (name, Direction::Provision),
            (name, "deprovision") => (name, Direction::Deprovision),
            _ => return None,
        };
        let target = match name {
            "" => Target::App,
            "light" => Target::Permission {
                app: "zendesk".to_owned(),
                permission: "light_agent".to_owned(),
                hook: Some("light".to_owned()),
            },
            _ => Target::Unknown,
        };
        Some(Hook { direction, target, route: path.to_owned() })
    }

    fn credentials(&self, hook: &Hook) -> &Credentials {
        match hook.target {
            Target::Permission { .. } => &self.light,
            Target::App | Target::Unknown => &self.shared,
        }
    }

    fn route(&self, _: &Hook, _: &Payload, now: Timestamp) -> Routed {
        *self.asked_at.lock().unwrap() = Some(now);
        if *self.tests.lock().unwrap() {
            return Routed::Test;
        }
        if let Some(refuse) = self.refuses.lock().unwrap().clone() {
            return Routed::Refuse(refuse);
        }
        Routed::Accept(Accept {
            connection: "zendesk".to_owned(),
            app_key: "zendesk".to_owned(),
            permissions: self.permissions.lock().unwrap().clone(),
            all: false,
            dry_run: false,
            until: None,
            style: *self.style.lock().unwrap(),
        })
    }
}
