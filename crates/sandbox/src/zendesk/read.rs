//! What can be read, save the search.

use serde_json::{Value, json};

use super::account::Account;
use super::errors::{no_endpoint, not_found};
use super::model::{User, group_json, identity_json, membership_json, user_json};
use super::page::{self, Row};
use super::settings::CustomRoles;
use crate::exchange::{Reply, VendorRequest};
use crate::history::Reading;
use crate::stand_in::{Doing, same_text, stamp};

impl Account {
    pub(crate) fn user_row(&self, request: &VendorRequest, user: &User) -> Value {
        user_json(&request.base_url, user, self.role_type(user))
    }

    pub(super) fn anonymous(request: &VendorRequest) -> Reply {
        let url = format!("{}/api/v2/users/.json", request.base_url);
        Reply::json(
            200,
            json!({"user": {
                "id": null, "url": url, "name": "Anonymous user", "email": "invalid@example.com",
                "role": "end-user", "active": false, "verified": false, "suspended": false,
            }}),
        )
    }

    /// The one whose credential it is: the address of the API token, and the owner for the OAuth client.
    pub(super) fn me(&self, doing: &Doing<'_>) -> Reply {
        let basic = doing.request.headers.get(http::header::AUTHORIZATION);
        let basic = basic.is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"basic"));
        let mut users = self.users(Reading::Now);
        let email = self.settings.api_email.as_str();
        let me = users.find(|user| {
            if basic { user.email().is_some_and(|held| same_text(held, email)) } else { user.owner }
        });
        match me {
            Some(user) => Reply::json(200, json!({"user": self.user_row(doing.request, &user)})),
            None => Self::anonymous(doing.request),
        }
    }

    pub(super) fn list_users(&self, doing: &Doing<'_>) -> Reply {
        let active = self.users(doing.reading).filter(|user| user.active);
        let rows: Vec<Row> = active.map(|user| (user.id, self.user_row(doing.request, &user))).collect();
        page::either(doing.request, "users", &rows)
    }

    fn asked_for(&self, doing: &Doing<'_>) -> Result<User, Reply> {
        doing.request.number().and_then(|id| self.user(id, doing.reading)).ok_or_else(not_found)
    }

    /// A deleted user can still be read, as `active: false`.
    pub(super) fn show_user(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let user = self.asked_for(doing)?;
        Ok(Reply::json(200, json!({"user": self.user_row(doing.request, &user)})))
    }

    pub(super) fn list_identities(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let user = self.asked_for(doing)?;
        let rows = user.identities.iter().enumerate().map(|(place, identity)| {
            (identity.id, identity_json(&doing.request.base_url, &user, identity, place == 0))
        });
        Ok(page::either(doing.request, "identities", &rows.collect::<Vec<Row>>()))
    }

    pub(super) fn list_memberships(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let user = self.asked_for(doing)?;
        let row = |held| membership_json(&doing.request.base_url, &user, held);
        let rows: Vec<Row> = user.memberships.iter().map(|held| (held.id, row(held))).collect();
        Ok(page::either(doing.request, "group_memberships", &rows))
    }

    pub(super) fn list_groups(&self, doing: &Doing<'_>) -> Reply {
        let row = |group| group_json(&doing.request.base_url, group);
        let rows: Vec<Row> = self.groups.iter().map(|group| (group.id, row(group))).collect();
        page::either(doing.request, "groups", &rows)
    }

    /// The roles' ids differ from account to account; the light agent's is found by `role_type` 1.
    pub(super) fn list_custom_roles(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let listed = match self.settings.custom_roles {
            CustomRoles::Missing => return Err(no_endpoint()),
            CustomRoles::Empty => [].as_slice(),
            CustomRoles::Listed => self.roles.as_slice(),
        };
        let members = |id: u64| {
            self.users(doing.reading).filter(|user| user.active && user.custom_role_id == Some(id)).count()
        };
        let row = |role: &super::model::CustomRole| {
            json!({
                "id": role.id,
                "name": role.name,
                "description": "",
                "role_type": role.role_type,
                "team_member_count": members(role.id),
                "configuration": {},
                "created_at": stamp(role.created_at),
                "updated_at": stamp(role.created_at),
            })
        };
        let rows: Vec<Value> = listed.iter().map(row).collect();
        // Zendesk does not page this list.
        Ok(Reply::json(
            200,
            json!({"count": rows.len(), "custom_roles": rows, "next_page": null, "previous_page": null}),
        ))
    }
}
