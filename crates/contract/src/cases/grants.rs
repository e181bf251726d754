//! A grant on a good day.

use std::collections::BTreeSet;

use usher_core::{Arity, Facet};
use usher_journal::Execution;

use crate::stage::{MAIN, Stage, ada};
use crate::{Kind, Outcome, Vendors, ensure};

pub(crate) async fn what_is_there_already_is_not_written(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let ada = ada();
    stage.vendor.enroll(&ada);
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&ada, &facet);
    }
    let answered = stage.grant(&ada, MAIN).await;
    ensure!(answered.is_positive(), "it is there, and the answer was: {}", answered.reason());
    let changes = stage.server.changes();
    ensure!(changes == 0, "{changes} changing requests were sent although it was there");
    ensure!(stage.vendor.effects().is_empty(), "something was changed: {:?}", stage.vendor.effects());
    Ok(())
}

pub(crate) async fn what_is_wanting_is_granted_by_one_change_and_read_back(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let ada = ada();
    stage.vendor.enroll(&ada);
    let expected = stage.has(&ada);
    let expected = with(&stage, expected, &stage.facets(MAIN));
    let answered = stage.grant(&ada, MAIN).await;
    ensure!(answered.is_positive(), "it was not granted: {}", answered.reason());
    let holds = stage.has(&ada);
    ensure!(holds == expected, "the person should hold {expected:?}, and holds {holds:?}");
    let (changes, effects) = (stage.server.changes(), stage.vendor.effects());
    ensure!(changes == 1, "one change leads there, and {changes} changing requests were sent");
    ensure!(effects.len() == 1, "one effect was wanted: {effects:?}");
    let last = stage.wire.log().last().map(|exchange| exchange.kind);
    ensure!(last == Some(Kind::Read), "nothing was read after the change");
    let execution = stage.stored(&answered.id).await?.request.execution;
    ensure!(execution == Execution::Confirmed, "it was answered before it was confirmed: {execution:?}");
    Ok(())
}

pub(crate) async fn somebody_without_an_account_is_taken_in_or_refused(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let ada = ada();
    let answered = stage.grant(&ada, MAIN).await;
    let ended = stage.end_of(&answered.id).await?;
    let holds = stage.has(&ada);
    let all_there = stage.facets(MAIN).is_subset(&holds);
    let positive = ended.execution == Execution::Confirmed;
    ensure!(!positive || all_there, "it was confirmed, and the person holds {holds:?}");
    let effects = stage.vendor.effects();
    let reason = answered.reason();
    ensure!(
        positive || effects.is_empty(),
        "it ended with “{reason}”, and something was changed: {effects:?}"
    );
    let twice = effects.iter().collect::<BTreeSet<_>>().len() != effects.len();
    ensure!(!twice, "something was done twice: {effects:?}");
    Ok(())
}

/// What somebody who holds `before` holds once `given` is added: a slot of one value has one value.
fn with(stage: &Stage, before: BTreeSet<Facet>, given: &BTreeSet<Facet>) -> BTreeSet<Facet> {
    let slots = stage.connection.slots();
    let displaced = |held: &Facet| {
        matches!(slots.get(&held.slot), Some(Arity::One { .. }))
            && given.iter().any(|new| new.slot == held.slot)
    };
    let kept = before.into_iter().filter(|held| !displaced(held));
    kept.chain(given.iter().cloned()).collect()
}
