use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;

use crate::{FailureKind, VendorFailure};

/// Bytes of a request's body at the most.
const MAX_REQUEST_BODY: usize = 1024 * 1024;

/// Headers that are the client's own affair: a connector that set one could move credentials or split a request.
const RESERVED: [HeaderName; 7] =
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];

/// One request to a vendor: a path template with typed parameters below the client's base URL.
///
/// Mistakes (a bad header value, a missing parameter) are told by [`crate::VendorClient::send`], before anything is sent.
/// `Debug` shows the method and the template only.
///
/// ```
/// use usher_vendor_client::VendorRequest;
///
/// let request = VendorRequest::put("/api/v2/users/{id}")
///     .param("id", 42)
///     .query("async", false)
///     .json(&serde_json::json!({"user": {"role": "agent"}}));
/// ```
#[derive(Clone)]
pub struct VendorRequest {
    pub(crate) method: Method,
    pub(crate) template: Cow<'static, str>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
    pub(crate) changes: bool,
    pub(crate) sensitive_url: bool,
    pub(crate) mistake: Option<String>,
}

impl VendorRequest {
    /// A request with a method and a path template: `/`, then segments, in which `{name}` stands for a parameter.
    ///
    /// It counts as changing something unless the method is GET or HEAD.
    pub fn new(method: Method, template: impl Into<Cow<'static, str>>) -> Self {
        let changes = !matches!(method, Method::GET | Method::HEAD);
        Self {
            method,
            template: template.into(),
            params: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            changes,
            sensitive_url: false,
            mistake: None,
        }
    }

    /// A GET.
    pub fn get(template: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::GET, template)
    }

    /// A POST.
    pub fn post(template: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::POST, template)
    }

    /// A PUT.
    pub fn put(template: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::PUT, template)
    }

    /// A PATCH.
    pub fn patch(template: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::PATCH, template)
    }

    /// A DELETE.
    pub fn delete(template: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::DELETE, template)
    }

    /// The value of `{name}` in the template, percent-encoded as (part of) one segment.
    ///
    /// Empty values, `.`, `..`, control characters, and values that hide a dot segment behind a slash are refused.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.params.push((name.into(), value.to_string()));
        self
    }

    /// Adds a pair to the query, percent-encoded.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a header. Line breaks in the value, and headers that belong to the client (`Authorization`, `Host`,
    /// `Cookie`, the framing ones), are refused.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = HeaderName::from_bytes(name.as_ref().as_bytes());
        let value = HeaderValue::from_str(value.as_ref());
        match (name, value) {
            (Ok(name), _) if RESERVED.contains(&name) => {
                self.mistaken(format!("the header {name} is set by the client alone"));
            }
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Ok(name), Err(_)) => {
                self.mistaken(format!(
                    "the value of the header {name} has characters that no header may have"
                ));
            }
            (Err(_), _) => {
                self.mistaken("a header's name has characters that no name may have".into());
            }
        }
        self
    }

    /// A JSON body, with its `Content-Type` unless one was set before (`application/scim+json`, say). At most 1 MiB.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) if bytes.len() > MAX_REQUEST_BODY => {
                self.mistaken(format!("the request's body is larger than {MAX_REQUEST_BODY} bytes"));
            }
            Ok(bytes) => {
                self.body = bytes.into();
                self.headers
                    .entry(CONTENT_TYPE)
                    .or_insert_with(|| HeaderValue::from_static("application/json"));
            }
            // serde_json's message could quote a value.
            Err(_) => self.mistaken("the request's body cannot be written as JSON".into()),
        }
        self
    }

    /// How long one attempt may take, reading the answer included; else the client's. The call's deadline cuts it short.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether it alters something at the vendor. What alters is sent again only after `Sent::No`, or after a 401.
    #[must_use]
    pub fn changes(mut self, changes: bool) -> Self {
        self.changes = changes;
        self
    }

    /// Says that the template itself must not be shown in traces and faults (a hook's address that is a secret, say).
    #[must_use]
    pub fn sensitive_url(mut self) -> Self {
        self.sensitive_url = true;
        self
    }

    /// What traces and faults show of the path.
    pub(crate) fn shown_path(&self) -> &str {
        if self.sensitive_url { "(hidden)" } else { &self.template }
    }

    /// The first mistake that was made while building.
    pub(crate) fn checked(&self) -> Result<(), VendorFailure> {
        match &self.mistake {
            Some(mistake) => Err(VendorFailure::before_sending(FailureKind::Request, mistake.clone())),
            None => Ok(()),
        }
    }

    fn mistaken(&mut self, what: String) {
        self.mistake.get_or_insert(what);
    }
}

impl fmt::Debug for VendorRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorRequest")
            .field("method", &self.method)
            .field("template", &self.shown_path())
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}
