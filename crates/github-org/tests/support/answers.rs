//! How the stand-in answers. Shapes as in GitHub's OpenAPI description.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::world::{BACKED, INSTALLATION, Instead, Invitation, ORG, State, World};

pub(crate) struct Answers(pub(crate) Arc<Mutex<World>>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut world = self.0.lock().unwrap();
        world.note(request);
        let line = format!("{} {}", request.method, request.url.path());
        let due = world.faults.iter().position(|(at, _)| line.starts_with(at.as_str()));
        match due.and_then(|place| world.faults.remove(place)) {
            None => world.answer(request),
            Some((_, Instead::Answer(status, body))) => answer(status, body),
            Some((_, Instead::With(status, name, value, body))) => {
                answer(status, body).insert_header(name, value.as_str())
            }
            Some((_, Instead::Done(status))) => {
                drop(world.answer(request));
                answer(status, json!({"message": "Server Error"}))
            }
        }
    }
}

fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn ok(body: Value) -> ResponseTemplate {
    answer(200, body)
}

fn none() -> ResponseTemplate {
    ResponseTemplate::new(204)
}

pub(crate) fn message(status: u16, text: &str) -> ResponseTemplate {
    answer(status, json!({"message": text, "documentation_url": "https://docs.github.com/rest"}))
}

fn not_found() -> ResponseTemplate {
    message(404, "Not Found")
}

/// Recorded: rest-api-description#4109.
pub(crate) fn not_invited(text: &str) -> Value {
    json!({
        "message": "Validation Failed",
        "errors": [{"resource": "OrganizationInvitation", "code": "unprocessable", "field": "data", "message": text}],
        "documentation_url": "https://docs.github.com/rest/orgs/members#create-an-organization-invitation",
        "status": "422",
    })
}

/// Recorded: probot/invite#8.
pub(crate) fn no_seat() -> Value {
    json!({
        "message": "You must purchase at least one more seat to add this user as a member.",
        "errors": [{"code": "no_seat", "field": "user"}],
    })
}

/// Recorded: terraform-provider-github#2079.
pub(crate) fn backed() -> Value {
    json!({"message": "This team is an external group backed team and its members cannot be managed here."})
}

impl World {
    fn note(&mut self, request: &Request) {
        self.requests.push(format!("{} {}", request.method, request.url.path()));
        let headers = request.headers.iter();
        self.headers.push(
            headers
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
        );
        if let Ok(body) = serde_json::from_slice(&request.body) {
            self.bodies.push(body);
        }
    }

    /// Does what is asked, credentials checked.
    pub(crate) fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().to_owned();
        let graphql = format!("{}/graphql", self.prefix.trim_end_matches("/v3"));
        let is_apps = path.contains("/app/installations/");
        let sent =
            request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !self.accepts(sent.trim_start_matches("Bearer "), is_apps) {
            return message(401, &format!("Bad credentials: {sent}"));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if path == graphql {
            return self.graphql(&body["variables"]);
        }
        let Some(path) = path.strip_prefix(&self.prefix.clone()).map(str::to_owned) else {
            return not_found();
        };
        let parts: Vec<String> = path.split('/').skip(1).map(|part| part.replace("%5F", "_")).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let page = request
            .url
            .query_pairs()
            .find(|(name, _)| name == "page")
            .and_then(|(_, page)| page.parse().ok());
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["app", "installations", id, "access_tokens"]) if *id == INSTALLATION.to_string() => {
                self.token()
            }
            ("GET", ["app", "installations", id]) if *id == INSTALLATION.to_string() => ok(json!({
                "id": INSTALLATION,
                "account": {"login": "Acme", "id": 77},
                "permissions": self.permissions,
                "suspended_at": self.suspended.then_some("2026-01-01T00:00:00Z"),
            })),
            ("GET", ["user", id]) => self.show(|account| account.id.to_string() == *id),
            ("GET", ["users", login]) => self.show(|account| account.login.eq_ignore_ascii_case(login)),
            (method, ["orgs", ORG, rest @ ..]) => self.organisation(method, rest, &body, page.unwrap_or(1)),
            _ => not_found(),
        }
    }

    fn token(&mut self) -> ResponseTemplate {
        self.issued += 1;
        let token = json!({
            "token": format!("ghs_a-token-that-nobody-may-see-{}", self.issued),
            "expires_at": self.token_ends,
            "permissions": self.permissions,
        });
        // The server's own would be the machine's time.
        let now: jiff::Timestamp = self.now.parse().unwrap();
        answer(201, token)
            .insert_header("date", now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string().as_str())
    }

    fn show(&self, is: impl Fn(&super::world::Account) -> bool) -> ResponseTemplate {
        self.accounts
            .iter()
            .find(|account| is(account))
            .map_or_else(not_found, |account| ok(self.user_json(account)))
    }

    fn graphql(&self, variables: &Value) -> ResponseTemplate {
        if !self.shows_saml {
            return ok(
                json!({"data": {"organization": null}, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}]}),
            );
        }
        if !self.has_saml {
            return ok(json!({"data": {"organization": {"samlIdentityProvider": null}}}));
        }
        let named = |account: &&super::world::Account| match (&variables["userName"], &variables["login"]) {
            (Value::String(name), _) => account.saml.as_deref() == Some(name),
            (_, Value::String(login)) => account.saml.is_some() && account.login.eq_ignore_ascii_case(login),
            _ => false,
        };
        let nodes: Vec<Value> = self
            .accounts
            .iter()
            .filter(named)
            .map(|account| {
                json!({
                    "samlIdentity": {"nameId": account.saml, "username": null},
                    "user": {"databaseId": account.id, "login": account.login},
                })
            })
            .collect();
        ok(
            json!({"data": {"organization": {"samlIdentityProvider": {"externalIdentities": {"nodes": nodes}}}}}),
        )
    }

    fn organisation(&mut self, method: &str, parts: &[&str], body: &Value, page: usize) -> ResponseTemplate {
        match (method, parts) {
            ("GET", []) => {
                let plan =
                    self.seats.map(|seats| json!({"seats": seats, "filled_seats": self.seats_taken()}));
                let shown = ok(json!({"login": "acme", "id": 77, "plan": plan}));
                match &self.scopes {
                    Some(scopes) => shown.insert_header("x-oauth-scopes", scopes.as_str()),
                    None => shown,
                }
            }
            ("GET", ["members"]) => {
                let owners =
                    self.accounts.iter().filter(|account| account.member.as_deref() == Some("admin"));
                ok(Value::Array(owners.map(|account| self.user_json(account)).collect()))
            }
            ("GET", ["teams", slug]) => self.team(slug).map_or_else(not_found, |id| ok(self.team_json(id))),
            (method, ["memberships", login]) => self.membership(method, login, body),
            (method, ["teams", slug, "memberships", login]) => self.team_membership(method, slug, login),
            _ if self.is_server => not_found(),
            ("GET", ["invitations"]) => self.listed(State::Open, "invitations", page),
            ("GET", ["failed_invitations"]) => self.listed(State::Failed, "failed_invitations", page),
            ("GET", ["invitations", id, "teams"]) => {
                let found = self.open().find(|invitation| invitation.id.to_string() == *id);
                found.map_or_else(not_found, |invitation| {
                    ok(Value::Array(invitation.teams.iter().map(|id| self.team_json(*id)).collect()))
                })
            }
            ("DELETE", ["invitations", id]) => {
                let found =
                    self.open().find(|invitation| invitation.id.to_string() == *id).map(|found| found.id);
                let Some(id) = found else { return not_found() };
                self.invitation_mut(id).state = State::Cancelled;
                self.effects.push(format!("cancelled invitation {id}"));
                none()
            }
            ("POST", ["invitations"]) => self.create_invitation(body),
            _ => not_found(),
        }
    }

    fn listed(&self, state: State, name: &str, page: usize) -> ResponseTemplate {
        let rows: Vec<Value> = self
            .invitations
            .iter()
            .filter(|invitation| invitation.state == state)
            .map(|invitation| self.invitation_json(invitation))
            .collect();
        let from = (page - 1) * self.page_size;
        let shown: Vec<Value> = rows.iter().skip(from).take(self.page_size).cloned().collect();
        let answer = ok(Value::Array(shown));
        if from + self.page_size >= rows.len() {
            return answer;
        }
        let next = format!(
            "<{}{}/orgs/{ORG}/{name}?per_page=100&page={}>; rel=\"next\"",
            self.base,
            self.prefix,
            page + 1
        );
        answer.insert_header("link", next.as_str())
    }

    fn create_invitation(&mut self, body: &Value) -> ResponseTemplate {
        let account = match (&body["invitee_id"], &body["email"]) {
            (Value::Number(id), Value::Null) => {
                let id = id.as_u64().unwrap();
                self.accounts.iter().find(|account| account.id == id).cloned()
            }
            (Value::Null, Value::String(email)) => self.by_email(email).cloned(),
            _ => return message(422, "Invalid request"),
        };
        if self.managed {
            return answer(422, not_invited("Enterprise Managed Users cannot be invited"));
        }
        if account.as_ref().is_some_and(|account| account.member.is_some()) {
            return answer(
                422,
                not_invited("A user with this email addresss is already a part of this organization"),
            );
        }
        if account.as_ref().is_some_and(|account| account.blocks_org) {
            return answer(422, json!({"message": "Validation Failed"}));
        }
        if self.seats.is_some_and(|seats| self.seats_taken() >= seats) {
            return answer(422, no_seat());
        }
        let role = body["role"].as_str().unwrap_or_default();
        let was = account.as_ref().and_then(|account| account.was.clone());
        if !matches!(role, "direct_member" | "admin" | "billing_manager" | "reinstate")
            || (role == "reinstate" && was.is_none())
        {
            return message(422, "Invalid request: role is not a permitted value");
        }
        let teams: Vec<u64> =
            body["team_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
        if teams.iter().any(|team| !self.teams.contains_key(team)) {
            return message(422, "Invalid request: no such team");
        }
        if self.invitations_left == 0 {
            return answer(422, not_invited("Over invitation rate limit"));
        }
        self.invitations_left -= 1;
        let email = body["email"].as_str();
        let invited = email.is_none().then(|| account.as_ref().map(|account| account.id)).flatten();
        let id = self.invite(email, invited, role, &teams);
        self.effects.push(format!("invited as {role} into {teams:?}"));
        let invitation: Invitation = self.invitation_mut(id).clone();
        answer(201, self.invitation_json(&invitation))
    }

    /// A membership of an account that was invited by its address is not shown.
    fn membership(&mut self, method: &str, login: &str, body: &Value) -> ResponseTemplate {
        let Some(account) = self.by_login(login).cloned() else { return not_found() };
        let pending =
            self.open().find(|invitation| invitation.account == Some(account.id)).map(|found| found.id);
        match (method, &account.member, pending) {
            ("GET", Some(role), _) => {
                ok(json!({"state": "active", "role": role, "user": {"login": account.login}}))
            }
            ("GET", None, Some(id)) => {
                let role = if self.invitation_mut(id).role == "admin" { "admin" } else { "member" };
                ok(json!({"state": "pending", "role": role}))
            }
            ("PUT", _, _) => {
                self.put_membership(account.id, body["role"].as_str().unwrap_or("member"), pending)
            }
            ("DELETE", Some(role), _) => {
                if role == "admin" && self.owners() == 1 {
                    return message(403, "You can't remove or demote the last owner of an organization.");
                }
                let left = self.account_mut(account.id);
                left.was = left.member.take();
                left.teams.clear();
                self.effects.push(format!("removed {}", account.login));
                none()
            }
            ("DELETE", None, Some(id)) => {
                self.invitation_mut(id).state = State::Cancelled;
                self.effects.push(format!("cancelled invitation {id}"));
                none()
            }
            _ => not_found(),
        }
    }

    fn put_membership(&mut self, id: u64, role: &str, pending: Option<u64>) -> ResponseTemplate {
        if !matches!(role, "member" | "admin") {
            return message(422, "Invalid request: role is not a permitted value");
        }
        let is_member = self.account(id).member.is_some();
        if !is_member && pending.is_none() && self.seats.is_some_and(|seats| self.seats_taken() >= seats) {
            return answer(422, no_seat());
        }
        if is_member || self.managed || self.is_server {
            if self.account(id).member.as_deref() != Some(role) {
                self.account_mut(id).member = Some(role.to_owned());
                self.effects.push(format!("made {} {role}", self.account(id).login));
            }
            return ok(json!({"state": "active", "role": role}));
        }
        if pending.is_none() {
            self.invite(None, Some(id), if role == "admin" { "admin" } else { "direct_member" }, &[]);
            self.effects.push(format!("invited as {role} by login"));
        }
        ok(json!({"state": "pending", "role": role}))
    }

    fn team_membership(&mut self, method: &str, slug: &str, login: &str) -> ResponseTemplate {
        let (Some(team), Some(account)) = (self.team(slug), self.by_login(login).cloned()) else {
            return not_found();
        };
        let pending =
            self.open().find(|invitation| invitation.account == Some(account.id)).map(|found| found.id);
        let invited = pending.is_some_and(|id| self.invitation_mut(id).teams.contains(&team));
        match method {
            "GET" if account.teams.contains(&team) => ok(json!({"state": "active", "role": "member"})),
            "GET" if invited => ok(json!({"state": "pending", "role": "member"})),
            "GET" => not_found(),
            _ if team == BACKED => answer(403, backed()),
            "PUT" => {
                match (account.member, pending) {
                    (Some(_), _) => {
                        self.account_mut(account.id).teams.insert(team);
                    }
                    (None, Some(id)) => {
                        self.invitation_mut(id).teams.insert(team);
                    }
                    (None, None) => {
                        self.invite(None, Some(account.id), "direct_member", &[team]);
                    }
                }
                self.effects.push(format!("{} joined {slug}", account.login));
                ok(json!({"state": "active", "role": "member"}))
            }
            "DELETE" if account.teams.contains(&team) => {
                self.account_mut(account.id).teams.remove(&team);
                self.effects.push(format!("{} left {slug}", account.login));
                none()
            }
            "DELETE" if invited => {
                let id = pending.unwrap();
                self.invitation_mut(id).teams.remove(&team);
                self.effects.push(format!("{slug} left the invitation {id}"));
                none()
            }
            _ => not_found(),
        }
    }
}
