//! The stand-in's account: its state, how it is seeded, and the one place where a user changes.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;

use super::model::{
    self, ADMIN, CONTRIBUTOR, CustomRole, Group, Identity, LIGHT_AGENT, Membership, Names, User,
};
use super::settings::{CustomRoles, OWNER_EMAIL, Role, UserSeed, UserState, ZendeskSeed, ZendeskSettings};
use crate::history::{Reading, Table, Timeline};
use crate::stand_in::{Doing, merge};

/// The first id. Zendesk's are numbers of 13 and more digits, which JavaScript's numbers hold and 32 bits do not.
const FIRST_ID: u64 = 21_905_474_180_637;
/// From one id to the next; odd, so that no two kinds line up.
const ID_STEP: u64 = 37;
/// The group that every account has.
const FIRST_GROUP: &str = "Support";

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) settings: ZendeskSettings,
    pub(crate) roles: Vec<CustomRole>,
    pub(crate) groups: Vec<Group>,
    users: Table<u64, User>,
    timeline: Timeline,
    /// Addresses of active users, in lower case.
    by_address: HashMap<String, u64>,
    /// External ids of active users, in lower case: Zendesk matches them without regard to case.
    by_external_id: HashMap<String, u64>,
    by_membership: HashMap<u64, u64>,
    seats_taken: u64,
    next_id: u64,
    /// Bearer tokens and when each ends.
    pub(crate) tokens: VecDeque<(String, Duration)>,
    pub(crate) tokens_issued: u64,
    pub(crate) updates: HashMap<u64, VecDeque<Duration>>,
    pub(crate) requests: VecDeque<Duration>,
}

impl Account {
    /// An account with its owner, the group `Support` and the roles that every Enterprise account has.
    pub(crate) fn new(wall: Timestamp) -> Self {
        let mut account = Self {
            settings: ZendeskSettings::default(),
            roles: Vec::new(),
            groups: Vec::new(),
            users: Table::default(),
            timeline: Timeline::default(),
            by_address: HashMap::new(),
            by_external_id: HashMap::new(),
            by_membership: HashMap::new(),
            seats_taken: 0,
            next_id: FIRST_ID,
            tokens: VecDeque::new(),
            tokens_issued: 0,
            updates: HashMap::new(),
            requests: VecDeque::new(),
        };
        for (name, role_type) in [
            ("Light agent", LIGHT_AGENT),
            ("Contributor", CONTRIBUTOR),
            ("Admin", ADMIN),
            ("Billing admin", 5),
            ("Staff", 0),
            ("Team lead", 0),
        ] {
            account.add_role(name, role_type, wall);
        }
        account.add_group(FIRST_GROUP, wall);
        let owner = UserSeed {
            name: "Olive Owner".to_owned(),
            owner: true,
            groups: vec![FIRST_GROUP.to_owned()],
            ..UserSeed::admin(OWNER_EMAIL)
        };
        // The owner names a group that was just added, so there is nothing to refuse.
        let _seeded = account.add_user(&owner, wall);
        account
    }

    pub(crate) fn id(&mut self) -> u64 {
        self.next_id += ID_STEP;
        self.next_id
    }

    fn add_role(&mut self, name: &str, role_type: u8, wall: Timestamp) {
        let id = self.id();
        self.roles.push(CustomRole { id, name: name.to_owned(), role_type, created_at: wall });
    }

    fn add_group(&mut self, name: &str, wall: Timestamp) {
        if self.groups.iter().all(|group| group.name != name) {
            let (id, default) = (self.id(), self.groups.is_empty());
            self.groups.push(Group { id, name: name.to_owned(), default, created_at: wall });
        }
    }

    /// Puts in what the seed says, up to its first mistake, and says what that is.
    pub(crate) fn seed(&mut self, seed: &ZendeskSeed, wall: Timestamp) -> Result<Vec<u64>, String> {
        if !seed.settings.is_empty() {
            self.settings = merge(&self.settings, &seed.settings)?;
        }
        for role in &seed.custom_roles {
            self.add_role(&role.name, role.role_type, wall);
        }
        for group in &seed.groups {
            self.add_group(group, wall);
        }
        seed.users.iter().map(|user| self.add_user(user, wall)).collect()
    }

    fn add_user(&mut self, seed: &UserSeed, wall: Timestamp) -> Result<u64, String> {
        let mut addresses = Vec::new();
        for address in std::iter::once(&seed.email).chain(&seed.secondary) {
            if !address.contains('@') {
                return Err(format!("a seeded user's address must have an @, and {address:?} has none"));
            }
            let taken = self.by_address.get(&address.to_lowercase()).copied();
            if seed.active && taken.is_some_and(|id| Some(id) != seed.id) {
                return Err(format!("the seeded address {address:?} is another user's already"));
            }
            addresses.push(address.clone());
        }
        let custom_role = match &seed.custom_role {
            None => None,
            Some(name) => match self.roles.iter().find(|role| role.name == *name) {
                Some(role) => Some((role.id, role.role_type)),
                None => return Err(format!("there is no custom role {name:?} to seed a user with")),
            },
        };
        let mut memberships = Vec::new();
        for name in &seed.groups {
            let Some(group) = self.groups.iter().find(|group| group.name == *name) else {
                return Err(format!("there is no group {name:?} to seed a user with"));
            };
            let (group_id, default) = (group.id, memberships.is_empty());
            memberships.push(Membership { id: self.id(), group_id, default, created_at: wall });
        }
        let id = seed.id.unwrap_or_else(|| self.id());
        let identities =
            addresses.into_iter().map(|value| Identity::new(self.id(), &value, true, wall)).collect();
        let role = match custom_role {
            _ if seed.owner => Role::Admin,
            Some((_, ADMIN)) => Role::Admin,
            Some(_) => Role::Agent,
            None => seed.role,
        };
        let name = if seed.name.is_empty() { seed.email.clone() } else { seed.name.clone() };
        let user = User {
            id,
            name,
            identities,
            role,
            custom_role_id: custom_role.map(|(id, _)| id),
            suspended: seed.suspended,
            active: seed.active,
            owner: seed.owner,
            external_id: seed.external_id.clone(),
            memberships,
            extra: Map::new(),
            created_at: wall,
            updated_at: wall,
        };
        // Write number 0 is older than any reading: what is seeded was always there.
        self.put(0, user);
        Ok(id)
    }

    fn put(&mut self, write: u64, user: User) {
        if let Some(old) = self.users.get(&user.id, Reading::Now) {
            self.seats_taken -= u64::from(self.takes_seat(&old));
            for identity in &old.identities {
                self.by_address.remove(&identity.lower);
            }
            if let Some(external_id) = &old.external_id {
                self.by_external_id.remove(&external_id.to_lowercase());
            }
            for held in &old.memberships {
                self.by_membership.remove(&held.id);
            }
        }
        self.seats_taken += u64::from(self.takes_seat(&user));
        if user.active {
            for identity in &user.identities {
                self.by_address.insert(identity.lower.clone(), user.id);
            }
            if let Some(external_id) = &user.external_id {
                self.by_external_id.insert(external_id.to_lowercase(), user.id);
            }
        }
        for held in &user.memberships {
            self.by_membership.insert(held.id, user.id);
        }
        self.users.put(user.id, write, user);
    }

    /// Makes a changed user the present one and writes the effect down; where nothing changed, neither.
    pub(crate) fn commit(&mut self, doing: &mut Doing<'_>, mut after: User) -> User {
        let before = self.users.get(&after.id, Reading::Now);
        let changes = model::changes(self, before.as_deref(), &after);
        if changes.is_empty() {
            return after;
        }
        after.updated_at = doing.wall;
        let write = self.timeline.write(doing.now);
        self.put(write, after.clone());
        doing.effect(after.key(), changes);
        after
    }

    pub(crate) fn user(&self, id: u64, reading: Reading) -> Option<User> {
        self.users.get(&id, reading).map(|user| User::clone(&user))
    }

    pub(crate) fn users(&self, reading: Reading) -> impl Iterator<Item = std::sync::Arc<User>> {
        self.users.rows(reading)
    }

    pub(super) fn times(&self) -> &Timeline {
        &self.timeline
    }

    /// The active user who bears this address, as primary or secondary one.
    pub(crate) fn holder_of(&self, address: &str) -> Option<u64> {
        self.by_address.get(&address.to_lowercase()).copied()
    }

    pub(crate) fn with_external_id(&self, external_id: &str) -> Option<u64> {
        self.by_external_id.get(&external_id.to_lowercase()).copied()
    }

    pub(crate) fn holder_of_membership(&self, id: u64) -> Option<u64> {
        self.by_membership.get(&id).copied()
    }

    pub(crate) fn custom_role(&self, id: u64) -> Option<&CustomRole> {
        if self.settings.custom_roles != CustomRoles::Listed {
            return None;
        }
        self.roles.iter().find(|role| role.id == id)
    }

    pub(crate) fn role_type(&self, user: &User) -> Option<u8> {
        user.custom_role_id
            .and_then(|id| self.roles.iter().find(|role| role.id == id))
            .map(|role| role.role_type)
    }

    /// Agents, admins and the owner take a seat, suspended or not; light agents and contributors do not.
    pub(crate) fn takes_seat(&self, user: &User) -> bool {
        let free = matches!(self.role_type(user), Some(LIGHT_AGENT | CONTRIBUTOR));
        user.active && user.role != Role::EndUser && !free
    }

    pub(crate) fn seats_taken(&self) -> u64 {
        self.seats_taken
    }

    /// The present truth about a user.
    pub(crate) fn state(&self, user: &User) -> UserState {
        UserState {
            id: user.id,
            email: user.email().map(str::to_owned),
            addresses: user.identities.iter().map(|identity| identity.value.clone()).collect(),
            name: user.name.clone(),
            role: user.role,
            custom_role_id: user.custom_role_id,
            role_name: self.role(user),
            groups: user.memberships.iter().map(|held| self.group(held.group_id)).collect(),
            suspended: user.suspended,
            active: user.active,
            takes_seat: self.takes_seat(user),
            external_id: user.external_id.clone(),
        }
    }
}

impl Names for Account {
    fn role(&self, user: &User) -> String {
        let custom = user.custom_role_id.and_then(|id| self.roles.iter().find(|role| role.id == id));
        match custom {
            _ if user.owner => "owner".to_owned(),
            Some(role) => role.name.clone(),
            None => user.role.as_str().to_owned(),
        }
    }

    fn group(&self, id: u64) -> String {
        self.groups
            .iter()
            .find(|group| group.id == id)
            .map_or_else(|| id.to_string(), |group| group.name.clone())
    }
}
