//! The scenes at Zendesk.

use usher_sandbox::{
    CallEnd, Fault, Matcher, Operation, Refused, Role, Rule, Sandbox, UserSeed, ZendeskSeed,
};

use super::Scene;
use super::scene::{about, told};

const KATE: &str = "kate@example.com";
const MILES: &str = "miles@example.com";
const PETER: &str = "peter@example.com";
const MAY: &str = "may@example.com";
const GWEN: &str = "gwen@example.com";
const NED: &str = "ned@example.com";

/// Everybody is an end user at the vendor before the first scene.
pub(super) fn seed() -> ZendeskSeed {
    let users = [KATE, MILES, PETER, MAY, GWEN, NED].map(UserSeed::end_user).into();
    ZendeskSeed { groups: vec!["Tier 1".to_owned()], users, ..ZendeskSeed::default() }
}

pub(super) const CONFIG: &str = r#"
[connections.zendesk]
connector = "zendesk-license"
subdomain = "sandbox"
oauth = { client_id = "usher", client_secret = { file = "zendesk-secret" } }
base_url = "ZENDESK"
allow_private = true

[apps.zendesk]
connection = "zendesk"
email_domains = ["example.com"]
after_deadline = "continue"
[apps.zendesk.permissions]
agent = { role = "Staff" }
support_agent = { role = "Staff", groups = ["Tier 1"] }
light_agent = { role = "light-agent" }
"#;

pub(super) fn who(scene: Scene) -> &'static str {
    match scene {
        Scene::LightAgent => MILES,
        Scene::AnswerLost => PETER,
        Scene::Late => MAY,
        Scene::NoSeat => GWEN,
        Scene::Unmapped => NED,
        _ => KATE,
    }
}

pub(super) fn prepare(scene: Scene, sandbox: &Sandbox) -> Result<(), Refused> {
    let rule = match scene {
        Scene::AnswerLost => {
            Rule::once(Matcher::operation(Operation::UpdateUser).about(PETER), Fault::ResetAfter)
        }
        // The reading before the change is answered; the one after it hangs.
        Scene::Late => {
            Rule { skip: 1, ..Rule::always(Matcher::operation(Operation::ShowUser).about(MAY), Fault::Hang) }
        }
        Scene::NoSeat => {
            let taken = sandbox.seats_taken();
            sandbox.configure_zendesk(|settings| settings.max_agents = Some(taken));
            return Ok(());
        }
        _ => return Ok(()),
    };
    sandbox.fault(rule).map(drop)
}

pub(super) fn afterwards(scene: Scene, sandbox: &Sandbox) {
    match scene {
        Scene::Late => sandbox.clear_faults(),
        Scene::NoSeat => sandbox.configure_zendesk(|settings| settings.max_agents = None),
        _ => {}
    }
}

pub(super) fn at_vendor(scene: Scene, sandbox: &Sandbox, before: usize) -> Result<String, String> {
    let who = who(scene);
    let effects = sandbox.effects_on(who);
    let is_new = effects.len() > before;
    let told = told(sandbox, who, before);
    let user = sandbox.user(who).ok_or_else(|| format!("{who} is not there any more"))?;
    let is = |role: Role, groups: &[&str]| {
        user.role == role && groups.iter().all(|name| user.groups.iter().any(|g| g == name))
    };
    let holds = match scene {
        Scene::Granted | Scene::Late => is(Role::Agent, &["Tier 1"]),
        Scene::AnswerLost => is(Role::Agent, &[]),
        Scene::Again => is(Role::Agent, &["Tier 1"]) && !is_new,
        Scene::LightAgent => is(Role::Agent, &[]) && user.role_name == "Light agent",
        Scene::NoSeat => is(Role::EndUser, &[]) && !is_new,
        Scene::Unmapped => !is_new && sandbox.calls_to(&about(who)).is_empty(),
        _ => is(Role::EndUser, &[]) && user.groups.is_empty(),
    };
    let promotions =
        effects.iter().skip(before).filter(|effect| effect.operation == Operation::UpdateUser).count();
    if !holds || promotions > 1 {
        return Err(format!(
            "the vendor has {who} as {} in {:?}, and did: {told}",
            user.role_name, user.groups
        ));
    }
    Ok(match scene {
        Scene::AnswerLost => format!("{told} (sent once, answered never)"),
        _ => told,
    })
}

pub(super) fn really_happened(scene: Scene, sandbox: &Sandbox) -> Result<(), String> {
    let ended = |operation, end| {
        let calls = sandbox.calls_to(&Matcher::operation(operation).about(who(scene)));
        calls.iter().any(|call| call.end == Some(end))
    };
    match scene {
        Scene::AnswerLost if !ended(Operation::UpdateUser, CallEnd::Cut) => {
            Err("no answer was lost".to_owned())
        }
        Scene::Late if !ended(Operation::ShowUser, CallEnd::CallerLeft) => {
            Err("the vendor did not hang".to_owned())
        }
        _ => Ok(()),
    }
}
