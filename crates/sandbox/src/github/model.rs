//! Accounts, teams and invitations as the stand-in keeps them, and what differs between two versions of them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::settings::{InvitationStatus, OrgRole, TeamRole};
use crate::stand_in::same_text;

/// Teams by id, and what somebody is in them.
pub(crate) type Teams = BTreeMap<u64, TeamRole>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) emails: Vec<String>,
    pub(crate) unverified: Vec<String>,
    pub(crate) public_email: Option<String>,
    pub(crate) member: Option<OrgRole>,
    pub(crate) teams: Teams,
    /// What a removed member was, which `reinstate` brings back.
    pub(crate) former: Option<(OrgRole, Teams)>,
    pub(crate) saml_name_id: Option<String>,
    pub(crate) blocks_org: bool,
    pub(crate) managed: bool,
    pub(crate) created_at: Timestamp,
}

impl Account {
    /// What effects and calls name the account by.
    pub(crate) fn key(&self) -> String {
        self.emails.first().unwrap_or(&self.login).to_lowercase()
    }

    pub(crate) fn has_verified(&self, address: &str) -> bool {
        self.emails.iter().any(|held| same_text(held, address))
    }

    pub(crate) fn bears(&self, address: &str) -> bool {
        self.has_verified(address) || self.unverified.iter().any(|held| same_text(held, address))
    }

    /// Owners are shown as maintainers of their teams.
    pub(crate) fn role_in(&self, team: u64) -> Option<TeamRole> {
        let role = *self.teams.get(&team)?;
        Some(if self.member == Some(OrgRole::Admin) { TeamRole::Maintainer } else { role })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Team {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) idp_backed: bool,
}

/// To whom an invitation went.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Invitee {
    Account(u64),
    Address(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invitation {
    pub(crate) id: u64,
    pub(crate) invitee: Invitee,
    pub(crate) role: OrgRole,
    /// Whether it brings back what the invitee was.
    pub(crate) reinstates: bool,
    pub(crate) teams: Teams,
    pub(crate) status: InvitationStatus,
    /// On the sandbox's clock.
    pub(crate) made: Duration,
    pub(crate) created_at: Timestamp,
    pub(crate) failed_at: Option<Timestamp>,
}

impl Invitation {
    pub(crate) fn is_pending(&self) -> bool {
        self.status == InvitationStatus::Pending
    }

    pub(crate) fn is_of(&self, account: &Account) -> bool {
        match &self.invitee {
            Invitee::Account(id) => *id == account.id,
            Invitee::Address(_) => false,
        }
    }

    /// Whether the account may accept it: GitHub wants the address verified.
    pub(crate) fn may_be_accepted_by(&self, account: &Account) -> bool {
        match &self.invitee {
            Invitee::Account(id) => *id == account.id,
            Invitee::Address(address) => account.has_verified(address),
        }
    }
}

/// What is different about an account, one sentence a change.
pub(crate) fn account_changes(
    slug: &dyn Fn(u64) -> String,
    before: &Account,
    after: &Account,
) -> Vec<String> {
    let mut found = Vec::new();
    if before.login != after.login {
        found.push(format!("login {} -> {}", before.login, after.login));
    }
    match (before.member, after.member) {
        (None, Some(role)) => found.push(format!("joined as {}", role.as_str())),
        (Some(_), None) => found.push("removed from the organisation".to_owned()),
        (Some(old), Some(new)) if old != new => {
            found.push(format!("role {} -> {}", old.as_str(), new.as_str()));
        }
        _ => {}
    }
    for (change, team, role) in team_changes(&before.teams, &after.teams) {
        let slug = slug(team);
        found.push(match change {
            Change::Added if role == TeamRole::Maintainer => format!("team +{slug} as maintainer"),
            Change::Added => format!("team +{slug}"),
            Change::Taken => format!("team -{slug}"),
            Change::Altered => format!("team {slug} as {}", role.as_str()),
        });
    }
    found
}

/// What is different about an invitation, one sentence a change.
pub(crate) fn invitation_changes(
    slug: &dyn Fn(u64) -> String,
    before: Option<&Invitation>,
    after: &Invitation,
) -> Vec<String> {
    let mut found = Vec::new();
    match before {
        None => found.push(format!("invited as {}", after.role.as_str())),
        Some(before) => {
            if before.status != after.status {
                found.push(match after.status {
                    InvitationStatus::Pending => "invitation pending".to_owned(),
                    InvitationStatus::Accepted => "invitation accepted".to_owned(),
                    InvitationStatus::Cancelled => "invitation cancelled".to_owned(),
                    InvitationStatus::Lapsed => "invitation lapsed".to_owned(),
                });
            }
            if before.role != after.role {
                found.push(format!(
                    "invited as {}, no longer as {}",
                    after.role.as_str(),
                    before.role.as_str()
                ));
            }
        }
    }
    let none = Teams::new();
    let teams = before.map_or(&none, |before| &before.teams);
    for (change, team, role) in team_changes(teams, &after.teams) {
        let slug = slug(team);
        found.push(match change {
            Change::Added if role == TeamRole::Maintainer => format!("invited to team {slug} as maintainer"),
            Change::Added => format!("invited to team {slug}"),
            Change::Taken => format!("no longer invited to team {slug}"),
            Change::Altered => format!("invited to team {slug} as {}", role.as_str()),
        });
    }
    found
}

enum Change {
    Added,
    Taken,
    Altered,
}

fn team_changes(before: &Teams, after: &Teams) -> Vec<(Change, u64, TeamRole)> {
    let gone = before.iter().filter(|(team, _)| !after.contains_key(team));
    let mut found: Vec<_> = gone.map(|(team, role)| (Change::Taken, *team, *role)).collect();
    for (team, role) in after {
        match before.get(team) {
            None => found.push((Change::Added, *team, *role)),
            Some(old) if old != role => found.push((Change::Altered, *team, *role)),
            Some(_) => {}
        }
    }
    found
}
