//! The settings of a connection.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use usher_core::{ConfigError, SecretRef};

/// Search results lag "a few minutes" behind writes
/// (<https://developer.zendesk.com/api-reference/ticketing/users/users/#search-users>).
const SEARCH_LAG: Duration = Duration::from_mins(5);
/// A longer lag would keep requests waiting for more than a day.
const LONGEST_LAG: Duration = Duration::from_hours(24);
/// Groups and custom roles have no scope of their own: only the broad ones open them
/// (<https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/#scopes>).
const SCOPE: &str = "read write";
/// Mistakes told at once; a section has fewer keys.
const MOST_MISTAKES: usize = 32;

/// The settings of a connection, checked. `Debug` shows no secret: none is in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The account: `acme` of `acme.zendesk.com`.
    pub subdomain: String,
    /// How Usher shows who it is.
    pub credentials: Credentials,
    /// The id of an agent who gets the open tickets of whoever loses their licence.
    pub reassign_to: Option<u64>,
    /// Whether somebody who loses the licence is suspended as well. Suspending alone frees no seat.
    pub suspend_on_removal: bool,
    /// What to do about a suspended user who is to get a licence.
    pub unsuspend: Unsuspend,
    /// Whether Zendesk sends created users its verification mail.
    pub verify_email: bool,
    /// How long Zendesk's search may lag behind a write.
    pub search_lag: Duration,
}

/// How Usher shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// OAuth 2.0 client credentials of a confidential client.
    OAuth {
        /// The client's unique identifier.
        client_id: String,
        /// Its secret.
        client_secret: SecretRef,
        /// The scopes to ask for, separated by spaces.
        scope: String,
    },
    /// A legacy API token. All of them stop on 30 April 2027.
    ApiToken {
        /// The address of the administrator whom the token acts for.
        email: String,
        /// The token.
        token: SecretRef,
    },
}

/// What to do about a suspended user who is to get a licence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsuspend {
    /// Refuse: whoever suspended them had a reason.
    #[default]
    Never,
    /// An approved request ends the suspension.
    OnGrant,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    subdomain: Option<String>,
    oauth: Option<RawOAuth>,
    api_token: Option<RawApiToken>,
    reassign_to: Option<u64>,
    suspend_on_removal: Option<bool>,
    unsuspend: Option<String>,
    verify_email: Option<bool>,
    search_lag: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawOAuth {
    client_id: Option<String>,
    client_secret: Option<Value>,
    scope: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawApiToken {
    email: Option<String>,
    token: Option<Value>,
}

impl Settings {
    /// Reads the settings; `folder` is where the files stand that they name.
    ///
    /// # Errors
    /// Every mistake in them, with its path. No message shows a value, since it may be a secret in the wrong place.
    pub fn read(settings: Value, folder: &Path) -> Result<Self, Vec<ConfigError>> {
        let (raw, mut mistakes) = read_raw(settings);
        let subdomain = read_subdomain(raw.subdomain.as_deref(), &mut mistakes);
        let credentials = read_credentials(raw.oauth, raw.api_token, folder, &mut mistakes);
        let unsuspend = match raw.unsuspend.as_deref() {
            None | Some("never") => Unsuspend::Never,
            Some("on-grant") => Unsuspend::OnGrant,
            Some(_) => {
                mistakes.push(
                    mistake(&["unsuspend"], "there is no such policy")
                        .hint("write \"never\" or \"on-grant\""),
                );
                Unsuspend::Never
            }
        };
        let search_lag = read_lag(raw.search_lag.as_ref()).map_err(|wrong| mistakes.push(wrong)).ok();
        if raw.reassign_to == Some(0) {
            mistakes.push(
                mistake(&["reassign_to"], "0 is no agent's id").hint(
                    "open the agent's profile in Zendesk and copy the number at the end of its address",
                ),
            );
        }
        match (subdomain, credentials, search_lag, mistakes.is_empty()) {
            (Some(subdomain), Some(credentials), Some(search_lag), true) => Ok(Self {
                subdomain,
                credentials,
                reassign_to: raw.reassign_to,
                suspend_on_removal: raw.suspend_on_removal.unwrap_or(false),
                unsuspend,
                verify_email: raw.verify_email.unwrap_or(false),
                search_lag,
            }),
            _ => Err(mistakes),
        }
    }

    /// JSON Schema of the settings.
    #[must_use]
    pub fn schema() -> Value {
        let secret = json!({
            "description": "Where the secret stands; never the secret itself.",
            "oneOf": [
                {"type": "object", "properties": {"env": {"type": "string", "minLength": 1}}, "required": ["env"], "additionalProperties": false},
                {"type": "object", "properties": {"file": {"type": "string", "minLength": 1}}, "required": ["file"], "additionalProperties": false}
            ]
        });
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "zendesk-license",
            "description": "A Zendesk account. A permission's entitlement is { role = \"agent\" | \"light-agent\" | \"contributor\" | \"admin\" | a custom role's name, groups = [\"Tier 1\"] }.",
            "type": "object",
            "additionalProperties": false,
            "required": ["subdomain"],
            "oneOf": [{"required": ["oauth"]}, {"required": ["api_token"]}],
            "properties": {
                "subdomain": {"description": "acme of acme.zendesk.com.", "type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"},
                "oauth": {
                    "description": "A confidential OAuth client of the account, for client credentials.",
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["client_id", "client_secret"],
                    "properties": {
                        "client_id": {"description": "The client's unique identifier.", "type": "string", "minLength": 1},
                        "client_secret": secret,
                        "scope": {"description": "Scopes separated by spaces.", "type": "string", "minLength": 1, "default": SCOPE}
                    }
                },
                "api_token": {
                    "description": "A legacy API token. All of them stop on 30 April 2027.",
                    "deprecated": true,
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["email", "token"],
                    "properties": {
                        "email": {"description": "The address of the administrator whom the token acts for.", "type": "string", "format": "email"},
                        "token": secret
                    }
                },
                "reassign_to": {"description": "The id of an agent who gets the open tickets of whoever loses the licence.", "type": "integer", "minimum": 1},
                "suspend_on_removal": {"description": "Suspend whoever loses the licence, after the downgrade.", "type": "boolean", "default": false},
                "unsuspend": {"description": "What to do about a suspended user who is to get a licence.", "enum": ["never", "on-grant"], "default": "never"},
                "verify_email": {"description": "Let Zendesk send created users its verification mail, which they need without single sign-on.", "type": "boolean", "default": false},
                "search_lag": {"description": "How long the search may lag behind a write: 30s, 5m.", "type": ["string", "integer"], "default": "5m"}
            }
        })
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
    for key in ["oauth", "api_token"] {
        if fields.get(key).is_some_and(Value::is_array) {
            fields.remove(key);
            mistakes.push(explain(&[key.to_owned()], false));
        }
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
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    if unknown {
        return mistake(&names, "Zendesk has no such setting").hint(match names.as_slice() {
            ["oauth", ..] => "the keys are client_id, client_secret and scope",
            ["api_token", ..] => "the keys are email and token",
            _ => "the keys are subdomain, oauth, api_token, reassign_to, suspend_on_removal, unsuspend, verify_email and search_lag",
        });
    }
    let (what, hint) = match names.as_slice() {
        [] => ("these are no settings", "write a table with subdomain and oauth"),
        ["oauth"] => (
            "this is no OAuth client",
            "write oauth = { client_id = \"usher\", client_secret = { env = \"ZENDESK_CLIENT_SECRET\" } }",
        ),
        ["api_token"] => (
            "this is no API token",
            "write api_token = { email = \"admin@example.com\", token = { env = \"ZENDESK_TOKEN\" } }",
        ),
        ["reassign_to"] => {
            ("this is no agent's id", "write the number at the end of the agent's profile address")
        }
        ["suspend_on_removal" | "verify_email"] => ("this is neither true nor false", "write true or false"),
        _ => ("this is not a text", "write it in quotation marks"),
    };
    mistake(&names, what).hint(hint)
}

fn take_out(settings: &mut Value, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(settings, |value, key| value.get_mut(key.as_str()));
    parent
        .and_then(Value::as_object_mut)
        .is_some_and(|fields: &mut Map<String, Value>| fields.remove(last).is_some())
}

fn read_subdomain(subdomain: Option<&str>, mistakes: &mut Vec<ConfigError>) -> Option<String> {
    let wrong = match subdomain {
        None => mistake(&["subdomain"], "the subdomain is missing")
            .hint("write subdomain = \"acme\" for acme.zendesk.com"),
        Some(name) if is_label(name) => return Some(name.to_ascii_lowercase()),
        Some(name) if name.contains('.') || name.contains('/') => {
            mistake(&["subdomain"], "this is an address").hint("write only what stands before .zendesk.com")
        }
        Some(_) => mistake(&["subdomain"], "this is not a subdomain")
            .hint("letters, digits and hyphens, 63 at the most"),
    };
    // A subdomain of the wrong type has been told already.
    if !mistakes.iter().any(|told| told.path == wrong.path) {
        mistakes.push(wrong);
    }
    None
}

/// A label of a host name (RFC 1123, 2.1).
fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn read_credentials(
    oauth: Option<RawOAuth>,
    api_token: Option<RawApiToken>,
    folder: &Path,
    mistakes: &mut Vec<ConfigError>,
) -> Option<Credentials> {
    match (oauth, api_token) {
        (Some(oauth), None) => read_oauth(oauth, folder, mistakes),
        (None, Some(api_token)) => read_api_token(api_token, folder, mistakes),
        (None, None) => {
            let told = |told: &ConfigError| {
                told.path.first().is_some_and(|key| key == "oauth" || key == "api_token")
            };
            if !mistakes.iter().any(told) {
                mistakes.push(mistake(&["oauth"], "the credential is missing").hint(
                    "write oauth = { client_id = \"usher\", client_secret = { env = \"ZENDESK_CLIENT_SECRET\" } }",
                ));
            }
            None
        }
        (Some(_), Some(_)) => {
            mistakes.push(
                mistake(&["api_token"], "there are two credentials")
                    .hint("keep oauth: API tokens stop on 30 April 2027"),
            );
            None
        }
    }
}

fn read_oauth(oauth: RawOAuth, folder: &Path, mistakes: &mut Vec<ConfigError>) -> Option<Credentials> {
    let client_id = required(&["oauth", "client_id"], oauth.client_id, mistakes);
    let client_secret = required_secret(&["oauth", "client_secret"], oauth.client_secret, folder, mistakes);
    let scope = oauth.scope.unwrap_or_else(|| SCOPE.to_owned());
    let scope = required(&["oauth", "scope"], Some(scope), mistakes);
    Some(Credentials::OAuth { client_id: client_id?, client_secret: client_secret?, scope: scope? })
}

fn read_api_token(raw: RawApiToken, folder: &Path, mistakes: &mut Vec<ConfigError>) -> Option<Credentials> {
    let email = required(&["api_token", "email"], raw.email, mistakes).filter(|email| {
        let good = email.contains('@') && !email.contains(':') && !email.contains(char::is_whitespace);
        if !good {
            mistakes.push(
                mistake(&["api_token", "email"], "this is not an e-mail address")
                    .hint("write the address of the administrator whom the token acts for"),
            );
        }
        good
    });
    let token = required_secret(&["api_token", "token"], raw.token, folder, mistakes);
    Some(Credentials::ApiToken { email: email?, token: token? })
}

fn required(path: &[&str], value: Option<String>, mistakes: &mut Vec<ConfigError>) -> Option<String> {
    let wrong = match value {
        Some(value) if !value.trim().is_empty() => return Some(value),
        Some(_) => "this is empty",
        None => "this is missing",
    };
    push_once(mistake(path, wrong), mistakes);
    None
}

fn required_secret(
    path: &[&str],
    value: Option<Value>,
    folder: &Path,
    mistakes: &mut Vec<ConfigError>,
) -> Option<SecretRef> {
    match value {
        None => push_once(
            mistake(path, "the secret is missing").hint("write { env = \"NAME\" } or { file = \"PATH\" }"),
            mistakes,
        ),
        Some(value) => match SecretRef::read(path, &value, folder) {
            Ok(place) => return Some(place),
            Err(wrong) => mistakes.push(wrong),
        },
    }
    None
}

/// What was taken out for its type is not missing besides.
fn push_once(wrong: ConfigError, mistakes: &mut Vec<ConfigError>) {
    if !mistakes.iter().any(|told| told.path == wrong.path) {
        mistakes.push(wrong);
    }
}

fn read_lag(value: Option<&Value>) -> Result<Duration, ConfigError> {
    let wrong =
        || mistake(&["search_lag"], "this is not a duration").hint("write \"5m\", \"30s\", or 0 for none");
    let lag = match value {
        None => return Ok(SEARCH_LAG),
        Some(Value::Number(number)) if number.as_u64() == Some(0) => Duration::ZERO,
        Some(Value::String(text)) if text.trim() == "0" => Duration::ZERO,
        Some(Value::String(text)) => {
            let lag: SignedDuration = text.trim().parse().map_err(|_| wrong())?;
            Duration::try_from(lag).map_err(|_| wrong())?
        }
        Some(_) => return Err(wrong()),
    };
    if lag > LONGEST_LAG {
        return Err(mistake(&["search_lag"], "this is longer than a day").hint("write \"5m\""));
    }
    Ok(lag)
}

fn mistake(path: &[&str], message: impl Into<String>) -> ConfigError {
    ConfigError::at(path.iter().copied(), message)
}

#[cfg(test)]
mod tests;
