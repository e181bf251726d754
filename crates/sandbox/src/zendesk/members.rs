//! Groups: who is in which.

use serde_json::{Value, json};

use super::account::Account;
use super::errors::{invalid, malformed, not_found};
use super::model::{Membership, User, membership_json};
use super::settings::Role;
use crate::exchange::Reply;
use crate::history::Reading;
use crate::stand_in::Doing;

impl Account {
    /// `POST /api/v2/group_memberships`: the user must be an agent already.
    pub(super) fn join(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let body = doing.request.json();
        let wanted = body.as_ref().and_then(|body| body.get("group_membership"));
        let Some(wanted) = wanted.and_then(Value::as_object) else {
            return Err(malformed("The body must be {\"group_membership\": {...}}."));
        };
        let number = |name: &str| wanted.get(name).and_then(Value::as_u64);
        let user = number("user_id").and_then(|id| self.user(id, Reading::Now)).filter(|user| user.active);
        let Some(mut user) = user else {
            return Err(invalid("user", "BlankValue", "User: cannot be blank"));
        };
        let Some(group) = number("group_id").and_then(|id| self.groups.iter().find(|group| group.id == id))
        else {
            return Err(invalid("group", "BlankValue", "Group: cannot be blank"));
        };
        if user.role == Role::EndUser {
            return Err(invalid("user", "InvalidValue", "User: is not an agent"));
        }
        if user.memberships.iter().any(|held| held.group_id == group.id) {
            return Err(invalid("user_id", "DuplicateValue", "User: has already been taken"));
        }
        let group_id = group.id;
        let asked = wanted.get("default").and_then(Value::as_bool).unwrap_or(false);
        let default = asked || user.memberships.is_empty();
        if default {
            user.memberships.iter_mut().for_each(|held| held.default = false);
        }
        let held = Membership { id: self.id(), group_id, default, created_at: doing.wall };
        user.memberships.push(held.clone());
        let user = self.commit(doing, user);
        let row = membership_json(&doing.request.base_url, &user, &held);
        Ok(Reply::json(201, json!({"group_membership": row})))
    }

    /// `DELETE /api/v2/group_memberships/{id}`. Another group becomes the default one where it was.
    pub(super) fn leave(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let id = doing.request.number().ok_or_else(not_found)?;
        let holder = self.holder_of_membership(id).and_then(|user| self.user(user, Reading::Now));
        let mut user = holder.ok_or_else(not_found)?;
        user.memberships.retain(|held| held.id != id);
        if user.memberships.iter().all(|held| !held.default)
            && let Some(first) = user.memberships.first_mut()
        {
            first.default = true;
        }
        self.commit(doing, user);
        Ok(Reply::empty(204))
    }

    /// What promotion and demotion do to groups: a default group is given, all are lost.
    pub(super) fn regroup(&mut self, before: Role, after: &mut User, doing: &Doing<'_>) {
        if after.role == Role::EndUser {
            after.memberships.clear();
        } else if before == Role::EndUser
            && after.memberships.is_empty()
            && let Some(group) = self.groups.iter().find(|group| group.default)
        {
            let group_id = group.id;
            let held = Membership { id: self.id(), group_id, default: true, created_at: doing.wall };
            after.memberships.push(held);
        }
    }
}
