//! What must be true in every state, and in the last one. Told apart from the engine's own bookkeeping: it goes by what was delivered.

use std::collections::BTreeSet;

use jiff::Timestamp;
use usher_core::{Action, Direction, Facet, Planner};
use usher_engine::AfterDeadline;
use usher_journal::{Arrived, Execution, Request, RequestId};

use crate::scenarios::{Scenario, Step};
use crate::vendor::wall;
use crate::world::{Pending, World, Wrong};

/// A request as it was approved, in the order of acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) id: RequestId,
    direction: Direction,
    app: String,
    all: bool,
    names: BTreeSet<String>,
    until: Option<Timestamp>,
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
    /// Requests that an operator has run again.
    again: BTreeSet<RequestId>,
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
            until: request.until,
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
        self.again.insert(request.id.clone());
        self.claims.retain(|claim| claim.id != request.id);
        self.claims.push(Claim::of(request));
    }

    /// Whether the sender of a request was told no, or lost, and no operator has run it again since.
    fn was_told_no(&self, id: &RequestId) -> bool {
        let told = self.told.iter().find(|(of, _)| of.as_ref() == Some(id)).and_then(|(_, told)| *told);
        matches!(told, Some(Told::No | Told::Lost)) && !self.again.contains(id)
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

    /// Whether an approval gives it that no order has taken back. `lasting`: and whose time is not over; what was granted in time
    /// stays until somebody asks for its end (rule 20 is not built yet).
    fn is_entitled(&self, scenario: &Scenario, facet: &Facet, lasting: bool) -> bool {
        self.grants(scenario).any(|(place, name, given)| {
            given == facet && !self.is_taken(place, name) && !(lasting && self.is_over(place))
        })
    }

    /// Whether another approval was granted it in time, and no order has taken it from there: it stays until somebody asks for its end.
    fn is_kept_by_another(&self, scenario: &Scenario, facet: &Facet, than: usize) -> bool {
        self.grants(scenario).any(|(place, name, given)| {
            let is_granted = self.execution(&self.claims.claims[place].id) == Execution::Confirmed;
            place != than && given == facet && is_granted && !self.is_taken(place, name)
        })
    }

    /// Whether a later order has removed what the claim at `place` gives by `name`.
    fn is_taken(&self, place: usize, name: &str) -> bool {
        let app = &self.claims.claims[place].app;
        let mut later = self.claims.claims.iter().skip(place + 1);
        later.any(|claim| claim.takes(app, name) && self.is_proven(&claim.id))
    }

    /// Whether an order has named it for itself, and not only for the sake of something else.
    fn is_named(&self, scenario: &Scenario, facet: &Facet) -> bool {
        self.claims.claims.iter().filter(|claim| claim.is_order()).any(|order| {
            let mapped = &scenario.apps[&order.app].permissions;
            let implied = |name: &String| scenario.connector.implied(&mapped[name]).contains(facet);
            order.all || order.names.iter().any(|name| mapped[name].contains(facet) && !implied(name))
        })
    }

    /// Whether somebody else gave what no order has named for itself.
    fn was_there_before(&self, scenario: &Scenario, facet: &Facet) -> bool {
        scenario.connector.implies && scenario.has.contains(facet) && !self.is_named(scenario, facet)
    }

    /// Whether the approved time of a claim is over.
    fn is_over(&self, place: usize) -> bool {
        self.claims.claims[place].until.is_some_and(|until| until <= wall(self.now))
    }

    /// Whether a request may make a change now.
    pub(crate) fn may_send(
        &self,
        scenario: &Scenario,
        request: &Request,
        action: &Action,
    ) -> Result<(), Wrong> {
        let sent = |when: &str| Err(format!("“{}” was sent {when}", action.summary));
        if self.vendor.is_at_work(self.now) {
            return sent("while an earlier change may still arrive");
        }
        if self.paused {
            return sent("while the connection is paused");
        }
        let mut asked = request.permissions.iter().flat_map(|one| one.facets.iter().flatten());
        let gives =
            request.direction == Direction::Provision && asked.any(|facet| action.gives.contains(facet));
        // Not by the run's own copy: the explorer may have bent it.
        if gives && self.disk.rows[&request.id].is_over(wall(self.now)) {
            return sent("after the approved time was over");
        }
        let stops = scenario.apps[&request.app_key].after_deadline == AfterDeadline::Stop;
        if gives && stops && self.claims.was_told_no(&request.id) {
            return sent("after its answer was no, when a person was about to do it");
        }
        Ok(())
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
                if is_there
                    && !self.was_there_before(scenario, facet)
                    && !self.is_entitled(scenario, facet, false)
                {
                    return Err(format!("{facet} is there, and {} has removed it", order.id));
                }
            }
        }
        for (place, name, facet) in self.grants(scenario) {
            let claim = &claims[place];
            if self.is_proven(&claim.id)
                && self.claims.order_after(place, name).is_none()
                && !self.is_over(place)
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
        let mut stopped = false;
        for row in self.disk.rows.values() {
            let stops = scenario.apps[&row.app_key].after_deadline == AfterDeadline::Stop;
            // A late answer has left it to a person, which an order never is.
            let is_left = stops && row.direction == Direction::Provision && self.claims.was_told_no(&row.id);
            stopped |= is_left;
            let with_a_person = row.execution == Execution::NeedsHuman && (excused || is_left);
            if !row.execution.is_final() && !with_a_person {
                let why = row.reason.as_deref().unwrap_or_default();
                return Err(format!("{} does not end by itself: {:?}, {why}", row.id, row.execution));
            }
        }
        self.check_ends(scenario)?;
        self.check_given_back(scenario)?;
        if excused || stopped { Ok(()) } else { self.check_outcome(scenario) }
    }

    /// What is over has gone, and of an invitation that has lapsed somebody hears.
    fn check_ends(&self, scenario: &Scenario) -> Result<(), Wrong> {
        // What a grant has found there: where nothing is known of the person, what is mapped goes.
        let found = |facet: &Facet| {
            self.grants(scenario)
                .any(|(place, _, given)| given == facet && self.is_proven(&self.claims.claims[place].id))
        };
        let is_gone = |facet: &&Facet| self.was_there_before(scenario, facet) && !self.has(facet);
        if let Some(gone) = scenario.has.iter().filter(is_gone).find(|facet| found(facet)) {
            return Err(format!("{gone} was there before, and is gone"));
        }
        for (place, name, facet) in self.grants(scenario) {
            let claim = &self.claims.claims[place];
            let held = &self.vendor.held;
            let is_expired = self.execution(&claim.id) == Execution::Expired;
            let is_there = self.has(facet) || held.invited.contains_key(facet);
            if is_expired
                && is_there
                && !scenario.has.contains(facet)
                && !self.is_entitled(scenario, facet, true)
                && !self.is_kept_by_another(scenario, facet, place)
            {
                return Err(format!("{facet} is there, and the approved time of {} is over", claim.id));
            }
            let has_lapsed = held.lapsed.contains_key(facet) && !is_there;
            let stands = self.claims.order_after(place, name).is_none() && !self.is_over(place);
            if has_lapsed && stands && self.is_proven(&claim.id) {
                return Err(format!(
                    "the invitation of {} to {facet} has lapsed, and nobody hears of it",
                    claim.id
                ));
            }
        }
        Ok(())
    }

    /// Once everything that Usher gave to a one-value slot is removed, it is as it was before.
    fn check_given_back(&self, scenario: &Scenario) -> Result<(), Wrong> {
        let Some(before) = scenario.has.iter().find(|facet| facet.slot == "role") else { return Ok(()) };
        let names = |claim: &Claim| {
            claim.all
                || claim.names.iter().any(|name| scenario.apps[&claim.app].permissions[name].contains(before))
        };
        let mut given = self.grants(scenario).filter(|(_, _, facet)| facet.slot == "role").peekable();
        let is_given = given.peek().is_some();
        let is_removed = given.all(|(place, name, _)| {
            self.claims.order_after(place, name).is_some_and(|order| self.is_proven(&order.id))
        });
        let is_named = self.claims.claims.iter().any(names);
        if is_given && is_removed && !is_named && !self.has(before) {
            return Err(format!("the role is not {} in the end", before.value));
        }
        Ok(())
    }

    /// With nothing in its way, what was approved last is so.
    fn check_outcome(&self, scenario: &Scenario) -> Result<(), Wrong> {
        let mut role = None;
        for (place, name, facet) in self.grants(scenario) {
            if self.claims.order_after(place, name).is_some() || self.is_over(place) {
                continue;
            }
            if facet.slot == "role" {
                role = Some(&facet.value);
            }
            if !self.is_displaced(scenario, place, facet) && !self.has(facet) {
                return Err(format!("{facet} was approved, and is not there in the end"));
            }
        }
        if role.is_none() && scenario.connector.implies {
            // Seen to already, as far as anybody knows what stood there.
            return Ok(());
        }
        let had = |facet: &&Facet| facet.slot == "role" && !self.is_named(scenario, facet);
        let before = scenario.has.iter().find(had);
        let expected = role.or(before.map(|facet| &facet.value)).map_or("end-user", String::as_str);
        if scenario.has.iter().any(|facet| facet.slot == "role") && !self.has(&Facet::new("role", expected)) {
            return Err(format!("the role is not {expected} in the end"));
        }
        Ok(())
    }
}
