//! How a client shows who it is.

mod cache;
mod endpoint;
mod exchange;
mod jwt;
mod oauth;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use usher_core::ConfigError;

pub use exchange::JwtExchange;
pub use jwt::{JwtAlgorithm, JwtSettings};
pub use oauth::{OAuthClientCredentials, SecretBy, TokenBody};

pub(crate) use cache::TokenCache;
pub(crate) use endpoint::TokenParts;
pub(crate) use exchange::JwtExchangeSource;
pub(crate) use jwt::JwtSigner;
pub(crate) use oauth::OAuthSource;

use crate::VendorFailure;

/// Bytes of a key in a query at the most.
const MAX_QUERY_KEY: usize = 4 * 1024;

/// A credential. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum Auth {
    /// None.
    None,
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user's name; no colon.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A header that the vendor names, with the key as its value.
    ApiKey {
        /// The header.
        header: HeaderName,
        /// The key.
        key: SecretString,
    },
    /// A pair of every request's query, with the key as its value: for vendors that take it nowhere else, since the
    /// vendor's own logs are likely to keep it.
    ApiKeyQuery {
        /// The pair's name.
        name: String,
        /// The key; 4 KiB at the most.
        key: SecretString,
    },
    /// A signed token (JWT, RFC 7519) as bearer, made anew for each request.
    Jwt(JwtSettings),
    /// Such a token is shown to an endpoint that gives another one for it, which is kept and renewed before it ends: a
    /// GitHub App's installation tokens, say.
    TokensForJwt(JwtExchange),
    /// OAuth 2.0 client credentials (RFC 6749, 4.4): a token is fetched, kept, and renewed before it ends.
    OAuth(OAuthClientCredentials),
    /// Bearer tokens from elsewhere; kept and renewed likewise.
    Tokens(Arc<dyn TokenSource>),
}

/// A token that opens a vendor's door for a while.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: SecretString,
    /// When it ends; `None` if nobody said: then it is used until the vendor answers 401.
    pub expires: Option<Timestamp>,
}

/// Where tokens come from. The client keeps a token, renews it early, and asks once for any number of waiting calls.
#[async_trait]
pub trait TokenSource: Debug + Send + Sync {
    /// Fetches a new token, until `deadline` at the latest.
    ///
    /// # Errors
    /// [`crate::FailureKind::Credential`] if the credential is not accepted; else what stood in the way. Whatever
    /// happens here, the call that waits for the token has not been sent.
    async fn fetch(&self, deadline: Instant) -> Result<Token, VendorFailure>;
}

/// What a client makes of an [`Auth`].
#[derive(Debug)]
pub(crate) enum Credential {
    None,
    Fixed { name: HeaderName, value: HeaderValue },
    Query { name: String, key: SecretString },
    Jwt(Box<JwtSigner>),
    Tokens(TokenCache),
}

impl Credential {
    /// The header of a credential that does not change.
    pub(crate) fn fixed(name: HeaderName, text: &SecretString) -> Result<Self, ConfigError> {
        let value = secret_header(text.expose_secret()).ok_or_else(|| unsendable("the credential"))?;
        Ok(Self::Fixed { name, value })
    }

    pub(crate) fn query(name: &str, key: &SecretString) -> Result<Self, ConfigError> {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ConfigError::at(["name"], "this is not the name of a pair of a query"));
        }
        let text = key.expose_secret();
        if text.len() > MAX_QUERY_KEY || text.chars().any(char::is_control) {
            return Err(ConfigError::at(
                ["key"],
                "the key is too long for a query, or has control characters",
            )
            .hint("look for a line break in it"));
        }
        Ok(Self::Query { name: name.to_owned(), key: key.clone() })
    }

    pub(crate) fn bearer(token: &SecretString) -> Result<Self, ConfigError> {
        let value = bearer(token).ok_or_else(|| unsendable("the token"))?;
        Ok(Self::Fixed { name: AUTHORIZATION, value })
    }

    pub(crate) fn basic(username: &str, password: &SecretString) -> Result<Self, ConfigError> {
        if username.contains(':') || username.chars().any(char::is_control) {
            return Err(ConfigError::at(
                ["username"],
                "a user's name must not contain a colon or control characters",
            ));
        }
        let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
        let encoded = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
        Self::fixed(AUTHORIZATION, &encoded)
    }
}

/// `Bearer TOKEN` as a header value that no Debug shows.
pub(crate) fn bearer(token: &SecretString) -> Option<HeaderValue> {
    let text = SecretString::from(format!("Bearer {}", token.expose_secret()));
    secret_header(text.expose_secret())
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unsendable(what: &str) -> ConfigError {
    ConfigError::at(Vec::<String>::new(), format!("{what} has characters that no header may have"))
        .hint("look for a line break or another control character in it")
}
