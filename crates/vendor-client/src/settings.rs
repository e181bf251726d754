use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use url::Url;
use usher_core::{ConfigError, Ports};

use crate::{Auth, ThrottleRule, throttled_by_429};

/// How a [`crate::VendorClient`] reaches its vendor. `Debug` shows no secret.
pub struct ClientSettings {
    /// Where paths begin: scheme, host, port and perhaps a path prefix. Credentials go to its origin alone.
    pub base_url: Url,
    /// The credential.
    pub auth: Auth,
    /// Headers of every request, such as `Accept`.
    pub headers: HeaderMap,
    /// The `User-Agent`; `usher/VERSION` by default.
    pub user_agent: String,
    /// Bytes of an answer's body at the most; 8 MiB by default.
    pub max_body: usize,
    /// How long one attempt may take unless its request says otherwise; 5 s by default.
    pub timeout: Duration,
    /// How often one request is sent at the most, where it may be sent again at all; 3 by default.
    pub attempts: u32,
    /// How the vendor says that its rate limit is reached; by 429 by default.
    pub throttled: ThrottleRule,
    /// Under which key the limiter counts; the connection's name by default.
    pub limit_key: Option<String>,
}

impl ClientSettings {
    /// Settings with the defaults.
    pub fn new(base_url: Url, auth: Auth) -> Self {
        Self {
            base_url,
            auth,
            headers: HeaderMap::new(),
            user_agent: concat!("usher/", env!("CARGO_PKG_VERSION")).into(),
            max_body: 8 * 1024 * 1024,
            timeout: Duration::from_secs(5),
            attempts: 3,
            throttled: throttled_by_429,
            limit_key: None,
        }
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("origin", &self.base_url.origin().ascii_serialization())
            .field("auth", &self.auth)
            .field("max_body", &self.max_body)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The address of the vendor: `ports.base_url` if it is set, else the vendor's own.
///
/// # Errors
/// It is no absolute `http` or `https` URL, has user, password, query or fragment, or is `http` although
/// `allow_private` is off (the credential would cross the network in the clear).
pub fn base_url(ports: &Ports, own: &str) -> Result<Url, ConfigError> {
    let text = ports.base_url.as_deref().unwrap_or(own);
    let url = Url::parse(text).map_err(|error| wrong(format!("the base URL is not a URL: {error}")))?;
    check_base_url(&url, ports.allow_private)?;
    Ok(url)
}

pub(crate) fn check_base_url(url: &Url, allow_private: bool) -> Result<(), ConfigError> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("the base URL must begin with https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "the base URL must not contain a user or a password: credentials have settings of their own",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("the base URL must not have a query or a fragment"));
    }
    if url.scheme() == "http" && !allow_private {
        return Err(wrong("the base URL must begin with https://").hint(
            "http:// is accepted together with allow_private = true, for a vendor on this machine or network",
        ));
    }
    Ok(())
}

fn wrong(message: impl Into<String>) -> ConfigError {
    ConfigError::at(["base_url"], message)
}
