//! The stand-in's organisation: its state, how it is seeded, and the one place where it changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::model::{self, Account, Invitation, Invitee, Team, Teams};
use super::settings::{
    AccountSeed, AccountState, GithubSeed, GithubSettings, InvitationState, InvitationStatus, OWNER_LOGIN,
    OrgRole, TeamRole, TeamSeed,
};
use crate::history::{Reading, Table, Timeline};
use crate::stand_in::{Doing, merge, same_text};

/// The first id, and from one to the next; odd, so that no two kinds line up.
const FIRST_ID: u64 = 141_200_301;
const ID_STEP: u64 = 37;

/// What one request, or one act of an invitee, changes.
#[derive(Debug, Default)]
pub(crate) struct Edit {
    pub(crate) account: Option<Account>,
    pub(crate) invitations: Vec<Invitation>,
}

/// What an edit changed: about whom, and in words.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) key: String,
    pub(crate) changes: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) settings: GithubSettings,
    pub(super) id: u64,
    pub(super) created_at: Timestamp,
    pub(super) teams: Vec<Team>,
    accounts: Table<u64, Account>,
    invitations: Table<u64, Invitation>,
    pub(super) timeline: Timeline,
    next_id: u64,
    /// Installation tokens and when each ends.
    pub(super) tokens: VecDeque<(String, Duration)>,
    pub(super) tokens_issued: u64,
    /// When the running hour of the rate limit began, and the requests in it.
    pub(super) hour: (Duration, u64),
}

impl Organisation {
    /// An organisation with its owner and nobody else.
    pub(crate) fn new(wall: Timestamp) -> Self {
        let mut organisation = Self {
            settings: GithubSettings::default(),
            id: FIRST_ID,
            created_at: wall,
            teams: Vec::new(),
            accounts: Table::default(),
            invitations: Table::default(),
            timeline: Timeline::default(),
            next_id: FIRST_ID,
            tokens: VecDeque::new(),
            tokens_issued: 0,
            hour: (Duration::ZERO, 0),
        };
        // The owner is in no team, so there is nothing to refuse.
        let _seeded =
            organisation.add_account(&AccountSeed::owner(OWNER_LOGIN, "olive@sandbox.example"), wall);
        organisation
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += ID_STEP;
        self.next_id
    }

    /// Puts in what the seed says, up to its first mistake, and says what that is.
    pub(crate) fn seed(&mut self, seed: &GithubSeed, wall: Timestamp) -> Result<(), String> {
        if !seed.settings.is_empty() {
            let settings = merge(&self.settings, &seed.settings)?;
            super::auth::check(&settings)?;
            self.settings = settings;
        }
        for team in &seed.teams {
            self.add_team(team)?;
        }
        for account in &seed.accounts {
            self.add_account(account, wall)?;
        }
        Ok(())
    }

    fn add_team(&mut self, seed: &TeamSeed) -> Result<(), String> {
        let TeamSeed { slug, name, idp_backed } = seed.clone();
        if slug.is_empty() || slug.contains('/') {
            return Err(format!("a seeded team must have a slug, and {slug:?} is none"));
        }
        let name = if name.is_empty() { slug.clone() } else { name };
        match self.teams.iter_mut().find(|team| team.slug == slug) {
            Some(team) => {
                team.name = name;
                team.idp_backed = idp_backed;
            }
            None => {
                let id = self.next_id();
                self.teams.push(Team { id, slug, name, idp_backed });
            }
        }
        Ok(())
    }

    fn add_account(&mut self, seed: &AccountSeed, wall: Timestamp) -> Result<(), String> {
        if seed.login.is_empty() || seed.login.contains(['/', '@']) {
            return Err(format!("a seeded account must have a login, and {:?} is none", seed.login));
        }
        let there = self.account_called(&seed.login, Reading::Now).map(|account| account.id);
        for address in &seed.emails {
            let taken = self.accounts(Reading::Now).any(|held| Some(held.id) != there && held.bears(address));
            if !address.contains('@') || taken {
                return Err(format!(
                    "the seeded address {address:?} has no @, or is another account's already"
                ));
            }
        }
        let mut teams = Teams::new();
        for (slug, role) in &seed.teams {
            let Some(team) = self.team(slug) else {
                return Err(format!("there is no team {slug:?} to seed an account with"));
            };
            teams.insert(team.id, *role);
        }
        if !teams.is_empty() && seed.member.is_none() {
            return Err(format!(
                "the seeded account {:?} is in a team and not in the organisation",
                seed.login
            ));
        }
        let id = there.or(seed.id).unwrap_or_else(|| self.next_id());
        let account = Account {
            id,
            login: seed.login.clone(),
            emails: seed.emails.clone(),
            unverified: seed.unverified.clone(),
            public_email: seed.public_email.clone(),
            member: seed.member,
            teams,
            former: None,
            saml_name_id: seed.saml_name_id.clone(),
            blocks_org: seed.blocks_org,
            managed: seed.managed,
            created_at: wall,
        };
        // Write number 0 is older than any reading: what is seeded was always there.
        self.accounts.put(id, 0, account);
        Ok(())
    }

    /// Makes the edit the present state, and says what differs; where nothing does, it changes nothing.
    pub(super) fn commit(&mut self, now: Duration, edit: Edit) -> Option<Changed> {
        let Edit { account, invitations } = edit;
        let slug = |id: u64| self.slug(id);
        let mut changes = Vec::new();
        for invitation in &invitations {
            let before = self.invitations.get(&invitation.id, Reading::Now);
            changes.extend(model::invitation_changes(&slug, before.as_deref(), invitation));
        }
        if let Some(after) = &account
            && let Some(before) = self.accounts.get(&after.id, Reading::Now)
        {
            changes.extend(model::account_changes(&slug, &before, after));
        }
        if changes.is_empty() {
            return None;
        }
        let key = match (&account, invitations.first()) {
            (Some(account), _) => account.key(),
            (None, Some(invitation)) => self.key_of(invitation),
            (None, None) => return None,
        };
        let write = self.timeline.write(now);
        for invitation in invitations {
            self.invitations.put(invitation.id, write, invitation);
        }
        if let Some(account) = account {
            self.accounts.put(account.id, write, account);
        }
        Some(Changed { key, changes })
    }

    /// [`Self::commit`] for a request, with its effect.
    pub(super) fn change(&mut self, doing: &mut Doing<'_>, edit: Edit) {
        if let Some(Changed { key, changes }) = self.commit(doing.now, edit) {
            doing.effect(key, changes);
        }
    }

    /// What effects and calls name an invitation's person by.
    pub(super) fn key_of(&self, invitation: &Invitation) -> String {
        match &invitation.invitee {
            Invitee::Address(address) => address.to_lowercase(),
            Invitee::Account(id) => {
                self.account(*id, Reading::Now).map_or_else(|| id.to_string(), |account| account.key())
            }
        }
    }

    pub(super) fn account(&self, id: u64, reading: Reading) -> Option<Arc<Account>> {
        self.accounts.get(&id, reading)
    }

    pub(super) fn account_called(&self, login: &str, reading: Reading) -> Option<Arc<Account>> {
        self.accounts(reading).find(|account| same_text(&account.login, login))
    }

    pub(super) fn accounts(&self, reading: Reading) -> impl Iterator<Item = Arc<Account>> {
        self.accounts.rows(reading)
    }

    pub(super) fn invitation(&self, id: u64, reading: Reading) -> Option<Arc<Invitation>> {
        self.invitations.get(&id, reading)
    }

    pub(super) fn invitations(&self, reading: Reading) -> impl Iterator<Item = Arc<Invitation>> {
        self.invitations.rows(reading)
    }

    /// The pending invitations that went to this account by login or id.
    pub(super) fn pending_of(&self, account: &Account, reading: Reading) -> Vec<Invitation> {
        let pending = self.invitations(reading).filter(|row| row.is_pending() && row.is_of(account));
        pending.map(|row| Invitation::clone(&row)).collect()
    }

    pub(super) fn team(&self, slug: &str) -> Option<&Team> {
        self.teams.iter().find(|team| same_text(&team.slug, slug))
    }

    pub(super) fn slug(&self, id: u64) -> String {
        let team = self.teams.iter().find(|team| team.id == id);
        team.map_or_else(|| id.to_string(), |team| team.slug.clone())
    }

    /// Members and pending invitations take a seat each.
    pub(crate) fn seats_taken(&self) -> u64 {
        let members = self.accounts(Reading::Now).filter(|account| account.member.is_some()).count();
        let invited = self.invitations(Reading::Now).filter(|row| row.is_pending()).count();
        u64::try_from(members + invited).unwrap_or(u64::MAX)
    }

    pub(super) fn is_last_owner(&self, account: &Account) -> bool {
        let owner = |held: &Arc<Account>| held.member == Some(OrgRole::Admin) && held.id != account.id;
        account.member == Some(OrgRole::Admin) && !self.accounts(Reading::Now).any(|held| owner(&held))
    }

    fn slugs(&self, teams: &Teams) -> std::collections::BTreeMap<String, TeamRole> {
        teams.iter().map(|(id, role)| (self.slug(*id), *role)).collect()
    }

    /// The present truth about all accounts.
    pub(crate) fn account_states(&self) -> Vec<AccountState> {
        let state = |account: Arc<Account>| AccountState {
            id: account.id,
            login: account.login.clone(),
            emails: account.emails.clone(),
            member: account.member,
            teams: self.slugs(&account.teams),
            saml_name_id: account.saml_name_id.clone(),
        };
        self.accounts(Reading::Now).map(state).collect()
    }

    /// The present truth about all invitations, as of `now`.
    pub(crate) fn invitation_states(&self, now: Duration) -> Vec<InvitationState> {
        let state = |row: Arc<Invitation>| {
            let (login, email) = match &row.invitee {
                Invitee::Account(id) => {
                    (self.account(*id, Reading::Now).map(|held| held.login.clone()), None)
                }
                Invitee::Address(address) => (None, Some(address.clone())),
            };
            let status = if self.has_lapsed(&row, now) { InvitationStatus::Lapsed } else { row.status };
            InvitationState {
                id: row.id,
                login,
                email,
                role: row.role,
                teams: self.slugs(&row.teams),
                status,
            }
        };
        self.invitations(Reading::Now).map(state).collect()
    }
}
