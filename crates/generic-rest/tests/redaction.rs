//! What is logged and shown. A program of its own: what a thread logs depends on who else in the process has asked for logs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "a test writes down a value and hands it over")]

#[expect(dead_code, reason = "shared with tests that use more of it")]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use support::{ADA, App, DIRECTORY, SECRET, followed, hold, nobody, ok, reply, role, with_roles};
use usher_core::{Known, Planner};

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

/// Everything that happens to Ada, good and bad, with all that is shown of it.
async fn everything() -> String {
    let app = App::new(DIRECTORY);
    let mut shown = format!("{:?} {:#?} {}", app.connection, app.connection, app.connection.tenant());
    let goal = hold([role("editor")]);
    let careless = || json!({"error": format!("{ADA} with {SECRET}"), "user": {"given_name": "Ada"}});
    let seen = app.see(&[role("editor")], [nobody()]).await;
    let action = app.action(&seen, &goal);
    shown.push_str(&format!("{:?} {:?}", action, seen.evidence));
    for status in [400, 401, 403, 409, 429, 500] {
        let fault = app.apply(&seen, &action, reply(status, careless())).await.unwrap_err();
        shown.push_str(&format!("{fault} {fault:?}"));
    }
    let accepted = reply(202, careless()).header("location", "/api/jobs/3");
    let receipt = app.apply(&seen, &action, accepted).await.unwrap();
    shown.push_str(&format!("{receipt:?}"));
    let known = followed(receipt.watch.as_ref().unwrap());
    app.answers([ok(json!({"state": "done", "id": 1})), with_roles(json!(["editor"]))]);
    let seen = app.try_see(&known, &[role("editor")]).await.unwrap();
    shown.push_str(&format!("{:?} {:?} {:?}", seen.evidence, seen.handles, seen.watches));
    for status in [400, 401, 404, 429] {
        app.answers([reply(status, careless())]);
        let fault = app.try_see(&Known::default(), &[]).await.unwrap_err();
        shown.push_str(&format!("{fault} {fault:?}"));
        let health = app.check(&[role("editor")], [reply(status, careless())]).await;
        shown.push_str(&format!("{health:?}"));
    }
    let broken = App::new(
        &DIRECTORY.replace("{{ person.hit.id }}/roles", "{{ person.hit.email }}/{{ user.family_name }}"),
    );
    let seen = broken.see(&[], [with_roles(json!([]))]).await;
    shown.push_str(&format!("{:?}", broken.plan(&seen, &goal)));
    shown
}

#[tokio::test(start_paused = true)]
async fn no_secret_and_nobody_is_in_the_log_in_an_error_in_evidence_or_in_debug() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let shown = everything().await;
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let own: Vec<&str> = logged.lines().filter(|line| line.contains("usher")).collect();
    assert!(own.iter().any(|line| line.contains("/api/users")), "{logged}");
    for text in [shown, logged] {
        let text = text.to_lowercase();
        for hidden in [SECRET, ADA, "ada%40acme.example", "\"ada\"", "ada@"] {
            assert!(!text.contains(&hidden.to_lowercase()), "{hidden} in {text}");
        }
    }
}
