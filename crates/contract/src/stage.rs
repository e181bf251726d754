//! Everything that a case needs: the vendor at its address, the connector, the engine with a journal in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use usher_core::{App, Call, Clock, Connector, Direction, Facet, Ports, Priority, Provisioner, Subject};
use usher_engine::{
    Act, AfterDeadline, Alert, Alerts, Answer, AppPolicy, Connection, Delivery, Engine, Limits, Parts,
};
use usher_journal::{
    AnswerState, Arrival, AskedPermission, Execution, Journal, MemoryJournal, Request, RequestId, Stored,
    Telling,
};
use usher_vendor_client::LimitSettings;

use crate::server::Server;
use crate::time::{PausedClock, pass};
use crate::wire::{Purse, Wire};
use crate::{Outcome, Permissions, VendorUnderTest, Vendors};

/// A request that is not over after this long never is: a lag of minutes and the engine's pauses have room in it.
const LONGEST_RUN: Duration = Duration::from_secs(2 * 3600);
const CONNECTION: &str = "under-test";
const APP: &str = "app";

/// The permissions' names.
pub(crate) const MAIN: &str = "main";
pub(crate) const MANY: &str = "many";
pub(crate) const ONE: &str = "one";
pub(crate) const INVITING: &str = "inviting";
pub(crate) const DEFERRING: &str = "deferring";

#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<Alert>>);

impl Alerts for Heard {
    fn alert(&self, alert: Alert) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(alert);
    }
}

impl Heard {
    pub(crate) fn all(&self) -> Vec<Alert> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) vendor: Arc<dyn VendorUnderTest>,
    pub(crate) server: Server,
    pub(crate) wire: Arc<Wire>,
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) ports: Ports,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) connection: Arc<dyn Provisioner>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) permissions: Permissions,
    facets: BTreeMap<String, BTreeSet<Facet>>,
    journal: Arc<MemoryJournal>,
    engine: Engine,
    ids: AtomicU64,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) id: RequestId,
    pub(crate) answer: Answer,
}

impl Answered {
    pub(crate) fn is_positive(&self) -> bool {
        self.answer == Answer::Positive
    }

    /// For messages.
    pub(crate) fn reason(&self) -> &str {
        match &self.answer {
            Answer::Positive => "positive",
            Answer::Negative { reason } => reason,
        }
    }
}

impl Stage {
    pub(crate) async fn set(vendors: Vendors<'_>) -> Result<Self, String> {
        Self::build(vendors, true).await
    }

    /// The connection has secrets that the vendor does not accept.
    pub(crate) async fn with_wrong_secrets(vendors: Vendors<'_>) -> Result<Self, String> {
        Self::build(vendors, false).await
    }

    async fn build(vendors: Vendors<'_>, right: bool) -> Result<Self, String> {
        let vendor = vendors();
        let clock = Arc::new(PausedClock::new());
        let server = Server::start(vendor.clone()).await;
        let wire = Arc::new(Wire::new(vendor.clone(), clock.clone()).map_err(|mistake| mistake.to_string())?);
        let ports = Ports {
            connection: CONNECTION.to_owned(),
            folder: vendor.folder(),
            base_url: Some(server.address().to_owned()),
            allow_private: true,
            clock: clock.clone(),
            secrets: Arc::new(Purse::new(vendor.as_ref(), right)),
            limiter: Arc::new(usher_vendor_client::Limits::new(LimitSettings::default(), clock.clone())),
            transport: wire.clone(),
        };
        let connector = vendor.connector();
        let connection = connector.build(vendor.settings(), ports.clone()).map_err(|mistakes| {
            let listed: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            format!("the settings were not accepted: {}", listed.join("; "))
        })?;
        let permissions = vendor.permissions();
        let facets = compile(connection.as_ref(), vendor.as_ref(), &permissions)?;
        let heard = Arc::new(Heard::default());
        let journal = Arc::new(MemoryJournal::new());
        let policy = AppPolicy {
            after_deadline: AfterDeadline::Continue,
            counts_invited: vendor.counts_invited(),
            remove_account: false,
            permissions: facets.clone(),
        };
        let served = Connection {
            provisioner: connection.clone(),
            apps: BTreeMap::from([(APP.to_owned(), policy)]),
            // Every fault is to reach the connector.
            breaker: None,
        };
        let engine = Engine::start(Parts {
            journal: journal.clone(),
            clock: clock.clone(),
            boot: 1,
            connections: BTreeMap::from([(CONNECTION.to_owned(), served)]),
            limits: Limits::default(),
            alerts: heard.clone(),
            lumos: None,
        })
        .await
        .map_err(|error| error.to_string())?;
        let ids = AtomicU64::new(1);
        Ok(Self {
            vendor,
            server,
            wire,
            clock,
            ports,
            connector,
            connection,
            heard,
            permissions,
            facets,
            journal,
            engine,
            ids,
        })
    }

    /// What a person has, as it counts here: what they hold, and what they are invited to where that counts (rule 22).
    pub(crate) fn has(&self, who: &Subject) -> BTreeSet<Facet> {
        let mut has = self.vendor.holds(who);
        if self.vendor.counts_invited() {
            has.extend(self.vendor.pending(who));
        }
        has
    }

    /// The facets of a permission; none where the vendor has no such permission.
    pub(crate) fn facets(&self, permission: &str) -> BTreeSet<Facet> {
        self.facets.get(permission).cloned().unwrap_or_default()
    }

    /// The permissions that the vendor has.
    pub(crate) fn names(&self) -> Vec<String> {
        self.facets.keys().cloned().collect()
    }

    pub(crate) async fn grant(&self, who: &Subject, permission: &str) -> Answered {
        self.ask(Direction::Provision, who, permission).await
    }

    pub(crate) async fn order(&self, who: &Subject, permission: &str) -> Answered {
        self.ask(Direction::Deprovision, who, permission).await
    }

    async fn ask(&self, direction: Direction, who: &Subject, permission: &str) -> Answered {
        let request = self.request(direction, who, permission);
        let arrival = Arrival { request, body: b"{}".to_vec() };
        let reply = self.engine.deliver(Delivery { arrival, began: self.clock.instant() }).await;
        Answered { id: reply.request, answer: reply.answer }
    }

    fn request(&self, direction: Direction, who: &Subject, permission: &str) -> Request {
        let number = self.ids.fetch_add(1, Ordering::SeqCst);
        let asked =
            AskedPermission { name: permission.to_owned(), facets: self.facets.get(permission).cloned() };
        Request {
            id: RequestId(format!("request-{number}")),
            seq: 0,
            attempt: 1,
            received: self.clock.now(),
            updated: self.clock.now(),
            direction,
            route: format!("/webhooks/{}", direction.as_str()),
            connection: CONNECTION.to_owned(),
            app_key: APP.to_owned(),
            app: App { id: APP.to_owned(), instance: None, label: None },
            permissions: vec![asked],
            all: false,
            subject_key: who.key(),
            subject: who.clone(),
            lumos_request: Some(format!("lumos-{number}")),
            task_url: None,
            comment: None,
            until: None,
            config: "configuration".to_owned(),
            dry_run: false,
            execution: Execution::Accepted,
            reason: None,
            answer: AnswerState::None,
            telling: Telling::None,
            next_at: None,
        }
    }

    pub(crate) async fn stored(&self, id: &RequestId) -> Result<Stored, String> {
        let found = self.journal.find(id).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("{id} is not in the journal"))
    }

    /// An operator runs it again.
    pub(crate) async fn replay(&self, id: &RequestId) -> Outcome {
        let replayed = self.engine.operate(id, Act::Replay, "operator", "once more").await;
        replayed.map(|_| ()).map_err(|error| format!("it could not be replayed: {error}"))
    }

    /// The request once it is final, needs a person, or waits for the invitee: what the sender was told may have come earlier.
    pub(crate) async fn end_of(&self, id: &RequestId) -> Result<Request, String> {
        let latest = self.clock.instant() + LONGEST_RUN;
        loop {
            let request = self.stored(id).await?.request;
            let rests = matches!(request.execution, Execution::NeedsHuman | Execution::Waiting);
            if request.execution.is_final() || rests {
                return Ok(request);
            }
            if self.clock.instant() >= latest {
                let (word, reason) = (request.execution.as_str(), request.reason.unwrap_or_default());
                return Err(format!("the request is not over after two hours: {word}, {reason}"));
            }
            pass(Duration::from_secs(1), self.clock.as_ref()).await;
        }
    }

    /// The terms of a call that is made without the engine.
    pub(crate) fn call(&self) -> Call {
        Call {
            deadline: self.clock.instant() + Duration::from_secs(10),
            priority: Priority::Answering,
            idempotency_key: Some(format!("direct-{}", self.ids.fetch_add(1, Ordering::SeqCst))),
            part: None,
        }
    }
}

fn compile(
    connection: &dyn Provisioner,
    vendor: &dyn VendorUnderTest,
    permissions: &Permissions,
) -> Result<BTreeMap<String, BTreeSet<Facet>>, String> {
    let mut entries = vec![(MAIN, &permissions.main)];
    entries.extend(permissions.many.as_ref().map(|many| (MANY, &many.entry)));
    entries.extend(permissions.one.as_ref().map(|one| (ONE, &one.entry)));
    let (inviting, deferring) = (vendor.inviting(), vendor.deferring());
    entries.extend(inviting.as_ref().map(|inviting| (INVITING, &inviting.entry)));
    entries.extend(deferring.as_ref().map(|deferring| (DEFERRING, &deferring.entry)));
    let mut facets = BTreeMap::new();
    for (name, entry) in entries {
        let compiled = connection.compile(name, entry).map_err(|mistakes| {
            let listed: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            format!("the permission {name} was not accepted: {}", listed.join("; "))
        })?;
        facets.insert(name.to_owned(), compiled);
    }
    Ok(facets)
}

/// Somebody like anybody.
pub(crate) fn ada() -> Subject {
    person("ada.lovelace@example.com", "Ada", "Lovelace")
}

pub(crate) fn person(email: &str, given: &str, family: &str) -> Subject {
    Subject {
        email: email.to_owned(),
        given_name: Some(given.to_owned()),
        family_name: Some(family.to_owned()),
        custom_fields: BTreeMap::new(),
    }
}
