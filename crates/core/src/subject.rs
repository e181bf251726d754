use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// The person that a request is about, as Lumos names them.
///
/// `Debug` shows nothing personal: it goes to logs, and e-mail addresses do not.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// As it was sent, trimmed. Compare people by [`Subject::key`].
    pub email: String,
    /// First name, where Lumos knows one.
    #[serde(default)]
    pub given_name: Option<String>,
    /// Last name, where Lumos knows one.
    #[serde(default)]
    pub family_name: Option<String>,
    /// The app's intake fields. The requester typed them: never an identity by themselves.
    #[serde(default)]
    pub custom_fields: BTreeMap<String, Value>,
}

impl Subject {
    /// What tells this person from others: see [`SubjectKey`].
    #[must_use]
    pub fn key(&self) -> SubjectKey {
        SubjectKey::of(&self.email)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// The e-mail address trimmed, in NFC and lower case: one person, one key.
///
/// `Debug` hides it; [`SubjectKey::as_str`] is for the journal and for people who may see it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectKey(String);

impl SubjectKey {
    /// The key of an address.
    #[must_use]
    pub fn of(email: &str) -> Self {
        Self(email.trim().nfc().collect::<String>().to_lowercase().nfc().collect())
    }

    /// The normalised address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

/// Whether access is to be given or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// An approved access request.
    Provision,
    /// Its end: an *order*.
    Deprovision,
}

impl Direction {
    /// `provision` or `deprovision`, as in paths and filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        }
    }

    /// The other direction.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Provision => Self::Deprovision,
            Self::Deprovision => Self::Provision,
        }
    }
}

/// The application as the payload names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct App {
    /// `application.app_id`: names the kind of app and is not unique.
    pub id: String,
    /// `application.instance_id`, where there is one.
    #[serde(default)]
    pub instance: Option<String>,
    /// `application.user_friendly_label`.
    #[serde(default)]
    pub label: Option<String>,
}

/// What `plan` and `apply` may know of the request. `observe` may not: drift and recovery have none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// Give or take.
    pub direction: Direction,
    /// Usher's id of the request.
    pub request: String,
    /// What the requester wrote.
    pub comment: Option<String>,
    /// The application.
    pub app: App,
    /// Wall time of the planning.
    pub now: Timestamp,
    /// 1 for the first attempt; a replay counts on.
    pub attempt: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_27_one_person_has_one_key_however_the_address_is_written() {
        let composed = SubjectKey::of("  ZO\u{00CB}@Example.com ");
        let decomposed = SubjectKey::of("zoe\u{0308}@example.COM");
        assert_eq!(composed, decomposed);
        assert_eq!(composed.as_str(), "zo\u{00EB}@example.com");
    }

    #[test]
    fn a_subject_shows_nothing_personal_when_it_is_logged() {
        let subject = Subject {
            email: "ada@example.com".to_owned(),
            given_name: Some("Ada".to_owned()),
            family_name: None,
            custom_fields: BTreeMap::new(),
        };
        let shown = format!("{subject:?} {:?}", subject.key());
        assert!(!shown.to_lowercase().contains("ada"), "{shown}");
    }
}
