//! A stand-in of a GitHub organisation: its members, invitations, teams and SAML identities, and the App that may change
//! them.
//!
//! Paths, methods, statuses and bodies are those of GitHub's published description (`@octokit/openapi` 23.0.2). What GitHub
//! never published, and the stand-in therefore had to choose: that a second invitation to the same person is made, as the
//! worst that can happen; that the last owner's removal is refused with 403; the texts that say that somebody is managed by an
//! enterprise, that the day's invitations are used up (422) and that a group backs a team; that removing somebody from a
//! team they are not in is 404; that a pending invitation by login takes the role and the teams that are set later; and
//! what `reinstate` brings back (the role and the teams).

mod auth;
mod body;
mod errors;
mod graphql;
mod invitations;
mod invitee;
mod key;
mod members;
mod model;
mod organisation;
mod page;
mod settings;
mod teams;

use serde_json::Value;

pub(crate) use errors::DOCS;
pub use key::{AppKey, KeyNotMade};
pub(crate) use organisation::{Changed, Organisation};
pub use settings::{
    APP_CLIENT_ID, APP_ID, AccountSeed, AccountState, GithubSeed, GithubSettings, INSTALLATION_ID,
    InvitationState, InvitationStatus, ORG, OWNER_LOGIN, OrgRole, PERSONAL_TOKEN, Saml, TeamRole, TeamSeed,
};

use crate::exchange::{Reply, VendorRequest};
use crate::history::{Reading, Timeline};
use crate::operation::{Operation, Vendor};
use crate::stand_in::{Doing, StandIn};

/// The hour of the primary rate limit.
const HOUR: std::time::Duration = std::time::Duration::from_hours(1);
/// What a response says of the limit where none is set.
const USUAL_LIMIT: u64 = 5_000;
/// The versions of the REST API that GitHub serves.
const API_VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// Which operation a method and a path name; Enterprise Server has them below `api/v3`, and its GraphQL at `api/graphql`.
pub(crate) fn route<'a>(method: &str, segments: &[&'a str]) -> (Operation, Vec<&'a str>) {
    let segments = match segments {
        ["api", "v3", rest @ ..] => rest,
        ["api", "graphql"] => &["graphql"],
        other => other,
    };
    match (method, segments) {
        ("GET", ["app"]) => (Operation::ShowApp, vec![]),
        ("GET", ["app", "installations", id]) => (Operation::ShowInstallation, vec![id]),
        ("GET", ["orgs", org, "installation"]) => (Operation::ShowInstallation, vec![org]),
        ("POST", ["app", "installations", id, "access_tokens"]) => {
            (Operation::CreateInstallationToken, vec![id])
        }
        ("GET", ["user"]) => (Operation::ShowAuthenticatedUser, vec![]),
        ("GET", ["user", id]) => (Operation::ShowAccount, vec![id]),
        ("GET", ["users", login]) => (Operation::ShowAccountByLogin, vec![login]),
        ("GET", ["orgs", org]) => (Operation::ShowOrg, vec![org]),
        ("GET", ["orgs", org, "members"]) => (Operation::ListOrgMembers, vec![org]),
        (method, ["orgs", org, "memberships", login]) => match method {
            "GET" => (Operation::ShowOrgMembership, vec![org, login]),
            "PUT" => (Operation::SetOrgMembership, vec![org, login]),
            "DELETE" => (Operation::RemoveOrgMembership, vec![org, login]),
            _ => (Operation::Unknown, vec![]),
        },
        ("GET", ["orgs", org, "invitations"]) => (Operation::ListInvitations, vec![org]),
        ("POST", ["orgs", org, "invitations"]) => (Operation::CreateInvitation, vec![org]),
        ("DELETE", ["orgs", org, "invitations", id]) => (Operation::CancelInvitation, vec![org, id]),
        ("GET", ["orgs", org, "invitations", id, "teams"]) => (Operation::ListInvitationTeams, vec![org, id]),
        ("GET", ["orgs", org, "failed_invitations"]) => (Operation::ListFailedInvitations, vec![org]),
        ("GET", ["orgs", org, "teams"]) => (Operation::ListTeams, vec![org]),
        ("GET", ["orgs", org, "teams", slug]) => (Operation::ShowTeam, vec![org, slug]),
        (method, ["orgs", org, "teams", slug, "memberships", login]) => match method {
            "GET" => (Operation::ShowTeamMembership, vec![org, slug, login]),
            "PUT" => (Operation::SetTeamMembership, vec![org, slug, login]),
            "DELETE" => (Operation::RemoveTeamMembership, vec![org, slug, login]),
            _ => (Operation::Unknown, vec![]),
        },
        ("POST", ["graphql"]) => (Operation::Graphql, vec![]),
        _ => (Operation::Unknown, vec![]),
    }
}

impl Organisation {
    fn answer(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let (request, operation) = (doing.request, doing.request.operation());
        if !request.headers.contains_key(http::header::USER_AGENT) {
            let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
            return Err(errors::message(403, text));
        }
        let version =
            request.headers.get("x-github-api-version").map(|value| value.to_str().unwrap_or_default());
        if version.is_some_and(|version| !API_VERSIONS.contains(&version)) {
            return Err(errors::message(400, "The API version is not supported"));
        }
        match operation {
            Operation::ShowApp => return self.show_app(doing),
            Operation::ShowInstallation => return self.show_installation(doing),
            Operation::CreateInstallationToken => return self.create_token(doing),
            _ => {}
        }
        let caller = self.authenticate(request, doing.now)?;
        self.count_request(doing.now, doing.wall)?;
        match operation {
            Operation::Unknown => return Err(errors::not_found()),
            Operation::ShowAuthenticatedUser => return self.show_authenticated_user(doing, caller),
            Operation::ShowAccount => return self.show_account(doing),
            Operation::ShowAccountByLogin => return self.show_account_by_login(doing),
            Operation::Graphql => {
                self.permit(caller, true)?;
                return self.graphql(doing);
            }
            _ => self.asked_org(request)?,
        }
        if operation == Operation::ShowOrg {
            return Ok(self.show_org(doing, caller));
        }
        self.permit(caller, request.reads())?;
        self.answer_members(doing)
    }

    fn answer_members(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        match doing.request.operation() {
            Operation::ListOrgMembers => self.list_members(doing),
            Operation::ShowOrgMembership => self.show_membership(doing),
            Operation::SetOrgMembership => self.set_membership(doing),
            Operation::RemoveOrgMembership => self.remove_membership(doing),
            Operation::ListTeams => Ok(self.list_teams(doing)),
            Operation::ShowTeam => self.show_team(doing),
            Operation::ShowTeamMembership => self.show_team_membership(doing),
            Operation::SetTeamMembership => self.set_team_membership(doing),
            Operation::RemoveTeamMembership => self.remove_team_membership(doing),
            operation => {
                self.check_invitations()?;
                match operation {
                    Operation::ListInvitations => Ok(self.list_invitations(doing)),
                    Operation::ListFailedInvitations => Ok(self.list_failed(doing)),
                    Operation::CreateInvitation => self.create_invitation(doing),
                    Operation::CancelInvitation => self.cancel_invitation(doing),
                    Operation::ListInvitationTeams => self.list_invitation_teams(doing),
                    _ => Err(errors::not_found()),
                }
            }
        }
    }

    /// The primary limit, by the hour.
    fn count_request(&mut self, now: std::time::Duration, wall: jiff::Timestamp) -> Result<(), Reply> {
        let (began, count) = self.hour;
        self.hour =
            if now.saturating_sub(began) >= HOUR { (now, 1) } else { (began, count.saturating_add(1)) };
        let (_, count) = self.hour;
        match self.settings.requests_per_hour {
            Some(most) if count > most => {
                let reply = errors::message(403, "API rate limit exceeded for installation.");
                Err(self.with_limit(reply, now, wall))
            }
            _ => Ok(()),
        }
    }

    /// The limit's headers, which every answer bears.
    fn with_limit(&self, reply: Reply, now: std::time::Duration, wall: jiff::Timestamp) -> Reply {
        let (began, count) = self.hour;
        let most = self.settings.requests_per_hour.unwrap_or(USUAL_LIMIT);
        let left = HOUR.saturating_sub(now.saturating_sub(began)).as_secs();
        let reset = wall.as_second().saturating_add(i64::try_from(left).unwrap_or(i64::MAX));
        reply
            .with_header("x-ratelimit-limit", most.to_string())
            .with_header("x-ratelimit-remaining", most.saturating_sub(count).to_string())
            .with_header("x-ratelimit-reset", reset.to_string())
    }
}

impl StandIn for Organisation {
    fn handle(&mut self, doing: &mut Doing<'_>) -> Reply {
        for Changed { key, changes } in self.pass_time(doing.now, doing.wall) {
            doing.records.happened(doing.now, Vendor::Github, Operation::LapseInvitation, key, changes);
        }
        let mut reply = self.answer(doing).unwrap_or_else(|refusal| refusal);
        if matches!(self.authenticate(doing.request, doing.now), Ok(auth::Caller::Owner)) {
            // Of a classic token GitHub says with every answer what it may do.
            reply = reply.with_header("x-oauth-scopes", "admin:org".to_owned());
        }
        if reply.headers.iter().any(|(name, _)| name.starts_with("x-ratelimit")) {
            return reply;
        }
        self.with_limit(reply, doing.now, doing.wall)
    }

    fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// By the account's first address, by its login where it has none, or by the address that was invited.
    fn subject(&self, request: &VendorRequest) -> Option<String> {
        let called = |login: &str| {
            let account = self.account_called(login, Reading::Now);
            account.map_or_else(|| login.to_lowercase(), |account| account.key())
        };
        let by_id = |id: u64| self.account(id, Reading::Now).map(|account| account.key());
        match request.operation() {
            Operation::ShowAccountByLogin => request.id(0).map(called),
            Operation::ShowAccount => request.number().and_then(by_id),
            Operation::ShowOrgMembership | Operation::SetOrgMembership | Operation::RemoveOrgMembership => {
                request.id(1).map(called)
            }
            Operation::ShowTeamMembership
            | Operation::SetTeamMembership
            | Operation::RemoveTeamMembership => request.id(2).map(called),
            Operation::CreateInvitation => {
                let body = request.json()?;
                match body.get("email").and_then(Value::as_str) {
                    Some(email) => Some(email.to_lowercase()),
                    None => body.get("invitee_id").and_then(Value::as_u64).and_then(by_id),
                }
            }
            Operation::CancelInvitation | Operation::ListInvitationTeams => {
                let id = request.id(1).and_then(|id| id.parse().ok())?;
                self.invitation(id, Reading::Now).map(|row| self.key_of(&row))
            }
            Operation::Graphql => graphql::asked_for(request).map(|name| {
                let account = self.account_called(&name, Reading::Now);
                account.map_or_else(|| name.to_lowercase(), |account| account.key())
            }),
            _ => None,
        }
    }
}
