//! The names of vendors and of their operations, and which path is which.

use http::Method;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// Whom the sandbox stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Zendesk Support, below `/zendesk`.
    Zendesk,
    /// Lumos's own API of tasks and access requests, below `/lumos`.
    Lumos,
    /// GitHub, below `/github`; as Enterprise Server below `/github/api/v3`.
    Github,
    /// The home-grown directory, below `/directory`.
    Directory,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Zendesk, Self::Lumos, Self::Github, Self::Directory];

    /// Where its paths begin.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Zendesk => "/zendesk",
            Self::Lumos => "/lumos",
            Self::Github => "/github",
            Self::Directory => "/directory",
        }
    }
}

/// What a request asks for. In JSON the names are snake case, as in `search_users`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is that of the vendor's operation; `route` shows its path")]
pub enum Operation {
    OauthToken,
    ShowMe,
    SearchUsers,
    ListUsers,
    ShowUser,
    ListIdentities,
    CreateOrUpdateUser,
    CreateUser,
    UpdateUser,
    DeleteUser,
    ListCustomRoles,
    ListGroups,
    ListMemberships,
    CreateMembership,
    DeleteMembership,
    ListTasks,
    CompleteTask,
    CommentTask,
    ShowAccessRequest,
    ShowApp,
    ShowInstallation,
    CreateInstallationToken,
    ShowAuthenticatedUser,
    ShowAccount,
    ShowAccountByLogin,
    ShowOrg,
    ListOrgMembers,
    ShowOrgMembership,
    SetOrgMembership,
    RemoveOrgMembership,
    ListInvitations,
    CreateInvitation,
    CancelInvitation,
    ListInvitationTeams,
    ListFailedInvitations,
    ListTeams,
    ShowTeam,
    ShowTeamMembership,
    SetTeamMembership,
    RemoveTeamMembership,
    Graphql,
    /// An invitee accepts an invitation: an effect that no request to the vendor made.
    AcceptInvitation,
    /// An invitation lapses: an effect that no request to the vendor made.
    LapseInvitation,
    /// The bearer of an account renames it: an effect that no request to the vendor made.
    RenameAccount,
    DirectoryToken,
    SearchPeople,
    CreatePerson,
    ShowOperation,
    ReplaceRoles,
    DeletePerson,
    /// A path or method that the stand-in does not know: answered 404.
    Unknown,
}

/// A path that was understood: the operation, and the ids and names in the path, decoded, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed {
    pub(crate) operation: Operation,
    pub(crate) ids: Vec<String>,
}

/// Which operation a method and a path below the vendor's prefix name. Zendesk takes each path with and without `.json`.
pub(crate) fn route(vendor: Vendor, method: &Method, path: &str) -> Routed {
    let path = if vendor == Vendor::Zendesk { path.strip_suffix(".json").unwrap_or(path) } else { path };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (operation, ids) = match vendor {
        Vendor::Zendesk => with_id(zendesk(method.as_str(), &segments)),
        Vendor::Lumos => with_id(lumos(method.as_str(), &segments)),
        Vendor::Github => crate::github::route(method.as_str(), &segments),
        Vendor::Directory => with_id(crate::directory::route(method.as_str(), &segments)),
    };
    // Bytes that are no text are in no name that anybody bears.
    let decoded = |id: &str| percent_decode_str(id).decode_utf8_lossy().into_owned();
    Routed { operation, ids: ids.into_iter().map(decoded).collect() }
}

fn with_id((operation, id): (Operation, Option<&str>)) -> (Operation, Vec<&str>) {
    (operation, id.into_iter().collect())
}

fn zendesk<'a>(method: &str, segments: &[&'a str]) -> (Operation, Option<&'a str>) {
    match (method, segments) {
        ("POST", ["oauth", "tokens"]) => (Operation::OauthToken, None),
        ("GET", ["api", "v2", "users", "me"]) => (Operation::ShowMe, None),
        ("GET", ["api", "v2", "users", "search"]) => (Operation::SearchUsers, None),
        ("GET", ["api", "v2", "users"]) => (Operation::ListUsers, None),
        ("GET", ["api", "v2", "users", id]) => (Operation::ShowUser, Some(id)),
        ("GET", ["api", "v2", "users", id, "identities"]) => (Operation::ListIdentities, Some(id)),
        ("GET", ["api", "v2", "users", id, "group_memberships"]) => (Operation::ListMemberships, Some(id)),
        ("POST", ["api", "v2", "users", "create_or_update"]) => (Operation::CreateOrUpdateUser, None),
        ("POST", ["api", "v2", "users"]) => (Operation::CreateUser, None),
        ("PUT", ["api", "v2", "users", id]) => (Operation::UpdateUser, Some(id)),
        ("DELETE", ["api", "v2", "users", id]) => (Operation::DeleteUser, Some(id)),
        ("GET", ["api", "v2", "custom_roles"]) => (Operation::ListCustomRoles, None),
        ("GET", ["api", "v2", "groups"]) => (Operation::ListGroups, None),
        ("POST", ["api", "v2", "group_memberships"]) => (Operation::CreateMembership, None),
        ("DELETE", ["api", "v2", "group_memberships", id]) => (Operation::DeleteMembership, Some(id)),
        _ => (Operation::Unknown, None),
    }
}

fn lumos<'a>(method: &str, segments: &[&'a str]) -> (Operation, Option<&'a str>) {
    match (method, segments) {
        ("GET", ["tasks"]) => (Operation::ListTasks, None),
        ("POST", ["tasks", id, "complete"]) => (Operation::CompleteTask, Some(id)),
        ("POST", ["tasks", id, "comments"]) => (Operation::CommentTask, Some(id)),
        ("GET", ["appstore", "access_requests", id]) => (Operation::ShowAccessRequest, Some(id)),
        _ => (Operation::Unknown, None),
    }
}
