//! The connector for the small vendor, right unless it is told to be wrong in one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use usher_core::{
    Account, Action, Arity, Asked, Call, Capabilities, ConfigError, Connector, Evidence, Facet, Fault, Goal,
    Handles, Health, Hold, Known, Plan, Planner, Ports, Provisioner, Receipt, Refusal, RefusalKind, Remedy,
    SecretRef, Sent, Slots, Snapshot, Subject, SubjectKey, Watch, WatchState,
};
use usher_vendor_client::{
    Auth, ClientSettings, VendorClient, VendorFailure, VendorRequest, VendorResponse, base_url,
};

use crate::waiting::{BADGE, GUILD, Read, Turn};
use crate::wrong::Wrong;

pub(crate) const TEAM: &str = "team";
pub(crate) const PLAN: &str = "plan";
pub(crate) const FREE: &str = "free";
const INVITE: &str = "invite the person";

/// The factory.
#[derive(Debug)]
pub(crate) struct Toy {
    pub(crate) wrong: Option<Wrong>,
}

impl Connector for Toy {
    fn kind(&self) -> &'static str {
        "toy"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn schema(&self) -> Value {
        json!({"type": "object"})
    }

    fn entitlement_schema(&self) -> Value {
        json!({"type": "object"})
    }

    fn build(&self, settings: Value, ports: Ports) -> Result<Arc<dyn Provisioner>, Vec<ConfigError>> {
        let Some(place) = settings["token"]["env"].as_str() else {
            let mut what = "a secret is not written into the configuration".to_owned();
            if self.wrong == Some(Wrong::LeaksInConfigErrors) {
                what = format!("this is no place of a secret: {}", settings["token"]);
            }
            return Err(vec![ConfigError::at(["token"], what).hint("write { env = \"NAME\" }")]);
        };
        let one = |mistake| vec![mistake];
        let token = ports.secrets.read(&SecretRef::Env(place.to_owned())).map_err(one)?;
        let base = base_url(&ports, "https://toy.example").map_err(one)?;
        let mut settings = ClientSettings::new(base, Auth::Bearer(token.clone()));
        if matches!(self.wrong, Some(Wrong::HurriesReadings | Wrong::HurriesChanges)) {
            settings.throttled = never;
        }
        let client = VendorClient::new(ports, settings).map_err(one)?;
        let slots = Slots::from([
            (PLAN.to_owned(), Arity::One { baseline: Some(FREE.to_owned()) }),
            (TEAM.to_owned(), Arity::Many),
            (GUILD.to_owned(), Arity::Many),
            (BADGE.to_owned(), Arity::Many),
        ]);
        Ok(Arc::new(ToyConnection {
            client,
            token,
            slots,
            wrong: self.wrong,
            done: Mutex::default(),
            first: Mutex::default(),
        }))
    }
}

fn never(_: StatusCode, _: &HeaderMap, _: &[u8], _: Timestamp) -> Option<Option<Duration>> {
    None
}

pub(crate) struct ToyConnection {
    client: VendorClient,
    pub(crate) token: SecretString,
    slots: Slots,
    wrong: Option<Wrong>,
    /// Steps that were taken, for the wrong ways that are taken once.
    done: Mutex<BTreeSet<String>>,
    /// When the first grant was planned.
    pub(crate) first: Mutex<Option<Timestamp>>,
}

impl fmt::Debug for ToyConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ToyConnection");
        if self.is(Wrong::LeaksInDebug) {
            shown.field("token", &self.token.expose_secret());
        }
        shown.field("client", &self.client).finish_non_exhaustive()
    }
}

/// What `plan` tells `apply`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    Create,
    Join { id: u64, team: String },
    PutTeams { id: u64, teams: BTreeSet<String> },
    Leave { id: u64, team: String },
    SetPlan { id: u64, plan: String },
    Waits(Turn),
}

/// What `observe` tells `plan`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: u64,
    email: String,
    pub(crate) plan: String,
    teams: BTreeSet<String>,
    #[serde(flatten)]
    waiting: Read,
}

impl ToyConnection {
    pub(crate) fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    pub(crate) fn was_done(&self, step: &Step) -> bool {
        self.done.lock().unwrap().contains(&format!("{step:?}"))
    }

    async fn find(&self, call: &Call, who: &Subject) -> Result<Option<Person>, Fault> {
        let (operation, template) = ("find the person", "/people");
        let mut request = VendorRequest::get(template).query("email", who.key().as_str());
        if self.is(Wrong::BuildsPathsByHand) {
            request = VendorRequest::get(format!("/people/by-email/{}", who.email)).sensitive_url();
        }
        let mut sent = self.client.send(call, request.clone()).await;
        if self.is(Wrong::HurriesReadings) && status(&sent) == Some(StatusCode::TOO_MANY_REQUESTS) {
            sent = self.client.send(call, request).await;
        }
        let response = sent.map_err(|failure| failure.into_fault(operation, template))?;
        if match self.wrong {
            Some(Wrong::Treats401AsNobody) => response.status == StatusCode::UNAUTHORIZED,
            Some(Wrong::TreatsAFailedReadingAsNobody) => response.status.is_server_error(),
            _ => false,
        } {
            return Ok(None);
        }
        if !response.is_success() {
            return Err(self.quoting(&response, response.fault(operation, template)));
        }
        let body: Value = response.json().map_err(|failure| failure.into_fault(operation, template))?;
        let people: Vec<Person> = serde_json::from_value(body["people"].clone()).unwrap_or_default();
        let key = who.key();
        Ok(people.into_iter().find(|person| SubjectKey::of(&person.email) == key))
    }

    fn quoting(&self, response: &VendorResponse, fault: Fault) -> Fault {
        let body = response.json_value().unwrap_or_default();
        if self.is(Wrong::LeaksInErrors) { fault.because(body) } else { fault }
    }

    /// What became of the badges that are being made.
    async fn watches(&self, call: &Call, known: &Known) -> Result<Vec<WatchState>, Fault> {
        let (operation, template) = ("look at the job", "/jobs/{job}");
        let mut states = Vec::new();
        for watch in &known.watches {
            let request = VendorRequest::get(template).param("job", watch.args["job"].as_u64().unwrap());
            let sent = self.client.send(call, request).await;
            let response = sent.map_err(|failure| failure.into_fault(operation, template))?;
            let body = response.json_value().unwrap_or_default();
            states.push(match body["state"].as_str() {
                Some("running") if self.is(Wrong::TakesRunningForDone) => WatchState::Done,
                Some("failed") if self.is(Wrong::TakesGivenUpForDone) => WatchState::Done,
                Some("done") => WatchState::Done,
                Some("failed") => {
                    let why = body["why"].as_str().unwrap_or_default();
                    WatchState::Failed(Refusal::new(RefusalKind::Other, why))
                }
                _ => WatchState::Running,
            });
        }
        Ok(states)
    }

    async fn change(
        &self,
        call: &Call,
        operation: &str,
        request: VendorRequest,
    ) -> Result<VendorResponse, Fault> {
        let template = "/people/…";
        let mut sent = self.client.send(call, request.clone()).await;
        let lost = matches!(&sent, Err(failure) if failure.sent == Sent::Maybe);
        let invites = operation == INVITE;
        let again = match (self.wrong, status(&sent)) {
            (Some(Wrong::InvitesAgainAfterALostAnswer), None) => lost && invites,
            (Some(_), _) if invites => false,
            (Some(Wrong::SendsAgainAfterALostAnswer), None) => lost,
            (Some(Wrong::SendsAgainAfter503), Some(StatusCode::SERVICE_UNAVAILABLE))
            | (Some(Wrong::SendsAgainAfter500), Some(StatusCode::INTERNAL_SERVER_ERROR))
            | (Some(Wrong::HurriesChanges), Some(StatusCode::TOO_MANY_REQUESTS)) => true,
            _ => false,
        };
        if again {
            sent = self.client.send(call, request).await;
        }
        let response = sent.map_err(|failure| failure.into_fault(operation, template))?;
        let counts_as_done = match response.status {
            StatusCode::UNAUTHORIZED => self.is(Wrong::Treats401AsDone),
            StatusCode::FORBIDDEN => self.is(Wrong::SwallowsRefusals),
            status => status.is_success(),
        };
        if counts_as_done {
            return Ok(response);
        }
        let mut fault = response.fault(operation, template);
        if response.status == StatusCode::FORBIDDEN && !self.is(Wrong::LosesTheReason) {
            let body = response.json_value().unwrap_or_default();
            let why = format!("The toy says {}: ask its owner.", body["error"].as_str().unwrap_or("no"));
            fault.remedy = Remedy::Refused(Refusal::new(RefusalKind::Forbidden, why));
        }
        Err(self.quoting(&response, fault))
    }

    async fn take(&self, call: &Call, who: &Subject, step: &Step) -> Result<Receipt, Fault> {
        let name = [who.given_name.as_deref(), who.family_name.as_deref()];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let request = match step {
            Step::Create => {
                let mut email = who.email.clone();
                if self.is(Wrong::CreatesUnderAnotherAddress) {
                    email = format!("new+{email}");
                }
                VendorRequest::post("/people").json(&json!({"email": email, "name": name}))
            }
            Step::Join { id, team } => {
                let also = self.is(Wrong::GivesMoreThanWasAsked).then_some("everybody");
                let path =
                    VendorRequest::put("/people/{id}/teams/{team}").param("id", id).param("team", team);
                path.json(&json!({"also": also}))
            }
            Step::PutTeams { id, teams } => {
                VendorRequest::put("/people/{id}/teams").param("id", id).json(&json!({"teams": teams}))
            }
            Step::Leave { id, team } => {
                let path =
                    VendorRequest::delete("/people/{id}/teams/{team}").param("id", id).param("team", team);
                if self.is(Wrong::HidesInsteadOfRemoving) { path.query("archive", true) } else { path }
            }
            Step::Waits(turn) => turn.request(self.wrong),
            Step::SetPlan { id, plan } => {
                let put = |plan: &str| {
                    VendorRequest::put("/people/{id}/plan").param("id", id).json(&json!({"plan": plan}))
                };
                if self.is(Wrong::MakesTwoCallsInOne) {
                    self.change(call, "prepare the plan", put("between")).await?;
                }
                put(plan)
            }
        };
        let invites = matches!(step, Step::Waits(Turn::Invite { .. }));
        let operation = if invites { INVITE } else { "change the person" };
        let response = self.change(call, operation, request).await?;
        let watch = self.watch(step, &response);
        let id = response.json_value().unwrap_or_default()["id"].as_u64();
        let handles = id.map(|id| ("id".to_owned(), id.to_string())).into_iter().collect();
        Ok(Receipt { handles, watch })
    }

    /// How to learn the end of what was accepted with a 202.
    fn watch(&self, step: &Step, response: &VendorResponse) -> Option<Watch> {
        let Step::Waits(Turn::Make { badge, .. }) = step else { return None };
        let job = response.json_value().unwrap_or_default()["job"].clone();
        Some(Watch {
            facets: BTreeSet::from([Facet::new(BADGE, badge)]),
            args: json!({ "job": job }),
            every: Duration::from_secs(5),
            within: Duration::from_secs(if self.is(Wrong::HasNoPatience) { 30 } else { 600 }),
        })
    }
}

fn status(sent: &Result<VendorResponse, VendorFailure>) -> Option<StatusCode> {
    match sent {
        Ok(response) => Some(response.status),
        Err(failure) => failure.status,
    }
}

impl Planner for ToyConnection {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn tenant(&self) -> String {
        "toy".to_owned()
    }

    fn compile(&self, _: &str, entry: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        let entry = entry.as_object().unwrap();
        Ok(entry.iter().map(|(slot, value)| Facet::new(slot, value.as_str().unwrap())).collect())
    }

    fn plan(&self, _: &Subject, asked: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        let person: Option<Person> = serde_json::from_value(seen.facts.clone()).unwrap();
        let Some(person) = person else {
            let wanting = goal.hold.iter().any(|facet| *seen.hold(facet) != Hold::Present);
            let create =
                wanting.then(|| self.action(&Step::Create, "create the person".to_owned(), None, None));
            return Plan { actions: create.into_iter().collect(), refused: Vec::new() };
        };
        let grants = goal.hold.iter().filter_map(|facet| self.grant(&person, facet, seen, asked));
        let releases = goal.release.iter().filter_map(|facet| self.release(&person, facet, seen, goal));
        Plan { actions: grants.chain(releases).collect(), refused: Vec::new() }
    }
}

#[async_trait]
impl Provisioner for ToyConnection {
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        match self.wrong {
            Some(Wrong::LeaksInTheLog) => tracing::trace!(token = self.token.expose_secret(), "observing"),
            Some(Wrong::LogsAddresses) => tracing::debug!(email = who.email, "observing"),
            _ => {}
        }
        let watches = self.watches(call, known).await?;
        let mut person = self.find(call, who).await?;
        if person.is_none() && self.is(Wrong::CreatesWhileLooking) {
            self.take(call, who, &Step::Create).await?;
            person = self.find(call, who).await?;
        }
        let held: BTreeSet<Facet> = person
            .iter()
            .flat_map(|person| {
                let teams = person.teams.iter().map(|team| Facet::new(TEAM, team));
                teams.chain([Facet::new(PLAN, &person.plan)])
            })
            .collect();
        let mut facets: BTreeMap<Facet, Hold> =
            of.iter().map(|facet| (facet.clone(), Hold::Absent)).collect();
        facets.extend(held.into_iter().map(|facet| (facet, Hold::Present)));
        facets.extend(person.iter().flat_map(|person| person.waiting.holds(self.wrong)));
        if self.is(Wrong::ClaimsThatAllIsThere) {
            facets.values_mut().for_each(|hold| *hold = Hold::Present);
        }
        let id = person.as_ref().map(|person| person.id.to_string());
        Ok(Snapshot {
            account: id.clone().map_or(Account::Absent, |id| Account::Found { id: Some(id) }),
            facets,
            current: person.iter().map(|person| (PLAN.to_owned(), person.plan.clone())).collect(),
            handles: id.map(|id| ("id".to_owned(), id)).into_iter().collect::<Handles>(),
            watches,
            // The address stays out of it: facts are shown to operators.
            facts: json!(person.map(|person| Person { email: String::new(), ..person })),
            lag: Duration::ZERO,
            evidence: vec![Evidence { call: "GET /people".to_owned(), shows: "the person".to_owned() }],
        })
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        _: &Asked,
        _: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        let step: Step = serde_json::from_value(action.args["step"].clone()).unwrap();
        self.done.lock().unwrap().insert(format!("{step:?}"));
        self.take(call, who, &step).await
    }

    async fn check(&self, call: &Call, _: &BTreeSet<Facet>) -> Result<Health, Fault> {
        let mut request = VendorRequest::get("/status");
        if self.is(Wrong::WritesWhileChecking) {
            request =
                VendorRequest::post("/people").json(&json!({"email": "check@toy.example", "name": "Check"}));
        }
        let response = self.client.send(call, request).await;
        let response = response.map_err(|failure| failure.into_fault("check", "/status"))?;
        if !response.is_success() {
            return Err(self.quoting(&response, response.fault("check", "/status")));
        }
        Ok(Health::default())
    }
}
