//! What takes somebody else: guilds, to which one is invited, and badges, which the vendor accepts with a 202 and makes later.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use usher_core::{Facet, Hold};
use usher_vendor_client::VendorRequest;
use wiremock::ResponseTemplate;

use crate::vendor::said;
use crate::wrong::Wrong;

pub(crate) const GUILD: &str = "guild";
pub(crate) const BADGE: &str = "badge";
/// Why a badge was not made.
pub(crate) const NO_GOLD: &str = "no gold is left";

/// A person's guilds and badges at the vendor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) guilds: BTreeSet<String>,
    pub(crate) invited: BTreeSet<String>,
    pub(crate) lapsed: BTreeSet<String>,
    /// Not shown among the invitations, and in force.
    pub(crate) hidden: BTreeSet<String>,
    pub(crate) badges: BTreeSet<String>,
}

impl Waiting {
    pub(crate) fn shown(&self) -> Value {
        json!({"guilds": self.guilds, "invited": self.invited, "lapsed": self.lapsed, "badges": self.badges})
    }

    pub(crate) fn held(&self) -> impl Iterator<Item = Facet> {
        let guilds = self.guilds.iter().map(|guild| Facet::new(GUILD, guild));
        guilds.chain(self.badges.iter().map(|badge| Facet::new(BADGE, badge)))
    }

    pub(crate) fn pending(&self) -> BTreeSet<Facet> {
        self.invited.iter().chain(&self.hidden).map(|guild| Facet::new(GUILD, guild)).collect()
    }

    pub(crate) fn accept(&mut self) {
        self.guilds.append(&mut self.invited);
        self.guilds.append(&mut self.hidden);
    }

    pub(crate) fn lapse(&mut self) {
        self.lapsed.append(&mut self.invited);
    }

    pub(crate) fn invite(&mut self, guild: &str) {
        self.lapsed.remove(guild);
        self.invited.insert(guild.to_owned());
    }

    pub(crate) fn cancel(&mut self, guild: &str, hides: bool) {
        if self.invited.remove(guild) && hides {
            self.hidden.insert(guild.to_owned());
        }
    }
}

/// How far the making of a badge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    Running,
    Done,
    Failed,
}

/// A badge that is being made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) person: u64,
    pub(crate) badge: String,
    pub(crate) making: Making,
}

impl Job {
    pub(crate) fn shown(job: Option<&Self>) -> ResponseTemplate {
        let state = match job.map(|job| &job.making) {
            None => return said(404, "NoSuchJob"),
            Some(Making::Running) => "running",
            Some(Making::Done) => "done",
            Some(Making::Failed) => "failed",
        };
        ResponseTemplate::new(200).set_body_json(json!({"state": state, "why": NO_GOLD}))
    }
}

/// What `observe` tells `plan` of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Read {
    #[serde(default)]
    pub(crate) guilds: BTreeSet<String>,
    #[serde(default)]
    pub(crate) invited: BTreeSet<String>,
    #[serde(default)]
    pub(crate) lapsed: BTreeSet<String>,
    #[serde(default)]
    pub(crate) badges: BTreeSet<String>,
}

impl Read {
    pub(crate) fn holds(&self, wrong: Option<Wrong>) -> Vec<(Facet, Hold)> {
        let pending = || Hold::Pending { awaits: usher_core::Awaits::Invitee, until: None };
        let joined = || if wrong == Some(Wrong::OverlooksAcceptance) { pending() } else { Hold::Present };
        let badges = self.badges.iter().map(|badge| (Facet::new(BADGE, badge), Hold::Present));
        let guilds = self.guilds.iter().map(|guild| (Facet::new(GUILD, guild), joined()));
        let lapsed = self.lapsed.iter().filter(|_| wrong == Some(Wrong::TakesLapsedForOpen));
        let invited = self.invited.iter().chain(lapsed).map(|guild| (Facet::new(GUILD, guild), pending()));
        badges.chain(guilds).chain(invited).collect()
    }
}

/// What `plan` tells `apply` of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Turn {
    Invite { id: u64, guild: String },
    Cancel { id: u64, guild: String },
    Leave { id: u64, guild: String },
    Make { id: u64, badge: String },
    Unmake { id: u64, badge: String },
}

impl Turn {
    /// Towards having it, from `hold`.
    pub(crate) fn towards(id: u64, facet: &Facet, hold: &Hold) -> Option<Self> {
        match (facet.slot.as_str(), hold) {
            (_, Hold::Present | Hold::Pending { .. }) => None,
            (BADGE, _) => Some(Self::Make { id, badge: facet.value.clone() }),
            _ => Some(Self::Invite { id, guild: facet.value.clone() }),
        }
    }

    /// Away from it.
    pub(crate) fn away(id: u64, facet: &Facet, hold: &Hold) -> Option<Self> {
        match (facet.slot.as_str(), hold) {
            (BADGE, Hold::Present) => Some(Self::Unmake { id, badge: facet.value.clone() }),
            (_, Hold::Present) => Some(Self::Leave { id, guild: facet.value.clone() }),
            (_, Hold::Pending { .. }) => Some(Self::Cancel { id, guild: facet.value.clone() }),
            _ => None,
        }
    }

    pub(crate) fn request(&self, wrong: Option<Wrong>) -> VendorRequest {
        match self {
            Self::Invite { id, guild } => {
                VendorRequest::post("/people/{id}/invitations").param("id", id).json(&json!({"guild": guild}))
            }
            Self::Cancel { id, guild } => {
                let path = VendorRequest::delete("/people/{id}/invitations/{guild}");
                let path = path.param("id", id).param("guild", guild);
                if wrong == Some(Wrong::HidesInsteadOfCancelling) { path.query("hide", true) } else { path }
            }
            Self::Leave { id, guild } => {
                VendorRequest::delete("/people/{id}/guilds/{guild}").param("id", id).param("guild", guild)
            }
            Self::Make { id, badge } => {
                let path = VendorRequest::put("/people/{id}/badges/{badge}").param("id", id);
                path.param("badge", badge).json(&json!({}))
            }
            Self::Unmake { id, badge } => {
                VendorRequest::delete("/people/{id}/badges/{badge}").param("id", id).param("badge", badge)
            }
        }
    }
}
