//! Carries one vendor request out, under the fault that meets it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::exchange::{Reply, VendorRequest};
use crate::fault::{Fault, RetryAfter};
use crate::github::DOCS;
use crate::operation::{Operation, Vendor};
use crate::records::{CallEnd, CallId};
use crate::server::Ending;
use crate::switch::Meeting;
use crate::world::Shared;

/// The connection ends without an answer, or without the rest of it.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fault switch ends this connection")
    }
}

impl std::error::Error for Cut {}

/// Writes the call's end down, also where the caller leaves and this future is dropped.
struct Open<'a> {
    shared: &'a Shared,
    call: CallId,
    end: Option<(CallEnd, Option<u16>)>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let (end, status) = self.end.unwrap_or((CallEnd::CallerLeft, None));
        self.shared.end(self.call, end, status);
    }
}

pub(crate) async fn perform(
    shared: &Arc<Shared>,
    ending: &Ending,
    request: VendorRequest,
) -> Result<Response<Body>, Cut> {
    let (call, meeting) = shared.arrive(&request);
    let mut open = Open { shared, call, end: None };
    let done = match meeting {
        None => Ok(respond(&shared.apply(&request, call, None))),
        Some(meeting) => under(shared, ending, request, call, meeting).await,
    };
    open.end = Some(match &done {
        Ok(response) => (CallEnd::Answered, Some(response.status().as_u16())),
        Err(Cut) => (CallEnd::Cut, None),
    });
    done
}

async fn under(
    shared: &Arc<Shared>,
    ending: &Ending,
    request: VendorRequest,
    call: CallId,
    mut meeting: Meeting,
) -> Result<Response<Body>, Cut> {
    let apply = || shared.apply(&request, call, None);
    match &meeting.fault {
        Fault::Hang => hang(shared, meeting.at).await,
        Fault::Delay { ms, after_applying } => {
            let early = after_applying.then(apply);
            let delay = Duration::from_millis(*ms).min(shared.patience);
            shared.clock.sleep_until(meeting.at.saturating_add(delay)).await;
            Ok(respond(&early.unwrap_or_else(apply)))
        }
        Fault::ResetBefore => reset(ending),
        Fault::ResetAfter => {
            apply();
            reset(ending)
        }
        Fault::ApplyThenHang => {
            apply();
            hang(shared, meeting.at).await
        }
        Fault::ApplyLate { .. } => {
            let at = meeting.at;
            let _applies_when_dropped =
                Late { shared: Arc::clone(shared), due: Some((request, call, meeting)) };
            hang(shared, at).await
        }
        Fault::CloseMidAnswer => Ok(halved(apply())),
        Fault::SlowDrip { every_ms, bytes } => {
            Ok(dripped(shared, &apply(), Duration::from_millis(*every_ms), *bytes))
        }
        Fault::Garbage { apply: applied } => {
            let _answer = applied.then(apply);
            Ok(garbage())
        }
        Fault::ErrorAfter { status } => {
            apply();
            Ok(respond(&failure(*status)))
        }
        Fault::Stale { .. } => Ok(respond(&shared.apply(&request, call, Some(&meeting.fault)))),
        Fault::Hold { after_applying } => {
            let (early, at) = (after_applying.then(apply), meeting.at);
            tokio::select! {
                () = meeting.release() => Ok(respond(&early.unwrap_or_else(apply))),
                cut = hang(shared, at) => cut,
            }
        }
        Fault::ErrorBefore { .. }
        | Fault::Throttle { .. }
        | Fault::PrimaryLimit { .. }
        | Fault::SecondaryLimit { .. }
        | Fault::ErrorBody
        | Fault::Unauthorized { .. }
        | Fault::Forbidden => Ok(respond(&refusal(shared, &meeting.fault, &request))),
    }
}

/// Waits until the caller leaves, which drops this, or patience ends.
async fn hang(shared: &Shared, since: Duration) -> Result<Response<Body>, Cut> {
    shared.clock.sleep_until(since.saturating_add(shared.patience)).await;
    Err(Cut)
}

fn reset(ending: &Ending) -> Result<Response<Body>, Cut> {
    ending.reset();
    Err(Cut)
}

/// Applies some time after it is dropped, which is when the caller left.
struct Late {
    shared: Arc<Shared>,
    due: Option<(VendorRequest, CallId, Meeting)>,
}

impl Drop for Late {
    fn drop(&mut self) {
        let Some((request, call, mut meeting)) = self.due.take() else { return };
        // Without a runtime the process is ending, and the vendor with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let shared = Arc::clone(&self.shared);
        let left_at = shared.clock.now();
        let late = async move {
            let wait = async {
                match meeting.fault {
                    Fault::ApplyLate { after_ms: Some(ms) } => {
                        let after = Duration::from_millis(ms).min(shared.patience);
                        shared.clock.sleep_until(left_at.saturating_add(after)).await;
                        true
                    }
                    _ => tokio::select! {
                        () = meeting.release() => true,
                        () = shared.clock.sleep(shared.patience) => false,
                    },
                }
            };
            let due = tokio::select! {
                due = wait => due,
                () = shared.stop.cancelled() => false,
            };
            if due {
                // Nobody is there to hear the answer.
                shared.apply(&request, call, None);
            }
        };
        self.shared.late.spawn_on(late, &runtime);
    }
}

fn failure(status: u16) -> Reply {
    Reply::json(status, json!({"error": "InternalError", "description": "Something went wrong"}))
}

/// The answers of faults that apply nothing.
fn refusal(shared: &Shared, fault: &Fault, request: &VendorRequest) -> Reply {
    let body = |error: &str, description: &str| match request.vendor {
        Vendor::Zendesk => json!({"error": error, "description": description}),
        Vendor::Lumos => json!({"detail": description}),
        Vendor::Github => json!({"message": description, "documentation_url": DOCS}),
        Vendor::Directory => json!({"error": {"code": error, "message": description}}),
    };
    let retry = |reply: Reply, after: RetryAfter| match after {
        RetryAfter::None => reply,
        RetryAfter::Seconds(seconds) => reply.with_header(RETRY_AFTER.as_str(), seconds.to_string()),
        RetryAfter::DateIn(seconds) => reply.with_header(RETRY_AFTER.as_str(), date_in(shared, seconds)),
    };
    match fault {
        Fault::Throttle { retry_after } => {
            retry(Reply::json(429, body("TooManyRequests", "Too many requests")), *retry_after)
        }
        Fault::PrimaryLimit { reset_in_s } => {
            let reset = i64::try_from(*reset_in_s).unwrap_or(i64::MAX);
            let reset = shared.clock.wall().as_second().saturating_add(reset);
            Reply::json(403, body("RateLimited", "API rate limit exceeded for installation ID 1."))
                .with_header("x-ratelimit-limit", "5000".to_owned())
                .with_header("x-ratelimit-remaining", "0".to_owned())
                .with_header("x-ratelimit-reset", reset.to_string())
        }
        Fault::SecondaryLimit { retry_after } => {
            let text =
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            retry(Reply::json(403, body("RateLimited", text)), *retry_after)
        }
        Fault::ErrorBody if request.operation() == Operation::Graphql => {
            Reply::json(200, json!({"data": null, "errors": [{"message": "Something went wrong"}]}))
        }
        Fault::ErrorBody => Reply::json(200, body("InternalError", "The change could not be made")),
        Fault::Unauthorized { .. } => Reply::json(401, body("invalid_token", "The credential is not valid")),
        Fault::Forbidden => Reply::json(403, body("Forbidden", "You do not have access to this page")),
        Fault::ErrorBefore { status } => failure(*status),
        _ => failure(500),
    }
}

/// An HTTP date (RFC 9110), rounded up to the whole second so that it is never early.
fn date_in(shared: &Shared, seconds: u64) -> String {
    let ahead = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(1);
    let wall = shared.clock.wall();
    let date = wall.checked_add(jiff::SignedDuration::from_secs(ahead)).unwrap_or(wall);
    date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn respond(reply: &Reply) -> Response<Body> {
    let bytes = reply.bytes();
    let length = bytes.len();
    with_body(reply, Body::from(bytes), length)
}

fn with_body(reply: &Reply, body: Body, length: usize) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if reply.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    response
}

/// Promises the whole body, sends half of it and ends. A 204 has nothing to break off, and becomes a 200 that has.
fn halved(mut reply: Reply) -> Response<Body> {
    if reply.body.is_none() {
        reply = Reply::json(200, json!({"status": "this answer breaks off"}));
    }
    let whole = reply.bytes();
    let half = whole.slice(..whole.len() / 2);
    let parts = stream::unfold(Some(half), |part| async move {
        match part {
            Some(half) => Some((Ok(half), None)),
            None => {
                // One turn of the loop, in which the half is sent.
                tokio::task::yield_now().await;
                Some((Err(Cut), None))
            }
        }
    });
    with_body(&reply, Body::from_stream(parts), whole.len())
}

/// Sends so many bytes at a time, and waits after each piece.
fn dripped(shared: &Arc<Shared>, reply: &Reply, every: Duration, piece: usize) -> Response<Body> {
    let whole = reply.bytes();
    let length = whole.len();
    let (clock, ends) = (shared.clock.clone(), shared.clock.now().saturating_add(shared.patience));
    let parts = stream::unfold((whole, true), move |(mut left, first)| {
        let clock = clock.clone();
        async move {
            if left.is_empty() {
                return None;
            }
            if !first {
                clock.sleep(every).await;
            }
            if clock.now() >= ends {
                return Some((Err(Cut), (Bytes::new(), false)));
            }
            let part = left.split_to(piece.min(left.len()));
            Some((Ok(part), (left, false)))
        }
    });
    with_body(reply, Body::from_stream(parts), length)
}

/// Half of a web page that says it is JSON, with bytes that are no text.
fn garbage() -> Response<Body> {
    let bytes = Bytes::from_static(b"<html><body>\xff\xfe{\"user\": {\"id\": 12, \x00");
    let reply = Reply::json(200, json!(null));
    let length = bytes.len();
    with_body(&reply, Body::from(bytes), length)
}
