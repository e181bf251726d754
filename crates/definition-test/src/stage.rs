//! All that a test runs in: the connection over the script, the engine, the journal in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use usher_core::{
    App, Arity, Clock, ConfigError, Direction, Facet, Planner as _, Ports, SecretRef, Secrets, Slots,
    Transport,
};
use usher_engine::{
    AfterDeadline, Alert, Alerts, AppPolicy, Connection, Delivery, Engine, Limits, Parts, Reply,
};
use usher_generic_rest::GenericRestConnection;
use usher_generic_rest::definition::{Auth, Definition, Test};
use usher_journal::{
    AnswerState, Arrival, AskedPermission, Execution, Journal, MemoryJournal, Moment, Record, Request,
    RequestId, Stamp, Telling,
};
use usher_vendor_client::LimitSettings;

use crate::script::{Script, Surroundings};
use crate::time::PausedClock;

const CONNECTION: &str = "under-test";
const APP: &str = "app";

pub(crate) struct Stage {
    pub(crate) script: Arc<Script>,
    pub(crate) clock: Arc<dyn Clock>,
    journal: Arc<MemoryJournal>,
    engine: Engine,
    facets: BTreeMap<String, BTreeSet<Facet>>,
}

impl Stage {
    /// The stage of a test, with what the ledger holds before. In words what it cannot be set for.
    pub(crate) async fn set(definition: &Definition, test: &Test) -> Result<Self, String> {
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let with = surroundings(definition, test)?;
        let script = Arc::new(Script::new(test.exchanges.clone(), with));
        let connection = Arc::new(connect(definition, clock.clone(), script.clone())?);
        let entries = test.holds.iter().chain(&test.permissions);
        let mut facets = BTreeMap::new();
        for (name, entry) in entries {
            let compiled = connection.compile(name, entry).map_err(|wrong| told(&wrong))?;
            facets.insert(name.clone(), compiled);
        }
        let journal = Arc::new(MemoryJournal::new());
        hold_before(journal.as_ref(), clock.as_ref(), test, &facets, connection.slots()).await?;
        let policy = AppPolicy {
            after_deadline: AfterDeadline::Continue,
            counts_invited: test.counts_invited,
            remove_account: test.remove_account,
            permissions: facets.clone(),
        };
        let served = Connection {
            provisioner: connection,
            apps: BTreeMap::from([(APP.to_owned(), policy)]),
            breaker: None,
        };
        let engine = Engine::start(Parts {
            journal: journal.clone(),
            clock: clock.clone(),
            boot: 1,
            connections: BTreeMap::from([(CONNECTION.to_owned(), served)]),
            limits: Limits::default(),
            alerts: Arc::new(Nobody),
            lumos: None,
        })
        .await
        .map_err(|error| error.to_string())?;
        Ok(Self { script, clock, journal, engine, facets })
    }

    /// Delivers the test's webhook.
    pub(crate) async fn deliver(&self, test: &Test) -> Reply {
        let names: Vec<&String> = match test.permissions.is_empty() {
            // An order of everything names all that the app maps.
            true => self.facets.keys().collect(),
            false => test.permissions.keys().collect(),
        };
        let mut request = request("request", test.direction, test, self.clock.as_ref());
        request.all = test.permissions.is_empty();
        request.permissions = names.into_iter().map(|name| asked(name, &self.facets)).collect();
        let arrival = Arrival { request, body: b"{}".to_vec() };
        self.engine.deliver(Delivery { arrival, began: self.clock.instant() }).await
    }

    /// How far the request is.
    pub(crate) async fn row(&self, id: &RequestId) -> Result<Request, String> {
        let found = self.journal.find(id).await.map_err(|error| error.to_string())?;
        found.map(|stored| stored.request).ok_or_else(|| "the request was not accepted".to_owned())
    }
}

fn told(wrong: &[ConfigError]) -> String {
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn surroundings(definition: &Definition, test: &Test) -> Result<Surroundings, String> {
    let base = Url::parse(&definition.base_url).map_err(|error| format!("base_url is not a URL: {error}"))?;
    let (tokens, key) = match &definition.auth {
        Auth::ClientCredentials { token_url, .. } => (Some(below(&base, token_url)?), None),
        Auth::ApiKeyQuery { query, .. } => (None, Some(query.clone())),
        _ => (None, None),
    };
    Ok(Surroundings { base, tokens, key, span: test.span.clone() })
}

/// A path below the base URL, or a whole URL: as the vendor client takes it.
fn below(base: &Url, place: &str) -> Result<Url, String> {
    let whole = match place.starts_with('/') {
        true => format!("{}{place}", base.as_str().trim_end_matches('/')),
        false => place.to_owned(),
    };
    Url::parse(&whole).map_err(|error| format!("token_url is not a URL: {error}"))
}

fn connect(
    definition: &Definition,
    clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
) -> Result<GenericRestConnection, String> {
    let credential = match &definition.auth {
        // A key of the right kind would have to be made for each; nobody here looks at the signature.
        Auth::Jwt { .. } => usher_vendor_client::Auth::Bearer(SecretString::from("a-token-of-no-worth")),
        _ => {
            let secrets = definition.secrets().into_iter();
            let secrets = secrets.map(|name| (name, SecretString::from("a-secret-of-no-worth"))).collect();
            definition.credential(&secrets).map_err(|error| error.to_string())?
        }
    };
    let ports = Ports {
        connection: CONNECTION.to_owned(),
        folder: PathBuf::from("."),
        base_url: None,
        allow_private: true,
        clock: clock.clone(),
        secrets: Arc::new(NoSecrets),
        limiter: Arc::new(usher_vendor_client::Limits::new(LimitSettings::default(), clock)),
        transport,
    };
    GenericRestConnection::with(definition.clone(), credential, ports).map_err(|wrong| told(&wrong))
}

/// Puts the holders of `holds` into the ledger: one earlier request, confirmed and answered.
async fn hold_before(
    journal: &MemoryJournal,
    clock: &dyn Clock,
    test: &Test,
    facets: &BTreeMap<String, BTreeSet<Facet>>,
    slots: &Slots,
) -> Result<(), String> {
    if test.holds.is_empty() {
        return Ok(());
    }
    let at = Moment { wall: clock.now(), stamp: Stamp { boot: 0, ticks: Duration::ZERO } };
    let mut request = request("earlier", Direction::Provision, test, clock);
    request.permissions = test.holds.keys().map(|name| asked(name, facets)).collect();
    let id = request.id.clone();
    let held: Vec<String> = test.holds.keys().cloned().collect();
    let given: BTreeSet<&str> =
        held.iter().filter_map(|name| facets.get(name)).flatten().map(|facet| facet.slot.as_str()).collect();
    // Nothing stood there before: nothing else is known.
    let former = slots.iter().filter(|(name, arity)| given.contains(name.as_str()) && **arity != Arity::Many);
    let mut records: Vec<Record> =
        former.map(|(slot, _)| Record::Former { slot: slot.clone(), value: None }).collect();
    records.push(Record::Confirmed {
        held,
        released: BTreeSet::new(),
        handles: BTreeMap::new(),
        account: None,
        reason: None,
        telling: Telling::None,
    });
    let wrong = |error: usher_journal::JournalError| error.to_string();
    journal.accept(Arrival { request, body: b"{}".to_vec() }, at).await.map_err(wrong)?;
    journal.commit(&id, records, at).await.map_err(wrong)?;
    journal.answered(&id, 1, AnswerState::Positive, at).await.map_err(wrong)
}

fn asked(name: &str, facets: &BTreeMap<String, BTreeSet<Facet>>) -> AskedPermission {
    AskedPermission { name: name.to_owned(), facets: facets.get(name).cloned() }
}

fn request(id: &str, direction: Direction, test: &Test, clock: &dyn Clock) -> Request {
    Request {
        id: RequestId(id.to_owned()),
        seq: 0,
        attempt: 1,
        received: clock.now(),
        updated: clock.now(),
        direction,
        route: format!("/webhooks/{}", direction.as_str()),
        connection: CONNECTION.to_owned(),
        app_key: APP.to_owned(),
        app: App { id: APP.to_owned(), instance: None, label: None },
        permissions: Vec::new(),
        all: false,
        subject_key: test.user.key(),
        subject: test.user.clone(),
        lumos_request: Some(format!("lumos-{id}")),
        task_url: None,
        comment: None,
        until: None,
        config: "a test".to_owned(),
        dry_run: false,
        execution: Execution::Accepted,
        reason: None,
        answer: AnswerState::None,
        telling: Telling::None,
        next_at: None,
    }
}

/// What a test comes to is seen in its request.
#[derive(Debug)]
struct Nobody;

impl Alerts for Nobody {
    fn alert(&self, _: Alert) {}
}

#[derive(Debug)]
struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, _: &SecretRef) -> Result<SecretString, ConfigError> {
        Err(ConfigError::at(Vec::<String>::new(), "tests of definitions read no secrets"))
    }
}
