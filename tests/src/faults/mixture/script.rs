//! What one person's requests are, and how they are sent.

use std::time::Duration;

use super::super::three::{self, Person};
use super::stage::{Played, Stage};
use super::weather;
use crate::support::{Numbers, Payload};

/// A grant; perhaps its removal; perhaps a second grant. Some are delivered twice, some senders hang up.
pub(super) async fn play(stage: &Stage, number: usize, numbers: &mut Numbers) -> Played {
    let person = Person::new(number);
    three::seed(&stage.sandbox, std::slice::from_ref(&person)).await;
    let mut steps = vec![person.grant()];
    if numbers.below(10) < 6 {
        let of_everything = numbers.below(3) == 0;
        steps.push(if of_everything { person.removal_of_everything() } else { person.removal() });
        // Nobody is invited twice within a day (rule 24): that request would wait until then.
        if numbers.below(2) == 0 && !person.kind.is_invited() {
            steps.push(person.grant());
        }
    }
    let mut played = Played::of(person, &steps);
    let is_one = steps.len() == 1;
    for (done, payload) in steps.iter().enumerate() {
        if let Some(rule) = weather::drawn(numbers, &played.person, is_one) {
            stage.sandbox.fault(rule).await;
        }
        deliver(stage, &mut played, payload, numbers).await;
        let would_accept = numbers.below(2) == 0;
        if would_accept && played.is_invited() && stage.sandbox.accept_if_invited(&played.person.login).await
        {
            played.accepted += 1;
        }
        if played.in_doubt {
            // What comes next must not overtake it.
            stage.wait_for_rows(&played.person.email, done + 1).await;
        }
        stage.kill_if_due().await;
    }
    played
}

/// Once, or twice at the same time, or once again when it is answered.
async fn deliver(stage: &Stage, played: &mut Played, payload: &Payload, numbers: &mut Numbers) {
    let hang_up = |numbers: &mut Numbers| {
        let is_to = numbers.below(100) < 8;
        // Most are at work within a moment; what is held up is so for longer.
        let longest = *numbers.one(&[60, 4_000]);
        let ms = numbers.below(longest);
        is_to.then(|| Duration::from_millis(u64::try_from(ms).unwrap()))
    };
    let (first, second) = (hang_up(numbers), hang_up(numbers));
    let outcomes = match numbers.below(4) {
        0 => {
            let (one, other) = tokio::join!(
                stage.send(&played.person, payload, first),
                stage.send(&played.person, payload, second)
            );
            vec![one, other]
        }
        1 => {
            let one = stage.send(&played.person, payload, first).await;
            vec![one, stage.send(&played.person, payload, second).await]
        }
        _ => vec![stage.send(&played.person, payload, first).await],
    };
    played.hear(payload.direction(), outcomes);
}
