//! Who asks: the App by a JWT, its installation by a token of an hour, or the owner by a personal access token.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::{bad_credentials, message, not_accessible, not_found, unparsable};
use super::key::AppKey;
use super::organisation::Organisation;
use super::settings::GithubSettings;
use crate::exchange::{Reply, VendorRequest};
use crate::stand_in::{Doing, stamp};

/// A JWT may end at the most so many seconds from now. Exactly so many got 401 now and then (clocks differ), and get it
/// here always.
const JWT_ENDS_WITHIN: i64 = 600;
/// Tokens alive at one time; the oldest go first.
const TOKENS_KEPT: usize = 10_000;

/// Whose credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Installation,
    Owner,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: Value,
    iat: i64,
    exp: i64,
}

/// Whether the settings' key can verify anything.
pub(super) fn check(settings: &GithubSettings) -> Result<(), String> {
    let Some(pem) = &settings.app_public_key else { return Ok(()) };
    let read = DecodingKey::from_rsa_pem(pem.as_bytes());
    read.map(|_key| ()).map_err(|error| format!("app_public_key is no RSA public key in PEM: {error}"))
}

impl Organisation {
    /// `Ok` for a JWT that the App signed, else the 401 that goes with what is wrong with it.
    pub(super) fn verify_app(&self, request: &VendorRequest, wall: Timestamp) -> Result<(), Reply> {
        let jwt = request.credential("bearer").ok_or_else(|| message(401, "A JSON web token is required"))?;
        let undecodable = || message(401, "A JSON web token could not be decoded");
        let shared;
        let pem = match &self.settings.app_public_key {
            Some(pem) => pem.as_str(),
            None => {
                shared = AppKey::shared().map_err(|error| message(500, &error.to_string()))?;
                shared.public_pem()
            }
        };
        let key = DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_checked_when_set| undecodable())?;
        let mut validation = Validation::new(Algorithm::RS256);
        // Its times are looked at below, on the sandbox's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = decode::<Claims>(jwt, &key, &validation).map_err(|_why| undecodable())?.claims;
        let now = wall.as_second();
        if claims.iat > now {
            let text = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
            return Err(message(401, text));
        }
        if claims.exp <= now {
            let text = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which \
                        the assertion expires";
            return Err(message(401, text));
        }
        if claims.exp.saturating_sub(now) >= JWT_ENDS_WITHIN {
            return Err(message(401, "'Expiration time' claim ('exp') is too far in the future"));
        }
        let settings = &self.settings;
        let ours = match &claims.iss {
            Value::Number(number) => number.as_u64() == Some(settings.app_id),
            Value::String(text) => *text == settings.app_id.to_string() || *text == settings.app_client_id,
            _ => false,
        };
        if ours { Ok(()) } else { Err(message(404, "Integration not found")) }
    }

    /// `POST /app/installations/{id}/access_tokens`.
    pub(super) fn create_token(&mut self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        self.verify_app(doing.request, doing.wall)?;
        self.asked_installation(doing.request)?;
        let body = if doing.request.body.is_empty() {
            json!({})
        } else {
            doing.request.json().ok_or_else(unparsable)?
        };
        let mut permissions = self.settings.permissions.clone();
        if let Some(wanted) = body.get("permissions").and_then(Value::as_object) {
            let held = |name: &str, level: &Value| {
                let held = permissions.get(name).map(String::as_str);
                held == level.as_str() || (held == Some("write") && level == "read")
            };
            if wanted.iter().any(|(name, level)| !held(name, level)) {
                return Err(message(422, "The permissions requested are not granted to this installation."));
            }
            permissions = wanted
                .iter()
                .map(|(name, level)| (name.clone(), level.as_str().unwrap_or_default().to_owned()))
                .collect();
        }
        let lifetime = Duration::from_secs(self.settings.token_lifetime_s);
        let token = self.issue(doing.now, lifetime);
        let ends =
            SignedDuration::try_from(lifetime).ok().and_then(|after| doing.wall.checked_add(after).ok());
        Ok(Reply::json(
            201,
            json!({
                "token": token,
                "expires_at": stamp(ends.unwrap_or(Timestamp::MAX)),
                "permissions": permissions,
                "repository_selection": "all",
            }),
        ))
    }

    fn issue(&mut self, now: Duration, lifetime: Duration) -> String {
        self.tokens.retain(|(_, ends)| *ends > now);
        if self.tokens.len() >= TOKENS_KEPT {
            self.tokens.pop_front();
        }
        self.tokens_issued += 1;
        // GitHub's tokens have no length or form that one could count on.
        let token = format!("ghs_sandbox{}.{}", self.tokens_issued, now.as_nanos());
        self.tokens.push_back((token.clone(), now.saturating_add(lifetime)));
        token
    }

    fn asked_installation(&self, request: &VendorRequest) -> Result<(), Reply> {
        let here = request.number() == Some(self.settings.installation_id);
        if here { Ok(()) } else { Err(not_found()) }
    }

    /// `GET /app`.
    pub(super) fn show_app(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        self.verify_app(doing.request, doing.wall)?;
        let created = stamp(self.created_at);
        Ok(Reply::json(
            200,
            json!({
                "id": self.settings.app_id,
                "client_id": self.settings.app_client_id,
                "slug": "usher",
                "node_id": format!("A_sandbox{}", self.settings.app_id),
                "owner": self.org_as_account(&doing.request.base_url),
                "name": "Usher",
                "description": null,
                "external_url": "https://usher.example",
                "html_url": "https://github.com/apps/usher",
                "created_at": created,
                "updated_at": created,
                "permissions": self.settings.permissions,
                "events": [],
                "installations_count": 1,
            }),
        ))
    }

    /// `GET /app/installations/{id}` and `GET /orgs/{org}/installation`.
    pub(super) fn show_installation(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        self.verify_app(doing.request, doing.wall)?;
        let request = doing.request;
        if request.path.contains("/orgs/") {
            self.asked_org(request)?;
        } else {
            self.asked_installation(request)?;
        }
        let (base, id) = (&request.base_url, self.settings.installation_id);
        let created = stamp(self.created_at);
        Ok(Reply::json(
            200,
            json!({
                "id": id,
                "account": self.org_as_account(base),
                "repository_selection": "all",
                "access_tokens_url": format!("{base}/app/installations/{id}/access_tokens"),
                "repositories_url": format!("{base}/installation/repositories"),
                "html_url": format!("https://github.com/organizations/{}/settings/installations/{id}", self.settings.org),
                "app_id": self.settings.app_id,
                "client_id": self.settings.app_client_id,
                "app_slug": "usher",
                "target_id": self.id,
                "target_type": "Organization",
                "permissions": self.settings.permissions,
                "events": [],
                "created_at": created,
                "updated_at": created,
                "single_file_name": null,
                "suspended_by": null,
                "suspended_at": null,
            }),
        ))
    }

    /// Whose token it is, or 401.
    pub(super) fn authenticate(&self, request: &VendorRequest, now: Duration) -> Result<Caller, Reply> {
        let sent = request.credential("bearer").or_else(|| request.credential("token"));
        let sent = sent.ok_or_else(|| message(401, "Requires authentication"))?;
        if self.settings.personal_token.as_deref() == Some(sent) {
            return Ok(Caller::Owner);
        }
        let alive = |(token, ends): &(String, Duration)| token == sent && *ends > now;
        if self.tokens.iter().any(alive) { Ok(Caller::Installation) } else { Err(bad_credentials()) }
    }

    /// Whether the caller may do that with the organisation's members.
    pub(super) fn permit(&self, caller: Caller, reads: bool) -> Result<(), Reply> {
        let held = self.settings.permissions.get("members").map(String::as_str);
        let enough = held == Some("write") || (reads && held == Some("read"));
        if caller == Caller::Owner || enough { Ok(()) } else { Err(not_accessible()) }
    }
}
