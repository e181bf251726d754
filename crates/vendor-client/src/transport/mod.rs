//! reqwest below everything.

mod address;
mod failure;
mod resolve;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::redirect;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};
use usher_core::{ConfigError, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, Sent, Transport};

pub use address::is_private;
use resolve::AddressRules;

/// How the pooled HTTP client is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportSettings {
    /// How long making a connection, TLS included, may take; 3 s by default. What ends by it was surely not sent.
    pub connect_timeout: Duration,
    /// For how long the kernel may go on sending what nobody acknowledges, after which it gives the connection up; 10 s by default. A
    /// request that a network swallows arrives within that time of its sending or never: it has to be less than any connector's
    /// `settle`, after which Usher takes an unanswered change for over. Heeded on Linux and Android; other kernels decide by themselves.
    pub acknowledged_within: Duration,
    /// How long an idle connection is kept; 30 s by default.
    pub idle_timeout: Duration,
    /// Idle connections kept for one host; 64 by default.
    pub idle_per_host: usize,
    /// Whether `HTTPS_PROXY` and the like are heeded; no by default. A proxy resolves names itself, so that the rules
    /// for private addresses hold for literal addresses alone.
    pub proxy_from_environment: bool,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            acknowledged_within: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            idle_per_host: 64,
            proxy_from_environment: false,
        }
    }
}

/// The machine's HTTP client: pooled, TLS by rustls; follows no redirect, keeps no cookie, sends nothing twice.
///
/// [`Sent::No`] is said only where no connection was made. `hyper-util` does hand a request to a second connection if a
/// pooled one was closed before taking it; not a byte of it has been written then. All other retries of reqwest are off.
#[derive(Debug)]
pub struct ReqwestTransport {
    /// Two pools, so that no connection to a private address serves a request that may not go there.
    public: reqwest::Client,
    any: reqwest::Client,
}

impl ReqwestTransport {
    /// A transport with pools of its own.
    ///
    /// # Errors
    /// TLS cannot be set up on this machine, such as for want of root certificates.
    pub fn new(settings: TransportSettings) -> Result<Self, ConfigError> {
        let client = |allow_private| {
            client(settings, allow_private).map_err(|error| {
                ConfigError::at(
                    Vec::<String>::new(),
                    format!("the HTTP client cannot be set up: {}", failure::root_cause(&error)),
                )
                .hint("look whether the machine has root certificates (package ca-certificates)")
            })
        };
        Ok(Self { public: client(false)?, any: client(true)? })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn client(settings: TransportSettings, allow_private: bool) -> reqwest::Result<reqwest::Client> {
    // A proxy is often on a private address, and is what resolves the vendor's name.
    let rules = AddressRules { allow_private: allow_private || settings.proxy_from_environment };
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(rules)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.idle_timeout)
        .pool_max_idle_per_host(settings.idle_per_host)
        // A connection that has died without a word is found out during a request, not by every request on it.
        .http2_keep_alive_interval(Duration::from_secs(10))
        .http2_keep_alive_timeout(Duration::from_secs(5))
        .tcp_nodelay(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let builder = builder.tcp_user_timeout(settings.acknowledged_within);
    if settings.proxy_from_environment { builder } else { builder.no_proxy() }.build()
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let not_sent = |kind, message: &str| HttpFailure { sent: Sent::No, kind, message: message.into() };
        if !request.allow_private && literal_address(&request.url).is_some_and(is_private) {
            return Err(not_sent(HttpFailureKind::PrivateAddress, failure::PRIVATE));
        }
        let client = if request.allow_private { &self.any } else { &self.public };
        let HttpRequest { method, url, headers, body, deadline, max_body, .. } = request;
        if is_over(deadline) {
            return Err(not_sent(HttpFailureKind::TimedOut, "the time was over before the request began"));
        }
        let sending = client.request(method, url).headers(headers).body(body).send();
        let exchange = async {
            let response = sending.await.map_err(|error| failure::classify(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_body(response, max_body).await?;
            Ok(HttpResponse { status, headers, body })
        };
        timeout_at(deadline, exchange).await.unwrap_or_else(|_| {
            Err(HttpFailure {
                sent: Sent::Maybe,
                kind: HttpFailureKind::TimedOut,
                message: "no whole answer came in time".into(),
            })
        })
    }
}

/// Reads the body, but no more of it than `max`.
async fn read_body(mut response: reqwest::Response, max: usize) -> Result<Bytes, HttpFailure> {
    let too_large = || HttpFailure {
        sent: Sent::Yes,
        kind: HttpFailureKind::BodyTooLarge,
        message: format!("the answer is larger than {max} bytes"),
    };
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |announced| announced > max) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::broken(&error))? {
        if body.len().saturating_add(chunk.len()) > max {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The address in a URL that has one instead of a name: no resolver sees it.
fn literal_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(v4) => Some(v4.into()),
        Host::Ipv6(v6) => Some(v6.into()),
        Host::Domain(_) => None,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the deadline is told in tokio's time, which its timers follow"
)]
fn is_over(deadline: Instant) -> bool {
    deadline <= Instant::now()
}
