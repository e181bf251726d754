//! A stand-in of Zendesk Support's account, users, roles and groups.
//!
//! Where each behaviour comes from is said at the place that has it. What Zendesk never published, and the stand-in
//! therefore had to choose: the status and body of a full account and of 429, that the owner's demotion is refused with
//! 422, that `create_or_update` finds a user by a secondary address, that it counts as an update of an existing user,
//! that a `custom_role_id` without an agent's role is refused with 422, and that a deleted user cannot be updated (404).

mod account;
mod auth;
mod errors;
mod members;
mod model;
mod page;
mod read;
mod search;
mod settings;
mod write;

use serde_json::Value;

pub(crate) use account::Account;
pub use settings::{
    API_TOKEN, CLIENT_ID, CLIENT_SECRET, CustomRoleSeed, CustomRoles, OWNER_EMAIL, Role, UserSeed, UserState,
    ZendeskSeed, ZendeskSettings,
};

use crate::exchange::{Reply, VendorRequest};
use crate::history::Timeline;
use crate::operation::Operation;
use crate::stand_in::{Doing, StandIn};

impl Account {
    fn answer(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let (request, now) = (doing.request, doing.now);
        if request.operation() == Operation::OauthToken {
            return Ok(self.token(request, now));
        }
        if let Err(refusal) = self.authenticate(request, now) {
            // A wrong credential can get 200 here: a health check must look at the id.
            let anonymous = request.operation() == Operation::ShowMe && self.settings.anonymous_me;
            return if anonymous { Ok(Self::anonymous(request)) } else { Err(refusal) };
        }
        self.count_request(now)?;
        match request.operation() {
            Operation::ShowMe => Ok(self.me(doing)),
            Operation::SearchUsers => Ok(self.search(doing)),
            Operation::ListUsers => Ok(self.list_users(doing)),
            Operation::ShowUser => self.show_user(doing),
            Operation::ListIdentities => self.list_identities(doing),
            Operation::ListMemberships => self.list_memberships(doing),
            Operation::ListCustomRoles => self.list_custom_roles(doing),
            Operation::ListGroups => Ok(self.list_groups(doing)),
            Operation::CreateOrUpdateUser => self.create_or_update(doing),
            Operation::CreateUser => self.create(doing),
            Operation::UpdateUser => self.update(doing),
            Operation::DeleteUser => self.delete(doing),
            Operation::CreateMembership => self.join(doing),
            Operation::DeleteMembership => self.leave(doing),
            _ => Err(errors::no_endpoint()),
        }
    }
}

impl StandIn for Account {
    fn handle(&mut self, doing: &mut Doing<'_>) -> Reply {
        self.answer(doing).unwrap_or_else(|refusal| refusal)
    }

    fn timeline(&self) -> &Timeline {
        self.times()
    }

    fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// By primary address.
    fn subject(&self, request: &VendorRequest) -> Option<String> {
        let body = request.json();
        let field = |object: &str, name: &str| body.as_ref()?.get(object)?.get(name).cloned();
        let key = |id: u64| self.user(id, crate::history::Reading::Now).map(|user| user.key());
        match request.operation() {
            Operation::CreateOrUpdateUser | Operation::CreateUser => {
                field("user", "email").as_ref().and_then(Value::as_str).map(str::to_lowercase)
            }
            Operation::SearchUsers => {
                let query = request.parameter("query")?;
                let address = query.strip_prefix("email:").unwrap_or(query).trim_matches('"');
                address.contains('@').then(|| address.to_lowercase())
            }
            Operation::CreateMembership => {
                field("group_membership", "user_id").as_ref().and_then(Value::as_u64).and_then(key)
            }
            Operation::DeleteMembership => {
                request.number().and_then(|id| self.holder_of_membership(id)).and_then(key)
            }
            Operation::ShowUser
            | Operation::UpdateUser
            | Operation::DeleteUser
            | Operation::ListIdentities
            | Operation::ListMemberships => request.number().and_then(key),
            _ => None,
        }
    }
}
