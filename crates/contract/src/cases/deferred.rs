//! A change that the vendor accepts with a 202 and finishes later (rule 7). For vendors that do.

use std::time::Duration;

use usher_core::Subject;
use usher_journal::Execution;

use crate::stage::{DEFERRING, Stage, ada};
use crate::time::pass;
use crate::{Deferring, Kind, Outcome, Vendors, ensure};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn a_change_that_is_finished_later_is_watched_and_not_sent_again(
    vendors: Vendors<'_>,
) -> Outcome {
    let Some((stage, ada, _)) = deferring(vendors).await? else { return Ok(()) };
    let answered = stage.grant(&ada, DEFERRING).await;
    ensure!(!answered.is_positive(), "the vendor had not finished it, and the answer was positive");
    pass(MINUTE, stage.clock.as_ref()).await;
    let row = stage.stored(&answered.id).await?.request;
    ensure!(
        !row.execution.is_final(),
        "the vendor has not finished it, and the request ended as {}",
        row.execution.as_str()
    );
    one_change(&stage)?;
    ensure!(stage.vendor.effects().is_empty(), "nothing was finished: {:?}", stage.vendor.effects());
    let changed = stage.wire.of(Kind::Change).first().map(|change| change.at);
    let looked = stage.wire.of(Kind::Read).iter().filter(|reading| Some(reading.at) > changed).count();
    ensure!(looked > 1, "in a minute it was looked at {looked} times");
    stage.vendor.finish();
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    ensure!(ended.execution == Execution::Confirmed, "it ended as {}: {reason}", ended.execution.as_str());
    let holds = stage.vendor.holds(&ada);
    ensure!(stage.facets(DEFERRING).is_subset(&holds), "it was confirmed, and the person holds {holds:?}");
    one_change(&stage)
}

pub(crate) async fn a_change_that_is_given_up_later_is_told_with_the_reason(vendors: Vendors<'_>) -> Outcome {
    let Some((stage, ada, deferring)) = deferring(vendors).await? else { return Ok(()) };
    let answered = stage.grant(&ada, DEFERRING).await;
    ensure!(!answered.is_positive(), "the vendor had not finished it, and the answer was positive");
    stage.vendor.give_up();
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    ensure!(
        matches!(ended.execution, Execution::Refused | Execution::NeedsHuman),
        "the vendor gave it up, and it ended as {}: {reason}",
        ended.execution.as_str()
    );
    ensure!(reason.contains(&deferring.refusal), "the reason does not say “{}”: {reason}", deferring.refusal);
    ensure!(stage.vendor.effects().is_empty(), "it was given up: {:?}", stage.vendor.effects());
    one_change(&stage)
}

async fn deferring(vendors: Vendors<'_>) -> Result<Option<(Stage, Subject, Deferring)>, String> {
    let stage = Stage::set(vendors).await?;
    let Some(deferring) = stage.vendor.deferring() else { return Ok(None) };
    let ada = ada();
    stage.vendor.enroll(&ada);
    Ok(Some((stage, ada, deferring)))
}

fn one_change(stage: &Stage) -> Outcome {
    let changes = stage.server.changes();
    ensure!(changes == 1, "it was accepted once, and {changes} changing requests were sent");
    Ok(())
}
