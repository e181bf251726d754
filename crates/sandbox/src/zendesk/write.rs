//! Creating, updating and deleting users.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::account::Account;
use super::errors::{duplicate_address, invalid, malformed, no_seat, not_found, throttled};
use super::model::{ADMIN, Identity, User};
use super::settings::Role;
use crate::exchange::{Reply, VendorRequest};
use crate::history::Reading;
use crate::stand_in::Doing;

const MINUTE: Duration = Duration::from_secs(60);
/// Fields that are kept and returned as they were sent.
const KEPT_FIELDS: [&str; 8] =
    ["alias", "details", "notes", "phone", "signature", "tags", "user_fields", "organization_id"];
/// Users whose updates are counted at one time.
const COUNTED_USERS: usize = 100_000;

impl Account {
    /// The account's own limit, over a sliding minute.
    pub(super) fn count_request(&mut self, now: Duration) -> Result<(), Reply> {
        let Some(limit) = self.settings.requests_per_minute else { return Ok(()) };
        while self.requests.front().is_some_and(|at| now.saturating_sub(*at) >= MINUTE) {
            self.requests.pop_front();
        }
        if self.requests.len() >= limit {
            let oldest = self.requests.front().copied().unwrap_or(now);
            return Err(throttled("Number of allowed API requests per minute exceeded", left(oldest, now)));
        }
        self.requests.push_back(now);
        Ok(())
    }

    /// *Update User* takes 5 a minute for one user.
    fn count_update(&mut self, user: &User, now: Duration) -> Result<(), Reply> {
        if self.updates.len() >= COUNTED_USERS {
            self.updates.retain(|_, times| times.back().is_some_and(|at| now.saturating_sub(*at) < MINUTE));
        }
        let times = self.updates.entry(user.id).or_default();
        while times.front().is_some_and(|at| now.saturating_sub(*at) >= MINUTE) {
            times.pop_front();
        }
        if times.len() >= self.settings.updates_per_minute_of_one_user {
            let oldest = times.front().copied().unwrap_or(now);
            let text = format!(
                "You have exceeded the rate limit for updating a single unique user. user email: {} id: {} \
                 external_id: {}",
                user.email().unwrap_or_default(),
                user.id,
                user.external_id.as_deref().unwrap_or_default()
            );
            return Err(throttled(&text, left(oldest, now)));
        }
        times.push_back(now);
        Ok(())
    }

    /// `POST /api/v2/users/create_or_update`: matches on an address or an external id, and never on both.
    pub(super) fn create_or_update(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let fields = fields(doing.request)?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let found = text("external_id")
            .and_then(|external_id| self.with_external_id(external_id))
            .or_else(|| text("email").and_then(|address| self.holder_of(address)));
        match found.and_then(|id| self.user(id, Reading::Now)) {
            Some(user) => self.change(doing, user, &fields),
            None => self.make(doing, &fields),
        }
    }

    /// `POST /api/v2/users`: an address that is taken is refused.
    pub(super) fn create(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let fields = fields(doing.request)?;
        self.make(doing, &fields)
    }

    /// `PUT /api/v2/users/{id}`.
    pub(super) fn update(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let fields = fields(doing.request)?;
        let user = doing.request.number().and_then(|id| self.user(id, Reading::Now));
        let user = user.filter(|user| user.active).ok_or_else(not_found)?;
        self.change(doing, user, &fields)
    }

    /// `DELETE /api/v2/users/{id}`: the user stays readable as `active: false`, and cannot be brought back.
    pub(super) fn delete(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let user = doing.request.number().and_then(|id| self.user(id, Reading::Now));
        let mut user = user.filter(|user| user.active).ok_or_else(not_found)?;
        if user.owner {
            return Err(invalid("base", "InvalidValue", "The account owner cannot be deleted"));
        }
        user.active = false;
        user.role = Role::EndUser;
        user.custom_role_id = None;
        user.memberships.clear();
        let user = self.commit(doing, user);
        Ok(Reply::json(200, json!({"user": self.user_row(doing.request, &user)})))
    }

    /// A new user: an end-user where no role is named.
    fn make(&mut self, doing: &mut Doing<'_>, fields: &Map<String, Value>) -> Result<Reply, Reply> {
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        if name.is_empty() {
            let text = "Name: is too short (minimum is 1 characters)";
            return Err(invalid("name", "ValueTooShort", text));
        }
        let mut user = User {
            id: self.id(),
            name,
            identities: Vec::new(),
            role: Role::EndUser,
            custom_role_id: None,
            suspended: false,
            active: true,
            owner: false,
            external_id: None,
            memberships: Vec::new(),
            extra: Map::new(),
            created_at: doing.wall,
            updated_at: doing.wall,
        };
        self.take_over(doing, &mut user, fields)?;
        let user = self.commit(doing, user);
        Ok(Reply::json(201, json!({"user": self.user_row(doing.request, &user)})))
    }

    fn change(
        &mut self,
        doing: &mut Doing<'_>,
        mut user: User,
        fields: &Map<String, Value>,
    ) -> Result<Reply, Reply> {
        self.count_update(&user, doing.now)?;
        if let Some(name) = fields.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty())
        {
            user.name = name.trim().to_owned();
        }
        self.take_over(doing, &mut user, fields)?;
        let user = self.commit(doing, user);
        Ok(Reply::json(200, json!({"user": self.user_row(doing.request, &user)})))
    }

    /// Sets the fields that were sent, or refuses them all.
    fn take_over(
        &mut self,
        doing: &Doing<'_>,
        user: &mut User,
        fields: &Map<String, Value>,
    ) -> Result<(), Reply> {
        let before = user.clone();
        if let Some(address) = fields.get("email").and_then(Value::as_str) {
            self.add_address(doing, user, address, fields)?;
        }
        match fields.get("external_id") {
            Some(Value::Null) => user.external_id = None,
            Some(Value::String(external_id)) => {
                if self.with_external_id(external_id).is_some_and(|id| id != user.id) {
                    let text = "External: External ID has already been taken";
                    return Err(invalid("external_id", "DuplicateValue", text));
                }
                // Zendesk rewrites the case to that which was sent.
                user.external_id = Some(external_id.clone());
            }
            _ => {}
        }
        self.set_role(user, fields)?;
        if let Some(suspended) = fields.get("suspended").and_then(Value::as_bool) {
            user.suspended = suspended;
        }
        if user.owner && (user.role != Role::Admin || user.suspended) {
            let text = "The account owner cannot be downgraded or suspended";
            return Err(invalid("base", "InvalidValue", text));
        }
        if self.takes_seat(user)
            && !(self.takes_seat(&before) && self.user(user.id, Reading::Now).is_some())
            && self.settings.max_agents.is_some_and(|most| self.seats_taken() >= most)
        {
            return Err(no_seat(self.settings.no_seat_status));
        }
        for field in KEPT_FIELDS {
            if let Some(value) = fields.get(field) {
                user.extra.insert(field.to_owned(), value.clone());
            }
        }
        self.regroup(before.role, user, doing);
        Ok(())
    }

    /// A first address becomes the primary one; a further one a *secondary* identity, not a new primary address.
    fn add_address(
        &mut self,
        doing: &Doing<'_>,
        user: &mut User,
        address: &str,
        fields: &Map<String, Value>,
    ) -> Result<(), Reply> {
        let address = address.trim();
        if user.bears(address) {
            return Ok(());
        }
        let well_formed = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !address.contains(char::is_whitespace)
        });
        if !well_formed {
            let text = format!("Email: {address} is not properly formatted");
            return Err(invalid("email", "InvalidFormat", &text));
        }
        if self.holder_of(address).is_some() {
            return Err(duplicate_address(address));
        }
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or(false);
        let (id, verified) = (self.id(), flag("verified"));
        user.identities.push(Identity::new(id, address, verified, doing.wall));
        Ok(())
    }

    /// `role` and `custom_role_id`. `role: agent` alone makes an end-user or admin a "legacy agent" on an account with
    /// custom roles, and leaves one who is an agent already as they are.
    fn set_role(&self, user: &mut User, fields: &Map<String, Value>) -> Result<(), Reply> {
        let role = match fields.get("role") {
            None | Some(Value::Null) => user.role,
            Some(value) => match serde_json::from_value(value.clone()) {
                Ok(role) => role,
                Err(_) => return Err(invalid("role", "InvalidValue", "Role: is not valid")),
            },
        };
        if role != user.role {
            user.custom_role_id = None;
        }
        user.role = role;
        match fields.get("custom_role_id") {
            None => {}
            Some(Value::Null) => user.custom_role_id = None,
            Some(value) => {
                let custom = value.as_u64().and_then(|id| self.custom_role(id));
                let fits = custom.filter(|custom| match role {
                    Role::EndUser => false,
                    Role::Agent => custom.role_type != ADMIN,
                    Role::Admin => custom.role_type == ADMIN,
                });
                let Some(custom) = fits else {
                    let text = "Custom role: is not valid for this user";
                    return Err(invalid("custom_role_id", "InvalidValue", text));
                };
                user.custom_role_id = Some(custom.id);
            }
        }
        Ok(())
    }
}

/// Until the oldest of a full minute leaves it.
fn left(oldest: Duration, now: Duration) -> Duration {
    (oldest + MINUTE).saturating_sub(now)
}

/// The object under `user`.
fn fields(request: &VendorRequest) -> Result<Map<String, Value>, Reply> {
    let body = request.json().ok_or_else(|| malformed("The body is not JSON."))?;
    match body.get("user") {
        Some(Value::Object(fields)) => Ok(fields.clone()),
        _ => Err(Reply::json(
            400,
            json!({"error": {"title": "Invalid attribute", "message": "The body must be {\"user\": {...}}"}}),
        )),
    }
}
