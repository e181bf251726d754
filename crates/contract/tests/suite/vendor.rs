//! A small vendor: people with a plan (one value) and teams (many), behind a bearer token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use usher_contract::{Many, One, Permissions, Secret, Trouble, VendorUnderTest, plainly};
use usher_core::{Connector, Facet, SecretRef, Subject, SubjectKey};
use wiremock::{Request, ResponseTemplate};

use crate::connector::{FREE, PLAN, TEAM, Toy};
use crate::wrong::Wrong;

const TOKEN: &str = "toy-token-4f8d1c";

#[derive(Clone, Debug)]
struct Person {
    email: String,
    plan: String,
    teams: BTreeSet<String>,
    /// Not shown among the teams, and in force.
    archived: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct State {
    people: BTreeMap<u64, Person>,
    effects: Vec<String>,
}

impl State {
    fn find(&self, email: &str) -> Option<u64> {
        let key = SubjectKey::of(email);
        let mut found = self.people.iter().filter(|(_, person)| SubjectKey::of(&person.email) == key);
        found.next().map(|(id, _)| *id)
    }

    fn enroll(&mut self, email: &str) -> u64 {
        let id = self.find(email).unwrap_or(self.people.len() as u64 + 1);
        self.people.entry(id).or_insert_with(|| Person {
            email: email.to_owned(),
            plan: FREE.to_owned(),
            teams: BTreeSet::new(),
            archived: BTreeSet::new(),
        });
        id
    }

    /// Notes an effect if something was altered.
    fn alter(&mut self, id: u64, what: &str, alter: impl FnOnce(&mut Person)) -> ResponseTemplate {
        let Some(person) = self.people.get_mut(&id) else { return said(404, "NoSuchPerson") };
        let before = format!("{person:?}");
        alter(person);
        if format!("{person:?}") != before {
            self.effects.push(format!("{what} of {id}"));
        }
        ResponseTemplate::new(200).set_body_json(json!({"ok": true}))
    }
}

/// The vendor, and the connector that is to be judged.
#[derive(Debug)]
pub(crate) struct ToyVendor {
    wrong: Option<Wrong>,
    state: Mutex<State>,
}

impl ToyVendor {
    pub(crate) fn new() -> Self {
        Self { wrong: None, state: Mutex::default() }
    }

    pub(crate) fn with(wrong: Wrong) -> Self {
        Self { wrong: Some(wrong), state: Mutex::default() }
    }

    fn serve(&self, request: &Request) -> ResponseTemplate {
        let segments: Vec<String> = request
            .url
            .path_segments()
            .into_iter()
            .flatten()
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let query =
            |key: &str| request.url.query_pairs().find(|(k, _)| k == key).map(|(_, v)| v.into_owned());
        let number = |text: &str| text.parse().unwrap_or(0_u64);
        let mut state = self.state.lock().unwrap();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["people"]) => shown(&state, &query("email").unwrap_or_default()),
            ("GET", ["people", "by-email", email]) => shown(&state, email),
            ("POST", ["people"]) => {
                let email = text("email");
                if state.find(&email).is_some() {
                    return said(409, "Taken");
                }
                let id = state.enroll(&email);
                state.effects.push(format!("person {id}"));
                ResponseTemplate::new(201).set_body_json(json!({"id": id}))
            }
            ("PUT", ["people", id, "plan"]) => {
                let plan = text("plan");
                state.alter(number(id), &format!("plan {plan}"), |person| person.plan = plan)
            }
            ("PUT", ["people", id, "teams"]) => {
                let teams: BTreeSet<String> = body["teams"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|team| team.as_str().unwrap().to_owned())
                    .collect();
                state.alter(number(id), &format!("teams {teams:?}"), |person| person.teams = teams)
            }
            ("PUT", ["people", id, "teams", team]) => {
                let also = body["also"].as_str().map(str::to_owned);
                state.alter(number(id), &format!("team {team}"), |person| {
                    person.teams.insert((*team).to_owned());
                    person.teams.extend(also);
                })
            }
            ("DELETE", ["people", id, "teams", team]) => {
                let archive = query("archive").is_some();
                state.alter(number(id), &format!("no team {team}"), |person| {
                    if person.teams.remove(*team) && archive {
                        person.archived.insert((*team).to_owned());
                    }
                })
            }
            _ => said(404, "NoSuchPath"),
        }
    }
}

fn shown(state: &State, email: &str) -> ResponseTemplate {
    let people: Vec<Value> = state
        .find(email)
        .into_iter()
        .map(|id| {
            let person = &state.people[&id];
            json!({"id": id, "email": person.email, "plan": person.plan, "teams": person.teams})
        })
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({"people": people}))
}

fn said(status: u16, error: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": error}))
}

fn credential(request: &Request) -> &str {
    request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl VendorUnderTest for ToyVendor {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(Toy { wrong: self.wrong })
    }

    fn settings(&self) -> Value {
        json!({"token": {"env": "TOY_TOKEN"}})
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret { place: SecretRef::Env("TOY_TOKEN".to_owned()), value: TOKEN.to_owned() }]
    }

    fn permissions(&self) -> Permissions {
        Permissions {
            main: json!({"team": "blue"}),
            many: Some(Many { entry: json!({"team": "blue"}), other: Facet::new(TEAM, "red") }),
            one: Some(One { entry: json!({"plan": "pro"}), former: Facet::new(PLAN, "basic") }),
        }
    }

    fn enroll(&self, who: &Subject) {
        self.state.lock().unwrap().enroll(&who.email);
    }

    fn give(&self, who: &Subject, facet: &Facet) {
        let mut state = self.state.lock().unwrap();
        let id = state.enroll(&who.email);
        let person = state.people.get_mut(&id).unwrap();
        match facet.slot.as_str() {
            PLAN => person.plan.clone_from(&facet.value),
            _ => drop(person.teams.insert(facet.value.clone())),
        }
    }

    fn holds(&self, who: &Subject) -> BTreeSet<Facet> {
        let state = self.state.lock().unwrap();
        let Some(id) = state.find(&who.email) else { return BTreeSet::new() };
        let person = &state.people[&id];
        let teams = person.teams.iter().chain(&person.archived).map(|team| Facet::new(TEAM, team));
        teams.chain([Facet::new(PLAN, &person.plan)]).collect()
    }

    fn effects(&self) -> Vec<String> {
        self.state.lock().unwrap().effects.clone()
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        if credential(request) != format!("Bearer {TOKEN}") {
            return self.troubled(Trouble::Unauthorized, request);
        }
        if request.method == Method::GET && request.url.path() == "/status" {
            return ResponseTemplate::new(200).set_body_json(json!({"ok": true}));
        }
        self.serve(request)
    }

    fn troubled(&self, trouble: Trouble, request: &Request) -> ResponseTemplate {
        let error = if trouble == Trouble::Refuses { "TeamIsFull" } else { "Trouble" };
        plainly(trouble).set_body_json(json!({"error": error, "you_sent": credential(request)}))
    }

    fn refusal(&self) -> String {
        "TeamIsFull".to_owned()
    }
}
