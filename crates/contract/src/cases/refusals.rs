//! The vendor says no.

use usher_journal::Execution;

use crate::stage::{Answered, MAIN, Stage, ada};
use crate::{Kind, Outcome, Trouble, Vendors, ensure};

pub(crate) async fn a_refusal_is_told_with_the_vendors_reason_and_nothing_is_changed(
    vendors: Vendors<'_>,
) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let ada = ada();
    stage.vendor.enroll(&ada);
    let before = stage.has(&ada);
    stage.server.trouble_always(Kind::Change, Trouble::Refuses);
    let answered = stage.grant(&ada, MAIN).await;
    ensure!(!answered.is_positive(), "the vendor refused, and the answer was positive");
    let wanted = stage.vendor.refusal();
    let reason = answered.reason();
    ensure!(reason.contains(&wanted), "the answer does not say “{wanted}”: {reason}");
    let ended = stage.end_of(&answered.id).await?;
    ensure!(ended.execution == Execution::Refused, "a refused grant ended as {}", ended.execution.as_str());
    let changes = stage.server.changes();
    ensure!(changes == 1, "a definite no was asked for {changes} times");
    unchanged(&stage, before == stage.has(&ada))?;

    let stage = Stage::set(vendors).await?;
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&ada, &facet);
    }
    let before = stage.has(&ada);
    stage.server.trouble_always(Kind::Change, Trouble::Refuses);
    let answered = stage.order(&ada, MAIN).await;
    ensure!(!answered.is_positive(), "the vendor refused to take it away, and the answer was positive");
    let reason = answered.reason();
    ensure!(reason.contains(&wanted), "the answer does not say “{wanted}”: {reason}");
    unchanged(&stage, before == stage.has(&ada))
}

/// Rejected at the door, or (a credential that may only read) at the first change.
pub(crate) async fn a_wrong_credential_needs_a_person_and_nothing_is_changed(
    vendors: Vendors<'_>,
) -> Outcome {
    let ada = ada();
    let stage = Stage::with_wrong_secrets(vendors).await?;
    stage.vendor.enroll(&ada);
    let before = stage.has(&ada);
    let answered = stage.grant(&ada, MAIN).await;
    needs_a_person(&stage, &answered).await?;
    unchanged(&stage, before == stage.has(&ada))?;

    // Least of all does it show that somebody has nothing that would have to go.
    let stage = Stage::with_wrong_secrets(vendors).await?;
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&ada, &facet);
    }
    let held = stage.has(&ada);
    let answered = stage.order(&ada, MAIN).await;
    needs_a_person(&stage, &answered).await?;
    unchanged(&stage, held == stage.has(&ada))?;

    let stage = Stage::set(vendors).await?;
    stage.vendor.enroll(&ada);
    stage.server.trouble_always(Kind::Change, Trouble::Unauthorized);
    let answered = stage.grant(&ada, MAIN).await;
    needs_a_person(&stage, &answered).await?;
    let changes = stage.server.changes();
    // Once more with a fresh token is right.
    ensure!((1..=2).contains(&changes), "a credential that was not accepted was used for {changes} changes");
    unchanged(&stage, before == stage.has(&ada))
}

async fn needs_a_person(stage: &Stage, answered: &Answered) -> Outcome {
    ensure!(!answered.is_positive(), "the credential is wrong, and the answer was positive");
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    let word = ended.execution.as_str();
    ensure!(
        ended.execution == Execution::NeedsHuman,
        "the credential is wrong, and it ended as {word}: {reason}"
    );
    ensure!(!stage.heard.all().is_empty(), "nobody was alerted");
    Ok(())
}

fn unchanged(stage: &Stage, holds_the_same: bool) -> Outcome {
    let effects = stage.vendor.effects();
    ensure!(effects.is_empty() && holds_the_same, "something was changed: {effects:?}");
    Ok(())
}
