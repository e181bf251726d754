//! What is played, and what has to be true of the vendor afterwards.

use std::time::Duration;

use serde::Serialize;
use usher_core::Direction;
use usher_journal::Word;
use usher_sandbox::{CallEnd, Fault, Matcher, Operation, Role, Rule, Sandbox};

/// The demo's people.
const KATE: &str = "kate@example.com";
const MILES: &str = "miles@example.com";
const PETER: &str = "peter@example.com";
const MAY: &str = "may@example.com";
const GWEN: &str = "gwen@example.com";
const NED: &str = "ned@example.com";

/// Everybody who is an end user at the vendor before the first scene.
pub(super) const PEOPLE: [&str; 6] = [KATE, MILES, PETER, MAY, GWEN, NED];

/// One row of the demo's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scene {
    /// An end user becomes an agent in a group.
    Granted,
    /// The same request once more.
    Again,
    /// A light agent, by a webhook of that permission alone.
    LightAgent,
    /// The change happens and its answer is lost.
    AnswerLost,
    /// The vendor shows its state too late for Lumos.
    Late,
    /// Every paid seat is taken.
    NoSeat,
    /// A permission that the configuration does not map.
    Unmapped,
    /// What was granted first is taken away.
    Deprovisioned,
}

/// In the order in which they are told.
pub const SCENES: [Scene; 8] = [
    Scene::Granted,
    Scene::Again,
    Scene::LightAgent,
    Scene::AnswerLost,
    Scene::Late,
    Scene::NoSeat,
    Scene::Unmapped,
    Scene::Deprovisioned,
];

/// A scene as it came out.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which.
    pub scene: Scene,
    /// What was asked.
    pub asked: &'static str,
    /// What Lumos concludes from the answer.
    pub heard: String,
    /// From the request's first byte to its answer, in milliseconds.
    pub after_ms: u64,
    /// How the request stands now.
    pub now: Option<Word>,
    /// What happened at the vendor, by its own ledger.
    pub at_vendor: String,
    /// Why it is not as it should be; `None`: it is.
    pub fault: Option<String>,
    /// Usher's id of the request.
    pub request: Option<String>,
    /// Lines for the configuration that would have mapped it.
    pub paste: Option<String>,
}

impl Scene {
    pub(super) fn asked(self) -> &'static str {
        match self {
            Self::Granted => "Kate becomes a support agent",
            Self::Again => "Kate, the same request again",
            Self::LightAgent => "Miles becomes a light agent (permission webhook)",
            Self::AnswerLost => "Peter, and the vendor's answer is lost",
            Self::Late => "May, and the vendor is too slow for Lumos",
            Self::NoSeat => "Gwen, and no seat is left",
            Self::Unmapped => "Ned, a permission nobody has mapped",
            Self::Deprovisioned => "Kate leaves: deprovisioned",
        }
    }

    pub(super) fn who(self) -> &'static str {
        match self {
            Self::Granted | Self::Again | Self::Deprovisioned => KATE,
            Self::LightAgent => MILES,
            Self::AnswerLost => PETER,
            Self::Late => MAY,
            Self::NoSeat => GWEN,
            Self::Unmapped => NED,
        }
    }

    pub(super) fn direction(self) -> Direction {
        if self == Self::Deprovisioned { Direction::Deprovision } else { Direction::Provision }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::LightAgent => "/webhooks/zendesk/light_agent/provision",
            Self::Deprovisioned => "/webhooks/deprovision",
            _ => "/webhooks/provision",
        }
    }

    pub(super) fn permission(self) -> (&'static str, &'static str) {
        match self {
            Self::LightAgent => ("light_agent", "Light Agent"),
            Self::Unmapped => ("talk_supervisor", "Talk Supervisor"),
            Self::AnswerLost => ("agent", "Agent"),
            _ => ("support_agent", "Support Agent"),
        }
    }

    /// Lumos's id of the request: the repetition bears that of the first.
    pub(super) fn request_id(self) -> u32 {
        match self {
            Self::Granted | Self::Again => 77_001,
            Self::LightAgent => 77_002,
            Self::AnswerLost => 77_003,
            Self::Late => 77_004,
            Self::NoSeat => 77_005,
            Self::Unmapped => 77_006,
            Self::Deprovisioned => 77_007,
        }
    }

    /// What goes wrong at the vendor in this scene.
    pub(super) fn prepare(self, sandbox: &Sandbox) -> Result<(), usher_sandbox::Refused> {
        let rule = match self {
            Self::AnswerLost => {
                Rule::once(Matcher::operation(Operation::UpdateUser).about(PETER), Fault::ResetAfter)
            }
            // The reading before the change is answered; the one after it hangs.
            Self::Late => Rule {
                skip: 1,
                ..Rule::always(Matcher::operation(Operation::ShowUser).about(MAY), Fault::Hang)
            },
            Self::NoSeat => {
                let taken = sandbox.seats_taken();
                sandbox.configure_zendesk(|settings| settings.max_agents = Some(taken));
                return Ok(());
            }
            Self::Granted | Self::Again | Self::LightAgent | Self::Unmapped | Self::Deprovisioned => {
                return Ok(());
            }
        };
        sandbox.fault(rule).map(drop)
    }

    /// What is mended at the vendor once Lumos has its answer.
    pub(super) fn afterwards(self, sandbox: &Sandbox) {
        match self {
            Self::Late => sandbox.clear_faults(),
            Self::NoSeat => sandbox.configure_zendesk(|settings| settings.max_agents = None),
            _ => {}
        }
    }

    /// How it has to stand in the end.
    pub(super) fn ends(self) -> Word {
        match self {
            Self::NoSeat | Self::Unmapped => Word::Refused,
            Self::Deprovisioned => Word::Removed,
            _ => Word::Granted,
        }
    }

    /// Whether Lumos has to hear of success.
    pub(super) fn is_told_success(self) -> bool {
        !matches!(self, Self::Late | Self::NoSeat | Self::Unmapped)
    }

    /// What the vendor's own ledger says, or why that is not what it has to say. `before`: how many effects it knew of this person.
    pub(super) fn at_vendor(self, sandbox: &Sandbox, before: usize) -> Result<String, String> {
        let who = self.who();
        let effects = sandbox.effects_on(who);
        let new: Vec<String> =
            effects.iter().skip(before).flat_map(|effect| effect.changes.clone()).collect();
        let told = if new.is_empty() { "nothing".to_owned() } else { new.join(", ") };
        let user = sandbox.user(who).ok_or_else(|| format!("{who} is not there any more"))?;
        let is = |role: Role, groups: &[&str]| {
            user.role == role && groups.iter().all(|name| user.groups.iter().any(|g| g == name))
        };
        let holds = match self {
            Self::Granted | Self::Late => is(Role::Agent, &["Tier 1"]),
            Self::AnswerLost => is(Role::Agent, &[]),
            Self::Again => is(Role::Agent, &["Tier 1"]) && new.is_empty(),
            Self::LightAgent => is(Role::Agent, &[]) && user.role_name == "Light agent",
            Self::NoSeat => is(Role::EndUser, &[]) && new.is_empty(),
            Self::Unmapped => new.is_empty() && sandbox.calls_to(&about(who)).is_empty(),
            Self::Deprovisioned => is(Role::EndUser, &[]) && user.groups.is_empty(),
        };
        let promotions =
            effects.iter().skip(before).filter(|effect| effect.operation == Operation::UpdateUser).count();
        if !holds || promotions > 1 {
            return Err(format!(
                "the vendor has {who} as {} in {:?}, and did: {told}",
                user.role_name, user.groups
            ));
        }
        Ok(match self {
            Self::AnswerLost => format!("{told} (sent once, answered never)"),
            _ => told,
        })
    }

    /// Whether the scene really was what it is told as: the answer was lost, the vendor did hang.
    pub(super) fn really_happened(self, sandbox: &Sandbox) -> Result<(), String> {
        let ended = |operation, end| {
            let calls = sandbox.calls_to(&Matcher::operation(operation).about(self.who()));
            calls.iter().any(|call| call.end == Some(end))
        };
        match self {
            Self::AnswerLost if !ended(Operation::UpdateUser, CallEnd::Cut) => {
                Err("no answer was lost".to_owned())
            }
            Self::Late if !ended(Operation::ShowUser, CallEnd::CallerLeft) => {
                Err("the vendor did not hang".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// How long the request may take to come to its end after it was answered.
    pub(super) fn patience(self) -> Duration {
        if self == Self::Late { Duration::from_secs(30) } else { Duration::from_secs(5) }
    }
}

fn about(email: &str) -> Matcher {
    Matcher { subject: Some(email.to_owned()), ..Matcher::default() }
}
