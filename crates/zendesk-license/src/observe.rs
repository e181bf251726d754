//! One reading of a person. Never writes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{try_join_all, try_join3};
use serde_json::Value;
use usher_core::{
    Account, Call, Evidence, Facet, Fault, Handles, Hold, Known, Refusal, RefusalKind, Remedy, Sent,
    Snapshot, Subject, SubjectKey, Watch, WatchState,
};

use crate::api::{self, Api, Group as WireGroup, Membership, Ticket, User as WireUser};
use crate::apply::JOB;
use crate::entitlement::{GROUP, ROLE};
use crate::error::Operation;
use crate::facts::{Facts, Group, User};
use crate::provisioner::ZendeskConnection;
use crate::roles::{ADMIN, AGENT, Catalogue, END_USER};

/// The handle of an account.
pub(crate) const USER_ID: &str = "user_id";
/// Users whose other addresses are read because the search thinks that they resemble the one that is looked for.
const MOST_CANDIDATES: usize = 25;
/// Tickets that are reassigned for one removal.
const MOST_TICKETS: usize = 1_000;

/// Who was found.
enum Found {
    Nobody {
        /// The remembered account was read, and is deleted.
        deleted: bool,
    },
    One(u64, WireUser),
    Several(u32),
}

/// Reads everything that planning needs.
pub(crate) async fn observe(
    connection: &ZendeskConnection,
    call: &Call,
    who: &Subject,
    known: &Known,
    of: &BTreeSet<Facet>,
) -> Result<Snapshot, Fault> {
    let mut reading = Reading { api: &connection.api, call, evidence: Vec::new() };
    let watches = reading.watches(&known.watches).await?;
    let found = reading.find(who, known.handles.get(USER_ID)).await?;
    let lag = match found {
        Found::Nobody { deleted: false } => connection.settings.search_lag,
        _ => Duration::ZERO,
    };
    let mut snapshot = match found {
        Found::Several(hits) => unreadable(of, hits),
        Found::Nobody { .. } => reading.nobody(of).await?,
        Found::One(id, user) => {
            reading.somebody(id, user, of, connection.settings.reassign_to.is_some()).await?
        }
    };
    snapshot.watches = watches;
    snapshot.lag = lag;
    snapshot.evidence = reading.evidence;
    Ok(snapshot)
}

struct Reading<'a> {
    api: &'a Api,
    call: &'a Call,
    evidence: Vec<Evidence>,
}

impl Reading<'_> {
    fn saw(&mut self, operation: &Operation, shows: impl Into<String>) {
        let call = format!("{} {}", operation.method, operation.template);
        self.evidence.push(Evidence { call, shows: shows.into() });
    }

    /// The account by the remembered id if it still bears the address, else by the search.
    ///
    /// Where nobody bears it and the remembered user still is an agent under another one, nobody can say that the
    /// access is gone, nor that it is somebody else's: a person looks.
    async fn find(&mut self, who: &Subject, remembered: Option<&String>) -> Result<Found, Fault> {
        let key = who.key();
        if !is_address(key.as_str()) {
            return Err(no_address());
        }
        let mut deleted = false;
        let mut readdressed = false;
        if let Some(id) = remembered {
            match self.api.user(self.call, id).await? {
                Some(user) if !user.is_deleted() => {
                    let found = user.id.ok_or_else(no_id)?;
                    if self.bears(found, &user, &key).await? {
                        return Ok(Found::One(found, user));
                    }
                    readdressed = user.role.as_deref() != Some(END_USER);
                    self.saw(&api::SHOW_USER, "the remembered user no longer bears the address");
                }
                Some(_) => {
                    deleted = true;
                    self.saw(&api::SHOW_USER, "the remembered user is deleted");
                }
                None => self.saw(&api::SHOW_USER, "the remembered user is not there"),
            }
        }
        match self.search(&key, deleted).await? {
            Found::Nobody { .. } if readdressed => Err(has_another_address()),
            found => Ok(found),
        }
    }

    async fn search(&mut self, key: &SubjectKey, deleted: bool) -> Result<Found, Fault> {
        let hits = self.api.search(self.call, key.as_str()).await?;
        let listed = hits.len();
        let active: BTreeMap<u64, WireUser> = hits
            .into_iter()
            .filter(|user| !user.is_deleted())
            .filter_map(|user| Some((user.id?, user)))
            .collect();
        let mut exact: Vec<u64> =
            active.iter().filter(|(_, user)| is_primary(user, key)).map(|(id, _)| *id).collect();
        if exact.is_empty() {
            exact = self.bearing_it_besides(&active, key).await?;
        }
        self.saw(&api::SEARCH_USERS, format!("hits: {listed}, with exactly this address: {}", exact.len()));
        match exact.as_slice() {
            [] => Ok(Found::Nobody { deleted }),
            // The search's copy may be minutes old: the user itself is read.
            [id] => match self.api.user(self.call, &id.to_string()).await? {
                Some(user) if !user.is_deleted() && self.bears(*id, &user, key).await? => {
                    Ok(Found::One(*id, user))
                }
                _ => {
                    self.saw(&api::SHOW_USER, "the user that the search found no longer is the one");
                    Ok(Found::Nobody { deleted })
                }
            },
            several => Ok(Found::Several(u32::try_from(several.len()).unwrap_or(u32::MAX))),
        }
    }

    /// Those among the hits who bear the address as a secondary one.
    async fn bearing_it_besides(
        &self,
        active: &BTreeMap<u64, WireUser>,
        key: &SubjectKey,
    ) -> Result<Vec<u64>, Fault> {
        if active.len() > MOST_CANDIDATES {
            return Err(too_many_candidates(active.len()));
        }
        let looked_at = active.keys().map(|id| async {
            let bears = self.has_identity(*id, key).await?;
            Ok::<_, Fault>(bears.then_some(*id))
        });
        Ok(try_join_all(looked_at).await?.into_iter().flatten().collect())
    }

    async fn bears(&self, id: u64, user: &WireUser, key: &SubjectKey) -> Result<bool, Fault> {
        Ok(is_primary(user, key) || self.has_identity(id, key).await?)
    }

    async fn has_identity(&self, id: u64, key: &SubjectKey) -> Result<bool, Fault> {
        let identities = self.api.identities(self.call, id).await?;
        let same = |value: &String| SubjectKey::of(value) == *key;
        Ok(identities
            .iter()
            .any(|identity| identity.kind == "email" && identity.value.as_ref().is_some_and(same)))
    }

    /// Nobody bears the address: what a creation needs to know.
    async fn nobody(&mut self, of: &BTreeSet<Facet>) -> Result<Snapshot, Fault> {
        let catalogue = self.catalogue(needs_catalogue(of)).await?;
        let groups = self.groups(of.iter().any(|facet| facet.slot == GROUP)).await?;
        let facts = Facts { catalogue, groups: asked_groups(of, &groups), ..Facts::default() };
        let facets = of.iter().map(|facet| (facet.clone(), Hold::Absent)).collect();
        Ok(snapshot(Account::Absent, facets, &facts))
    }

    async fn somebody(
        &mut self,
        id: u64,
        user: WireUser,
        of: &BTreeSet<Facet>,
        reads_tickets: bool,
    ) -> Result<Snapshot, Fault> {
        let base = user.role.clone().ok_or_else(no_role)?;
        let names_group = of.iter().any(|facet| facet.slot == GROUP);
        let is_agent = base != END_USER;
        let needs_catalogue = needs_catalogue(of) || user.custom_role_id.is_some() || base == AGENT;
        let (catalogue, memberships, tickets) = try_join3(
            optional(needs_catalogue, self.api.custom_roles(self.call)),
            optional(is_agent || names_group, self.api.memberships(self.call, id)),
            optional(is_agent && reads_tickets, self.api.tickets(self.call, id)),
        )
        .await?;
        let groups = self.groups(names_group || !memberships.is_empty()).await?;
        let held = catalogue.held(&base, user.custom_role_id, user.role_type);
        let suspended = user.suspended.unwrap_or(false);
        self.saw(
            &api::SHOW_USER,
            format!("role {}{}", held.word, if suspended { ", suspended" } else { "" }),
        );
        let memberships = named(&memberships, &groups);
        self.saw(&api::LIST_MEMBERSHIPS, format!("groups: {}", memberships.len()));
        let facts = Facts {
            user: Some(User { id, held, suspended }),
            catalogue,
            groups: asked_groups(of, &groups),
            memberships,
            tickets: open(&tickets),
        };
        Ok(found(id, &facts, of))
    }

    async fn catalogue(&self, needed: bool) -> Result<Catalogue, Fault> {
        optional(needed, self.api.custom_roles(self.call)).await
    }

    async fn groups(&self, needed: bool) -> Result<Vec<WireGroup>, Fault> {
        optional(needed, self.api.groups(self.call)).await
    }

    /// What became of jobs in the background.
    async fn watches(&mut self, watches: &[Watch]) -> Result<Vec<WatchState>, Fault> {
        let mut states = Vec::with_capacity(watches.len());
        for watch in watches {
            let state = match watch.args.get(JOB).and_then(Value::as_str) {
                None => WatchState::Failed(Refusal::new(
                    RefusalKind::Other,
                    "It is not known which job was waited for: look at the tickets in Zendesk.",
                )),
                Some(job) => self.job(job).await?,
            };
            states.push(state);
        }
        Ok(states)
    }

    async fn job(&mut self, id: &str) -> Result<WatchState, Fault> {
        let Some(job) = self.api.job(self.call, id).await? else {
            // Zendesk forgets a finished job after a while; the tickets themselves are read anyway.
            self.saw(&api::SHOW_JOB, "no longer listed");
            return Ok(WatchState::Done);
        };
        self.saw(&api::SHOW_JOB, "the job's status");
        let failed = |what: String| WatchState::Failed(Refusal::new(RefusalKind::Invalid, what));
        Ok(match (job.status.as_str(), job.failures()) {
            ("completed", 0) => WatchState::Done,
            ("completed", failures) => failed(format!(
                "Zendesk could not reassign {failures} tickets: see that reassign_to is an agent in their groups, and run it again."
            )),
            ("failed" | "killed", _) => failed(
                "Zendesk gave up reassigning the tickets: reassign them there, and run it again.".to_owned(),
            ),
            _ => WatchState::Running,
        })
    }
}

async fn optional<T: Default>(
    needed: bool,
    read: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    if needed { read.await } else { Ok(T::default()) }
}

/// Whether a role is asked about that only the account's own list explains.
fn needs_catalogue(of: &BTreeSet<Facet>) -> bool {
    of.iter().any(|facet| facet.slot == ROLE && !matches!(facet.value.as_str(), END_USER | AGENT | ADMIN))
}

fn is_primary(user: &WireUser, key: &SubjectKey) -> bool {
    user.email.as_ref().is_some_and(|email| SubjectKey::of(email) == *key)
}

/// Whether it can stand in a search's query and mean an address. Whatever the search finds is compared exactly besides.
fn is_address(address: &str) -> bool {
    let odd = |letter: char| {
        letter.is_whitespace() || letter.is_control() || matches!(letter, '"' | ':' | '*' | '(' | ')')
    };
    address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && address.len() <= 320
        && !address.contains(odd)
}

/// Memberships by the names of their groups; one that is not listed any more by its id.
fn named(memberships: &[Membership], groups: &[WireGroup]) -> BTreeMap<String, u64> {
    let name = |id: u64| {
        let listed = groups.iter().find(|group| group.id == id);
        listed.map_or_else(|| format!("group {id}"), |group| group.name.clone())
    };
    memberships.iter().map(|membership| (name(membership.group_id), membership.id)).collect()
}

fn asked_groups(of: &BTreeSet<Facet>, groups: &[WireGroup]) -> BTreeMap<String, Group> {
    let find = |name: &str| {
        let mut found = groups.iter().filter(|group| group.name == name);
        match (found.next(), found.next()) {
            (None, _) => Group::Missing,
            (Some(group), None) => Group::Found(group.id),
            (Some(_), Some(_)) => Group::Several,
        }
    };
    let asked = of.iter().filter(|facet| facet.slot == GROUP);
    asked.map(|facet| (facet.value.clone(), find(&facet.value))).collect()
}

fn open(tickets: &[Ticket]) -> Vec<u64> {
    tickets.iter().filter(|ticket| ticket.is_open()).map(|ticket| ticket.id).take(MOST_TICKETS).collect()
}

fn found(id: u64, facts: &Facts, of: &BTreeSet<Facet>) -> Snapshot {
    let Some(user) = &facts.user else { return snapshot(Account::Absent, BTreeMap::new(), facts) };
    let mut facets: BTreeMap<Facet, Hold> =
        of.iter().map(|facet| (facet.clone(), held(facts, user, facet))).collect();
    // The role in the word that was asked for, where two words mean it.
    let asked = facets.iter().find(|(facet, hold)| facet.slot == ROLE && **hold == Hold::Present);
    let word = asked.map_or_else(|| user.held.word.clone(), |(facet, _)| facet.value.clone());
    facets.insert(Facet::new(ROLE, &word), Hold::Present);
    facets.extend(facts.memberships.keys().map(|name| (Facet::new(GROUP, name), Hold::Present)));
    let mut snapshot = snapshot(Account::Found { id: Some(id.to_string()) }, facets, facts);
    snapshot.current.insert(ROLE.to_owned(), word);
    snapshot.handles = Handles::from([(USER_ID.to_owned(), id.to_string())]);
    snapshot
}

/// Whether a user has a facet. A name that the account does not list any more may be the former one of what the user
/// still has: then nobody can tell.
fn held(facts: &Facts, user: &User, facet: &Facet) -> Hold {
    let (has, can_tell) = match facet.slot.as_str() {
        ROLE => {
            (facts.catalogue.is(&user.held, &facet.value), facts.catalogue.can_tell(&user.held, &facet.value))
        }
        GROUP => (
            facts.memberships.contains_key(&facet.value),
            facts.memberships.is_empty() || facts.groups.get(&facet.value) != Some(&Group::Missing),
        ),
        _ => (false, true),
    };
    match (has, can_tell) {
        (true, _) => Hold::Present,
        (false, true) => Hold::Absent,
        (false, false) => Hold::Unreadable,
    }
}

fn unreadable(of: &BTreeSet<Facet>, hits: u32) -> Snapshot {
    let facets = of.iter().map(|facet| (facet.clone(), Hold::Unreadable)).collect();
    snapshot(Account::Ambiguous { hits }, facets, &Facts::default())
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

fn no_address() -> Fault {
    let sentence = "The request names no usable e-mail address: correct the person's address in Lumos.";
    refused(&api::SEARCH_USERS, Sent::No, RefusalKind::Invalid, sentence)
}

fn too_many_candidates(hits: usize) -> Fault {
    let sentence = format!(
        "Zendesk finds {hits} users with a similar address and none with this one: give the person an account by hand, then run it again."
    );
    refused(&api::LIST_IDENTITIES, Sent::Yes, RefusalKind::Unresolvable, sentence)
}

fn has_another_address() -> Fault {
    let sentence = "The Zendesk user who had this address bears another one now and is an agent still: see whose access is meant, give the address back or make that user an end-user in Zendesk, then run it again.";
    refused(&api::SHOW_USER, Sent::Yes, RefusalKind::Ambiguous, sentence)
}

/// What Zendesk shows to a credential that it does not know.
fn no_id() -> Fault {
    Fault::new(api::SHOW_USER.name, Sent::Yes, Remedy::Person)
        .with("path", api::SHOW_USER.template)
        .because("Zendesk shows an anonymous user: the credential is not accepted")
}

fn no_role() -> Fault {
    let sentence =
        "Zendesk does not show the user's role to Usher's credential: make its user an administrator.";
    refused(&api::SHOW_USER, Sent::Yes, RefusalKind::Forbidden, sentence)
}

fn refused(operation: &Operation, sent: Sent, kind: RefusalKind, sentence: impl Into<String>) -> Fault {
    Fault::new(operation.name, sent, Remedy::Refused(Refusal::new(kind, sentence)))
        .with("path", operation.template)
}
