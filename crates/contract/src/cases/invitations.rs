//! What only the invitee can finish (rules 22 to 24). For vendors that invite.

use std::time::Duration;

use usher_core::Subject;
use usher_engine::AlertKind;
use usher_journal::{Execution, Record, Request};

use crate::stage::{Answered, INVITING, Stage, ada};
use crate::time::pass;
use crate::{Kind, Outcome, Trouble, Vendors, ensure};

const HOUR: Duration = Duration::from_secs(3600);
/// Longer than any pause between two looks at an invitation, or than what may not be sent twice within a day.
const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);

pub(crate) async fn an_invitation_that_is_open_counts_as_it_is_said_to_and_is_not_sent_twice(
    vendors: Vendors<'_>,
) -> Outcome {
    let Some((stage, ada)) = inviting(vendors).await? else { return Ok(()) };
    let answered = stage.grant(&ada, INVITING).await;
    as_it_counts(&stage, &answered).await?;
    invited_once(&stage, &ada)?;
    let history = stage.stored(&answered.id).await?.history;
    let notifies =
        |record: &Record| matches!(record, Record::Intent { action, .. } if action.notifies_person);
    ensure!(
        history.iter().any(|entry| notifies(&entry.record)),
        "the person was invited by an action that does not say that it notifies them"
    );
    let again = stage.grant(&ada, INVITING).await;
    as_it_counts(&stage, &again).await?;
    pass(TWO_DAYS, stage.clock.as_ref()).await;
    let later = stage.grant(&ada, INVITING).await;
    as_it_counts(&stage, &later).await?;
    invited_once(&stage, &ada)
}

pub(crate) async fn an_invitation_that_is_accepted_is_seen(vendors: Vendors<'_>) -> Outcome {
    let Some((stage, ada)) = inviting(vendors).await? else { return Ok(()) };
    let answered = stage.grant(&ada, INVITING).await;
    invited_once(&stage, &ada)?;
    pass(TWO_DAYS, stage.clock.as_ref()).await;
    stage.vendor.accept(&ada);
    let holds = stage.vendor.holds(&ada);
    ensure!(stage.facets(INVITING).is_subset(&holds), "it was accepted, and the person holds {holds:?}");
    let row = row_after(&stage, &answered, HOUR * 8).await?;
    ensure!(
        row.execution == Execution::Confirmed && !row.tracks_invitation(),
        "it was accepted eight hours ago, and the request is {}, looked at again at {:?}",
        row.execution.as_str(),
        row.next_at
    );
    let changes = stage.server.changes();
    ensure!(changes == 1, "one change leads there, and {changes} changing requests were sent");
    let answered = stage.order(&ada, INVITING).await;
    ensure!(answered.is_positive(), "it was not removed: {}", answered.reason());
    nothing_left(&stage, &ada)
}

pub(crate) async fn a_removal_cancels_an_invitation_that_is_open(vendors: Vendors<'_>) -> Outcome {
    let Some((stage, ada)) = inviting(vendors).await? else { return Ok(()) };
    stage.grant(&ada, INVITING).await;
    invited_once(&stage, &ada)?;
    let answered = stage.order(&ada, INVITING).await;
    ensure!(answered.is_positive(), "the invitation was not cancelled: {}", answered.reason());
    let changes = stage.server.changes();
    ensure!(changes == 2, "one change invites, one cancels, and {changes} changing requests were sent");
    stage.vendor.accept(&ada);
    nothing_left(&stage, &ada)
}

pub(crate) async fn an_invitation_that_has_lapsed_is_told_and_a_replay_invites_again(
    vendors: Vendors<'_>,
) -> Outcome {
    let Some((stage, ada)) = inviting(vendors).await? else { return Ok(()) };
    let answered = stage.grant(&ada, INVITING).await;
    invited_once(&stage, &ada)?;
    pass(TWO_DAYS, stage.clock.as_ref()).await;
    stage.vendor.lapse(&ada);
    let row = row_after(&stage, &answered, HOUR * 8).await?;
    ensure!(
        row.execution == Execution::NeedsHuman,
        "it lapsed eight hours ago, and the request is {}",
        row.execution.as_str()
    );
    let told = stage.heard.all().iter().any(|alert| alert.kind == AlertKind::LapsedInvitation);
    ensure!(told, "it lapsed, and nobody was alerted of that");
    stage.replay(&answered.id).await?;
    let row = row_after(&stage, &answered, Duration::from_secs(60)).await?;
    let (pending, changes) = (stage.vendor.pending(&ada), stage.server.changes());
    ensure!(
        changes == 2 && stage.facets(INVITING).is_subset(&pending),
        "a replay should invite again; {changes} changing requests were sent, the request is {}",
        row.execution.as_str()
    );
    Ok(())
}

/// Whether it went out is looked for; what cannot be told is not sent again, since the person may have the mail.
pub(crate) async fn an_invitation_that_was_not_answered_is_not_sent_again(vendors: Vendors<'_>) -> Outcome {
    let Some((stage, ada)) = inviting(vendors).await? else { return Ok(()) };
    stage.server.trouble_next(Kind::Change, Trouble::AnswerLost);
    let answered = stage.grant(&ada, INVITING).await;
    let row = row_after(&stage, &answered, HOUR).await?;
    let counts = stage.vendor.counts_invited();
    let expected = if counts { Execution::Confirmed } else { Execution::Waiting };
    ensure!(row.execution == expected, "it had gone out, and the request is {}", row.execution.as_str());
    invited_once(&stage, &ada)?;

    let Some((stage, ada)) = inviting(vendors).await? else { return Ok(()) };
    stage.server.trouble_next(Kind::Change, Trouble::FailsBefore);
    let answered = stage.grant(&ada, INVITING).await;
    let row = row_after(&stage, &answered, HOUR * 8).await?;
    let changes = stage.server.changes();
    ensure!(changes == 1, "the person may have mail already, and {changes} changing requests were sent");
    ensure!(
        row.execution == Execution::NeedsHuman && !stage.heard.all().is_empty(),
        "nobody knows whether the person has mail, and the request is {} without an alert",
        row.execution.as_str()
    );
    Ok(())
}

async fn inviting(vendors: Vendors<'_>) -> Result<Option<(Stage, Subject)>, String> {
    let stage = Stage::set(vendors).await?;
    if stage.vendor.inviting().is_none() {
        return Ok(None);
    }
    let ada = ada();
    stage.vendor.enroll(&ada);
    Ok(Some((stage, ada)))
}

async fn as_it_counts(stage: &Stage, answered: &Answered) -> Outcome {
    let execution = stage.stored(&answered.id).await?.request.execution;
    let (positive, expected) = match stage.vendor.counts_invited() {
        true => (true, Execution::Confirmed),
        false => (false, Execution::Waiting),
    };
    ensure!(
        answered.is_positive() == positive && execution == expected,
        "it waits for the invitee; the request is {}, and the answer was: {}",
        execution.as_str(),
        answered.reason()
    );
    Ok(())
}

fn invited_once(stage: &Stage, who: &Subject) -> Outcome {
    let (pending, effects) = (stage.vendor.pending(who), stage.vendor.effects());
    let facets = stage.facets(INVITING);
    ensure!(facets.is_subset(&pending), "the person should be invited to {facets:?}: {pending:?}");
    ensure!(effects.len() == 1, "one invitation was wanted: {effects:?}");
    let changes = stage.server.changes();
    ensure!(changes == 1, "one change invites, and {changes} changing requests were sent");
    Ok(())
}

fn nothing_left(stage: &Stage, who: &Subject) -> Outcome {
    let (holds, pending) = (stage.vendor.holds(who), stage.vendor.pending(who));
    let facets = stage.facets(INVITING);
    ensure!(
        facets.is_disjoint(&holds) && facets.is_disjoint(&pending),
        "it was removed; the person holds {holds:?}, and is invited to {pending:?}"
    );
    Ok(())
}

async fn row_after(stage: &Stage, answered: &Answered, time: Duration) -> Result<Request, String> {
    pass(time, stage.clock.as_ref()).await;
    Ok(stage.stored(&answered.id).await?.request)
}
