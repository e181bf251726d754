//! Teams and their members.

use serde::Deserialize;
use serde_json::Value;

use super::errors::{idp_backed, invalid_field, not_found};
use super::members::body_of;
use super::model::{Account, Team, Teams};
use super::organisation::{Edit, Organisation};
use super::page::paged;
use super::settings::{OrgRole, TeamRole};
use crate::exchange::Reply;
use crate::history::Reading;
use crate::stand_in::Doing;

impl Organisation {
    pub(super) fn list_teams(&self, doing: &Doing<'_>) -> Reply {
        let rows = self.teams.iter().map(|team| self.team_body(&doing.request.base_url, team));
        paged(doing.request, &rows.collect::<Vec<Value>>())
    }

    fn asked_team(&self, doing: &Doing<'_>) -> Result<Team, Reply> {
        let team = doing.request.id(1).and_then(|slug| self.team(slug));
        team.cloned().ok_or_else(not_found)
    }

    pub(super) fn show_team(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let team = self.asked_team(doing)?;
        let members = self.accounts(doing.reading).filter(|account| account.teams.contains_key(&team.id));
        Ok(Reply::json(200, self.whole_team_body(&doing.request.base_url, &team, members.count())))
    }

    /// `GET /orgs/{org}/teams/{slug}/memberships/{username}`: pending where an invitation to the account has the team.
    pub(super) fn show_team_membership(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let team = self.asked_team(doing)?;
        let account = self.asked_account(doing, 2)?;
        let invited = || {
            let pending = self.pending_of(&account, doing.reading);
            pending.iter().rev().find_map(|row| row.teams.get(&team.id).copied())
        };
        let (role, state) = match account.role_in(team.id) {
            Some(role) => (role, "active"),
            None => (invited().ok_or_else(not_found)?, "pending"),
        };
        let body = self.team_membership(&doing.request.base_url, &team, &account.login, role, state);
        Ok(Reply::json(200, body))
    }

    /// `PUT /orgs/{org}/teams/{slug}/memberships/{username}`: whoever is no member of the organisation is invited to it.
    pub(super) fn set_team_membership(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wanted {
            role: Option<String>,
        }
        let wanted: Wanted = body_of(doing.request)?;
        let role = match wanted.role.as_deref() {
            None | Some("member") => TeamRole::Member,
            Some("maintainer") => TeamRole::Maintainer,
            Some(_) => return Err(invalid_field("role", "role must be member or maintainer")),
        };
        let team = self.asked_team(doing)?;
        let account = Account::clone(&*self.asked_account(doing, 2)?);
        if team.idp_backed {
            return Err(idp_backed());
        }
        let base = doing.request.base_url.clone();
        let body = |this: &Self, account: &Account, role: TeamRole, state: &str| {
            Reply::json(200, this.team_membership(&base, &team, &account.login, role, state))
        };
        if account.member.is_some() {
            let mut after = account;
            after.teams.insert(team.id, role);
            self.change(doing, Edit { account: Some(after.clone()), ..Edit::default() });
            let shown = after.role_in(team.id).unwrap_or(role);
            return Ok(body(self, &after, shown, "active"));
        }
        if let Some(mut row) = self.pending_of(&account, Reading::Now).pop() {
            row.teams.insert(team.id, role);
            self.change(doing, Edit { invitations: vec![row], ..Edit::default() });
            return Ok(body(self, &account, role, "pending"));
        }
        let teams = Teams::from([(team.id, role)]);
        let (account, state) = self.bring_in(doing, account, OrgRole::Member, teams)?;
        Ok(body(self, &account, role, state))
    }

    /// `DELETE /orgs/{org}/teams/{slug}/memberships/{username}`: takes the team out of an invitation too, and leaves the
    /// invitation (integrations/terraform-provider-github#307).
    pub(super) fn remove_team_membership(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let team = self.asked_team(doing)?;
        let mut account = Account::clone(&*self.asked_account(doing, 2)?);
        if team.idp_backed {
            return Err(idp_backed());
        }
        let mut pending = self.pending_of(&account, Reading::Now);
        pending.retain(|row| row.teams.contains_key(&team.id));
        pending.iter_mut().for_each(|row| {
            row.teams.remove(&team.id);
        });
        if account.teams.remove(&team.id).is_none() && pending.is_empty() {
            return Err(not_found());
        }
        self.change(doing, Edit { account: Some(account), invitations: pending });
        Ok(Reply::empty(204))
    }
}
