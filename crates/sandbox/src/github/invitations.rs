//! Invitations: by account id or by address, with teams in them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::errors::{already_member, invalid_field, no_seat, not_found, not_invited, opaque};
use super::members::body_of;
use super::model::{Account, Invitation, Invitee, Teams};
use super::organisation::{Changed, Edit, Organisation};
use super::page::paged;
use super::settings::{InvitationStatus, OrgRole, TeamRole};
use crate::exchange::Reply;
use crate::history::Reading;
use crate::stand_in::Doing;

const DAY: Duration = Duration::from_hours(24);

/// The body of a new invitation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    invitee_id: Option<u64>,
    email: Option<String>,
    role: Option<String>,
    team_ids: Vec<u64>,
}

impl Organisation {
    /// Enterprise Server's description has no paths of invitations.
    pub(super) fn check_invitations(&self) -> Result<(), Reply> {
        if self.settings.enterprise_server { Err(not_found()) } else { Ok(()) }
    }

    /// `GET /orgs/{org}/invitations?role=`: the pending ones.
    pub(super) fn list_invitations(&self, doing: &Doing<'_>) -> Reply {
        let role = doing.request.parameter("role").filter(|role| *role != "all");
        let fits = |row: &Invitation| role.is_none_or(|role| row.role.invited_as() == role);
        self.listed(doing, |row| row.is_pending() && fits(row))
    }

    /// `GET /orgs/{org}/failed_invitations`.
    pub(super) fn list_failed(&self, doing: &Doing<'_>) -> Reply {
        self.listed(doing, |row| row.status == InvitationStatus::Lapsed)
    }

    fn listed(&self, doing: &Doing<'_>, fits: impl Fn(&Invitation) -> bool) -> Reply {
        let rows = self.invitations(doing.reading).filter(|row| fits(row));
        let rows: Vec<Value> = rows.map(|row| self.invitation_body(&doing.request.base_url, &row)).collect();
        paged(doing.request, &rows)
    }

    /// `GET /orgs/{org}/invitations/{id}/teams`: of a pending invitation alone.
    pub(super) fn list_invitation_teams(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let row = self.asked_invitation(doing, doing.reading)?;
        let teams = self.teams.iter().filter(|team| row.teams.contains_key(&team.id));
        let rows: Vec<Value> = teams.map(|team| self.team_body(&doing.request.base_url, team)).collect();
        Ok(paged(doing.request, &rows))
    }

    fn asked_invitation(&self, doing: &Doing<'_>, reading: Reading) -> Result<Invitation, Reply> {
        let id = doing.request.id(1).and_then(|id| id.parse().ok()).ok_or_else(not_found)?;
        let row = self.invitation(id, reading).filter(|row| row.is_pending()).ok_or_else(not_found)?;
        Ok(Invitation::clone(&row))
    }

    /// `DELETE /orgs/{org}/invitations/{id}`.
    pub(super) fn cancel_invitation(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let mut row = self.asked_invitation(doing, Reading::Now)?;
        row.status = InvitationStatus::Cancelled;
        self.change(doing, Edit { invitations: vec![row], ..Edit::default() });
        Ok(Reply::empty(204))
    }

    /// `POST /orgs/{org}/invitations`. A second one to the same person is a second one: mail goes out twice.
    pub(super) fn create_invitation(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let wanted: Wanted = body_of(doing.request)?;
        let (account, invitee) = match (wanted.invitee_id, &wanted.email) {
            (Some(id), None) => {
                let account = self.account(id, Reading::Now).ok_or_else(not_found)?;
                (Some(account), Invitee::Account(id))
            }
            (None, Some(email)) if email.contains('@') => {
                let bearer = self.accounts(Reading::Now).find(|account| account.has_verified(email));
                (bearer, Invitee::Address(email.clone()))
            }
            (None, Some(_)) => return Err(invalid_field("email", "email is not valid")),
            _ => return Err(invalid_field("invitee_id", "either invitee_id or email must be given")),
        };
        if self.settings.managed_users {
            return Err(not_invited("Managed users are provisioned by SCIM and cannot be invited"));
        }
        let account = account.map(|account| Account::clone(&account));
        if account.as_ref().is_some_and(|account| account.member.is_some()) {
            return Err(already_member());
        }
        let mut teams = Teams::new();
        for id in wanted.team_ids {
            match self.teams.iter().find(|team| team.id == id) {
                Some(team) if !team.idp_backed => teams.insert(id, TeamRole::Member),
                Some(_) => return Err(super::errors::idp_backed()),
                None => return Err(invalid_field("team_ids", "a team is not one of this organization")),
            };
        }
        let former = account.as_ref().and_then(|account| account.former.as_ref());
        let (role, reinstates) = match (wanted.role.as_deref(), former) {
            (None | Some("direct_member"), _) => (OrgRole::Member, false),
            (Some("admin"), _) => (OrgRole::Admin, false),
            (Some("billing_manager"), _) => (OrgRole::BillingManager, false),
            (Some("reinstate"), Some((role, _))) => (*role, true),
            (Some("reinstate"), None) => {
                return Err(not_invited("The invitee was not a member of this organization"));
            }
            (Some(_), _) => return Err(invalid_field("role", "role is not one of an invitation's")),
        };
        self.check_room()?;
        let row = self.invite(doing, invitee, role, reinstates, teams)?;
        Ok(Reply::json(201, self.invitation_body(&doing.request.base_url, &row)))
    }

    pub(super) fn check_room(&self) -> Result<(), Reply> {
        let full = self.settings.seats.is_some_and(|seats| self.seats_taken() >= seats);
        if full { Err(no_seat()) } else { Ok(()) }
    }

    /// Sends one, unless the day's are used up or the invitee has blocked the organisation.
    pub(super) fn invite(
        &mut self,
        doing: &mut Doing<'_>,
        invitee: Invitee,
        role: OrgRole,
        reinstates: bool,
        teams: Teams,
    ) -> Result<Invitation, Reply> {
        let blocks = self.accounts(Reading::Now).any(|account| {
            account.blocks_org
                && match &invitee {
                    Invitee::Account(id) => *id == account.id,
                    Invitee::Address(address) => account.has_verified(address),
                }
        });
        if blocks {
            return Err(opaque());
        }
        let recent = |row: &Invitation| doing.now.saturating_sub(row.made) < DAY;
        let today = self.invitations(Reading::Now).filter(|row| recent(row)).count();
        if u64::try_from(today).unwrap_or(u64::MAX) >= self.settings.invitations_per_day {
            return Err(not_invited("Over invitation rate limit"));
        }
        let row = Invitation {
            id: self.next_id(),
            invitee,
            role,
            reinstates,
            teams,
            status: InvitationStatus::Pending,
            made: doing.now,
            created_at: doing.wall,
            failed_at: None,
        };
        self.change(doing, Edit { invitations: vec![row.clone()], ..Edit::default() });
        Ok(row)
    }

    pub(super) fn has_lapsed(&self, row: &Invitation, now: Duration) -> bool {
        let lifetime = Duration::from_secs(self.settings.invitation_lifetime_s);
        row.is_pending() && now.saturating_sub(row.made) >= lifetime
    }

    /// Lets lapse whatever has run out by `now`; says what that changed.
    pub(super) fn lapse_due(&mut self, now: Duration, wall: jiff::Timestamp) -> Vec<Changed> {
        let due: Vec<Invitation> = self
            .invitations(Reading::Now)
            .filter(|row| self.has_lapsed(row, now))
            .map(|row| Invitation::clone(&row))
            .collect();
        due.into_iter().filter_map(|row| self.lapse(row, now, wall)).collect()
    }

    pub(super) fn lapse(&mut self, row: Invitation, now: Duration, wall: jiff::Timestamp) -> Option<Changed> {
        let after = Invitation { status: InvitationStatus::Lapsed, failed_at: Some(wall), ..row };
        self.commit(now, Edit { invitations: vec![after], ..Edit::default() })
    }
}
