//! A small Zendesk that remembers, and a connection to it.

pub(crate) mod answers;
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
    Plan, Ports, Priority, Provisioner, Receipt, SecretRef, Secrets, Snapshot, Subject, SystemClock, Watch,
};
use usher_vendor_client::{LimitSettings, Limits, ReqwestTransport, TransportSettings};
use usher_zendesk_license::ZendeskLicense;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use world::World;

pub(crate) const CLIENT_SECRET: &str = "a-client-secret-that-nobody-may-see";
pub(crate) const API_TOKEN: &str = "an-api-token-that-nobody-may-see";

/// The stand-in and a connection to it.
pub(crate) struct Zendesk {
    server: MockServer,
    world: Arc<Mutex<World>>,
    pub(crate) connection: Arc<dyn Provisioner>,
}

impl Zendesk {
    /// With the usual settings.
    pub(crate) async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// With further settings.
    pub(crate) async fn with(more: Value) -> Self {
        Self::at(more, "2026-11-24T08:00:00Z").await
    }

    /// With further settings, at a moment.
    pub(crate) async fn at(more: Value, now: &str) -> Self {
        let server = MockServer::start().await;
        let world = Arc::new(Mutex::new(World::new(&server.uri())));
        let responder = answers::Answers(Arc::clone(&world));
        Mock::given(any()).respond_with(responder).mount(&server).await;
        let ports = ports(&server.uri(), now);
        let connection = ZendeskLicense.build(settings(&more), ports).unwrap();
        Self { server, world, connection }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(crate) fn uri(&self) -> String {
        self.server.uri()
    }

    /// What was sent that changes something, as `METHOD path`.
    pub(crate) fn changes(&self) -> Vec<String> {
        let world = self.world();
        world
            .requests
            .iter()
            .filter(|sent| !sent.starts_with("GET") && !sent.contains("/oauth/"))
            .cloned()
            .collect()
    }

    pub(crate) async fn observe(
        &self,
        email: &str,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        self.connection.observe(&call(), &person(email), known, of).await
    }

    /// One reading, by the handles of `known`.
    pub(crate) async fn see(&self, email: &str, known: &Known, goal: &Goal) -> Snapshot {
        let of = goal.hold.union(&goal.release).cloned().collect();
        self.observe(email, known, &of).await.unwrap()
    }

    pub(crate) fn plan(&self, email: &str, seen: &Snapshot, goal: &Goal) -> Plan {
        self.connection.plan(&person(email), &asked(), seen, goal)
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

    pub(crate) async fn check(&self, named: &[Facet]) -> Result<Health, Fault> {
        self.connection.check(&call(), &named.iter().cloned().collect()).await
    }

    /// Observes, plans and applies until nothing is left to do, as the engine does.
    ///
    /// Panics if it does not come to an end in three rounds, or if something is refused.
    pub(crate) async fn reach(&self, email: &str, goal: &Goal) -> Reached {
        let mut known = Known::default();
        let mut plans = Vec::new();
        for _round in 0..4 {
            let seen = self.see(email, &known, goal).await;
            let plan = self.plan(email, &seen, goal);
            assert_eq!(plan.refused, [], "nothing is refused");
            if plan.actions.is_empty() {
                return Reached { plans, seen, known };
            }
            known.handles.extend(seen.handles.clone());
            known.watches.clear();
            for receipt in self.apply(email, &seen, &plan).await.unwrap() {
                known.handles.extend(receipt.handles);
                known.watches.extend(receipt.watch);
            }
            plans.push(plan);
        }
        panic!("the goal is not reached: {plans:?}");
    }
}

/// What came of [`Zendesk::reach`].
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
        "subdomain": "acme",
        "oauth": {"client_id": "usher", "client_secret": {"env": "CLIENT_SECRET"}},
    });
    let fields = settings.as_object_mut().unwrap();
    for (key, value) in more.as_object().unwrap() {
        fields.insert(key.clone(), value.clone());
    }
    if fields.contains_key("api_token") {
        fields.remove("oauth");
    }
    settings
}

pub(crate) fn ports(uri: &str, now: &str) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock(now.parse().unwrap()));
    Ports {
        connection: "zendesk".to_owned(),
        folder: PathBuf::from("/etc/usher"),
        base_url: Some(uri.to_owned()),
        allow_private: true,
        clock: Arc::clone(&clock),
        secrets: Arc::new(FixedSecrets),
        limiter: Arc::new(Limits::new(LimitSettings::default(), clock)),
        transport: Arc::new(ReqwestTransport::new(TransportSettings::default()).unwrap()),
    }
}

/// Wall time stands still; deadlines run.
#[derive(Debug)]
struct FixedClock(Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
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
            SecretRef::Env(name) if name == "CLIENT_SECRET" => Ok(CLIENT_SECRET.into()),
            SecretRef::Env(name) if name == "API_TOKEN" => Ok(API_TOKEN.into()),
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

/// A call that has to be over at once.
pub(crate) fn short_call() -> Call {
    Call { deadline: SystemClock.instant() + Duration::from_millis(200), ..call() }
}

pub(crate) fn person(email: &str) -> Subject {
    Subject {
        email: email.to_owned(),
        given_name: Some("Ada".to_owned()),
        family_name: Some("Lovelace".to_owned()),
        custom_fields: BTreeMap::new(),
    }
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
    Facet::new("role", value)
}

pub(crate) fn group(value: &str) -> Facet {
    Facet::new("group", value)
}

pub(crate) fn hold(facets: impl IntoIterator<Item = Facet>) -> Goal {
    Goal { hold: facets.into_iter().collect(), ..Goal::default() }
}

pub(crate) fn release(facets: impl IntoIterator<Item = Facet>) -> Goal {
    Goal { release: facets.into_iter().collect(), ..Goal::default() }
}

pub(crate) fn remembered(id: u64) -> Known {
    Known { handles: Handles::from([("user_id".to_owned(), id.to_string())]), ..Known::default() }
}

pub(crate) fn waiting_for(watch: &Watch) -> Known {
    Known { watches: vec![watch.clone()], ..Known::default() }
}
