//! The changes that an action can stand for: what `plan` writes into an action's arguments and `apply` reads.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::{Action, Facet, Repeat};

use crate::roles::Target;

/// One call's own time-out.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long after an unanswered call it may still arrive.
const SETTLE: Duration = Duration::from_secs(15);
/// How long a bulk update of tickets may take. Zendesk says "in the background" and no more.
pub(crate) const JOB_WITHIN: Duration = Duration::from_mins(10);
/// Tickets of one bulk update, by
/// <https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-many-tickets>.
pub(crate) const TICKETS_AT_ONCE: usize = 100;

/// One changing call. It holds ids only: who it is about stands in the subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    CreateUser { target: Target, verify_email: bool },
    SetRole { user_id: u64, target: Target, unsuspend: bool },
    SetSuspended { user_id: u64, suspended: bool },
    JoinGroup { user_id: u64, group_id: u64 },
    LeaveGroup { membership_id: u64 },
    ReassignTickets { tickets: Vec<u64>, to: u64 },
    DeleteUser { user_id: u64 },
}

impl Change {
    /// The action's name, for code and logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CreateUser { .. } => "create-user",
            Self::SetRole { .. } => "set-role",
            Self::SetSuspended { suspended: true, .. } => "suspend",
            Self::SetSuspended { suspended: false, .. } => "unsuspend",
            Self::JoinGroup { .. } => "join-group",
            Self::LeaveGroup { .. } => "leave-group",
            Self::ReassignTickets { .. } => "reassign-tickets",
            Self::DeleteUser { .. } => "delete-user",
        }
    }

    fn repeat(&self) -> Repeat {
        match self {
            Self::CreateUser { .. } | Self::JoinGroup { .. } => Repeat::AfterReadBack,
            _ => Repeat::Natural,
        }
    }

    /// The action that makes this change.
    pub(crate) fn action(
        self,
        summary: impl Into<String>,
        gives: BTreeSet<Facet>,
        takes: BTreeSet<Facet>,
    ) -> Action {
        let in_background = matches!(self, Self::ReassignTickets { .. });
        Action {
            name: self.name().to_owned(),
            summary: summary.into(),
            gives,
            takes,
            repeat: self.repeat(),
            timeout: TIMEOUT,
            settle: if in_background { JOB_WITHIN } else { SETTLE },
            notifies_person: matches!(self, Self::CreateUser { verify_email: true, .. }),
            // Integers, texts and lists always are JSON; were they not, `apply` would refuse the null.
            args: serde_json::to_value(self).unwrap_or(Value::Null),
        }
    }
}
