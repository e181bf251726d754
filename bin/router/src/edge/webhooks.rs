use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use usher_core::{Clock, SubjectKey};
use usher_engine::{Answer, Delivery};
use usher_journal::RequestId;
use usher_lumos::{ErrorAnswer, Options, Parsed, Reply};
use uuid::{NoContext, Uuid};

use super::arrival::{self, Kind, Place};
use super::credentials::{digest, opens};
use super::listener::{Service, TurnedAway};
use super::{Deliver, Received, Table, body};
use crate::routes::{Hook, Routed};

/// Usher's id of a request, on every answer to an authenticated delivery.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("usher-request-id");

/// What the engine may be late by before the edge answers in its place.
const GRACE: Duration = Duration::from_millis(500);

/// Seconds after which an overloaded listener may be tried again. Lumos does not: a proxy may.
const RETRY_AFTER: u32 = 1;

const UNFINISHED: &str = "Usher could not finish this in time: see its page for what became of it";
const FAULT: &str = "Usher met a fault of its own: see its log, and run the request again";

/// What the public listener is put together from.
#[derive(Debug)]
pub struct WebhooksParts {
    /// Which webhook is whose.
    pub table: Arc<dyn Table>,
    /// What runs them.
    pub engine: Arc<dyn Deliver>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How payloads are read.
    pub options: Options,
    /// Bytes of a body, at the most.
    pub max_body: u64,
    /// From a request's first byte to its answer.
    pub answer_within: Duration,
    /// Hash of the configuration.
    pub config: String,
}

/// What was turned away before it had a request's id. Nothing else is kept of it.
#[derive(Debug, Default)]
pub struct Counts {
    unauthorized: AtomicU64,
    turned_away: AtomicU64,
}

impl Counts {
    /// Calls without a good credential.
    #[must_use]
    pub fn unauthorized(&self) -> u64 {
        self.unauthorized.load(Ordering::Relaxed)
    }

    /// Connections that were too slow or too many.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

/// The service of the public listener.
///
/// A body is read as JSON whatever `Content-Type` says: senders vary, and it is JSON or 400.
#[derive(Clone)]
pub struct Webhooks {
    parts: Arc<WebhooksParts>,
    counts: Arc<Counts>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}

impl Service for Webhooks {
    fn call(
        &self,
        request: Request<Incoming>,
        received: Received,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let webhooks = self.clone();
        let hung_up = CancellationToken::new();
        let until_hung_up = hung_up.clone().drop_guard();
        // Begun at once, not with the first poll: where the sender has closed already, there is none, and what it sent is there.
        let work = tokio::spawn(async move { webhooks.answer(request, received, hung_up).await });
        Box::pin(async move {
            let _until_hung_up = until_hung_up;
            work.await.unwrap_or_else(|error| {
                tracing::error!(panicked = error.is_panic(), "a call's task broke off");
                refused(StatusCode::INTERNAL_SERVER_ERROR, FAULT)
            })
        })
    }

    fn turned_away(&self, why: TurnedAway) -> Response<Vec<u8>> {
        self.counts.turned_away.fetch_add(1, Ordering::Relaxed);
        let answer = match why {
            TurnedAway::TooSlow => ErrorAnswer::TooSlow,
            TurnedAway::Overloaded => ErrorAnswer::Overloaded { retry_after: RETRY_AFTER },
        };
        response(answer.reply(), None)
    }
}

impl Webhooks {
    /// A service.
    #[must_use]
    pub fn new(parts: WebhooksParts) -> Self {
        Self { parts: Arc::new(parts), counts: Arc::default() }
    }

    /// What was turned away so far.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        received: Received,
        hung_up: CancellationToken,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        match head.uri.path() {
            "/livez" => return probe(&head.method, true),
            "/readyz" => return probe(&head.method, self.parts.engine.is_ready().await),
            _ => {}
        }
        let Some(hook) = self.parts.table.hook(head.uri.path()) else {
            return refused(StatusCode::NOT_FOUND, "webhooks are taken at /webhooks/… alone");
        };
        if head.method != Method::POST {
            return not_allowed("POST");
        }
        if !opens(self.parts.table.credentials(&hook), &head.headers) {
            self.counts.unauthorized.fetch_add(1, Ordering::Relaxed);
            return response(ErrorAnswer::Unauthorized.reply(), None);
        }
        received.prove();
        let id = self.new_id();
        match body::read(body, self.parts.max_body, &received).await {
            Ok(body) => self.take(hook, id, body, received.began, hung_up).await,
            Err(error) => self.turn_down(&hook, &id, &error, received.began),
        }
    }

    /// Runs a webhook to its answer, which comes in time whatever happens.
    ///
    /// The work is a task of its own, so that a panic does not end its answer. Where the sender has hung up, it does not wait for the
    /// engine's answer, and the engine knows that nobody was told (rule 15).
    async fn take(
        self,
        hook: Hook,
        id: RequestId,
        body: Bytes,
        began: Instant,
        hung_up: CancellationToken,
    ) -> Response<Body> {
        let direction = hook.direction;
        let latest = began + self.parts.answer_within + GRACE;
        let (webhooks, own_id) = (self.clone(), id.clone());
        let work = tokio::spawn(async move { webhooks.run(hook, own_id, body, began, hung_up).await });
        let message = match timeout_at(latest, work).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => {
                tracing::error!(request.id = %id, panicked = error.is_panic(), "a request's task broke off");
                FAULT
            }
            Err(_) => {
                tracing::error!(request.id = %id, "the engine did not answer in time");
                UNFINISHED
            }
        };
        let answer = usher_lumos::Answer::Negative { message: message.to_owned() };
        response(answer.reply(direction, usher_lumos::Style::default()), Some(&id))
    }

    async fn run(
        self,
        hook: Hook,
        id: RequestId,
        body: Bytes,
        began: Instant,
        hung_up: CancellationToken,
    ) -> Response<Body> {
        let parts = &self.parts;
        let now = parts.clock.now();
        let place = Place { id: id.clone(), hook: &hook, now, config: &parts.config };
        let (arrival, kind) = match usher_lumos::parse(&body, hook.direction, &parts.options) {
            Ok(Parsed::Empty) => arrival::empty(place, &body),
            Ok(Parsed::Webhook(payload)) => {
                let routed = parts.table.route(&hook, &payload, now);
                log_paste(&id, &routed);
                arrival::arrival(place, payload, routed, &body)
            }
            Err(error) => {
                return self.turn_down(
                    &hook,
                    &id,
                    &ErrorAnswer::BadRequest { message: error.to_string() },
                    began,
                );
            }
        };
        let app = arrival.request.app_key.clone();
        let subject = short_hash(&arrival.request.subject_key);
        let reply = tokio::select! {
            // First, so that whoever hangs up at once has been taken in all the same.
            biased;
            reply = parts.engine.deliver(Delivery { arrival, began }) => reply,
            () = hung_up.cancelled() => {
                tracing::info!(
                    request.id = %id,
                    app = %app,
                    direction = hook.direction.as_str(),
                    subject = %subject,
                    duration_ms = self.millis_since(began),
                    "the sender has hung up: nobody is answered"
                );
                // Nobody hears it.
                return response(ErrorAnswer::TooSlow.reply(), Some(&id));
            }
        };
        tracing::info!(
            request.id = %reply.request,
            app = %app,
            direction = hook.direction.as_str(),
            subject = %subject,
            outcome = outcome(&reply.answer, kind),
            duration_ms = self.millis_since(began),
            "answered"
        );
        let (answer, style) = match (reply.answer, kind) {
            (_, Kind::Test) => (usher_lumos::Answer::Test, usher_lumos::Style::default()),
            (Answer::Positive, Kind::Run(style)) => (usher_lumos::Answer::Positive, style),
            (Answer::Negative { reason }, Kind::Run(style)) => {
                (usher_lumos::Answer::Negative { message: reason }, style)
            }
        };
        response(answer.reply(hook.direction, style), Some(&reply.request))
    }

    /// Answers an authenticated call that is no webhook.
    fn turn_down(&self, hook: &Hook, id: &RequestId, error: &ErrorAnswer, began: Instant) -> Response<Body> {
        let reply = error.reply();
        tracing::info!(
            request.id = %id,
            direction = hook.direction.as_str(),
            outcome = "not taken",
            status = reply.status,
            why = %why(error),
            duration_ms = self.millis_since(began),
            "answered"
        );
        response(reply, Some(id))
    }

    fn new_id(&self) -> RequestId {
        let now = self.parts.clock.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        RequestId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)).to_string())
    }

    fn millis_since(&self, began: Instant) -> u64 {
        let passed = self.parts.clock.instant().saturating_duration_since(began);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }
}

fn log_paste(id: &RequestId, routed: &Routed) {
    if let Routed::Refuse(refuse) = routed {
        // As it is, for whoever copies it: the table has escaped what came from outside.
        let paste = refuse.paste.as_deref().map(tracing::field::display);
        tracing::warn!(request.id = %id, app = %refuse.app_key, paste, "refused: {}", refuse.reason);
    }
}

fn why(error: &ErrorAnswer) -> &str {
    match error {
        ErrorAnswer::BadRequest { message } => message,
        ErrorAnswer::Unauthorized => "credential",
        ErrorAnswer::TooSlow => "too slow",
        ErrorAnswer::TooLarge { .. } => "too large",
        ErrorAnswer::Overloaded { .. } => "overloaded",
    }
}

fn outcome(answer: &Answer, kind: Kind) -> &'static str {
    match (answer, kind) {
        (_, Kind::Test) => "test",
        (Answer::Positive, Kind::Run(_)) => "positive",
        (Answer::Negative { .. }, Kind::Run(_)) => "negative",
    }
}

/// Tells people apart in logs without naming them.
fn short_hash(subject: &SubjectKey) -> String {
    digest(subject.as_str().as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// What a probe is told: no details.
pub(crate) fn probe(method: &Method, is_well: bool) -> Response<Body> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return not_allowed("GET, HEAD");
    }
    let (status, text) =
        if is_well { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn not_allowed(allow: &'static str) -> Response<Body> {
    let mut response =
        refused(StatusCode::METHOD_NOT_ALLOWED, "use another method here: see the Allow header");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

fn refused(status: StatusCode, message: &str) -> Response<Body> {
    response(
        Reply { status: status.as_u16(), body: Some(json!({ "message": message })), retry_after: None },
        None,
    )
}

fn response<B: Default + From<String>>(reply: Reply, id: Option<&RequestId>) -> Response<B> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(&id.0).ok()) {
        headers.insert(REQUEST_ID_HEADER, id);
    }
    if let Some(seconds) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    let body = match reply.body {
        Some(body) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            B::from(body.to_string())
        }
        None => B::default(),
    };
    let mut response = Response::new(body);
    // Statuses of answers are constants; the fallback cannot happen.
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
