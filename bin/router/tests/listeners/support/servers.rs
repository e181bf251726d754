use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use usher_core::{Clock, SystemClock};
use usher_lumos::{Options, default_task_url_hosts};
use usher_router::admin::{Admin, AdminParts, Backups, ConnectionInfo, Mapping, Operators};
use usher_router::config::Role;
use usher_router::edge::{Counts, Limits, Listener, Webhooks, WebhooksParts};
use usher_router::routes::Refuse;

use super::{Answered, SHARED_SECRET, ScriptedEngine, ScriptedTable, Wire, post};

/// What differs from one test to another.
pub(crate) struct ServerOptions {
    pub(crate) limits: Limits,
    pub(crate) max_body: u64,
    pub(crate) answer_within: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let limits =
            Limits { connections: 16, receive: Duration::from_secs(30), idle: Duration::from_secs(30) };
        Self {
            limits,
            max_body: 64 * 1024,
            answer_within: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A public listener.
pub(crate) struct WebhookServer {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Arc<ScriptedEngine>,
    pub(crate) table: Arc<ScriptedTable>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<()>,
}

impl WebhookServer {
    pub(crate) async fn start() -> Self {
        Self::with(ServerOptions::default()).await
    }

    pub(crate) async fn with(options: ServerOptions) -> Self {
        let engine = ScriptedEngine::new();
        let table = Arc::new(ScriptedTable::new());
        let service = Webhooks::new(WebhooksParts {
            table: table.clone(),
            engine: engine.clone(),
            clock: options.clock.clone(),
            options: Options::default(),
            max_body: options.max_body,
            answer_within: options.answer_within,
            config: "hash".to_owned(),
        });
        let counts = service.counts();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(anywhere, options.limits, options.clock).await.unwrap();
        let address = listener.address().unwrap();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(listener.serve(service, stop.clone()));
        Self { address, engine, table, counts, stop, ended }
    }

    /// Sends a webhook with the shared secret.
    pub(crate) async fn receives(&self, path: &str, body: &str) -> Answered {
        self.receives_with(path, &[("X-Usher-Key", SHARED_SECRET)], body).await
    }

    pub(crate) async fn receives_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        let mut wire = Wire::to(self.address).await;
        wire.send(&post(path, headers, body)).await;
        wire.answer().await
    }
}

/// An admin listener: `dana` may change, `audit` may read.
pub(crate) struct AdminServer {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Arc<ScriptedEngine>,
    pub(crate) table: Arc<ScriptedTable>,
    /// Resolves once it has stopped.
    pub(crate) ended: JoinHandle<()>,
}

impl AdminServer {
    pub(crate) async fn start() -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::at(anywhere, ScriptedEngine::new(), CancellationToken::new()).await
    }

    /// One at an address, until it is stopped.
    pub(crate) async fn at(
        anywhere: SocketAddr,
        engine: Arc<ScriptedEngine>,
        stop: CancellationToken,
    ) -> Self {
        let table = Arc::new(ScriptedTable::new());
        // As a request that was refused is looked at: it still would be.
        *table.refuses.lock().unwrap() = Some(Refuse {
            reason: "no app takes app_id \"wiki\"".to_owned(),
            paste: Some("[apps.wiki]\napp_id = \"wiki\"".to_owned()),
            ..Refuse::default()
        });
        let clock: Arc<dyn Clock> = Arc::new(super::HandClock::new());
        let mut operators = Operators::default();
        operators.add("dana", Role::Operator, &"dana-token".to_owned().into());
        operators.add("audit", Role::Viewer, &"audit-token".to_owned().into());
        let service = Admin::new(AdminParts {
            engine: engine.clone(),
            clock,
            operators,
            connections: vec![ConnectionInfo {
                name: "zendesk".to_owned(),
                connector: "zendesk-license".to_owned(),
                apps: vec!["zendesk".to_owned()],
                limiter: Some(engine.clone()),
            }],
            task_url_hosts: default_task_url_hosts(),
            mapping: Mapping {
                table: table.clone(),
                options: Options::default(),
                config: "today".to_owned(),
            },
            backups: Backups::beside(std::path::Path::new("usher.db")),
            loopback: true,
        });
        let limits = ServerOptions::default().limits;
        let listener = Listener::bind(anywhere, limits, Arc::new(SystemClock)).await.unwrap();
        let address = listener.address().unwrap();
        let ended = tokio::spawn(listener.serve(service, stop));
        Self { address, engine, table, ended }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answered {
        self.call("GET", path, token, "").await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &str) -> Answered {
        self.call("POST", path, Some(token), body).await
    }

    async fn call(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Answered {
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let mut wire = Wire::to(self.address).await;
        let length = body.len();
        wire.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{token}Content-Length: {length}\r\n\r\n{body}",
            self.address
        ))
        .await;
        wire.answer().await
    }
}
