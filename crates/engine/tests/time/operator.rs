//! What an operator does, and what makes all well again.

use std::sync::Arc;
use std::time::Duration;

use usher_engine::{Act, Engine, OperateError};
use usher_journal::{Execution, Journal, Pause, Request};

use crate::books::Books;
use crate::history::Story;
use crate::vendor::JobState;

impl Story {
    pub(crate) async fn heal(&self, engine: &Engine) {
        let trouble = &self.world.trouble;
        *trouble.away_until.lock().unwrap() = Duration::ZERO;
        *trouble.slow.lock().unwrap() = Duration::ZERO;
        *trouble.fails.lock().unwrap() = None;
        self.world.fuse.light(0);
        let now = self.world.time.now();
        {
            let mut state = self.world.vendor.at(now);
            state.outage = None;
            for person in state.people.values_mut() {
                person.calls.clear();
                person.sights.clear();
            }
            let endless = |job: &JobState| matches!(job, JobState::Running { ends: false, .. });
            let numbers: Vec<u64> =
                state.jobs.iter().filter(|(_, job)| endless(job)).map(|(number, _)| *number).collect();
            for number in numbers {
                state.end_job(number, now);
            }
        }
        // What waits for it goes on.
        drop(engine.pause("acme", None).await);
    }

    /// An operator sees to everything that is with a person.
    pub(crate) async fn see_to_all(&self, engine: &Engine, inner: &Arc<dyn Journal>, replays: bool) {
        for row in Books::read(inner).await.rows {
            if row.execution != Execution::NeedsHuman {
                continue;
            }
            if !replays {
                if !self.may_stay_with_a_person(&row) {
                    self.world.wrong(&format!(
                        "a replay ends it: {} is with a person still: {}",
                        row.id,
                        row.reason.clone().unwrap_or_default()
                    ));
                }
                self.world.count("requests that only a person could end");
            }
            let act = if replays { Act::Replay } else { Act::Close };
            let result = engine.operate(&row.id, act, "eve", "it is well again").await;
            match result {
                Ok(_) if replays => self.world.count("replays of what was with a person"),
                Ok(_) => {}
                // Its time is over: it has to be asked for again.
                Err(OperateError::Conflict(_)) if replays => {
                    if let Err(error) = engine.operate(&row.id, Act::Close, "eve", "its time is over").await {
                        self.world.wrong(&format!("a replay ends it: {}: {error}", row.id));
                    }
                }
                Err(error) => self.world.wrong(&format!("a replay ends it: {}: {error}", row.id)),
            }
        }
    }

    /// An invitation that nobody can see, and nobody vouches for: no replay settles that.
    fn may_stay_with_a_person(&self, row: &Request) -> bool {
        let setup = &self.world.setup;
        let teams = row.permissions.iter().flat_map(|one| one.facets.iter().flatten());
        setup.invites
            && (setup.hides || !setup.vouches)
            && teams.into_iter().any(|facet| facet.slot == "team")
    }

    pub(crate) async fn operate(&self, engine: &Engine, back: usize, act: Act) {
        let Some(told) = self.earlier(back) else { return };
        let id = told.reply.map_or(told.request.id, |reply| reply.request);
        // A conflict is an answer too.
        if engine.operate(&id, act, "eve", "as it pleases her").await.is_ok() {
            self.world.count(if act == Act::Close { "requests that were closed" } else { "replays" });
        }
    }

    pub(crate) async fn pause(&self, engine: &Engine) {
        let since = self.world.time.wall();
        let pause = Pause { by: "eve".to_owned(), reason: "to look".to_owned(), since };
        // Where the journal is out of reach, it is not paused.
        if engine.pause("acme", Some(pause)).await.is_ok() {
            self.world.count("pauses");
        }
    }
}
