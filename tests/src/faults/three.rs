//! A world with all three connectors: what one person has at one of them, and what really happened there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use usher_sandbox::{
    AccountSeed, AccountState, Effect, InvitationState, InvitationStatus, Matcher, Operation, PersonSeed,
    PersonState, TeamSeed, UserSeed, UserState,
};

use crate::support::{Config, PATIENCE, Payload, Sandbox, Usher, about};

const DEFINITION: &str = include_str!("../../../recipes/directory/definition.toml");

/// The recipe as it stands, but for how long an unanswered call may still arrive: ten minutes would be these parts' as well.
fn definition() -> String {
    let changed = [
        ("every = \"500ms\" }", "every = \"500ms\", within = \"20s\" }"),
        ("expect.status = [202, 204, 404]", "expect.status = [204, 404]"),
    ];
    changed.into_iter().fold(DEFINITION.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from} stands in the recipe once");
        text.replace(from, to)
    })
}

/// All three connectors, with the sandbox's stand-ins at `url`: its own, or that of whatever stands before it.
pub async fn config_at(sandbox: &Sandbox, url: &str) -> Config {
    let sections = format!(
        r#"
[connections.github]
connector = "github-org"
org = "acme"
app = {{ id = 12345, installation_id = 678, private_key = {{ file = "github-app.pem" }} }}
identify_by = ["saml", "invite-by-email"]
base_url = "{url}/github"
allow_private = true
limits = {{ concurrent = 500 }}

[apps.github]
connection = "github"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.engineering = {{ teams = ["engineering"] }}

[connections.directory]
connector = "generic-rest"
definition = "directory.toml"
secrets.client_secret = {{ file = "directory-secret" }}
base_url = "{url}/directory"
allow_private = true
limits = {{ concurrent = 500 }}

[apps.directory]
connection = "directory"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.editing = {{ role = "editor" }}
"#
    );
    let config = Config::new(sandbox).zendesk_at(&format!("{url}/zendesk")).more(&sections);
    let config = config.file("github-app.pem", sandbox.github_app_key().await);
    let config = config.file("directory.toml", definition());
    config.file("directory-secret", usher_sandbox::directory::CLIENT_SECRET)
}

/// A sandbox in which all three have what the permissions name, and nobody in it yet.
pub async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start().await;
    let seed = json!({
        "github": {
            "settings": { "saml": "organization", "invitations_per_day": 100_000 },
            "teams": [TeamSeed::named("engineering")],
            "accounts": [AccountSeed::owner("olga-owner", "olga@example.com")],
        },
        // Of a 202 whose answer is lost nobody knows where to ask: it is done all the same.
        "directory": { "settings": { "polls_until_done": 0 } },
    });
    sandbox.seed_all(&seed).await;
    sandbox
}

pub async fn world() -> (Sandbox, Usher) {
    let sandbox = sandbox().await;
    let usher = Usher::start(&config_at(&sandbox, &sandbox.url).await).await;
    (sandbox, usher)
}

/// What changes something about a person, at each of the three.
pub const CHANGES: [Operation; 12] = [
    Operation::UpdateUser,
    Operation::CreateUser,
    Operation::CreateMembership,
    Operation::DeleteMembership,
    Operation::SetTeamMembership,
    Operation::RemoveTeamMembership,
    Operation::RemoveOrgMembership,
    Operation::CreateInvitation,
    Operation::CancelInvitation,
    Operation::CreatePerson,
    Operation::ReplaceRoles,
    Operation::DeletePerson,
];

/// Holds the next of each change of this person; says the numbers of the rules.
pub async fn hold_changes(sandbox: &Sandbox, email: &str, after_applying: bool) -> Vec<u64> {
    join_all(CHANGES.map(|operation| sandbox.hold(about(operation, email), after_applying))).await
}

/// Holds the next reading of this person, whichever it is; says the numbers of the rules.
pub async fn hold_a_reading(sandbox: &Sandbox, email: &str) -> Vec<u64> {
    let by_get = Matcher { method: Some("GET".to_owned()), ..Matcher::default() }.about(email);
    let matchers = [by_get, about(Operation::Graphql, email)];
    join_all(matchers.map(|matcher| sandbox.hold(matcher, false))).await
}

/// Takes these rules away, and lets go what they hold.
pub async fn let_go(sandbox: &Sandbox, rules: &[u64]) {
    join_all(rules.iter().map(|rule| sandbox.clear(*rule))).await;
}

/// Returns once a change of this person has arrived after the call with this number.
pub async fn a_change_arrives(sandbox: &Sandbox, email: &str, after: u64) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let seen = async {
        loop {
            looks.tick().await;
            let calls = sandbox.calls_about(email).await;
            if calls.iter().any(|call| call.n > after && CHANGES.contains(&call.operation)) {
                return;
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    seen.unwrap_or_else(|_| panic!("no change of {email} arrives"));
}

/// The number of the last call about this person, 0 before the first.
pub async fn last_call(sandbox: &Sandbox, email: &str) -> u64 {
    sandbox.calls_about(email).await.last().map_or(0, |call| call.n)
}

/// What somebody is before anything is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An end-user of Zendesk, who is to become an agent in a group.
    ZendeskUser,
    /// Nobody at Zendesk yet.
    ZendeskNobody,
    /// A member of the organisation, who is to join a team.
    GithubMember,
    /// An account that is known and outside: it is invited.
    GithubAccount,
    /// An address that no account is linked with: it is invited.
    GithubAddress,
    /// Somebody in the directory, with a role that others gave.
    DirectoryPerson,
    /// Nobody in the directory yet.
    DirectoryNobody,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::ZendeskUser,
        Self::GithubMember,
        Self::DirectoryNobody,
        Self::ZendeskNobody,
        Self::GithubAccount,
        Self::DirectoryPerson,
        Self::GithubAddress,
    ];

    pub fn is_invited(self) -> bool {
        matches!(self, Self::GithubAccount | Self::GithubAddress)
    }

    /// As Lumos names it.
    pub fn app(self) -> &'static str {
        match self {
            Self::ZendeskUser | Self::ZendeskNobody => "zendesk",
            Self::GithubMember | Self::GithubAccount | Self::GithubAddress => "github",
            Self::DirectoryPerson | Self::DirectoryNobody => "directory",
        }
    }

    fn permission(self) -> &'static str {
        match self.app() {
            "zendesk" => "support_agent",
            "github" => "engineering",
            _ => "editing",
        }
    }
}

/// Somebody at one of the three.
#[derive(Clone, Debug)]
pub struct Person {
    pub kind: Kind,
    pub email: String,
    pub login: String,
}

impl Person {
    /// The `number`th; each kind comes in turn.
    pub fn new(number: usize) -> Self {
        Self::of(Kind::ALL[number % Kind::ALL.len()], number)
    }

    pub fn of(kind: Kind, number: usize) -> Self {
        Self { kind, email: format!("p{number}@example.com"), login: format!("login-{number}") }
    }

    pub fn grant(&self) -> Payload {
        Payload::grant(&self.email, &[self.kind.permission()]).app(self.kind.app())
    }

    pub fn removal(&self) -> Payload {
        Payload::removal(&self.email, &[self.kind.permission()]).app(self.kind.app())
    }

    /// Names no permission: it takes everything.
    pub fn removal_of_everything(&self) -> Payload {
        Payload::removal(&self.email, &[]).app(self.kind.app())
    }
}

/// Puts these people where they are before anything is asked for.
pub async fn seed(sandbox: &Sandbox, people: &[Person]) {
    let (mut users, mut accounts, mut directory) = (Vec::new(), Vec::new(), Vec::new());
    for Person { kind, email, login } in people {
        match kind {
            Kind::ZendeskUser => users.push(UserSeed::end_user(email)),
            Kind::GithubMember | Kind::GithubAccount => {
                let seed = if *kind == Kind::GithubMember {
                    AccountSeed::member(login, email)
                } else {
                    AccountSeed::outside(login, email)
                };
                accounts.push(AccountSeed { saml_name_id: Some(email.clone()), ..seed });
            }
            Kind::GithubAddress => accounts.push(AccountSeed::outside(login, email)),
            Kind::DirectoryPerson => directory.push(PersonSeed::with_roles(email, &["auditor"])),
            Kind::ZendeskNobody | Kind::DirectoryNobody => {}
        }
    }
    let seed: Value = json!({
        "zendesk": { "users": users },
        "github": { "accounts": accounts },
        "directory": { "people": directory },
    });
    sandbox.seed_all(&seed).await;
}

/// Who has, at this moment and in truth, what these parts ask for; whoever is invited has it as well.
#[derive(Debug, Default)]
pub struct Holders(HashSet<String>);

impl Holders {
    pub async fn all(sandbox: &Sandbox) -> Self {
        let mut holders = Self::default();
        holders.zendesk(sandbox.users(None).await);
        holders.github(sandbox.accounts(None).await, sandbox.invitations_of(None).await);
        holders.directory(sandbox.people(None).await);
        holders
    }

    pub fn has(&self, person: &Person) -> bool {
        self.0.contains(&person.email)
    }

    fn zendesk(&mut self, users: Vec<UserState>) {
        let in_group = |user: &UserState| user.groups.iter().any(|group| group == "Tier 1");
        let holding =
            users.into_iter().filter(|user| user.active && user.role_name == "agent" && in_group(user));
        self.0.extend(holding.filter_map(|user| user.email));
    }

    fn github(&mut self, accounts: Vec<AccountState>, invitations: Vec<InvitationState>) {
        let mut by_login = HashMap::new();
        for account in accounts {
            let email = account.emails.first().cloned().unwrap_or_default();
            if account.teams.contains_key("engineering") {
                self.0.insert(email.clone());
            }
            by_login.insert(account.login, email);
        }
        let pending = invitations.into_iter().filter(|one| one.status == InvitationStatus::Pending);
        for invitation in pending.filter(|one| one.teams.contains_key("engineering")) {
            let of_account = invitation.login.and_then(|login| by_login.get(&login).cloned());
            self.0.extend(invitation.email.or(of_account));
        }
    }

    fn directory(&mut self, people: Vec<PersonState>) {
        let holding = people.into_iter().filter(|person| person.roles.iter().any(|role| role == "editor"));
        self.0.extend(holding.map(|person| person.email));
    }
}

impl Person {
    /// Whether they have it at this moment and in truth.
    pub async fn has_it(&self, sandbox: &Sandbox) -> bool {
        let mut holders = Holders::default();
        let email = Some(self.email.as_str());
        match self.kind.app() {
            "zendesk" => holders.zendesk(sandbox.users(email).await),
            "github" => {
                holders.github(sandbox.accounts(email).await, sandbox.invitations_of(email).await);
            }
            _ => holders.directory(sandbox.people(email).await),
        }
        holders.has(self)
    }
}

/// What was changed about each person, by address, one sentence each.
pub async fn changes(sandbox: &Sandbox) -> HashMap<String, Vec<Effect>> {
    let mut by_person: HashMap<String, Vec<Effect>> = HashMap::new();
    for effect in sandbox.effects().await {
        by_person.entry(effect.key.clone()).or_default().push(effect);
    }
    by_person
}

/// A change that happened more often than there were approvals for it.
pub fn happened_too_often(effects: &[Effect], grants: usize, removals: usize) -> Option<String> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for change in effects.iter().flat_map(|effect| &effect.changes) {
        *times.entry(change.as_str()).or_default() += 1;
    }
    let may = |change: &str| if takes(change) { removals } else { grants };
    let too_often = times.into_iter().find(|(change, times)| *times > may(change));
    too_often.map(|(change, times)| {
        format!("{change}: {times} times, for {grants} grants and {removals} removals")
    })
}

/// Whether a change takes something, in the sandbox's words.
fn takes(change: &str) -> bool {
    ["-> end-user", "removed", "cancelled", "no longer"].iter().any(|words| change.contains(words))
        || change.split(' ').any(|word| word.starts_with('-') && word != "->")
}
