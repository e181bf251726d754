//! One request of a definition on its way.

use serde_json::Value;
use usher_core::Fault;
use usher_vendor_client::{VendorRequest, VendorResponse};

use super::connection::GenericRestConnection;
use super::error::Operation;
use crate::definition::Request;
use crate::expression::Scope;
use crate::sinks::{self, Filled};

/// Sends a request that only reads. `page`: a parameter of the query that paging adds.
pub(crate) async fn ask(
    connection: &GenericRestConnection,
    call: &usher_core::Call,
    operation: &Operation,
    request: &Request,
    scope: &Scope,
    page: Option<(&str, i64)>,
) -> Result<VendorResponse, Fault> {
    let filled = sinks::request(request, scope).map_err(|error| operation.unwritable(&error))?;
    let answered = match (filled, page) {
        (Filled::Request(request), None) => send(connection, call, request).await,
        (Filled::Request(request), Some((parameter, number))) => {
            send(connection, call, request.query(parameter, number)).await
        }
        (Filled::Link(link), None) => connection.client.get_link(call, &link).await,
        (Filled::Link(_), Some(_)) => {
            return Err(operation.endless("a link that an answer named has no numbered pages"));
        }
    };
    answered.map_err(|failure| operation.unanswered(failure))
}

async fn send(
    connection: &GenericRestConnection,
    call: &usher_core::Call,
    request: VendorRequest,
) -> Result<VendorResponse, usher_vendor_client::VendorFailure> {
    // A POST that only asks may be repeated like a GET.
    connection.client.send(call, request.changes(false)).await
}

/// For evidence: what a value is, never the value.
pub(crate) fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(entries) => count(entries.len(), "entry", "entries"),
        Value::Object(_) => "found".to_owned(),
        Value::Number(_) | Value::String(_) => "a value".to_owned(),
    }
}

/// `1 page`, `2 pages`.
pub(crate) fn count<N: std::fmt::Display>(number: N, one: &str, many: &str) -> String {
    let number = number.to_string();
    let noun = if number == "1" { one } else { many };
    format!("{number} {noun}")
}
