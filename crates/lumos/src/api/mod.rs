//! A client of Lumos's own API, for what comes late: <https://api.lumos.com>, with an API token as bearer.
//!
//! From Lumos's published REST description: `GET /tasks` with its filters, `POST /tasks/{id}/comments` (201),
//! `POST /tasks/{id}/complete` (204; 409 where it is done already), `GET /appstore/access_requests/{id}`.

mod error;
mod wire;

use std::time::Duration;

use http::StatusCode;
use secrecy::SecretString;
use serde_json::json;
use usher_core::{Call, ConfigError, Ports};
use usher_vendor_client::{Auth, ClientSettings, VendorClient, VendorRequest, VendorResponse, base_url};

pub use error::ApiError;

/// Where it is, unless `ports.base_url` says otherwise.
const ADDRESS: &str = "https://api.lumos.com";
/// Characters of a comment at the most, as Lumos counts them.
pub const MAX_COMMENT: usize = 4_000;
/// Tasks of one page; more than one of them is too many already.
const PAGE: usize = 100;
/// Bytes of an answer at the most.
const MAX_ANSWER: usize = 2 * 1024 * 1024;
/// What one attempt may take. A status that is asked for before an attempt must not hold it up for long.
const TIMEOUT: Duration = Duration::from_secs(5);

const FIND: &str = "list its tasks";
const COMMENT: &str = "comment on the task";
const COMPLETE: &str = "complete the task";
const SHOW: &str = "show the access request";
/// What [`LumosApi::check`] tries.
pub const READS: &str = "list a single task";

/// A client of Lumos's API. `Debug` shows no secret.
#[derive(Debug)]
pub struct LumosApi {
    client: VendorClient,
}

/// The one pending task of an access request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PendingTask {
    /// Lumos's id.
    pub id: String,
    /// Whether an administrator has to confirm further steps; taken for granted where the task does not say.
    pub manual_steps: bool,
}

/// How far an access request is, as far as Usher goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The approval stands and access is still to be given, or the status is one that is not known.
    Open,
    /// Cancelled, denied, expired or being taken back: nothing may be granted any more.
    Ended,
    /// Lumos takes it as provisioned.
    Provisioned,
}

/// An access request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessRequest {
    /// Its status in Lumos's words, such as `CANCELLED`: letters and `_` alone, whatever was sent.
    pub status: String,
    /// What that means.
    pub progress: Progress,
    /// Whom the access is for, where Lumos shows it.
    pub email: Option<String>,
}

impl LumosApi {
    /// A client, with the ports' limits, address and transport.
    ///
    /// # Errors
    /// The token or the address cannot be used.
    pub fn new(ports: Ports, token: SecretString) -> Result<Self, ConfigError> {
        let mut settings = ClientSettings::new(base_url(&ports, ADDRESS)?, Auth::Bearer(token));
        settings.max_body = MAX_ANSWER;
        settings.timeout = TIMEOUT;
        Ok(Self { client: VendorClient::new(ports, settings)? })
    }

    /// The pending provisioning task of an access request, whoever it is assigned to; `None` where there is none (yet).
    ///
    /// # Errors
    /// [`ApiError::Several`] where there are more; else what stood in the way.
    pub async fn pending_task(
        &self,
        call: &Call,
        access_request: &str,
    ) -> Result<Option<PendingTask>, ApiError> {
        let request = VendorRequest::get("/tasks")
            .query("access_request_id", access_request)
            .query("task_category", "PROVISIONING")
            .query("status", "PENDING")
            .query("show_all_tasks", true)
            .query("page", 1)
            .query("size", PAGE);
        let page: wire::Tasks = self.read(call, request, FIND).await?;
        let total = page.total.unwrap_or_default();
        let mut found: Vec<wire::Task> = page.items;
        let whole = total <= found.len().max(PAGE);
        found.retain(|task| task.is_pending_provisioning_of(access_request));
        if !whole {
            return Err(ApiError::Several(total));
        }
        match (found.pop(), found.len()) {
            (None, _) => Ok(None),
            (Some(task), 0) => {
                Ok(Some(PendingTask { id: task.id, manual_steps: task.manual_steps_needed != Some(false) }))
            }
            (Some(_), others) => Err(ApiError::Several(others + 1)),
        }
    }

    /// Comments on a task. What is longer than [`MAX_COMMENT`] is cut.
    ///
    /// # Errors
    /// What stood in the way. It must not be sent again unless [`ApiError::OutOfReach`] says that nothing was sent: a
    /// comment cannot be read back.
    pub async fn comment(&self, call: &Call, task: &str, text: &str) -> Result<(), ApiError> {
        let text: String = text.chars().take(MAX_COMMENT).collect();
        let request =
            VendorRequest::post("/tasks/{id}/comments").param("id", task).json(&json!({ "comment": text }));
        self.change(call, request, COMMENT, &[]).await
    }

    /// Completes a task that [`Self::pending_task`] has found. For an approval task the same call would *approve*: never
    /// give it another id. One that is completed already is as good.
    ///
    /// # Errors
    /// What stood in the way.
    pub async fn complete(&self, call: &Call, task: &str) -> Result<(), ApiError> {
        let request = VendorRequest::post("/tasks/{id}/complete").param("id", task);
        self.change(call, request, COMPLETE, &[StatusCode::CONFLICT]).await
    }

    /// How an access request stands.
    ///
    /// # Errors
    /// What stood in the way.
    pub async fn access_request(&self, call: &Call, id: &str) -> Result<AccessRequest, ApiError> {
        let request = VendorRequest::get("/appstore/access_requests/{id}").param("id", id);
        let shown: wire::Shown = self.read(call, request, SHOW).await?;
        let progress = wire::progress(&shown.status);
        let letters = |letter: &char| letter.is_ascii_alphabetic() || *letter == '_';
        let status = shown.status.chars().filter(letters).take(64).collect();
        let email = shown.target_user.and_then(|user| user.email).filter(|email| !email.trim().is_empty());
        Ok(AccessRequest { status, progress, email })
    }

    /// Whether the token is good for the Tasks API: reads one task, and changes nothing.
    ///
    /// # Errors
    /// It is not, or Lumos is out of reach.
    pub async fn check(&self, call: &Call) -> Result<(), ApiError> {
        let request = VendorRequest::get("/tasks").query("page", 1).query("size", 1);
        self.read::<wire::Tasks>(call, request, READS).await.map(drop)
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        call: &Call,
        request: VendorRequest,
        operation: &'static str,
    ) -> Result<T, ApiError> {
        let response = self.send(call, request, operation, &[]).await?;
        response.json().map_err(|failure| ApiError::failed(operation, &failure))
    }

    async fn change(
        &self,
        call: &Call,
        request: VendorRequest,
        operation: &'static str,
        as_good: &[StatusCode],
    ) -> Result<(), ApiError> {
        self.send(call, request, operation, as_good).await.map(drop)
    }

    async fn send(
        &self,
        call: &Call,
        request: VendorRequest,
        operation: &'static str,
        as_good: &[StatusCode],
    ) -> Result<VendorResponse, ApiError> {
        let sent = self.client.send(call, request).await;
        let response = sent.map_err(|failure| ApiError::failed(operation, &failure))?;
        if response.is_success() || as_good.contains(&response.status) {
            return Ok(response);
        }
        Err(ApiError::answered(operation, &response))
    }
}
