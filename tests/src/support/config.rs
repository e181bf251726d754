//! The configuration that a service is started with.

use super::Sandbox;

/// The shared secret of the webhooks.
pub const KEY: &str = "webhook-key-5f1d0c7a9b3e4d2f8a6c";
/// The secret of the one hook that has its own.
pub const HOOK_KEY: &str = "hook-key-0a9b8c7d6e5f4a3b2c1d";
/// The token of Dana, an operator.
pub const DANA: &str = "operator-token-31f2e3d4c5b6a798";
/// The token of Audit, a viewer.
pub const AUDIT: &str = "viewer-token-8c7b6a5f4e3d2c1b0a";
/// The secret of the OAuth client at the vendor; it stands in a file.
pub const CLIENT_SECRET: &str = usher_sandbox::zendesk::CLIENT_SECRET;

/// The environment of every process of Usher: nothing else is in it.
pub fn environment() -> [(&'static str, &'static str); 5] {
    [
        ("WEBHOOK_KEY", KEY),
        ("HOOK_KEY", HOOK_KEY),
        ("DANA", DANA),
        ("AUDIT", AUDIT),
        ("LUMOS_API_TOKEN", usher_sandbox::lumos::API_TOKEN),
    ]
}

/// A `usher.toml`, of which a test says what differs from the usual one.
#[derive(Clone, Debug)]
pub struct Config {
    zendesk: String,
    listen: String,
    journal: String,
    server: Vec<String>,
    app: Vec<String>,
    after_deadline: &'static str,
    breaker: String,
    more: String,
    files: Vec<(&'static str, String)>,
}

impl Config {
    pub fn new(sandbox: &Sandbox) -> Self {
        Self {
            zendesk: sandbox.zendesk(),
            listen: "127.0.0.1:0".to_owned(),
            journal: "usher.db".to_owned(),
            server: Vec::new(),
            app: Vec::new(),
            after_deadline: "continue",
            breaker: "false".to_owned(),
            more: String::new(),
            files: Vec::new(),
        }
    }

    /// Zendesk at another address than the sandbox's own.
    pub fn zendesk_at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.zendesk);
        self
    }

    /// A line of `[server]`.
    pub fn server(mut self, line: &str) -> Self {
        self.server.push(line.to_owned());
        self
    }

    /// A line of `[apps.zendesk]`.
    pub fn app(mut self, line: &str) -> Self {
        self.app.push(line.to_owned());
        self
    }

    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// The journal's file.
    pub fn journal(mut self, path: &str) -> Self {
        path.clone_into(&mut self.journal);
        self
    }

    pub fn stop_after_the_deadline(mut self) -> Self {
        self.after_deadline = "stop";
        self
    }

    /// When the circuit of the connection opens; by itself never.
    pub fn breaker(mut self, breaker: &str) -> Self {
        breaker.clone_into(&mut self.breaker);
        self
    }

    /// Whole sections.
    pub fn more(mut self, sections: &str) -> Self {
        self.more.push_str(sections);
        self
    }

    /// A file beside it.
    pub fn file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.push((name, text.into()));
        self
    }

    pub fn files(&self) -> &[(&'static str, String)] {
        &self.files
    }

    pub fn text(&self) -> String {
        let Self { zendesk, listen, journal, after_deadline, breaker, more, .. } = self;
        let (server, app) = (self.server.join("\n"), self.app.join("\n"));
        format!(
            r#"[server]
listen = "{listen}"
{server}
[server.auth]
header = "X-Usher-Key"
secrets = [{{ env = "WEBHOOK_KEY" }}]

[admin]
listen = "127.0.0.1:0"
[admin.operators]
dana = {{ token = {{ env = "DANA" }}, role = "operator" }}
audit = {{ token = {{ env = "AUDIT" }}, role = "viewer" }}

[journal]
url = "sqlite:{journal}"

[connections.zendesk]
connector = "zendesk-license"
subdomain = "acme"
base_url = "{zendesk}"
allow_private = true
oauth = {{ client_id = "usher", client_secret = {{ file = "client-secret" }} }}
# What others hold up at the vendor, or what fails for them there, is to hold up nobody else in these tests.
limits = {{ concurrent = 500 }}
breaker = {breaker}
search_lag = 0

[apps.zendesk]
connection = "zendesk"
email_domains = ["example.com"]
after_deadline = "{after_deadline}"
ignore_sources = ["OKTA"]
{app}
[apps.zendesk.permissions]
support_agent = {{ role = "agent", groups = ["Tier 1"] }}
agent = {{ role = "agent" }}
light_agent = {{ role = "light-agent" }}
reader = {{ role = "light-agent" }}
okta_group = "ignore"

[hooks.light]
app = "zendesk"
permission = "light_agent"
secrets = [{{ env = "HOOK_KEY" }}]
{more}
"#
        )
    }
}
