//! One sending to one receiver, and what came of it.

use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use usher_core::{Clock, HttpFailure, HttpFailureKind, HttpRequest, Transport};
use usher_vendor_client::retry_after;

use super::message::Message;
use super::{Address, SigningSecret, slack, webhook};

/// How long one sending may take, its answer included.
const WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer at the most. Nothing in it is used.
const MAX_ANSWER: usize = 64 * 1024;

/// Who hears of alerts.
#[derive(Clone, Debug)]
pub(crate) enum Receiver {
    Slack(Address),
    Webhook(Address, SigningSecret),
}

/// Why an alert was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Nobody can send there now: how long to leave it alone, where the receiver says so.
    Down { why: String, after: Option<Duration> },
    /// The receiver does not take this one.
    Refused { why: String },
}

impl NotTaken {
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Down { why, .. } | Self::Refused { why } => why,
        }
    }
}

impl Receiver {
    /// As in logs, the history and the configuration.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Webhook(..) => "webhook",
        }
    }

    fn address(&self) -> &Address {
        match self {
            Self::Slack(address) | Self::Webhook(address, _) => address,
        }
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        self.address().origin()
    }

    /// Sends an alert once.
    pub(crate) async fn send(
        &self,
        message: &Message,
        transport: &dyn Transport,
        clock: &dyn Clock,
    ) -> Result<(), NotTaken> {
        let Some(request) = self.request(message, clock) else {
            return Err(NotTaken::Refused { why: "the alert cannot be written as a request".to_owned() });
        };
        match transport.send(request).await {
            Ok(answer) => read(answer.status, &answer.headers, clock),
            // The answer's status came, and its body is not asked for.
            Err(failure) => Err(NotTaken::Down { why: told(&failure), after: None }),
        }
    }

    fn request(&self, message: &Message, clock: &dyn Clock) -> Option<HttpRequest> {
        let (body, mut headers) = match self {
            Self::Slack(_) => (slack::body(message), HeaderMap::new()),
            Self::Webhook(_, secret) => {
                let body = webhook::body(message);
                let headers = webhook::sign(secret, &message.id, clock.now(), &body)?;
                (body, headers)
            }
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("usher/", env!("CARGO_PKG_VERSION"))));
        Some(HttpRequest {
            method: Method::POST,
            url: self.address().url().ok()?,
            headers,
            body,
            deadline: clock.instant() + WITHIN,
            max_body: MAX_ANSWER,
            allow_private: self.address().allows_private(),
        })
    }
}

/// Only a 2xx has taken it. What the receiver itself calls passing, or is its own trouble, holds for every alert.
fn read(status: StatusCode, headers: &HeaderMap, clock: &dyn Clock) -> Result<(), NotTaken> {
    let why = format!("it answered {}", status.as_u16());
    let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    match status {
        _ if status.is_success() => Ok(()),
        _ if status.is_server_error() || passes.contains(&status) => {
            Err(NotTaken::Down { why, after: retry_after(headers, clock.now()) })
        }
        _ => Err(NotTaken::Refused { why }),
    }
}

fn told(failure: &HttpFailure) -> String {
    match failure.kind {
        // The transport's own words are about vendors.
        HttpFailureKind::PrivateAddress => {
            "its host has a private address: set allow_private = true in [alerts] if that is meant".to_owned()
        }
        _ => failure.message.clone(),
    }
}
