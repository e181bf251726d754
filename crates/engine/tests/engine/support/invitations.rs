//! A vendor that invites people to its teams: they are members once they accept.

use jiff::Timestamp;
use usher_core::{Awaits, Facet, Hold};

use super::vendor::{State, Vendor};

/// An invitation of a person to a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invitation {
    pub(super) email: String,
    pub(super) facet: Facet,
    pub(super) is_open: bool,
    /// It is there, and no reading shows it.
    pub(super) is_hidden: bool,
    /// When it was made.
    pub(super) at: Timestamp,
}

impl Vendor {
    /// From here on people are invited to teams.
    pub(crate) fn invites(&self) -> &Self {
        self.lock().invites = true;
        self
    }

    /// It can tell with authority that somebody has neither an invitation nor access.
    pub(crate) fn vouches(&self) -> &Self {
        self.lock().vouches = true;
        self
    }

    /// Without Usher.
    pub(crate) fn invites_by_hand(&self, email: &str, team: &str) -> &Self {
        invite(&mut self.lock(), email, &Facet::new("team", team), Timestamp::UNIX_EPOCH);
        self
    }

    /// The person accepts all that is open.
    pub(crate) fn accepts(&self, email: &str) -> &Self {
        let open: Vec<Facet> = self.lock().open(email).map(|one| one.facet.clone()).collect();
        for facet in &open {
            self.lock().cancel(email, facet);
            self.gives(email, &facet.slot, &facet.value);
        }
        self
    }

    /// What is open lapses, and is listed as lapsed.
    pub(crate) fn lapses(&self, email: &str) -> &Self {
        for one in self.lock().invitations.iter_mut().filter(|one| one.email == email) {
            one.is_open = false;
        }
        self
    }

    /// What is open is not shown any more, nor listed as lapsed: it may have been accepted by somebody who cannot be matched.
    pub(crate) fn loses_sight_of(&self, email: &str) -> &Self {
        for one in self.lock().invitations.iter_mut().filter(|one| one.email == email) {
            one.is_hidden = true;
        }
        self
    }

    /// What a person is invited to: `team a, team b`.
    pub(crate) fn invited(&self, email: &str) -> String {
        let state = self.lock();
        let open = state.open(email).map(|one| one.facet.to_string());
        open.collect::<Vec<_>>().join(", ")
    }

    /// Every invitation that was ever made: to whom, to what, and when.
    pub(crate) fn invitations_made(&self) -> Vec<(String, String, Timestamp)> {
        self.lock().made.clone()
    }
}

impl State {
    fn open(&self, email: &str) -> impl Iterator<Item = &Invitation> {
        self.invitations.iter().filter(move |one| one.email == email && one.is_open)
    }

    pub(super) fn cancel(&mut self, email: &str, facet: &Facet) -> bool {
        let before = self.invitations.len();
        self.invitations.retain(|one| !(one.email == email && one.facet == *facet && one.is_open));
        self.invitations.len() != before
    }

    /// What a reading shows of a team that the person is not in. `known`: an invitation may be open.
    pub(super) fn shown(&self, email: &str, facet: &Facet, known: Option<Timestamp>) -> Hold {
        if self.open(email).any(|one| one.facet == *facet && !one.is_hidden) {
            return Hold::Pending { awaits: Awaits::Invitee, until: None };
        }
        let Some(known) = known.filter(|_| self.invites && facet.slot == "team") else { return Hold::Absent };
        // It vouches for what it lists as lapsed, and for what is seen to be about something else.
        let lapsed =
            |one: &Invitation| one.email == email && one.facet == *facet && !one.is_open && one.at >= known;
        let elsewhere = self.open(email).any(|one| !one.is_hidden && one.at >= known);
        if self.vouches || elsewhere || self.invitations.iter().any(lapsed) {
            Hold::Absent
        } else {
            Hold::Unreadable
        }
    }
}

pub(super) fn invite(state: &mut State, email: &str, facet: &Facet, at: Timestamp) -> bool {
    if state.open(email).any(|one| one.facet == *facet) {
        return false;
    }
    state.made.push((email.to_owned(), facet.to_string(), at));
    state.invitations.push(Invitation {
        email: email.to_owned(),
        facet: facet.clone(),
        is_open: true,
        is_hidden: false,
        at,
    });
    true
}
