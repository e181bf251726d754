//! The parts of Zendesk's JSON that are read. Everything else is ignored, so that new fields break nothing.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A user. `Debug` is left out: it would show an address.
#[derive(Clone, Deserialize)]
pub(crate) struct User {
    /// Null for the anonymous user.
    #[serde(default)]
    pub(crate) id: Option<u64>,
    #[serde(default)]
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) role: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) custom_role_id: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) role_type: Option<i64>,
    /// False for one who was deleted.
    #[serde(default)]
    pub(crate) active: Option<bool>,
    #[serde(default)]
    pub(crate) suspended: Option<bool>,
}

impl User {
    pub(crate) fn is_deleted(&self) -> bool {
        self.active == Some(false)
    }
}

/// An identity. `Debug` is left out: it would show an address.
#[derive(Clone, Deserialize)]
pub(crate) struct Identity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) value: Option<String>,
}

/// A custom role.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CustomRole {
    pub(crate) id: u64,
    pub(crate) name: String,
    #[serde(default, deserialize_with = "number")]
    pub(crate) role_type: Option<i64>,
}

/// A group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: u64,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) deleted: bool,
}

/// That an agent is in a group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Membership {
    pub(crate) id: u64,
    pub(crate) group_id: u64,
}

/// A ticket.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) id: u64,
    pub(crate) status: String,
}

impl Ticket {
    /// Whether somebody has to go on with it.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.status.as_str(), "solved" | "closed" | "deleted")
    }
}

/// A job in the background: `queued`, `working`, `completed`, `failed` or `killed`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct JobStatus {
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(default)]
    results: Option<Value>,
}

impl JobStatus {
    /// Parts that did not work.
    pub(crate) fn failures(&self) -> usize {
        let results = self.results.as_ref().and_then(Value::as_array);
        let failed = |result: &&Value| {
            result.get("success") == Some(&Value::Bool(false))
                || result.get("error").is_some_and(|error| !error.is_null())
        };
        results.map_or(0, |results| results.iter().filter(failed).count())
    }
}

/// The next page's link, by cursor (`links.next` while `meta.has_more`) or by offset (`next_page`).
pub(crate) fn next_page(page: &Value) -> Option<&str> {
    let by_cursor = page.pointer("/links/next").and_then(Value::as_str);
    let more = page.pointer("/meta/has_more").and_then(Value::as_bool).unwrap_or(true);
    by_cursor.filter(|_| more).or_else(|| page.get("next_page").and_then(Value::as_str))
}

/// Whether a page without a link says that there is another one: what was read is half a list then.
pub(crate) fn breaks_off(page: &Value) -> bool {
    page.pointer("/meta/has_more") == Some(&Value::Bool(true))
}

/// A number that Zendesk's own articles show as a text now and then (`"role_type": "4"`).
fn number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr,
{
    let text = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        _ => return Err(serde::de::Error::custom("a number is expected")),
    };
    text.trim().parse().map(Some).map_err(|_| serde::de::Error::custom("a number is expected"))
}
