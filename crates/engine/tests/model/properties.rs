//! What must be true in every state, and in the last one. Told apart from the engine's own bookkeeping: it goes by what was delivered.

use std::collections::BTreeSet;

use usher_core::{Direction, Facet};
use usher_journal::{Arrived, Execution, Request, RequestId};

use crate::scenarios::{Scenario, Step};
use crate::world::{Pending, World, Wrong};

/// A request as it was approved, in the order of acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) id: RequestId,
    direction: Direction,
    app: String,
    all: bool,
    names: BTreeSet<String>,
}

/// What a delivery was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Told {
    Nothing,
    Yes,
    No,
    /// The process died first.
    Lost,
}

/// What was asked, and what was said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Claims {
    claims: Vec<Claim>,
    /// For each step: the request that it became, and what it was told.
    told: Vec<(Option<RequestId>, Option<Told>)>,
    /// Something happened after which a person may have to look: a refusal, a lapsed invitation.
    pub(crate) excused: bool,
}

impl Claim {
    fn of(request: &Request) -> Self {
        Self {
            id: request.id.clone(),
            direction: request.direction,
            app: request.app_key.clone(),
            all: request.all,
            names: request.permissions.iter().map(|permission| permission.name.clone()).collect(),
        }
    }

    fn is_order(&self) -> bool {
        self.direction == Direction::Deprovision
    }

    /// Whether this order takes the permission of `app`.
    fn takes(&self, app: &str, name: &str) -> bool {
        self.is_order() && self.app == app && (self.all || self.names.contains(name))
    }
}

impl Claims {
    fn set(&mut self, step: usize, id: Option<RequestId>, told: Option<Told>) {
        self.told.resize(self.told.len().max(step + 1), (None, None));
        self.told[step] = (id, told);
    }

    pub(crate) fn arrived(&mut self, scenario: &Scenario, step: usize, request: &Request, arrived: Arrived) {
        self.set(step, Some(request.id.clone()), Some(Told::Nothing));
        // A repeated delivery asks for nothing new, whatever the engine takes it for.
        if matches!(scenario.steps[step], Step::Again(_)) {
            if arrived == Arrived::Again {
                self.replayed(request);
            }
            return;
        }
        self.claims.push(Claim::of(request));
    }

    /// A new attempt counts from now.
    pub(crate) fn replayed(&mut self, request: &Request) {
        self.claims.retain(|claim| claim.id != request.id);
        self.claims.push(Claim::of(request));
    }

    pub(crate) fn request_of(&self, step: usize) -> Option<RequestId> {
        self.told.get(step).and_then(|(id, _)| id.clone())
    }

    /// The process has ended.
    pub(crate) fn lost(&mut self, step: Option<usize>) {
        if let Some((_, Some(told))) = step.and_then(|step| self.told.get_mut(step))
            && *told == Told::Nothing
        {
            *told = Told::Lost;
        }
    }

    /// Whether a later order names what the claim at `place` gives by `name`.
    fn order_after(&self, place: usize, name: &str) -> Option<&Claim> {
        let app = &self.claims[place].app;
        self.claims.iter().skip(place + 1).rfind(|claim| claim.takes(app, name))
    }
}

impl World {
    fn execution(&self, id: &RequestId) -> Execution {
        self.disk.rows[id].execution
    }

    /// Proven, all of it, and on disk.
    fn is_proven(&self, id: &RequestId) -> bool {
        let row = &self.disk.rows[id];
        row.execution == Execution::Confirmed && row.reason.is_none()
    }

    fn has(&self, facet: &Facet) -> bool {
        self.vendor.held.facets.contains(facet)
    }

    fn has_or_counts(&self, scenario: &Scenario, app: &str, facet: &Facet) -> bool {
        let held = &self.vendor.held;
        let invited = held.invited.contains_key(facet) || held.lapsed.contains_key(facet);
        self.has(facet) || (invited && scenario.apps[app].counts_invited)
    }

    /// What grants give: (place among the claims, permission, facet).
    fn grants<'a>(
        &'a self,
        scenario: &'a Scenario,
    ) -> impl Iterator<Item = (usize, &'a String, &'a Facet)> + 'a {
        self.claims.claims.iter().enumerate().filter(|(_, claim)| !claim.is_order()).flat_map(
            move |(place, claim)| {
                let facets = move |name: &'a String| {
                    scenario.apps[&claim.app].permissions[name].iter().map(move |facet| (place, name, facet))
                };
                claim.names.iter().flat_map(facets)
            },
        )
    }

    fn is_entitled(&self, scenario: &Scenario, facet: &Facet) -> bool {
        self.grants(scenario)
            .any(|(place, name, given)| given == facet && self.claims.order_after(place, name).is_none())
    }

    /// Whether a later approval has another value in the one-value slot of `facet`, and has not been taken back.
    fn is_displaced(&self, scenario: &Scenario, place: usize, facet: &Facet) -> bool {
        self.grants(scenario).any(|(later, name, given)| {
            let gone = self.claims.order_after(later, name).is_some_and(|order| self.is_proven(&order.id));
            later > place
                && facet.slot == "role"
                && given.slot == facet.slot
                && given.value != facet.value
                && !gone
        })
    }

    /// A delivery is answered.
    pub(crate) fn answered(&mut self, scenario: &Scenario, step: usize, yes: bool) -> Result<(), Wrong> {
        let (id, told) = self.claims.told[step].clone();
        if told != Some(Told::Nothing) {
            return Err(format!("delivery {} is answered a second time", step + 1));
        }
        let Some(id) = id.filter(|_| yes) else {
            self.claims.told[step].1 = Some(Told::No);
            return Ok(());
        };
        self.claims.told[step].1 = Some(Told::Yes);
        if !self.is_proven(&id) {
            return Err(format!("delivery {} is told yes, and that is not on disk", step + 1));
        }
        let row = self.disk.rows[&id].clone();
        if row.direction == Direction::Deprovision {
            return Ok(());
        }
        let facets = row.permissions.iter().flat_map(|one| one.facets.iter().flatten());
        for facet in facets {
            if !self.has_or_counts(scenario, &row.app_key, facet) {
                return Err(format!("delivery {} is told yes, and {facet} is not there", step + 1));
            }
        }
        Ok(())
    }

    /// What is true in every state.
    pub(crate) fn check(&self, scenario: &Scenario) -> Result<(), Wrong> {
        let claims = &self.claims.claims;
        for order in claims.iter().filter(|claim| claim.is_order() && self.is_proven(&claim.id)) {
            let mapped = &scenario.apps[&order.app].permissions;
            let named = mapped.iter().filter(|(name, _)| order.all || order.names.contains(*name));
            for facet in named.flat_map(|(_, facets)| facets) {
                let is_there = self.has(facet) || self.vendor.held.invited.contains_key(facet);
                if is_there && !self.is_entitled(scenario, facet) {
                    return Err(format!("{facet} is there, and {} has removed it", order.id));
                }
            }
        }
        for (place, name, facet) in self.grants(scenario) {
            let claim = &claims[place];
            if self.is_proven(&claim.id)
                && self.claims.order_after(place, name).is_none()
                && !self.is_displaced(scenario, place, facet)
                && !self.has_or_counts(scenario, &claim.app, facet)
            {
                return Err(format!("{facet} is not there, and {} has granted it", claim.id));
            }
        }
        Ok(())
    }

    /// Whether the next step of the scenario can be taken now.
    pub(crate) fn is_possible(&self, scenario: &Scenario) -> bool {
        let Step::Replay(first) = scenario.steps[self.steps] else { return true };
        let Some(id) = self.claims.request_of(first) else { return false };
        let running = self.runs.iter().find(|active| active.run.request.id == id);
        let at_rest = self.execution(&id) != Execution::Accepted;
        at_rest
            && running.is_none_or(|active| active.is_idle && matches!(active.pending, Pending::Sleep { .. }))
    }

    /// What is true when nothing more happens by itself.
    pub(crate) fn check_end(&self, scenario: &Scenario) -> Result<(), Wrong> {
        if self.steps < scenario.steps.len() {
            return Err("the next step never becomes possible".to_owned());
        }
        if let Some(step) = self.claims.told.iter().position(|(_, told)| *told == Some(Told::Nothing)) {
            return Err(format!("delivery {} is never answered", step + 1));
        }
        if let Some(active) = self.runs.first() {
            let (id, phase) = (&active.run.request.id, &active.run.phase);
            return Err(format!("{id} has come to a halt: {phase:?}"));
        }
        // Nobody is invited a second time within a day (rule 24).
        let mut claims = self.claims.claims.iter().skip_while(|claim| !claim.is_order());
        let invited_again = scenario.connector.invites && claims.any(|claim| !claim.is_order());
        let excused = self.claims.excused || scenario.connector.hides || invited_again;
        for row in self.disk.rows.values() {
            let with_a_person = row.execution == Execution::NeedsHuman && excused;
            if !row.execution.is_final() && !with_a_person {
                let why = row.reason.as_deref().unwrap_or_default();
                return Err(format!("{} does not end by itself: {:?}, {why}", row.id, row.execution));
            }
        }
        if excused { Ok(()) } else { self.check_outcome(scenario) }
    }

    /// With nothing in its way, what was approved last is so.
    fn check_outcome(&self, scenario: &Scenario) -> Result<(), Wrong> {
        let mut role = None;
        for (place, name, facet) in self.grants(scenario) {
            if self.claims.order_after(place, name).is_some() {
                continue;
            }
            if facet.slot == "role" {
                role = Some(&facet.value);
            }
            if !self.is_displaced(scenario, place, facet) && !self.has(facet) {
                return Err(format!("{facet} was approved, and is not there in the end"));
            }
        }
        let all = self.claims.claims.iter().any(|claim| claim.all);
        let before = scenario.has.iter().find(|facet| facet.slot == "role" && !all);
        let expected = role.or(before.map(|facet| &facet.value)).map_or("end-user", String::as_str);
        if scenario.has.iter().any(|facet| facet.slot == "role") && !self.has(&Facet::new("role", expected)) {
            return Err(format!("the role is not {expected} in the end"));
        }
        Ok(())
    }
}
