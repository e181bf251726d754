//! The pure half: what would have to be called. No I/O, no clock.

mod release;

use std::collections::BTreeSet;

use usher_core::{Account, Facet, Goal, Hold, Plan, Refusal, RefusalKind, Snapshot};

use crate::change::Change;
use crate::entitlement::{ORG_ROLE, TEAM};
use crate::error::MANAGED;
use crate::facts::{Facts, FoundBy, Held, Person, Team};
use crate::role::Role;

/// What the settings and the address say about planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Whether there are invitations at all.
    pub(crate) invites: bool,
    /// Whether the organisation's accounts are managed users.
    pub(crate) managed_users: bool,
    /// Whether an address may be invited.
    pub(crate) by_email: bool,
    /// Whether a returning member is reinstated.
    pub(crate) reinstate: bool,
}

/// The calls that lead from `seen` to `goal`.
pub(crate) fn plan(rules: &Rules, seen: &Snapshot, goal: &Goal) -> Plan {
    let Ok(facts) = Facts::of(seen) else {
        return refuse_all(
            goal,
            RefusalKind::Other,
            "The reading of GitHub cannot be understood: run the request again.",
        );
    };
    if let Account::Ambiguous { hits } = &seen.account {
        let sentence = format!(
            "{hits} GitHub accounts would fit the person: unlink all but one in the identity provider, then run it again."
        );
        return refuse_all(goal, RefusalKind::Ambiguous, sentence);
    }
    let mut planning = Planning { rules, seen, goal, facts: &facts, plan: Plan::default() };
    // An invitation that may be open is neither sent again nor cancelled blindly (rule 23).
    if !facts.doubtful {
        planning.grant();
    }
    if facts.doubtful || facts.unlinked {
        planning.refuse_removal();
    } else {
        planning.release();
    }
    planning.plan
}

struct Planning<'a> {
    rules: &'a Rules,
    seen: &'a Snapshot,
    goal: &'a Goal,
    facts: &'a Facts,
    plan: Plan,
}

impl Planning<'_> {
    fn grant(&mut self) {
        let wanting: BTreeSet<Facet> = self
            .goal
            .hold
            .iter()
            .filter(|facet| matches!(self.seen.hold(facet), Hold::Absent | Hold::Unreadable))
            .cloned()
            .collect();
        if wanting.is_empty() || self.refuse_what_cannot_be(&wanting) {
            return;
        }
        match (self.facts.active(), self.facts.invited()) {
            (Some(held), _) => self.raise(held, &wanting),
            (None, Some((role, _))) => self.extend_invitation(role, &wanting),
            // One to be a billing manager, say.
            (None, None) if !self.facts.invitations.is_empty() => self.refuse(
                wanting,
                RefusalKind::Other,
                "An invitation to another role is open: have it accepted, or cancel it in GitHub, then run it again.",
            ),
            (None, None) => self.bring_in(&wanting),
        }
    }

    /// What no step could give; true if there is any.
    fn refuse_what_cannot_be(&mut self, wanting: &BTreeSet<Facet>) -> bool {
        for facet in wanting.iter().filter(|facet| facet.slot == TEAM) {
            if !matches!(self.facts.teams.get(&facet.value), Some(Team::Found(_))) {
                let sentence = format!(
                    "GitHub has no team {}: create it, or correct its slug in the configuration.",
                    facet.value
                );
                self.refuse(only(facet), RefusalKind::Unresolvable, sentence);
            }
        }
        let owner = Facet::new(ORG_ROLE, Role::Admin.as_str());
        let typed = self.facts.person.as_ref().is_some_and(|person| person.found_by == FoundBy::CustomField);
        if wanting.contains(&owner) && typed {
            let sentence = "Nobody is made an owner by a login that the requester typed: let the account be found by SAML, or invite the address.";
            self.refuse(only(&owner), RefusalKind::Unresolvable, sentence);
        }
        !self.plan.refused.is_empty()
    }

    /// Of somebody who is a member.
    fn raise(&mut self, held: Held, wanting: &BTreeSet<Facet>) {
        let Some(person) = &self.facts.person else { return };
        if let Some(facet) = wanting.iter().find(|facet| facet.slot == ORG_ROLE) {
            match (held, Role::parse(&facet.value)) {
                (Held::Role(Role::Member), Some(Role::Admin)) => {
                    let change = Change::SetRole { user_id: person.id, role: Role::Admin };
                    let takes = only(&Facet::new(ORG_ROLE, Role::Member.as_str()));
                    self.plan.actions.push(change.action("make the member an owner", only(facet), takes));
                }
                (Held::Role(Role::Admin), _) => {
                    let sentence = "The person is an owner of the organisation, and is not made an ordinary member: an owner sees every team as it is; change the role in GitHub if that is meant.";
                    return self.refuse(wanting.clone(), RefusalKind::Protected, sentence);
                }
                _ => {
                    let sentence = "The person has another role in the organisation, such as a billing manager's: change it in GitHub, then run it again.";
                    return self.refuse(wanting.clone(), RefusalKind::Protected, sentence);
                }
            }
        }
        self.join_teams(person, wanting);
    }

    fn join_teams(&mut self, person: &Person, wanting: &BTreeSet<Facet>) {
        for facet in wanting.iter().filter(|facet| facet.slot == TEAM) {
            let change = Change::JoinTeam { user_id: person.id, team: facet.value.clone() };
            let summary = format!("add the person to the team {}", facet.value);
            self.plan.actions.push(change.action(summary, only(facet), BTreeSet::new()));
        }
    }

    /// An invitation is open: no second one is sent.
    fn extend_invitation(&mut self, role: Role, wanting: &BTreeSet<Facet>) {
        let has_role = !wanting.iter().any(|facet| facet.slot == ORG_ROLE);
        // Teams can be added for an account that was invited, and not for an address.
        let pending = self.facts.membership.is_some_and(|membership| !membership.active);
        match &self.facts.person {
            Some(person) if has_role && pending => self.join_teams(person, wanting),
            _ => {
                let sentence = format!(
                    "An invitation as {} that does not give all of this is open: have it accepted, or cancel it in GitHub, then run it again.",
                    role.as_str()
                );
                self.refuse(wanting.clone(), RefusalKind::Other, sentence);
            }
        }
    }

    /// Of somebody outside.
    fn bring_in(&mut self, wanting: &BTreeSet<Facet>) {
        let Some(role) = self.wanted_role() else {
            let sentence = "Only members of the organisation can be in a team: grant membership first.";
            return self.refuse(wanting.clone(), RefusalKind::Invalid, sentence);
        };
        match &self.facts.person {
            Some(person) if !self.rules.invites || self.rules.managed_users || person.is_managed() => {
                let change = Change::AddMember { user_id: person.id, role };
                let gives = only(&Facet::new(ORG_ROLE, role.as_str()));
                let summary = format!("add the person to the organisation as {}", word(role));
                self.plan.actions.push(change.action(summary, gives, BTreeSet::new()));
                self.join_teams(person, wanting);
            }
            Some(person) => self.invite(Some(person.id), role),
            None if !self.rules.invites => {
                let sentence = "GitHub here knows no invitations, and no account was found for the person: let it be found by identify_by (\"saml\", or a custom field), then run it again.";
                self.refuse(wanting.clone(), RefusalKind::Unresolvable, sentence);
            }
            None if self.rules.managed_users => {
                self.refuse(wanting.clone(), RefusalKind::ManagedElsewhere, MANAGED);
            }
            None if self.rules.by_email => self.invite(None, role),
            None => {
                let sentence = "No GitHub account was found for the person: link it in the identity provider, or add \"invite-by-email\" to identify_by, then run it again.";
                self.refuse(wanting.clone(), RefusalKind::Unresolvable, sentence);
            }
        }
    }

    /// One invitation that gives all that is wanted.
    fn invite(&mut self, user_id: Option<u64>, role: Role) {
        let teams: Vec<&Facet> = self.goal.hold.iter().filter(|facet| facet.slot == TEAM).collect();
        let team_ids = teams.iter().filter_map(|facet| match self.facts.teams.get(&facet.value) {
            Some(Team::Found(id)) => Some(*id),
            _ => None,
        });
        let reinstate =
            self.rules.reinstate && self.facts.returns && user_id.is_some() && role == Role::Member;
        let mut summary = format!("invite the person as {}", word(role));
        if reinstate {
            summary.push_str(", with their former settings and teams");
        }
        if !teams.is_empty() {
            let slugs: Vec<&str> = teams.iter().map(|facet| facet.value.as_str()).collect();
            summary.push_str(&format!(" into {}", slugs.join(", ")));
        }
        let change = Change::Invite { user_id, role, reinstate, team_ids: team_ids.collect() };
        let gives = teams.into_iter().cloned().chain([Facet::new(ORG_ROLE, role.as_str())]).collect();
        self.plan.actions.push(change.action(summary, gives, BTreeSet::new()));
    }

    /// The one role to be held; the engine refuses two.
    fn wanted_role(&self) -> Option<Role> {
        let facet = self.goal.hold.iter().find(|facet| facet.slot == ORG_ROLE)?;
        Role::parse(&facet.value)
    }

    fn refuse(&mut self, facets: BTreeSet<Facet>, kind: RefusalKind, sentence: impl Into<String>) {
        self.plan.refused.push((facets, Refusal::new(kind, sentence)));
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Member => "a member",
        Role::Admin => "an owner",
    }
}

fn refuse_all(goal: &Goal, kind: RefusalKind, sentence: impl Into<String>) -> Plan {
    let facets: BTreeSet<Facet> = goal.hold.union(&goal.release).cloned().collect();
    if facets.is_empty() {
        return Plan::default();
    }
    Plan { actions: Vec::new(), refused: vec![(facets, Refusal::new(kind, sentence))] }
}

fn only(facet: &Facet) -> BTreeSet<Facet> {
    BTreeSet::from([facet.clone()])
}

#[cfg(test)]
mod tests;
