//! What is set about the stand-in's account, and how it is seeded.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The client id that the stand-in takes unless told otherwise.
pub const CLIENT_ID: &str = "usher";
/// The client secret that goes with [`CLIENT_ID`]. It opens a stand-in and nothing else.
pub const CLIENT_SECRET: &str = "sandbox-client-secret";
/// The address of the account's owner, whose API token is [`API_TOKEN`].
pub const OWNER_EMAIL: &str = "owner@sandbox.example";
/// The API token that the stand-in takes unless told otherwise. It opens a stand-in and nothing else.
pub const API_TOKEN: &str = "sandbox-api-token";

/// Whether the account has custom roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomRoles {
    /// An Enterprise account: `GET /api/v2/custom_roles` lists them.
    #[default]
    Listed,
    /// A smaller plan that answers with an empty list.
    Empty,
    /// A smaller plan that answers 404.
    Missing,
}

/// How the account behaves. In JSON any of the fields may be sent alone; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZendeskSettings {
    /// The OAuth client that may ask for tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Seconds that a token lives where the request names no `expires_in`. Zendesk's default since February 2026 is
    /// half an hour.
    pub token_lifetime_s: u64,
    /// Whose API token it is: `api_email/token:api_token` as basic authentication.
    pub api_email: String,
    /// The legacy API token; `None` for an account on which they are switched off.
    pub api_token: Option<String>,
    /// Whether a wrong credential gets 200 and the anonymous user from `GET /api/v2/users/me`; otherwise 401.
    pub anonymous_me: bool,
    /// Paid seats; `None` for as many as are wanted.
    pub max_agents: Option<u64>,
    /// The status of an answer that says `MaxAgentExceeded`. None was ever published.
    pub no_seat_status: u16,
    /// Whether there are custom roles.
    pub custom_roles: CustomRoles,
    /// Milliseconds after which the search sees a created user or a changed address.
    pub search_lag_ms: u64,
    /// Updates that one user takes in a minute; Zendesk's is 5.
    pub updates_per_minute_of_one_user: usize,
    /// Requests that the account takes in a minute (200 to 2,500 by plan); `None` for as many as are sent.
    pub requests_per_minute: Option<usize>,
}

impl Default for ZendeskSettings {
    fn default() -> Self {
        Self {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            token_lifetime_s: 1_800,
            api_email: OWNER_EMAIL.to_owned(),
            api_token: Some(API_TOKEN.to_owned()),
            anonymous_me: true,
            max_agents: None,
            no_seat_status: 422,
            custom_roles: CustomRoles::Listed,
            search_lag_ms: 0,
            updates_per_minute_of_one_user: 5,
            requests_per_minute: None,
        }
    }
}

/// A user's `role`, as Zendesk names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Somebody who asks. Takes no seat.
    #[default]
    EndUser,
    /// Somebody who answers; on an account with custom roles these say what as.
    Agent,
    /// Somebody who may change the account.
    Admin,
}

impl Role {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndUser => "end-user",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }
}

/// What is put into the account. Seeding makes no effects: it is what was there before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZendeskSeed {
    /// Fields of [`ZendeskSettings`] to change.
    pub settings: Map<String, Value>,
    /// Roles to add to those that every account has.
    pub custom_roles: Vec<CustomRoleSeed>,
    /// Groups to add by name; the account begins with `Support`, its default group.
    pub groups: Vec<String>,
    /// Users to add. One with the `id` of a user who is there takes that user's place.
    pub users: Vec<UserSeed>,
}

/// A custom role to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRoleSeed {
    /// Its name.
    pub name: String,
    /// 0 custom, 1 light agent, 2 chat agent, 3 contributor, 4 admin, 5 billing admin.
    #[serde(default)]
    pub role_type: u8,
}

/// A user to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserSeed {
    /// The id, or `None` for the next one.
    pub id: Option<u64>,
    /// The primary address.
    pub email: String,
    /// The name; the address where it is empty.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The name of the custom role, as in `Light agent`; the user is then an agent.
    pub custom_role: Option<String>,
    /// Further addresses of the same user: secondary identities.
    pub secondary: Vec<String>,
    /// The names of the groups the user is in; the first is the default one.
    pub groups: Vec<String>,
    /// The caller's own id of the user.
    pub external_id: Option<String>,
    /// Suspended users keep their seat.
    pub suspended: bool,
    /// False for a user who was deleted.
    pub active: bool,
    /// Whether it is the account's owner, who is an admin for good.
    pub owner: bool,
}

impl Default for UserSeed {
    fn default() -> Self {
        Self {
            id: None,
            email: String::new(),
            name: String::new(),
            role: Role::EndUser,
            custom_role: None,
            secondary: Vec::new(),
            groups: Vec::new(),
            external_id: None,
            suspended: false,
            active: true,
            owner: false,
        }
    }
}

impl UserSeed {
    /// An end-user with this address.
    #[must_use]
    pub fn end_user(email: &str) -> Self {
        Self { email: email.to_owned(), ..Self::default() }
    }

    /// An agent with this address: a "legacy" one on an account with custom roles.
    #[must_use]
    pub fn agent(email: &str) -> Self {
        Self { role: Role::Agent, ..Self::end_user(email) }
    }

    /// An agent with this address and custom role.
    #[must_use]
    pub fn with_role(email: &str, custom_role: &str) -> Self {
        Self { custom_role: Some(custom_role.to_owned()), ..Self::agent(email) }
    }

    /// An admin with this address.
    #[must_use]
    pub fn admin(email: &str) -> Self {
        Self { role: Role::Admin, ..Self::end_user(email) }
    }
}

/// The present truth about one user, as [`crate::Sandbox::users`] shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// The id.
    pub id: u64,
    /// The primary address.
    pub email: Option<String>,
    /// All addresses, the primary one first.
    pub addresses: Vec<String>,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The custom role's id.
    pub custom_role_id: Option<u64>,
    /// The role in words: "end-user", "agent", "admin", "owner", or the custom role's name.
    pub role_name: String,
    /// The names of the groups.
    pub groups: Vec<String>,
    /// Whether the user is suspended.
    pub suspended: bool,
    /// False for a user who was deleted.
    pub active: bool,
    /// Whether the user takes a paid seat.
    pub takes_seat: bool,
    /// The caller's own id of the user.
    pub external_id: Option<String>,
}
