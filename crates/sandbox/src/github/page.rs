//! GitHub's way to page: `page`, `per_page`, and links to the neighbours in the `Link` header.

use serde_json::Value;

use super::errors::invalid_field;
use crate::exchange::{Reply, VendorRequest};

/// Rows of one page at the most, and where nothing is said.
const MOST: usize = 100;
const USUAL: usize = 30;

/// The rows of the page that was asked for.
pub(super) fn paged(request: &VendorRequest, rows: &[Value]) -> Reply {
    let number = |name: &str, usual: usize| match request.parameter(name) {
        None => Some(usual),
        Some(text) => text.parse::<usize>().ok(),
    };
    // GitHub takes whatever it cannot use for what is usual, and more than a hundred for a hundred.
    let page = number("page", 1).filter(|page| *page > 0).unwrap_or(1);
    let Some(size) = number("per_page", USUAL) else {
        return invalid_field("per_page", "per_page is no number");
    };
    let size = if size == 0 { USUAL } else { size.min(MOST) };
    let last = rows.len().div_ceil(size).max(1);
    let shown: Vec<Value> = rows.iter().skip((page - 1).saturating_mul(size)).take(size).cloned().collect();
    let mut links = Vec::new();
    let mut link = |page: usize, relation: &str| {
        links.push(format!("<{}>; rel=\"{relation}\"", address(request, page, size)));
    };
    if page > 1 {
        link((page - 1).min(last), "prev");
    }
    if page < last {
        link(page + 1, "next");
        link(last, "last");
    }
    if page > 1 {
        link(1, "first");
    }
    let reply = Reply::json(200, Value::Array(shown));
    if links.is_empty() { reply } else { reply.with_header("link", links.join(", ")) }
}

fn address(request: &VendorRequest, page: usize, size: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in &request.query {
        if key != "page" && key != "per_page" {
            query.append_pair(key, value);
        }
    }
    query.append_pair("per_page", &size.to_string()).append_pair("page", &page.to_string());
    format!("{}{}?{}", request.base_url, request.path, query.finish())
}
