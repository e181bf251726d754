//! The pure half: what would have to be called. No I/O, no clock.

use std::collections::BTreeSet;

use usher_core::{Account, Facet, Goal, Plan, Refusal, RefusalKind, Snapshot};

use crate::change::{Change, TICKETS_AT_ONCE};
use crate::config::Unsuspend;
use crate::entitlement::{GROUP, ROLE, is_baseline};
use crate::facts::{Facts, Group, User};
use crate::roles::{END_USER, Target, Unresolved};

/// What the settings say about planning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) suspend_on_removal: bool,
    pub(crate) unsuspend: Unsuspend,
    pub(crate) verify_email: bool,
    pub(crate) reassign_to: Option<u64>,
}

/// The calls that lead from `seen` to `goal`.
pub(crate) fn plan(rules: &Rules, seen: &Snapshot, goal: &Goal) -> Plan {
    let Ok(facts) = Facts::of(seen) else {
        return refuse_all(goal, RefusalKind::Other, UNREADABLE);
    };
    match (&seen.account, &facts.user) {
        (Account::Ambiguous { hits }, _) => refuse_all(
            goal,
            RefusalKind::Ambiguous,
            format!(
                "{hits} Zendesk users bear this address: merge them or change an address in Zendesk, then run it again."
            ),
        ),
        (Account::Protected { why }, _) => refuse_all(goal, RefusalKind::Protected, why.clone()),
        (Account::Found { .. }, Some(user)) => {
            let mut planning = Planning { rules, seen, goal, facts: &facts, user, plan: Plan::default() };
            planning.grant();
            planning.release();
            planning.plan
        }
        (Account::Absent, _) => create(rules, &facts, goal),
        (Account::Found { .. } | Account::Invited, _) => refuse_all(goal, RefusalKind::Other, UNREADABLE),
    }
}

const UNREADABLE: &str = "The reading of Zendesk cannot be understood: run the request again.";

/// Nobody bears the address. Groups follow once the account is there: they need its id.
fn create(rules: &Rules, facts: &Facts, goal: &Goal) -> Plan {
    let mut plan = Plan::default();
    refuse_unknown_groups(facts, goal, &mut plan);
    let Some(role) = wanted_role(goal, &mut plan) else {
        refuse_groups_without_role(goal, &mut plan);
        return plan;
    };
    match facts.catalogue.target(&role.value) {
        Err(unresolved) => plan.refused.push((only(role), no_such_role(&role.value, unresolved))),
        Ok(target) => {
            let change = Change::CreateUser { target, verify_email: rules.verify_email };
            let summary = format!("create the user with the role {}", role.value);
            plan.actions.push(change.action(summary, only(role), BTreeSet::new()));
        }
    }
    plan
}

struct Planning<'a> {
    rules: &'a Rules,
    seen: &'a Snapshot,
    goal: &'a Goal,
    facts: &'a Facts,
    user: &'a User,
    plan: Plan,
}

impl Planning<'_> {
    fn grant(&mut self) {
        if self.goal.hold.is_empty() {
            return;
        }
        refuse_unknown_groups(self.facts, self.goal, &mut self.plan);
        if self.user.suspended && self.rules.unsuspend == Unsuspend::Never {
            let sentence = "The account is suspended in Zendesk: unsuspend it there, or set unsuspend = \"on-grant\", and run it again.";
            self.plan.refused.push((self.goal.hold.clone(), Refusal::new(RefusalKind::Protected, sentence)));
            return;
        }
        let role = wanted_role(self.goal, &mut self.plan).cloned();
        if role.is_none() && self.user.held.word == END_USER {
            refuse_groups_without_role(self.goal, &mut self.plan);
            return;
        }
        let unsuspended = match &role {
            Some(role) if !self.facts.catalogue.is(&self.user.held, &role.value) => {
                if !self.set_wanted_role(role) {
                    return;
                }
                true
            }
            _ => false,
        };
        if self.user.suspended && !unsuspended {
            let change = Change::SetSuspended { user_id: self.user.id, suspended: false };
            let action = change.action("unsuspend the user", self.goal.hold.clone(), BTreeSet::new());
            self.plan.actions.push(action);
        }
        self.join_groups();
    }

    /// Puts the role that is to be held; false if that is refused.
    fn set_wanted_role(&mut self, role: &Facet) -> bool {
        if self.user.held.protected {
            let sentence = format!(
                "The account is an administrator's (or the owner's) and is not made {}: change it in Zendesk if that is meant.",
                role.value
            );
            self.plan.refused.push((self.goal.hold.clone(), Refusal::new(RefusalKind::Protected, sentence)));
            return false;
        }
        match self.facts.catalogue.target(&role.value) {
            Err(unresolved) => {
                self.plan.refused.push((only(role), no_such_role(&role.value, unresolved)));
                false
            }
            Ok(target) => {
                let summary = format!("give the user the role {}", role.value);
                let taken = self.present_roles();
                self.set_role(target, self.user.suspended, summary, only(role), taken);
                true
            }
        }
    }

    fn set_role(
        &mut self,
        target: Target,
        unsuspend: bool,
        summary: String,
        gives: BTreeSet<Facet>,
        takes: BTreeSet<Facet>,
    ) {
        let change = Change::SetRole { user_id: self.user.id, target, unsuspend };
        self.plan.actions.push(change.action(summary, gives, takes));
    }

    /// After the role: Zendesk puts nobody into a group who is no agent.
    fn join_groups(&mut self) {
        let goal = self.goal;
        for facet in goal.hold.iter().filter(|facet| facet.slot == GROUP) {
            if self.facts.memberships.contains_key(&facet.value) {
                continue;
            }
            // What is missing or doubtful has been refused.
            if let Some(Group::Found(group_id)) = self.facts.groups.get(&facet.value) {
                let change = Change::JoinGroup { user_id: self.user.id, group_id: *group_id };
                let summary = format!("add the user to the group {}", facet.value);
                self.plan.actions.push(change.action(summary, only(facet), BTreeSet::new()));
            }
        }
    }

    fn release(&mut self) {
        if self.goal.release.is_empty() && !self.goal.remove_account {
            return;
        }
        let lost = self.present(&self.goal.release);
        let names_this_role = lost.iter().any(|facet| facet.slot == ROLE);
        if self.user.held.protected && !names_this_role {
            self.refuse_to_touch_administrator(lost);
            return;
        }
        // A plan that gives a role as well has given it in its first half.
        let given = self.goal.hold.iter().find(|facet| facet.slot == ROLE).map(|facet| facet.value.clone());
        let restores = names_this_role && given.is_none();
        let after = match given {
            Some(given) if names_this_role => given,
            _ if restores => self.goal.restore.get(ROLE).cloned().unwrap_or_else(|| END_USER.to_owned()),
            _ => self.user.held.word.clone(),
        };
        let becomes_end_user = restores && after == END_USER;
        if becomes_end_user || self.goal.remove_account {
            self.reassign_tickets();
        }
        if restores && !self.restore_role(&after, &lost, becomes_end_user) {
            return;
        }
        if !becomes_end_user {
            self.leave_groups(&lost);
        }
        self.end_account(&after, lost);
    }

    fn refuse_to_touch_administrator(&mut self, lost: BTreeSet<Facet>) {
        if lost.is_empty() && !self.goal.remove_account {
            return;
        }
        let sentence = "The account is an administrator's (or the owner's) and is not touched: take the access away in Zendesk.";
        self.plan.refused.push((lost, Refusal::new(RefusalKind::Protected, sentence)));
    }

    /// Puts the former role in place; false if that is refused.
    fn restore_role(&mut self, after: &str, lost: &BTreeSet<Facet>, becomes_end_user: bool) -> bool {
        match self.facts.catalogue.target(after) {
            Err(unresolved) => {
                let roles = lost.iter().filter(|facet| facet.slot == ROLE).cloned().collect();
                self.plan.refused.push((roles, no_such_role(after, unresolved)));
                false
            }
            Ok(target) => {
                let mut takes = self.present_roles();
                if becomes_end_user {
                    // An end-user is in no group: the next reading says whether Zendesk has ended the memberships.
                    takes.extend(lost.iter().cloned());
                }
                let gives = if becomes_end_user { BTreeSet::new() } else { only(&Facet::new(ROLE, after)) };
                let summary = format!("give the user the role {after} back");
                self.set_role(target, false, summary, gives, takes);
                true
            }
        }
    }

    fn leave_groups(&mut self, lost: &BTreeSet<Facet>) {
        for facet in lost.iter().filter(|facet| facet.slot == GROUP) {
            if let Some(membership_id) = self.facts.memberships.get(&facet.value) {
                let change = Change::LeaveGroup { membership_id: *membership_id };
                let summary = format!("take the user out of the group {}", facet.value);
                self.plan.actions.push(change.action(summary, BTreeSet::new(), only(facet)));
            }
        }
    }

    fn reassign_tickets(&mut self) {
        let Some(to) = self.rules.reassign_to.filter(|to| *to != self.user.id) else { return };
        for tickets in self.facts.tickets.chunks(TICKETS_AT_ONCE) {
            let summary = format!("reassign {} open tickets", tickets.len());
            let change = Change::ReassignTickets { tickets: tickets.to_vec(), to };
            self.plan.actions.push(change.action(summary, BTreeSet::new(), BTreeSet::new()));
        }
    }

    /// Last: the account itself, suspended or deleted.
    fn end_account(&mut self, after: &str, lost: BTreeSet<Facet>) {
        let role_is_released = self.goal.release.iter().any(|facet| facet.slot == ROLE);
        if self.goal.remove_account {
            let change = Change::DeleteUser { user_id: self.user.id };
            self.plan.actions.push(change.action("delete the user", BTreeSet::new(), lost));
        } else if self.rules.suspend_on_removal
            && role_is_released
            && after == END_USER
            && self.goal.hold.is_empty()
            && !self.user.suspended
        {
            let change = Change::SetSuspended { user_id: self.user.id, suspended: true };
            self.plan.actions.push(change.action("suspend the user", BTreeSet::new(), BTreeSet::new()));
        }
    }

    fn present(&self, of: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        let held = |facet: &&Facet| *self.seen.hold(facet) == usher_core::Hold::Present;
        of.iter().filter(held).cloned().collect()
    }

    /// The values of the role's slot that a change of role takes. To be an end-user is to hold nothing.
    fn present_roles(&self) -> BTreeSet<Facet> {
        let held = self.seen.facets.iter().filter(|(facet, hold)| {
            facet.slot == ROLE && !is_baseline(facet) && **hold == usher_core::Hold::Present
        });
        held.map(|(facet, _)| facet.clone()).collect()
    }
}

/// The one role to be held. Two are refused: they exclude each other.
fn wanted_role<'a>(goal: &'a Goal, plan: &mut Plan) -> Option<&'a Facet> {
    let mut roles = goal.hold.iter().filter(|facet| facet.slot == ROLE);
    let role = roles.next()?;
    if roles.next().is_none() {
        return Some(role);
    }
    let all = goal.hold.iter().filter(|facet| facet.slot == ROLE).cloned().collect();
    let sentence = "The permissions ask for different Zendesk roles at once: request one of them.";
    plan.refused.push((all, Refusal::new(RefusalKind::Invalid, sentence)));
    None
}

/// The configuration never compiles to groups alone: whoever asks for them has lost the role that they came with.
fn refuse_groups_without_role(goal: &Goal, plan: &mut Plan) {
    let groups: BTreeSet<Facet> = goal.hold.iter().filter(|facet| facet.slot == GROUP).cloned().collect();
    if !groups.is_empty() {
        let sentence = "Only agents can be in a group: grant a role first.";
        plan.refused.push((groups, Refusal::new(RefusalKind::Invalid, sentence)));
    }
}

fn refuse_unknown_groups(facts: &Facts, goal: &Goal, plan: &mut Plan) {
    for facet in goal.hold.iter().filter(|facet| facet.slot == GROUP) {
        if facts.memberships.contains_key(&facet.value) {
            continue;
        }
        let refusal = match facts.groups.get(&facet.value) {
            Some(Group::Found(_)) => continue,
            Some(Group::Several) => Refusal::new(
                RefusalKind::Ambiguous,
                format!("Zendesk has several groups named {}: rename one of them.", facet.value),
            ),
            Some(Group::Missing) | None => Refusal::new(
                RefusalKind::Unresolvable,
                format!(
                    "Zendesk has no group named {}: create it, or correct the configuration.",
                    facet.value
                ),
            ),
        };
        plan.refused.push((only(facet), refusal));
    }
}

fn no_such_role(word: &str, unresolved: Unresolved) -> Refusal {
    match unresolved {
        Unresolved::Missing => Refusal::new(
            RefusalKind::Unresolvable,
            format!(
                "Zendesk has no role {word}: correct the configuration, or see whether the plan includes it."
            ),
        ),
        Unresolved::Several => Refusal::new(
            RefusalKind::Ambiguous,
            format!("Zendesk has several roles named {word}: rename one of them."),
        ),
        Unresolved::Protected => Refusal::new(
            RefusalKind::Protected,
            format!(
                "{word} is an administrator's role, which is not given by its name: write role = \"admin\" if administrators are to be made."
            ),
        ),
    }
}

fn refuse_all(goal: &Goal, kind: RefusalKind, sentence: impl Into<String>) -> Plan {
    let facets: BTreeSet<Facet> = goal.hold.union(&goal.release).cloned().collect();
    if facets.is_empty() && !goal.remove_account {
        return Plan::default();
    }
    Plan { actions: Vec::new(), refused: vec![(facets, Refusal::new(kind, sentence))] }
}

fn only(facet: &Facet) -> BTreeSet<Facet> {
    BTreeSet::from([facet.clone()])
}

#[cfg(test)]
mod tests;
