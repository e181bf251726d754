//! A home-grown directory: OAuth client credentials, a search for parts of addresses in pages, 202 and a job, PUTs that replace.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use usher_contract::{Deferring, Kind, Many, One, Permissions, Secret, Trouble, VendorUnderTest, plainly};
use usher_core::{Connector, Facet, SecretRef, Subject};
use usher_generic_rest::GenericRest;
use wiremock::http::Method;
use wiremock::{Request, ResponseTemplate};

const CLIENT_SECRET: &str = "a-client-secret-that-nobody-may-see";
const TOKEN: &str = "a-bearer-token-that-nobody-may-see";
/// A role that takes a while.
const SLOW: &str = "approver";
const BASELINE: &str = "basic";

#[derive(Debug, Default)]
struct User {
    id: usize,
    email: String,
    roles: Vec<String>,
    license: String,
}

#[derive(Debug)]
struct Job {
    state: &'static str,
    /// Whose roles are to become what.
    then: Option<(usize, Vec<String>)>,
}

#[derive(Debug, Default)]
struct Directory {
    users: Vec<User>,
    jobs: Vec<Job>,
    effects: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct DirectoryUnderTest(Mutex<Directory>);

impl DirectoryUnderTest {
    pub(crate) fn new() -> Self {
        let mut directory = Directory::default();
        // Whom a search for a part of an address finds as well, on the pages before.
        for email in ["xada.lovelace@example.com", "ada.lovelace@example.com.au", "zada.lovelace@example.com"]
        {
            directory.enroll(email);
        }
        Self(Mutex::new(directory))
    }
}

impl Directory {
    fn enroll(&mut self, email: &str) -> usize {
        if let Some(user) = self.by_email(email) {
            return user.id;
        }
        let id = self.users.len() + 1;
        let license = BASELINE.to_owned();
        self.users.push(User { id, email: email.to_owned(), roles: Vec::new(), license });
        id
    }

    fn by_email(&self, email: &str) -> Option<&User> {
        self.users.iter().find(|user| user.email.eq_ignore_ascii_case(email.trim()))
    }

    fn user_mut(&mut self, id: usize) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.id == id)
    }

    fn set_roles(&mut self, id: usize, roles: Vec<String>) {
        let Some(user) = self.user_mut(id) else { return };
        if user.roles != roles {
            let effect = format!("user {id} has the roles {roles:?}");
            user.roles = roles;
            self.effects.push(effect);
        }
    }

    fn search(&self, request: &Request) -> ResponseTemplate {
        let parameter = |name: &str| {
            let found = request.url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (search, size) =
            (parameter("search").to_lowercase(), parameter("size").parse::<usize>().unwrap());
        let page: usize = parameter("page").parse().unwrap();
        let found: Vec<&User> =
            self.users.iter().filter(|user| user.email.to_lowercase().contains(&search)).collect();
        let shown = |user: &&User| json!({"id": user.id, "email": user.email.to_uppercase(), "roles": user.roles, "license": user.license});
        let users: Vec<Value> = found.iter().skip((page - 1) * size).take(size).map(shown).collect();
        let pages = found.len().div_ceil(size);
        ResponseTemplate::new(200).set_body_json(json!({"pages": pages, "users": users}))
    }

    fn create(&mut self, body: &Value) -> ResponseTemplate {
        let email = body["email"].as_str().unwrap();
        if self.by_email(email).is_some() {
            return ResponseTemplate::new(409).set_body_json(json!({"error": format!("{email} is there")}));
        }
        let id = self.enroll(email);
        let user = self.user_mut(id).unwrap();
        user.roles = roles(body);
        body["license"].as_str().unwrap_or(BASELINE).clone_into(&mut user.license);
        self.effects.push(format!("user {id} is created with {body}"));
        self.accept(Job { state: "done", then: None })
    }

    fn put_roles(&mut self, id: usize, body: &Value) -> ResponseTemplate {
        let roles = roles(body);
        let Some(user) = self.user_mut(id) else { return missing() };
        if roles.iter().any(|role| role == SLOW) && !user.roles.contains(&SLOW.to_owned()) {
            return self.accept(Job { state: "running", then: Some((id, roles)) });
        }
        self.set_roles(id, roles);
        ResponseTemplate::new(200).set_body_json(json!({}))
    }

    fn put_license(&mut self, id: usize, body: &Value) -> ResponseTemplate {
        let license = body["license"].as_str().unwrap().to_owned();
        let Some(user) = self.user_mut(id) else { return missing() };
        if user.license != license {
            user.license.clone_from(&license);
            self.effects.push(format!("user {id} has the licence {license}"));
        }
        ResponseTemplate::new(200).set_body_json(json!({}))
    }

    fn delete(&mut self, id: usize) -> ResponseTemplate {
        if self.user_mut(id).is_none() {
            return missing();
        }
        self.users.retain(|user| user.id != id);
        self.effects.push(format!("user {id} is deleted"));
        ResponseTemplate::new(204)
    }

    fn accept(&mut self, job: Job) -> ResponseTemplate {
        self.jobs.push(job);
        ResponseTemplate::new(202).insert_header("Location", format!("/api/jobs/{}", self.jobs.len()))
    }
}

fn roles(body: &Value) -> Vec<String> {
    body["roles"].as_array().unwrap().iter().map(|role| role.as_str().unwrap().to_owned()).collect()
}

fn missing() -> ResponseTemplate {
    ResponseTemplate::new(404).set_body_json(json!({"error": "no such user"}))
}

impl VendorUnderTest for DirectoryUnderTest {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(GenericRest)
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/definitions")
    }

    fn settings(&self) -> Value {
        json!({"definition": "directory.toml", "secrets": {"client_secret": {"env": "SECRET"}}})
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret { place: SecretRef::Env("SECRET".to_owned()), value: CLIENT_SECRET.to_owned() }]
    }

    fn permissions(&self) -> Permissions {
        Permissions {
            main: json!({"role": "editor"}),
            many: Some(Many { entry: json!({"role": "editor"}), other: Facet::new("role", "auditor") }),
            one: Some(One { entry: json!({"license": "pro"}), former: Facet::new("license", "plus") }),
        }
    }

    fn deferring(&self) -> Option<Deferring> {
        let refusal = "The application gave up the step “update 1”".to_owned();
        Some(Deferring { entry: json!({"role": SLOW}), refusal })
    }

    fn finish(&self) {
        let directory = &mut *self.0.lock().unwrap();
        let running: Vec<&mut Job> = directory.jobs.iter_mut().filter(|job| job.state == "running").collect();
        let mut due = Vec::new();
        for job in running {
            job.state = "done";
            due.extend(job.then.take());
        }
        for (id, roles) in due {
            directory.set_roles(id, roles);
        }
    }

    fn give_up(&self) {
        let directory = &mut *self.0.lock().unwrap();
        directory.jobs.iter_mut().filter(|job| job.state == "running").for_each(|job| job.state = "failed");
    }

    fn enroll(&self, who: &Subject) {
        self.0.lock().unwrap().enroll(&who.email);
    }

    fn give(&self, who: &Subject, facet: &Facet) {
        let directory = &mut *self.0.lock().unwrap();
        let id = directory.enroll(&who.email);
        let user = directory.user_mut(id).unwrap();
        match facet.slot.as_str() {
            "license" => user.license.clone_from(&facet.value),
            _ => user.roles.push(facet.value.clone()),
        }
    }

    fn holds(&self, who: &Subject) -> BTreeSet<Facet> {
        let directory = &*self.0.lock().unwrap();
        let Some(user) = directory.by_email(&who.email) else { return BTreeSet::new() };
        let roles = user.roles.iter().map(|role| Facet::new("role", role));
        roles.chain([Facet::new("license", &user.license)]).collect()
    }

    fn effects(&self) -> Vec<String> {
        self.0.lock().unwrap().effects.clone()
    }

    fn kind(&self, method: &Method, path: &str) -> Kind {
        match method.as_str() {
            "GET" => Kind::Read,
            _ if path == "/oauth/token" => Kind::SignIn,
            _ => Kind::Change,
        }
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let path: Vec<&str> = request.url.path().trim_matches('/').split('/').collect();
        if path == ["oauth", "token"] {
            return token(request);
        }
        let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if sent != Some(&format!("Bearer {TOKEN}")) {
            return self.troubled(Trouble::Unauthorized, request);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let directory = &mut *self.0.lock().unwrap();
        let id: usize = path.get(2).and_then(|id| id.parse().ok()).unwrap_or_default();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["api", "users"]) => directory.search(request),
            ("GET", ["api", "jobs", _]) => {
                let job = directory.jobs.get(id - 1).map(|job| job.state);
                job.map_or_else(missing, |state| {
                    ResponseTemplate::new(200).set_body_json(json!({"state": state}))
                })
            }
            ("POST", ["api", "users"]) => directory.create(&body),
            ("PUT", ["api", "users", _, "roles"]) => directory.put_roles(id, &body),
            ("PUT", ["api", "users", _, "license"]) => directory.put_license(id, &body),
            ("DELETE", ["api", "users", _]) => directory.delete(id),
            _ => missing(),
        }
    }

    /// Careless: it quotes what it was sent.
    fn troubled(&self, trouble: Trouble, request: &Request) -> ResponseTemplate {
        let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let body =
            json!({"error": format!("sent with {sent:?}: {}", String::from_utf8_lossy(&request.body))});
        match trouble {
            Trouble::Refuses => ResponseTemplate::new(422).set_body_json(body),
            _ => plainly(trouble).set_body_json(body),
        }
    }

    fn refusal(&self) -> String {
        "The application does not accept it".to_owned()
    }
}

fn token(request: &Request) -> ResponseTemplate {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let basic =
        request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // `usher` and the secret, as HTTP basic or in the form.
    let by_basic = basic == "Basic dXNoZXI6YS1jbGllbnQtc2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU=";
    if by_basic || body.contains(CLIENT_SECRET) {
        let token = json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600});
        return ResponseTemplate::new(200).set_body_json(token);
    }
    ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"}))
}
