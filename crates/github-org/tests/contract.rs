//! The suite that every connector passes. What stands here is GitHub's behaviour; nothing is asserted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

/// The small GitHub that remembers.
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod support {
    pub(crate) mod answers;
    pub(crate) mod keys;
    pub(crate) mod world;
}

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::answers::no_seat;
use support::keys::{APP_ID, KEY, OTHER_KEY};
use support::world::{Account, INSTALLATION, OWNER, State, TOKEN, World};
use usher_contract::{Inviting, Kind, Many, One, Permissions, Secret, Trouble, VendorUnderTest, plainly};
use usher_core::{Connector, Facet, SecretRef, Subject};
use usher_github_org::GithubOrg;
use wiremock::http::Method;
use wiremock::{Request, ResponseTemplate};

usher_contract::suite!(GithubUnderTest::by_app);

mod with_a_token_and_managed_users {
    usher_contract::suite!(super::GithubUnderTest::by_token);
}

/// An App in an organisation that invites, or a token in one whose users are managed, and are added at once.
#[derive(Debug)]
struct GithubUnderTest {
    is_managed: bool,
    world: Mutex<World>,
}

impl GithubUnderTest {
    fn by_app() -> Self {
        let mut world = World::new("https://api.github.com", "");
        world.has_saml = true;
        // The suite's clock begins there.
        "2026-11-24T09:00:00Z".clone_into(&mut world.now);
        "2026-11-24T10:00:00Z".clone_into(&mut world.token_ends);
        world.invitations_left = 1_000;
        Self { is_managed: false, world: Mutex::new(world) }
    }

    fn by_token() -> Self {
        let github = Self { is_managed: true, ..Self::by_app() };
        github.world.lock().unwrap().managed = true;
        github
    }

    fn main(&self) -> Value {
        if self.is_managed { json!({"org_role": "member"}) } else { json!({"teams": ["engineering"]}) }
    }
}

impl World {
    /// The account whose SAML identity bears the address.
    fn of(&self, who: &Subject) -> Option<&Account> {
        let key = who.key();
        let bears = |name: &String| usher_core::SubjectKey::of(name) == key;
        self.accounts.iter().find(|account| account.saml.as_ref().is_some_and(bears))
    }

    fn enroll(&mut self, who: &Subject) -> u64 {
        if let Some(account) = self.of(who) {
            return account.id;
        }
        let id = self.new_id();
        self.put(id, &format!("somebody-{id}"), "private@example.net").saml =
            Some(who.email.trim().to_owned());
        id
    }

    fn invitation_of(&self, who: &Subject) -> Option<u64> {
        let account = self.of(who).map(|account| account.id);
        let to_address = |email: &String| usher_core::SubjectKey::of(email) == who.key();
        let found = self.open().find(|invitation| {
            (account.is_some() && invitation.account == account)
                || invitation.email.as_ref().is_some_and(to_address)
        });
        found.map(|invitation| invitation.id)
    }
}

impl VendorUnderTest for GithubUnderTest {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(GithubOrg)
    }

    fn settings(&self) -> Value {
        if self.is_managed {
            return json!({
                "org": "acme", "token": {"env": "SECRET"}, "identify_by": ["saml"], "managed_users": true,
            });
        }
        json!({
            "org": "acme",
            "app": {"id": APP_ID, "installation_id": INSTALLATION, "private_key": {"env": "SECRET"}},
            "identify_by": ["saml", "invite-by-email"],
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        let value = if self.is_managed { TOKEN } else { &KEY.pem };
        vec![Secret { place: SecretRef::Env("SECRET".to_owned()), value: value.to_owned() }]
    }

    /// Only a private key gets as far as GitHub.
    fn wrong(&self, secret: &Secret) -> String {
        if self.is_managed { secret.value.chars().rev().collect() } else { OTHER_KEY.pem.clone() }
    }

    /// A part of the key is as bad as the whole.
    fn hidden(&self) -> Vec<String> {
        let lines = KEY.pem.lines().chain(OTHER_KEY.pem.lines());
        lines.filter(|line| !line.starts_with('-') && line.len() > 20).map(str::to_owned).collect()
    }

    fn permissions(&self) -> Permissions {
        Permissions {
            main: self.main(),
            // An owner's role goes back to a member's: to take a member's is to take every team.
            many: Some(Many {
                entry: json!({"org_role": "admin", "teams": ["engineering"]}),
                other: Facet::new("team", "design"),
            }),
            one: Some(One { entry: json!({"org_role": "admin"}), former: Facet::new("org_role", "member") }),
        }
    }

    fn counts_invited(&self) -> bool {
        !self.is_managed
    }

    fn inviting(&self) -> Option<Inviting> {
        (!self.is_managed).then(|| Inviting { entry: self.main() })
    }

    fn enroll(&self, who: &Subject) {
        self.world.lock().unwrap().enroll(who);
    }

    fn give(&self, who: &Subject, facet: &Facet) {
        let world = &mut self.world.lock().unwrap();
        let id = world.enroll(who);
        // By hand an open invitation is done with.
        if let Some(invitation) = world.invitation_of(who) {
            world.invitation_mut(invitation).state = State::Accepted;
        }
        let team = world.team(&facet.value);
        let account = world.account_mut(id);
        match facet.slot.as_str() {
            "org_role" => account.member = Some(facet.value.clone()),
            _ => {
                account.member.get_or_insert_with(|| "member".to_owned());
                account.teams.extend(team);
            }
        }
    }

    fn holds(&self, who: &Subject) -> BTreeSet<Facet> {
        let world = &self.world.lock().unwrap();
        let Some(account) = world.of(who) else { return BTreeSet::new() };
        let role = account.member.iter().map(|role| Facet::new("org_role", role));
        role.chain(account.teams.iter().map(|id| Facet::new("team", &world.teams[id]))).collect()
    }

    fn pending(&self, who: &Subject) -> BTreeSet<Facet> {
        let world = &mut self.world.lock().unwrap();
        let Some(id) = world.invitation_of(who) else { return BTreeSet::new() };
        let invitation = world.invitation_mut(id).clone();
        let role = if invitation.role == "admin" { "admin" } else { "member" };
        let teams = invitation.teams.iter().map(|id| Facet::new("team", &world.teams[id]));
        teams.chain([Facet::new("org_role", role)]).collect()
    }

    fn accept(&self, who: &Subject) {
        let world = &mut self.world.lock().unwrap();
        let id = world.enroll(who);
        if let Some(invitation) = world.invitation_of(who) {
            world.accept(invitation, id);
        }
    }

    fn lapse(&self, who: &Subject) {
        let world = &mut self.world.lock().unwrap();
        if let Some(invitation) = world.invitation_of(who) {
            world.lapse(invitation);
        }
    }

    fn effects(&self) -> Vec<String> {
        self.world.lock().unwrap().effects.clone()
    }

    fn kind(&self, method: &Method, path: &str) -> Kind {
        match method.as_str() {
            "GET" => Kind::Read,
            // GraphQL's reading is a POST.
            _ if path.ends_with("/graphql") => Kind::Read,
            _ if path.ends_with("/access_tokens") => Kind::SignIn,
            _ => Kind::Change,
        }
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let world = &mut self.world.lock().unwrap();
        // Somebody besides the last owner has to be able to go.
        world.account_mut(OWNER).member = Some("admin".to_owned());
        world.answer(request)
    }

    /// GitHub quotes no credential; a proxy in front of it might.
    fn troubled(&self, trouble: Trouble, request: &Request) -> ResponseTemplate {
        let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let message = |text: &str| json!({"message": format!("{text}, sent with {sent:?}")});
        match trouble {
            Trouble::Refuses => ResponseTemplate::new(422).set_body_json(no_seat()),
            // A rate limit is a 403 as a rule.
            Trouble::Throttles { after } => ResponseTemplate::new(403)
                .insert_header("retry-after", after.as_secs().to_string().as_str())
                .set_body_json(message("You have exceeded a secondary rate limit")),
            Trouble::Unauthorized => plainly(trouble).set_body_json(message("Bad credentials")),
            _ => plainly(trouble).set_body_json(message("Server Error")),
        }
    }

    fn refusal(&self) -> String {
        "Every paid GitHub seat is taken".to_owned()
    }
}
