//! GitHub's calls, one function each.
//!
//! Facts from GitHub's OpenAPI description (<https://github.com/github/rest-api-description>) and
//! <https://docs.github.com/en/graphql>.

mod saml;
mod wire;

use http::header::LINK;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use usher_core::{Call, Fault, RefusalKind, Remedy, Sent};
use usher_vendor_client::{VendorClient, VendorRequest, VendorResponse};

use crate::error::Operation;
use crate::facts::{Held, Joined, Membership};
use crate::role::Role;
pub(crate) use saml::{LIST_IDENTITIES, SamlHit, SamlIdentities};
pub(crate) use wire::{Installation, Invitation, Organisation, User};

/// Rows of one page: GitHub's maximum.
const PAGE: u32 = 100;
/// Pages of one list at the most: 500 invitations a day for 7 days are 35.
const MOST_PAGES: usize = 50;

pub(crate) const SHOW_ORG: Operation = Operation::read("show the organisation", "/orgs/{org}");
pub(crate) const SHOW_INSTALLATION: Operation =
    Operation::read("show the App's installation", "/app/installations/{id}");
pub(crate) const SHOW_USER: Operation = Operation::read("show user by id", "/user/{id}");
pub(crate) const FIND_USER: Operation = Operation::read("show user by login", "/users/{login}");
pub(crate) const SHOW_MEMBERSHIP: Operation =
    Operation::read("show membership", "/orgs/{org}/memberships/{login}");
pub(crate) const LIST_OWNERS: Operation = Operation::read("list owners", "/orgs/{org}/members");
pub(crate) const SHOW_TEAM: Operation = Operation::read("show team", "/orgs/{org}/teams/{team}");
pub(crate) const SHOW_TEAM_MEMBERSHIP: Operation =
    Operation::read("show team membership", "/orgs/{org}/teams/{team}/memberships/{login}");
pub(crate) const LIST_INVITATIONS: Operation =
    Operation::read("list open invitations", "/orgs/{org}/invitations");
pub(crate) const LIST_FAILED: Operation =
    Operation::read("list failed invitations", "/orgs/{org}/failed_invitations");
const LIST_INVITED_TEAMS: Operation =
    Operation::read("list an invitation's teams", "/orgs/{org}/invitations/{id}/teams");
const CREATE_INVITATION: Operation = Operation::change("invite", "POST", "/orgs/{org}/invitations");
pub(crate) const CANCEL_INVITATION: Operation =
    Operation::change("cancel the invitation", "DELETE", "/orgs/{org}/invitations/{id}");
const SET_MEMBERSHIP: Operation =
    Operation::change("set membership", "PUT", "/orgs/{org}/memberships/{login}");
pub(crate) const REMOVE_MEMBERSHIP: Operation =
    Operation::change("remove from the organisation", "DELETE", "/orgs/{org}/memberships/{login}");
const JOIN_TEAM: Operation =
    Operation::change("add to team", "PUT", "/orgs/{org}/teams/{team}/memberships/{login}");
pub(crate) const LEAVE_TEAM: Operation =
    Operation::change("take out of team", "DELETE", "/orgs/{org}/teams/{team}/memberships/{login}");

/// The organisation's API, by the connection's credential.
#[derive(Debug)]
pub(crate) struct Api {
    client: VendorClient,
    /// Where GraphQL does not stand below the base URL.
    graphql: Option<VendorClient>,
    org: String,
}

/// An invitation to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewInvitation<'a> {
    /// The account; else the address.
    pub(crate) user_id: Option<u64>,
    pub(crate) email: &'a str,
    pub(crate) role: Role,
    pub(crate) reinstate: bool,
    pub(crate) team_ids: &'a [u64],
}

impl Api {
    pub(crate) fn new(client: VendorClient, graphql: Option<VendorClient>, org: &str) -> Self {
        Self { client, graphql, org: org.to_owned() }
    }

    /// The organisation, and the classic token's scopes where GitHub names them.
    pub(crate) async fn organisation(&self, call: &Call) -> Result<(Organisation, Option<String>), Fault> {
        let response = self.get(call, &SHOW_ORG, self.at_org(&SHOW_ORG)).await?;
        let scopes = response.headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        Ok((read(&SHOW_ORG, &response)?, scopes.map(str::to_owned)))
    }

    /// An account by its id, under whatever login it has now; `None` if there is none.
    pub(crate) async fn user(&self, call: &Call, id: u64) -> Result<Option<User>, Fault> {
        self.get_if_there(call, &SHOW_USER, VendorRequest::get(SHOW_USER.template).param("id", id)).await
    }

    /// An account by its login, in any case.
    pub(crate) async fn user_called(&self, call: &Call, login: &str) -> Result<Option<User>, Fault> {
        self.get_if_there(call, &FIND_USER, VendorRequest::get(FIND_USER.template).param("login", login))
            .await
    }

    /// What an account is in the organisation; `None`: neither a member nor invited by its login.
    pub(crate) async fn membership(&self, call: &Call, login: &str) -> Result<Option<Membership>, Fault> {
        let request = self.at_org(&SHOW_MEMBERSHIP).param("login", login);
        let found: Option<wire::Membership> = self.get_if_there(call, &SHOW_MEMBERSHIP, request).await?;
        Ok(found.map(|found| Membership {
            role: Role::parse(&found.role).map_or(Held::Other, Held::Role),
            active: found.state == "active",
        }))
    }

    /// The ids of owners: one page of them, which is more than anybody asks about.
    pub(crate) async fn owners(&self, call: &Call) -> Result<Vec<u64>, Fault> {
        let request = self.at_org(&LIST_OWNERS).query("role", "admin").query("per_page", PAGE);
        let response = self.get(call, &LIST_OWNERS, request).await?;
        let owners: Vec<User> = read(&LIST_OWNERS, &response)?;
        Ok(owners.into_iter().map(|owner| owner.id).collect())
    }

    /// A team's id; `None` if there is no such team.
    pub(crate) async fn team(&self, call: &Call, slug: &str) -> Result<Option<u64>, Fault> {
        let request = self.at_org(&SHOW_TEAM).param("team", slug);
        let team: Option<wire::Team> = self.get_if_there(call, &SHOW_TEAM, request).await?;
        Ok(team.map(|team| team.id))
    }

    /// How far an account is in a team; `None`: not at all.
    pub(crate) async fn team_membership(
        &self,
        call: &Call,
        slug: &str,
        login: &str,
    ) -> Result<Option<Joined>, Fault> {
        let request = self.at_org(&SHOW_TEAM_MEMBERSHIP).param("team", slug).param("login", login);
        let found: Option<wire::TeamMembership> =
            self.get_if_there(call, &SHOW_TEAM_MEMBERSHIP, request).await?;
        Ok(found.map(|found| if found.state == "active" { Joined::Active } else { Joined::Pending }))
    }

    /// All open invitations.
    pub(crate) async fn invitations(&self, call: &Call) -> Result<Vec<Invitation>, Fault> {
        self.list(call, &LIST_INVITATIONS, self.at_org(&LIST_INVITATIONS)).await
    }

    /// Invitations that lapsed or failed.
    pub(crate) async fn failed_invitations(&self, call: &Call) -> Result<Vec<Invitation>, Fault> {
        self.list(call, &LIST_FAILED, self.at_org(&LIST_FAILED)).await
    }

    /// The slugs of an invitation's teams, of which one page is read; none if it is not open any more.
    pub(crate) async fn invited_teams(&self, call: &Call, id: u64) -> Result<Vec<String>, Fault> {
        let request = self.at_org(&LIST_INVITED_TEAMS).param("id", id).query("per_page", PAGE);
        let teams: Option<Vec<wire::Team>> = self.get_if_there(call, &LIST_INVITED_TEAMS, request).await?;
        Ok(teams.unwrap_or_default().into_iter().map(|team| team.slug).collect())
    }

    /// Invites, and answers the invitation's id.
    pub(crate) async fn invite(&self, call: &Call, new: NewInvitation<'_>) -> Result<u64, Fault> {
        let role = if new.reinstate { "reinstate" } else { new.role.in_invitation() };
        let mut body = json!({ "role": role, "team_ids": new.team_ids });
        if let Some(fields) = body.as_object_mut() {
            match new.user_id {
                Some(id) => fields.insert("invitee_id".to_owned(), json!(id)),
                None => fields.insert("email".to_owned(), json!(new.email)),
            };
        }
        let request = VendorRequest::post(CREATE_INVITATION.template).param("org", &self.org).json(&body);
        let response = self.get(call, &CREATE_INVITATION, request).await?;
        let created: wire::Created = read(&CREATE_INVITATION, &response)?;
        Ok(created.id)
    }

    /// Cancels an invitation; `false`: it is not open any more.
    pub(crate) async fn cancel_invitation(&self, call: &Call, id: u64) -> Result<bool, Fault> {
        let request =
            VendorRequest::delete(CANCEL_INVITATION.template).param("org", &self.org).param("id", id);
        self.remove(call, &CANCEL_INVITATION, request).await
    }

    /// Gives a role. For somebody outside it invites or adds.
    pub(crate) async fn set_membership(&self, call: &Call, login: &str, role: Role) -> Result<(), Fault> {
        let request = VendorRequest::put(SET_MEMBERSHIP.template)
            .param("org", &self.org)
            .param("login", login)
            .json(&json!({ "role": role.as_str() }));
        let response = self.get(call, &SET_MEMBERSHIP, request).await?;
        let set: wire::Membership = read(&SET_MEMBERSHIP, &response)?;
        if Role::parse(&set.role) == Some(role) {
            Ok(())
        } else {
            Err(SET_MEMBERSHIP.unreadable(&response, "the answer names another role"))
        }
    }

    /// Takes somebody out of the organisation, or cancels the invitation to the account; `false`: neither was there.
    pub(crate) async fn remove_membership(&self, call: &Call, login: &str) -> Result<bool, Fault> {
        let request =
            VendorRequest::delete(REMOVE_MEMBERSHIP.template).param("org", &self.org).param("login", login);
        self.remove(call, &REMOVE_MEMBERSHIP, request).await
    }

    /// Puts an account into a team, as an ordinary member.
    pub(crate) async fn join_team(&self, call: &Call, slug: &str, login: &str) -> Result<(), Fault> {
        let request = VendorRequest::put(JOIN_TEAM.template)
            .param("org", &self.org)
            .param("team", slug)
            .param("login", login)
            .json(&json!({ "role": "member" }));
        let response = self.get(call, &JOIN_TEAM, request).await?;
        read::<wire::TeamMembership>(&JOIN_TEAM, &response).map(|_| ())
    }

    /// Takes an account out of a team; `false`: it was not in it.
    pub(crate) async fn leave_team(&self, call: &Call, slug: &str, login: &str) -> Result<bool, Fault> {
        let request = VendorRequest::delete(LEAVE_TEAM.template)
            .param("org", &self.org)
            .param("team", slug)
            .param("login", login);
        self.remove(call, &LEAVE_TEAM, request).await
    }

    fn at_org(&self, operation: &Operation) -> VendorRequest {
        VendorRequest::get(operation.template).param("org", &self.org)
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

    /// `None` for 404.
    async fn get_if_there<T: DeserializeOwned>(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
    ) -> Result<Option<T>, Fault> {
        let response =
            self.client.send(call, request).await.map_err(|failure| operation.unanswered(failure))?;
        if response.status.as_u16() == 404 {
            return Ok(None);
        }
        read(operation, &successful(operation, response)?).map(Some)
    }

    /// `false` for 404.
    async fn remove(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
    ) -> Result<bool, Fault> {
        let response =
            self.client.send(call, request).await.map_err(|failure| operation.unanswered(failure))?;
        if response.status.as_u16() == 404 {
            return Ok(false);
        }
        successful(operation, response).map(|_| true)
    }

    /// All pages of a list, as the answers link to them.
    async fn list<T: DeserializeOwned>(
        &self,
        call: &Call,
        operation: &Operation,
        request: VendorRequest,
    ) -> Result<Vec<T>, Fault> {
        let mut response = self.get(call, operation, request.query("per_page", PAGE)).await?;
        let mut rows: Vec<T> = Vec::new();
        for _ in 0..MOST_PAGES {
            rows.extend(read::<Vec<T>>(operation, &response)?);
            let Some(next) = response.header(&LINK).and_then(wire::next_page).map(str::to_owned) else {
                return Ok(rows);
            };
            let linked = self.client.get_link(call, &next).await;
            response = successful(operation, linked.map_err(|failure| operation.unanswered(failure))?)?;
        }
        let sentence = format!(
            "GitHub lists more than {} rows, which is more than Usher reads: see whether they are meant.",
            MOST_PAGES * 100
        );
        Err(operation.no(Sent::Yes, RefusalKind::Unresolvable, sentence))
    }
}

/// The App's installation, by the App's own credential.
pub(crate) async fn installation(
    client: &VendorClient,
    call: &Call,
    id: u64,
) -> Result<Option<Installation>, Fault> {
    let operation = SHOW_INSTALLATION;
    let request = VendorRequest::get(operation.template).param("id", id);
    let response = client.send(call, request).await.map_err(|failure| operation.unanswered(failure))?;
    if response.status.as_u16() == 404 {
        return Ok(None);
    }
    read(&operation, &successful(&operation, response)?).map(Some)
}

/// When an invitation that was made then lapses: after seven days
/// (<https://docs.github.com/en/organizations/managing-membership-in-your-organization/inviting-users-to-join-your-organization>).
pub(crate) fn lapses(created: Timestamp) -> Option<Timestamp> {
    created.checked_add(jiff::SignedDuration::from_hours(7 * 24)).ok()
}

fn successful(operation: &Operation, response: VendorResponse) -> Result<VendorResponse, Fault> {
    if response.is_success() { Ok(response) } else { Err(operation.refused(&response)) }
}

/// The body of an answer. One in another form is no success.
fn read<T: DeserializeOwned>(operation: &Operation, response: &VendorResponse) -> Result<T, Fault> {
    response.json().map_err(|failure| operation.unanswered(failure))
}

/// A read that GitHub answers with 200 and errors in the body, as GraphQL does.
fn forbidden(operation: &Operation, why: &str) -> Fault {
    Fault::new(operation.name, Sent::Yes, Remedy::Person).with("path", operation.template).because(why)
}

fn errors_of(body: &Value) -> Option<&Vec<Value>> {
    body.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty())
}
