//! From a history that breaks a promise to a short one that breaks the same.

use crate::history::run;
use crate::shelf::Shelf;
use crate::steps::{Setup, Step};

/// Histories that are tried at the most.
const TRIES: usize = 600;

/// What a sentence of a failure is about.
fn promise(wrong: &[String]) -> Option<&str> {
    wrong.first().and_then(|what| what.split_once(':')).map(|(promise, _)| promise)
}

/// Leaves steps out as long as the same promise is broken, many at once first.
pub(crate) fn shortest(
    setup: &Setup,
    steps: Vec<Step>,
    wrong: &[String],
    shelf: impl Fn() -> Shelf,
) -> Vec<Step> {
    let Some(broken) = promise(wrong) else { return steps };
    let fails = |steps: &[Step]| promise(&run(setup, steps, &shelf()).wrong) == Some(broken);
    let (mut steps, mut tries) = (steps, 0);
    let mut many = (steps.len() / 2).max(1);
    loop {
        let (mut from, before) = (0, steps.len());
        while from < steps.len() && tries < TRIES {
            let fewer: Vec<Step> = steps
                .iter()
                .enumerate()
                .filter(|(n, _)| *n < from || *n >= from + many)
                .map(|(_, step)| *step)
                .collect();
            tries += 1;
            if fails(&fewer) {
                steps = fewer;
            } else {
                from += many;
            }
        }
        if tries >= TRIES || (many == 1 && steps.len() == before) {
            return steps;
        }
        many = (many / 2).max(1);
    }
}
