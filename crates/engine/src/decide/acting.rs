//! From a plan to calls, one at a time, each on disk before it goes out.

use std::time::Duration;

use usher_core::{Action, Direction, Facet, Fault, Hold, Plan, Receipt, RefusalKind, Remedy, Repeat, Sent};
use usher_journal::{Change, ChangeState, Execution, Outcome, Record};

use super::{Effect, Phase, Turn};
use crate::goal::Targets;
use crate::{AlertKind, Answer};

/// Rounds in which every change was answered and the vendor still does not show it (semantics: at most three).
const ROUNDS: u8 = 3;

impl Turn<'_> {
    /// Something is wanting and may be sent: whether it is, and what first.
    pub(super) fn act(&mut self, targets: &Targets, plan: Plan) {
        if self.run.request.dry_run {
            return self.dry_run(&plan);
        }
        if self.has_another_mapping() {
            return self.needs_human(
                "the configuration maps this permission to something else by now: close the request and have it asked for again".to_owned(),
            );
        }
        if let Some(reason) = self.refusal_of(&plan) {
            let no_seat = plan.refused.iter().find(|(_, refusal)| refusal.kind == RefusalKind::NoSeat);
            if let Some((_, refusal)) = no_seat {
                self.alert(AlertKind::NoSeat, refusal.sentence.clone());
            }
            self.note(Record::Planned { would: Vec::new(), refused: plan.refused.clone() });
            return self.stopped_by_refusal(targets, reason);
        }
        let mut plan = plan;
        // A plan that gives what is not to be held any more is a defect of the connector; it must not be made in vain for ever.
        plan.actions.retain(|action| self.is_wanted(action, targets));
        if plan.actions.is_empty() {
            return self.nothing_to_send(targets);
        }
        // What can be read goes first; if the rest can still not be read then, a person looks (rule 6).
        plan.actions.retain(|action| !self.is_blind(action, targets));
        if plan.actions.is_empty() {
            return self.unreadable();
        }
        if let Some(why) = self.world.paused.map(str::to_owned) {
            return self.park_for(Duration::from_secs(60), format!("the connection is paused: {why}"));
        }
        if self.run.rounds >= ROUNDS {
            let left = self.statement(targets);
            return self.needs_human(format!(
                "the vendor accepted the changes and still does not show them ({left})"
            ));
        }
        if !self.takes_only() && self.is_out_of_time() {
            return self.needs_human(
                "it could not be done in time: see the request's history, then replay or close it".to_owned(),
            );
        }
        if self.must_stop() {
            return self.stopped();
        }
        self.run.rest = plan.actions.into_iter().collect();
        self.next_action(targets);
    }

    /// Sends the next action of the plan, or looks what the plan has brought.
    fn next_action(&mut self, targets: &Targets) {
        let Some(action) = self.run.rest.pop_front() else {
            self.run.rounds = self.run.rounds.saturating_add(1);
            self.run.looks = 0;
            return self.look();
        };
        if self.never_again(&action) {
            return self.needs_human(format!(
                "nobody can say whether “{}” arrived, and it must not be sent twice",
                action.summary
            ));
        }
        if let Some(mailed) = self.mailed(&action) {
            return self.mailed_already(mailed, &action);
        }
        if !self.has_budget_for(&action) {
            let reason = "what is left of the time is too short to start a change at the vendor";
            self.answer(Answer::negative(self.late_reason(reason)));
            if self.must_stop() {
                return self.stopped();
            }
        }
        if !self.is_wanted(&action, targets) {
            return self.look();
        }
        // Never a number that was used before, not even by a change that is forgotten by now: keys are made from it.
        let intent = self.ledger.next_intent(self.ledger.version);
        self.commit(
            vec![Record::Intent { intent, action: action.clone() }],
            Phase::Intending { intent, action },
        );
    }

    /// The intent is on disk. Time has passed and the ledger may have moved: is it still to be sent?
    pub(super) fn intended(&mut self, intent: u64, action: Action) {
        let targets = self.targets(self.run.seen.as_ref());
        let paused = self.world.paused.is_some();
        let too_late = self.run.is_awaited() && !self.has_budget_for(&action);
        if too_late {
            let reason = "what is left of the time is too short to start a change at the vendor";
            self.answer(Answer::negative(self.late_reason(reason)));
        }
        let unwanted = !self.is_wanted(&action, &targets);
        if paused || unwanted || self.run.end.is_some() || self.must_stop() {
            let fault =
                Fault::new(action.name, Sent::No, Remedy::Retry { after: None }).because("no longer wanted");
            self.outcome(intent, Outcome::NotSent(fault));
            return self.begin();
        }
        let first = self.own_twins(&action).find(|twin| twin.is_unanswered()).map_or(intent, |c| c.intent);
        self.run.phase = Phase::Applying { intent };
        self.effects.push(Effect::Apply { intent, action, first });
    }

    /// Changes of this request that are the same as `action`, in the order in which they were sent.
    fn own_twins<'a>(&'a self, action: &'a Action) -> impl Iterator<Item = &'a Change> {
        self.ledger.changes_of(&self.run.request.id).filter(|change| {
            change.action.name == action.name
                && change.action.gives == action.gives
                && change.action.takes == action.takes
        })
    }

    /// What cannot be read back is sent only where the vendor knows a repetition by its key, and not again once it was answered (rule 6).
    pub(super) fn may_send_unread(&self, plan: &Plan) -> bool {
        !plan.actions.is_empty() && plan.actions.iter().all(|action| self.is_known_by_its_key(action))
    }

    /// Whether the action gives or takes what the reading does not show, and the vendor would not know a repetition by its key.
    fn is_blind(&self, action: &Action, targets: &Targets) -> bool {
        let goal = &targets.goal;
        let touched = action.gives.intersection(&goal.hold).chain(action.takes.intersection(&goal.release));
        let is_unread =
            |facet: &Facet| self.run.seen.as_ref().is_some_and(|seen| *seen.hold(facet) == Hold::Unreadable);
        touched.into_iter().any(is_unread) && !self.is_known_by_its_key(action)
    }

    /// Whether the vendor knows a repetition by its key, and the change was not answered before.
    fn is_known_by_its_key(&self, action: &Action) -> bool {
        let answered = |twin: &Change| matches!(twin.state, ChangeState::Answered { .. });
        action.repeat == Repeat::Keyed && !self.own_twins(action).any(answered)
    }

    /// Whether the action still serves the goal: a later order may have named what it gives (rule 9), or its time be over (rule 17).
    fn is_wanted(&self, action: &Action, targets: &Targets) -> bool {
        if self.is_order() {
            return true;
        }
        let mut asked =
            self.run.request.permissions.iter().flat_map(|permission| permission.facets.iter().flatten());
        asked.all(|facet| targets.goal.hold.contains(facet) || !action.gives.contains(facet))
    }

    /// A change's call has ended.
    pub(super) fn applied(&mut self, intent: u64, result: Result<Receipt, Fault>) {
        let fault = match result {
            Ok(receipt) => {
                self.run.setbacks = 0;
                self.run.looks = 0;
                if receipt.watch.is_some() {
                    // How to ask for its end must not be lost with the process (rule 7).
                    self.run.rounds = self.run.rounds.saturating_add(1);
                    let (outcome, ended) = (Outcome::Answered(receipt), self.now.stamp);
                    return self.commit(vec![Record::Outcome { intent, outcome, ended }], Phase::Noting);
                }
                self.outcome(intent, Outcome::Answered(receipt));
                let done = self.ledger.changes.iter().find(|change| change.intent == intent);
                if let Some(action) = done.map(|change| change.action.clone()) {
                    self.settle_cancelled(&action);
                }
                let targets = self.targets(self.run.seen.as_ref());
                return self.next_action(&targets);
            }
            Err(fault) => fault,
        };
        let why = fault.to_string();
        match (fault.remedy.clone(), fault.sent) {
            (Remedy::Throttled { after }, _) | (Remedy::Retry { after }, Sent::No) => {
                self.outcome(intent, Outcome::NotSent(fault));
                self.set_back(after, &why);
            }
            (Remedy::ReadBack, Sent::No) => {
                self.outcome(intent, Outcome::NotSent(fault));
                self.set_back(None, &why);
            }
            (Remedy::Person, Sent::No | Sent::Yes) => {
                self.outcome(intent, Outcome::Refused(fault));
                self.needs_human(why);
            }
            (Remedy::Refused(refusal), _) => {
                self.outcome(intent, Outcome::Refused(fault));
                if refusal.kind == RefusalKind::NoSeat {
                    self.alert(AlertKind::NoSeat, refusal.sentence.clone());
                }
                self.run.refusals.push(refusal);
                self.after_refusal();
            }
            (Remedy::Retry { .. } | Remedy::ReadBack | Remedy::Person, _) => {
                // It may have arrived: never sent again before a reading says that it is still wanting (rule 4).
                self.outcome(intent, Outcome::Unknown(fault));
                self.run.looks = 0;
                self.look();
            }
        }
    }

    /// A provision stops, and looks once more to name what is done; an order does what it can (rule 18).
    fn after_refusal(&mut self) {
        if self.run.request.direction == Direction::Provision {
            return self.look();
        }
        let targets = self.targets(self.run.seen.as_ref());
        self.next_action(&targets);
    }

    /// Why nothing (more) is sent, if something is refused. An order does what it can first.
    fn refusal_of(&self, plan: &Plan) -> Option<String> {
        let planned = plan.refused.iter().map(|(_, refusal)| &refusal.sentence);
        let sentences: Vec<&str> =
            planned.chain(self.run.refusals.iter().map(|r| &r.sentence)).map(String::as_str).collect();
        let first_round = self.run.refusals.is_empty();
        if sentences.is_empty() || (self.is_order() && first_round && !plan.actions.is_empty()) {
            return None;
        }
        Some(sentences.join("; "))
    }

    fn stopped_by_refusal(&mut self, targets: &Targets, reason: String) {
        let reason = match self.statement(targets) {
            left if self.has_own_changes() => format!("{reason} ({left})"),
            _ => reason,
        };
        if self.is_order() {
            return self.needs_human(reason);
        }
        self.end(Execution::Refused, reason);
    }

    fn nothing_to_send(&mut self, targets: &Targets) {
        let left = self.statement(targets);
        self.needs_human(format!("something is left to do, and the connector knows no step for it ({left})"));
    }

    fn dry_run(&mut self, plan: &Plan) {
        let would: Vec<String> = plan.actions.iter().map(|action| action.summary.clone()).collect();
        let refused = plan.refused.iter().map(|(_, refusal)| refusal.sentence.clone());
        let said: Vec<String> = would.iter().map(|what| format!("would {what}")).chain(refused).collect();
        self.note(Record::Planned { would, refused: plan.refused.clone() });
        self.end(Execution::Refused, format!("dry run, nothing was sent: {}", said.join("; ")));
    }

    /// A change starts only if what is left covers its own time-out, another reading and a second (rule 16).
    pub(super) fn has_budget_for(&self, action: &Action) -> bool {
        let (Some(deadline), None) = (self.run.deadline, &self.run.answer) else { return true };
        let reading = self.run.first_reading.unwrap_or_default();
        let own = action.timeout.saturating_add(reading).saturating_add(Duration::from_secs(1));
        deadline.saturating_sub(self.now.ticks()) >= own.max(self.world.limits.min_change_budget)
    }

    /// Whether the same change went out before, nobody knows what came of it, and it may never be repeated (rule 6).
    fn never_again(&self, action: &Action) -> bool {
        action.repeat == Repeat::Never
            && self.ledger.changes_of(&self.run.request.id).any(|change| {
                change.action.name == action.name && !matches!(change.state, ChangeState::Answered { .. })
            })
    }

    /// When the same step last sent this person mail, if that is less than a day ago (rule 24).
    fn mailed(&self, action: &Action) -> Option<jiff::Timestamp> {
        self.ledger.mailed(&action.name, self.now.wall).filter(|_| action.notifies_person)
    }

    /// Whether today's mapping differs from the one that was accepted (rule 29).
    fn has_another_mapping(&self) -> bool {
        if !self.run.check_mapping || self.takes_only() {
            return false;
        }
        let today = self.policy().map(|policy| &policy.permissions);
        self.run
            .request
            .permissions
            .iter()
            .any(|permission| today.and_then(|map| map.get(&permission.name)) != permission.facets.as_ref())
    }
}
