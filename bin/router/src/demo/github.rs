//! The scenes at GitHub.

use usher_sandbox::github::{APP_ID, INSTALLATION_ID, ORG};
use usher_sandbox::{
    AccountSeed, GithubSeed, InvitationStatus, Operation, OrgRole, Refused, Sandbox, TeamSeed,
};

use super::Scene;
use super::scene::told;

pub(super) const ADA: &str = "ada@example.com";
const LOGIN: &str = "ada-lovelace";
const TEAM: &str = "engineering";

/// Ada has an account at GitHub, linked with the organisation's single sign-on, and is no member.
pub(super) fn seed() -> GithubSeed {
    let ada = AccountSeed { saml_name_id: Some(ADA.to_owned()), ..AccountSeed::outside(LOGIN, ADA) };
    let settings = serde_json::Map::from_iter([("saml".to_owned(), "organization".into())]);
    GithubSeed { settings, teams: vec![TeamSeed::named(TEAM)], accounts: vec![ada] }
}

pub(super) fn config(url: &str) -> String {
    format!(
        r#"
[connections.github]
connector = "github-org"
org = "{ORG}"
app = {{ id = {APP_ID}, installation_id = {INSTALLATION_ID}, private_key = {{ file = "github-app.pem" }} }}
identify_by = ["saml", "invite-by-email"]
base_url = "{url}"
allow_private = true

[apps.github]
connection = "github"
email_domains = ["example.com"]
after_deadline = "continue"
permissions.engineering = {{ teams = ["{TEAM}"] }}
"#
    )
}

/// Ada follows the link in her mail.
pub(super) fn prepare(scene: Scene, sandbox: &Sandbox) -> Result<(), Refused> {
    // Without an invitation there is nothing to accept; the row says then what is wrong.
    if scene == Scene::Accepted && !sandbox.pending_invitations(LOGIN).is_empty() {
        return sandbox.accept_invitation(LOGIN);
    }
    Ok(())
}

pub(super) fn at_vendor(scene: Scene, sandbox: &Sandbox, before: usize) -> Result<String, String> {
    let told = told(sandbox, ADA, before);
    let effects = sandbox.effects_on(ADA);
    let new = || effects.iter().skip(before);
    let account = sandbox.account(LOGIN).ok_or_else(|| format!("{LOGIN} is not there any more"))?;
    let invitations = sandbox.invitations();
    let pending = invitations.iter().filter(|one| one.status == InvitationStatus::Pending).count();
    let holds = match scene {
        Scene::Invited => {
            let [invitation] = invitations.as_slice() else {
                return Err(format!("GitHub has {} invitations, and did: {told}", invitations.len()));
            };
            pending == 1
                && account.member.is_none()
                && invitation.role == OrgRole::Member
                && invitation.teams.keys().map(String::as_str).eq([TEAM])
        }
        _ => {
            account.member == Some(OrgRole::Member)
                && account.teams.contains_key(TEAM)
                && invitations.len() == 1
                && new().all(|effect| effect.operation == Operation::AcceptInvitation)
        }
    };
    if holds {
        Ok(told)
    } else {
        Err(format!(
            "GitHub has {LOGIN} as {:?} in {:?} with {pending} pending of {} invitations, and did: {told}",
            account.member,
            account.teams.keys().collect::<Vec<_>>(),
            invitations.len()
        ))
    }
}
