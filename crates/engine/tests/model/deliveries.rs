//! What arrives: deliveries, and an operator's replays.

use std::sync::Arc;

use usher_engine::{Event, Mode, Run};
use usher_journal::{Arrived, Request, arrive, replay};

use crate::rules::Rule;
use crate::scenarios::{Scenario, Step};
use crate::vendor::wall;
use crate::world::{ANSWER_WITHIN, Pending, Reading, Waiter, World, Wrong, is_whole};

impl World {
    /// The next step of the scenario.
    pub(crate) fn deliver(&mut self, scenario: &Scenario) -> Result<(), Wrong> {
        let delivery = self.steps;
        self.steps += 1;
        match scenario.steps[delivery] {
            Step::Replay(first) => self.replay(scenario, first),
            Step::Pause => {
                self.paused = true;
                Ok(())
            }
            Step::Resume => {
                self.resume();
                Ok(())
            }
            _ => self.arrive(scenario, delivery),
        }
    }

    fn arrive(&mut self, scenario: &Scenario, delivery: usize) -> Result<(), Wrong> {
        let new = scenario.request(delivery, self.now);
        let key = new.delivery_key();
        let id = key.as_ref().and_then(|key| self.disk.keys.get(key));
        let existing = id.map(|id| (*self.disk.rows[id]).clone());
        let ahead = self.read_ahead(scenario, &new);
        let mut ledger = (*self.disk.ledger).clone();
        let before = ledger.version;
        self.disk.seq += 1;
        let at = self.moment();
        let (arrived, request, _) = arrive(existing, &mut ledger, new, self.disk.seq, &at);
        self.disk.ledger = Arc::new(ledger);
        self.disk.rows.insert(request.id.clone(), Arc::new(request.clone()));
        if let Some(key) = key {
            self.disk.keys.insert(key, request.id.clone());
        }
        self.claims.arrived(scenario, delivery, &request, arrived);
        let deadline = self.now + ANSWER_WITHIN;
        match arrived {
            Arrived::Fresh | Arrived::Again => {
                let mut run = Run::new(request, Mode::Drive, Some(deadline - self.booted), wall(self.now));
                run.version_before = before;
                let seq = run.request.seq;
                let place = self.start(run, Some(delivery), None);
                Arc::make_mut(&mut self.runs[place]).ahead = ahead;
                self.enter(place, seq, Event::Started);
            }
            Arrived::Recheck => {
                let run = Run::new(request, Mode::Recheck, Some(deadline - self.booted), wall(self.now));
                let place = self.start(run, Some(delivery), None);
                self.enter(place, u64::MAX, Event::Started);
            }
            Arrived::Running => {
                let running = self.runs.iter().find(|active| active.run.request.id == request.id);
                match running.map(|active| active.result) {
                    Some(None) => {
                        let request = request.id;
                        self.waiters.push(Waiter { delivery, request, deadline });
                    }
                    Some(Some(result)) => self.answered(scenario, delivery, result)?,
                    None => self.answered(scenario, delivery, is_whole(&request))?,
                }
            }
            Arrived::Settled | Arrived::Followed => self.answered(scenario, delivery, false)?,
        }
        self.lane(scenario)
    }

    /// The first reading begins beside acceptance, where nobody else is at the subject (rule 2).
    fn read_ahead(&self, scenario: &Scenario, request: &Request) -> Option<Reading> {
        let is_idle =
            !self.runs.iter().any(|active| active.has_turn || matches!(active.pending, Pending::Turn { .. }));
        let alone = is_idle && self.disk.ledger.unfinished.is_empty();
        if !alone && scenario.without != Some(Rule::ReadingAhead) {
            return None;
        }
        let asked = request.permissions.iter().flat_map(|one| one.facets.iter().flatten());
        let held = self.disk.ledger.holders.iter().flat_map(|holder| &holder.facets);
        let of = asked.chain(held).cloned().collect();
        Some(self.reading(
            scenario,
            &self.disk.ledger,
            of,
            Some(self.now + ANSWER_WITHIN),
            Some(self.disk.ledger.version),
        ))
    }

    /// Whatever sleeps without its turn goes on at once.
    fn resume(&mut self) {
        self.paused = false;
        let now = self.now;
        for active in &mut self.runs {
            if let Pending::Sleep { until: Some(until), keeps_turn: false, .. } =
                &mut Arc::make_mut(active).pending
            {
                *until = now.min(*until);
            }
        }
    }

    /// An operator runs a request again, if it is at rest.
    fn replay(&mut self, scenario: &Scenario, first: usize) -> Result<(), Wrong> {
        let Some(id) = self.claims.request_of(first) else { return Ok(()) };
        let own = self.runs.iter().position(|active| active.run.request.id == id);
        match own {
            Some(place) if !self.runs[place].is_idle => return Ok(()),
            Some(place) => drop(self.runs.remove(place)),
            None => {}
        }
        let old = (*self.disk.rows[&id]).clone();
        let mut ledger = (*self.disk.ledger).clone();
        self.disk.seq += 1;
        let seq = if scenario.without == Some(Rule::ReplayedPlace) { old.seq } else { self.disk.seq };
        let at = self.moment();
        let (request, _) = replay(&mut ledger, old, seq, "eve", "again", &at);
        self.disk.ledger = Arc::new(ledger);
        self.disk.rows.insert(id, Arc::new(request.clone()));
        self.claims.replayed(&request);
        let mut run = Run::new(request, Mode::Drive, None, wall(self.now));
        (run.check_mapping, run.replayed) = (true, true);
        let place = self.start(run, None, None);
        self.enter(place, seq, Event::Started);
        self.lane(scenario)
    }
}
