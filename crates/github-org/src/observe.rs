//! One reading of a person. Never writes.

mod person;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use usher_core::{
    Account, Awaits, Call, Evidence, Facet, Fault, Handles, Hold, Known, Snapshot, Subject, SubjectKey,
};

use crate::api::{self, Api};
use crate::entitlement::{ORG_ROLE, TEAM};
use crate::error::Operation;
use crate::facts::{Facts, FoundBy, Held, Invitation, Joined, Membership, Person, Team};
use crate::provisioner::GithubConnection;
use crate::role::Role;
use person::Found;

/// The handle of the person's account: its id, which stays when the login changes.
pub(crate) const USER_ID: &str = "user_id";
/// The handle of how the account was found.
const FOUND_BY: &str = "found_by";
/// The handle of the invitation that was sent.
pub(crate) const INVITATION_ID: &str = "invitation_id";
/// The handle of the account that the invitation went to; none if it went to an address.
pub(crate) const INVITED_ID: &str = "invited_id";
/// The handle of the role that the account has.
const HELD_ROLE: &str = "held_role";
/// The handle of an account that was a plain member once, for its return.
const FORMER_ID: &str = "former_id";
/// The handle of when it was certain that the person has nothing: that an invitation was cancelled, or the very account was no
/// member.
pub(crate) const ABSENT_AT: &str = "absent_at";
/// For so long it stays certain, so that a repeated order, or one of another permission, finds it so.
const ABSENT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Our clock and GitHub's may be this far apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Reads everything that planning needs.
pub(crate) async fn observe(
    connection: &GithubConnection,
    call: &Call,
    who: &Subject,
    known: &Known,
    of: &BTreeSet<Facet>,
) -> Result<Snapshot, Fault> {
    let mut reading = Reading {
        connection,
        api: &connection.api,
        call,
        known,
        key: who.key(),
        is_saml_shown: false,
        evidence: Vec::new(),
    };
    let mut snapshot = match reading.find(who).await? {
        Found::Several(hits) => {
            let facets = of.iter().map(|facet| (facet.clone(), Hold::Unreadable)).collect();
            snapshot(Account::Ambiguous { hits }, facets, &Facts::default())
        }
        Found::Nobody => reading.read(None, of).await?,
        Found::One(person) => reading.read(Some(person), of).await?,
    };
    snapshot.evidence = reading.evidence;
    Ok(snapshot)
}

struct Reading<'a> {
    connection: &'a GithubConnection,
    api: &'a Api,
    call: &'a Call,
    known: &'a Known,
    key: SubjectKey,
    /// The organisation's SAML identities were shown: whoever is not among them is nobody's account.
    is_saml_shown: bool,
    evidence: Vec<Evidence>,
}

impl Reading<'_> {
    fn saw(&mut self, operation: &Operation, shows: impl Into<String>) {
        let call = format!("{} {}", operation.method, operation.template);
        self.evidence.push(Evidence { call, shows: shows.into() });
    }

    fn handle(&self, name: &str) -> Option<u64> {
        self.known.handles.get(name).and_then(|id| id.parse().ok())
    }

    async fn read(&mut self, mut person: Option<Person>, of: &BTreeSet<Facet>) -> Result<Snapshot, Fault> {
        let membership = match &person {
            Some(person) => self.membership(person).await?,
            None => None,
        };
        let active = membership.is_some_and(|membership| membership.active);
        let has_invitations = self.connection.platform.invites();
        let mut facts = Facts { membership, ..Facts::default() };
        if has_invitations && (!active || self.known.invited.is_some()) {
            let (invitations, login) = self.invitations(person.as_ref()).await?;
            facts.invitations = invitations;
            if let (None, Some(login)) = (&person, login) {
                person = self.by_invitation(&login).await?;
            }
        }
        let invited = !facts.invitations.is_empty() || membership.is_some();
        facts.doubtful = has_invitations
            && !invited
            && match self.known.invited {
                Some(since) => !self.is_vouched_for(person.as_ref(), since).await?,
                None => false,
            };
        let mut absent_at = None;
        if !invited && !facts.doubtful {
            absent_at = self.absent_at(person.as_ref()).await?;
            facts.unlinked = absent_at.is_none() && !self.is_saml_shown;
        }
        (facts.teams, facts.joined) =
            self.teams(person.as_ref().filter(|_| membership.is_some()), of).await?;
        if membership == Some(Membership { role: Held::Role(Role::Admin), active: true }) {
            facts.is_last_owner = self.is_last_owner(person.as_ref()).await?;
        }
        facts.person = self.still_counts(person, &facts);
        facts.returns =
            facts.person.as_ref().is_some_and(|person| !active && self.handle(FORMER_ID) == Some(person.id));
        let mut snapshot = self.snapshot(&facts, of);
        snapshot.handles.extend(absent_at.map(|at| (ABSENT_AT.to_owned(), at.to_string())));
        Ok(snapshot)
    }

    /// Since when it is certain that somebody who shows nothing has nothing; `None`: they may be a member under a login that
    /// nobody can link with the address.
    async fn absent_at(&mut self, person: Option<&Person>) -> Result<Option<Timestamp>, Fault> {
        let now = self.connection.clock.now();
        // The very account is no member, or is not there any more; or the invitation has just been found lapsed.
        if person.is_some() || self.handle(USER_ID).is_some() || self.known.invited.is_some() {
            return Ok(Some(now));
        }
        let before = self.known.handles.get(ABSENT_AT).and_then(|at| at.parse::<Timestamp>().ok());
        if let Some(before) = before.filter(|before| now.duration_since(*before) <= ABSENT_FOR) {
            return Ok(Some(before));
        }
        let (Some(id), false) = (self.handle(INVITATION_ID), self.is_saml_shown) else { return Ok(None) };
        let failed = self.api.failed_invitations(self.call).await?;
        let listed = failed.iter().any(|invitation| invitation.id == id);
        self.saw(
            &api::LIST_FAILED,
            if listed { "the invitation has lapsed or failed" } else { "nothing of the invitation" },
        );
        Ok(listed.then_some(now))
    }

    async fn membership(&mut self, person: &Person) -> Result<Option<Membership>, Fault> {
        let membership = self.api.membership(self.call, &person.login).await?;
        let shows = match membership {
            None => "no member, and not invited by the account".to_owned(),
            Some(Membership { role, active }) => {
                let role = match role {
                    Held::Role(role) => role.as_str(),
                    Held::Other => "another role",
                };
                format!("{role}, {}", if active { "active" } else { "pending" })
            }
        };
        self.saw(&api::SHOW_MEMBERSHIP, shows);
        Ok(membership)
    }

    /// Open invitations to the address or to the account, and the login that one of them names.
    async fn invitations(
        &mut self,
        person: Option<&Person>,
    ) -> Result<(Vec<Invitation>, Option<String>), Fault> {
        let listed = self.api.invitations(self.call).await?;
        let total = listed.len();
        let ours: Vec<api::Invitation> =
            listed.into_iter().filter(|invitation| self.is_to(invitation, person)).collect();
        self.saw(&api::LIST_INVITATIONS, format!("open: {total}, to this person: {}", ours.len()));
        let login = ours.iter().find_map(|invitation| invitation.login.clone());
        let (api, call) = (self.api, self.call);
        let read = ours.into_iter().map(|invitation| async move {
            let teams = match invitation.team_count {
                Some(0) => Vec::new(),
                _ => api.invited_teams(call, invitation.id).await?,
            };
            Ok::<_, Fault>(Invitation {
                id: invitation.id,
                role: match invitation.role.as_str() {
                    // Only who was a plain member is reinstated.
                    "direct_member" | "reinstate" => Some(Role::Member),
                    "admin" => Some(Role::Admin),
                    _ => None,
                },
                until: invitation.created_at.and_then(api::lapses),
                teams: teams.into_iter().collect(),
            })
        });
        Ok((try_join_all(read).await?, login))
    }

    fn is_to(&self, invitation: &api::Invitation, person: Option<&Person>) -> bool {
        let to_address = invitation.email.as_deref().is_some_and(|email| SubjectKey::of(email) == self.key);
        let to_account = person.zip(invitation.login.as_deref()).is_some_and(|(person, login)| {
            // Logins are the same in any case.
            person.login.eq_ignore_ascii_case(login)
        });
        to_address || to_account || self.handle(INVITATION_ID) == Some(invitation.id)
    }

    /// Whether GitHub shows that the invitation that was intended has come to nothing (rule 23).
    async fn is_vouched_for(&mut self, person: Option<&Person>, since: Timestamp) -> Result<bool, Fault> {
        // The account that was invited is neither a member nor invited any more. An address could have been accepted by
        // another account.
        if person.is_some_and(|person| self.handle(INVITED_ID) == Some(person.id)) {
            return Ok(true);
        }
        let failed = self.api.failed_invitations(self.call).await?;
        // The remembered one may be an older one than the one that was intended last.
        let late = |invitation: &api::Invitation| {
            invitation.created_at.is_some_and(|made| made >= since.checked_sub(SKEW).unwrap_or(since))
        };
        let lapsed = failed.iter().any(|invitation| self.is_to(invitation, person) && late(invitation));
        let shows = if lapsed { "the invitation has lapsed or failed" } else { "nothing of the invitation" };
        self.saw(&api::LIST_FAILED, shows);
        Ok(lapsed)
    }

    /// The teams that are asked about, and how far the account is in them.
    async fn teams(
        &mut self,
        person: Option<&Person>,
        of: &BTreeSet<Facet>,
    ) -> Result<(BTreeMap<String, Team>, BTreeMap<String, Joined>), Fault> {
        let (api, call) = (self.api, self.call);
        let asked = of.iter().filter(|facet| facet.slot == TEAM).map(|facet| &facet.value);
        let read = asked.map(|slug| async move {
            let team = api.team(call, slug).await?;
            let joined = match (team, person) {
                (Some(_), Some(person)) => api.team_membership(call, slug, &person.login).await?,
                _ => None,
            };
            Ok::<_, Fault>((slug.clone(), team, joined))
        });
        let (mut teams, mut joined) = (BTreeMap::new(), BTreeMap::new());
        for (slug, team, found) in try_join_all(read).await? {
            let shows = match (team, found) {
                (None, _) => format!("no team {slug}"),
                (Some(_), None) => format!("not in the team {slug}"),
                (Some(_), Some(Joined::Active)) => format!("in the team {slug}"),
                (Some(_), Some(Joined::Pending)) => format!("invited to the team {slug}"),
            };
            self.saw(if person.is_some() { &api::SHOW_TEAM_MEMBERSHIP } else { &api::SHOW_TEAM }, shows);
            joined.extend(found.map(|found| (slug.clone(), found)));
            teams.insert(slug, team.map_or(Team::Missing, Team::Found));
        }
        Ok((teams, joined))
    }

    async fn is_last_owner(&mut self, person: Option<&Person>) -> Result<bool, Fault> {
        let owners = self.api.owners(self.call).await?;
        self.saw(&api::LIST_OWNERS, format!("owners: {}", owners.len()));
        let own = person.map(|person| person.id);
        Ok(!owners.iter().any(|owner| Some(*owner) != own))
    }

    /// An account that is known from before counts as long as it has or may have something; an address is recycled sooner or
    /// later (rule 27). One that was found just now counts anyway.
    fn still_counts(&self, person: Option<Person>, facts: &Facts) -> Option<Person> {
        let remembered = self.handle(USER_ID);
        let has_something = facts.membership.is_some() || !facts.invitations.is_empty() || facts.doubtful;
        person.filter(|person| person.is_found_now || remembered != Some(person.id) || has_something)
    }

    fn snapshot(&self, facts: &Facts, of: &BTreeSet<Facet>) -> Snapshot {
        let account = match (&facts.person, facts.membership, facts.invited()) {
            (Some(person), Some(membership), _) if membership.active => {
                Account::Found { id: Some(person.id.to_string()) }
            }
            (_, _, Some(_)) => Account::Invited,
            (Some(person), ..) => Account::Found { id: Some(person.id.to_string()) },
            (None, ..) if !facts.invitations.is_empty() => Account::Invited,
            (None, ..) => Account::Absent,
        };
        let mut facets: BTreeMap<Facet, Hold> =
            of.iter().map(|facet| (facet.clone(), held(facts, facet))).collect();
        let mut current = BTreeMap::new();
        if let Some(Held::Role(role)) = facts.active() {
            facets.insert(Facet::new(ORG_ROLE, role.as_str()), Hold::Present);
            current.insert(ORG_ROLE.to_owned(), role.as_str().to_owned());
        } else if let Some((role, _)) = facts.invited() {
            let facet = Facet::new(ORG_ROLE, role.as_str());
            facets.insert(facet.clone(), held(facts, &facet));
        }
        let invited_teams = facts.invitations.iter().flat_map(|invitation| &invitation.teams);
        for team in invited_teams {
            let facet = Facet::new(TEAM, team);
            facets.insert(facet.clone(), held(facts, &facet));
        }
        let mut snapshot = snapshot(account, facets, facts);
        snapshot.current = current;
        snapshot.handles = self.handles(facts);
        snapshot
    }

    fn handles(&self, facts: &Facts) -> Handles {
        let mut handles = Handles::new();
        let mut keep = |name: &str, value: Option<String>| {
            handles.extend(value.map(|value| (name.to_owned(), value)));
        };
        if let Some(person) = &facts.person {
            keep(USER_ID, Some(person.id.to_string()));
            keep(FOUND_BY, Some(person.found_by.as_str().to_owned()));
        }
        if let Some(Held::Role(role)) = facts.active() {
            keep(HELD_ROLE, Some(role.as_str().to_owned()));
        }
        let before = |name: &str| self.known.handles.get(name).cloned();
        let is_invited = !facts.invitations.is_empty();
        if is_invited || facts.doubtful {
            let listed = facts.invitations.first().map(|invitation| invitation.id.to_string());
            keep(INVITATION_ID, listed.or_else(|| before(INVITATION_ID)));
            keep(INVITED_ID, before(INVITED_ID));
        } else if facts.person.is_none() && facts.membership.is_none() {
            // GitHub goes on listing it where it has lapsed.
            keep(INVITATION_ID, before(INVITATION_ID));
        }
        if self.connection.settings.reinstate && facts.active().is_none() {
            // Who was more than a member would get that back too.
            let was_member = before(HELD_ROLE).as_deref() == Some(Role::Member.as_str());
            keep(FORMER_ID, before(USER_ID).filter(|_| was_member).or_else(|| before(FORMER_ID)));
        }
        handles
    }
}

/// Whether a facet is held.
fn held(facts: &Facts, facet: &Facet) -> Hold {
    if let Some(role) = facts.active() {
        return match facet.slot.as_str() {
            ORG_ROLE if role == Role::parse(&facet.value).map_or(Held::Other, Held::Role) => Hold::Present,
            TEAM => in_team(facts, &facet.value),
            _ => Hold::Absent,
        };
    }
    if facts.doubtful {
        return Hold::Unreadable;
    }
    let Some((role, until)) = facts.invited() else { return Hold::Absent };
    let pending = Hold::Pending { awaits: Awaits::Invitee, until };
    let is_in = match facet.slot.as_str() {
        ORG_ROLE => Role::parse(&facet.value) == Some(role),
        _ => {
            facts.joined.contains_key(&facet.value)
                || facts.invitations.iter().any(|invitation| invitation.teams.contains(&facet.value))
        }
    };
    match facts.teams.get(&facet.value) {
        _ if is_in => pending,
        // Renamed, perhaps: the invitation may have it under another slug.
        Some(Team::Missing) if facet.slot == TEAM && invites_to_teams(facts) => Hold::Unreadable,
        _ => Hold::Absent,
    }
}

fn in_team(facts: &Facts, slug: &str) -> Hold {
    match (facts.joined.get(slug), facts.teams.get(slug)) {
        (Some(Joined::Active), _) => Hold::Present,
        (Some(Joined::Pending), _) => Hold::Pending { awaits: Awaits::Invitee, until: None },
        // Renamed, perhaps: the person may be in it under another slug.
        (None, Some(Team::Missing)) => Hold::Unreadable,
        (None, _) => Hold::Absent,
    }
}

fn invites_to_teams(facts: &Facts) -> bool {
    facts.invitations.iter().any(|invitation| !invitation.teams.is_empty())
}

fn snapshot(account: Account, facets: BTreeMap<Facet, Hold>, facts: &Facts) -> Snapshot {
    Snapshot {
        account,
        facets,
        current: BTreeMap::new(),
        handles: Handles::new(),
        watches: Vec::new(),
        facts: facts.to_value(),
        lag: Duration::ZERO,
        evidence: Vec::new(),
    }
}
