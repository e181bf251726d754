//! What stands in the log, and what never does.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use usher_engine::Answer;
use usher_router::routes::Refuse;

use crate::support::{Behaviour, SHARED_SECRET, WebhookServer, payload};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_log_line_says_what_became_of_a_request_and_nothing_personal_or_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = WebhookServer::start().await;
    let answer = server.receives("/webhooks/provision", &payload()).await;
    let id = answer.header("usher-request-id").unwrap().to_owned();
    server.receives_with("/webhooks/provision", &[("X-Usher-Key", "guess")], &payload()).await;
    server.receives("/webhooks/provision", r#"{"ada@example.com": "#).await;
    server.engine.behaves(Behaviour::Panics);
    server.receives("/webhooks/provision", &payload()).await;
    server.engine.behaves(Behaviour::Says(Answer::negative("not mapped")));
    let refuse =
        Refuse { reason: "not mapped".into(), paste: Some("agent = {}".into()), ..Refuse::default() };
    *server.table.refuses.lock().unwrap() = Some(refuse);
    server.receives("/webhooks/provision", &payload()).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for hidden in ["ada@", "example.com", "Lovelace", "sprint", SHARED_SECRET, "guess"] {
        assert!(!log.contains(hidden), "{hidden} stands in the log:\n{log}");
    }
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["request.id"] == id.as_str()).unwrap();
    assert_eq!(
        (&line["app"], &line["direction"], &line["outcome"]),
        (&"zendesk".into(), &"provision".into(), &"positive".into())
    );
    assert_eq!(line["subject"].as_str().unwrap().len(), 8);
    assert!(line["duration_ms"].is_u64());
    assert!(lines.iter().any(|line| line["paste"] == "agent = {}"));
}
