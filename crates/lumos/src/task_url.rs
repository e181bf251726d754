use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Characters that a request id may have.
const REQUEST_ID_LENGTH: usize = 200;

/// Lumos's id of the request: the query parameter `requestId` of `request_task_url`.
///
/// The first one that is not blank counts, percent-decoded and trimmed (`+` stays a plus). It must be visible ASCII
/// of at most 200 characters: anything else is `None`, not the next one. Where a query begins and ends does not
/// depend on what stands before it, so a URL without scheme or host serves as well; a parameter in the fragment does not.
#[must_use]
pub fn request_id(task_url: &str) -> Option<String> {
    let before_fragment = task_url.split('#').next()?;
    let (_, query) = before_fragment.split_once('?')?;
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| percent_decode_str(name).eq(*b"requestId"))
        // Bytes that are no UTF-8 become U+FFFD, which is no ASCII.
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().trim().to_owned())
        .find(|id| !id.is_empty())
        .filter(|id| id.len() <= REQUEST_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// The task's address as a link: `http` or `https`, without credentials in it, on one of the hosts.
///
/// Everything else is shown as text at most: the URL comes from outside, and people click on it.
#[must_use]
pub fn task_link(task_url: &str, hosts: &[HostPattern]) -> Option<Url> {
    let url = Url::parse(task_url).ok()?;
    let bare = url.username().is_empty() && url.password().is_none();
    let host = url.host_str()?;
    let known = hosts.iter().any(|pattern| pattern.matches(host));
    (matches!(url.scheme(), "http" | "https") && bare && known).then_some(url)
}

/// What `task_url_hosts` is where the operator sets nothing: Lumos's own domains.
#[must_use]
pub fn default_task_url_hosts() -> Vec<HostPattern> {
    let pattern = |base: &str, below| HostPattern { base: base.to_owned(), below };
    vec![pattern("lumosidentity.com", false), pattern("lumosidentity.com", true), pattern("lumos.com", true)]
}

/// A host (`lumosidentity.com`), or all that have one or more labels before it (`*.lumosidentity.com`, which is not
/// `lumosidentity.com` itself). Case does not count; names beyond ASCII are compared in Punycode.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    base: String,
    below: bool,
}

impl HostPattern {
    /// Whether the host is one of the pattern's. The host is as [`Url::host_str`] gives it.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        if !self.below {
            return host == self.base;
        }
        host.strip_suffix(&self.base)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
    }
}

/// A text that is no [`HostPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no host: write a name such as `lumosidentity.com`, or `*.lumosidentity.com` for all below it"
)]
pub struct HostPatternError(String);

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let error = || HostPatternError(text.to_owned());
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(error());
        }
        match Host::parse(name).map_err(|_| error())? {
            Host::Domain(name) if name.split('.').any(str::is_empty) => Err(error()),
            Host::Ipv4(_) | Host::Ipv6(_) if below => Err(error()),
            host => Ok(Self { base: host.to_string(), below }),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostPatternError;

    fn try_from(text: String) -> Result<Self, HostPatternError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.base)
    }
}
