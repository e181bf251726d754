//! A grant on a bad day: the vendor is busy, broken, or gone before it answers.

use std::time::Duration;

use tokio::time::Instant;
use usher_core::Subject;
use usher_journal::{Execution, Record};

use crate::stage::{Answered, MAIN, Stage, ada};
use crate::wire::Exchange;
use crate::{Kind, Outcome, Trouble, Vendors, ensure};

/// Fits into the answer's time.
const SHORT: Duration = Duration::from_secs(2);
/// Does not.
const LONG: Duration = Duration::from_secs(60);
/// How long an unanswered change may still arrive, at the least (semantics, rule 4).
const SETTLING: Duration = Duration::from_secs(15);

pub(crate) async fn a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again(
    vendors: Vendors<'_>,
) -> Outcome {
    applied_and_unanswered(vendors, Trouble::AnswerLost).await
}

pub(crate) async fn a_change_that_failed_after_it_was_applied_is_not_sent_again(
    vendors: Vendors<'_>,
) -> Outcome {
    applied_and_unanswered(vendors, Trouble::FailsAfter).await
}

/// A grant, a removal, and a grant to somebody who has no account: what creates one must surely not be sent twice.
async fn applied_and_unanswered(vendors: Vendors<'_>, trouble: Trouble) -> Outcome {
    let (stage, ada) = with_ada(vendors).await?;
    stage.server.trouble_next(Kind::Change, trouble);
    let answered = stage.grant(&ada, MAIN).await;
    once(&stage, &answered)?;
    granted_once(&stage, &ada, &answered).await?;

    let (stage, ada) = with_ada(vendors).await?;
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&ada, &facet);
    }
    stage.server.trouble_next(Kind::Change, trouble);
    let answered = stage.order(&ada, MAIN).await;
    once(&stage, &answered)?;

    let calm = to_a_stranger(vendors, None).await?;
    let troubled = to_a_stranger(vendors, Some(trouble)).await?;
    ensure!(calm == troubled, "somebody has no account: {calm:?} on a good day, {troubled:?} in trouble");
    Ok(())
}

fn once(stage: &Stage, answered: &Answered) -> Outcome {
    let changes = stage.server.changes();
    ensure!(changes == 1, "it had been applied, and {changes} changing requests were sent");
    ensure!(answered.is_positive(), "it had been applied, and the answer was: {}", answered.reason());
    Ok(())
}

/// How a grant to somebody without an account ends, how many changing requests it takes, and how many effects it has.
async fn to_a_stranger(
    vendors: Vendors<'_>,
    trouble: Option<Trouble>,
) -> Result<(Execution, usize, usize), String> {
    let stage = Stage::set(vendors).await?;
    if let Some(trouble) = trouble {
        stage.server.trouble_next(Kind::Change, trouble);
    }
    let answered = stage.grant(&ada(), MAIN).await;
    let ended = stage.end_of(&answered.id).await?;
    Ok((ended.execution, stage.server.changes(), stage.vendor.effects().len()))
}

/// Least of all that somebody has nothing that would have to go.
pub(crate) async fn a_reading_that_failed_proves_nothing(vendors: Vendors<'_>) -> Outcome {
    let (stage, ada) = with_ada(vendors).await?;
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&ada, &facet);
    }
    stage.server.trouble_always(Kind::Read, Trouble::FailsBefore);
    let answered = stage.order(&ada, MAIN).await;
    ensure!(!answered.is_positive(), "nothing could be read, and the answer to an order was positive");
    let changes = stage.server.changes();
    ensure!(changes == 0, "nothing could be read, and {changes} changing requests were sent");
    stage.server.recover();
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    ensure!(ended.execution == Execution::Confirmed, "it ended as {}: {reason}", ended.execution.as_str());
    let changes = stage.server.changes();
    ensure!(changes == 1, "it was confirmed after {changes} changing requests, and one leads there");
    Ok(())
}

pub(crate) async fn a_throttled_reading_is_made_again_when_the_vendor_said(vendors: Vendors<'_>) -> Outcome {
    let (stage, ada) = with_ada(vendors).await?;
    stage.server.trouble_next(Kind::Read, Trouble::Throttles { after: SHORT });
    let answered = stage.grant(&ada, MAIN).await;
    ensure!(answered.is_positive(), "the vendor asked for 2 s, and the answer was: {}", answered.reason());
    let readings = stage.wire.of(Kind::Read);
    let first = readings.first().ok_or("nothing was read")?;
    let again = readings.iter().skip(1).find(|reading| reading.what == first.what);
    let again = again.ok_or("the throttled reading was never made again")?;
    ensure!(again.at - first.at >= SHORT, "it was made again after {:?} instead of 2 s", again.at - first.at);
    granted_once(&stage, &ada, &answered).await
}

pub(crate) async fn a_throttled_change_is_sent_again_when_the_vendor_said(vendors: Vendors<'_>) -> Outcome {
    for wait in [SHORT, LONG] {
        let (stage, ada) = with_ada(vendors).await?;
        stage.server.trouble_next(Kind::Change, Trouble::Throttles { after: wait });
        let answered = stage.grant(&ada, MAIN).await;
        if wait == LONG {
            ensure!(!answered.is_positive(), "it was answered positively while the vendor took nothing");
            let effects = stage.vendor.effects();
            ensure!(effects.is_empty(), "the vendor asked for 60 s, and before that: {effects:?}");
        }
        granted_once(&stage, &ada, &answered).await?;
        let gap = gap(&stage.wire.of(Kind::Change), 2)?;
        ensure!(gap >= wait, "the vendor asked for {wait:?}, and it was sent again after {gap:?}");
    }
    Ok(())
}

pub(crate) async fn a_change_that_failed_before_it_was_applied_is_read_back_before_it_is_sent_again(
    vendors: Vendors<'_>,
) -> Outcome {
    let (stage, ada) = with_ada(vendors).await?;
    stage.server.trouble_next(Kind::Change, Trouble::FailsBefore);
    let answered = stage.grant(&ada, MAIN).await;
    if has_notified(&stage, &answered).await? {
        return not_sent_twice(&stage, &answered).await;
    }
    granted_once(&stage, &ada, &answered).await?;
    let changes = stage.wire.of(Kind::Change);
    let gap = gap(&changes, 2)?;
    ensure!(gap >= SETTLING, "it might have arrived for 15 s, and was sent again after {gap:?}");
    let settled = changes.first().map(|change| change.at + SETTLING);
    let sent_again = changes.get(1).map(|change| change.at);
    let read_back = stage
        .wire
        .of(Kind::Read)
        .iter()
        .any(|reading| reading.answered && Some(reading.at) >= settled && Some(reading.at) <= sent_again);
    ensure!(read_back, "it was sent again without a reading that shows it is wanting");
    Ok(())
}

/// Whether the request has sent, or tried to send, what sends the person mail.
async fn has_notified(stage: &Stage, answered: &Answered) -> Result<bool, String> {
    stage.end_of(&answered.id).await?;
    let history = stage.stored(&answered.id).await?.history;
    let notifies =
        |record: &Record| matches!(record, Record::Intent { action, .. } if action.notifies_person);
    Ok(history.iter().any(|entry| notifies(&entry.record)))
}

/// Nobody knows whether the mail went out: it is not sent a second time within a day, and a person hears of it (rule 24).
async fn not_sent_twice(stage: &Stage, answered: &Answered) -> Outcome {
    let ended = stage.end_of(&answered.id).await?;
    let (changes, reason) = (stage.server.changes(), ended.reason.unwrap_or_default());
    ensure!(changes == 1, "it may have sent the person mail, and {changes} changing requests were sent");
    ensure!(!answered.is_positive(), "nothing was applied, and the answer was positive");
    ensure!(ended.execution == Execution::NeedsHuman, "it ended as {}: {reason}", ended.execution.as_str());
    ensure!(!stage.heard.all().is_empty(), "nobody was alerted");
    Ok(())
}

async fn with_ada(vendors: Vendors<'_>) -> Result<(Stage, Subject), String> {
    let stage = Stage::set(vendors).await?;
    let ada = ada();
    stage.vendor.enroll(&ada);
    Ok((stage, ada))
}

/// In the end it is confirmed, and the vendor's own ledger shows one effect.
async fn granted_once(stage: &Stage, who: &Subject, answered: &Answered) -> Outcome {
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    ensure!(ended.execution == Execution::Confirmed, "it ended as {}: {reason}", ended.execution.as_str());
    let (effects, holds) = (stage.vendor.effects(), stage.has(who));
    ensure!(effects.len() == 1, "one effect was wanted: {effects:?}");
    ensure!(stage.facets(MAIN).is_subset(&holds), "it was confirmed, and the person holds {holds:?}");
    Ok(())
}

/// Between the first and the second of exactly `count` exchanges.
fn gap(exchanges: &[Exchange], count: usize) -> Result<Duration, String> {
    let times: Vec<Instant> = exchanges.iter().map(|exchange| exchange.at).collect();
    match times.as_slice() {
        [first, second, ..] if times.len() == count => Ok(*second - *first),
        _ => Err(format!("{count} changing requests were expected, and {} were sent", times.len())),
    }
}
