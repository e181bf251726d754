//! What went wrong with a call, in one place.
//!
//! GitHub's errors have codes (`no_seat`, `unprocessable`) and words. A code decides where there is one that tells enough;
//! words decide where several reasons share a code. Codes are shown; words are not, since they may name a person.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use usher_core::{Fault, Refusal, RefusalKind, Remedy, Sent};
use usher_vendor_client::{FailureKind, VendorFailure, VendorResponse};

/// Codes that one refusal shows.
const MOST_CODES: usize = 5;
/// Characters of an error's code. What is longer is text.
const LONGEST_CODE: usize = 64;
/// The day's invitations are used up: 50, or 500 for an organisation that is over a month old or pays.
const QUOTA: Duration = Duration::from_hours(1);

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

    /// GraphQL's reading is a POST.
    pub(crate) const fn query(name: &'static str) -> Self {
        Self { name, method: "POST", template: "/graphql", changes: false }
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

    /// A definite no of ours, or of an answer under a 2xx.
    pub(crate) fn no(&self, sent: Sent, kind: RefusalKind, sentence: impl Into<String>) -> Fault {
        Fault::new(self.name, sent, Remedy::Refused(Refusal::new(kind, sentence))).with("path", self.template)
    }

    /// The fault of an answer that is no success.
    pub(crate) fn refused(&self, response: &VendorResponse) -> Fault {
        let said = Said::of(response);
        let general = response.fault(self.name, self.template);
        let remedy = self.remedy(response, &said, general.remedy.clone());
        let mut fault = Fault { remedy, ..general };
        if response.status.is_server_error() && self.changes {
            // It may have been applied before the server failed.
            fault.sent = Sent::Maybe;
        }
        if said.codes.is_empty() { fault } else { fault.with("error", said.codes.join(" ")) }
    }

    fn remedy(&self, response: &VendorResponse, said: &Said, general: Remedy) -> Remedy {
        let refused = |kind, sentence: &str| Remedy::Refused(Refusal::new(kind, sentence));
        match response.status.as_u16() {
            401 => Remedy::Person,
            400..=499 if said.codes.iter().any(|code| code == "no_seat") => refused(
                RefusalKind::NoSeat,
                "Every paid GitHub seat is taken: free one or buy one, then run it again.",
            ),
            403 if said.words.contains("external group backed team") => refused(
                RefusalKind::ManagedElsewhere,
                "An identity provider decides who is in this GitHub team: put the person into its group there.",
            ),
            403 if said.words.contains("last owner") => refused(RefusalKind::Protected, LAST_OWNER),
            403 => refused(
                RefusalKind::Forbidden,
                "GitHub forbids it to Usher's credential: see that the App may read and write members (or the token's owner owns the organisation), and that single sign-on has authorised the token.",
            ),
            404 => refused(
                RefusalKind::Forbidden,
                "GitHub shows no such thing to Usher's credential: see that the organisation, the team and the account are there, and that the App may read and write members.",
            ),
            // Two changes met: the next reading says what is left to do.
            409 if self.changes => Remedy::ReadBack,
            422 => self.unprocessable(said),
            400..=499 if matches!(general, Remedy::Refused(_)) => refused(
                RefusalKind::Invalid,
                &format!(
                    "GitHub does not accept it (status {}): look at the person in GitHub, then run it again.",
                    response.status.as_u16()
                ),
            ),
            _ => general,
        }
    }

    /// Several reasons share the code `unprocessable`.
    fn unprocessable(&self, said: &Said) -> Remedy {
        let refused = |kind, sentence: &str| Remedy::Refused(Refusal::new(kind, sentence));
        let words = said.words.as_str();
        if words.contains("invitation rate limit") {
            return Remedy::Throttled { after: Some(QUOTA) };
        }
        if words.contains("managed user") || words.contains("enterprise managed") || words.contains("scim") {
            return refused(RefusalKind::ManagedElsewhere, MANAGED);
        }
        // Its wording has a typing error in it (rest-api-description#4109), and may lose it: the reading decides.
        if words.contains("already") && (words.contains("part of") || words.contains("member")) {
            return refused(
                RefusalKind::Unresolvable,
                "GitHub says that the person is a member already, under an account that Usher cannot tell from others: add it by hand, or let Usher find it (identify_by).",
            );
        }
        if words.contains("already") && words.contains("invit") {
            return refused(
                RefusalKind::Other,
                "GitHub says that the person is invited already: have the invitation accepted, or cancel it in GitHub.",
            );
        }
        let codes = if said.codes.is_empty() { "no reason given".to_owned() } else { said.codes.join(" ") };
        refused(
            RefusalKind::Invalid,
            &format!(
                "GitHub does not accept it ({codes}): somebody who has blocked the organisation cannot be invited, for one; look at the person in GitHub, then run it again."
            ),
        )
    }
}

pub(crate) const MANAGED: &str = "The organisation's accounts are an enterprise's managed users, who cannot be invited: have the account made by the identity provider (SCIM) and found by identify_by.";
pub(crate) const LAST_OWNER: &str = "The person is the organisation's last owner, who is neither removed nor made less: make somebody else an owner first.";

/// What an error's body says.
struct Said {
    codes: Vec<String>,
    /// All of it, in lower case; for comparing only.
    words: String,
}

impl Said {
    fn of(response: &VendorResponse) -> Self {
        let body = response.json_value().unwrap_or(Value::Null);
        let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let codes: BTreeSet<&str> = errors
            .iter()
            .filter_map(|error| error.get("code")?.as_str())
            .filter(|code| is_code(code))
            .collect();
        // Some errors are plain texts.
        let texts = errors.iter().filter_map(|error| error.get("message").unwrap_or(error).as_str());
        let texts: Vec<&str> = body.get("message").and_then(Value::as_str).into_iter().chain(texts).collect();
        Self {
            codes: codes.into_iter().take(MOST_CODES).map(str::to_owned).collect(),
            words: texts.join("\n").to_lowercase(),
        }
    }
}

fn is_code(text: &str) -> bool {
    (1..=LONGEST_CODE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
