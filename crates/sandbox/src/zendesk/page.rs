//! Zendesk's two ways to page: by offset (`page`, `per_page`) and by cursor (`page[size]`, `page[after]`), as its
//! developer pages on pagination describe them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::exchange::{Reply, VendorRequest};

/// Rows of one page at the most, and where nothing is said.
const MOST: usize = 100;
/// Zendesk pages by offset through so many rows and no more.
const OFFSET_ROWS: usize = 10_000;

/// One row and the id that a cursor points to.
pub(crate) type Row = (u64, Value);

/// The rows of the page that was asked for, under `name`; by cursor where the request says `page[size]` or
/// `page[after]`, by offset otherwise. `rows` are in the order of their ids.
pub(crate) fn either(request: &VendorRequest, name: &str, rows: &[Row]) -> Reply {
    if request.parameter("page[size]").is_some() || request.parameter("page[after]").is_some() {
        by_cursor(request, name, rows)
    } else {
        by_offset(request, name, rows)
    }
}

/// Offset paging alone, as of the search.
pub(crate) fn by_offset(request: &VendorRequest, name: &str, rows: &[Row]) -> Reply {
    let number = |parameter: &str, otherwise: usize| match request.parameter(parameter) {
        None => Some(otherwise),
        Some(text) => text.parse().ok().filter(|number| *number > 0),
    };
    let (Some(page), Some(size)) = (number("page", 1), number("per_page", MOST)) else {
        return bad_page("page and per_page must be positive numbers");
    };
    let size = size.min(MOST);
    let first = (page - 1).saturating_mul(size);
    if first >= OFFSET_ROWS {
        return bad_page("Number of search results is limited to 10,000");
    }
    let shown: Vec<&Value> = rows.iter().skip(first).take(size).map(|(_, row)| row).collect();
    let more = first.saturating_add(size) < rows.len();
    let link = |page: usize| link(request, &[("page", &page.to_string()), ("per_page", &size.to_string())]);
    Reply::json(
        200,
        json!({
            name: shown,
            "count": rows.len(),
            "next_page": more.then(|| link(page + 1)),
            "previous_page": (page > 1).then(|| link(page - 1)),
        }),
    )
}

fn by_cursor(request: &VendorRequest, name: &str, rows: &[Row]) -> Reply {
    let size = match request.parameter("page[size]").map(str::parse::<usize>) {
        None => MOST,
        Some(Ok(size)) if (1..=MOST).contains(&size) => size,
        Some(_) => return bad_page("page[size] must be from 1 to 100"),
    };
    let after = match request.parameter("page[after]").filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => match id_of(text) {
            Some(id) => id,
            None => return bad_page("page[after] is not valid"),
        },
    };
    let mut left = rows.iter().filter(|(id, _)| *id > after);
    let shown: Vec<&Row> = left.by_ref().take(size).collect();
    let more = left.next().is_some();
    let cursor = |row: Option<&&Row>| row.map(|(id, _)| cursor(*id));
    let next = shown.last().filter(|_| more).map(|(id, _)| {
        link(request, &[("page[size]", &size.to_string()), ("page[after]", &self::cursor(*id))])
    });
    Reply::json(
        200,
        json!({
            name: shown.iter().map(|(_, row)| row).collect::<Vec<_>>(),
            "meta": {
                "has_more": more,
                "after_cursor": cursor(shown.last()),
                "before_cursor": cursor(shown.first()),
            },
            "links": {"next": next, "prev": null},
        }),
    )
}

fn cursor(id: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{id}"))
}

fn id_of(cursor: &str) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("after:")?.parse().ok()
}

/// The same request with these parameters instead of its own for the page.
fn link(request: &VendorRequest, page: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in &request.query {
        if !key.starts_with("page") && key != "per_page" {
            query.append_pair(key, value);
        }
    }
    query.extend_pairs(page);
    format!("{}{}?{}", request.base_url, request.path, query.finish())
}

fn bad_page(description: &str) -> Reply {
    Reply::json(400, json!({"error": "InvalidPaginationParameter", "description": description}))
}
