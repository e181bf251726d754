//! How the stand-in answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::world::{Instead, OWNER, SUPPORT, User, World};
use super::{API_TOKEN, CLIENT_SECRET};

const BEARER: &str = "a-bearer-token-that-nobody-may-see";

/// The stand-in as a responder.
pub(crate) struct Answers(pub(crate) Arc<Mutex<World>>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut world = self.0.lock().unwrap();
        let path = request.url.path().trim_end_matches(".json").to_owned();
        let sent = format!("{} {path}", request.method);
        world.requests.push(sent.clone());
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        if !request.body.is_empty() && !path.starts_with("/oauth") {
            world.bodies.push(body.clone());
        }
        let found = world.faults.iter().position(|(prefix, _)| sent.starts_with(prefix.as_str()));
        match found.and_then(|index| world.faults.remove(index)).map(|(_, how)| how) {
            Some(Instead::Answer(status, body)) => answer(status, &body),
            Some(Instead::AfterApplying(status, instead)) => {
                world.answer(request, &path, &body);
                answer(status, &instead)
            }
            Some(Instead::Throttle(seconds)) => answer(429, &json!({"error": "TooManyRequests"}))
                .insert_header("Retry-After", seconds.to_string()),
            Some(Instead::AnswerLate(late)) => world.answer(request, &path, &body).set_delay(late),
            None => world.answer(request, &path, &body),
        }
    }
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// Recorded by node-zendesk (MIT).
fn not_found() -> ResponseTemplate {
    answer(404, &json!({"error": "RecordNotFound", "description": "Not found"}))
}

fn invalid(status: u16, field: &str, error: &str, description: &str) -> ResponseTemplate {
    let details = json!({field: [{"description": description, "error": error}]});
    answer(
        status,
        &json!({"error": "RecordInvalid", "description": "Record validation errors", "details": details}),
    )
}

impl World {
    /// Does what a request asks for, and says what it altered.
    pub(crate) fn answer(&mut self, request: &Request, path: &str, body: &Value) -> ResponseTemplate {
        let before = self.state();
        let answer = self.obey(request, path, body);
        let after = self.state();
        let altered = after.iter().filter(|(line, state)| before.get(*line) != Some(state));
        self.effects.extend(altered.map(|(line, state)| format!("{line}: {state}")));
        let gone = before.keys().filter(|line| !after.contains_key(*line));
        self.effects.extend(gone.map(|line| format!("{line} is gone")));
        answer
    }

    fn state(&self) -> BTreeMap<String, String> {
        let users = self.users.iter().map(|user| {
            let state = format!(
                "{} {:?}{}{}, {} addresses",
                user.role,
                user.custom_role_id,
                if user.suspended { ", suspended" } else { "" },
                if user.active { "" } else { ", deleted" },
                user.others.len() + 1,
            );
            (format!("user {}", user.id), state)
        });
        let memberships = self.memberships.iter();
        let memberships =
            memberships.map(|(_, user, group)| (format!("user {user} in group {group}"), String::new()));
        let tickets =
            self.tickets.iter().map(|ticket| (format!("ticket {}", ticket.id), ticket.assignee.to_string()));
        users.chain(memberships).chain(tickets).collect()
    }

    fn obey(&mut self, request: &Request, path: &str, body: &Value) -> ResponseTemplate {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if parts == ["oauth", "tokens"] {
            return token(body);
        }
        if !self.authorized(request) {
            return match parts.as_slice() {
                [.., "users", "me"] => answer(200, &anonymous()),
                _ => answer(401, &json!({"error": "Couldn't authenticate you"})),
            };
        }
        let method = request.method.as_str();
        match (method, parts.get(2..).unwrap_or_default()) {
            ("GET", ["users", "me"]) => self.show(OWNER),
            ("GET", ["users", "search"]) => self.search(request),
            ("POST", ["users"]) => self.create(&body["user"]),
            ("GET", ["users", id]) => self.show(id.parse().unwrap()),
            ("PUT", ["users", id]) => self.update(id.parse().unwrap(), &body["user"]),
            ("DELETE", ["users", id]) => self.delete(id.parse().unwrap()),
            ("GET", ["users", id, "identities"]) => self.identities(request, id.parse().unwrap()),
            ("GET", ["users", id, "group_memberships"]) => {
                self.list_memberships(request, id.parse().unwrap())
            }
            ("GET", ["users", id, "tickets", "assigned"]) => self.list_tickets(request, id.parse().unwrap()),
            ("GET", ["custom_roles"]) => self.list_roles(),
            ("GET", ["groups"]) => self.list_groups(request),
            ("POST", ["group_memberships"]) => self.add_member(&body["group_membership"]),
            ("DELETE", ["group_memberships", id]) => self.remove_member(id.parse().unwrap()),
            ("PUT", ["tickets", "update_many"]) => self.reassign(request, &body["ticket"]),
            ("GET", ["job_statuses", id]) => self.job(id),
            _ => answer(404, &json!({"error": "InvalidEndpoint", "description": "Not found"})),
        }
    }

    fn authorized(&self, request: &Request) -> bool {
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let basic = base64(&format!("admin@acme.example/token:{API_TOKEN}"));
        self.accepts_tokens
            && header
                .is_some_and(|sent| sent == format!("Bearer {BEARER}") || sent == format!("Basic {basic}"))
    }

    fn show(&self, id: u64) -> ResponseTemplate {
        match self.users.iter().find(|user| user.id == id) {
            Some(user) => answer(200, &json!({"user": self.user_json(user)})),
            None => not_found(),
        }
    }

    /// Matches partially, by what stands before the @, in any address.
    fn search(&self, request: &Request) -> ResponseTemplate {
        let query = query(request);
        let wanted = query["query"].trim_start_matches("email:").to_lowercase();
        let name = wanted.split('@').next().unwrap();
        let similar = |address: &String| address.to_lowercase().contains(name);
        let hits = self.users.iter().filter(|user| !self.unsearchable.contains(&user.id));
        let shown = hits.map(|user| {
            let email = user.stale_email.as_ref().unwrap_or(&user.email);
            User { email: email.clone(), ..user.clone() }
        });
        let hits = shown.filter(|user| {
            let mut texts = user.others.iter().chain([&user.email]).chain(&user.handle);
            texts.any(similar)
        });
        self.by_offset(request, "users", &hits.map(|user| self.user_json(&user)).collect::<Vec<_>>())
    }

    fn create(&mut self, fields: &Value) -> ResponseTemplate {
        let email = fields["email"].as_str().unwrap();
        if !self.by_email(email).is_empty() {
            let text = format!("Email: {email} is already being used by another user");
            return invalid(422, "email", "DuplicateValue", &text);
        }
        if let Some(full) = self.no_seat(None, fields) {
            return full;
        }
        let id = self.new_id();
        let user = self.put(id, email, "end-user", None);
        user.skip_verify_email = fields["skip_verify_email"].as_bool();
        user.name = fields["name"].as_str().unwrap().to_owned();
        self.take_role(id, fields);
        answer(201, &json!({"user": self.user_json(self.user(id))}))
    }

    /// *Update User* takes five a minute for one user; no test lasts a minute.
    fn update(&mut self, id: u64, fields: &Value) -> ResponseTemplate {
        if !self.users.iter().any(|user| user.id == id && user.active) {
            return not_found();
        }
        let updates = self.updates.entry(id).or_default();
        *updates += 1;
        if *updates > 5 {
            return answer(429, &json!({"error": "TooManyRequests"})).insert_header("Retry-After", "60");
        }
        if let Some(full) = self.no_seat(Some(id), fields) {
            return full;
        }
        self.take_role(id, fields);
        let user = self.user_mut(id);
        if let Some(suspended) = fields["suspended"].as_bool() {
            user.suspended = suspended;
        }
        // On an update an address becomes a secondary identity.
        if let Some(email) = fields["email"].as_str() {
            user.others.push(email.to_owned());
        }
        answer(200, &json!({"user": self.user_json(self.user(id))}))
    }

    fn no_seat(&self, id: Option<u64>, fields: &Value) -> Option<ResponseTemplate> {
        let mut after = self.clone_users();
        let id = id.unwrap_or_else(|| {
            after.put(1, "new", "end-user", None);
            1
        });
        after.take_role(id, fields);
        let full = self
            .seats
            .is_some_and(|seats| after.seats_taken() > seats && after.seats_taken() > self.seats_taken());
        let text = "Your account has reached its maximum number of agents";
        full.then(|| invalid(self.no_seat_status, "base", "MaxAgentExceeded", text))
    }

    fn clone_users(&self) -> Self {
        let mut copy = Self::new(&self.base);
        copy.users.clone_from(&self.users);
        copy.roles.clone_from(&self.roles);
        copy
    }

    fn take_role(&mut self, id: u64, fields: &Value) {
        let Some(role) = fields["role"].as_str() else { return };
        let user = self.user_mut(id);
        user.role = role.to_owned();
        user.custom_role_id = fields["custom_role_id"].as_u64();
        if role == "end-user" {
            if !self.keeps_memberships {
                self.memberships.retain(|(_, holder, _)| *holder != id);
            }
        } else if self.groups_of(id).is_empty() {
            // The account's default group.
            self.join(id, SUPPORT);
        }
    }

    fn delete(&mut self, id: u64) -> ResponseTemplate {
        if id == OWNER {
            return answer(
                403,
                &json!({"error": "Forbidden", "description": "You cannot delete the account owner"}),
            );
        }
        match self.users.iter_mut().find(|user| user.id == id && user.active) {
            None => not_found(),
            Some(user) => {
                user.active = false;
                self.memberships.retain(|(_, holder, _)| *holder != id);
                self.show(id)
            }
        }
    }

    fn identities(&self, request: &Request, id: u64) -> ResponseTemplate {
        let Some(user) = self.users.iter().find(|user| user.id == id) else { return not_found() };
        let address = |(index, value): (usize, &String)| {
            json!({
                "id": id * 10 + index as u64,
                "user_id": id,
                "type": "email",
                "value": value,
                "verified": true,
                "primary": index == 0,
                "deliverable_state": "deliverable",
            })
        };
        let addresses = [&user.email].into_iter().chain(&user.others);
        let handle = user.handle.iter().map(|handle| {
            json!({"id": id * 10 + 9, "user_id": id, "type": "twitter", "value": handle, "verified": true, "primary": false})
        });
        self.by_cursor(
            request,
            "identities",
            &addresses.enumerate().map(address).chain(handle).collect::<Vec<_>>(),
        )
    }

    fn list_roles(&self) -> ResponseTemplate {
        if let Some(status) = self.roles_status {
            return answer(status, &json!({"error": "InvalidEndpoint", "description": "Not found"}));
        }
        let role = |(id, name, role_type): &(u64, String, i64)| json!({"id": id, "name": name, "role_type": role_type, "team_member_count": 1, "configuration": {}});
        answer(200, &json!({"custom_roles": self.roles.iter().map(role).collect::<Vec<_>>()}))
    }

    fn list_groups(&self, request: &Request) -> ResponseTemplate {
        let deleted = |id: &u64| self.deleted_groups.contains(id);
        let group = |(id, name): &(u64, String)| json!({"id": id, "name": name, "deleted": deleted(id)});
        self.by_cursor(request, "groups", &self.groups.iter().map(group).collect::<Vec<_>>())
    }

    fn list_memberships(&self, request: &Request, id: u64) -> ResponseTemplate {
        let own = self.memberships.iter().filter(|(_, user, _)| *user == id);
        let own = own.map(|(id, user, group)| json!({"id": id, "user_id": user, "group_id": group}));
        self.by_cursor(request, "group_memberships", &own.collect::<Vec<_>>())
    }

    fn add_member(&mut self, fields: &Value) -> ResponseTemplate {
        let (user, group) = (fields["user_id"].as_u64().unwrap(), fields["group_id"].as_u64().unwrap());
        if self.user(user).role == "end-user" {
            return invalid(422, "user", "InvalidValue", "User must be an agent");
        }
        if self.groups_of(user).contains(&group) {
            return invalid(422, "user_id", "DuplicateValue", "User has already been taken");
        }
        self.join(user, group);
        let id = self.memberships.last().unwrap().0;
        answer(201, &json!({"group_membership": {"id": id, "user_id": user, "group_id": group}}))
    }

    fn remove_member(&mut self, id: u64) -> ResponseTemplate {
        let before = self.memberships.len();
        self.memberships.retain(|(membership, _, _)| *membership != id);
        if self.memberships.len() == before { not_found() } else { ResponseTemplate::new(204) }
    }

    fn list_tickets(&self, request: &Request, id: u64) -> ResponseTemplate {
        let own = self.tickets.iter().filter(|ticket| ticket.assignee == id);
        let own = own.map(|ticket| json!({"id": ticket.id, "status": ticket.status, "assignee_id": id}));
        self.by_cursor(request, "tickets", &own.collect::<Vec<_>>())
    }

    fn reassign(&mut self, request: &Request, fields: &Value) -> ResponseTemplate {
        let query = query(request);
        let ids: Vec<u64> = query["ids"].split(',').map(|id| id.parse().unwrap()).collect();
        assert!(ids.len() <= 100, "Zendesk takes 100 tickets at once");
        if !self.job_fails {
            let to = fields["assignee_id"].as_u64().unwrap();
            for ticket in self.tickets.iter_mut().filter(|ticket| ids.contains(&ticket.id)) {
                ticket.assignee = to;
            }
        }
        answer(200, &json!({"job_status": {"id": "82de0b044094f0c67893ac9fe64f1a99", "status": "queued"}}))
    }

    fn job(&mut self, id: &str) -> ResponseTemplate {
        if self.job_runs_for > 0 {
            self.job_runs_for -= 1;
            return answer(200, &json!({"job_status": {"id": id, "status": "working", "results": null}}));
        }
        let result = if self.job_fails {
            json!({"id": 1, "index": 0, "error": "TicketUpdateFailed", "success": false})
        } else {
            json!({"id": 1, "index": 0, "action": "update", "success": true, "status": "Updated"})
        };
        answer(200, &json!({"job_status": {"id": id, "status": "completed", "results": [result]}}))
    }

    fn by_cursor(&self, request: &Request, name: &str, rows: &[Value]) -> ResponseTemplate {
        let after: usize = query(request).get("page[after]").map_or(0, |after| after.parse().unwrap());
        let end = (after + self.page_size).min(rows.len());
        let more = end < rows.len();
        let next =
            format!("{}{}?page[size]={}&page[after]={end}", self.base, request.url.path(), self.page_size);
        let links = json!({"next": next, "prev": null});
        answer(200, &json!({name: rows[after..end], "meta": {"has_more": more}, "links": links}))
    }

    fn by_offset(&self, request: &Request, name: &str, rows: &[Value]) -> ResponseTemplate {
        let query = query(request);
        let page: usize = query.get("page").map_or(1, |page| page.parse().unwrap());
        let start = ((page - 1) * self.page_size).min(rows.len());
        let end = (start + self.page_size).min(rows.len());
        let mut next = request.url.clone();
        next.query_pairs_mut().clear().append_pair("query", &query["query"]);
        next.query_pairs_mut().append_pair("page", &(page + 1).to_string());
        let path = &next[url::Position::BeforePath..];
        let link = (end < rows.len()).then(|| format!("{}{path}", self.base));
        answer(
            200,
            &json!({name: rows[start..end], "next_page": link, "previous_page": null, "count": rows.len()}),
        )
    }
}

fn token(body: &Value) -> ResponseTemplate {
    if body["grant_type"] != "client_credentials"
        || body["client_id"] != "usher"
        || body["client_secret"] != CLIENT_SECRET
    {
        return answer(
            401,
            &json!({"error": "invalid_client", "error_description": "Client authentication failed"}),
        );
    }
    assert_eq!(body["scope"], "read write");
    answer(
        200,
        &json!({"access_token": BEARER, "token_type": "bearer", "scope": "read write", "expires_in": 1800}),
    )
}

/// Recorded by node-zendesk (MIT): what a wrong token gets with 200.
fn anonymous() -> Value {
    json!({"user": {
        "id": null,
        "url": null,
        "name": "Anonymous user",
        "email": "invalid@example.com",
        "created_at": null,
        "updated_at": null,
        "time_zone": "America/New_York",
        "phone": null,
        "photo": null,
        "locale": "en-US",
        "organization_id": null,
        "role": "end-user",
        "verified": false,
        "authenticity_token": "x",
    }})
}

fn query(request: &Request) -> BTreeMap<String, String> {
    request.url.query_pairs().into_owned().collect()
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}
