//! What is set about the stand-in, how it is seeded, and what is true of it now.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The client id that the stand-in takes unless told otherwise.
pub const CLIENT_ID: &str = "usher";
/// The client secret that goes with [`CLIENT_ID`]. It opens a stand-in and nothing else.
pub const CLIENT_SECRET: &str = "sandbox-directory-secret";

/// How the directory behaves. In JSON any of the fields may be sent alone; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectorySettings {
    /// The OAuth client that may ask for tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Seconds that a token lives, as `expires_in` says.
    pub token_lifetime_s: u64,
    /// The roles that there are; any other is refused.
    pub roles: Vec<String>,
    /// How many times an operation is asked for until it is done; 0 where it is done when it is answered, `None` where it is
    /// done by a control call alone.
    pub polls_until_done: Option<u64>,
    /// Whether operations that end by themselves fail.
    pub operations_fail: bool,
    /// Whether `Location` is a path alone instead of a whole URL.
    pub relative_location: bool,
    /// Milliseconds that the removal of a person takes, which is then answered with 202; `None` for at once and 204.
    pub delete_takes_ms: Option<u64>,
    /// Milliseconds after which the search sees a change.
    pub search_lag_ms: u64,
}

impl Default for DirectorySettings {
    fn default() -> Self {
        Self {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            token_lifetime_s: 3_600,
            roles: ["viewer", "editor", "auditor", "administrator"].map(str::to_owned).into(),
            polls_until_done: Some(1),
            operations_fail: false,
            relative_location: false,
            delete_takes_ms: None,
            search_lag_ms: 0,
        }
    }
}

/// What is put into the stand-in. Seeding makes no effects: it is what was there before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectorySeed {
    /// Fields of [`DirectorySettings`] to change.
    pub settings: Map<String, Value>,
    /// People to add. One with the address of somebody who is there takes their place and keeps their id.
    pub people: Vec<PersonSeed>,
}

/// A person to add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonSeed {
    /// The address.
    pub email: String,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
}

impl PersonSeed {
    /// A person with this address and these roles.
    #[must_use]
    pub fn with_roles(email: &str, roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Self { email: email.to_owned(), roles, ..Self::default() }
    }
}

/// The present truth about one person who is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonState {
    /// The id, a text.
    pub id: String,
    /// The address.
    pub email: String,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Not at its end.
    Running,
    /// The person is there.
    Done,
    /// The person is not there, and will not be.
    Failed,
}
