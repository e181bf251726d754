//! An application that people are invited to: a bearer token, members and open invitations in pages that go on by a link.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use usher_contract::{Inviting, Many, Permissions, Secret, Trouble, VendorUnderTest, plainly};
use usher_core::{Connector, Facet, SecretRef, Subject};
use usher_generic_rest::GenericRest;
use wiremock::{Request, ResponseTemplate};

const TOKEN: &str = "a-bearer-token-that-nobody-may-see";
/// Entries of one page.
const PAGE: usize = 2;

/// A member, or somebody who is invited.
#[derive(Clone, Debug)]
struct Listed {
    id: usize,
    email: String,
    teams: Vec<String>,
    expired: bool,
}

impl Listed {
    fn new(id: usize, email: &str, teams: Vec<String>) -> Self {
        Self { id, email: email.trim().to_owned(), teams, expired: false }
    }

    fn shown(&self) -> Value {
        let uri = format!("https://api.workspace.example/things/{}", self.id);
        let status = if self.expired { "expired" } else { "pending" };
        json!({"uri": uri, "email": self.email, "teams": self.teams, "role": "user", "status": status})
    }

    fn facets(&self) -> BTreeSet<Facet> {
        self.teams.iter().map(|team| Facet::new("team", team)).collect()
    }
}

#[derive(Debug, Default)]
struct Workspace {
    members: Vec<Listed>,
    invitations: Vec<Listed>,
    effects: Vec<String>,
    last_id: usize,
}

#[derive(Debug)]
pub(crate) struct WorkspaceUnderTest(Mutex<Workspace>);

impl WorkspaceUnderTest {
    pub(crate) fn new() -> Self {
        let mut workspace = Workspace::default();
        for name in ["a", "b", "c"] {
            let id = workspace.new_id();
            let email = format!("{name}@example.com");
            workspace.invitations.push(Listed::new(id, &email, vec!["sales".to_owned()]));
        }
        Self(Mutex::new(workspace))
    }
}

fn of<'a>(list: &'a mut [Listed], email: &str) -> Option<&'a mut Listed> {
    list.iter_mut().find(|listed| !listed.expired && listed.email.eq_ignore_ascii_case(email.trim()))
}

fn teams(body: &Value) -> Vec<String> {
    body["teams"].as_array().unwrap().iter().map(|team| team.as_str().unwrap().to_owned()).collect()
}

fn missing() -> ResponseTemplate {
    ResponseTemplate::new(404).set_body_json(json!({"title": "Resource Not Found"}))
}

impl Workspace {
    fn new_id(&mut self) -> usize {
        self.last_id += 1;
        self.last_id
    }

    fn list(request: &Request, found: &[&Listed]) -> ResponseTemplate {
        let page = request.url.query_pairs().find(|(key, _)| key == "page_token");
        let page: usize = page.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
        let shown: Vec<Value> =
            found.iter().skip(page * PAGE).take(PAGE).map(|listed| listed.shown()).collect();
        let next = ((page + 1) * PAGE < found.len()).then(|| {
            let mut next = request.url.clone();
            let kept: Vec<(String, String)> =
                request.url.query_pairs().into_owned().filter(|(key, _)| key != "page_token").collect();
            next.query_pairs_mut()
                .clear()
                .extend_pairs(kept)
                .append_pair("page_token", &(page + 1).to_string());
            format!("{}?{}", next.path(), next.query().unwrap())
        });
        let body = json!({"collection": shown, "pagination": {"next_page": next}});
        ResponseTemplate::new(200).set_body_json(body)
    }

    fn members(&self, request: &Request) -> ResponseTemplate {
        let email = request.url.query_pairs().find(|(key, _)| key == "email").unwrap().1.into_owned();
        let found: Vec<&Listed> =
            self.members.iter().filter(|member| member.email.eq_ignore_ascii_case(email.trim())).collect();
        Self::list(request, &found)
    }

    fn invite(&mut self, body: &Value) -> ResponseTemplate {
        let email = body["email"].as_str().unwrap().to_owned();
        if of(&mut self.invitations, &email).is_some() || of(&mut self.members, &email).is_some() {
            return ResponseTemplate::new(409).set_body_json(json!({"message": email}));
        }
        let invitation = Listed::new(self.new_id(), &email, teams(body));
        let shown = invitation.shown();
        self.effects.push(format!("invited with {body}"));
        self.invitations.push(invitation);
        ResponseTemplate::new(201).set_body_json(json!({"resource": shown}))
    }

    fn put(list: &mut [Listed], effects: &mut Vec<String>, id: usize, body: &Value) -> ResponseTemplate {
        let Some(listed) = list.iter_mut().find(|listed| listed.id == id) else { return missing() };
        let teams = teams(body);
        if listed.teams != teams {
            effects.push(format!("{id} is in {teams:?}"));
            listed.teams = teams;
        }
        ResponseTemplate::new(200).set_body_json(listed.shown())
    }

    fn cancel(&mut self, id: usize) -> ResponseTemplate {
        if !self.invitations.iter().any(|invitation| invitation.id == id) {
            return missing();
        }
        self.invitations.retain(|invitation| invitation.id != id);
        self.effects.push(format!("invitation {id} is cancelled"));
        ResponseTemplate::new(204)
    }
}

impl VendorUnderTest for WorkspaceUnderTest {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(GenericRest)
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/definitions")
    }

    fn settings(&self) -> Value {
        json!({"definition": "workspace.toml", "secrets": {"token": {"env": "SECRET"}}, "vars": {"org": "ORG-7"}})
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret { place: SecretRef::Env("SECRET".to_owned()), value: TOKEN.to_owned() }]
    }

    fn permissions(&self) -> Permissions {
        Permissions {
            main: json!({"team": "support"}),
            many: Some(Many { entry: json!({"team": "support"}), other: Facet::new("team", "sales") }),
            one: None,
        }
    }

    fn counts_invited(&self) -> bool {
        true
    }

    fn inviting(&self) -> Option<Inviting> {
        Some(Inviting { entry: json!({"team": "support"}) })
    }

    fn pending(&self, who: &Subject) -> BTreeSet<Facet> {
        let workspace = &mut *self.0.lock().unwrap();
        of(&mut workspace.invitations, &who.email).map(|invitation| invitation.facets()).unwrap_or_default()
    }

    fn accept(&self, who: &Subject) {
        let workspace = &mut *self.0.lock().unwrap();
        if let Some(invitation) = of(&mut workspace.invitations, &who.email).cloned() {
            workspace.invitations.retain(|other| other.id != invitation.id);
            workspace.members.push(invitation);
        }
    }

    fn lapse(&self, who: &Subject) {
        let workspace = &mut *self.0.lock().unwrap();
        if let Some(invitation) = of(&mut workspace.invitations, &who.email) {
            invitation.expired = true;
        }
    }

    /// Whoever is no member has nothing here: people are invited.
    fn enroll(&self, _who: &Subject) {}

    fn give(&self, who: &Subject, facet: &Facet) {
        let workspace = &mut *self.0.lock().unwrap();
        if of(&mut workspace.members, &who.email).is_none() {
            let id = workspace.new_id();
            workspace.members.push(Listed::new(id, &who.email, Vec::new()));
        }
        of(&mut workspace.members, &who.email).unwrap().teams.push(facet.value.clone());
    }

    fn holds(&self, who: &Subject) -> BTreeSet<Facet> {
        let workspace = &mut *self.0.lock().unwrap();
        of(&mut workspace.members, &who.email).map(|member| member.facets()).unwrap_or_default()
    }

    fn effects(&self) -> Vec<String> {
        self.0.lock().unwrap().effects.clone()
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if sent != Some(&format!("Bearer {TOKEN}")) {
            return self.troubled(Trouble::Unauthorized, request);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let path: Vec<&str> = request.url.path().trim_matches('/').split('/').collect();
        let workspace = &mut *self.0.lock().unwrap();
        let id = |text: &str| text.parse::<usize>().unwrap_or_default();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["memberships"]) => workspace.members(request),
            ("GET", ["organizations", "ORG-7", "invitations"]) => {
                Workspace::list(request, &workspace.invitations.iter().collect::<Vec<_>>())
            }
            ("POST", ["organizations", "ORG-7", "invitations"]) => workspace.invite(&body),
            ("PUT", ["organizations", "ORG-7", "invitations", invitation, "teams"]) => {
                Workspace::put(&mut workspace.invitations, &mut workspace.effects, id(invitation), &body)
            }
            ("PUT", ["memberships", member, "teams"]) => {
                Workspace::put(&mut workspace.members, &mut workspace.effects, id(member), &body)
            }
            ("DELETE", ["organizations", "ORG-7", "invitations", invitation]) => {
                workspace.cancel(id(invitation))
            }
            _ => missing(),
        }
    }

    /// Careless: it quotes what it was sent.
    fn troubled(&self, trouble: Trouble, request: &Request) -> ResponseTemplate {
        let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        plainly(trouble).set_body_json(json!({"title": format!("sent with {sent:?}")}))
    }

    fn refusal(&self) -> String {
        "Every seat of the application is taken".to_owned()
    }
}
