//! One request and one reply as the stand-ins see them: without sockets, so that a fault can stand between the two.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::operation::{Operation, Routed, Vendor, route};

/// A request to a vendor that was read whole.
#[derive(Debug, Clone)]
pub(crate) struct VendorRequest {
    pub(crate) vendor: Vendor,
    pub(crate) method: Method,
    /// Below the vendor's prefix, without query.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The vendor's own address, which links of pages begin with. Never taken from the Host header.
    pub(crate) base_url: String,
    pub(crate) routed: Routed,
}

impl VendorRequest {
    pub(crate) fn new(
        vendor: Vendor,
        base_url: String,
        parts: &http::request::Parts,
        path: &str,
        body: Bytes,
    ) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self {
            vendor,
            method: parts.method.clone(),
            path: path.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: parts.headers.clone(),
            body,
            base_url,
            routed: route(vendor, &parts.method, path),
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        self.routed.operation
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The id or name at this place among those in the path.
    pub(crate) fn id(&self, place: usize) -> Option<&str> {
        self.routed.ids.get(place).map(String::as_str)
    }

    /// The number in the path, where the path has one.
    pub(crate) fn number(&self) -> Option<u64> {
        self.id(0).and_then(|id| id.parse().ok())
    }

    /// Whether it only reads. A GraphQL query does, though it is a POST.
    pub(crate) fn reads(&self) -> bool {
        self.method == Method::GET || self.operation() == Operation::Graphql
    }

    /// The credential of the `Authorization` header, where it is of this scheme.
    pub(crate) fn credential(&self, wanted: &str) -> Option<&str> {
        let header = self.headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, credential) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case(wanted).then_some(credential.trim())
    }

    /// The fields of a form, or `None` where the body is not said to be one.
    pub(crate) fn form(&self) -> Option<Vec<(String, String)>> {
        let kind = self.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
        let form = kind.starts_with("application/x-www-form-urlencoded");
        form.then(|| url::form_urlencoded::parse(&self.body).into_owned().collect())
    }

    /// The body as JSON, or `None` where it is none.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What a vendor answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The sandbox itself can take no more.
    pub(crate) fn full() -> Self {
        Self::json(
            507,
            json!({"error": "SandboxFull", "description": "The sandbox's list of effects is full: reset it."}),
        )
    }

    /// To a request from before a reset, which changes nothing any more.
    pub(crate) fn forgotten() -> Self {
        Self::json(
            503,
            json!({"error": "SandboxReset", "description": "The sandbox was reset: send it again."}),
        )
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.body.as_ref().map_or_else(Bytes::new, |body| Bytes::from(body.to_string()))
    }
}
