//! What an alert says, and what it is careful not to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use usher_engine::{About, Alert, AlertKind};
use usher_journal::{Request, RequestId};

/// Characters of a sentence at the most: a vendor's words may be among them.
const LONGEST: usize = 1_000;
/// The kind of an alert that stands for many.
pub(super) const SUMMARY: &str = "summary";
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
    /// About which request; `None` in a test, and where it is about more or less than one.
    pub(super) request: Option<RequestId>,
    /// The alerts that it stands for, each with its request: whoever takes it has them.
    pub(super) covers: Vec<(RequestId, String)>,
    pub(super) connection: String,
    pub(super) app: String,
    pub(super) sentence: String,
    /// The person's e-mail address, where alerts may have it.
    pub(super) subject: Option<String>,
}

impl Message {
    /// As it was raised.
    pub(super) fn of(alert: Alert, at: Timestamp, subjects: bool) -> Self {
        let kind = alert.kind.as_str().to_owned();
        let (id, request, app, subject) = match alert.about {
            About::Request { request, attempt, app, subject } => {
                let id = id(&[&request.0, &attempt.to_string(), &kind, &alert.sentence]);
                (id, Some(request), app, Some(subject.email))
            }
            // The same thing on the same day is the same alert, also after a restart.
            About::Connection => {
                let day = at.strftime("%Y-%m-%d").to_string();
                (id(&[&alert.connection, &day, &kind, &alert.sentence]), None, String::new(), None)
            }
        };
        Self {
            id,
            at,
            kind,
            request,
            covers: Vec::new(),
            connection: alert.connection,
            app,
            sentence: said(&alert.sentence, subjects),
            subject: subject.filter(|_| subjects),
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
            id: id(&[&about.id.0, &attempt.to_string(), kind, sentence]),
            at,
            kind: kind.to_owned(),
            request: Some(about.id.clone()),
            covers: Vec::new(),
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
            covers: Vec::new(),
            connection: String::new(),
            app: String::new(),
            sentence: "this is a test: alerts of Usher arrive here, and nothing has to be done".to_owned(),
            subject: None,
        }
    }

    /// One that stands for many, each of which is about a request.
    pub(super) fn summary(of: &[Self], at: Timestamp) -> Self {
        let covers: Vec<(RequestId, String)> =
            of.iter().filter_map(|one| Some((one.request.clone()?, one.id.clone()))).collect();
        let mut ids: Vec<&str> = covers.iter().map(|(_, id)| id.as_str()).collect();
        ids.sort_unstable();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for one in of {
            *kinds.entry(one.kind.as_str()).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let sentence = format!(
            "{} alerts from before this start were not sent here ({}): they are not sent one by one",
            of.len(),
            kinds.join(", ")
        );
        Self {
            id: id(&ids),
            at,
            kind: SUMMARY.to_owned(),
            request: None,
            covers,
            connection: String::new(),
            app: String::new(),
            sentence,
            subject: None,
        }
    }

    /// The alerts that whoever takes this one has, each with the request whose history notes it.
    pub(super) fn carried(&self) -> Vec<(&RequestId, &str)> {
        let own = self.request.iter().map(|request| (request, self.id.as_str()));
        own.chain(self.covers.iter().map(|(request, id)| (request, id.as_str()))).collect()
    }

    /// The command that shows more.
    pub(super) fn look(&self) -> Option<String> {
        if self.kind == SUMMARY {
            return Some("usher requests list --state needs-you".to_owned());
        }
        if self.kind == AlertKind::FewSeats.as_str() {
            return Some("usher check --live".to_owned());
        }
        if self.kind == AlertKind::OutOfReach.as_str() {
            return Some("usher connections".to_owned());
        }
        self.request.as_ref().map(|request| format!("usher requests show {request}"))
    }
}

fn id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
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
