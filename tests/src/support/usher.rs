//! `usher serve` as a process with a folder of its own: `usher.toml`, its secrets, and the journal's file.

use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::{Ended, command, limited_command, run};
use super::http::{self, Answer, client};
use super::leaks::{addresses_in, secrets_in};
use super::process::{Output, Process};
use super::{CLIENT_SECRET, Config, DANA, KEY, PATIENCE, Payload};

/// How often a page is looked at for what a test waits for.
const LOOK: Duration = Duration::from_millis(100);

/// What was accepted, or refused, is on disk by then.
const ON_DISK_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct Usher {
    folder: TempDir,
    process: Option<Process>,
    client: Client,
    pub webhooks: String,
    pub admin: String,
    /// What its processes wrote that have ended.
    written: Vec<Output>,
    /// How large a file of its processes may grow, in bytes.
    largest_file: Option<u64>,
}

/// A request as the admin API shows it.
#[derive(Clone, Debug)]
pub struct Row(pub Value);

impl Row {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// granted, removed, refused, waiting, needs-you.
    pub fn word(&self) -> &str {
        self.text("word")
    }

    pub fn reason(&self) -> &str {
        self.text("reason")
    }

    pub fn subject(&self) -> &str {
        self.text("subject")
    }

    /// provision or deprovision.
    pub fn direction(&self) -> &str {
        self.text("direction")
    }

    /// Whether nothing more happens with it by itself.
    pub fn has_ended(&self) -> bool {
        self.word() != "waiting"
    }
}

/// A folder with a configuration and the one secret that stands in a file.
pub fn folder(config: &Config) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usher.toml"), config.text()).unwrap();
    std::fs::write(folder.path().join("client-secret"), CLIENT_SECRET).unwrap();
    for (name, text) in config.files() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

impl Usher {
    pub async fn start(config: &Config) -> Self {
        Self::start_within(config, None).await
    }

    /// The same, where a write that makes a file larger than that fails.
    pub async fn start_with_files_of_at_most(config: &Config, bytes: u64) -> Self {
        Self::start_within(config, Some(bytes)).await
    }

    /// For the next start.
    pub fn lift_the_limit(&mut self) {
        self.largest_file = None;
    }

    async fn start_within(config: &Config, largest_file: Option<u64>) -> Self {
        let mut usher = Self {
            folder: folder(config),
            process: None,
            client: client(),
            webhooks: String::new(),
            admin: String::new(),
            written: Vec::new(),
            largest_file,
        };
        usher.restart().await;
        usher
    }

    /// Starts it again on the same folder, once it has ended. The ports are others than before.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "it has not ended");
        let level = [("USHER_LOG", "trace"), ("RUST_LOG", "trace")];
        let arguments = ["serve", "--json"];
        let mut process = Process::start(match self.largest_file {
            Some(bytes) => limited_command(self.folder.path(), &arguments, &level, bytes),
            None => command(self.folder.path(), &arguments, &level),
        });
        let (mut process, first) = tokio::task::spawn_blocking(move || {
            let first = process.line();
            (process, first)
        })
        .await
        .unwrap();
        let Some(first) = first else { panic!("it does not start: {:?}", process.end()) };
        let said: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(said["event"], "listening", "{first}");
        said["webhooks"].as_str().unwrap().clone_into(&mut self.webhooks);
        said["admin"].as_str().unwrap().clone_into(&mut self.admin);
        self.process = Some(process);
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another configuration, for the next start.
    pub fn configure(&self, config: &Config) {
        std::fs::write(self.folder.path().join("usher.toml"), config.text()).unwrap();
    }

    /// Ends it as a power cut would: nothing is finished, nothing is said.
    pub fn kill_9(&mut self) {
        let output = self.process.take().expect("it runs").kill_9();
        self.written.push(output);
    }

    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    pub fn has_ended(&mut self) -> bool {
        self.process.as_mut().expect("it runs").has_ended()
    }

    /// Waits for its end: the exit code, and what it said on standard output and standard error.
    pub async fn end(&mut self) -> (Option<i32>, String, String) {
        let mut process = self.process.take().expect("it runs");
        let output = tokio::task::spawn_blocking(move || process.end()).await.unwrap();
        let said = (output.status.code(), output.stdout.clone(), output.stderr.clone());
        self.written.push(output);
        said
    }

    /// Posts to a webhook with the shared secret.
    pub async fn post(&self, path: &str, payload: &Payload) -> Answer {
        self.post_with(path, &[("X-Usher-Key", KEY)], payload.bytes()).await
    }

    /// Posts to the app-level webhook with the shared secret.
    pub async fn send(&self, payload: &Payload) -> Answer {
        self.post(&payload.path(), payload).await
    }

    /// The same, where the service may end before it answers.
    pub fn try_send(
        &self,
        payload: &Payload,
    ) -> impl Future<Output = Option<Answer>> + Send + 'static + use<> {
        let (client, url) = (self.client.clone(), format!("{}{}", self.webhooks, payload.path()));
        let body = payload.bytes();
        async move { http::post(&client, &url, &[("X-Usher-Key", KEY)], body).await.ok() }
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let url = format!("{}{path}", self.webhooks);
        http::post(&self.client, &url, headers, body).await.unwrap()
    }

    /// A call of the admin API, as the owner of a token.
    pub async fn api_as(
        &self,
        token: &str,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.admin)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Every request in the journal, newest first.
    pub async fn rows(&self) -> Vec<Row> {
        let (status, mut page) =
            self.api_as(DANA, reqwest::Method::GET, "/api/v1/requests?limit=1000", None).await;
        assert_eq!(status, 200, "{page}");
        match page["requests"].take() {
            Value::Array(rows) => rows.into_iter().map(Row).collect(),
            other => panic!("no list: {other}"),
        }
    }

    /// A request's page, once it is on disk: a refusal is answered before.
    pub async fn page(&self, id: &str) -> Value {
        let mut looks = tokio::time::interval(LOOK);
        let seen = async {
            loop {
                looks.tick().await;
                let path = format!("/api/v1/requests/{id}");
                if let (200, page) = self.api_as(DANA, reqwest::Method::GET, &path, None).await {
                    return page;
                }
            }
        };
        let seen = tokio::time::timeout(ON_DISK_WITHIN, seen).await;
        seen.unwrap_or_else(|_| panic!("there is no request {id}"))
    }

    pub async fn row(&self, id: &str) -> Row {
        Row(self.page(id).await["request"].take())
    }

    /// The newest request about what this payload is about, once it is on disk.
    pub async fn row_of(&self, payload: &Payload) -> Row {
        let is_it = |row: &Row| row.subject() == payload.email() && row.direction() == payload.direction();
        let mut looks = tokio::time::interval(LOOK);
        let seen = async {
            loop {
                looks.tick().await;
                if let Some(row) = self.rows().await.into_iter().find(is_it) {
                    return row;
                }
            }
        };
        let seen = tokio::time::timeout(ON_DISK_WITHIN, seen).await;
        seen.unwrap_or_else(|_| panic!("it is not in the journal: {payload:?}"))
    }

    /// The request once it is as it should be; the test fails where that takes too long.
    pub async fn wait_until(&self, id: &str, what: impl Fn(&Row) -> bool) -> Row {
        let mut looks = tokio::time::interval(LOOK);
        let mut last = None;
        let seen = async {
            loop {
                looks.tick().await;
                let row = self.row(id).await;
                if what(&row) {
                    return row;
                }
                last = Some(row);
            }
        };
        match tokio::time::timeout(PATIENCE, seen).await {
            Ok(row) => row,
            Err(_) => panic!("it did not come so far: {last:#?}\n{:#}", self.page(id).await["history"]),
        }
    }

    /// The request once it has ended, or waits for a person.
    pub async fn ended(&self, id: &str) -> Row {
        self.wait_until(id, Row::has_ended).await
    }

    /// All requests once each has ended, or waits for a person.
    pub async fn all_ended(&self) -> Vec<Row> {
        let mut looks = tokio::time::interval(LOOK);
        let mut last = Vec::new();
        let seen = async {
            loop {
                looks.tick().await;
                last = self.rows().await;
                if last.iter().all(Row::has_ended) {
                    break;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, seen).await.is_err() {
            last.retain(|row| !row.has_ended());
            let pages = last.iter().map(|row| self.history(row.id()));
            let pages = futures_util::future::join_all(pages).await;
            panic!("these do not end: {last:#?}\n{pages:#?}");
        }
        last
    }

    /// What happened with a request, one sentence each.
    pub async fn history(&self, id: &str) -> Vec<String> {
        let page = self.page(id).await;
        let entries = page["history"].as_array().unwrap().iter();
        entries.map(|entry| entry["sentence"].as_str().unwrap().to_owned()).collect()
    }

    /// What happened with a request, once it is as it should be; the test fails where that takes too long.
    pub async fn wait_for_history(&self, id: &str, what: impl Fn(&[String]) -> bool) {
        let mut looks = tokio::time::interval(LOOK);
        let seen = async {
            loop {
                looks.tick().await;
                if what(&self.history(id).await) {
                    return;
                }
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{:#?}", self.history(id).await);
    }

    /// A command as an operator runs it: beside the service, with a token.
    pub async fn command_as(&self, token: &str, arguments: &[&str]) -> Ended {
        let more = [("USHER_OPERATOR_TOKEN", token), ("USHER_ADMIN", &self.admin)];
        run(self.folder.path(), arguments, &more).await
    }

    pub async fn command(&self, arguments: &[&str]) -> Ended {
        self.command_as(DANA, arguments).await
    }

    /// `usher send` with this payload to this webhook.
    pub async fn play_lumos(&self, payload: &Payload, more: &[&str]) -> Ended {
        let file = self.folder.path().join("payload.json");
        std::fs::write(&file, payload.bytes()).unwrap();
        let url = format!("{}{}", self.webhooks, payload.path());
        let arguments = [&["send", "payload.json", "--url", &url], more].concat();
        self.command(&arguments).await
    }

    /// The bytes of the journal, with its log.
    pub fn journal_bytes(&self) -> Vec<u8> {
        let files = ["usher.db", "usher.db-wal", "usher.db-shm"];
        let read = files.iter().filter_map(|name| std::fs::read(self.folder.path().join(name)).ok());
        read.flatten().collect()
    }

    /// Everything that it has written so far, by processes that have ended.
    pub fn written(&self) -> String {
        self.written.iter().flat_map(|output| [&*output.stdout, &*output.stderr]).collect::<Vec<_>>().concat()
    }

    fn leaks(&self) -> Value {
        let written = self.written();
        json!({
            "secrets written": secrets_in(written.as_bytes()),
            "addresses written": addresses_in(&written),
            "secrets in the journal": secrets_in(&self.journal_bytes()),
        })
    }
}

/// Whatever a test was about: nothing that its service wrote has a secret or an address in it.
impl Drop for Usher {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            self.written.push(process.kill_9());
        }
        if std::thread::panicking() {
            let written = self.written();
            let from = written.len().saturating_sub(6_000);
            let last = String::from_utf8_lossy(&written.as_bytes()[from..]);
            println!("The last that usher wrote:\n{last}");
            return;
        }
        let none: [&str; 0] = [];
        let clean = json!({
            "secrets written": none, "addresses written": none, "secrets in the journal": none,
        });
        assert_eq!(self.leaks(), clean);
    }
}
