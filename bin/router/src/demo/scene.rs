//! What is played, and how it has to end. What has to be true of a vendor afterwards stands with the vendor.

use std::time::Duration;

use serde::Serialize;
use usher_core::Direction;
use usher_journal::Word;
use usher_sandbox::{Matcher, Refused, Sandbox};

use super::{directory, github, zendesk};

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
    /// Somebody is invited to the organisation, with a team.
    Invited,
    /// The invitation is accepted, and asked for once more.
    Accepted,
    /// A role beside one that others gave, where the vendor only knows to replace the whole list.
    BesideOthers,
    /// An account that the vendor makes later than it answers.
    MadeLater,
    /// The role is taken again, and the others' stays.
    OthersStay,
    /// The tests inside the directory's definition.
    OwnTests,
}

/// Whose scene it is. It is played where the connector is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Zendesk,
    Github,
    Directory,
}

impl Stand {
    pub(super) const ALL: [Self; 3] = [Self::Zendesk, Self::Github, Self::Directory];

    /// Whether this build has its connector.
    pub(super) fn is_compiled_in(self) -> bool {
        match self {
            Self::Zendesk => cfg!(feature = "zendesk-license"),
            Self::Github => cfg!(feature = "github-org"),
            Self::Directory => cfg!(feature = "generic-rest"),
        }
    }

    /// Those that the demo plays with.
    pub(super) fn compiled_in() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|stand| stand.is_compiled_in())
    }

    /// In the opening line.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Zendesk => "Zendesk",
            Self::Github => "GitHub",
            Self::Directory => "a home-grown directory",
        }
    }

    /// The app's key, and its `app_id` in the payload.
    pub(super) fn app(self) -> &'static str {
        match self {
            Self::Zendesk => "zendesk",
            Self::Github => "github",
            Self::Directory => "directory",
        }
    }
}

const ALL: [Scene; 14] = [
    Scene::Granted,
    Scene::Again,
    Scene::LightAgent,
    Scene::AnswerLost,
    Scene::Late,
    Scene::NoSeat,
    Scene::Unmapped,
    Scene::Deprovisioned,
    Scene::Invited,
    Scene::Accepted,
    Scene::BesideOthers,
    Scene::MadeLater,
    Scene::OthersStay,
    Scene::OwnTests,
];

/// What this build plays, in the order in which it is told.
#[must_use]
pub fn scenes() -> Vec<Scene> {
    ALL.into_iter().filter(|scene| scene.stand().is_compiled_in()).collect()
}

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

/// What Lumos sends in a scene.
pub(super) struct Sent {
    pub(super) direction: Direction,
    pub(super) path: &'static str,
    pub(super) permission: (&'static str, &'static str),
    /// Lumos's id of the request: a repetition bears that of the first.
    pub(super) request_id: u32,
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
            Self::Invited => "Ada joins GitHub and a team there",
            Self::Accepted => "Ada has accepted, and is asked for again",
            Self::BesideOthers => "Grace edits, beside what others gave",
            Self::MadeLater => "Linus, whose account takes a while (202)",
            Self::OthersStay => "Grace edits no more: deprovisioned",
            Self::OwnTests => "The definition's own tests",
        }
    }

    pub(super) fn stand(self) -> Stand {
        match self {
            Self::Invited | Self::Accepted => Stand::Github,
            Self::BesideOthers | Self::MadeLater | Self::OthersStay | Self::OwnTests => Stand::Directory,
            _ => Stand::Zendesk,
        }
    }

    pub(super) fn who(self) -> &'static str {
        match self.stand() {
            Stand::Zendesk => zendesk::who(self),
            Stand::Github => github::ADA,
            Stand::Directory => directory::who(self),
        }
    }

    pub(super) fn sent(self) -> Sent {
        let grant = |permission, request_id| Sent {
            direction: Direction::Provision,
            path: "/webhooks/provision",
            permission,
            request_id,
        };
        let removal = |permission, request_id| Sent {
            direction: Direction::Deprovision,
            path: "/webhooks/deprovision",
            ..grant(permission, request_id)
        };
        let support = ("support_agent", "Support Agent");
        let editing = ("editing", "Editing");
        match self {
            Self::Granted | Self::Again => grant(support, 77_001),
            Self::LightAgent => Sent {
                path: "/webhooks/zendesk/light_agent/provision",
                ..grant(("light_agent", "Light Agent"), 77_002)
            },
            Self::AnswerLost => grant(("agent", "Agent"), 77_003),
            Self::Late => grant(support, 77_004),
            Self::NoSeat => grant(support, 77_005),
            Self::Unmapped => grant(("talk_supervisor", "Talk Supervisor"), 77_006),
            Self::Deprovisioned => removal(support, 77_007),
            Self::Invited => grant(("engineering", "Engineering"), 77_008),
            Self::Accepted => grant(("engineering", "Engineering"), 77_009),
            Self::BesideOthers => grant(editing, 77_010),
            Self::MadeLater => grant(("viewing", "Viewing"), 77_011),
            Self::OthersStay | Self::OwnTests => removal(editing, 77_012),
        }
    }

    /// What goes wrong at the vendor in this scene, or what people do there before it.
    pub(super) fn prepare(self, sandbox: &Sandbox) -> Result<(), Refused> {
        match self.stand() {
            Stand::Zendesk => zendesk::prepare(self, sandbox),
            Stand::Github => github::prepare(self, sandbox),
            Stand::Directory => Ok(()),
        }
    }

    /// What is mended at the vendor once Lumos has its answer.
    pub(super) fn afterwards(self, sandbox: &Sandbox) {
        if self.stand() == Stand::Zendesk {
            zendesk::afterwards(self, sandbox);
        }
    }

    /// How it has to stand in the end.
    pub(super) fn ends(self) -> Word {
        match self {
            Self::NoSeat | Self::Unmapped => Word::Refused,
            _ if self.sent().direction == Direction::Deprovision => Word::Removed,
            _ => Word::Granted,
        }
    }

    /// Whether Lumos has to hear of success.
    pub(super) fn is_told_success(self) -> bool {
        !matches!(self, Self::Late | Self::NoSeat | Self::Unmapped)
    }

    /// What the vendor's own ledger says, or why that is not what it has to say. `before`: how many effects it knew of this person.
    pub(super) fn at_vendor(self, sandbox: &Sandbox, before: usize) -> Result<String, String> {
        match self.stand() {
            Stand::Zendesk => zendesk::at_vendor(self, sandbox, before),
            Stand::Github => github::at_vendor(self, sandbox, before),
            Stand::Directory => directory::at_vendor(self, sandbox, before),
        }
    }

    /// Whether the scene really was what it is told as: the answer was lost, the vendor did hang.
    pub(super) fn really_happened(self, sandbox: &Sandbox) -> Result<(), String> {
        match self.stand() {
            Stand::Zendesk => zendesk::really_happened(self, sandbox),
            Stand::Github => Ok(()),
            Stand::Directory => directory::really_happened(self, sandbox),
        }
    }

    /// How long the request may take to come to its end after it was answered.
    pub(super) fn patience(self) -> Duration {
        if self == Self::Late { Duration::from_secs(30) } else { Duration::from_secs(5) }
    }
}

pub(super) fn about(email: &str) -> Matcher {
    Matcher { subject: Some(email.to_owned()), ..Matcher::default() }
}

/// What happened to somebody since, in words.
pub(super) fn told(sandbox: &Sandbox, who: &str, before: usize) -> String {
    let changes: Vec<String> =
        sandbox.effects_on(who).iter().skip(before).flat_map(|effect| effect.changes.clone()).collect();
    if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") }
}
