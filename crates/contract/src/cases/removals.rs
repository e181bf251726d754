//! Access that has to go, and what has to stay.

use std::collections::BTreeSet;

use usher_core::Facet;

use crate::stage::{MAIN, MANY, ONE, Stage, ada};
use crate::{Outcome, Vendors, ensure};

pub(crate) async fn what_is_revoked_is_gone(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let ada = ada();
    stage.vendor.enroll(&ada);
    let bare = stage.has(&ada);
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&ada, &facet);
    }
    let answered = stage.order(&ada, MAIN).await;
    ensure!(answered.is_positive(), "it was not removed: {}", answered.reason());
    let holds = stage.has(&ada);
    ensure!(holds == bare, "{bare:?} should be left, and the person holds {holds:?}");
    let changes = stage.server.changes();
    ensure!(changes == 1, "one change leads there, and {changes} changing requests were sent");
    Ok(())
}

/// From somebody who has an account, and from somebody whom the vendor does not know.
pub(crate) async fn what_is_gone_already_is_revoked_without_a_write(vendors: Vendors<'_>) -> Outcome {
    for enrolled in [true, false] {
        let stage = Stage::set(vendors).await?;
        let ada = ada();
        if enrolled {
            stage.vendor.enroll(&ada);
        }
        let answered = stage.order(&ada, MAIN).await;
        ensure!(answered.is_positive(), "it is gone, and the answer was: {}", answered.reason());
        let changes = stage.server.changes();
        ensure!(changes == 0, "{changes} changing requests were sent although it was gone");
    }
    Ok(())
}

pub(crate) async fn what_others_gave_stays_beside_it(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let Some(many) = &stage.permissions.many else { return has_any_slot(&stage) };
    let ada = ada();
    stage.vendor.enroll(&ada);
    stage.vendor.give(&ada, &many.other);
    let answered = stage.grant(&ada, MANY).await;
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    ensure!(ended.execution == usher_journal::Execution::Confirmed, "it was not granted: {reason}");
    let holds = stage.has(&ada);
    ensure!(holds.contains(&many.other), "{} was there, and a grant has taken it: {holds:?}", many.other);
    let answered = stage.order(&ada, MANY).await;
    ensure!(answered.is_positive(), "it was not removed: {}", answered.reason());
    let holds = stage.has(&ada);
    ensure!(holds.contains(&many.other), "{} was there, and a removal has taken it: {holds:?}", many.other);
    Ok(())
}

pub(crate) async fn a_slot_of_one_value_goes_back_to_its_former_value(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let Some(one) = &stage.permissions.one else { return has_any_slot(&stage) };
    let ada = ada();
    stage.vendor.enroll(&ada);
    stage.vendor.give(&ada, &one.former);
    granted(&stage, ONE).await?;
    let holds = stage.has(&ada);
    let ours: BTreeSet<Facet> = stage.facets(ONE);
    let replaced = ours.is_subset(&holds) && !holds.contains(&one.former);
    ensure!(replaced, "{ours:?} should stand in the place of {}: {holds:?}", one.former);
    let answered = stage.order(&ada, ONE).await;
    ensure!(answered.is_positive(), "it was not removed: {}", answered.reason());
    let holds = stage.has(&ada);
    ensure!(
        holds.contains(&one.former),
        "{} stood there before, and did not come back: {holds:?}",
        one.former
    );
    meanwhile(vendors).await
}

/// What somebody else set meanwhile stays.
async fn meanwhile(vendors: Vendors<'_>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let Some(one) = &stage.permissions.one else { return Ok(()) };
    let ada = ada();
    stage.vendor.enroll(&ada);
    granted(&stage, ONE).await?;
    stage.vendor.give(&ada, &one.former);
    let before = stage.server.changes();
    let answered = stage.order(&ada, ONE).await;
    ensure!(
        answered.is_positive(),
        "somebody else has replaced it, and the answer was: {}",
        answered.reason()
    );
    let (holds, changes) = (stage.has(&ada), stage.server.changes() - before);
    ensure!(holds.contains(&one.former), "{} was set by somebody else, and is gone: {holds:?}", one.former);
    ensure!(changes == 0, "{changes} changing requests were sent although somebody else has replaced it");
    Ok(())
}

async fn granted(stage: &Stage, permission: &str) -> Outcome {
    let answered = stage.grant(&ada(), permission).await;
    let ended = stage.end_of(&answered.id).await?;
    let reason = ended.reason.unwrap_or_default();
    ensure!(ended.execution == usher_journal::Execution::Confirmed, "it was not granted: {reason}");
    Ok(())
}

/// A vendor without slots of many values has one of one value, or the other way round: it cannot get by with neither.
fn has_any_slot(stage: &Stage) -> Outcome {
    let any = stage.permissions.many.is_some() || stage.permissions.one.is_some();
    ensure!(any, "the vendor names neither a slot of many values nor one of one value");
    Ok(())
}
