//! Awaiting events, so that nobody has to sleep.

use std::time::Duration;

use crate::fault::{Facts, Matcher};
use crate::records::{Call, CallEnd};
use crate::sandbox::NotInTime;
use crate::world::Shared;

impl Shared {
    /// The calls that fit, and that ended in this way where one is named.
    pub(crate) fn calls_to(&self, matcher: &Matcher, end: Option<CallEnd>) -> Vec<Call> {
        let world = self.world();
        let fits = |call: &&Call| {
            end.is_none_or(|end| call.end == Some(end))
                && matcher.fits(&Facts {
                    vendor: call.vendor,
                    operation: call.operation,
                    method: &call.method,
                    path: &call.path,
                    subject: call.subject.as_deref(),
                })
        };
        world.records.calls().filter(fits).cloned().collect()
    }

    /// Looks again after everything that happens, until there are so many.
    pub(crate) async fn wait<T>(
        &self,
        wanted: usize,
        within: Duration,
        look: impl Fn(&Self) -> Vec<T>,
    ) -> Result<Vec<T>, NotInTime> {
        let mut changes = self.changes();
        let enough = async {
            loop {
                changes.mark_unchanged();
                let seen = look(self);
                if seen.len() >= wanted {
                    return seen;
                }
                // The sender lives in `self`, so this ends with a change only.
                let _changed = changes.changed().await;
            }
        };
        match tokio::time::timeout(within, enough).await {
            Ok(seen) => Ok(seen),
            Err(_elapsed) => Err(NotInTime { seen: look(self).len(), wanted, within }),
        }
    }
}
