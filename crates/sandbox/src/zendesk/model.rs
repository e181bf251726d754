//! Users, groups and roles as the stand-in keeps them, and what differs between two versions of a user.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::settings::Role;
use crate::stand_in::stamp;

/// The type of a custom role: 1 is the light agent's.
pub(crate) const LIGHT_AGENT: u8 = 1;
/// The contributor's.
pub(crate) const CONTRIBUTOR: u8 = 3;
/// The admin's, which goes with `role: admin`.
pub(crate) const ADMIN: u8 = 4;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// The first is the primary one.
    pub(crate) identities: Vec<Identity>,
    pub(crate) role: Role,
    pub(crate) custom_role_id: Option<u64>,
    pub(crate) suspended: bool,
    pub(crate) active: bool,
    pub(crate) owner: bool,
    pub(crate) external_id: Option<String>,
    pub(crate) memberships: Vec<Membership>,
    /// Fields that the stand-in keeps and returns without a meaning of their own (`tags`, `notes`, ...).
    pub(crate) extra: Map<String, Value>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) value: String,
    /// The same in lower case, since the search looks at all of them.
    pub(crate) lower: String,
    pub(crate) verified: bool,
    pub(crate) created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Membership {
    pub(crate) id: u64,
    pub(crate) group_id: u64,
    pub(crate) default: bool,
    pub(crate) created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) default: bool,
    pub(crate) created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct CustomRole {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) role_type: u8,
    pub(crate) created_at: Timestamp,
}

impl Identity {
    pub(crate) fn new(id: u64, value: &str, verified: bool, created_at: Timestamp) -> Self {
        Self { id, value: value.to_owned(), lower: value.to_lowercase(), verified, created_at }
    }
}

impl User {
    pub(crate) fn email(&self) -> Option<&str> {
        self.identities.first().map(|identity| identity.value.as_str())
    }

    /// What effects and calls name the user by: the primary address in lower case, or the id where there is none.
    pub(crate) fn key(&self) -> String {
        self.email().map_or_else(|| format!("user {}", self.id), str::to_lowercase)
    }

    pub(crate) fn bears(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        self.identities.iter().any(|identity| identity.lower == address)
    }
}

/// Names for what a user's ids stand for.
pub(crate) trait Names {
    fn role(&self, user: &User) -> String;
    fn group(&self, id: u64) -> String;
}

/// What is different, one sentence a change; empty where nothing is that a person would call a change.
pub(crate) fn changes(names: &impl Names, before: Option<&User>, after: &User) -> Vec<String> {
    let mut found = Vec::new();
    let Some(before) = before else {
        found.push(format!("user {} created as {}", after.id, names.role(after)));
        found.extend(after.memberships.iter().map(|held| format!("group +{}", names.group(held.group_id))));
        return found;
    };
    if before.active && !after.active {
        found.push(format!("user {} deleted", after.id));
    }
    if (before.role, before.custom_role_id) != (after.role, after.custom_role_id) {
        found.push(format!("role {} -> {}", names.role(before), names.role(after)));
    }
    if before.suspended != after.suspended {
        found.push(if after.suspended { "suspended".to_owned() } else { "unsuspended".to_owned() });
    }
    groups(names, before, after, &mut found);
    for identity in &after.identities {
        if !before.identities.iter().any(|old| old.id == identity.id) {
            found.push(format!("secondary identity +{}", identity.value));
        }
    }
    if before.name != after.name {
        found.push("name changed".to_owned());
    }
    if before.external_id != after.external_id {
        found.push("external_id changed".to_owned());
    }
    // Nothing, null and an empty list are the same to whoever reads the user.
    let kept = |user: &User, field: &str| match user.extra.get(field) {
        None => Value::Null,
        Some(Value::Array(list)) if list.is_empty() => Value::Null,
        Some(Value::Object(fields)) if fields.is_empty() => Value::Null,
        Some(value) => value.clone(),
    };
    for field in after.extra.keys() {
        if kept(before, field) != kept(after, field) {
            found.push(format!("{field} changed"));
        }
    }
    found
}

fn groups(names: &impl Names, before: &User, after: &User, found: &mut Vec<String>) {
    let holds = |user: &User, id: u64| user.memberships.iter().any(|held| held.group_id == id);
    for held in &before.memberships {
        if !holds(after, held.group_id) {
            found.push(format!("group -{}", names.group(held.group_id)));
        }
    }
    for held in &after.memberships {
        if !holds(before, held.group_id) {
            found.push(format!("group +{}", names.group(held.group_id)));
        }
    }
    let default = |user: &User| user.memberships.iter().find(|held| held.default).map(|held| held.group_id);
    if let (Some(old), Some(new)) = (default(before), default(after))
        && old != new
        && holds(after, old)
    {
        found.push(format!("default group {} -> {}", names.group(old), names.group(new)));
    }
}

/// The user object of Zendesk's Users API.
pub(crate) fn user_json(base_url: &str, user: &User, role_type: Option<u8>) -> Value {
    let mut object = Map::new();
    let mut set = |field: &str, value: Value| {
        object.insert(field.to_owned(), value);
    };
    set("id", json!(user.id));
    set("url", json!(format!("{base_url}/api/v2/users/{}.json", user.id)));
    set("name", json!(user.name));
    set("email", json!(user.email()));
    set("created_at", json!(stamp(user.created_at)));
    set("updated_at", json!(stamp(user.updated_at)));
    set("time_zone", json!("UTC"));
    set("iana_time_zone", json!("Etc/UTC"));
    set("locale", json!("en-US"));
    for absent in ["phone", "photo", "organization_id", "last_login_at", "alias", "details", "notes"] {
        set(absent, Value::Null);
    }
    set("role", json!(user.role.as_str()));
    set("role_type", json!(role_type));
    set("custom_role_id", json!(user.custom_role_id));
    set("verified", json!(user.identities.first().is_some_and(|identity| identity.verified)));
    set("external_id", json!(user.external_id));
    set("active", json!(user.active));
    set("suspended", json!(user.suspended));
    set("shared", json!(false));
    set("shared_agent", json!(false));
    set("moderator", json!(user.role != Role::EndUser));
    set("restricted_agent", json!(user.role != Role::Admin));
    let default = user.memberships.iter().find(|held| held.default).map(|held| held.group_id);
    set("default_group_id", json!(default));
    set("tags", json!([]));
    set("user_fields", json!({}));
    for (field, value) in &user.extra {
        object.insert(field.clone(), value.clone());
    }
    Value::Object(object)
}

pub(crate) fn identity_json(base_url: &str, user: &User, identity: &Identity, primary: bool) -> Value {
    json!({
        "id": identity.id,
        "url": format!("{base_url}/api/v2/users/{}/identities/{}.json", user.id, identity.id),
        "user_id": user.id,
        "type": "email",
        "value": identity.value,
        "verified": identity.verified,
        "primary": primary,
        "deliverable_state": "deliverable",
        "undeliverable_count": 0,
        "created_at": stamp(identity.created_at),
        "updated_at": stamp(identity.created_at),
    })
}

pub(crate) fn membership_json(base_url: &str, user: &User, held: &Membership) -> Value {
    json!({
        "id": held.id,
        "url": format!("{base_url}/api/v2/group_memberships/{}.json", held.id),
        "user_id": user.id,
        "group_id": held.group_id,
        "default": held.default,
        "created_at": stamp(held.created_at),
        "updated_at": stamp(held.created_at),
    })
}

pub(crate) fn group_json(base_url: &str, group: &Group) -> Value {
    json!({
        "id": group.id,
        "url": format!("{base_url}/api/v2/groups/{}.json", group.id),
        "name": group.name,
        "description": "",
        "default": group.default,
        "deleted": false,
        "is_public": true,
        "created_at": stamp(group.created_at),
        "updated_at": stamp(group.created_at),
    })
}
