//! A small vendor: people with a plan (one value) and teams (many), behind a bearer token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use usher_contract::{
    Deferring, Inviting, Many, One, Permissions, Secret, Trouble, VendorUnderTest, plainly,
};
use usher_core::{Connector, Facet, SecretRef, Subject, SubjectKey};
use wiremock::{Request, ResponseTemplate};

use crate::connector::{FREE, PLAN, TEAM, Toy};
use crate::waiting::{BADGE, GUILD, Job, Making, NO_GOLD, Waiting};
use crate::wrong::Wrong;

const TOKEN: &str = "toy-token-4f8d1c";

#[derive(Clone, Debug)]
struct Person {
    email: String,
    plan: String,
    teams: BTreeSet<String>,
    /// Not shown among the teams, and in force.
    archived: BTreeSet<String>,
    waiting: Waiting,
}

#[derive(Debug, Default)]
struct State {
    people: BTreeMap<u64, Person>,
    jobs: Vec<Job>,
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
            waiting: Waiting::default(),
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
    counts_invited: bool,
    state: Mutex<State>,
}

impl ToyVendor {
    pub(crate) fn new() -> Self {
        Self { wrong: None, counts_invited: true, state: Mutex::default() }
    }

    /// Where an invitation is not enough.
    pub(crate) fn that_waits() -> Self {
        Self { counts_invited: false, ..Self::new() }
    }

    pub(crate) fn with(wrong: Wrong) -> Self {
        Self { wrong: Some(wrong), ..Self::new() }
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
            ("POST", ["people", id, "invitations"]) => {
                let guild = text("guild");
                state.alter(number(id), &format!("invitation to {guild}"), |person| {
                    person.waiting.invite(&guild);
                })
            }
            ("DELETE", ["people", id, "invitations", guild]) => {
                let hides = query("hide").is_some();
                let what = format!("no invitation to {guild}");
                state.alter(number(id), &what, |person| person.waiting.cancel(guild, hides))
            }
            ("DELETE", ["people", id, "guilds", guild]) => {
                let leave = |person: &mut Person| person.waiting.guilds.retain(|other| other != guild);
                state.alter(number(id), &format!("no guild {guild}"), leave)
            }
            ("PUT", ["people", id, "badges", badge]) => {
                let (person, badge) = (number(id), (*badge).to_owned());
                state.jobs.push(Job { person, badge, making: Making::Running });
                ResponseTemplate::new(202).set_body_json(json!({"job": state.jobs.len() - 1}))
            }
            ("DELETE", ["people", id, "badges", badge]) => {
                let unmake = |person: &mut Person| person.waiting.badges.retain(|other| other != badge);
                state.alter(number(id), &format!("no badge {badge}"), unmake)
            }
            ("GET", ["jobs", job]) => Job::shown(job.parse().ok().and_then(|n: usize| state.jobs.get(n))),
            _ => said(404, "NoSuchPath"),
        }
    }

    fn end_jobs(&self, how: &Making) {
        let mut state = self.state.lock().unwrap();
        let running = state.jobs.iter_mut().filter(|job| job.making == Making::Running);
        let ended: Vec<Job> = running
            .map(|job| {
                job.making = how.clone();
                job.clone()
            })
            .collect();
        for job in ended.into_iter().filter(|_| *how == Making::Done) {
            let what = format!("badge {}", job.badge);
            state.alter(job.person, &what, |person| person.waiting.badges.extend([job.badge]));
        }
    }
}

fn shown(state: &State, email: &str) -> ResponseTemplate {
    let people: Vec<Value> = state
        .find(email)
        .into_iter()
        .map(|id| {
            let person = &state.people[&id];
            let mut shown = person.waiting.shown();
            shown["id"] = json!(id);
            shown["email"] = json!(person.email);
            shown["plan"] = json!(person.plan);
            shown["teams"] = json!(person.teams);
            shown
        })
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({"people": people}))
}

pub(crate) fn said(status: u16, error: &str) -> ResponseTemplate {
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
            GUILD => drop(person.waiting.guilds.insert(facet.value.clone())),
            BADGE => drop(person.waiting.badges.insert(facet.value.clone())),
            PLAN => person.plan.clone_from(&facet.value),
            _ => drop(person.teams.insert(facet.value.clone())),
        }
    }

    fn holds(&self, who: &Subject) -> BTreeSet<Facet> {
        let state = self.state.lock().unwrap();
        let Some(id) = state.find(&who.email) else { return BTreeSet::new() };
        let person = &state.people[&id];
        let teams = person.teams.iter().chain(&person.archived).map(|team| Facet::new(TEAM, team));
        teams.chain([Facet::new(PLAN, &person.plan)]).chain(person.waiting.held()).collect()
    }

    fn counts_invited(&self) -> bool {
        self.counts_invited
    }

    fn inviting(&self) -> Option<Inviting> {
        Some(Inviting { entry: json!({"guild": "masons"}) })
    }

    fn pending(&self, who: &Subject) -> BTreeSet<Facet> {
        let state = self.state.lock().unwrap();
        state.find(&who.email).map(|id| state.people[&id].waiting.pending()).unwrap_or_default()
    }

    fn accept(&self, who: &Subject) {
        let mut state = self.state.lock().unwrap();
        let id = state.find(&who.email).unwrap();
        state.people.get_mut(&id).unwrap().waiting.accept();
    }

    fn lapse(&self, who: &Subject) {
        let mut state = self.state.lock().unwrap();
        let id = state.find(&who.email).unwrap();
        state.people.get_mut(&id).unwrap().waiting.lapse();
    }

    fn deferring(&self) -> Option<Deferring> {
        Some(Deferring { entry: json!({"badge": "gold"}), refusal: NO_GOLD.to_owned() })
    }

    fn finish(&self) {
        self.end_jobs(&Making::Done);
    }

    fn give_up(&self) {
        self.end_jobs(&Making::Failed);
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
