//! What the small connector would call, right unless it is told to be wrong in one way.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use usher_core::{Action, Asked, Direction, Facet, Goal, Hold, Repeat, Snapshot};

use crate::connector::{FREE, PLAN, Person, Step, ToyConnection};
use crate::waiting::{BADGE, GUILD, Turn};
use crate::wrong::Wrong;

impl ToyConnection {
    pub(crate) fn action(
        &self,
        step: &Step,
        summary: String,
        gives: Option<&Facet>,
        takes: Option<&Facet>,
    ) -> Action {
        let mut args = json!({"step": step});
        if self.is(Wrong::LeaksIntoTheJournal) {
            args["token"] = json!(self.token.expose_secret());
        }
        let is_creation = matches!(step, Step::Create);
        Action {
            name: summary.split(' ').next().unwrap().to_owned(),
            summary,
            gives: gives.into_iter().cloned().collect(),
            takes: takes.into_iter().cloned().collect(),
            repeat: if is_creation { Repeat::AfterReadBack } else { Repeat::Natural },
            timeout: Duration::from_secs(3),
            settle: Duration::from_secs(if self.is(Wrong::DoesNotWaitForSettling) { 0 } else { 15 }),
            notifies_person: matches!(step, Step::Waits(Turn::Invite { .. }))
                && !self.is(Wrong::DoesNotSayThatItNotifies),
            args,
        }
    }

    pub(crate) fn grant(
        &self,
        person: &Person,
        facet: &Facet,
        seen: &Snapshot,
        asked: &Asked,
    ) -> Option<Action> {
        let id = person.id;
        if [GUILD, BADGE].contains(&facet.slot.as_str()) {
            let reminds = self.is(Wrong::RemindsAfterADay) && self.is_a_day_ago(asked.now);
            let hold = if reminds { &Hold::Absent } else { seen.hold(facet) };
            let turn = Turn::towards(id, facet, hold)?;
            return Some(self.action(&Step::Waits(turn), format!("invite {facet}"), Some(facet), None));
        }
        let step = match facet.slot.as_str() {
            PLAN => Step::SetPlan { id, plan: facet.value.clone() },
            _ if self.is(Wrong::OverwritesTheList) => {
                Step::PutTeams { id, teams: BTreeSet::from([facet.value.clone()]) }
            }
            _ => Step::Join { id, team: facet.value.clone() },
        };
        let refreshes = self.is(Wrong::WritesWhatIsThere)
            && asked.direction == Direction::Provision
            && !self.was_done(&step);
        if *seen.hold(facet) == Hold::Present && !refreshes && !self.is(Wrong::NeverFinishesPlanning) {
            return None;
        }
        let former = seen.current.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
        let former = former.filter(|former| former != facet);
        Some(self.action(&step, format!("give {facet}"), Some(facet), former.as_ref()))
    }

    pub(crate) fn release(
        &self,
        person: &Person,
        facet: &Facet,
        seen: &Snapshot,
        goal: &Goal,
    ) -> Option<Action> {
        let id = person.id;
        if [GUILD, BADGE].contains(&facet.slot.as_str()) {
            let turn = Turn::away(id, facet, seen.hold(facet))?;
            return Some(self.action(&Step::Waits(turn), format!("take {facet}"), None, Some(facet)));
        }
        if facet.slot == PLAN {
            let forced = self.is(Wrong::TakesWhatOthersSet) && person.plan != FREE;
            if *seen.hold(facet) != Hold::Present && !forced {
                return None;
            }
            let back = goal.restore.get(PLAN).filter(|_| !self.is(Wrong::ForgetsTheFormerValue));
            let back = Facet::new(PLAN, back.map_or(FREE, String::as_str));
            let step = Step::SetPlan { id, plan: back.value.clone() };
            return Some(self.action(&step, format!("take {facet}"), Some(&back), Some(facet)));
        }
        let step = Step::Leave { id, team: facet.value.clone() };
        let blindly = self.is(Wrong::RemovesWhatIsGone) && !self.was_done(&step);
        if *seen.hold(facet) != Hold::Present && !blindly {
            return None;
        }
        Some(self.action(&step, format!("take {facet}"), None, Some(facet)))
    }

    /// Whether the first grant was planned more than a day before `now`.
    fn is_a_day_ago(&self, now: Timestamp) -> bool {
        let first = *self.first.lock().unwrap().get_or_insert(now);
        now.duration_since(first) > jiff::SignedDuration::from_hours(24)
    }
}
