//! `GET /api/v2/users/search`: matches partially, and sees the account as it was some time ago.

use std::time::Duration;

use serde_json::Value;

use super::account::Account;
use super::model::User;
use super::page::{self, Row};
use crate::exchange::Reply;
use crate::history::Reading;
use crate::stand_in::{Doing, same_text};

impl Account {
    /// Zendesk's reference says of `query` that it takes a partial or full value of any property, and pages by offset
    /// alone. That the index lags behind writes by minutes is why a created user and a changed address are looked for as
    /// they were `search_lag_ms` ago; what is shown of a hit is its present state. Deleted users are hits as well.
    pub(super) fn search(&self, doing: &Doing<'_>) -> Reply {
        let request = doing.request;
        let lag = Duration::from_millis(self.settings.search_lag_ms);
        let indexed = match (doing.now.checked_sub(lag), doing.reading) {
            (_, stale @ Reading::AsOf(_)) => stale,
            (_, Reading::Now) if lag.is_zero() => Reading::Now,
            (Some(then), Reading::Now) => self.times().at(then),
            // Longer ago than the sandbox runs: what was seeded.
            (None, Reading::Now) => Reading::AsOf(0),
        };
        let terms = request.parameter("query").map(terms).unwrap_or_default();
        let external_id = request.parameter("external_id");
        let hits = self.users(indexed).filter(|user| match external_id {
            Some(wanted) => user.external_id.as_deref().is_some_and(|held| same_text(held, wanted)),
            None => !terms.is_empty() && terms.iter().all(|term| term.matches(user)),
        });
        let rows: Vec<Row> = hits
            .filter_map(|hit| self.user(hit.id, doing.reading))
            .map(|user| (user.id, self.user_row(request, &user)))
            .collect();
        page::by_offset(request, "users", &rows)
    }
}

/// One word of a query, in lower case: `email:ann` or a bare `ann`.
struct Term {
    field: Option<String>,
    text: String,
}

/// Words are parted by spaces: a `+` that was not percent-encoded is one, and parts an address in two.
fn terms(query: &str) -> Vec<Term> {
    let words = query.split_whitespace().map(|word| {
        let (field, text) = match word.split_once(':') {
            Some((field, text)) => (Some(field.to_lowercase()), text),
            None => (None, word),
        };
        Term { field, text: text.trim_matches('"').to_lowercase() }
    });
    words.filter(|term| !term.text.is_empty()).collect()
}

impl Term {
    fn matches(&self, user: &User) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        let by_address = || user.identities.iter().any(|identity| identity.lower.contains(&self.text));
        let by_name = || has(&user.name);
        match self.field.as_deref() {
            Some("email") => by_address(),
            Some("name") => by_name(),
            Some("role") => user.role.as_str() == self.text,
            Some("external_id") => user.external_id.as_deref().is_some_and(has),
            Some("type") => self.text == "user",
            Some(_) => false,
            None => {
                let notes = user.extra.get("notes").and_then(Value::as_str);
                by_address() || by_name() || notes.is_some_and(has)
            }
        }
    }
}
