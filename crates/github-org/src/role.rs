//! Roles in an organisation. A membership and an invitation name them differently.

use serde::{Deserialize, Serialize};

/// A role in an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An ordinary member.
    Member,
    /// An owner.
    Admin,
}

impl Role {
    /// The word of a membership, and of the configuration: `member` or `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// The word of an invitation: a member is a `direct_member` there.
    pub(crate) fn in_invitation(self) -> &'static str {
        match self {
            Self::Member => "direct_member",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "member" => Some(Self::Member),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}
