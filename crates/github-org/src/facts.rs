//! The connector's own reading of one person, which `plan` and `apply` get back. No address, no name of a person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::Snapshot;

use crate::role::Role;

/// What one reading found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The account, where it is known.
    pub(crate) person: Option<Person>,
    /// What the account is in the organisation.
    pub(crate) membership: Option<Membership>,
    /// Open invitations to the address or to the account.
    pub(crate) invitations: Vec<Invitation>,
    /// Of each team that was asked for.
    pub(crate) teams: BTreeMap<String, Team>,
    /// The asked teams that the account is in, or invited to.
    pub(crate) joined: BTreeMap<String, Joined>,
    /// Nobody else is an owner.
    pub(crate) is_last_owner: bool,
    /// An invitation was intended, and GitHub shows neither it nor its end.
    pub(crate) doubtful: bool,
    /// No account is known, nobody is invited, and nothing says that there is none: GitHub does not tell which member an
    /// address belongs to.
    pub(crate) unlinked: bool,
    /// The account was a plain member before.
    pub(crate) returns: bool,
}

impl Facts {
    /// As a snapshot carries them.
    pub(crate) fn to_value(&self) -> Value {
        // Integers, texts, lists and maps with text keys always are JSON; were they not, `plan` would refuse the null.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Out of a snapshot.
    pub(crate) fn of(seen: &Snapshot) -> Result<Self, serde_json::Error> {
        Self::deserialize(&seen.facts)
    }

    /// What the person is, if they are a member already.
    pub(crate) fn active(&self) -> Option<Held> {
        self.membership.filter(|membership| membership.active).map(|membership| membership.role)
    }

    /// The role that the person is invited as, and when the invitation lapses.
    pub(crate) fn invited(&self) -> Option<(Role, Option<Timestamp>)> {
        let listed =
            self.invitations.iter().filter_map(|invitation| Some((invitation.role?, invitation.until)));
        let pending = self.membership.filter(|membership| !membership.active).and_then(|membership| {
            let Held::Role(role) = membership.role else { return None };
            Some((role, None))
        });
        listed.chain(pending).next()
    }
}

/// A GitHub account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// It stays; the login can be changed.
    pub(crate) id: u64,
    /// As GitHub writes it now.
    pub(crate) login: String,
    /// At first.
    pub(crate) found_by: FoundBy,
    /// By this very reading, and not by the remembered id.
    pub(crate) is_found_now: bool,
}

impl Person {
    /// An enterprise makes and names its managed users: an underscore and its short code end their logins, and nobody else's.
    pub(crate) fn is_managed(&self) -> bool {
        self.login.contains('_')
    }
}

/// How an account was found, at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FoundBy {
    Saml,
    /// The requester typed the login.
    CustomField,
    /// By the record of an invitation.
    Invitation,
}

impl FoundBy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::CustomField => "custom-field",
            Self::Invitation => "invitation",
        }
    }

    /// What is not known to be certain counts as typed.
    pub(crate) fn parse(word: Option<&str>) -> Self {
        match word {
            Some("saml") => Self::Saml,
            Some("invitation") => Self::Invitation,
            _ => Self::CustomField,
        }
    }
}

/// What somebody is in the organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub(crate) role: Held,
    /// Not merely invited.
    pub(crate) active: bool,
}

/// A member's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Held {
    Role(Role),
    /// One that Usher does not give, such as a billing manager's.
    Other,
}

/// An open invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) id: u64,
    /// `None`: one that Usher does not give.
    pub(crate) role: Option<Role>,
    pub(crate) until: Option<Timestamp>,
    /// The slugs of its teams.
    pub(crate) teams: BTreeSet<String>,
}

/// What became of a team's slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Team {
    Found(u64),
    Missing,
}

/// How far somebody is in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Joined {
    Active,
    Pending,
}
