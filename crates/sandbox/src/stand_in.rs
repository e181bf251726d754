//! What every stand-in is asked for, and what it is told about a request.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::exchange::{Reply, VendorRequest};
use crate::history::{Reading, Timeline};
use crate::records::{CallId, Effect, Records, millis};

/// One vendor that the sandbox plays.
pub(crate) trait StandIn: fmt::Debug {
    /// Whom a request is about, in lower case, where that can be told.
    fn subject(&self, request: &VendorRequest) -> Option<String>;
    /// When its state changed.
    fn timeline(&self) -> &Timeline;
    /// Does what the request asks and says what the vendor would answer.
    fn handle(&mut self, doing: &mut Doing<'_>) -> Reply;
    /// Forgets every token that it gave, as when somebody revokes them.
    fn revoke_tokens(&mut self) {}
}

/// When and by which request something is done.
#[derive(Debug)]
pub(crate) struct Doing<'a> {
    pub(crate) request: &'a VendorRequest,
    pub(crate) call: CallId,
    pub(crate) now: Duration,
    pub(crate) wall: Timestamp,
    pub(crate) reading: Reading,
    pub(crate) records: &'a mut Records,
}

impl Doing<'_> {
    /// Writes down what the request changed about this person or thing.
    pub(crate) fn effect(&mut self, key: String, changes: Vec<String>) {
        self.records.effect(Effect {
            n: 0,
            at_ms: millis(self.now),
            vendor: self.request.vendor,
            key,
            what: changes.join("; "),
            changes,
            operation: self.request.operation(),
            method: self.request.method.to_string(),
            path: self.request.path.clone(),
            call: self.call.n,
        });
    }
}

/// The settings with these fields in them; an error says which field is wrong.
pub(crate) fn merge<T: Serialize + DeserializeOwned>(
    settings: &T,
    fields: &Map<String, Value>,
) -> Result<T, String> {
    let mut merged = serde_json::to_value(settings).map_err(|error| error.to_string())?;
    if let Value::Object(object) = &mut merged {
        object.extend(fields.clone());
    }
    serde_json::from_value(merged).map_err(|error| format!("the settings are not valid: {error}"))
}

/// Whether two addresses, logins or names are the same in any case.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase())
}

/// A moment as most vendors write it: UTC, whole seconds.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
