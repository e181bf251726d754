//! What is logged. A program of its own: what a thread logs depends on who else in the process has asked for logs.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "shared with tests that use more of it")]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use support::world::Instead;
use support::{CLIENT_SECRET, Zendesk, hold, role};
use usher_core::Known;

const ADA: &str = "ada@example.com";

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_and_no_address_is_in_the_trace_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let zendesk = Zendesk::start().await;
    zendesk.reach(ADA, &hold([role("agent")])).await;
    zendesk.world().instead("GET /api/v2/users/search", Instead::Answer(422, json!({"description": ADA})));
    zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
    let shown = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let own: Vec<&str> = shown.lines().filter(|line| line.contains("usher")).collect();
    assert!(own.iter().any(|line| line.contains("/api/v2/users")), "{shown}");
    for secret in [CLIENT_SECRET, "a-bearer-token-that-nobody-may-see", ADA, "ada%40example.com", "Lovelace"]
    {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
