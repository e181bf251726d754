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
    Account, Action, Arity, Asked, Call, Capabilities, ConfigError, Connector, Direction, Evidence, Facet,
    Fault, Goal, Handles, Health, Hold, Known, Plan, Planner, Ports, Provisioner, Receipt, Refusal,
    RefusalKind, Remedy, Repeat, SecretRef, Sent, Slots, Snapshot, Subject, SubjectKey,
};
use usher_vendor_client::{
    Auth, ClientSettings, VendorClient, VendorFailure, VendorRequest, VendorResponse, base_url,
};

use crate::wrong::Wrong;

pub(crate) const TEAM: &str = "team";
pub(crate) const PLAN: &str = "plan";
pub(crate) const FREE: &str = "free";

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
        ]);
        Ok(Arc::new(ToyConnection { client, token, slots, wrong: self.wrong, done: Mutex::default() }))
    }
}

fn never(_: StatusCode, _: &HeaderMap, _: Timestamp) -> Option<Option<Duration>> {
    None
}

struct ToyConnection {
    client: VendorClient,
    token: SecretString,
    slots: Slots,
    wrong: Option<Wrong>,
    /// Steps that were taken, for the wrong ways that are taken once.
    done: Mutex<BTreeSet<String>>,
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
enum Step {
    Create,
    Join { id: u64, team: String },
    PutTeams { id: u64, teams: BTreeSet<String> },
    Leave { id: u64, team: String },
    SetPlan { id: u64, plan: String },
}

/// What `observe` tells `plan`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Person {
    id: u64,
    email: String,
    plan: String,
    teams: BTreeSet<String>,
}

impl ToyConnection {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    fn was_done(&self, step: &Step) -> bool {
        self.done.lock().unwrap().contains(&format!("{step:?}"))
    }

    fn action(&self, step: &Step, summary: String, gives: Option<&Facet>, takes: Option<&Facet>) -> Action {
        let mut args = json!({"step": step});
        if self.is(Wrong::LeaksIntoTheJournal) {
            args["token"] = json!(self.token.expose_secret());
        }
        let is_creation = matches!(step, Step::Create);
        Action {
            name: summary.split(' ').next().unwrap().to_owned(),
            summary,
            gives: gives.into_iter().cloned().collect(),
            takes: takes.into_iter().cloned().collect(),
            repeat: if is_creation { Repeat::AfterReadBack } else { Repeat::Natural },
            timeout: Duration::from_secs(3),
            settle: Duration::from_secs(if self.is(Wrong::DoesNotWaitForSettling) { 0 } else { 15 }),
            notifies_person: false,
            args,
        }
    }

    fn grant(&self, person: &Person, facet: &Facet, seen: &Snapshot, asked: &Asked) -> Option<Action> {
        let id = person.id;
        let step = match facet.slot.as_str() {
            PLAN => Step::SetPlan { id, plan: facet.value.clone() },
            _ if self.is(Wrong::OverwritesTheList) => {
                Step::PutTeams { id, teams: BTreeSet::from([facet.value.clone()]) }
            }
            _ => Step::Join { id, team: facet.value.clone() },
        };
        let refreshes = self.is(Wrong::WritesWhatIsThere)
            && asked.direction == Direction::Provision
            && !self.was_done(&step);
        if *seen.hold(facet) == Hold::Present && !refreshes && !self.is(Wrong::NeverFinishesPlanning) {
            return None;
        }
        let former = seen.current.get(&facet.slot).map(|value| Facet::new(&facet.slot, value));
        let former = former.filter(|former| former != facet);
        Some(self.action(&step, format!("give {facet}"), Some(facet), former.as_ref()))
    }

    fn release(&self, person: &Person, facet: &Facet, seen: &Snapshot, goal: &Goal) -> Option<Action> {
        let id = person.id;
        if facet.slot == PLAN {
            let forced = self.is(Wrong::TakesWhatOthersSet) && person.plan != FREE;
            if *seen.hold(facet) != Hold::Present && !forced {
                return None;
            }
            let back = goal.restore.get(PLAN).filter(|_| !self.is(Wrong::ForgetsTheFormerValue));
            let back = Facet::new(PLAN, back.map_or(FREE, String::as_str));
            let step = Step::SetPlan { id, plan: back.value.clone() };
            return Some(self.action(&step, format!("take {facet}"), Some(&back), Some(facet)));
        }
        let step = Step::Leave { id, team: facet.value.clone() };
        let blindly = self.is(Wrong::RemovesWhatIsGone) && !self.was_done(&step);
        if *seen.hold(facet) != Hold::Present && !blindly {
            return None;
        }
        Some(self.action(&step, format!("take {facet}"), None, Some(facet)))
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

    async fn change(
        &self,
        call: &Call,
        operation: &str,
        request: VendorRequest,
    ) -> Result<VendorResponse, Fault> {
        let template = "/people/…";
        let mut sent = self.client.send(call, request.clone()).await;
        let again = match (self.wrong, status(&sent)) {
            (Some(Wrong::SendsAgainAfterALostAnswer), None) => {
                matches!(&sent, Err(failure) if failure.sent == Sent::Maybe)
            }
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
        let response = self.change(call, "change the person", request).await?;
        let id = response.json_value().unwrap_or_default()["id"].as_u64();
        let handles = id.map(|id| ("id".to_owned(), id.to_string())).into_iter().collect();
        Ok(Receipt { handles, watch: None })
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
        _: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        match self.wrong {
            Some(Wrong::LeaksInTheLog) => tracing::trace!(token = self.token.expose_secret(), "observing"),
            Some(Wrong::LogsAddresses) => tracing::debug!(email = who.email, "observing"),
            _ => {}
        }
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
        if self.is(Wrong::ClaimsThatAllIsThere) {
            facets.values_mut().for_each(|hold| *hold = Hold::Present);
        }
        let id = person.as_ref().map(|person| person.id.to_string());
        Ok(Snapshot {
            account: id.clone().map_or(Account::Absent, |id| Account::Found { id: Some(id) }),
            facets,
            current: person.iter().map(|person| (PLAN.to_owned(), person.plan.clone())).collect(),
            handles: id.map(|id| ("id".to_owned(), id)).into_iter().collect::<Handles>(),
            watches: Vec::new(),
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
