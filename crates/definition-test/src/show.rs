//! Requests as people read them: what was sent, and what a test expects.

use http::HeaderMap;
use serde_json::Value;
use url::{Url, form_urlencoded};
use usher_core::HttpRequest;
use usher_generic_rest::definition::TestExchange;

/// Bytes of a body that are shown at the most.
const LONGEST: usize = 4_096;

/// A request as it went out, below the definition's base URL. Credentials are in no part of it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    /// The whole path.
    pub(crate) path: String,
    /// The same below the base URL's own path.
    pub(crate) below: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    None,
    Json(Value),
    Other(usize),
}

impl Sent {
    /// What of a request may be shown: neither sensitive headers, nor the pair of the query that is a key.
    pub(crate) fn of(request: &HttpRequest, base: &Url, key: Option<&str>) -> Self {
        let path = request.url.path().to_owned();
        let prefix = base.path().trim_end_matches('/');
        let below =
            path.strip_prefix(prefix).filter(|below| below.starts_with('/')).unwrap_or(&path).to_owned();
        let pairs = request.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
        Self {
            method: request.method.to_string(),
            below,
            path,
            query: pairs.filter(|(name, _)| Some(name.as_str()) != key).collect(),
            headers: headers(&request.headers),
            body: match request.body.as_ref() {
                [] => Body::None,
                bytes => match serde_json::from_slice(bytes) {
                    Ok(json) => Body::Json(json),
                    Err(_) => Body::Other(bytes.len()),
                },
            },
        }
    }

    /// For people. `beside`: the exchange that was next, whose headers are of interest.
    pub(crate) fn show(&self, beside: Option<&TestExchange>) -> String {
        let mut lines = vec![format!("{} {}{}", self.method, self.below, query(&self.query))];
        for name in beside.into_iter().flat_map(|exchange| exchange.headers.keys()) {
            match self.header(name) {
                Some(value) => lines.push(format!("{}: {value}", name.to_lowercase())),
                None => lines.push(format!("no header {}", name.to_lowercase())),
            }
        }
        match &self.body {
            Body::None => {}
            Body::Json(json) => lines.push(body(json)),
            Body::Other(length) => lines.push(format!("{length} bytes that are not JSON")),
        }
        lines.join("\n")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = headers.iter().filter(|(_, value)| !value.is_sensitive());
    shown.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

fn query(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

fn body(json: &Value) -> String {
    let text = json.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
        None => text,
    }
}

/// What an exchange says of its request.
pub(crate) fn expected(exchange: &TestExchange) -> String {
    let (path, in_path) = split(&exchange.path);
    let pairs = in_path.into_iter().chain(exchange.query.clone()).collect::<Vec<_>>();
    let mut lines = vec![format!("{} {path}{}", exchange.method, query(&pairs))];
    lines.extend(exchange.headers.iter().map(|(name, value)| format!("{}: {value}", name.to_lowercase())));
    lines.extend(exchange.json.as_ref().map(body));
    lines.join("\n")
}

/// What is not as an exchange says, in words; empty: it is that one.
pub(crate) fn differences(sent: &Sent, exchange: &TestExchange) -> Vec<String> {
    let (path, in_path) = split(&exchange.path);
    let mut out = Vec::new();
    if sent.method != exchange.method.as_str() {
        out.push("the method".to_owned());
    }
    if sent.path != path && sent.below != path {
        out.push("the path".to_owned());
    }
    for pair in in_path.into_iter().chain(exchange.query.clone()) {
        if !sent.query.contains(&pair) {
            out.push(format!("the query's {}", pair.0));
        }
    }
    for (name, value) in &exchange.headers {
        if sent.header(name) != Some(value) {
            out.push(format!("the header {}", name.to_lowercase()));
        }
    }
    if let Some(json) = &exchange.json
        && sent.body != Body::Json(json.clone())
    {
        out.push("the body".to_owned());
    }
    out
}

fn split(path: &str) -> (&str, Vec<(String, String)>) {
    match path.split_once('?') {
        None => (path, Vec::new()),
        Some((path, query)) => (path, form_urlencoded::parse(query.as_bytes()).into_owned().collect()),
    }
}
