//! `[hooks.*]`: permission-level webhooks with a name or a secret of their own.

use std::collections::BTreeMap;

use secrecy::SecretString;
use usher_core::Secrets;

use super::apps::{Apps, check_segment};
use super::listeners::{Tokens, webhook_secrets};
use super::load::share;
use crate::routes::Credentials;
use usher_toml_reader::Notes;
use usher_toml_reader::{Item, Section, did_you_mean};

/// A section of `[hooks]`.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) app: String,
    pub(crate) permission: String,
    pub(crate) secrets: Option<Vec<SecretString>>,
}

/// Whose secrets a hook's own must not be.
pub(crate) struct Others<'o> {
    pub(crate) shared: &'o Credentials,
    pub(crate) tokens: &'o Tokens,
}

/// Reads `[hooks]` against the apps.
pub(crate) fn hooks(
    root: &mut Section<'_>,
    apps: &Apps,
    others: &Others<'_>,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> BTreeMap<String, Hook> {
    let Some(section) = root.section("hooks", notes) else { return BTreeMap::new() };
    let mut hooks = BTreeMap::new();
    let mut items = section.rest();
    items.sort_by_key(|item| item.key_span.start);
    let mut open: Vec<&Item<'_>> = Vec::new();
    for item in &items {
        check_segment(item, "a hook", notes);
        if apps.keys.contains_key(item.name()) {
            item.wrong(
                notes,
                "has the name of an app",
                "give the hook another name: their paths would be taken for each other",
            );
        }
        let Some(mut section) = item.section(notes) else { continue };
        let app = section
            .need("app", "write app = \"KEY\" with the KEY of an [apps.KEY]", notes)
            .and_then(|item| hook_app(&item, apps, notes));
        let permission = section
            .need("permission", "write permission = \"KEY\" with a KEY of the app's permissions", notes)
            .and_then(|item| hook_permission(&item, app.as_deref(), apps, notes));
        let secrets = match section.take("secrets") {
            Some(secrets_item) => Some(own_secrets(&secrets_item, others, secrets, notes)),
            None => {
                open.push(item);
                None
            }
        };
        section.finish(notes);
        if let (Some(app), Some(permission)) = (app, permission) {
            hooks.insert(item.name().to_owned(), Hook { app, permission, secrets });
        }
    }
    refuse_open(&hooks, &open, notes);
    hooks
}

fn own_secrets(
    item: &Item<'_>,
    others: &Others<'_>,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> Vec<SecretString> {
    let own = webhook_secrets(item, secrets, notes);
    let hint = "give the hook a secret that nothing else has, or take its `secrets` out";
    if share(&own, &others.shared.secrets) {
        item.wrong(notes, "is the shared secret, which is not to open this hook", hint);
    }
    for (name, token) in others.tokens {
        if share(&own, std::slice::from_ref(token)) {
            item.wrong(notes, format!("is the token of the operator {name}"), hint);
        }
    }
    own
}

/// A hook that the shared secret opens, on a permission that another hook's own secret is to guard.
fn refuse_open(hooks: &BTreeMap<String, Hook>, open: &[&Item<'_>], notes: &mut Notes) {
    for item in open {
        let Some(hook) = hooks.get(item.name()) else { continue };
        let is_guard = |other: &Hook| {
            other.secrets.is_some() && (&other.app, &other.permission) == (&hook.app, &hook.permission)
        };
        if let Some((guard, _)) = hooks.iter().find(|(_, other)| is_guard(other)) {
            item.wrong(
                notes,
                format!(
                    "would open a permission to the shared secret that hooks.{} guards with its own",
                    crate::routes::toml_key(guard)
                ),
                "give this hook secrets of its own too, or take it out",
            );
        }
    }
}

fn hook_app(item: &Item<'_>, apps: &Apps, notes: &mut Notes) -> Option<String> {
    let key = item.text("\"zendesk\"", notes)?;
    if !apps.keys.contains_key(key) {
        let known: Vec<&str> = apps.keys.keys().map(String::as_str).collect();
        item.wrong(notes, "names no app of this file", did_you_mean(key, &known));
        return None;
    }
    Some(key.to_owned())
}

fn hook_permission(item: &Item<'_>, app: Option<&str>, apps: &Apps, notes: &mut Notes) -> Option<String> {
    let key = item.text("\"light_agent\"", notes)?;
    // Which permissions there could be, only the app says.
    let permissions = apps.keys.get(app?)?;
    match permissions.get(key) {
        Some(false) => Some(key.to_owned()),
        Some(true) => {
            item.wrong(
                notes,
                "is a permission that is ignored",
                "take the hook out, or say what the permission gives",
            );
            None
        }
        None => {
            let known: Vec<&str> = permissions.keys().map(String::as_str).collect();
            item.wrong(notes, "names no permission of the app", did_you_mean(key, &known));
            None
        }
    }
}
