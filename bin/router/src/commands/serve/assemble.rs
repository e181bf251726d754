//! From a configuration to what runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use usher_core::{Clock, Limiter};
use usher_engine::{Engine, Parts};
use usher_journal::{Journal, JournalError, SqliteJournal, SqliteOptions};
use usher_lumos::Options;

use super::pruning::{Keep, Pruning};
use crate::admin::{Admin, AdminParts, Backups, ConnectionInfo, Mapping, Operators};
use crate::alerts::{Outages, Seats, Senders, Sending, receivers};
use crate::config::{Loaded, Server, Summary};
use crate::edge::{Limits, Webhooks, WebhooksParts};
use crate::late::LumosDesk;

/// Longer than the 60 s that proxies keep connections open by default.
const IDLE: Duration = Duration::from_secs(75);
/// Operators and probes.
const ADMIN_CONNECTIONS: usize = 256;
/// Requests that nobody waits for and that run at once.
const BACKGROUND: usize = 64;

pub(super) fn limits_of_webhooks(server: &Server) -> Limits {
    Limits { connections: server.max_connections, receive: server.request_timeout, idle: IDLE }
}

pub(super) fn limits_of_admin(server: &Server) -> Limits {
    Limits { connections: ADMIN_CONNECTIONS, receive: server.request_timeout, idle: IDLE }
}

/// What the engine is put together from, and the senders of its alerts.
pub(super) async fn engine_parts(
    loaded: &Loaded,
    clock: &Arc<dyn Clock>,
) -> Result<(Parts, Senders), JournalError> {
    let config = &loaded.config;
    let journal = SqliteJournal::open(&config.journal.sqlite, SqliteOptions::default()).await?;
    let journal: Arc<dyn Journal> = Arc::new(journal);
    // The machine's wall time tells processes apart: the journal's lock keeps two from running at once.
    let boot = u64::try_from(clock.now().as_nanosecond()).unwrap_or_default();
    let senders = Senders::start(Sending {
        receivers: receivers(&config.alerts),
        subjects: config.alerts.subjects,
        transport: Arc::clone(&loaded.transport),
        clock: Arc::clone(clock),
        journal: Arc::clone(&journal),
        boot,
    });
    let parts = Parts {
        journal,
        clock: Arc::clone(clock),
        boot,
        connections: loaded.connections.clone(),
        limits: usher_engine::Limits {
            answer_within: config.server.answer_within,
            min_change_budget: config.server.min_change_budget,
            give_up_after: config.server.give_up_after,
            background: BACKGROUND,
        },
        alerts: senders.inbox(),
        lumos: lumos(loaded, clock),
    };
    Ok((parts, senders))
}

fn lumos(loaded: &Loaded, clock: &Arc<dyn Clock>) -> Option<Arc<dyn usher_engine::Lumos>> {
    let lumos = loaded.config.lumos.as_ref()?;
    Some(Arc::new(LumosDesk {
        api: Arc::clone(&lumos.api),
        on_late_success: lumos.on_late_success,
        routes: loaded.routes.clone(),
        options: options(&loaded.config.server),
        clock: Arc::clone(clock),
    }))
}

pub(super) fn webhooks_service(loaded: &Loaded, engine: &Engine, clock: &Arc<dyn Clock>) -> Webhooks {
    let server = &loaded.config.server;
    Webhooks::new(WebhooksParts {
        table: Arc::new(loaded.routes.clone()),
        engine: Arc::new(engine.clone()),
        clock: Arc::clone(clock),
        options: options(server),
        max_body: server.max_body as u64,
        answer_within: server.answer_within,
        config: loaded.hash.clone(),
    })
}

pub(super) fn pruning(loaded: &Loaded, engine: &Engine, clock: &Arc<dyn Clock>) -> Pruning {
    let journal = &loaded.config.journal;
    Pruning {
        journal: Arc::clone(engine.journal()),
        clock: Arc::clone(clock),
        keep: Keep { requests: journal.keep, payloads: journal.keep_payload },
    }
}

fn connectors(summary: &Summary) -> BTreeMap<String, String> {
    let connections = summary.connections.iter();
    connections.map(|connection| (connection.name.clone(), connection.connector.clone())).collect()
}

/// What tells of connections that stay out of reach.
pub(super) fn outages(loaded: &Loaded, engine: &Engine, alerts: &Senders, clock: &Arc<dyn Clock>) -> Outages {
    let engine = engine.clone();
    Outages {
        breakers: Box::new(move || engine.breakers()),
        connectors: connectors(&loaded.summary),
        alerts: alerts.inbox(),
        clock: Arc::clone(clock),
    }
}

/// What looks at the seats left, where somebody hears of it.
pub(super) fn seats(
    loaded: &Loaded,
    engine: &Engine,
    alerts: &Senders,
    clock: &Arc<dyn Clock>,
) -> Vec<Seats> {
    let configured = &loaded.config.alerts;
    if configured.few_seats == 0 || receivers(configured).is_empty() {
        return Vec::new();
    }
    let connectors = connectors(&loaded.summary);
    let connections = (0..).zip(&loaded.connections);
    let seats = connections.filter_map(|(place, (name, connection))| {
        let provisioner = Arc::clone(&connection.provisioner);
        let names = (name.as_str(), connectors.get(name).map(String::as_str).unwrap_or_default());
        Seats::of(engine, names, provisioner, alerts.inbox(), clock, (configured.few_seats, place))
    });
    seats.collect()
}

pub(super) fn admin_service(loaded: Loaded, engine: &Engine, clock: &Arc<dyn Clock>) -> Admin {
    let mut operators = Operators::default();
    for (name, operator) in &loaded.config.admin.operators {
        operators.add(name, operator.role, &operator.token);
    }
    let Loaded { config, limiters, routes, summary, hash, .. } = loaded;
    let mapping = Mapping { table: Arc::new(routes), options: options(&config.server), config: hash };
    Admin::new(AdminParts {
        engine: Arc::new(engine.clone()),
        clock: Arc::clone(clock),
        operators,
        connections: connections(&summary, &limiters),
        task_url_hosts: config.server.task_url_hosts,
        mapping,
        backups: Backups::beside(&config.journal.sqlite),
        loopback: config.admin.listen.ip().is_loopback(),
    })
}

fn options(server: &Server) -> Options {
    Options { access_length_unit: server.access_length_unit }
}

fn connections(summary: &Summary, limiters: &BTreeMap<String, Arc<dyn Limiter>>) -> Vec<ConnectionInfo> {
    let apps_of = |name: &str| {
        let apps = summary.apps.iter().filter(|app| app.connection == name);
        apps.map(|app| app.key.clone()).collect()
    };
    let connections = summary.connections.iter();
    connections
        .map(|connection| ConnectionInfo {
            name: connection.name.clone(),
            connector: connection.connector.clone(),
            apps: apps_of(&connection.name),
            limiter: limiters.get(&connection.name).cloned(),
        })
        .collect()
}
