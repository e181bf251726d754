//! `POST /oauth/token`: client credentials as RFC 6749 has them, the secret by basic authentication or in the form.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::refused;
use super::store::Directory;
use crate::exchange::{Reply, VendorRequest};

/// Tokens alive at one time; the oldest go first.
const TOKENS_KEPT: usize = 10_000;

impl Directory {
    pub(super) fn token(&mut self, request: &VendorRequest, now: Duration) -> Result<Reply, Reply> {
        let form = request.form().ok_or_else(|| oauth(400, "invalid_request", "The body is no form."))?;
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        if field("grant_type").as_deref() != Some("client_credentials") {
            return Err(oauth(400, "unsupported_grant_type", "Only client_credentials are taken."));
        }
        let basic = match request.credential("basic") {
            None => None,
            Some(credential) => Some(basic(credential).ok_or_else(bad_client)?),
        };
        if basic.is_some() && field("client_secret").is_some() {
            return Err(oauth(400, "invalid_request", "The client shows its secret in two ways."));
        }
        let shown = basic.or_else(|| Some((field("client_id")?, field("client_secret")?)));
        let (id, secret) = shown.ok_or_else(bad_client)?;
        if id != self.settings.client_id || secret != self.settings.client_secret {
            return Err(bad_client());
        }
        let lifetime = self.settings.token_lifetime_s;
        self.tokens.retain(|(_, ends)| *ends > now);
        if self.tokens.len() >= TOKENS_KEPT {
            self.tokens.pop_front();
        }
        self.tokens_issued += 1;
        let token = format!("directory-{}-{}", self.tokens_issued, now.as_nanos());
        self.tokens.push_back((token.clone(), now.saturating_add(Duration::from_secs(lifetime))));
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": lifetime});
        Ok(Reply::json(200, answer).with_header("cache-control", "no-store".to_owned()))
    }

    pub(super) fn authenticate(&self, request: &VendorRequest, now: Duration) -> Result<(), Reply> {
        let sent = request.credential("bearer").unwrap_or_default();
        let alive = |(token, ends): &(String, Duration)| token == sent && *ends > now;
        if self.tokens.iter().any(alive) {
            return Ok(());
        }
        let reply = refused(401, "unauthorized", "The token is missing, unknown or over.");
        Err(reply.with_header("www-authenticate", "Bearer error=\"invalid_token\"".to_owned()))
    }
}

/// Id and secret are each form-encoded within (RFC 6749, 2.3.1).
fn basic(credential: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |part: &str| {
        let part = part.replace('+', " ");
        percent_encoding::percent_decode_str(&part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    Some((decoded(id)?, decoded(secret)?))
}

fn bad_client() -> Reply {
    oauth(401, "invalid_client", "The client is unknown, or its secret is wrong.")
        .with_header("www-authenticate", "Basic realm=\"directory\"".to_owned())
}

fn oauth(status: u16, error: &str, text: &str) -> Reply {
    Reply::json(status, json!({"error": error, "error_description": text}))
}
