//! From a configuration to what runs.

use std::sync::Arc;
use std::time::Duration;

use usher_core::Clock;
use usher_engine::{Engine, LogAlerts, Parts};
use usher_journal::{JournalError, SqliteJournal, SqliteOptions};
use usher_lumos::Options;

use crate::admin::{Admin, AdminParts, ConnectionInfo, Mapping, Operators};
use crate::config::{Loaded, Server, Summary};
use crate::edge::{Limits, Webhooks, WebhooksParts};

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

pub(super) async fn engine_parts(loaded: &Loaded, clock: &Arc<dyn Clock>) -> Result<Parts, JournalError> {
    let config = &loaded.config;
    let journal = SqliteJournal::open(&config.journal.sqlite, SqliteOptions::default()).await?;
    Ok(Parts {
        journal: Arc::new(journal),
        clock: Arc::clone(clock),
        // The machine's wall time tells processes apart: the journal's lock keeps two from running at once.
        boot: u64::try_from(clock.now().as_nanosecond()).unwrap_or_default(),
        connections: loaded.connections.clone(),
        limits: usher_engine::Limits {
            answer_within: config.server.answer_within,
            min_change_budget: config.server.min_change_budget,
            give_up_after: config.server.give_up_after,
            background: BACKGROUND,
        },
        alerts: Arc::new(LogAlerts),
    })
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

pub(super) fn admin_service(loaded: Loaded, engine: &Engine, clock: &Arc<dyn Clock>) -> Admin {
    let mut operators = Operators::default();
    for (name, operator) in &loaded.config.admin.operators {
        operators.add(name, operator.role, &operator.token);
    }
    let Loaded { config, routes, summary, hash, .. } = loaded;
    let mapping = Mapping { table: Arc::new(routes), options: options(&config.server), config: hash };
    Admin::new(AdminParts {
        engine: Arc::new(engine.clone()),
        clock: Arc::clone(clock),
        operators,
        connections: connections(&summary),
        task_url_hosts: config.server.task_url_hosts,
        mapping,
        loopback: config.admin.listen.ip().is_loopback(),
    })
}

fn options(server: &Server) -> Options {
    Options { access_length_unit: server.access_length_unit }
}

fn connections(summary: &Summary) -> Vec<ConnectionInfo> {
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
        })
        .collect()
}
