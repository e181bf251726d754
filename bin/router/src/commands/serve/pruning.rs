//! What is old enough leaves the journal, in the background.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use usher_core::Clock;
use usher_journal::{Journal, JournalError, Prunable, Prune};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(3600);

/// Between two batches: the writer is everybody's, and this is in no hurry.
const BETWEEN: Duration = Duration::from_millis(50);

/// How long what is kept is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// Settled requests with their history.
    pub(super) requests: Duration,
    /// What they say of the person beyond the key.
    pub(super) payloads: Duration,
}

/// What prunes a journal, hour by hour.
pub(super) struct Pruning {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keep: Keep,
}

impl Pruning {
    /// Until it is stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut hours = interval(EVERY);
        hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let work = async {
            loop {
                hours.tick().await;
                if let Err(error) = self.once().await {
                    // The engine sees a loss by itself; anything else may be over in an hour.
                    tracing::warn!(%error, "the journal was not pruned to the end: it goes on in an hour");
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// All that is old enough now.
    async fn once(&self) -> Result<(), JournalError> {
        let requests = self.all(Prunable::Requests, self.keep.requests).await?;
        let payloads = self.all(Prunable::Payloads, self.keep.payloads).await?;
        if requests + payloads > 0 {
            tracing::info!(requests, payloads, "the journal was pruned");
        }
        Ok(())
    }

    async fn all(&self, what: Prunable, keep: Duration) -> Result<usize, JournalError> {
        let wall = self.clock.now();
        // Before the first year there is nothing to prune.
        let Ok(before) = wall.checked_sub(keep) else { return Ok(0) };
        let mut prune = Prune { what, before, after: None, limit: 0 };
        let mut pruned = 0;
        let mut steps = interval(BETWEEN);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            steps.tick().await;
            let batch = self.journal.prune(&prune, wall).await?;
            pruned += batch.requests;
            prune.after = batch.next;
            if prune.after.is_none() {
                return Ok(pruned);
            }
        }
    }
}

#[cfg(test)]
mod tests;
