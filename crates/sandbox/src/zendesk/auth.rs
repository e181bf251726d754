//! Who asks: OAuth client credentials, bearer tokens, and the legacy API token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::Account;
use crate::exchange::{Reply, VendorRequest};

/// Zendesk takes an `expires_in` between these two, in seconds (its page "OAuth Tokens for Grant Types").
const LIFETIMES: std::ops::RangeInclusive<u64> = 300..=172_800;
/// Tokens alive at one time; the oldest go first.
const TOKENS_KEPT: usize = 10_000;

impl Account {
    /// `POST /oauth/tokens`. Zendesk documents a JSON body; a form is taken as well, since that is what RFC 6749 says.
    /// The client's id and secret stand in the body: Zendesk documents no other place.
    pub(crate) fn token(&mut self, request: &VendorRequest, now: Duration) -> Reply {
        let Some(fields) = fields(request) else {
            return oauth_error(400, "invalid_request", "The body is neither JSON nor a form.");
        };
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            let text = "The sandbox gives tokens for client_credentials alone.";
            return oauth_error(400, "unsupported_grant_type", text);
        }
        if field("client_id") != self.settings.client_id
            || field("client_secret") != self.settings.client_secret
        {
            return oauth_error(
                401,
                "invalid_client",
                "Client authentication failed due to unknown client, no client authentication included, or \
                 unsupported authentication method.",
            );
        }
        let lifetime = match fields.get("expires_in") {
            None | Some(Value::Null) => self.settings.token_lifetime_s,
            Some(value) => match number(value).filter(|wanted| LIFETIMES.contains(wanted)) {
                Some(wanted) => wanted,
                None => {
                    let text = "expires_in must be between 300 and 172800.";
                    return oauth_error(400, "invalid_request", text);
                }
            },
        };
        let scope = Some(field("scope")).filter(|scope| !scope.is_empty()).unwrap_or("read write").to_owned();
        let token = self.issue(now, Duration::from_secs(lifetime));
        Reply::json(
            200,
            json!({"access_token": token, "token_type": "bearer", "scope": scope, "expires_in": lifetime}),
        )
        .with_header("cache-control", "no-store".to_owned())
    }

    fn issue(&mut self, now: Duration, lifetime: Duration) -> String {
        self.tokens.retain(|(_, ends)| *ends > now);
        if self.tokens.len() >= TOKENS_KEPT {
            self.tokens.pop_front();
        }
        self.tokens_issued += 1;
        let token = format!("sandbox-bearer-{}-{}", self.tokens_issued, now.as_nanos());
        self.tokens.push_back((token.clone(), now.saturating_add(lifetime)));
        token
    }

    /// `Ok` for a good credential, else the 401 that goes with its kind.
    pub(crate) fn authenticate(&self, request: &VendorRequest, now: Duration) -> Result<(), Reply> {
        let header = request.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, credential) = header.and_then(|text| text.split_once(' ')).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("bearer") {
            let alive = |(token, ends): &(String, Duration)| token == credential.trim() && *ends > now;
            return if self.tokens.iter().any(alive) { Ok(()) } else { Err(bad_bearer()) };
        }
        let wanted = self.settings.api_token.as_ref();
        let wanted = wanted.map(|token| format!("{}/token:{token}", self.settings.api_email));
        let sent = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credential.trim()));
        match (wanted, sent) {
            (Some(wanted), Some(Ok(sent))) if wanted.as_bytes() == sent => Ok(()),
            _ => Err(Reply::json(401, json!({"error": "Couldn't authenticate you"}))),
        }
    }
}

fn bad_bearer() -> Reply {
    let text = "The access token provided is expired, revoked, malformed or invalid for other reasons.";
    Reply::json(401, json!({"error": "invalid_token", "error_description": text}))
}

fn oauth_error(status: u16, error: &str, text: &str) -> Reply {
    Reply::json(status, json!({"error": error, "error_description": text}))
}

fn fields(request: &VendorRequest) -> Option<Value> {
    let kind = request.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        let pairs = url::form_urlencoded::parse(&request.body).into_owned();
        return Some(Value::Object(pairs.map(|(key, value)| (key, Value::String(value))).collect()));
    }
    request.json().filter(Value::is_object)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
