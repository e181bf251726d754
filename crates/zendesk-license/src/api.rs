//! Zendesk's calls, one function each.
//!
//! Facts from <https://developer.zendesk.com/api-reference/ticketing/introduction/>.

mod wire;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use usher_core::{Call, Fault, Refusal, RefusalKind, Remedy, Sent};
use usher_vendor_client::{VendorClient, VendorRequest, VendorResponse};

use crate::error::Operation;
use crate::roles::{AGENT, Catalogue, CustomRole, Kind, Target};
pub(crate) use wire::{Group, Identity, JobStatus, Membership, Ticket, User};

/// Rows of one page: Zendesk's maximum.
const PAGE: u32 = 100;
/// Pages of one list at the most: 5,000 groups, or 5,000 tickets of one agent.
const MOST_PAGES: usize = 50;
/// Pages of a search for one address at the most.
const MOST_SEARCH_PAGES: usize = 5;

pub(crate) const SHOW_ME: Operation = Operation::read("show the credential's user", "/api/v2/users/me.json");
pub(crate) const SHOW_USER: Operation = Operation::read("show user", "/api/v2/users/{id}");
pub(crate) const SEARCH_USERS: Operation = Operation::read("search users", "/api/v2/users/search");
pub(crate) const LIST_IDENTITIES: Operation =
    Operation::read("list the user's addresses", "/api/v2/users/{id}/identities");
pub(crate) const LIST_ROLES: Operation = Operation::read("list custom roles", "/api/v2/custom_roles");
pub(crate) const LIST_GROUPS: Operation = Operation::read("list groups", "/api/v2/groups");
pub(crate) const LIST_MEMBERSHIPS: Operation =
    Operation::read("list the user's groups", "/api/v2/users/{id}/group_memberships");
pub(crate) const LIST_TICKETS: Operation =
    Operation::read("list the user's tickets", "/api/v2/users/{id}/tickets/assigned");
pub(crate) const SHOW_JOB: Operation = Operation::read("show job", "/api/v2/job_statuses/{id}");
const CREATE_USER: Operation = Operation::change("create user", "POST", "/api/v2/users");
const UPDATE_USER: Operation = Operation::change("update user", "PUT", "/api/v2/users/{id}");
const DELETE_USER: Operation = Operation::change("delete user", "DELETE", "/api/v2/users/{id}");
const CREATE_MEMBERSHIP: Operation = Operation::change("add to group", "POST", "/api/v2/group_memberships");
const DELETE_MEMBERSHIP: Operation =
    Operation::change("take out of group", "DELETE", "/api/v2/group_memberships/{id}");
const UPDATE_TICKETS: Operation = Operation::change("reassign tickets", "PUT", "/api/v2/tickets/update_many");

/// The account's API, by the connection's credential.
#[derive(Debug)]
pub(crate) struct Api {
    client: VendorClient,
}

impl Api {
    pub(crate) fn new(client: VendorClient) -> Self {
        Self { client }
    }

    /// The user that the credential stands for. With a wrong token Zendesk may answer 200 and a user without an id.
    pub(crate) async fn me(&self, call: &Call) -> Result<User, Fault> {
        let response = self.get(call, &SHOW_ME, VendorRequest::get(SHOW_ME.template)).await?;
        field(&SHOW_ME, &response, "user")
    }

    /// A user by id; `None` if there is none.
    pub(crate) async fn user(&self, call: &Call, id: &str) -> Result<Option<User>, Fault> {
        let request = VendorRequest::get(SHOW_USER.template).param("id", id);
        match self.get_if_there(call, &SHOW_USER, request).await? {
            None => Ok(None),
            Some(response) => field(&SHOW_USER, &response, "user").map(Some),
        }
    }

    /// What the search shows for an address: partial hits and deleted users among them, and minutes late.
    pub(crate) async fn search(&self, call: &Call, address: &str) -> Result<Vec<User>, Fault> {
        let request = VendorRequest::get(SEARCH_USERS.template)
            .query("query", format!("email:{address}"))
            .query("per_page", PAGE);
        self.list(call, &SEARCH_USERS, request, "users", MOST_SEARCH_PAGES).await
    }

    /// A user's addresses and other identities.
    pub(crate) async fn identities(&self, call: &Call, id: u64) -> Result<Vec<Identity>, Fault> {
        let request = paged(&LIST_IDENTITIES).param("id", id);
        self.list(call, &LIST_IDENTITIES, request, "identities", MOST_PAGES).await
    }

    /// The account's custom roles; none where its plan does not have them.
    pub(crate) async fn custom_roles(&self, call: &Call) -> Result<Catalogue, Fault> {
        let request = VendorRequest::get(LIST_ROLES.template);
        let response =
            self.client.send(call, request).await.map_err(|failure| LIST_ROLES.unanswered(failure))?;
        // Which of the two a smaller plan answers is not published.
        if matches!(response.status.as_u16(), 403 | 404) {
            return Ok(Catalogue::default());
        }
        let response = successful(&LIST_ROLES, response)?;
        let roles: Vec<wire::CustomRole> = field(&LIST_ROLES, &response, "custom_roles")?;
        let roles = roles.into_iter().map(|role| CustomRole {
            id: role.id,
            name: role.name,
            kind: role.role_type.map_or(Kind::Custom, Kind::of),
        });
        Ok(Catalogue { roles: roles.collect() })
    }

    /// All groups that were not deleted.
    pub(crate) async fn groups(&self, call: &Call) -> Result<Vec<Group>, Fault> {
        let groups: Vec<Group> =
            self.list(call, &LIST_GROUPS, paged(&LIST_GROUPS), "groups", MOST_PAGES).await?;
        Ok(groups.into_iter().filter(|group| !group.deleted).collect())
    }

    /// The groups that a user is in.
    pub(crate) async fn memberships(&self, call: &Call, id: u64) -> Result<Vec<Membership>, Fault> {
        let request = paged(&LIST_MEMBERSHIPS).param("id", id);
        self.list(call, &LIST_MEMBERSHIPS, request, "group_memberships", MOST_PAGES).await
    }

    /// The tickets that an agent has, solved ones too.
    pub(crate) async fn tickets(&self, call: &Call, id: u64) -> Result<Vec<Ticket>, Fault> {
        let request = paged(&LIST_TICKETS).param("id", id);
        self.list(call, &LIST_TICKETS, request, "tickets", MOST_PAGES).await
    }

    /// How far a background job is; `None` if Zendesk no longer knows it.
    pub(crate) async fn job(&self, call: &Call, id: &str) -> Result<Option<JobStatus>, Fault> {
        let request = VendorRequest::get(SHOW_JOB.template).param("id", id);
        match self.get_if_there(call, &SHOW_JOB, request).await? {
            None => Ok(None),
            Some(response) => field(&SHOW_JOB, &response, "job_status").map(Some),
        }
    }

    /// Creates a user, and answers the id.
    ///
    /// Not `create_or_update`: that would change the role of a user whom the search does not show yet.
    pub(crate) async fn create_user(&self, call: &Call, user: &Map<String, Value>) -> Result<u64, Fault> {
        let request = VendorRequest::post(CREATE_USER.template).json(&json!({ "user": user }));
        let response = self.change(call, &CREATE_USER, request).await?;
        let user: User = field(&CREATE_USER, &response, "user")?;
        user.id.ok_or_else(|| CREATE_USER.unreadable(&response, "the created user has no id"))
    }

    /// Gives a user a role. `email` is never sent: it would become a secondary address.
    pub(crate) async fn set_role(
        &self,
        call: &Call,
        id: u64,
        target: &Target,
        unsuspend: bool,
    ) -> Result<(), Fault> {
        let mut user = role_fields(target);
        if unsuspend {
            user.insert("suspended".to_owned(), Value::Bool(false));
        }
        self.update_user(call, id, &Value::Object(user)).await
    }

    /// Suspends a user, or ends that.
    pub(crate) async fn set_suspended(&self, call: &Call, id: u64, suspended: bool) -> Result<(), Fault> {
        self.update_user(call, id, &json!({ "suspended": suspended })).await
    }

    async fn update_user(&self, call: &Call, id: u64, user: &Value) -> Result<(), Fault> {
        let request = VendorRequest::put(UPDATE_USER.template).param("id", id).json(&json!({ "user": user }));
        let response = self.change(call, &UPDATE_USER, request).await?;
        let updated: User = field(&UPDATE_USER, &response, "user")?;
        if updated.id == Some(id) {
            Ok(())
        } else {
            Err(UPDATE_USER.unreadable(&response, "the answer is about another user"))
        }
    }

    /// Deletes a user for good. The owner cannot be deleted.
    pub(crate) async fn delete_user(&self, call: &Call, id: u64) -> Result<(), Fault> {
        let request = VendorRequest::delete(DELETE_USER.template).param("id", id);
        let response = self.change(call, &DELETE_USER, request).await?;
        let _deleted: User = field(&DELETE_USER, &response, "user")?;
        Ok(())
    }

    /// Puts an agent into a group.
    pub(crate) async fn create_membership(
        &self,
        call: &Call,
        user_id: u64,
        group_id: u64,
    ) -> Result<(), Fault> {
        let membership = json!({"group_membership": {"user_id": user_id, "group_id": group_id}});
        let request = VendorRequest::post(CREATE_MEMBERSHIP.template).json(&membership);
        let response = self.change(call, &CREATE_MEMBERSHIP, request).await?;
        let _created: Membership = field(&CREATE_MEMBERSHIP, &response, "group_membership")?;
        Ok(())
    }

    /// Takes an agent out of a group.
    pub(crate) async fn delete_membership(&self, call: &Call, id: u64) -> Result<(), Fault> {
        let request = VendorRequest::delete(DELETE_MEMBERSHIP.template).param("id", id);
        self.change(call, &DELETE_MEMBERSHIP, request).await.map(|_| ())
    }

    /// Gives up to 100 tickets to another agent, in the background: answers the job's id.
    pub(crate) async fn reassign(&self, call: &Call, tickets: &[u64], to: u64) -> Result<String, Fault> {
        let ids: Vec<String> = tickets.iter().map(ToString::to_string).collect();
        let request = VendorRequest::put(UPDATE_TICKETS.template)
            .query("ids", ids.join(","))
            .json(&json!({"ticket": {"assignee_id": to}}));
        let response = self.change(call, &UPDATE_TICKETS, request).await?;
        let job: JobStatus = field(&UPDATE_TICKETS, &response, "job_status")?;
        Ok(job.id)
    }

    async fn get(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
    ) -> Result<VendorResponse, Fault> {
        let response =
            self.client.send(call, request).await.map_err(|failure| operation.unanswered(failure))?;
        successful(operation, response)
    }

    /// As [`Self::get`], with `None` for 404.
    async fn get_if_there(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
    ) -> Result<Option<VendorResponse>, Fault> {
        let response =
            self.client.send(call, request).await.map_err(|failure| operation.unanswered(failure))?;
        if response.status.as_u16() == 404 { Ok(None) } else { successful(operation, response).map(Some) }
    }

    async fn change(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
    ) -> Result<VendorResponse, Fault> {
        self.get(call, operation, request).await
    }

    /// All pages of a list, by cursor or by offset, whichever the answer links to.
    async fn list<T: DeserializeOwned>(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
        name: &'static str,
        most: usize,
    ) -> Result<Vec<T>, Fault> {
        let mut response = self.get(call, operation, request).await?;
        let mut rows = Vec::new();
        for _ in 0..most {
            let page: Value = response.json().map_err(|failure| operation.unanswered(failure))?;
            let next = wire::next_page(&page).map(str::to_owned);
            rows.extend(field::<Vec<T>>(operation, &response, name)?);
            let Some(next) = next else {
                return if wire::breaks_off(&page) {
                    Err(operation.unreadable(&response, "the list goes on and does not say where"))
                } else {
                    Ok(rows)
                };
            };
            let linked = self.client.get_link(call, &next).await;
            response = successful(operation, linked.map_err(|failure| operation.unanswered(failure))?)?;
        }
        Err(too_many(operation, most))
    }
}

/// The fields that make a role.
pub(crate) fn role_fields(target: &Target) -> Map<String, Value> {
    let mut fields = Map::from_iter([("role".to_owned(), json!(target.role))]);
    // Named even where it is null: an agent of a custom role who becomes a bare one loses it. End-users have none, and
    // an administrator's follows from the role.
    if target.role == AGENT {
        fields.insert("custom_role_id".to_owned(), json!(target.custom_role_id));
    }
    fields
}

fn paged(operation: &Operation) -> VendorRequest {
    VendorRequest::get(operation.template).query("page[size]", PAGE)
}

fn successful(operation: &Operation, response: VendorResponse) -> Result<VendorResponse, Fault> {
    if response.is_success() { Ok(response) } else { Err(operation.refused(&response)) }
}

/// One field of an answer. A body without it, such as `{"error": …}` under a 200, is no success.
fn field<T: DeserializeOwned>(
    operation: &Operation,
    response: &VendorResponse,
    name: &str,
) -> Result<T, Fault> {
    let mut body: Value = response.json().map_err(|failure| operation.unanswered(failure))?;
    let found = body.get_mut(name).map(Value::take).unwrap_or_default();
    serde_json::from_value(found).map_err(|_| {
        // Serde's message would quote the body.
        operation.unreadable(response, &format!("the answer has no {name} of the documented form"))
    })
}

fn too_many(operation: &Operation, pages: usize) -> Fault {
    let sentence = format!(
        "Zendesk lists more than {pages} pages: Usher does not read on, so that nothing is decided on half a list."
    );
    let refusal = Refusal::new(RefusalKind::Unresolvable, sentence);
    Fault::new(operation.name, Sent::Yes, Remedy::Refused(refusal)).with("path", operation.template)
}
