//! What is set about the stand-in's organisation, how it is seeded, and what is true of it now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The organisation's login unless told otherwise.
pub const ORG: &str = "acme";
/// The GitHub App's id unless told otherwise.
pub const APP_ID: u64 = 12_345;
/// The client id of the same App, which may stand in a JWT's `iss` in its stead.
pub const APP_CLIENT_ID: &str = "Iv23sandbox";
/// The id of the App's installation on the organisation unless told otherwise.
pub const INSTALLATION_ID: u64 = 678;
/// The login of the organisation's first owner, whose personal access token is [`PERSONAL_TOKEN`].
pub const OWNER_LOGIN: &str = "olive-owner";
/// The personal access token (classic, `admin:org`) that the stand-in takes unless told otherwise. It opens a stand-in and
/// nothing else.
pub const PERSONAL_TOKEN: &str = "ghp_sandboxpersonaltoken";

/// Where people sign in with SAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saml {
    /// Nowhere: GraphQL says `samlIdentityProvider: null`.
    #[default]
    Off,
    /// On the organisation: its external identities can be read.
    Organization,
    /// On the enterprise: `null` as well, since an installation token cannot read there.
    Enterprise,
}

/// How the organisation behaves. In JSON any of the fields may be sent alone; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GithubSettings {
    /// The organisation's login.
    pub org: String,
    /// The App's id.
    pub app_id: u64,
    /// The App's client id.
    pub app_client_id: String,
    /// The public key (PEM) that the App's JWTs are verified with; `None` for that of [`crate::github::AppKey::shared`].
    pub app_public_key: Option<String>,
    /// The App's installation on the organisation.
    pub installation_id: u64,
    /// What the installation may do, as in `members: write`.
    pub permissions: BTreeMap<String, String>,
    /// Seconds that an installation token lives; GitHub's is an hour.
    pub token_lifetime_s: u64,
    /// The owner's personal access token; `None` for an organisation that takes none.
    pub personal_token: Option<String>,
    /// Paid seats; `None` for as many as are wanted. Members take one, and so do pending invitations.
    pub seats: Option<u64>,
    /// Invitations in 24 hours; GitHub takes 500, and 50 from an organisation that is young and does not pay.
    pub invitations_per_day: u64,
    /// Seconds after which an invitation lapses; GitHub's seven days.
    pub invitation_lifetime_s: u64,
    /// Where people sign in with SAML.
    pub saml: Saml,
    /// Whether the enterprise makes its accounts by SCIM: nobody can be invited, and its accounts are added at once.
    pub managed_users: bool,
    /// Whether it is Enterprise Server: no invitations, and whoever is set is a member at once.
    pub enterprise_server: bool,
    /// Requests in an hour before 403 with `x-ratelimit-remaining: 0`; `None` for as many as are sent.
    pub requests_per_hour: Option<u64>,
}

impl Default for GithubSettings {
    fn default() -> Self {
        let permissions = [("members", "write"), ("metadata", "read"), ("organization_plan", "read")];
        Self {
            org: ORG.to_owned(),
            app_id: APP_ID,
            app_client_id: APP_CLIENT_ID.to_owned(),
            app_public_key: None,
            installation_id: INSTALLATION_ID,
            permissions: permissions.map(|(name, level)| (name.to_owned(), level.to_owned())).into(),
            token_lifetime_s: 3_600,
            personal_token: Some(PERSONAL_TOKEN.to_owned()),
            seats: None,
            invitations_per_day: 500,
            invitation_lifetime_s: 7 * 24 * 3_600,
            saml: Saml::Off,
            managed_users: false,
            enterprise_server: false,
            requests_per_hour: None,
        }
    }
}

/// What somebody is in the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrgRole {
    /// An owner.
    Admin,
    /// A member who is no owner. Invitations call it `direct_member`.
    #[default]
    Member,
    /// Somebody who sees the bills.
    BillingManager,
}

impl OrgRole {
    /// The name of a membership's role on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::BillingManager => "billing_manager",
        }
    }

    /// The name of an invitation's role on the wire.
    #[must_use]
    pub fn invited_as(self) -> &'static str {
        match self {
            Self::Member => "direct_member",
            other => other.as_str(),
        }
    }
}

/// What somebody is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    /// One of the team.
    #[default]
    Member,
    /// One who may change the team. An owner of the organisation is shown as one.
    Maintainer,
}

impl TeamRole {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Maintainer => "maintainer",
        }
    }
}

/// What is put into the stand-in. Seeding makes no effects: it is what was there before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GithubSeed {
    /// Fields of [`GithubSettings`] to change.
    pub settings: Map<String, Value>,
    /// Teams to add. One with the slug of a team that is there takes its place and keeps its id.
    pub teams: Vec<TeamSeed>,
    /// Accounts to add: all of GitHub's, members of the organisation or not. One with the login of an account that is there
    /// takes its place and keeps its id.
    pub accounts: Vec<AccountSeed>,
}

/// A team to add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeamSeed {
    /// The slug, as in `engineering`.
    pub slug: String,
    /// The name; the slug where it is empty.
    pub name: String,
    /// Whether a group of the identity provider backs it: its members cannot then be changed here.
    pub idp_backed: bool,
}

impl TeamSeed {
    /// A team with this slug.
    #[must_use]
    pub fn named(slug: &str) -> Self {
        Self { slug: slug.to_owned(), ..Self::default() }
    }
}

/// An account to add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSeed {
    /// The id, or `None` for the next one.
    pub id: Option<u64>,
    /// The login.
    pub login: String,
    /// The verified addresses. The first names the account in effects and calls.
    pub emails: Vec<String>,
    /// Addresses that were never verified: an invitation to one cannot be accepted.
    pub unverified: Vec<String>,
    /// The address on the public profile, if any.
    pub public_email: Option<String>,
    /// What it is in the organisation, or `None` for somebody outside.
    pub member: Option<OrgRole>,
    /// The teams, by slug, and what it is in them.
    pub teams: BTreeMap<String, TeamRole>,
    /// The SAML `NameID` that is linked with it on the organisation.
    pub saml_name_id: Option<String>,
    /// Whether its bearer has blocked the organisation, which cannot then invite.
    pub blocks_org: bool,
    /// Whether the enterprise made it by SCIM.
    pub managed: bool,
}

impl AccountSeed {
    /// An account outside of the organisation, with one verified address.
    #[must_use]
    pub fn outside(login: &str, email: &str) -> Self {
        Self { login: login.to_owned(), emails: vec![email.to_owned()], ..Self::default() }
    }

    /// A member of the organisation with this login and address.
    #[must_use]
    pub fn member(login: &str, email: &str) -> Self {
        Self { member: Some(OrgRole::Member), ..Self::outside(login, email) }
    }

    /// An owner of the organisation with this login and address.
    #[must_use]
    pub fn owner(login: &str, email: &str) -> Self {
        Self { member: Some(OrgRole::Admin), ..Self::outside(login, email) }
    }
}

/// The present truth about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The numeric id, which stays when the login changes.
    pub id: u64,
    /// The login.
    pub login: String,
    /// The verified addresses.
    pub emails: Vec<String>,
    /// What it is in the organisation, or `None` for somebody outside; an invitation alone is no membership.
    pub member: Option<OrgRole>,
    /// The slugs of its teams and what it is in them.
    pub teams: BTreeMap<String, TeamRole>,
    /// The SAML `NameID` that is linked with it.
    pub saml_name_id: Option<String>,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// The invitee has not said anything yet.
    Pending,
    /// The invitee accepted.
    Accepted,
    /// Somebody of the organisation took it back.
    Cancelled,
    /// Its time ran out.
    Lapsed,
}

/// The present truth about one invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationState {
    /// Its id.
    pub id: u64,
    /// The login that it went to, where it went to an account.
    pub login: Option<String>,
    /// The address that it went to, where it went to an address.
    pub email: Option<String>,
    /// What the invitee is to be.
    pub role: OrgRole,
    /// The slugs of the teams that come with it.
    pub teams: BTreeMap<String, TeamRole>,
    /// What became of it.
    pub status: InvitationStatus,
}
