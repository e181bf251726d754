//! `usher serve` as a process with a folder of its own: `usher.toml`, its secrets, and the journal's file.

use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::{Ended, limited_command, run};
use super::http::{self, Answer, client};
use super::leaks::{addresses_in, secrets_in};
use super::process::{Output, Process};
use super::rows::LOOK;
use super::{Around, CLIENT_SECRET, Config, DANA, KEY, Payload};

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
    /// What the next process is started within.
    around: Around,
    /// How much its processes write.
    level: &'static str,
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
        Self::start_within(config, None, "trace").await
    }

    /// The same, where so much happens that it writes no more than it does by default.
    pub async fn start_quietly(config: &Config) -> Self {
        Self::start_within(config, None, "info").await
    }

    /// The same, where a write that makes a file larger than that fails.
    pub async fn start_with_files_of_at_most(config: &Config, bytes: u64) -> Self {
        Self::start_within(config, Some(bytes), "trace").await
    }

    /// For the next start.
    pub fn lift_the_limit(&mut self) {
        self.largest_file = None;
    }

    /// A folder for it, and no process yet.
    pub fn prepare(config: &Config) -> Self {
        Self {
            folder: folder(config),
            process: None,
            client: client(),
            webhooks: String::new(),
            admin: String::new(),
            written: Vec::new(),
            largest_file: None,
            around: Around::default(),
            level: "trace",
        }
    }

    /// What the next processes are started within.
    pub fn within(&mut self, around: Around) {
        self.around = around;
    }

    async fn start_within(config: &Config, largest_file: Option<u64>, level: &'static str) -> Self {
        let mut usher = Self::prepare(config);
        (usher.largest_file, usher.level) = (largest_file, level);
        usher.restart().await;
        usher
    }

    /// Starts it again on the same folder, once it has ended. The ports are others than before.
    pub async fn restart(&mut self) {
        if let Err(ended) = self.try_restart().await {
            panic!("it does not start: {ended:?}");
        }
    }

    /// The same, where it may end before it listens: its exit code (none where it was killed), and what it said on standard output
    /// and standard error.
    pub async fn try_restart(&mut self) -> Result<(), (Option<i32>, String, String)> {
        assert!(self.process.is_none(), "it has not ended");
        let level = [("USHER_LOG", self.level), ("RUST_LOG", "trace")];
        let arguments = ["serve", "--json"];
        let mut process = Process::start(match self.largest_file {
            Some(bytes) => limited_command(self.folder.path(), &arguments, &level, bytes),
            None => self.around.command(self.folder.path(), &arguments, &level),
        });
        let (process, first) = tokio::task::spawn_blocking(move || {
            let first = process.line();
            (process, first)
        })
        .await
        .unwrap();
        self.process = Some(process);
        let Some(first) = first else { return Err(self.end().await) };
        let said: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(said["event"], "listening", "{first}");
        said["webhooks"].as_str().unwrap().clone_into(&mut self.webhooks);
        said["admin"].as_str().unwrap().clone_into(&mut self.admin);
        Ok(())
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

    /// Whether it ends by itself within that time.
    pub async fn ends_within(&mut self, time: Duration) -> bool {
        let mut looks = tokio::time::interval(LOOK);
        let ended = async {
            while !self.has_ended() {
                looks.tick().await;
            }
        };
        tokio::time::timeout(time, ended).await.is_ok()
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
