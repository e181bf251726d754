//! What is logged. A program of its own: what a thread logs depends on who else in the process has asked for logs.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "shared with tests that use more of it")]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use support::world::{Instead, TOKEN};
use support::{ADA, Github, hold, keys, person, role};
use usher_core::Known;

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
    let github = Github::start().await;
    github.reach(ADA, &hold([role("member")])).await;
    github.world().instead("GET /orgs/acme/invitations", Instead::Answer(422, json!({"message": ADA})));
    github.observe(&person(ADA), &Known::default(), &[role("member")].into()).await.unwrap_err();
    let by_token = Github::with(json!({"token": {"env": "TOKEN"}})).await;
    by_token.reach(ADA, &hold([role("member")])).await;
    let shown = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let debug = format!("{:?} {:?}", github.connection, by_token.connection);
    let own: Vec<&str> = shown.lines().filter(|line| line.contains("usher")).collect();
    assert!(own.iter().any(|line| line.contains("/orgs/{org}/invitations")), "{shown}");
    let jwts: Vec<String> = github
        .world()
        .headers
        .iter()
        .filter_map(|headers| headers.get("authorization")?.strip_prefix("Bearer ey").map(str::to_owned))
        .collect();
    assert!(!jwts.is_empty());
    let key_line = keys::KEY.pem.lines().nth(3).unwrap();
    let hidden = [key_line, TOKEN, "ghs_a-token-that-nobody-may-see", ADA, "ada%40example.com", "Lovelace"];
    for secret in hidden.into_iter().chain(jwts.iter().map(String::as_str)) {
        assert!(!shown.contains(secret), "{secret} in {shown}");
        assert!(!debug.contains(secret), "{secret} in {debug}");
    }
}
