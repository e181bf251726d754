use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use usher_lumos::{AccessLengthUnit, HostPattern, LumosApi};

use crate::alerts::{Address, SigningSecret};

/// What the listeners, the journal and the engine are set up from. Credentials of the public listener are not in here: the
/// [`crate::routes::Routes`] know which secret opens which path.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read.
    pub file: PathBuf,
    /// Its folder: relative paths in it begin there.
    pub folder: PathBuf,
    /// `[server]`
    pub server: Server,
    /// `[admin]`
    pub admin: Admin,
    /// `[journal]`
    pub journal: Journal,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[lumos]`
    pub lumos: Option<Lumos>,
}

/// The public listener and the limits of a request.
#[derive(Clone, Debug)]
pub struct Server {
    /// `listen`: 127.0.0.1:8080 by default.
    pub listen: SocketAddr,
    /// `behind_proxy`: TLS ends before us.
    pub behind_proxy: bool,
    /// `answer_within`: from a request's first byte to its answer; 12 s by default, 14 s at the most.
    pub answer_within: Duration,
    /// `min_change_budget`: no change at a vendor starts with less left; 4 s by default.
    pub min_change_budget: Duration,
    /// `give_up_after`: when background work is handed to a person; 24 h by default.
    pub give_up_after: Duration,
    /// `access_length_unit`: seconds by default.
    pub access_length_unit: AccessLengthUnit,
    /// `max_body`, in bytes; 256 KiB by default.
    pub max_body: usize,
    /// `request_timeout`: to have received a whole request; 5 s by default.
    pub request_timeout: Duration,
    /// `max_connections`: open at once; 4096 by default.
    pub max_connections: usize,
    /// `task_url_hosts`: only addresses of these become links.
    pub task_url_hosts: Vec<HostPattern>,
}

/// The listener for operators.
#[derive(Clone, Debug)]
pub struct Admin {
    /// `listen`: 127.0.0.1:9470 by default.
    pub listen: SocketAddr,
    /// `[admin.operators]`, by name. Nobody by default: then only the probes answer.
    pub operators: BTreeMap<String, Operator>,
}

/// Somebody who may use the admin API.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The bearer token.
    pub token: SecretString,
    /// What it allows.
    pub role: Role,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Read and act: replay, close, pause.
    Operator,
    /// Read.
    Viewer,
}

/// Where requests are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The SQLite file of `url = "sqlite:FILE"`; `usher.db` beside the configuration by default.
    pub sqlite: PathBuf,
    /// `keep`: how long settled requests are kept with their history; 400 days by default. Never the approval behind a holding.
    pub keep: Duration,
    /// `keep_payload`: how long what they say of the person beyond the key; 90 days by default, and never longer than `keep`.
    pub keep_payload: Duration,
}

/// Who hears of what needs a person, besides the log.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// `slack`: the address of an incoming webhook.
    pub slack: Option<Address>,
    /// `webhook`
    pub webhook: Option<AlertWebhook>,
    /// `subjects`: whether alerts name the person by their e-mail address. No by default.
    pub subjects: bool,
    /// `few_seats`: so many paid seats of a connection are few, 5 by default; 0 for no such alert.
    pub few_seats: u32,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { slack: None, webhook: None, subjects: false, few_seats: 5 }
    }
}

/// A webhook that alerts are posted to, signed as Standard Webhooks describes.
#[derive(Clone, Debug)]
pub struct AlertWebhook {
    /// `url`
    pub address: Address,
    /// `secret`
    pub secret: SigningSecret,
}

/// Lumos's own API, for what comes too late for it.
#[derive(Clone, Debug)]
pub struct Lumos {
    /// A client with the token of `api_token`.
    pub api: Arc<LumosApi>,
    /// What is done about a late success.
    pub on_late_success: OnLateSuccess,
}

/// `on_late_success`: what is done with the manual task that Lumos opened (rule 25).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLateSuccess {
    /// It is commented on.
    #[default]
    Comment,
    /// It is completed as well, where that is safe.
    Complete,
}

/// What a configuration amounts to, for `usher check` and the first lines of a log. No secrets, nothing personal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The file that was read.
    pub file: PathBuf,
    /// Its hash, as each request records it.
    pub hash: String,
    /// Vendor accounts, by name.
    pub connections: Vec<ConnectionSummary>,
    /// Apps, by key.
    pub apps: Vec<AppSummary>,
    /// What Lumos hears of late successes; nothing without `[lumos]`.
    pub on_late_success: Option<OnLateSuccess>,
    /// Paths that take webhooks, without the `/provision` or `/deprovision` at their ends: `/webhooks/zendesk/agent`.
    pub webhooks: Vec<String>,
    /// What is allowed and still worth a look.
    pub notes: Vec<String>,
}

/// A vendor account, in a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionSummary {
    /// Its name in the configuration.
    pub name: String,
    /// Which connector serves it.
    pub connector: String,
    /// The vendor's account, as the connector tells it apart from others.
    pub tenant: String,
}

/// `counts_as_provisioned` (rule 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// An invitation that only the invitee can accept counts.
    Invited,
    /// Only access that can be used counts.
    Active,
}

/// An app, in a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppSummary {
    /// Its key in the configuration.
    pub key: String,
    /// The `application.app_id` that it takes.
    pub app_id: String,
    /// The `application.instance_id` that it takes; `None`: those that no other app names.
    pub instance_id: Option<String>,
    /// The connection that serves it.
    pub connection: String,
    /// `continue` or `stop`: what happens to a grant after its answer was due.
    pub after_deadline: usher_engine::AfterDeadline,
    /// What counts as provisioned: a person who was invited and has not accepted yet, or only one who is in.
    pub counts_as_provisioned: Counts,
    /// Whether an order that leaves nothing removes the account itself.
    pub remove_account: bool,
    /// Whether nothing is sent.
    pub dry_run: bool,
    /// Whose access it takes care of: mail domains, or `*`.
    pub email_domains: Vec<String>,
    /// Its permissions, each with what it gives; `default` among them.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// Permissions that somebody else provisions.
    pub ignored: Vec<String>,
}
