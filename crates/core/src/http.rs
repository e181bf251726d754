use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::Sent;

/// One HTTP exchange below authentication, limits and retries: reqwest, or a test's script. Follows no redirect.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, once.
    ///
    /// # Errors
    /// [`HttpFailure`] says whether the request may have reached the other side.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure>;
}

/// A request as it goes out. `Debug` shows neither query, header values nor body.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: Url,
    /// Headers; credentials among them are marked sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When the exchange, reading the answer included, has to be over.
    pub deadline: Instant,
    /// Bytes of the answer's body at the most.
    pub max_body: usize,
    /// Whether the host may resolve to a private, loopback or link-local address.
    pub allow_private: bool,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("origin", &self.url.origin().ascii_serialization())
            .finish_non_exhaustive()
    }
}

/// An answer. `Debug` does not show the body.
#[derive(Clone)]
pub struct HttpResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// How an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpFailureKind {
    /// The host name could not be resolved.
    Dns,
    /// It resolves to a private, loopback or link-local address, and those are not allowed.
    PrivateAddress,
    /// No connection, or no TLS session, was made.
    Connect,
    /// Time ran out.
    TimedOut,
    /// The connection broke.
    Broken,
    /// The answer is larger than allowed.
    BodyTooLarge,
}

/// An exchange that brought no whole answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind:?}: {message}")]
pub struct HttpFailure {
    /// Whether the request may have reached the other side.
    pub sent: Sent,
    /// How it failed.
    pub kind: HttpFailureKind,
    /// Without URL, headers or body.
    pub message: String,
}
