//! Where alerts are sent.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// The address of a receiver. Whoever knows Slack's may write there, so none of it but its origin is ever shown.
#[derive(Clone)]
pub struct Address {
    url: SecretString,
    origin: String,
    allow_private: bool,
}

impl Address {
    /// Reads an address. `http` is taken for this machine itself, which also may be named without `allow_private`, and with
    /// `allow_private` for any other.
    ///
    /// # Errors
    /// What is wrong with it, and what to do. Nothing of the text is repeated.
    pub fn parse(text: &str, allow_private: bool) -> Result<Self, (&'static str, &'static str)> {
        const HOW: &str = "write an address such as https://alerts.example.com/usher";
        let url = Url::parse(text).map_err(|_| ("is not an address", HOW))?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
            return Err(("is not an address of the web", HOW));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err((
                "has a user or a password in it",
                "take them out: what Usher sends is signed, and needs no password",
            ));
        }
        if url.fragment().is_some() {
            return Err(("ends in a fragment, which is never sent", "leave out the # and what follows"));
        }
        let allow_private = allow_private || is_this_machine(&url);
        if url.scheme() == "http" && !allow_private {
            return Err((
                "would send alerts unencrypted",
                "begin it with https://; http:// is taken for this machine, and with allow_private = true",
            ));
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url: SecretString::from(String::from(url)), origin, allow_private })
    }

    /// Scheme, host and port: what may be shown.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// All of it, to send to.
    pub(super) fn url(&self) -> Result<Url, url::ParseError> {
        Url::parse(self.url.expose_secret())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("origin", &self.origin)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(v4)) => v4.is_loopback(),
        Some(Host::Ipv6(v6)) => v6.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
