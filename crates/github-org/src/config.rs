//! The settings of a connection.

mod schema;

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use usher_core::{ConfigError, SecretRef};

/// Mistakes told at once; a section has fewer keys.
const MOST_MISTAKES: usize = 32;
/// Characters of a login (<https://docs.github.com/en/rest/users/users>).
const LONGEST_LOGIN: usize = 39;
/// Characters of a custom field's name.
const LONGEST_FIELD: usize = 200;
const KEYS: &str = "the keys are org, app, token, identify_by, managed_users and reinstate";
const APP: &str =
    "write app = { id = 12345, installation_id = 678, private_key = { file = \"/run/secrets/github.pem\" } }";
const WAYS: &str = "write \"saml\", \"invite-by-email\" or \"custom_fields.NAME\"";

/// The settings of a connection, checked. `Debug` shows no secret: none is in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The organisation's login, in lower case: GitHub's logins are the same in any case.
    pub org: String,
    /// How Usher shows who it is.
    pub credentials: Credentials,
    /// How a person's account is found, in this order.
    pub identify_by: Vec<IdentifyBy>,
    /// Whether the organisation's accounts are an enterprise's managed users: nobody can be invited then.
    pub managed_users: bool,
    /// Whether a returning person gets their former settings, teams and role back.
    pub reinstate: bool,
}

/// How Usher shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A GitHub App that is installed on the organisation.
    App {
        /// The App's id, or its client id.
        id: String,
        /// The id of its installation on the organisation.
        installation_id: u64,
        /// Its private key, in PEM.
        private_key: SecretRef,
    },
    /// A personal access token of an owner.
    Token(SecretRef),
}

/// A way from an e-mail address to a GitHub account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentifyBy {
    /// By the SAML identities of the organisation.
    Saml,
    /// Not at all: the address is invited, and whoever verified it can accept.
    InviteByEmail,
    /// By the login in a custom field of the request. The requester typed it.
    CustomField(String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    org: Option<String>,
    app: Option<RawApp>,
    token: Option<Value>,
    identify_by: Option<Vec<String>>,
    managed_users: Option<bool>,
    reinstate: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawApp {
    id: Option<Value>,
    installation_id: Option<u64>,
    private_key: Option<Value>,
}

impl Settings {
    /// Reads the settings; `folder` is where the files stand that they name.
    ///
    /// # Errors
    /// Every mistake in them, with its path. No message shows a value, since it may be a secret in the wrong place.
    pub fn read(settings: Value, folder: &Path) -> Result<Self, Vec<ConfigError>> {
        let (raw, mut mistakes) = read_raw(settings);
        let org = read_org(raw.org.as_deref(), &mut mistakes);
        let credentials = read_credentials(raw.app, raw.token.as_ref(), folder, &mut mistakes);
        let identify_by = read_ways(raw.identify_by, &mut mistakes);
        match (org, credentials, mistakes.is_empty()) {
            (Some(org), Some(credentials), true) => Ok(Self {
                org,
                credentials,
                identify_by,
                managed_users: raw.managed_users.unwrap_or(false),
                reinstate: raw.reinstate.unwrap_or(false),
            }),
            _ => Err(mistakes),
        }
    }

    /// Whether an address may be invited where no account is known.
    #[must_use]
    pub fn invites_by_email(&self) -> bool {
        self.identify_by.contains(&IdentifyBy::InviteByEmail)
    }
}

/// The settings as far as they can be read. Serde stops at the first mistake, so the key in error is taken out and the
/// rest is read again.
fn read_raw(mut settings: Value) -> (Raw, Vec<ConfigError>) {
    let Some(fields) = settings.as_object_mut() else {
        return (Raw::default(), vec![explain(&[], false)]);
    };
    let mut mistakes = Vec::new();
    // Serde would read a list as the fields in their order.
    if fields.get("app").is_some_and(Value::is_array) {
        fields.remove("app");
        mistakes.push(explain(&["app".to_owned()], false));
    }
    for _ in 0..MOST_MISTAKES {
        let error = match serde_path_to_error::deserialize::<_, Raw>(&settings) {
            Ok(raw) => return (raw, mistakes),
            Err(error) => error,
        };
        let path: Vec<String> =
            error.path().iter().map(ToString::to_string).filter(|segment| segment != "?").collect();
        // Serde's message would quote the value. Its names of unknown fields are keys, which are no secrets.
        let message = error.inner().to_string();
        mistakes.push(explain(&path, message.starts_with("unknown field")));
        if !take_out(&mut settings, &path) {
            break;
        }
    }
    (Raw::default(), mistakes)
}

fn explain(path: &[String], unknown: bool) -> ConfigError {
    let names: Vec<&str> = path.iter().map(|name| name.trim_matches(['[', ']'])).collect();
    if unknown {
        return mistake(&names, "GitHub has no such setting").hint(match names.as_slice() {
            ["app", ..] => "the keys are id, installation_id and private_key",
            _ => KEYS,
        });
    }
    let (what, hint) = match names.as_slice() {
        [] => ("these are no settings", "write a table with org, app and identify_by"),
        ["app"] => ("this is no GitHub App", APP),
        ["app", "installation_id"] => (
            "this is no installation's id",
            "write the number at the end of the address of the installation's page in the organisation's settings",
        ),
        ["identify_by"] => ("this is no list", "write identify_by = [\"saml\", \"invite-by-email\"]"),
        ["identify_by", _] => ("this is no way to identify somebody", WAYS),
        ["managed_users" | "reinstate"] => ("this is neither true nor false", "write true or false"),
        _ => ("this is not a text", "write it in quotation marks"),
    };
    mistake(&names, what).hint(hint)
}

fn take_out(settings: &mut Value, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(settings, |value, key| value.get_mut(key.as_str()));
    match parent {
        Some(Value::Object(fields)) => take_field(fields, last),
        Some(Value::Array(items)) => {
            let index = last.trim_matches(['[', ']']).parse().ok().filter(|index| *index < items.len());
            // The places of the others stay what they are.
            index.is_some_and(|index: usize| {
                items.get_mut(index).map(|item| *item = Value::String(TAKEN_OUT.to_owned())).is_some()
            })
        }
        _ => false,
    }
}

/// Stands for an entry that was told already.
const TAKEN_OUT: &str = "invite-by-email";

fn take_field(fields: &mut Map<String, Value>, name: &str) -> bool {
    fields.remove(name).is_some()
}

fn read_org(org: Option<&str>, mistakes: &mut Vec<ConfigError>) -> Option<String> {
    let wrong = match org {
        None => {
            mistake(&["org"], "the organisation is missing").hint("write org = \"acme\" for github.com/acme")
        }
        Some(name) if is_login(name) => return Some(name.to_ascii_lowercase()),
        Some(name) if name.contains('.') || name.contains('/') => {
            mistake(&["org"], "this is an address").hint("write only what stands after github.com/")
        }
        Some(_) => mistake(&["org"], "this is not an organisation's login")
            .hint("letters, digits and hyphens, 39 at the most"),
    };
    push_once(wrong, mistakes);
    None
}

/// Whether a text can be a login: letters, digits and hyphens. A managed user's has an underscore and a short code besides.
pub(crate) fn is_login(name: &str) -> bool {
    (1..=LONGEST_LOGIN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !name.ends_with('-')
}

fn read_credentials(
    app: Option<RawApp>,
    token: Option<&Value>,
    folder: &Path,
    mistakes: &mut Vec<ConfigError>,
) -> Option<Credentials> {
    match (app, token) {
        (Some(app), None) => read_app(app, folder, mistakes),
        (None, Some(token)) => match SecretRef::read(&["token"], token, folder) {
            Ok(place) => Some(Credentials::Token(place)),
            Err(wrong) => {
                mistakes.push(wrong);
                None
            }
        },
        (None, None) => {
            let told =
                |told: &ConfigError| told.path.first().is_some_and(|key| key == "app" || key == "token");
            if !mistakes.iter().any(told) {
                mistakes.push(mistake(&["app"], "the credential is missing").hint(APP));
            }
            None
        }
        (Some(_), Some(_)) => {
            mistakes.push(
                mistake(&["token"], "there are two credentials")
                    .hint("keep app: a token acts for a person, and stops with them"),
            );
            None
        }
    }
}

fn read_app(app: RawApp, folder: &Path, mistakes: &mut Vec<ConfigError>) -> Option<Credentials> {
    let id = read_app_id(app.id.as_ref(), mistakes);
    let installation_id = match app.installation_id {
        Some(0) | None => {
            let wrong = mistake(&["app", "installation_id"], "the installation's id is missing").hint(
                "write the number at the end of the address of the installation's page in the organisation's settings",
            );
            push_once(wrong, mistakes);
            None
        }
        id => id,
    };
    let private_key = match app.private_key {
        None => {
            let wrong = mistake(&["app", "private_key"], "the private key is missing")
                .hint("write { file = \"PATH\" } or { env = \"NAME\" }");
            push_once(wrong, mistakes);
            None
        }
        Some(value) => SecretRef::read(&["app", "private_key"], &value, folder)
            .map_err(|wrong| mistakes.push(wrong))
            .ok(),
    };
    Some(Credentials::App { id: id?, installation_id: installation_id?, private_key: private_key? })
}

fn read_app_id(id: Option<&Value>, mistakes: &mut Vec<ConfigError>) -> Option<String> {
    let path = ["app", "id"];
    let plain = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    let wrong = match id {
        Some(Value::Number(number)) if number.as_u64().is_some_and(|id| id > 0) => {
            return Some(number.to_string());
        }
        Some(Value::String(text)) if plain(text) => return Some(text.clone()),
        Some(_) => mistake(&path, "this is no App's id"),
        None => mistake(&path, "the App's id is missing"),
    };
    push_once(
        wrong.hint("write the App ID or the Client ID of the App's page, such as id = 12345"),
        mistakes,
    );
    None
}

fn read_ways(listed: Option<Vec<String>>, mistakes: &mut Vec<ConfigError>) -> Vec<IdentifyBy> {
    let Some(listed) = listed else { return vec![IdentifyBy::InviteByEmail] };
    if listed.is_empty() {
        mistakes.push(mistake(&["identify_by"], "nobody could be identified").hint(WAYS));
    }
    let mut ways = Vec::new();
    for (index, text) in listed.iter().enumerate() {
        let index = index.to_string();
        let path = ["identify_by", index.as_str()];
        if mistakes.iter().any(|told| told.path == path) {
            continue;
        }
        match way(text) {
            None => mistakes.push(mistake(&path, "this is no way to identify somebody").hint(WAYS)),
            Some(way) if ways.contains(&way) => mistakes.push(mistake(&path, "this is named twice")),
            Some(way) => ways.push(way),
        }
    }
    ways
}

fn way(text: &str) -> Option<IdentifyBy> {
    match text {
        "saml" => Some(IdentifyBy::Saml),
        "invite-by-email" => Some(IdentifyBy::InviteByEmail),
        _ => {
            let name = text.strip_prefix("custom_fields.")?;
            let good =
                !name.trim().is_empty() && name.len() <= LONGEST_FIELD && !name.contains(char::is_control);
            good.then(|| IdentifyBy::CustomField(name.to_owned()))
        }
    }
}

/// What was taken out for its type is not missing besides.
fn push_once(wrong: ConfigError, mistakes: &mut Vec<ConfigError>) {
    if !mistakes.iter().any(|told| told.path == wrong.path) {
        mistakes.push(wrong);
    }
}

fn mistake(path: &[&str], message: impl Into<String>) -> ConfigError {
    ConfigError::at(path.iter().copied(), message)
}

#[cfg(test)]
mod tests;
