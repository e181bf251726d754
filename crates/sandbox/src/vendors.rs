//! GitHub and the directory of a running [`Sandbox`]: seeding them, looking at them, and what people do there.

use crate::directory::{DirectorySeed, DirectorySettings, OperationState, PersonSeed, PersonState};
use crate::github::{
    AccountSeed, AccountState, GithubSeed, GithubSettings, InvitationState, InvitationStatus, TeamSeed,
};
use crate::operation::Vendor;
use crate::records::Effect;
use crate::sandbox::{Refused, Sandbox, Seed};
use crate::stand_in::same_text;

impl Sandbox {
    /// The base URL of GitHub's stand-in, as `https://api.github.com` is GitHub's. That of Enterprise Server is the same
    /// with `/api/v3` behind it.
    #[must_use]
    pub fn github_url(&self) -> String {
        format!("{}{}", self.url(), Vendor::Github.prefix())
    }

    /// The base URL of the directory; `/oauth/token` and `/api/...` follow it.
    #[must_use]
    pub fn directory_url(&self) -> String {
        format!("{}{}", self.url(), Vendor::Directory.prefix())
    }

    /// Changes how GitHub's stand-in behaves.
    pub fn configure_github(&self, change: impl FnOnce(&mut GithubSettings)) {
        change(&mut self.shared().world().github.settings);
    }

    /// Changes how the directory behaves.
    pub fn configure_directory(&self, change: impl FnOnce(&mut DirectorySettings)) {
        change(&mut self.shared().world().directory.settings);
    }

    /// Puts one GitHub account in and says its numeric id.
    ///
    /// # Errors
    /// An address that is another account's, a team that is not there.
    pub fn seed_account(&self, account: AccountSeed) -> Result<u64, Refused> {
        let login = account.login.clone();
        let github = GithubSeed { accounts: vec![account], ..GithubSeed::default() };
        self.seed(&Seed { github, ..Seed::default() })?;
        let seeded = self.account(&login).map(|account| account.id);
        seeded.ok_or_else(|| Refused("no account was seeded".to_owned()))
    }

    /// Puts one GitHub team in.
    ///
    /// # Errors
    /// A slug that is none.
    pub fn seed_team(&self, team: TeamSeed) -> Result<(), Refused> {
        let github = GithubSeed { teams: vec![team], ..GithubSeed::default() };
        self.seed(&Seed { github, ..Seed::default() }).map(|_ids| ())
    }

    /// Puts one person into the directory.
    ///
    /// # Errors
    /// An address that is none, a role that is not there.
    pub fn seed_person(&self, person: PersonSeed) -> Result<(), Refused> {
        let directory = DirectorySeed { people: vec![person], ..DirectorySeed::default() };
        self.seed(&Seed { directory, ..Seed::default() }).map(|_ids| ())
    }

    /// The present truth about the GitHub account with this login.
    #[must_use]
    pub fn account(&self, login: &str) -> Option<AccountState> {
        let accounts = self.shared().world().github.account_states();
        accounts.into_iter().find(|account| same_text(&account.login, login))
    }

    /// The present truth about the GitHub account that has this address verified.
    #[must_use]
    pub fn account_of(&self, email: &str) -> Option<AccountState> {
        let accounts = self.shared().world().github.account_states();
        accounts.into_iter().find(|account| account.emails.iter().any(|held| same_text(held, email)))
    }

    /// Every invitation that GitHub's stand-in ever had, and what became of it.
    #[must_use]
    pub fn invitations(&self) -> Vec<InvitationState> {
        self.shared().pass_time();
        let now = self.clock().now();
        self.shared().world().github.invitation_states(now)
    }

    /// The pending ones among them that went to this login or address.
    #[must_use]
    pub fn pending_invitations(&self, invitee: &str) -> Vec<InvitationState> {
        let mut found = self.invitations();
        found.retain(|row| {
            let to = row.login.as_ref().or(row.email.as_ref());
            row.status == InvitationStatus::Pending && to.is_some_and(|to| same_text(to, invitee))
        });
        found
    }

    /// How many of the organisation's seats are taken, by members and pending invitations.
    #[must_use]
    pub fn github_seats_taken(&self) -> u64 {
        self.shared().world().github.seats_taken()
    }

    /// The bearer of this login accepts the newest invitation that went to their account, or to an address that they have
    /// verified, and is a member from then on. An effect.
    ///
    /// # Errors
    /// No such account, or no invitation that it may accept.
    pub fn accept_invitation(&self, login: &str) -> Result<(), Refused> {
        self.shared().accept_invitation(login).map_err(Refused)
    }

    /// The pending invitation to this login or address lapses, as it does by itself after seven days. An effect.
    ///
    /// # Errors
    /// There is none.
    pub fn let_invitation_lapse(&self, invitee: &str) -> Result<(), Refused> {
        self.shared().let_invitation_lapse(invitee).map_err(Refused)
    }

    /// The bearer of this login takes another one; the account's id stays. An effect.
    ///
    /// # Errors
    /// No such account, or the other login is taken.
    pub fn rename_account(&self, login: &str, to: &str) -> Result<(), Refused> {
        self.shared().rename_account(login, to).map_err(Refused)
    }

    /// Everybody who is in the directory.
    #[must_use]
    pub fn people(&self) -> Vec<PersonState> {
        self.shared().pass_time();
        self.shared().world().directory.states()
    }

    /// The present truth about the one with this address.
    #[must_use]
    pub fn person(&self, email: &str) -> Option<PersonState> {
        self.people().into_iter().find(|person| same_text(&person.email, email))
    }

    /// Ends the directory's running operations as done or failed; says how many there were.
    ///
    /// # Errors
    /// `Running` is no end.
    pub fn finish_operations(&self, state: OperationState) -> Result<usize, Refused> {
        self.shared().finish_operations(state).map_err(Refused)
    }

    /// The changes that happened to one person at one vendor.
    #[must_use]
    pub fn effects_at(&self, vendor: Vendor, key: &str) -> Vec<Effect> {
        let mut effects = self.effects_on(key);
        effects.retain(|effect| effect.vendor == vendor);
        effects
    }
}
