//! What the stand-in of GitHub knows: one organisation, accounts and invitations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::keys::KEY;

pub(crate) const ORG: &str = "acme";
pub(crate) const INSTALLATION: u64 = 678;
pub(crate) const TOKEN: &str = "ghp_a-personal-token-that-nobody-may-see";
pub(crate) const OWNER: u64 = 1;
pub(crate) const ENGINEERING: u64 = 501;
pub(crate) const DESIGN: u64 = 502;
/// A team that an identity provider backs.
pub(crate) const BACKED: u64 = 503;

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    /// Verified addresses.
    pub(crate) emails: Vec<String>,
    /// The name of the linked SAML identity.
    pub(crate) saml: Option<String>,
    pub(crate) member: Option<String>,
    pub(crate) teams: BTreeSet<u64>,
    pub(crate) was: Option<String>,
    pub(crate) blocks_org: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Failed,
    Cancelled,
    Accepted,
}

#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    pub(crate) id: u64,
    pub(crate) email: Option<String>,
    pub(crate) account: Option<u64>,
    /// In the words of an invitation.
    pub(crate) role: String,
    pub(crate) teams: BTreeSet<u64>,
    pub(crate) created_at: String,
    pub(crate) state: State,
}

/// What happens instead of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    Answer(u16, Value),
    With(u16, &'static str, String, Value),
    /// It is done, and what is answered is this.
    Done(u16),
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) base: String,
    /// `/api/v3` on Enterprise Server.
    pub(crate) prefix: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) invitations: Vec<Invitation>,
    pub(crate) teams: BTreeMap<u64, String>,
    /// Whether single sign-on is on the organisation.
    pub(crate) has_saml: bool,
    pub(crate) shows_saml: bool,
    /// Whether the organisation's accounts are managed users.
    pub(crate) managed: bool,
    pub(crate) is_server: bool,
    pub(crate) seats: Option<usize>,
    pub(crate) invitations_left: usize,
    pub(crate) permissions: Value,
    pub(crate) scopes: Option<String>,
    pub(crate) suspended: bool,
    /// Installation tokens that are good: `ghs_n`.
    pub(crate) issued: usize,
    pub(crate) revoked: usize,
    pub(crate) now: String,
    pub(crate) token_ends: String,
    pub(crate) page_size: usize,
    /// By `METHOD path`, what happens instead, once each.
    pub(crate) faults: VecDeque<(String, Instead)>,
    pub(crate) requests: Vec<String>,
    pub(crate) headers: Vec<BTreeMap<String, String>>,
    pub(crate) bodies: Vec<Value>,
    /// A line for everything that a request has altered; what alters nothing is not in it.
    pub(crate) effects: Vec<String>,
    next_id: u64,
}

impl World {
    pub(crate) fn new(base: &str, prefix: &str) -> Self {
        let mut world = Self {
            base: base.to_owned(),
            prefix: prefix.to_owned(),
            accounts: Vec::new(),
            invitations: Vec::new(),
            teams: BTreeMap::from([
                (ENGINEERING, "engineering".to_owned()),
                (DESIGN, "design".to_owned()),
                (BACKED, "backed".to_owned()),
            ]),
            has_saml: false,
            shows_saml: true,
            managed: false,
            is_server: !prefix.is_empty(),
            seats: None,
            invitations_left: 500,
            permissions: json!({"members": "write", "metadata": "read"}),
            scopes: None,
            suspended: false,
            issued: 0,
            revoked: 0,
            now: "2026-11-24T08:00:00Z".to_owned(),
            token_ends: "2026-11-24T09:00:00Z".to_owned(),
            page_size: 100,
            faults: VecDeque::new(),
            requests: Vec::new(),
            headers: Vec::new(),
            bodies: Vec::new(),
            effects: Vec::new(),
            next_id: 9_000,
        };
        world.put(OWNER, "olive", "olive@acme.example").member = Some("admin".to_owned());
        world
    }

    pub(crate) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds an account outside of the organisation.
    pub(crate) fn put(&mut self, id: u64, login: &str, email: &str) -> &mut Account {
        self.accounts.push(Account {
            id,
            login: login.to_owned(),
            emails: vec![email.to_owned()],
            saml: None,
            member: None,
            teams: BTreeSet::new(),
            was: None,
            blocks_org: false,
        });
        self.accounts.last_mut().unwrap()
    }

    /// Adds a member whose SAML identity bears the address.
    pub(crate) fn put_member(&mut self, id: u64, login: &str, email: &str, role: &str) -> &mut Account {
        let account = self.put(id, login, email);
        account.saml = Some(email.to_owned());
        account.member = Some(role.to_owned());
        account
    }

    pub(crate) fn account(&self, id: u64) -> &Account {
        self.accounts.iter().find(|account| account.id == id).unwrap()
    }

    pub(crate) fn account_mut(&mut self, id: u64) -> &mut Account {
        self.accounts.iter_mut().find(|account| account.id == id).unwrap()
    }

    pub(crate) fn by_login(&self, login: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    pub(crate) fn by_email(&self, email: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.emails.iter().any(|own| own.eq_ignore_ascii_case(email)))
    }

    pub(crate) fn team(&self, slug: &str) -> Option<u64> {
        self.teams.iter().find(|(_, own)| *own == slug).map(|(id, _)| *id)
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations.iter().filter(|invitation| invitation.state == State::Open)
    }

    /// Puts an invitation there, as if somebody else had sent it.
    pub(crate) fn invite(
        &mut self,
        email: Option<&str>,
        account: Option<u64>,
        role: &str,
        teams: &[u64],
    ) -> u64 {
        let id = self.new_id();
        self.invitations.push(Invitation {
            id,
            email: email.map(str::to_owned),
            account,
            role: role.to_owned(),
            teams: teams.iter().copied().collect(),
            created_at: self.now.clone(),
            state: State::Open,
        });
        id
    }

    pub(crate) fn invitation_mut(&mut self, id: u64) -> &mut Invitation {
        self.invitations.iter_mut().find(|invitation| invitation.id == id).unwrap()
    }

    /// The invitee accepts, with an account.
    pub(crate) fn accept(&mut self, id: u64, account: u64) {
        let invitation = self.invitation_mut(id);
        invitation.state = State::Accepted;
        let (role, teams) = (invitation.role.clone(), invitation.teams.clone());
        let account = self.account_mut(account);
        account.member = Some(if role == "admin" { "admin".to_owned() } else { "member".to_owned() });
        account.teams.extend(teams);
    }

    pub(crate) fn lapse(&mut self, id: u64) {
        self.invitation_mut(id).state = State::Failed;
    }

    pub(crate) fn owners(&self) -> usize {
        self.accounts.iter().filter(|account| account.member.as_deref() == Some("admin")).count()
    }

    pub(crate) fn seats_taken(&self) -> usize {
        self.accounts.iter().filter(|account| account.member.is_some()).count() + self.open().count()
    }

    /// What happens at the next request that begins with `METHOD path`.
    pub(crate) fn instead(&mut self, request: &str, how: Instead) {
        self.faults.push_back((request.to_owned(), how));
    }

    /// Whether a credential opens what is asked for.
    pub(crate) fn accepts(&self, bearer: &str, is_apps: bool) -> bool {
        if is_apps {
            return KEY.claims(bearer).is_some();
        }
        let number =
            bearer.strip_prefix("ghs_a-token-that-nobody-may-see-").and_then(|n| n.parse::<usize>().ok());
        bearer == TOKEN || number.is_some_and(|number| number > self.revoked && number <= self.issued)
    }

    pub(crate) fn user_json(&self, account: &Account) -> Value {
        json!({"id": account.id, "login": account.login, "type": "User", "node_id": "U_x", "site_admin": false})
    }

    pub(crate) fn invitation_json(&self, invitation: &Invitation) -> Value {
        let login = invitation.account.map(|id| self.account(id).login.clone());
        let failed = invitation.state == State::Failed;
        json!({
            "id": invitation.id,
            "node_id": "OI_x",
            "login": login,
            "email": invitation.email,
            "role": invitation.role,
            "created_at": invitation.created_at,
            "failed_at": failed.then_some("2026-12-01T08:00:00Z"),
            "failed_reason": failed.then_some("Invitation expired. User did not accept this invite for 7 days."),
            "inviter": {"login": "olive", "id": OWNER},
            "team_count": invitation.teams.len(),
            "invitation_teams_url": format!("{}/organizations/1/invitations/{}/teams", self.base, invitation.id),
            "invitation_source": "member",
        })
    }

    pub(crate) fn team_json(&self, id: u64) -> Value {
        json!({"id": id, "slug": self.teams[&id], "name": self.teams[&id], "privacy": "closed"})
    }
}
