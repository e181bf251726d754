//! Secrets: always `{ env = … }` or `{ file = … }`, and never shown.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use usher_core::{ConfigError, SecretRef, Secrets};
use usher_toml_reader::{Item, Notes, did_you_mean};

use super::broken::suspects_in_broken;

const MEND: &str = "write { env = \"NAME\" } and set NAME in the router's environment, or { file = \"PATH\" } with the secret in that file; \
                    and replace this secret at its owner, since it has stood in a file";

/// What a connector is given in place of a secret that was written out, so that it finds its other mistakes.
const STAND_IN: &str = "USHER_SECRET_WRITTEN_OUT";

/// Secrets whose relative files begin in the configuration's folder.
#[derive(Debug)]
pub(crate) struct FolderSecrets {
    pub(crate) folder: PathBuf,
    pub(crate) inner: Arc<dyn Secrets>,
}

impl Secrets for FolderSecrets {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        match from {
            // Only a load that fails anyway ever asks for it.
            SecretRef::Env(name) if name == STAND_IN => Ok(SecretString::from("written out")),
            SecretRef::Env(_) => self.inner.read(from),
            SecretRef::File(path) => self.inner.read(&SecretRef::File(self.folder.join(path))),
        }
    }
}

/// Whether a text is the name of the secret that every load can read.
pub(crate) fn is_stand_in(text: &str) -> bool {
    text == STAND_IN
}

/// Reads the secret that an item refers to.
pub(crate) fn secret(item: &Item<'_>, secrets: &dyn Secrets, notes: &mut Notes) -> Option<SecretString> {
    let from = reference(item, notes)?;
    match secrets.read(&from) {
        Ok(secret) => Some(secret),
        Err(error) => {
            let hint = error.hint.unwrap_or_else(|| "put the secret there, and nothing else".to_owned());
            item.wrong_inline(notes, error.message, hint);
            None
        }
    }
}

/// Where a secret stands; a secret written out is refused without being shown.
pub(crate) fn reference(item: &Item<'_>, notes: &mut Notes) -> Option<SecretRef> {
    let DeValue::Table(table) = item.value else {
        written_out(item, notes);
        return None;
    };
    let before = notes.count();
    for (key, value) in table.iter() {
        let name = key.get_ref().as_ref();
        if !matches!(name, "env" | "file") {
            notes.hide_all(value.get_ref(), &value.span());
            let mut path = item.path.clone();
            path.push(name.to_owned());
            let hint = format!("{}; {MEND}", did_you_mean(name, &["env", "file"]));
            notes.wrong(Some(key.span()), &path, "is not a known key of a secret", Some(hint));
        }
    }
    if notes.count() > before {
        return None;
    }
    let found = match (table.get("env"), table.get("file")) {
        (Some(env), None) => env.get_ref().as_str().filter(|name| is_variable(name)).map_or_else(
            || {
                // Somebody may have put the secret itself there.
                notes.hide_all(env.get_ref(), &env.span());
                Err("names no environment variable")
            },
            |name| Ok(SecretRef::Env(name.to_owned())),
        ),
        (None, Some(file)) => file.get_ref().as_str().filter(|path| is_path(path)).map_or_else(
            || {
                notes.hide_all(file.get_ref(), &file.span());
                Err("names no file")
            },
            |path| Ok(SecretRef::File(PathBuf::from(path))),
        ),
        (Some(_), Some(_)) => Err("names both an environment variable and a file"),
        (None, None) => Err("says neither env nor file"),
    };
    match found {
        Ok(from) => Some(from),
        Err(message) => {
            item.wrong_inline(notes, message, MEND);
            None
        }
    }
}

fn written_out(item: &Item<'_>, notes: &mut Notes) {
    item.hide(notes);
    item.wrong_inline(notes, "is a secret written out", MEND);
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    name != STAND_IN
        && chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 256
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && !path.contains(char::is_control) && !path.contains("-----BEGIN")
}

/// Whether a value says where a secret stands: that may be shown.
pub(crate) fn is_reference(value: &DeValue<'_>) -> bool {
    let DeValue::Table(table) = value else { return false };
    table.len() == 1
        && table.iter().all(|(key, value)| match (key.get_ref().as_ref(), value.get_ref().as_str()) {
            ("env", Some(name)) => is_variable(name),
            ("file", Some(path)) => is_path(path),
            _ => false,
        })
}

/// What looks like a secret by its key, anywhere in a file: a snippet shows neighbouring lines too.
pub(crate) fn suspects(table: &DeTable<'_>) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for (key, value) in table.iter() {
        let is_suspect = is_suspect(key.get_ref());
        match value.get_ref() {
            DeValue::Table(below) => {
                let key = key.get_ref();
                if key == "secrets" || is_secret_key(&[key.clone().into_owned()]) {
                    let values =
                        below.iter().filter(|(key, _)| !matches!(key.get_ref().as_ref(), "env" | "file"));
                    places.extend(values.filter_map(|(_, value)| scalar(value)));
                }
                places.extend(suspects(below));
            }
            DeValue::Array(array) => {
                for value in array.iter() {
                    match value.get_ref() {
                        DeValue::Table(below) => places.extend(suspects(below)),
                        _ if is_suspect => places.extend(scalar(value)),
                        _ => {}
                    }
                }
            }
            _ if is_suspect || has_password(value.get_ref()) => places.extend(scalar(value)),
            _ => {}
        }
    }
    places
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Option<Range<usize>> {
    let is_scalar = !matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_) | DeValue::Boolean(_));
    (is_scalar && !value.get_ref().as_str().is_some_and(is_secret_hole)).then(|| value.span())
}

/// As in a definition: `{{ secret.NAME }}` only names one.
fn is_secret_hole(text: &str) -> bool {
    let inner = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inner.and_then(|inner| inner.trim().strip_prefix("secret.")).is_some_and(is_variable)
}

/// What may be a secret in a text that the configuration only names.
pub(crate) fn suspects_in_named(text: &str) -> Vec<Range<usize>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut places = suspects(table.get_ref());
    // A definition's credential: its keys are those of its kind, such as `value`, and say nothing of a secret.
    if let Some(DeValue::Table(auth)) = table.get_ref().get("auth").map(Spanned::get_ref) {
        places.extend(suspects_in_auth(auth));
    }
    if !errors.is_empty() {
        places.extend(suspects_in_broken(text));
    }
    places
}

/// Every text of a definition's `auth` that is no constant of its kind, and not only the name of a secret.
fn suspects_in_auth(auth: &DeTable<'_>) -> Vec<Range<usize>> {
    const SHOWN: [&str; 10] = [
        "type",
        "grant_type",
        "header",
        "query",
        "algorithm",
        "token_url",
        "client_id",
        "secret_by",
        "scopes",
        "ttl",
    ];
    let mut places = Vec::new();
    for (key, value) in auth.iter() {
        match value.get_ref() {
            DeValue::Table(below) => {
                places.extend(below.iter().filter_map(|(_, value)| scalar(value)));
            }
            _ if SHOWN.contains(&key.get_ref().as_ref()) => {}
            _ => places.extend(scalar(value)),
        }
    }
    places
}

/// Whether a text is a URL with a password in it.
fn has_password(value: &DeValue<'_>) -> bool {
    let after = value.as_str().and_then(|text| text.split_once("://")).map(|(_, rest)| rest);
    after.and_then(|rest| rest.split(['/', '?', '#']).next()).is_some_and(|host| host.contains('@'))
}

/// Whether a key's name suggests that its value is a secret. Generous: it decides only what is shown.
fn is_suspect(key: &str) -> bool {
    let key = key.to_lowercase();
    ["secret", "token", "passw", "credential", "bearer", "apikey", "api_key", "api-key", "private", "auth"]
        .iter()
        .any(|word| key.contains(word))
        || key == "key"
        || key == "pem"
}

/// Whether a connector's key is surely one for a secret. Strict: it decides what is refused.
pub(crate) fn is_secret_key(path: &[String]) -> bool {
    let key = path.last().map(|key| key.to_lowercase().replace('-', "_")).unwrap_or_default();
    let above = path.len().checked_sub(2).and_then(|index| path.get(index));
    above.is_some_and(|above| above == "secrets")
        || ["secret", "token", "password", "api_key", "private_key", "access_key"]
            .iter()
            .any(|word| key == *word || key.ends_with(&format!("_{word}")))
}

/// Refuses secrets written out in a connector's settings, and gives the connector a stand-in for them.
pub(crate) fn stand_in(item: &Item<'_>, notes: &mut Notes) -> Option<serde_json::Value> {
    let is_scalar = !matches!(item.value, DeValue::Table(_) | DeValue::Array(_) | DeValue::Boolean(_));
    if !is_scalar || !is_secret_key(&item.path) {
        return None;
    }
    written_out(item, notes);
    Some(stand_in_reference())
}

/// A reference that every load can read, and that no load succeeds with.
pub(crate) fn stand_in_reference() -> serde_json::Value {
    serde_json::json!({ "env": STAND_IN })
}

/// The text with places blanked: as long as before, with the same lines and quotes.
pub(crate) fn blank(text: &str, places: &[Range<usize>]) -> String {
    let mut hidden = vec![false; text.len()];
    for place in places {
        if let Some(bytes) = hidden.get_mut(place.start.min(text.len())..place.end.min(text.len())) {
            bytes.fill(true);
        }
    }
    let is_hidden = |at: usize| hidden.get(at).copied().unwrap_or(false);
    text.char_indices()
        .map(|(at, c)| match c {
            '\n' | '\r' | '"' | '\'' => c.to_string(),
            _ if is_hidden(at) => "*".repeat(c.len_utf8()),
            _ => c.to_string(),
        })
        .collect()
}
