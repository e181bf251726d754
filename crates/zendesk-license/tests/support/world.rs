//! What the stand-in knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

/// The ids of the roles and groups that every stand-in begins with.
pub(crate) const LIGHT_AGENT: u64 = 360_001;
pub(crate) const TEAM_LEAD: u64 = 360_002;
pub(crate) const CONTRIBUTOR: u64 = 360_003;
pub(crate) const ADMINISTRATOR: u64 = 360_004;
pub(crate) const SUPPORT: u64 = 7_001;
pub(crate) const TIER_1: u64 = 7_002;
pub(crate) const TIER_2: u64 = 7_003;
/// The administrator for whom Usher's credential stands.
pub(crate) const OWNER: u64 = 100;

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) others: Vec<String>,
    /// A name at a network that is no address, whatever it looks like.
    pub(crate) handle: Option<String>,
    /// The address that the search still shows.
    pub(crate) stale_email: Option<String>,
    pub(crate) role: String,
    pub(crate) custom_role_id: Option<u64>,
    pub(crate) suspended: bool,
    pub(crate) active: bool,
    pub(crate) skip_verify_email: Option<bool>,
    pub(crate) name: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) id: u64,
    pub(crate) assignee: u64,
    pub(crate) status: String,
}

/// What is to happen instead of the right answer, once.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    /// This answer, and nothing is done.
    Answer(u16, Value),
    /// The change is made, and this answer goes out.
    AfterApplying(u16, Value),
    /// 429 with `Retry-After`.
    Throttle(u64),
    /// The change is made, and the answer comes too late.
    AnswerLate(Duration),
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) users: Vec<User>,
    /// Id, name and `role_type`.
    pub(crate) roles: Vec<(u64, String, i64)>,
    /// Instead of the list of roles.
    pub(crate) roles_status: Option<u16>,
    pub(crate) groups: Vec<(u64, String)>,
    pub(crate) deleted_groups: BTreeSet<u64>,
    /// Id, user and group.
    pub(crate) memberships: Vec<(u64, u64, u64)>,
    pub(crate) tickets: Vec<Ticket>,
    /// Readings until a job is done.
    pub(crate) job_runs_for: usize,
    pub(crate) job_fails: bool,
    /// Paid seats.
    pub(crate) seats: Option<usize>,
    pub(crate) no_seat_status: u16,
    /// Users whom the search does not show yet.
    pub(crate) unsearchable: BTreeSet<u64>,
    /// Whether the end of the role leaves the memberships.
    pub(crate) keeps_memberships: bool,
    pub(crate) page_size: usize,
    /// Whether bearer tokens are good.
    pub(crate) accepts_tokens: bool,
    pub(crate) updates: BTreeMap<u64, usize>,
    /// By `METHOD path`, what happens instead, once each.
    pub(crate) faults: VecDeque<(String, Instead)>,
    pub(crate) requests: Vec<String>,
    pub(crate) bodies: Vec<Value>,
    /// A line for everything that a request has altered; what alters nothing is not in it.
    pub(crate) effects: Vec<String>,
    next_id: u64,
}

impl World {
    pub(crate) fn new(base: &str) -> Self {
        let role = |id, name: &str, role_type| (id, name.to_owned(), role_type);
        let mut world = Self {
            base: base.to_owned(),
            users: Vec::new(),
            roles: vec![
                role(LIGHT_AGENT, "Light agent", 1),
                role(CONTRIBUTOR, "Contributor", 3),
                role(ADMINISTRATOR, "Administrator", 4),
            ],
            roles_status: None,
            groups: vec![
                (SUPPORT, "Support".to_owned()),
                (TIER_1, "Tier 1".to_owned()),
                (TIER_2, "Tier 2".to_owned()),
            ],
            deleted_groups: BTreeSet::new(),
            memberships: Vec::new(),
            tickets: Vec::new(),
            job_runs_for: 0,
            job_fails: false,
            seats: None,
            no_seat_status: 422,
            unsearchable: BTreeSet::new(),
            keeps_memberships: false,
            page_size: 100,
            accepts_tokens: true,
            updates: BTreeMap::new(),
            faults: VecDeque::new(),
            requests: Vec::new(),
            bodies: Vec::new(),
            effects: Vec::new(),
            next_id: 9_000,
        };
        world.put(OWNER, "owner@acme.example", "admin", None);
        world
    }

    /// An Enterprise account.
    pub(crate) fn with_custom_role(&mut self) {
        self.roles.push((TEAM_LEAD, "Team lead".to_owned(), 0));
    }

    pub(crate) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds a user.
    pub(crate) fn put(&mut self, id: u64, email: &str, role: &str, custom_role_id: Option<u64>) -> &mut User {
        self.users.push(User {
            id,
            email: email.to_owned(),
            others: Vec::new(),
            handle: None,
            stale_email: None,
            role: role.to_owned(),
            custom_role_id,
            suspended: false,
            active: true,
            skip_verify_email: None,
            name: "Somebody".to_owned(),
        });
        self.users.last_mut().unwrap()
    }

    pub(crate) fn user(&self, id: u64) -> &User {
        self.users.iter().find(|user| user.id == id).unwrap()
    }

    pub(crate) fn user_mut(&mut self, id: u64) -> &mut User {
        self.users.iter_mut().find(|user| user.id == id).unwrap()
    }

    pub(crate) fn by_email(&self, email: &str) -> Vec<&User> {
        self.users.iter().filter(|user| user.active && bears(user, email)).collect()
    }

    pub(crate) fn join(&mut self, user: u64, group: u64) {
        let id = self.new_id();
        self.memberships.push((id, user, group));
    }

    pub(crate) fn groups_of(&self, user: u64) -> Vec<u64> {
        self.memberships.iter().filter(|(_, holder, _)| *holder == user).map(|(_, _, group)| *group).collect()
    }

    pub(crate) fn assign(&mut self, count: u64, assignee: u64, status: &str) {
        for _ in 0..count {
            let id = self.new_id();
            self.tickets.push(Ticket { id, assignee, status: status.to_owned() });
        }
    }

    /// What happens at the next request that begins with `METHOD path`.
    pub(crate) fn instead(&mut self, request: &str, how: Instead) {
        self.faults.push_back((request.to_owned(), how));
    }

    /// Agents, administrators and the owner count even when suspended; light agents and contributors do not.
    pub(crate) fn seats_taken(&self) -> usize {
        let paid = |user: &&User| {
            let kind = user.custom_role_id.and_then(|id| self.roles.iter().find(|role| role.0 == id));
            user.active && user.role != "end-user" && !kind.is_some_and(|role| matches!(role.2, 1 | 3))
        };
        self.users.iter().filter(paid).count()
    }

    /// Shaped like node-zendesk's and go-zendesk's recorded users (MIT).
    pub(crate) fn user_json(&self, user: &User) -> Value {
        let kind = user.custom_role_id.and_then(|id| self.roles.iter().find(|role| role.0 == id));
        json!({
            "id": user.id,
            "url": format!("{}/api/v2/users/{}.json", self.base, user.id),
            "name": user.name,
            "email": user.email,
            "created_at": "2018-11-23T16:05:13Z",
            "updated_at": "2018-11-23T16:05:14Z",
            "time_zone": "Osaka",
            "iana_time_zone": "Asia/Tokyo",
            "phone": null,
            "photo": null,
            "locale": "en-US",
            "organization_id": null,
            "role": user.role,
            "verified": false,
            "external_id": null,
            "tags": [],
            "active": user.active,
            "shared": false,
            "role_type": kind.map(|role| role.2),
            "custom_role_id": user.custom_role_id,
            "suspended": user.suspended,
            "chat_only": false,
            "default_group_id": self.groups_of(user.id).first(),
            "user_fields": {},
        })
    }
}

pub(crate) fn bears(user: &User, email: &str) -> bool {
    user.email.eq_ignore_ascii_case(email)
        || user.others.iter().any(|other| other.eq_ignore_ascii_case(email))
}
