//! One changing call.

use serde::Deserialize;
use usher_core::{
    Action, Asked, Call, Fault, Handles, Receipt, Refusal, RefusalKind, Remedy, Sent, Snapshot, Subject,
};

use crate::api::{self, Api, NewInvitation};
use crate::change::Change;
use crate::error::Operation;
use crate::facts::Facts;
use crate::observe::{ABSENT_AT, INVITATION_ID, INVITED_ID};

/// Makes the call that an action stands for. What it answers proves nothing: only the next reading does.
pub(crate) async fn apply(
    api: &Api,
    call: &Call,
    who: &Subject,
    asked: &Asked,
    seen: &Snapshot,
    action: &Action,
) -> Result<Receipt, Fault> {
    let change = Change::deserialize(&action.args).map_err(|_| unknown(action))?;
    let login = |id: u64| login(seen, id).ok_or_else(|| unknown(action));
    match change {
        Change::Invite { user_id, role, reinstate, team_ids } => {
            let new = NewInvitation { user_id, email: &who.email, role, reinstate, team_ids: &team_ids };
            let id = api.invite(call, new).await?;
            let mut handles = Handles::from([(INVITATION_ID.to_owned(), id.to_string())]);
            handles.extend(user_id.map(|id| (INVITED_ID.to_owned(), id.to_string())));
            return Ok(Receipt { handles, watch: None });
        }
        Change::AddMember { user_id, role } => api.set_membership(call, &login(user_id)?, role).await?,
        Change::SetRole { user_id, role } => {
            let login = login(user_id)?;
            // A PUT for somebody who has left since the reading would bring them back.
            if !api.membership(call, &login).await?.is_some_and(|membership| membership.active) {
                return Err(left_meanwhile());
            }
            api.set_membership(call, &login, role).await?;
        }
        Change::JoinTeam { user_id, team } => api.join_team(call, &team, &login(user_id)?).await?,
        // A 404 is no fault and no proof: the next reading says whether it is gone.
        Change::LeaveTeam { user_id, team } => {
            api.leave_team(call, &team, &login(user_id)?).await?;
        }
        Change::RemoveMember { user_id } => {
            api.remove_membership(call, &login(user_id)?).await?;
        }
        Change::CancelInvitation { invitation_id } => {
            cancelled(&api::CANCEL_INVITATION, api.cancel_invitation(call, invitation_id).await?)?;
            return Ok(absent(asked));
        }
        Change::CancelMembership { user_id } => {
            cancelled(&api::REMOVE_MEMBERSHIP, api.remove_membership(call, &login(user_id)?).await?)?;
            return Ok(absent(asked));
        }
    }
    Ok(Receipt::default())
}

/// Whoever was invited, and is not any more, has nothing.
fn absent(asked: &Asked) -> Receipt {
    Receipt { handles: Handles::from([(ABSENT_AT.to_owned(), asked.now.to_string())]), watch: None }
}

/// An invitation that is not there any more may have lapsed, or may have been accepted: only a 2xx has cancelled it (rule 23).
fn cancelled(operation: &Operation, there: bool) -> Result<(), Fault> {
    if there {
        return Ok(());
    }
    let fault = Fault::new(operation.name, Sent::Yes, Remedy::ReadBack).with("path", operation.template);
    Err(fault.because("GitHub shows no such invitation any more: it has lapsed, or was accepted"))
}

fn left_meanwhile() -> Fault {
    Fault::new("set membership", Sent::No, Remedy::ReadBack)
        .because("the person is no member any more since the reading, and would be brought back")
}

/// The account's login by the reading that the action was planned from.
fn login(seen: &Snapshot, id: u64) -> Option<String> {
    let person = Facts::of(seen).ok()?.person?;
    (person.id == id).then_some(person.login)
}

/// An action of another version of Usher, or of another reading.
fn unknown(action: &Action) -> Fault {
    let sentence = "This version of Usher does not know how to make this change: run the request again, so that it is planned anew.";
    let refusal = Refusal::new(RefusalKind::Other, sentence);
    Fault::new("apply", Sent::No, Remedy::Refused(refusal)).with("action", action.name.clone())
}
