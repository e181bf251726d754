//! What the invitee does, and what time does: nothing of it is a request to the API.

use std::time::Duration;

use jiff::Timestamp;

use super::model::{Account, Invitation, Invitee};
use super::organisation::{Changed, Edit, Organisation};
use super::settings::{InvitationStatus, OrgRole};
use crate::history::Reading;
use crate::stand_in::same_text;

impl Organisation {
    /// The bearer of this login accepts the newest invitation that went to them, and becomes a member. Others that went to
    /// them are gone with it.
    pub(crate) fn accept(&mut self, login: &str, now: Duration) -> Result<Option<Changed>, String> {
        let Some(account) = self.account_called(login, Reading::Now) else {
            return Err(format!("there is no account {login:?}: seed it first"));
        };
        let mut after = Account::clone(&account);
        let mut open: Vec<Invitation> = self
            .invitations(Reading::Now)
            .filter(|row| row.is_pending() && row.may_be_accepted_by(&account))
            .map(|row| Invitation::clone(&row))
            .collect();
        let Some(accepted) = open.last_mut() else {
            return Err(format!(
                "{login:?} has no pending invitation: one by e-mail can be accepted only by an account that has the \
                 address verified"
            ));
        };
        accepted.status = InvitationStatus::Accepted;
        after.member = Some(accepted.role);
        after.teams.extend(accepted.teams.clone());
        if accepted.reinstates
            && let Some((_, teams)) = &account.former
        {
            after.teams.extend(teams.clone());
        }
        after.former = None;
        let others = open.iter_mut().filter(|row| row.is_pending());
        others.for_each(|row| row.status = InvitationStatus::Cancelled);
        Ok(self.commit(now, Edit { account: Some(after), invitations: open }))
    }

    /// The pending invitation to this login or address lapses now.
    pub(crate) fn let_lapse(
        &mut self,
        invitee: &str,
        now: Duration,
        wall: Timestamp,
    ) -> Result<Option<Changed>, String> {
        let account = self.account_called(invitee, Reading::Now);
        let meant = |row: &Invitation| {
            row.is_pending()
                && match &row.invitee {
                    Invitee::Account(id) => account.as_ref().is_some_and(|held| held.id == *id),
                    Invitee::Address(address) => same_text(address, invitee),
                }
        };
        let found = self.invitations(Reading::Now).filter(|row| meant(row)).last();
        let row = found.ok_or_else(|| format!("{invitee:?} has no pending invitation"))?;
        Ok(self.lapse(Invitation::clone(&row), now, wall))
    }

    /// The account's bearer gives it another login; its id stays.
    pub(crate) fn rename(&mut self, login: &str, to: &str, now: Duration) -> Result<Option<Changed>, String> {
        let Some(account) = self.account_called(login, Reading::Now) else {
            return Err(format!("there is no account {login:?}"));
        };
        if self.account_called(to, Reading::Now).is_some_and(|held| held.id != account.id) {
            return Err(format!("the login {to:?} is taken"));
        }
        let after = Account { login: to.to_owned(), ..Account::clone(&account) };
        Ok(self.commit(now, Edit { account: Some(after), ..Edit::default() }))
    }

    /// Everything that has run out by now; to be asked before anything else.
    pub(crate) fn pass_time(&mut self, now: Duration, wall: Timestamp) -> Vec<Changed> {
        self.lapse_due(now, wall)
    }

    /// The organisation's owners, by login.
    pub(crate) fn owners(&self) -> Vec<String> {
        let owners = self.accounts(Reading::Now).filter(|account| account.member == Some(OrgRole::Admin));
        owners.map(|account| account.login.clone()).collect()
    }
}
