//! The scenes at the home-grown directory, which is described in a file: the recipe `directory`.

use usher_sandbox::{DirectorySeed, Matcher, Operation, PersonSeed, Sandbox};

use super::Scene;
use super::scene::told;

const GRACE: &str = "grace@example.com";
const LINUS: &str = "linus@example.com";

/// What the definition is called in the demo's folder.
#[cfg(feature = "generic-rest")]
pub(super) const DEFINITION: &str = "directory.toml";

/// Somebody else has made Grace an auditor.
pub(super) fn seed() -> DirectorySeed {
    DirectorySeed { people: vec![PersonSeed::with_roles(GRACE, &["auditor"])], ..DirectorySeed::default() }
}

pub(super) const CONFIG: &str = r#"
[connections.directory]
connector = "generic-rest"
definition = "directory.toml"
secrets.client_secret = { file = "directory-secret" }
base_url = "DIRECTORY"
allow_private = true

[apps.directory]
connection = "directory"
email_domains = ["example.com"]
after_deadline = "continue"
[apps.directory.permissions]
editing = { role = "editor" }
viewing = { role = "viewer" }
"#;

pub(super) fn who(scene: Scene) -> &'static str {
    if scene == Scene::MadeLater { LINUS } else { GRACE }
}

pub(super) fn at_vendor(scene: Scene, sandbox: &Sandbox, before: usize) -> Result<String, String> {
    let who = who(scene);
    let told = told(sandbox, who, before);
    let operations: Vec<Operation> =
        sandbox.effects_on(who).iter().skip(before).map(|effect| effect.operation).collect();
    let mut roles = sandbox.person(who).map(|person| person.roles).unwrap_or_default();
    roles.sort();
    let (held, done): (&[&str], _) = match scene {
        Scene::BesideOthers => (&["auditor", "editor"], Operation::ReplaceRoles),
        Scene::MadeLater => (&["viewer"], Operation::CreatePerson),
        _ => (&["auditor"], Operation::ReplaceRoles),
    };
    if roles == held && operations == [done] {
        Ok(match scene {
            Scene::MadeLater => told,
            _ => format!("{told} (auditor, which others gave, stays)"),
        })
    } else {
        Err(format!("the directory has {who} with {roles:?}, and did: {told}"))
    }
}

/// Whether the vendor's work was followed to its end.
pub(super) fn really_happened(scene: Scene, sandbox: &Sandbox) -> Result<(), String> {
    let asked = || sandbox.calls_to(&Matcher::operation(Operation::ShowOperation));
    if scene == Scene::MadeLater && asked().is_empty() {
        return Err("nobody asked how the operation ended".to_owned());
    }
    Ok(())
}
