//! What a journal's disk does to it: processes that end between two writes, power cuts, errors, a full disk, a slow one.

pub mod broken;
mod check;
pub mod power;
mod script;
pub mod slow;
pub mod start;
pub mod writes;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};

/// So many runs at once, each with processes of its own, and what came of them.
pub(super) async fn at_once<T>(many: usize, runs: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    stream::iter(runs).buffer_unordered(many).collect().await
}

/// `wanted` of them, evenly spread, from another one on each time; all of them where there are no more.
fn spread<T: Clone>(all: &[T], wanted: usize, numbers: &mut crate::support::Numbers) -> Vec<T> {
    let step = (all.len() / wanted.max(1)).max(1);
    all.iter().skip(numbers.below(step)).step_by(step).cloned().collect()
}
