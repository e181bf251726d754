//! The changes that an action can stand for: what `plan` writes into an action's arguments and `apply` reads.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::{Action, Facet, Repeat};

use crate::role::Role;

/// One call's own time-out.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long after an unanswered call it may still arrive.
const SETTLE: Duration = Duration::from_secs(15);

/// One changing call. It holds ids only: who it is about stands in the subject and in the reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// `user_id` is `None` for an invitation to the address.
    Invite {
        user_id: Option<u64>,
        role: Role,
        reinstate: bool,
        team_ids: Vec<u64>,
    },
    /// Where nobody is invited: somebody outside is a member at once.
    AddMember {
        user_id: u64,
        role: Role,
    },
    /// Of somebody who is a member.
    SetRole {
        user_id: u64,
        role: Role,
    },
    JoinTeam {
        user_id: u64,
        team: String,
    },
    LeaveTeam {
        user_id: u64,
        team: String,
    },
    RemoveMember {
        user_id: u64,
    },
    CancelInvitation {
        invitation_id: u64,
    },
    /// Of an invitation to the account that the list does not show.
    CancelMembership {
        user_id: u64,
    },
}

impl Change {
    /// The action's name, for code and logs. The engine goes by it where it sends nobody mail twice.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Invite { .. } => "invite",
            Self::AddMember { .. } => "add-member",
            Self::SetRole { .. } => "set-role",
            Self::JoinTeam { .. } => "join-team",
            Self::LeaveTeam { .. } => "leave-team",
            Self::RemoveMember { .. } => "remove-member",
            Self::CancelInvitation { .. } => "cancel-invitation",
            Self::CancelMembership { .. } => "cancel-membership",
        }
    }

    /// The action that makes this change.
    pub(crate) fn action(
        self,
        summary: impl Into<String>,
        gives: BTreeSet<Facet>,
        takes: BTreeSet<Facet>,
    ) -> Action {
        let invites = matches!(self, Self::Invite { .. });
        Action {
            name: self.name().to_owned(),
            summary: summary.into(),
            gives,
            takes,
            // A PUT for somebody who has left meanwhile would bring them back.
            repeat: match self {
                Self::Invite { .. }
                | Self::AddMember { .. }
                | Self::SetRole { .. }
                | Self::JoinTeam { .. } => Repeat::AfterReadBack,
                _ => Repeat::Natural,
            },
            timeout: TIMEOUT,
            settle: SETTLE,
            notifies_person: invites,
            // Integers, texts and lists always are JSON; were they not, `apply` would refuse the null.
            args: serde_json::to_value(self).unwrap_or(Value::Null),
        }
    }
}
