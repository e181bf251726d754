//! What goes.

use std::collections::BTreeSet;

use usher_core::{Facet, Hold, RefusalKind};

use super::{Planning, only, word};
use crate::change::Change;
use crate::entitlement::{ORG_ROLE, TEAM};
use crate::error::LAST_OWNER;
use crate::facts::{Held, Person};
use crate::role::Role;

/// Whoever loses access to a private repository loses their forks of it
/// (<https://docs.github.com/en/organizations/managing-membership-in-your-organization/removing-a-member-from-your-organization>).
const FORKS: &str = "their private forks of repositories that they lose access to are deleted";

impl Planning<'_> {
    /// Of somebody who may be a member under a login that nobody can link with the address.
    pub(super) fn refuse_removal(&mut self) {
        let going = self.goal.release.clone();
        if going.is_empty() {
            return;
        }
        let why = if self.facts.doubtful {
            "GitHub shows neither the invitation that was sent nor its end, and does not tell who has accepted it"
        } else {
            "GitHub does not tell whether a member belongs to this address, and no account is known for it"
        };
        let sentence = format!(
            "{why}: see in the organisation whether the person is a member under some login, remove them there, then close the request."
        );
        self.refuse(going, RefusalKind::Unresolvable, sentence);
    }

    pub(super) fn release(&mut self) {
        let goal = self.goal;
        let going: BTreeSet<Facet> = goal
            .release
            .iter()
            .filter(|facet| matches!(self.seen.hold(facet), Hold::Present | Hold::Pending { .. }))
            .cloned()
            .collect();
        if going.is_empty() {
            return;
        }
        match (self.facts.active(), &self.facts.person) {
            (Some(held), Some(person)) => self.release_member(held, person, &going),
            _ => self.release_invitation(&going),
        }
    }

    fn release_member(&mut self, held: Held, person: &Person, going: &BTreeSet<Facet>) {
        let role_goes = going.iter().any(|facet| facet.slot == ORG_ROLE);
        let back = self.goal.restore.get(ORG_ROLE).and_then(|role| Role::parse(role));
        let is_given = self.goal.hold.iter().any(|facet| facet.slot == ORG_ROLE);
        if role_goes && !is_given {
            if held == Held::Role(Role::Admin) && self.facts.is_last_owner {
                return self.refuse(going.clone(), RefusalKind::Protected, LAST_OWNER);
            }
            let Some(back) = back else { return self.remove_member(person) };
            let change = Change::SetRole { user_id: person.id, role: back };
            let takes = going.iter().filter(|facet| facet.slot == ORG_ROLE).cloned().collect();
            let gives = only(&Facet::new(ORG_ROLE, back.as_str()));
            let summary = format!("make the person {} again", word(back));
            self.plan.actions.push(change.action(summary, gives, takes));
        }
        for facet in going.iter().filter(|facet| facet.slot == TEAM) {
            let change = Change::LeaveTeam { user_id: person.id, team: facet.value.clone() };
            let summary = format!("take the person out of the team {}: {FORKS}", facet.value);
            self.plan.actions.push(change.action(summary, BTreeSet::new(), only(facet)));
        }
    }

    /// All that the organisation gives goes with the membership, and an invitation that is still open as well: it would bring
    /// the person back.
    fn remove_member(&mut self, person: &Person) {
        self.cancel_invitations();
        let change = Change::RemoveMember { user_id: person.id };
        let summary = format!(
            "remove the person from the organisation, and so from all its teams, those that others gave as well: {FORKS}"
        );
        self.plan.actions.push(change.action(summary, BTreeSet::new(), self.shown()));
    }

    /// Of somebody who is invited and no member.
    fn release_invitation(&mut self, going: &BTreeSet<Facet>) {
        if going.iter().any(|facet| facet.slot == ORG_ROLE) {
            if self.cancel_invitations() {
                return;
            }
            // The account's invitation is one that the list does not show.
            if let Some(person) = &self.facts.person {
                let change = Change::CancelMembership { user_id: person.id };
                let takes = self.shown();
                self.plan.actions.push(change.action("cancel the invitation", BTreeSet::new(), takes));
            }
            return;
        }
        let pending = self.facts.membership.is_some_and(|membership| !membership.active);
        match &self.facts.person {
            Some(person) if pending => {
                for facet in going {
                    let change = Change::LeaveTeam { user_id: person.id, team: facet.value.clone() };
                    let summary = format!("take the team {} out of the invitation", facet.value);
                    self.plan.actions.push(change.action(summary, BTreeSet::new(), only(facet)));
                }
            }
            _ => {
                let sentence = "The open invitation gives it together with what stays: have it accepted, or cancel it in GitHub, then run it again.";
                self.refuse(going.clone(), RefusalKind::Other, sentence);
            }
        }
    }

    /// Cancels what the list shows; true if there is any.
    fn cancel_invitations(&mut self) -> bool {
        for invitation in &self.facts.invitations {
            let change = Change::CancelInvitation { invitation_id: invitation.id };
            let takes = self.shown();
            self.plan.actions.push(change.action("cancel the invitation", BTreeSet::new(), takes));
        }
        !self.facts.invitations.is_empty()
    }

    /// Everything that the reading shows: it goes together (rule 23).
    fn shown(&self) -> BTreeSet<Facet> {
        let shown = |hold: &Hold| matches!(hold, Hold::Present | Hold::Pending { .. });
        let facets = self.seen.facets.iter().filter(|(_, hold)| shown(hold));
        facets.map(|(facet, _)| facet.clone()).collect()
    }
}
