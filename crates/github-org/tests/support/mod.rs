//! A small GitHub that remembers, and a connection to it.

pub(crate) mod answers;
pub(crate) mod keys;
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;
use usher_core::{
    App, Asked, Call, Clock, ConfigError, Connector, Direction, Facet, Fault, Goal, Handles, Health, Known,
    Plan, Ports, Priority, Provisioner, Receipt, Refusal, Remedy, SecretRef, Secrets, Snapshot, Subject,
    SystemClock,
};
use usher_github_org::GithubOrg;
use usher_vendor_client::{LimitSettings, Limits, ReqwestTransport, TransportSettings};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use keys::{APP_ID, KEY, OTHER_KEY};
use world::{INSTALLATION, TOKEN, World};

pub(crate) const ADA: &str = "ada@example.com";

/// The stand-in and a connection to it.
pub(crate) struct Github {
    /// Serves as long as it lives.
    _server: MockServer,
    world: Arc<Mutex<World>>,
    clock: Arc<StoodClock>,
    pub(crate) connection: Arc<dyn Provisioner>,
}

impl Github {
    /// With an App, by SAML and then by invitation of the address.
    pub(crate) async fn start() -> Self {
        let github = Self::with(json!({"identify_by": ["saml", "invite-by-email"]})).await;
        github.world().has_saml = true;
        github
    }

    /// With further settings.
    pub(crate) async fn with(more: Value) -> Self {
        Self::at("", more).await
    }

    /// Below a path of the stand-in: `/api/v3` for Enterprise Server.
    pub(crate) async fn at(prefix: &str, more: Value) -> Self {
        let server = MockServer::start().await;
        let world = Arc::new(Mutex::new(World::new(&server.uri(), prefix)));
        Mock::given(any()).respond_with(answers::Answers(Arc::clone(&world))).mount(&server).await;
        let clock = Arc::new(StoodClock(Mutex::new("2026-11-24T08:00:00Z".parse().unwrap())));
        let ports = ports(&format!("{}{prefix}", server.uri()), clock.clone());
        let connection = GithubOrg.build(settings(&more), ports).unwrap();
        Self { _server: server, world, clock, connection }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(crate) fn set_clock(&self, now: &str) {
        *self.clock.0.lock().unwrap() = now.parse().unwrap();
    }

    /// What was sent that changes something, as `METHOD path`.
    pub(crate) fn changes(&self) -> Vec<String> {
        let reads = |sent: &String| {
            sent.starts_with("GET") || sent.ends_with("/graphql") || sent.ends_with("/access_tokens")
        };
        self.world().requests.iter().filter(|sent| !reads(sent)).cloned().collect()
    }

    pub(crate) async fn observe(
        &self,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        self.connection.observe(&call(), who, known, of).await
    }

    /// One reading, by what is known.
    pub(crate) async fn see(&self, email: &str, known: &Known, goal: &Goal) -> Snapshot {
        let of = goal.hold.union(&goal.release).cloned().collect();
        self.observe(&person(email), known, &of).await.unwrap()
    }

    pub(crate) fn plan(&self, email: &str, seen: &Snapshot, goal: &Goal) -> Plan {
        self.connection.plan(&person(email), &asked(), seen, goal)
    }

    /// One reading, and what is planned from it.
    pub(crate) async fn look(&self, email: &str, known: &Known, goal: &Goal) -> (Snapshot, Plan) {
        let seen = self.see(email, known, goal).await;
        let plan = self.plan(email, &seen, goal);
        (seen, plan)
    }

    pub(crate) async fn apply(
        &self,
        email: &str,
        seen: &Snapshot,
        plan: &Plan,
    ) -> Result<Vec<Receipt>, Fault> {
        let mut receipts = Vec::new();
        for action in &plan.actions {
            receipts.push(self.connection.apply(&call(), &person(email), &asked(), seen, action).await?);
        }
        Ok(receipts)
    }

    /// What is refused when a goal is planned and the first plan applied.
    pub(crate) async fn refusal(&self, email: &str, goal: &Goal) -> Refusal {
        let (seen, plan) = self.look(email, &Known::default(), goal).await;
        if let Some((_, refusal)) = plan.refused.first() {
            return refusal.clone();
        }
        let fault = self.apply(email, &seen, &plan).await.unwrap_err();
        let Remedy::Refused(refusal) = fault.remedy else { panic!("{fault}") };
        refusal
    }

    pub(crate) async fn check(&self, named: &[Facet]) -> Result<Health, Fault> {
        self.connection.check(&call(), &named.iter().cloned().collect()).await
    }

    /// Observes, plans and applies until nothing is left to do, as the engine does.
    ///
    /// Panics if it does not come to an end in three rounds, or if something is refused.
    pub(crate) async fn reach(&self, email: &str, goal: &Goal) -> Reached {
        self.go_on(email, Known::default(), goal).await
    }

    pub(crate) async fn go_on(&self, email: &str, mut known: Known, goal: &Goal) -> Reached {
        let mut plans = Vec::new();
        for _round in 0..4 {
            let seen = self.see(email, &known, goal).await;
            let plan = self.plan(email, &seen, goal);
            assert_eq!(plan.refused, [], "nothing is refused");
            known.handles.extend(seen.handles.clone());
            if plan.actions.is_empty() {
                return Reached { plans, seen, known };
            }
            for receipt in self.apply(email, &seen, &plan).await.unwrap() {
                known.handles.extend(receipt.handles);
            }
            if plan.actions.iter().any(|action| action.notifies_person) {
                known.invited = Some(self.clock.now());
            }
            plans.push(plan);
        }
        panic!("the goal is not reached: {plans:?}");
    }
}

/// What came of [`Github::reach`].
pub(crate) struct Reached {
    pub(crate) plans: Vec<Plan>,
    pub(crate) seen: Snapshot,
    pub(crate) known: Known,
}

impl Reached {
    /// The names of all actions, in order.
    pub(crate) fn actions(&self) -> Vec<&str> {
        self.plans.iter().flat_map(names).collect()
    }
}

/// The names of a plan's actions.
pub(crate) fn names(plan: &Plan) -> Vec<&str> {
    plan.actions.iter().map(|action| action.name.as_str()).collect()
}

/// The usual settings, and more.
pub(crate) fn settings(more: &Value) -> Value {
    let mut settings = json!({
        "org": "acme",
        "app": {"id": APP_ID, "installation_id": INSTALLATION, "private_key": {"env": "PRIVATE_KEY"}},
    });
    let fields = settings.as_object_mut().unwrap();
    for (key, value) in more.as_object().unwrap() {
        fields.insert(key.clone(), value.clone());
    }
    if fields.contains_key("token") {
        fields.remove("app");
    }
    settings
}

fn ports(uri: &str, clock: Arc<StoodClock>) -> Ports {
    Ports {
        connection: "github".to_owned(),
        folder: PathBuf::from("/etc/usher"),
        base_url: Some(uri.to_owned()),
        allow_private: true,
        clock: clock.clone(),
        secrets: Arc::new(FixedSecrets),
        limiter: Arc::new(Limits::new(LimitSettings::default(), clock)),
        transport: Arc::new(ReqwestTransport::new(TransportSettings::default()).unwrap()),
    }
}

/// Ports for a connection that is built and never used.
pub(crate) fn unused_ports(base: Option<&str>) -> Ports {
    let clock = Arc::new(StoodClock(Mutex::new("2026-11-24T08:00:00Z".parse().unwrap())));
    Ports { base_url: base.map(str::to_owned), allow_private: false, ..ports("", clock) }
}

/// Wall time stands still until it is set; deadlines run.
#[derive(Debug)]
struct StoodClock(Mutex<Timestamp>);

impl Clock for StoodClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn instant(&self) -> Instant {
        SystemClock.instant()
    }
}

#[derive(Debug)]
struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        match from {
            SecretRef::Env(name) if name == "PRIVATE_KEY" => Ok(KEY.pem.as_str().into()),
            SecretRef::Env(name) if name == "OTHER_KEY" => Ok(OTHER_KEY.pem.as_str().into()),
            SecretRef::Env(name) if name == "TOKEN" => Ok(TOKEN.into()),
            SecretRef::Env(name) if name == "WRONG" => Ok("a-wrong-secret".into()),
            _ => Err(ConfigError::at(Vec::<String>::new(), "the secret is not there")),
        }
    }
}

pub(crate) fn call() -> Call {
    Call {
        deadline: SystemClock.instant() + Duration::from_secs(10),
        priority: Priority::Answering,
        idempotency_key: None,
        part: None,
    }
}

pub(crate) fn person(email: &str) -> Subject {
    Subject {
        email: email.to_owned(),
        given_name: Some("Ada".to_owned()),
        family_name: Some("Lovelace".to_owned()),
        custom_fields: BTreeMap::new(),
    }
}

/// Somebody whose requester typed a login.
pub(crate) fn typed(email: &str, login: &str) -> Subject {
    Subject { custom_fields: BTreeMap::from([("github".to_owned(), json!(login))]), ..person(email) }
}

pub(crate) fn asked() -> Asked {
    Asked {
        direction: Direction::Provision,
        request: "01".to_owned(),
        comment: None,
        app: App::default(),
        now: "2026-11-24T08:00:00Z".parse().unwrap(),
        attempt: 1,
    }
}

pub(crate) fn role(value: &str) -> Facet {
    Facet::new("org_role", value)
}

pub(crate) fn team(value: &str) -> Facet {
    Facet::new("team", value)
}

pub(crate) fn hold<const N: usize>(facets: [Facet; N]) -> Goal {
    Goal { hold: facets.into(), ..Goal::default() }
}

pub(crate) fn release<const N: usize>(facets: [Facet; N]) -> Goal {
    Goal { release: facets.into(), ..Goal::default() }
}

/// A handle of the account from before.
pub(crate) fn remembered(id: u64, found_by: &str) -> Known {
    let handles = [("user_id", id.to_string()), ("found_by", found_by.to_owned())];
    Known { handles: handles.map(|(name, value)| (name.to_owned(), value)).into(), ..Known::default() }
}

/// As it is once an invitation was intended.
pub(crate) fn invited(handles: Handles) -> Known {
    Known { handles, invited: Some("2026-11-24T08:00:00Z".parse().unwrap()), ..Known::default() }
}
