//! Where values leave: paths, queries, headers and bodies, each with its own encoder.
//!
//! Every sink either carries a value exactly as it is, or refuses it before anything is sent and says why, naming the
//! expression and not the value. Scheme and host never come from a value.
//!
//! | sink | takes | refuses |
//! |---|---|---|
//! | path | texts, whole numbers, booleans, percent-encoded as (part of) one segment | the empty text, dot segments (also behind a slash), control characters |
//! | query | the same, and lists of them, one pair for each entry; `omit` leaves the pair out | null, tables |
//! | header | the same as a path in printable ASCII; `omit` leaves the header out | line breaks and other control characters, other alphabets, blanks at either end |
//! | JSON | everything; `omit` leaves the key or the entry out | null, lists and tables inside a text |
//! | link | a text without blanks and control characters, for a GET within the base URL's origin | anything else |

mod pairs;
mod path;

use http::Method;
use serde_json::Value;
use usher_vendor_client::VendorRequest;

use crate::definition::{Request, Target};
use crate::expression::{EvalError, Expression, Scope};

pub(crate) use path::is_plain;

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Filled {
    /// Below the base URL. It counts as changing something unless it is a GET; a POST that only asks is the caller's to say.
    Request(VendorRequest),
    /// A link that an answer named, for [`usher_vendor_client::VendorClient::get_link`], which keeps to the base URL's origin.
    Link(String),
}

/// Fills a request in.
///
/// An idempotency key is the caller's to add: it is the change's, and no value of the scope.
///
/// # Errors
/// A value is missing, or cannot go where it should. The message names the place and the expression, and no value.
pub fn request(request: &Request, scope: &Scope) -> Result<Filled, EvalError> {
    let template = match &request.target {
        Target::Path(template) => template,
        Target::Link(link) => return follow(link, request, scope),
    };
    let mut filled = path::fill(request.method.clone(), template, scope).map_err(|e| e.at("the path"))?;
    for (name, tree) in &request.query {
        for value in pairs::query(tree, scope).map_err(|e| e.at(&format!("query parameter {name:?}")))? {
            filled = filled.query(name, value);
        }
    }
    for (name, tree) in &request.headers {
        if let Some(value) = pairs::header(tree, scope).map_err(|e| e.at(&format!("header {name}")))? {
            filled = filled.header(name, value);
        }
    }
    if let Some(tree) = &request.json
        && let Some(body) = tree.fill(scope).map_err(|e| e.at("the JSON body"))?
    {
        filled = filled.json(&body);
    }
    Ok(Filled::Request(filled))
}

fn follow(link: &Expression, request: &Request, scope: &Scope) -> Result<Filled, EvalError> {
    let wrong = |why: &str| Err(EvalError::wrong_type(why).of(link.source()).at("the link"));
    let more = !request.query.is_empty() || !request.headers.is_empty() || request.json.is_some();
    if request.method != Method::GET || more {
        return wrong("a link is followed as it is, by a GET without query, headers and body of its own");
    }
    match link.evaluate(scope).map_err(|error| error.at("the link"))? {
        // A URL's reader leaves such characters out without a word.
        Value::String(text) if text.chars().any(|c| c.is_control() || c.is_whitespace()) => {
            wrong("the value has blanks or control characters, and is no URL")
        }
        Value::String(text) if text.is_empty() => wrong("the value is empty"),
        Value::String(text) => Ok(Filled::Link(text)),
        _ => wrong("the value is no text"),
    }
}
