//! A sandbox, and a client of its Lumos.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use usher_core::{Call, Ports, Priority, SystemClock};
use usher_lumos::LumosApi;
use usher_sandbox::lumos::{API_TOKEN, AccessRequest, LumosSeed, Task};
use usher_sandbox::{Options, Sandbox, Seed};
use usher_vendor_client::{EnvAndFileSecrets, LimitSettings, Limits, ReqwestTransport, TransportSettings};

pub(crate) async fn sandbox(tasks: Vec<Task>) -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    seed(&sandbox, LumosSeed { tasks, ..LumosSeed::default() });
    sandbox
}

pub(crate) fn seed(sandbox: &Sandbox, lumos: LumosSeed) {
    sandbox.seed(&Seed { lumos, ..Seed::default() }).unwrap();
}

/// An access request with this status, for this person.
pub(crate) fn access_request(status: &str, email: Option<&str>) -> LumosSeed {
    let more = serde_json::json!({ "target_user": { "email": email } }).as_object().unwrap().clone();
    let request = AccessRequest { id: "req-1".to_owned(), status: status.to_owned(), more };
    LumosSeed { access_requests: vec![request], ..LumosSeed::default() }
}

/// A provisioning task of `req-1`.
pub(crate) fn task(id: &str) -> Task {
    Task { id: id.to_owned(), access_request_id: "req-1".to_owned(), ..Task::default() }
}

pub(crate) fn client(url: String) -> LumosApi {
    client_with(url, API_TOKEN)
}

pub(crate) fn client_with(url: String, token: &str) -> LumosApi {
    let clock = Arc::new(SystemClock);
    let ports = Ports {
        connection: "lumos".to_owned(),
        folder: PathBuf::from("."),
        base_url: Some(url),
        allow_private: true,
        clock: clock.clone(),
        secrets: Arc::new(EnvAndFileSecrets),
        limiter: Arc::new(Limits::new(LimitSettings::default(), clock)),
        transport: Arc::new(ReqwestTransport::new(TransportSettings::default()).unwrap()),
    };
    LumosApi::new(ports, token.to_owned().into()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the tests' clock is the machine's")]
pub(crate) fn call() -> Call {
    let deadline = Instant::now() + Duration::from_secs(10);
    Call { deadline, priority: Priority::Background, idempotency_key: None, part: None }
}
