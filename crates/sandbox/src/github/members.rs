//! The organisation, its members and their roles.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Caller;
use super::body::{public_user, simple_user};
use super::errors::{invalid_field, last_owner, not_found, unparsable};
use super::model::{Account, Invitee, Teams};
use super::organisation::{Edit, Organisation};
use super::page::paged;
use super::settings::{InvitationStatus, OWNER_LOGIN, OrgRole};
use crate::exchange::{Reply, VendorRequest};
use crate::history::Reading;
use crate::stand_in::{Doing, same_text};

impl Organisation {
    /// The path's organisation must be this one; logins are the same in any case.
    pub(super) fn asked_org(&self, request: &VendorRequest) -> Result<(), Reply> {
        let here = request.id(0).is_some_and(|org| same_text(org, &self.settings.org));
        if here { Ok(()) } else { Err(not_found()) }
    }

    /// The account whose login stands at this place of the path.
    pub(super) fn asked_account(&self, doing: &Doing<'_>, place: usize) -> Result<Arc<Account>, Reply> {
        let login = doing.request.id(place).ok_or_else(not_found)?;
        self.account_called(login, doing.reading).ok_or_else(not_found)
    }

    pub(super) fn show_org(&self, doing: &Doing<'_>, caller: Caller) -> Reply {
        Reply::json(200, self.org(&doing.request.base_url, caller))
    }

    /// `GET /user`: an installation is nobody.
    pub(super) fn show_authenticated_user(&self, doing: &Doing<'_>, caller: Caller) -> Result<Reply, Reply> {
        if caller != Caller::Owner {
            return Err(super::errors::not_accessible());
        }
        let owner = self.account_called(OWNER_LOGIN, doing.reading).ok_or_else(not_found)?;
        Ok(Reply::json(200, public_user(&doing.request.base_url, &owner)))
    }

    /// `GET /user/{account_id}`.
    pub(super) fn show_account(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let found = doing.request.number().and_then(|id| self.account(id, doing.reading));
        let account = found.ok_or_else(not_found)?;
        Ok(Reply::json(200, public_user(&doing.request.base_url, &account)))
    }

    /// `GET /users/{username}`. Not even the former login of somebody finds them.
    pub(super) fn show_account_by_login(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let account = self.asked_account(doing, 0)?;
        Ok(Reply::json(200, public_user(&doing.request.base_url, &account)))
    }

    /// `GET /orgs/{org}/members?role=`.
    pub(super) fn list_members(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let fits = |role: OrgRole| match doing.request.parameter("role") {
            None | Some("all") => Some(true),
            Some("admin") => Some(role == OrgRole::Admin),
            Some("member") => Some(role == OrgRole::Member),
            Some(_) => None,
        };
        if fits(OrgRole::Member).is_none() {
            return Err(invalid_field("role", "role must be all, admin or member"));
        }
        let rows: Vec<Value> = self
            .accounts(doing.reading)
            .filter(|account| account.member.is_some_and(|role| fits(role) == Some(true)))
            .map(|account| simple_user(&doing.request.base_url, &account))
            .collect();
        Ok(paged(doing.request, &rows))
    }

    /// `GET /orgs/{org}/memberships/{username}`: an invitation to the account is a pending one; one that went to an address
    /// is not shown here.
    pub(super) fn show_membership(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let account = self.asked_account(doing, 1)?;
        let (state, role) = match account.member {
            Some(role) => ("active", role),
            None => {
                let pending = self.pending_of(&account, doing.reading);
                ("pending", pending.last().map(|row| row.role).ok_or_else(not_found)?)
            }
        };
        Ok(Reply::json(200, self.membership(&doing.request.base_url, &account, state, role)))
    }

    /// `PUT /orgs/{org}/memberships/{username}`: alters the role of a member or of a pending invitation, or invites.
    pub(super) fn set_membership(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wanted {
            role: Option<String>,
        }
        let wanted: Wanted = body_of(doing.request)?;
        let role = match wanted.role.as_deref() {
            None | Some("member") => OrgRole::Member,
            Some("admin") => OrgRole::Admin,
            Some(_) => return Err(invalid_field("role", "role must be admin or member")),
        };
        let account = Account::clone(&*self.asked_account(doing, 1)?);
        let base = doing.request.base_url.clone();
        if let Some(held) = account.member {
            if held == OrgRole::Admin && role != OrgRole::Admin && self.is_last_owner(&account) {
                return Err(last_owner());
            }
            let after = Account { member: Some(role), ..account };
            self.change(doing, Edit { account: Some(after.clone()), ..Edit::default() });
            return Ok(Reply::json(200, self.membership(&base, &after, "active", role)));
        }
        let mut pending = self.pending_of(&account, Reading::Now);
        if !pending.is_empty() {
            for row in &mut pending {
                row.role = role;
                row.reinstates = false;
            }
            self.change(doing, Edit { invitations: pending, ..Edit::default() });
            return Ok(Reply::json(200, self.membership(&base, &account, "pending", role)));
        }
        let (account, state) = self.bring_in(doing, account, role, Teams::new())?;
        Ok(Reply::json(200, self.membership(&base, &account, state, role)))
    }

    /// Makes somebody outside a member at once where nobody is invited, and invites otherwise.
    pub(super) fn bring_in(
        &mut self,
        doing: &mut Doing<'_>,
        account: Account,
        role: OrgRole,
        teams: Teams,
    ) -> Result<(Account, &'static str), Reply> {
        if self.settings.managed_users && !account.managed {
            return Err(super::errors::not_invited(
                "The user is not managed by the organization's enterprise",
            ));
        }
        self.check_room()?;
        if self.settings.managed_users || self.settings.enterprise_server {
            let after = Account { member: Some(role), teams, ..account };
            self.change(doing, Edit { account: Some(after.clone()), ..Edit::default() });
            return Ok((after, "active"));
        }
        self.invite(doing, Invitee::Account(account.id), role, false, teams)?;
        Ok((account, "pending"))
    }

    /// `DELETE /orgs/{org}/memberships/{username}`: removes a member, or cancels the invitations to the account.
    pub(super) fn remove_membership(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let account = Account::clone(&*self.asked_account(doing, 1)?);
        if let Some(role) = account.member {
            if self.is_last_owner(&account) {
                return Err(last_owner());
            }
            let former = Some((role, account.teams.clone()));
            let after = Account { member: None, teams: Teams::new(), former, ..account };
            self.change(doing, Edit { account: Some(after), ..Edit::default() });
            return Ok(Reply::empty(204));
        }
        let mut pending = self.pending_of(&account, Reading::Now);
        if pending.is_empty() {
            return Err(not_found());
        }
        pending.iter_mut().for_each(|row| row.status = InvitationStatus::Cancelled);
        self.change(doing, Edit { invitations: pending, ..Edit::default() });
        Ok(Reply::empty(204))
    }
}

/// The body, which may be missing where all of it may.
pub(super) fn body_of<T: serde::de::DeserializeOwned>(request: &VendorRequest) -> Result<T, Reply> {
    let body = if request.body.is_empty() { json!({}) } else { request.json().ok_or_else(unparsable)? };
    serde_json::from_value(body).map_err(|error| invalid_field("body", &error.to_string()))
}
