//! One request's way to the vendor: attempts, and what follows from each.

use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until};
use url::Url;
use usher_core::{Call, HttpRequest, Sent};

use crate::auth::Credential;
use crate::throttle::beginning;
use crate::trace::{CallOutcome, CallTrace, report};
use crate::{FailureKind, VendorClient, VendorFailure, VendorResponse, retry_after};

/// Redirects that one GET follows at the most.
const MAX_REDIRECTS: u32 = 3;
/// The first wait before sending again; each further one is twice as long, up to [`LONGEST_BACKOFF`].
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// What has to be left after a wait for another attempt to make sense.
const LEAST_ATTEMPT: Duration = Duration::from_millis(250);

/// A request that is ready to go, but for the credential.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// What traces show of the path.
    pub(crate) shown: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) changes: bool,
}

/// What follows from an attempt.
enum Next {
    Done,
    /// With a fresh token: the one that was used was not accepted.
    Renew,
    /// Another address within the origin.
    Follow(Url),
    /// The same once more, after a wait.
    Again(Duration),
}

/// How far an exchange has come.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// Since the last redirect or token.
    tries: u32,
    redirects: u32,
    /// The token that the vendor did not accept.
    rejected: Option<u64>,
}

struct Attempt {
    result: Result<VendorResponse, VendorFailure>,
    token: Option<u64>,
}

impl VendorClient {
    pub(crate) async fn exchange(
        &self,
        call: &Call,
        mut prepared: Prepared,
    ) -> Result<VendorResponse, VendorFailure> {
        let mut progress = Progress::default();
        loop {
            progress.attempts += 1;
            progress.tries += 1;
            let attempt = self.attempt(call, &prepared, &progress).await;
            let next = match &attempt.result {
                Ok(response) => self.after_answer(&prepared, &progress, attempt.token, response)?,
                Err(failure) => self.after_failure(&prepared, &progress, failure),
            };
            match next {
                Next::Done => return attempt.result,
                Next::Renew => {
                    progress.rejected = attempt.token;
                    progress.tries = 0;
                }
                Next::Follow(url) => {
                    prepared.url = url;
                    progress.redirects += 1;
                    progress.tries = 0;
                }
                Next::Again(wait) => {
                    let until = self.ports.clock.instant() + wait;
                    if until + LEAST_ATTEMPT > call.deadline {
                        return attempt.result;
                    }
                    sleep_until(until).await;
                }
            }
        }
    }

    /// One attempt: token, permit, exchange.
    async fn attempt(&self, call: &Call, prepared: &Prepared, progress: &Progress) -> Attempt {
        let mut headers = prepared.headers.clone();
        let mut url = prepared.url.clone();
        let mut number = None;
        match &self.credential {
            Credential::None => {}
            Credential::Fixed { name, value } => {
                headers.insert(name.clone(), value.clone());
            }
            Credential::Query { name, key } => set_in_query(&mut url, name, key),
            // Made anew each time: another one would not be accepted either, so that a 401 is an answer.
            Credential::Jwt(signer) => match signer.header(self.ports.clock.now()) {
                Ok(header) => {
                    headers.insert(http::header::AUTHORIZATION, header);
                }
                Err(failure) => return Attempt { result: Err(failure), token: None },
            },
            Credential::Tokens(cache) => match cache.token(call.deadline, progress.rejected).await {
                Ok(token) => {
                    number = Some(token.number);
                    headers.insert(http::header::AUTHORIZATION, token.header);
                }
                Err(failure) => return Attempt { result: Err(failure), token: None },
            },
        }
        let started = self.ports.clock.instant();
        let result = self.once(call, prepared, url, headers).await;
        let outcome = match &result {
            Ok(response) => CallOutcome::Status(response.status.as_u16()),
            Err(VendorFailure { status: Some(status), .. }) => CallOutcome::Status(status.as_u16()),
            Err(failure) => CallOutcome::Failed(failure.kind),
        };
        report(
            &self.ports.connection,
            self.recorder.as_ref(),
            CallTrace {
                method: prepared.method.clone(),
                path: prepared.shown.clone(),
                attempt: progress.attempts,
                outcome,
                duration: self.ports.clock.instant().saturating_duration_since(started),
            },
        );
        Attempt { result, token: number }
    }

    async fn once(
        &self,
        call: &Call,
        prepared: &Prepared,
        url: Url,
        headers: HeaderMap,
    ) -> Result<VendorResponse, VendorFailure> {
        let key = self.settings.limit_key.as_deref().unwrap_or(&self.ports.connection);
        let mut permit = self.ports.limiter.permit(key, call).await.map_err(|wait| {
            VendorFailure::before_sending(
                FailureKind::OwnLimit,
                "our own rate limit has no room before the call has to end",
            )
            .after(Some(wait))
        })?;
        let now = self.ports.clock.instant();
        if now >= call.deadline {
            return Err(VendorFailure::before_sending(
                FailureKind::NoTime,
                "the call's time was over before it began",
            ));
        }
        let answer = self.ports.transport.send(HttpRequest {
            method: prepared.method.clone(),
            url,
            headers,
            body: prepared.body.clone(),
            deadline: earlier(call.deadline, now.checked_add(prepared.timeout)),
            max_body: self.settings.max_body,
            allow_private: self.ports.allow_private,
        });
        let answer = answer.await?;
        let now = self.ports.clock.now();
        let start = beginning(&answer.body);
        if let Some(after) = (self.settings.throttled)(answer.status, &answer.headers, start, now) {
            // Nobody else with this credential needs to try before that.
            permit.throttled(after);
            let message = format!("the vendor's rate limit is reached (status {})", answer.status.as_u16());
            return Err(VendorFailure::answered(FailureKind::Throttled, answer.status, message).after(after));
        }
        let after = retry_after(&answer.headers, now);
        Ok(VendorResponse {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            changes: prepared.changes,
            after,
        })
    }

    fn after_answer(
        &self,
        prepared: &Prepared,
        progress: &Progress,
        token: Option<u64>,
        response: &VendorResponse,
    ) -> Result<Next, VendorFailure> {
        match response.status {
            StatusCode::UNAUTHORIZED if token.is_some() && progress.rejected.is_none() => Ok(Next::Renew),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
                if !prepared.changes && progress.tries < self.settings.attempts =>
            {
                Ok(Next::Again(backoff(progress.tries).max(response.after.unwrap_or_default())))
            }
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
                if !prepared.changes && prepared.method == Method::GET =>
            {
                self.redirect(prepared, progress, response)
            }
            _ => Ok(Next::Done),
        }
    }

    fn redirect(
        &self,
        prepared: &Prepared,
        progress: &Progress,
        response: &VendorResponse,
    ) -> Result<Next, VendorFailure> {
        let failed = |what: &str| {
            Err(VendorFailure::answered(
                FailureKind::Redirect,
                response.status,
                format!("the vendor redirects {what}"),
            ))
        };
        let Some(location) = response.header(&LOCATION) else {
            return Ok(Next::Done);
        };
        let Ok(mut url) = prepared.url.join(location) else {
            return failed("to something that is not a URL");
        };
        if !self.is_own(&url) {
            return failed("to another origin: check the base URL");
        }
        if progress.redirects >= MAX_REDIRECTS {
            return failed("more than three times: check the base URL");
        }
        url.set_fragment(None);
        Ok(Next::Follow(url))
    }

    fn after_failure(&self, prepared: &Prepared, progress: &Progress, failure: &VendorFailure) -> Next {
        if progress.tries >= self.settings.attempts {
            return Next::Done;
        }
        // The one rule about changes: not twice, unless the first surely did not arrive.
        if prepared.changes && failure.sent != Sent::No {
            return Next::Done;
        }
        match failure.kind {
            FailureKind::Throttled if !prepared.changes => match failure.after {
                Some(after) => Next::Again(after.max(backoff(progress.tries))),
                None => Next::Again(backoff(progress.tries) * 5),
            },
            FailureKind::Dns
            | FailureKind::Connect
            | FailureKind::TimedOut
            | FailureKind::Broken
            | FailureKind::TokenUnavailable => Next::Again(backoff(progress.tries)),
            FailureKind::Request
            | FailureKind::NoTime
            | FailureKind::PrivateAddress
            | FailureKind::BodyTooLarge
            | FailureKind::Redirect
            | FailureKind::OwnLimit
            | FailureKind::Throttled
            | FailureKind::Credential
            | FailureKind::Unreadable => Next::Done,
        }
    }
}

fn backoff(tries: u32) -> Duration {
    BACKOFF.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST_BACKOFF)
}

/// Sets one pair of the query, also where the vendor's own link repeats it.
fn set_in_query(url: &mut Url, name: &str, key: &SecretString) {
    if url.query_pairs().any(|(given, _)| given == name) {
        let others: Vec<(String, String)> =
            url.query_pairs().filter(|(given, _)| given != name).map(|(n, v)| (n.into(), v.into())).collect();
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    url.query_pairs_mut().append_pair(name, key.expose_secret());
}

fn earlier(deadline: Instant, other: Option<Instant>) -> Instant {
    other.map_or(deadline, |other| deadline.min(other))
}
