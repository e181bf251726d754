//! What went wrong with a call, in one place.
//!
//! Nobody has published the bodies of a full account, of a duplicate address or of 429, so an error's *name* decides
//! where there is one, and the status otherwise. Names are shown; descriptions are not, since they quote addresses.

use std::collections::BTreeSet;

use serde_json::Value;
use usher_core::{Fault, Refusal, RefusalKind, Remedy, Sent};
use usher_vendor_client::{FailureKind, VendorFailure, VendorResponse};

/// No paid seat is left. Known by its name alone (zendesk_api_client_rb#465): neither status nor body was published.
const NO_SEAT: &str = "MaxAgentExceeded";
/// Somebody bears the address already.
const DUPLICATE: &str = "DuplicateValue";
/// Characters of an error's name. What is longer is text.
const LONGEST_NAME: usize = 64;
/// Names that one refusal shows.
const MOST_NAMES: usize = 5;

/// A call: what it does, in words, and its path template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) template: &'static str,
    pub(crate) changes: bool,
}

impl Operation {
    pub(crate) const fn read(name: &'static str, template: &'static str) -> Self {
        Self { name, method: "GET", template, changes: false }
    }

    pub(crate) const fn change(name: &'static str, method: &'static str, template: &'static str) -> Self {
        Self { name, method, template, changes: true }
    }

    /// The fault of a call that brought no answer.
    pub(crate) fn unanswered(&self, failure: VendorFailure) -> Fault {
        failure.into_fault(self.name, self.template)
    }

    /// The fault of an answer whose status says yes and whose body does not.
    pub(crate) fn unreadable(&self, response: &VendorResponse, what: &str) -> Fault {
        let failure = VendorFailure::answered(FailureKind::Unreadable, response.status, what.to_owned());
        self.unanswered(failure.of_a_change(self.changes))
    }

    /// The fault of an answer that is no success.
    pub(crate) fn refused(&self, response: &VendorResponse) -> Fault {
        let names = error_names(response);
        let general = response.fault(self.name, self.template);
        let remedy = self.remedy(response, &names, general.remedy.clone());
        let mut fault = Fault { remedy, ..general };
        if response.status.is_server_error() && self.changes {
            // It may have been applied before the server failed.
            fault.sent = Sent::Maybe;
        }
        if names.is_empty() { fault } else { fault.with("error", names.join(" ")) }
    }

    fn remedy(&self, response: &VendorResponse, names: &[String], general: Remedy) -> Remedy {
        let refused = |kind, sentence: String| Remedy::Refused(Refusal::new(kind, sentence));
        let status = response.status.as_u16();
        match status {
            400..=499 if response.text_contains(NO_SEAT) => refused(
                RefusalKind::NoSeat,
                "Every paid Zendesk seat is taken: free one or buy one, then run it again.".to_owned(),
            ),
            401 => Remedy::Person,
            403 => refused(
                RefusalKind::Forbidden,
                "Zendesk forbids it to Usher's credential: see that its user is an administrator and its scopes include it.".to_owned(),
            ),
            // The user, group or membership went away, or two changes met: the next reading says what is left to do.
            404 | 409 if self.changes => Remedy::ReadBack,
            // Somebody bears the address whom the search does not show yet.
            422 if self.changes && response.text_contains(DUPLICATE) => Remedy::ReadBack,
            400..=499 if !matches!(general, Remedy::Throttled { .. } | Remedy::ReadBack | Remedy::Retry { .. }) => {
                let named = if names.is_empty() { status.to_string() } else { names.join(" ") };
                refused(
                    RefusalKind::Invalid,
                    format!("Zendesk does not accept it ({named}): look at the user in Zendesk, then run it again."),
                )
            }
            _ => general,
        }
    }
}

/// The names of the errors in a body: `RecordInvalid`, and those of its details.
fn error_names(response: &VendorResponse) -> Vec<String> {
    let Ok(body) = response.json_value() else { return Vec::new() };
    let mut names = BTreeSet::new();
    collect(body.get("error"), &mut names);
    if let Some(details) = body.get("details").and_then(Value::as_object) {
        for listed in details.values().filter_map(Value::as_array) {
            listed.iter().for_each(|detail| collect(detail.get("error"), &mut names));
        }
    }
    names.into_iter().take(MOST_NAMES).collect()
}

fn collect(error: Option<&Value>, names: &mut BTreeSet<String>) {
    // Some answers nest it: {"error": {"title": …, "message": …}}.
    let error = error.map(|error| error.get("title").unwrap_or(error));
    if let Some(name) = error.and_then(Value::as_str).filter(|name| is_name(name)) {
        names.insert(name.to_owned());
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
