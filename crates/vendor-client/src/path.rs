//! A path template and its parameters become a URL, or a mistake; nothing in between.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{FailureKind, VendorFailure, VendorRequest};

/// All but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes of a URL at the most.
const MAX_URL: usize = 8 * 1024;

/// The URL of a request below a base URL, whose own path stays in front.
pub(crate) fn url(base: &Url, request: &VendorRequest) -> Result<Url, VendorFailure> {
    let path = fill(&request.template, &request.params)?;
    let path = format!("{}{path}", base.path().trim_end_matches('/'));
    let mut url = base.clone();
    url.set_path(&path);
    // The parser mends what it finds odd (dot segments, backslashes): where it did, this is not the path that was meant.
    if url.path() != path {
        return Err(wrong("the path template has characters that no path may have"));
    }
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.query);
    }
    if url.as_str().len() > MAX_URL {
        return Err(wrong(format!("the URL is longer than {MAX_URL} bytes")));
    }
    Ok(url)
}

fn fill(template: &str, params: &[(String, String)]) -> Result<String, VendorFailure> {
    if !template.starts_with('/') || template.starts_with("//") {
        return Err(wrong("a path template begins with one slash"));
    }
    if template.contains(['?', '#', '\\', '%']) || template.chars().any(|c| c.is_control() || c == ' ') {
        return Err(wrong("a path template holds plain segments and parameters only"));
    }
    let mut used = vec![false; params.len()];
    let mut path = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').ok_or_else(|| wrong("a path template has an open brace"))?;
        path.push_str(before);
        let index = params
            .iter()
            .position(|(given, _)| given == name)
            .ok_or_else(|| wrong(format!("the path parameter {name:?} is missing")))?;
        if let (Some(used), Some((_, value))) = (used.get_mut(index), params.get(index)) {
            *used = true;
            path.push_str(&segment(name, value)?);
        }
        rest = after;
    }
    path.push_str(rest);
    if let Some((_, (name, _))) = used.iter().zip(params).find(|(used, _)| !**used) {
        return Err(wrong(format!("the path parameter {name:?} is given twice or not in the template")));
    }
    if path.contains(['{', '}']) || path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(wrong("the path has a dot segment or a stray brace"));
    }
    Ok(path)
}

fn segment(name: &str, value: &str) -> Result<String, VendorFailure> {
    // The value stays out of the message: it may be an e-mail address.
    let refused = |why: &str| wrong(format!("the path parameter {name:?} {why}"));
    if value.is_empty() {
        return Err(refused("is empty"));
    }
    if value.chars().any(char::is_control) {
        return Err(refused("has control characters"));
    }
    // Encoded, such a value is one segment; a careless proxy at the vendor's may decode it and walk up.
    if value.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
        return Err(refused("is a dot segment"));
    }
    Ok(utf8_percent_encode(value, SEGMENT).to_string())
}

fn wrong(message: impl Into<String>) -> VendorFailure {
    VendorFailure::before_sending(FailureKind::Request, message)
}
