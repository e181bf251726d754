//! A signed token is shown, and another one given for it.

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;
use usher_core::ConfigError;

use super::endpoint::{TokenEndpoint, TokenParts, no_token, not_accepted};
use super::jwt::{JwtSettings, JwtSigner};
use super::{Token, TokenSource};
use crate::VendorFailure;

/// An endpoint that gives a token for a signed one: `{"token": …, "expires_at": "2026-11-24T10:00:00Z"}`.
///
/// The client's own headers (`Accept`, say) go with the request.
#[derive(Clone, Debug)]
pub struct JwtExchange {
    /// Where the signed token is posted: a path below the base URL, or a whole URL.
    pub token_url: String,
    /// The signed token.
    pub jwt: JwtSettings,
    /// A JSON body, where the endpoint wants one, such as what the token is to be good for.
    pub body: Option<Value>,
}

/// Fetches tokens for signed ones.
#[derive(Debug)]
pub(crate) struct JwtExchangeSource {
    endpoint: TokenEndpoint,
    signer: JwtSigner,
    headers: HeaderMap,
    body: Bytes,
}

impl JwtExchangeSource {
    pub(crate) fn new(
        parts: TokenParts,
        exchange: &JwtExchange,
        mut headers: HeaderMap,
        base: &Url,
    ) -> Result<Self, ConfigError> {
        let endpoint = TokenEndpoint::new(parts, base, &exchange.token_url)?;
        let signer = JwtSigner::new(&exchange.jwt)?;
        let body = exchange.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        if exchange.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Self { endpoint, signer, headers, body })
    }
}

#[async_trait]
impl TokenSource for JwtExchangeSource {
    async fn fetch(&self, deadline: Instant) -> Result<Token, VendorFailure> {
        let clock = &self.endpoint.parts.clock;
        let mut headers = self.headers.clone();
        headers.insert(AUTHORIZATION, self.signer.header(clock.now())?);
        let answer = self.endpoint.post(headers, self.body.clone(), deadline).await?;
        if answer.status.is_client_error() {
            return Err(not_accepted(answer.status));
        }
        let given: Given = serde_json::from_slice(&answer.body).map_err(|_| no_token(answer.status))?;
        let expires = given.expires_at.map(|end| in_our_time(end, &answer.headers, clock.now()));
        Ok(Token { secret: given.token, expires })
    }
}

#[derive(Deserialize)]
struct Given {
    #[serde(deserialize_with = "secret")]
    token: SecretString,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

fn secret<'de, D: serde::Deserializer<'de>>(text: D) -> Result<SecretString, D::Error> {
    let text = String::deserialize(text)?;
    if text.is_empty() {
        return Err(serde::de::Error::custom("an empty token"));
    }
    Ok(text.into())
}

/// The end of a token in our time: the vendor told it in its own, and `Date` tells how late that is.
fn in_our_time(end: Timestamp, headers: &HeaderMap, now: Timestamp) -> Timestamp {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    // The preferred form of an HTTP date is that of RFC 2822 with the zone written `GMT`.
    let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date.trim()).ok());
    date.and_then(|date| now.checked_add(end.duration_since(date)).ok()).unwrap_or(end)
}
