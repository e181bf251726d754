//! The way to an endpoint that gives tokens, whatever it is shown for them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use url::Url;
use usher_core::{Clock, ConfigError, HttpRequest, HttpResponse, Transport};

use crate::settings::check_base_url;
use crate::throttle::beginning;
use crate::trace::{CallOutcome, CallTrace, report};
use crate::{FailureKind, Recorder, ThrottleRule, VendorFailure, retry_after};

/// Bytes of a token endpoint's answer at the most.
const MAX_ANSWER: usize = 64 * 1024;

/// What a token request needs of the client around it.
#[derive(Debug)]
pub(crate) struct TokenParts {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) allow_private: bool,
    pub(crate) connection: String,
    pub(crate) user_agent: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) throttled: ThrottleRule,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
}

/// A token endpoint.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    pub(crate) parts: TokenParts,
    pub(crate) url: Url,
}

impl TokenEndpoint {
    /// The endpoint that `given` names: a path below the base URL, or a whole URL.
    pub(crate) fn new(parts: TokenParts, base: &Url, given: &str) -> Result<Self, ConfigError> {
        let url = token_url(base, given)?;
        let mut checked = url.clone();
        checked.set_query(None);
        check_base_url(&checked, parts.allow_private).map_err(|mut error| {
            error.path = vec!["token_url".into()];
            error.message = error.message.replace("base URL", "token URL");
            error
        })?;
        Ok(Self { parts, url })
    }

    /// Posts a token request. What comes back is a token, or the endpoint's decision about the credential: an answer that
    /// is neither is a failure here.
    pub(crate) async fn post(
        &self,
        mut headers: HeaderMap,
        body: Bytes,
        deadline: Instant,
    ) -> Result<HttpResponse, VendorFailure> {
        if let Some(value) = headers.get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        headers.insert(USER_AGENT, self.parts.user_agent.clone());
        let started = self.parts.clock.instant();
        let own = started.checked_add(self.parts.timeout).unwrap_or(deadline);
        let request = HttpRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body,
            deadline: deadline.min(own),
            max_body: MAX_ANSWER,
            allow_private: self.parts.allow_private,
        };
        let answer = self.parts.transport.send(request).await.map_err(VendorFailure::from);
        self.trace(
            match &answer {
                Ok(answer) => CallOutcome::Status(answer.status.as_u16()),
                Err(failure) => CallOutcome::Failed(failure.kind),
            },
            started,
        );
        self.decided(answer?)
    }

    fn trace(&self, outcome: CallOutcome, started: Instant) {
        report(
            &self.parts.connection,
            self.parts.recorder.as_ref(),
            CallTrace {
                method: Method::POST,
                path: "(token)".into(),
                attempt: 1,
                outcome,
                duration: self.parts.clock.instant().saturating_duration_since(started),
            },
        );
    }

    fn decided(&self, answer: HttpResponse) -> Result<HttpResponse, VendorFailure> {
        let now = self.parts.clock.now();
        let failed = |kind, what: &str, after| {
            let message = format!("the token endpoint {what} (status {})", answer.status.as_u16());
            Err(VendorFailure::answered(kind, answer.status, message).after(after))
        };
        let after = retry_after(&answer.headers, now);
        let start = beginning(&answer.body);
        if let Some(after) = (self.parts.throttled)(answer.status, &answer.headers, start, now) {
            return failed(FailureKind::Throttled, "has reached its rate limit", after);
        }
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS => {
                failed(FailureKind::Throttled, "has reached its rate limit", after)
            }
            StatusCode::REQUEST_TIMEOUT => failed(FailureKind::TokenUnavailable, "failed", after),
            status if status.is_server_error() => failed(FailureKind::TokenUnavailable, "failed", after),
            status if status.is_redirection() => failed(
                FailureKind::Redirect,
                "redirects, which is not followed with a secret: check its address",
                after,
            ),
            _ => Ok(answer),
        }
    }
}

/// The endpoint does not accept the credential. What it wrote about that stays out: it could repeat what was sent.
pub(crate) fn not_accepted(status: StatusCode) -> VendorFailure {
    let message = format!("the token endpoint does not accept the credential (status {})", status.as_u16());
    VendorFailure::answered(FailureKind::Credential, status, message)
}

/// The endpoint answered, and not with a token.
pub(crate) fn no_token(status: StatusCode) -> VendorFailure {
    VendorFailure::answered(
        FailureKind::TokenUnavailable,
        status,
        "the token endpoint's answer is no token: check its address",
    )
}

/// A path belongs below the base URL, prefix included, as the paths of requests do.
fn token_url(base: &Url, given: &str) -> Result<Url, ConfigError> {
    let url = if given.starts_with('/') && !given.starts_with("//") {
        let mut text = base.clone();
        text.set_path("");
        Url::parse(&format!(
            "{}{}{given}",
            text.as_str().trim_end_matches('/'),
            base.path().trim_end_matches('/')
        ))
    } else {
        Url::parse(given)
    };
    url.map_err(|error| ConfigError::at(["token_url"], format!("the token URL is not a URL: {error}")))
}
