//! What an alert says, and what it is careful not to.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use usher_engine::Alert;
use usher_journal::{Request, RequestId};

/// Characters of a sentence at the most: a vendor's words may be among them.
const LONGEST: usize = 1_000;
/// Instead of an e-mail address.
const HIDDEN: &str = "(an address)";

/// An alert on its way to a receiver. Personal data is in it only where the configuration says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The same for every sending of one alert, also after a restart: receivers tell repetitions by it.
    pub(super) id: String,
    /// When it was raised.
    pub(super) at: Timestamp,
    /// `needs-human` and the like; `test` for one that an operator asked for.
    pub(super) kind: String,
    /// About which request; `None` in a test.
    pub(super) request: Option<RequestId>,
    pub(super) connection: String,
    pub(super) app: String,
    pub(super) sentence: String,
    /// The person's e-mail address, where alerts may have it.
    pub(super) subject: Option<String>,
}

impl Message {
    /// As the engine raised it.
    pub(super) fn of(alert: Alert, at: Timestamp, subjects: bool) -> Self {
        let kind = alert.kind.as_str().to_owned();
        let id = id(&alert.request, alert.attempt, &kind, &alert.sentence);
        Self {
            id,
            at,
            kind,
            request: Some(alert.request),
            connection: alert.connection,
            app: alert.app,
            sentence: said(&alert.sentence, subjects),
            subject: subjects.then_some(alert.subject.email),
        }
    }

    /// As it stands in a request's history.
    pub(super) fn noted(
        about: &Request,
        attempt: u64,
        kind: &str,
        sentence: &str,
        at: Timestamp,
        subjects: bool,
    ) -> Self {
        Self {
            id: id(&about.id, attempt, kind, sentence),
            at,
            kind: kind.to_owned(),
            request: Some(about.id.clone()),
            connection: about.connection.clone(),
            app: about.app_key.clone(),
            sentence: said(sentence, subjects),
            subject: subjects.then(|| about.subject.email.clone()),
        }
    }

    /// One that only shows that alerts arrive.
    pub(crate) fn test(id: &str, at: Timestamp) -> Self {
        Self {
            id: format!("alert_test_{id}"),
            at,
            kind: "test".to_owned(),
            request: None,
            connection: String::new(),
            app: String::new(),
            sentence: "this is a test: alerts of Usher arrive here, and nothing has to be done".to_owned(),
            subject: None,
        }
    }

    /// The command that shows more.
    pub(super) fn look(&self) -> Option<String> {
        self.request.as_ref().map(|request| format!("usher requests show {request}"))
    }
}

fn id(request: &RequestId, attempt: u64, kind: &str, sentence: &str) -> String {
    let mut hash = Sha256::new();
    for part in [request.0.as_str(), &attempt.to_string(), kind, sentence] {
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    let hex = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("alert_{hex}")
}

/// A sentence as it goes out: short, without control characters, and without addresses unless they are allowed.
fn said(sentence: &str, subjects: bool) -> String {
    let mut text: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !subjects {
        text = without_addresses(&text);
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The sentences of the house have no address in them; a vendor's, which they may quote, can.
fn without_addresses(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "<>()[]{}\"'`,;:=/?&|".contains(c);
    let mut clean = String::with_capacity(text.len());
    for word in text.split_inclusive(ends) {
        let bare = word.strip_suffix(ends).unwrap_or(word);
        let is_address = bare
            .split_once('@')
            .or_else(|| bare.split_once("%40"))
            .is_some_and(|(before, after)| !before.is_empty() && !after.is_empty());
        if is_address {
            let stop = if bare.ends_with('.') { "." } else { "" };
            clean.push_str(HIDDEN);
            clean.push_str(stop);
            clean.push_str(word.strip_prefix(bare).unwrap_or_default());
        } else {
            clean.push_str(word);
        }
    }
    clean
}
